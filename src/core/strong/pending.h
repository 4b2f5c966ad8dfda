// Clients' requests that wait at a replica: for a commit, a takeover, or the next map.
//
// Invariants
//  1. Every pending is in the list of all, oldest first, and in at most one queue.
//  2. A pending that is `decided` has its answer, which rests on a record that is not committed
//     yet; if that record is lost from sight, the outcome is unknown. An undecided one has had no
//     effect.
#ifndef BRUSIO_CORE_STRONG_PENDING_H
#define BRUSIO_CORE_STRONG_PENDING_H

#include "base/list.h"
#include "model/request.h"

struct pending {
    struct list link;
    struct list age_link;
    uint64_t handle;
    uint64_t since_us;
    bool decided;
    bool wrote;             // decided by a record of its own
    size_t byte_count;      // of `bytes`
    struct reply reply;     // when decided; holds no slices
    struct request request; // when undecided; slices borrow from `bytes`
    uint8_t bytes[];
};

struct pendings {
    struct list by_age;
    size_t count;
    size_t bytes;
};

void pendings_init(struct pendings *pendings);

// Copies what the request borrows. In no queue yet.
struct pending *pendings_add(struct pendings *pendings, uint64_t handle,
                             const struct request *request, uint64_t now_us);

// Without a request: decided, with this answer.
struct pending *pendings_add_decided(struct pendings *pendings, uint64_t handle,
                                     const struct reply *reply, bool wrote, uint64_t now_us);

// Decides one that waited undecided.
void pending_decide(struct pending *pending, const struct reply *reply, bool wrote);

// Takes it off every list; it counts no more, and is the caller's, to be given to free().
void pendings_detach(struct pendings *pendings, struct pending *pending);

// Detaches it and frees it.
void pendings_remove(struct pendings *pendings, struct pending *pending);

// The oldest, NULL when there is none.
struct pending *pendings_oldest(const struct pendings *pendings);

#endif
