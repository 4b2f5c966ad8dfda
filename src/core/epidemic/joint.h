// What the contexts of several headers cover together: their join, and how many of them reach each
// number of it, so that one sees what a header adds to the others.
//
// Promise: exact, in time by the number of entries and not by that of pairs of headers, whatever
// origins and numbers a peer made up. Up to JOINT_FEW entries nothing is allocated.
//
// Invariants (once sealed)
//  1. Origins rise strictly; an origin's number is the greatest that was added.
//  2. At least one of the contexts that are still in it reaches each number.
#ifndef BRUSIO_CORE_EPIDEMIC_JOINT_H
#define BRUSIO_CORE_EPIDEMIC_JOINT_H

#include "core/epidemic/context.h"

#define JOINT_FEW 64u

struct reach {
    struct dot dot;
    uint32_t headers; // how many cover it, and none more of its origin
};

struct joint {
    struct reach *list; // owned, unless it is `few`
    uint32_t count;
    uint32_t capacity;
    struct reach few[JOINT_FEW];
};

// `entries`: how many all contexts have that will be added, together. Not to be copied or moved
// until joint_release, as it points into itself.
void joint_init(struct joint *joint, uint32_t entries);
void joint_release(struct joint *joint);

void joint_add(struct joint *joint, const struct context *context);
// After the last one was added; what follows needs it.
void joint_seal(struct joint *joint);

bool joint_covers(const struct joint *joint, struct dot dot);
// Whether what is left covers all that `context` does once that, which was added, is taken out.
bool joint_spares(const struct joint *joint, const struct context *context);
// Takes out a context that was added and that joint_spares spares: so the join stays what it is.
void joint_remove(struct joint *joint, const struct context *context);

#endif
