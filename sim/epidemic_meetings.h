// Meetings, again and again: all have some versions; a part goes away, the others delete, and drop
// their certificates once these are under the horizon; then all meet over a slow net, and one of
// them has nothing at all.
//
// It draws who and when, and does nothing else by chance: what a mix of faults hardly ever brings
// together (rules R12 and R13) happens here every time.
#ifndef BRUSIO_SIM_EPIDEMIC_MEETINGS_H
#define BRUSIO_SIM_EPIDEMIC_MEETINGS_H

#include <stdbool.h>
#include <stdint.h>

struct epidemic_faults;

enum epidemic_meeting_step {
    MEETING_WRITE,
    MEETING_PART,
    MEETING_DELETE,
    MEETING_DROP,
    MEETING_MEET
};

struct epidemic_meetings {
    struct epidemic_faults *faults;
    enum epidemic_meeting_step step; // the next one
    uint64_t event;
    uint32_t looks; // whether all is under the horizon
    bool *is_away;  // owned, by peer
};

void epidemic_meetings_start(struct epidemic_meetings *meetings, struct epidemic_faults *faults);
// Everybody is back. Does nothing when it was never started.
void epidemic_meetings_stop(struct epidemic_meetings *meetings);

#endif
