// Records in flight: ordered or received, and not yet known to be committed and persisted here.
//
// Promise: a key that has no flight is valid, and its record in the store is the newest committed
// one (or a leftover that a joiner's sync has yet to replace); a key that has one is invalid until
// the flight commits.
//
// Invariants
//  1. One flight for a key. Its record replaces what the store has.
//  2. Mark, then persist, then ACK: the flight is in the table before its write is queued, and the
//     write carries the in-flight mark in the same batch.
//  3. A flight ends only when it is persisted and committed, or when this node stops being a
//     replica of its slot. `kept` flights have ended, and only remember that this joiner got the
//     key since its join.
//  4. `ordered` holds only at the primary of the flight's slot, in the epoch that the flight names.
#ifndef BRUSIO_CORE_STRONG_FLIGHT_H
#define BRUSIO_CORE_STRONG_FLIGHT_H

#include "base/list.h"
#include "base/table.h"
#include "core/effect/effects.h"
#include "model/node_set.h"

struct flight {
    struct table_node node;
    struct list persist_link; // flights whose write is queued, by token
    struct list age_link;     // all flights but kept ones, by `touched_us`
    struct list writers;      // pending: answered when this record commits
    struct list waiting;      // pending: looked at when this record commits
    uint32_t keyspace;
    uint16_t slot;
    bool persisted;
    bool committed;
    bool ordered;  // this node collects the ACKs
    bool ack_owed; // to the primary, once persisted
    bool kept;
    uint64_t epoch;      // in which the INV was taken or sent
    uint64_t token;      // of the queued write
    uint64_t touched_us; // last INV or CHECK sent for it
    uint64_t adopted_us; // when this primary began to collect ACKs in this epoch
    node_set acked;
    uint8_t *record_bytes;
    size_t record_length;
    struct record record; // its value borrows from record_bytes
    size_t key_length;
    uint8_t key[];
};

struct flights {
    struct table table;
    struct list persisting;
    struct list by_age;
    uint64_t bytes; // of keys and records
    size_t kept_count;
};

void flights_init(struct flights *flights);
// Frees every flight; no pending may be left in one (checked).
void flights_release(struct flights *flights);

static inline struct slice flight_key(const struct flight *flight)
{
    return slice_of(flight->key, flight->key_length);
}

// NULL when the key has none; kept ones are found too.
struct flight *flights_find(const struct flights *flights, uint32_t keyspace, struct slice key);

// A new flight for a key that has none, with no record yet. `now_us` is its age.
struct flight *flights_add(struct flights *flights, uint32_t keyspace, uint16_t slot,
                           struct slice key, uint64_t now_us);

// Gives the flight a (copied) record, and queues the write of record and mark.
void flight_write(struct flights *flights, struct effects *effects, struct flight *flight,
                  const struct record *record);

// Gives the flight the record that the store already holds, with its mark.
void flight_restore(struct flights *flights, struct flight *flight, const struct record *record);

// Marks it as just sent or asked for.
void flight_touch(struct flights *flights, struct flight *flight, uint64_t now_us);

// The first flight whose queued write is covered by `token`, taken off the queue and marked
// persisted; NULL when there is none.
struct flight *flights_next_persisted(struct flights *flights, uint64_t token);

// Ends a flight that has no pending left: clears its mark (lazily, with the next batch) and frees
// it.
void flight_end(struct flights *flights, struct effects *effects, struct flight *flight);

// Like flight_end, but stays in the table as `kept`, without its record's value.
void flight_keep(struct flights *flights, struct effects *effects, struct flight *flight);

// For going through all: flights_next(NULL) is the first. The one that was passed may be ended.
struct flight *flights_next(const struct flights *flights, const struct flight *flight);

void flights_invariants(const struct flights *flights);

#endif
