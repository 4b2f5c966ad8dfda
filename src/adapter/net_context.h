// What all parts of one net share: who it is, its counters, its log, and what still has to close.
//
// Invariants
//  1. parts_open counts the listener, links and connections that libuv still knows; the last one to
//     go, once `closing` is set, calls `all_closed`, which may free the context.
//  2. At most LOG_LINES_BURST lines at once and one more each second are logged; the rest is
//     counted.
//  3. `outlets` are the links that have a connection, outlet_count, at most `outlets_max`; the one
//     that carried nothing for longest comes first.
#ifndef BRUSIO_ADAPTER_NET_CONTEXT_H
#define BRUSIO_ADAPTER_NET_CONTEXT_H

#include "adapter/net_tcp.h"
#include "base/list.h"
#include "base/log.h"
#include "base/random.h"

#include <uv.h>

struct net_context {
    uv_loop_t *loop;
    uint64_t store_id;
    struct slice key;
    net_receive *receive;
    void *receive_context;
    struct rng rng; // spreads retries in time; secrets do not come from it
    struct net_tcp_counters counters;
    uint64_t turn;        // of the loop
    unsigned bulk_inlets; // proven ones, which share what is read of bulk in a turn
    unsigned inlets_max;
    unsigned outlets_max;
    unsigned outlet_count;
    struct list outlets; // of struct net_link

    uint64_t log_lines_left;
    uint64_t log_refilled_ms;
    uint64_t log_left_out;

    uint64_t parts_open;
    bool closing;
    void (*all_closed)(struct net_context *context);
};

void net_context_init(struct net_context *context, uv_loop_t *loop);

// A part begins, and ends: after net_context_part_ended the context may be gone.
void net_context_part_begun(struct net_context *context);
void net_context_part_ended(struct net_context *context);

// Logs, or counts the line as left out.
void net_context_log(struct net_context *context, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
