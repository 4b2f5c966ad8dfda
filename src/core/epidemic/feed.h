// What changed of late: keys of which other versions are live than before, for readers who follow.
//
// Promise: a reader that comes back in time misses nothing; one that comes too late is told so, and
// reads everything again. What is kept is bounded: the oldest goes.
//
// Invariants
//  1. Numbers rise by one, from 1; the last FEED_CHANGES_MAX changes are kept.
#ifndef BRUSIO_CORE_EPIDEMIC_FEED_H
#define BRUSIO_CORE_EPIDEMIC_FEED_H

#include "base/buf.h"

#define FEED_CHANGES_MAX 4096u

struct feed_change {
    uint64_t number;
    uint64_t space;
    struct slice key; // borrowed from the feed until the next change
};

struct feed {
    struct feed_entry *ring; // owned; NULL until the first change
    uint64_t last;           // the number of the newest change, 0 before the first
};

void feed_init(struct feed *feed);
void feed_release(struct feed *feed);

void feed_add(struct feed *feed, uint64_t space, struct slice key);

// The first change after number `after` (at most feed->last). ERR_NOT_FOUND: there is none yet;
// ERR_TOO_LARGE: some are not kept any more.
WARN_UNUSED enum err feed_after(const struct feed *feed, uint64_t after, struct feed_change *out);

#endif
