// Virtual time: what happens next in a simulation.
//
// Promise
//  1. Events run in order of their time; those of one time in the order in which they were added.
//  2. The time is that of the event that runs. It never goes back, and nothing but the timeline
//     moves it.
//
// Invariants
//  1. Every waiting event has a slot and one place in the heap, and each of these knows the other.
//  2. No waiting event lies in the past.
//
// It does not own what its events point to: who frees that cancels the event first.
#ifndef BRUSIO_SIM_TIMELINE_H
#define BRUSIO_SIM_TIMELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TIMELINE_EVENTS_MAX (1u << 22)

// More events than this at one instant are a simulation that has stopped advancing (checked).
#define TIMELINE_INSTANT_EVENTS_MAX (1u << 22)

// What no event is called.
#define TIMELINE_NO_EVENT UINT64_C(0)

struct timeline;

typedef void timeline_call(void *context, void *argument);

// Gives a timeline at time 0, to be ended by timeline_free, which runs nothing that still waits.
struct timeline *timeline_new(void);
void timeline_free(struct timeline *timeline);

// Microseconds since the simulation began.
uint64_t timeline_now_us(const struct timeline *timeline);

// `call(context, argument)` will run at `at_us`, or now when that has passed, never from inside
// this call. Gives the event's name. More than TIMELINE_EVENTS_MAX waiting ones are a mistake
// (checked).
uint64_t timeline_add(struct timeline *timeline, uint64_t at_us, timeline_call *call, void *context,
                      void *argument);

// Takes a waiting event out; one that ran or was cancelled, and TIMELINE_NO_EVENT, are ignored.
void timeline_cancel(struct timeline *timeline, uint64_t event);

// Runs the next event; false when none waits.
bool timeline_step(struct timeline *timeline);

// Runs every event up to and including `until_us`, then stands at `until_us`.
void timeline_run_until(struct timeline *timeline, uint64_t until_us);

// How many events wait, and how many have run.
size_t timeline_waiting(const struct timeline *timeline);
uint64_t timeline_steps(const struct timeline *timeline);

// Checks the invariants (all of them: for tests).
void timeline_invariants(const struct timeline *timeline);

#endif
