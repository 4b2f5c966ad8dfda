// What a run of the simulator has met: messages that arrived, steps of the map, faults, outcomes.
//
// Promise: counts of several runs add up. What a range of seeds never met can be named, so that a
// simulator that stops exercising something is noticed.
//
// It only counts: nothing here decides what a run does.
#ifndef BRUSIO_SIM_COVERAGE_H
#define BRUSIO_SIM_COVERAGE_H

#include "model/cluster_map.h"
#include "sim/fault_plan.h"
#include "wire/message.h"

#include <stdio.h>

// What is of interest beside messages and faults. Slots are those of the workload's keys.
#define COVERAGE_TABLE(X)                                                                          \
    X(NODE_ADMITTED, "map: a node is admitted")                                                    \
    X(INCARNATION, "map: a new incarnation is admitted")                                           \
    X(NODE_FAILED, "map: a node fails by a drill")                                                 \
    X(NODE_RECOVERED, "map: a node recovers from a drill")                                         \
    X(NODE_DOWN, "map: a node is taken down")                                                      \
    X(NODE_UP, "map: a node is up again")                                                          \
    X(NODE_REMOVED, "map: a node is removed")                                                      \
    X(VOTERS, "map: the voters change")                                                            \
    X(STRATEGY, "map: a keyspace has another strategy or factor")                                  \
    X(NOTHING, "map: a step that changes no replica of a key")                                     \
    X(JOIN_BEGUN, "map: a join of a slot begins")                                                  \
    X(JOIN_SECOND, "map: several join a slot at once")                                             \
    X(JOIN_GIVEN_UP, "map: a joiner is dropped")                                                   \
    X(PROMOTED, "map: a joiner is in sync")                                                        \
    X(DROPPED_LIVE, "map: a live replica leaves a slot")                                           \
    X(SHRUNK, "map: a replica that is not live leaves a slot")                                     \
    X(PRIMARY_MOVED, "map: another primary")                                                       \
    X(PRIMARY_LOST, "map: a slot has no live replica left")                                        \
    X(PRIMARY_FOUND, "map: a slot has a live replica again")                                       \
    X(TAKEOVER_RECORDS, "a takeover with records in flight")                                       \
    X(RECORD_SENT_AGAIN, "a record of an older epoch is sent again")                               \
    X(CERTIFICATE, "a death certificate is replicated")                                            \
    X(SYNC_SENT, "a joiner is sent records")                                                       \
    X(NODE_STARTED_AGAIN, "a node starts again over what it had")                                  \
    X(SUSPECT_ADMITTED, "a node serves again that lost some of what it had")                       \
    X(NODE_WENT_ON, "a stopped node goes on")                                                      \
    X(OUTCOME_DONE, "client: done")                                                                \
    X(OUTCOME_MISMATCH, "client: a condition did not hold")                                        \
    X(OUTCOME_REFUSED, "client: refused")                                                          \
    X(OUTCOME_UNKNOWN, "client: outcome unknown")

enum coverage_kind {
#define X(name, text) COVERAGE_##name,
    COVERAGE_TABLE(X)
#undef X
        COVERAGE_KIND_COUNT
};

struct coverage {
    uint64_t kinds[COVERAGE_KIND_COUNT];
    uint64_t messages[MESSAGE_KIND_COUNT]; // that arrived
    uint64_t faults[FAULT_KIND_COUNT];     // that took effect
};

static inline void coverage_met(struct coverage *coverage, enum coverage_kind kind)
{
    coverage->kinds[kind]++;
}

void coverage_add(struct coverage *to, const struct coverage *from);

// Counts a message that arrived.
void coverage_of_message(struct coverage *coverage, const struct message *message);

// Counts what changed from one map to a later one, for slots of the first keyspace.
void coverage_of_step(struct coverage *coverage, const struct cluster_map *before,
                      const struct cluster_map *after, const uint16_t *slots, unsigned slot_count);

// Writes every kind and its count; returns how many were never met, naming them last. Messages of
// optimistic keyspaces are counted, but need not be met.
unsigned coverage_print(const struct coverage *coverage, FILE *out);

#endif
