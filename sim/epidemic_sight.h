// What one peer shows of one key, and whether it may.
//
// Promise: a peer that shows what the oracle does not allow is found out at that look:
//  - a version that nobody wrote, or with another value, stamp or id than it was written with;
//  - a version that an operation covers which the peer knows, or whose header it has (rule R9);
//  - no version where one is known that none of these covers, unless it is under the horizon and
//    was replaced (rule R13b: it may be dropped before its coverer is known);
//  - a version that it did not show before, knowing what covers it: what is gone never comes back.
//
// It walks no store and reads no peer: the caller gathers.
#ifndef BRUSIO_SIM_EPIDEMIC_SIGHT_H
#define BRUSIO_SIM_EPIDEMIC_SIGHT_H

#include "core/epidemic/space.h"
#include "sim/epidemic_oracle.h"

#define EPIDEMIC_SIGHT_VERSIONS_MAX 1024u
#define EPIDEMIC_SIGHT_TEXT_BYTES 192u

// What a peer did not show, knowing what covers it: by number of operation, one bit each.
struct epidemic_marks {
    uint64_t *words; // owned
    uint32_t count;  // of words
};

void epidemic_marks_release(struct epidemic_marks *marks);
void epidemic_marks_copy(struct epidemic_marks *to, const struct epidemic_marks *from);
void epidemic_marks_clear(struct epidemic_marks *marks);
bool epidemic_marks_have(const struct epidemic_marks *marks, uint32_t number);
void epidemic_marks_set(struct epidemic_marks *marks, uint32_t number);

struct epidemic_shown {
    struct dot dot;
    struct sha256 id;
    struct stamp stamp;
    uint64_t value_hash;
    uint64_t expiry_ms;
    bool is_stable;
};

struct epidemic_shown epidemic_shown_of(const struct space_version *version);

// Of one key at one moment, in the order in which it was shown.
struct epidemic_sight {
    uint32_t key;
    const struct knowledge *known;
    const struct knowledge *strays; // headers that are stored and not known: they cover, too
    const struct knowledge *stable;
    struct epidemic_shown list[EPIDEMIC_SIGHT_VERSIONS_MAX];
    uint32_t count;
};

// The key as a peer's space has it, with what has expired. ERR_CORRUPT, ERR_IO of its store.
WARN_UNUSED enum err epidemic_sight_take(struct space *space, struct slice name, uint32_t key,
                                         struct epidemic_sight *out);

// Leaves what readers see at that time.
void epidemic_sight_expire(struct epidemic_sight *sight, uint64_t utc_ms);

enum epidemic_rigor {
    EPIDEMIC_RIGOR_FULL,
    EPIDEMIC_RIGOR_WRITTEN // some store was damaged: only that what is shown was written
};

// NULL when all is well; otherwise what is wrong, written to `text`. Marks what is gone.
const char *epidemic_sight_judge(const struct epidemic_oracle *oracle,
                                 const struct epidemic_sight *sight, enum epidemic_rigor rigor,
                                 struct epidemic_marks *marks,
                                 char text[EPIDEMIC_SIGHT_TEXT_BYTES]);

// The same of the one version that is shown under SPACE_STABLE: it is stable, and what was shown so
// before does not cover it. Marks what it covers. (That nothing stable covers it cannot be asked:
// headers that others have tidied away never come.)
const char *epidemic_sight_judge_stable(const struct epidemic_oracle *oracle,
                                        const struct epidemic_sight *sight,
                                        const struct epidemic_shown *shown,
                                        struct epidemic_marks *marks,
                                        char text[EPIDEMIC_SIGHT_TEXT_BYTES]);

#endif
