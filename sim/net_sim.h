// The net port for a whole cluster in virtual time.
//
// Promise
//  1. A message arrives whole, from the start of its memory to its end and no further, or not at
//     all. What was not flushed is never sent.
//  2. Without faults, messages between two attachments arrive once and, in each lane, in the order
//     of sending.
//  3. A message arrives only at the attachment that was there when it was flushed, and not after a
//     message of a newer attachment of its sender, as with connections (unless `outlives` says
//     otherwise).
//  4. The same calls with the same seed give the same deliveries at the same times.
//
// Invariants
//  1. Every message is in its sender's outbox or in flight, and is owned by this net.
//  2. At most NET_SIM_QUEUE_MAX messages are in flight from one store to another, and at most
//     NET_SIM_OUTBOX_MAX wait for a flush; more are dropped and counted.
//
// A node is reached at its address, if the store there is the one that is meant and the address can
// be reached at all. Otherwise, and by who has no route to it, it is reached only over a connection
// that it has made: from the first message of a lane that it brought to this attachment of the
// other one, until one of them is detached or what goes between them, either way, is cut.
//
// It knows nothing of what messages mean.
#ifndef BRUSIO_SIM_NET_SIM_H
#define BRUSIO_SIM_NET_SIM_H

#include "port/net.h"
#include "sim/delay.h"
#include "sim/timeline.h"

#define NET_SIM_QUEUE_MAX 16384
#define NET_SIM_OUTBOX_MAX (1u << 18)
#define NET_SIM_ADDRESS_BYTES_MAX 64 // with the closing NUL
#define NET_SIM_NODES_MAX 65536      // attachments over the whole simulation
#define NET_SIM_LINKS_MAX (1u << 24) // directed pairs of stores that ever spoke

struct net_sim_faults {
    struct delay delay;
    uint64_t lose_one_in;      // 0: never
    uint64_t duplicate_one_in; // 0: never
    bool reorder;              // messages of one pair overtake each other as their delays fall
    bool outlives; // messages to or from an earlier attachment of a store may still arrive
};

// What becomes of messages. A message is SENT once, when it is flushed; a duplicate is not SENT
// again.
#define NET_SIM_FATE_TABLE(X)                                                                      \
    X(SENT, "sent")                                                                                \
    X(DELIVERED, "delivered")                                                                      \
    X(DUPLICATED, "duplicated")                                                                    \
    X(LOST, "lost")                                                                                \
    X(BLOCKED, "blocked")         /* by net_sim_block, when sent or when due */                    \
    X(UNREACHABLE, "unreachable") /* no way, nobody there, or another store */                     \
    X(OVERFLOWN, "overflown")     /* past a maximum */                                             \
    X(GONE, "gone")               /* the sender or the receiver was detached meanwhile */

enum net_sim_fate {
#define X(name, text) NET_SIM_##name,
    NET_SIM_FATE_TABLE(X)
#undef X
        NET_SIM_FATE_COUNT
};

const char *net_sim_fate_name(enum net_sim_fate fate);

struct net_sim;

// Borrows the timeline. Gives a net to be ended by net_sim_free, after whatever uses its ports.
struct net_sim *net_sim_new(struct timeline *timeline, uint64_t seed,
                            const struct net_sim_faults *faults);
void net_sim_free(struct net_sim *net);

// For messages flushed from now on; `outlives` at once.
void net_sim_set_faults(struct net_sim *net, const struct net_sim_faults *faults);

// Puts a node at an address. Neither the store (not PEER_SEED) nor the address may be attached
// already (checked). The port is valid until net_sim_free, and after net_sim_detach does nothing.
struct net net_sim_attach(struct net_sim *net, uint64_t store_id, const char *address,
                          net_receive *receive, void *context);

// From now on nobody can connect to the node, or anybody again, until it is detached. The store
// must be attached (checked). What goes over connections that others have made to it counts as
// connecting.
void net_sim_set_unreachable(struct net_sim *net, uint64_t store_id, bool unreachable);

// Ends the connections between two stores, whoever made them; new ones are made as ever.
void net_sim_cut(struct net_sim *net, uint64_t one, uint64_t other);

// Takes a node away, with all that it did not flush. The store must be attached (checked).
void net_sim_detach(struct net_sim *net, uint64_t store_id);

// Cuts, or mends, what goes from one store to another. Cut messages in flight are dropped.
void net_sim_block(struct net_sim *net, uint64_t from, uint64_t to, bool blocked);
void net_sim_unblock_all(struct net_sim *net);

// `hold` is asked of every message flushed from now on (NULL: of none): how many microseconds it is
// late, beyond its delay and overtaken by those after it, or NET_SIM_HOLD_FOREVER for one that is
// lost. It must not call this net.
#define NET_SIM_HOLD_FOREVER UINT64_MAX
typedef uint64_t net_sim_hold(void *context, struct slice message);
void net_sim_set_hold(struct net_sim *net, net_sim_hold *hold, void *context);

uint64_t net_sim_count(const struct net_sim *net, enum net_sim_fate fate);

// Bytes of all messages that were sent.
uint64_t net_sim_bytes_sent(const struct net_sim *net);

// `watch` is told the fate of every message as it is counted (NULL: nobody is). `to` is PEER_SEED
// while it is not known who answers there. It must not call this net.
typedef void net_sim_watch(void *context, enum net_sim_fate fate, uint64_t from, uint64_t to,
                           struct slice message);
void net_sim_set_watch(struct net_sim *net, net_sim_watch *watch, void *context);

#endif
