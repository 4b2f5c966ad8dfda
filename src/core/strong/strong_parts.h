// What the files of core/strong share and nobody else needs.
#ifndef BRUSIO_CORE_STRONG_STRONG_PARTS_H
#define BRUSIO_CORE_STRONG_STRONG_PARTS_H

#include "core/strong/record_store.h"
#include "core/strong/strong.h"

// Records in one message: a part that is full, and one of the largest.
#define MESSAGE_RECORDS_BYTES_MAX (14u << 20)

// The replicas of a slot in the newest map; NULL when the keyspace is not there.
const struct replica_set *strong_slot(const struct strong *strong, uint32_t keyspace,
                                      uint16_t slot);
uint64_t strong_epoch(const struct strong *strong);
bool strong_is_primary(const struct strong *strong, const struct replica_set *set);

// Answers a pending and forgets it.
void strong_answer(struct strong *strong, struct effects *effects, struct pending *pending,
                   const struct reply *reply);
void strong_answer_error(struct strong *strong, struct effects *effects, struct pending *pending,
                         enum err error);

// --- primary.c

// Orders a put or delete at this primary, or queues it behind the key's flight, or parks it.
void primary_request(struct strong *strong, struct effects *effects, uint64_t now_us,
                     uint64_t handle, const struct request *request);
// Orders what waited for one key, in turn, as one record; parks it all when this is no primary that
// may order. Takes the pendings off `queue`.
void primary_run_queue(struct strong *strong, struct effects *effects, uint64_t now_us,
                       struct list *queue);
// Sends INV for a flight to those who have not acknowledged it in this epoch.
void primary_send_inv(struct strong *strong, struct effects *effects, struct flight *flight,
                      uint64_t now_us);
// Makes this node collect ACKs for a flight in the current epoch, from nothing.
void primary_adopt(struct strong *strong, struct effects *effects, struct flight *flight,
                   uint64_t now_us);
// Commits the flight if it may.
void primary_try_commit(struct strong *strong, struct effects *effects, struct flight *flight,
                        uint64_t now_us);
void primary_on_ack(struct strong *strong, struct effects *effects, uint64_t now_us, node_id from,
                    const struct message_ack *ack);
void primary_on_check(struct strong *strong, struct effects *effects, node_id from,
                      const struct message_check *check);

// --- backup.c

void backup_on_inv(struct strong *strong, struct effects *effects, uint64_t now_us, node_id from,
                   const struct message_inv *inv);
void backup_on_val(struct strong *strong, struct effects *effects, uint64_t now_us, node_id from,
                   const struct message_val *val);
void backup_send_ack(struct strong *strong, struct effects *effects, const struct flight *flight);
void backup_send_check(struct strong *strong, struct effects *effects, struct flight *flight,
                       uint64_t now_us);

// --- commit.c

// The flight is committed: answers what rested on it and what waited for it, and ends it once
// persisted.
void commit_flight(struct strong *strong, struct effects *effects, struct flight *flight,
                   uint64_t now_us);
// Ends a flight without a verdict: its writers' outcome is unknown, whoever waits is to ask again.
void abandon_flight(struct strong *strong, struct effects *effects, struct flight *flight);
void abandon_writers(struct strong *strong, struct effects *effects, struct flight *flight);
// The flight's queued write is durable: acknowledges, commits or ends it.
void persisted_flight(struct strong *strong, struct effects *effects, struct flight *flight,
                      uint64_t now_us);

// --- takeover.c

void takeover_begin(struct strong *strong, struct effects *effects, uint64_t now_us);
void takeover_tick(struct strong *strong, struct effects *effects, uint64_t now_us);
void takeover_on_want(struct strong *strong, struct effects *effects, node_id from,
                      const struct message_takeover_want *want);
void takeover_on_records(struct strong *strong, struct effects *effects, uint64_t now_us,
                         node_id from, const struct message_takeover *takeover);

// --- joiner.c and authority.c

struct joiner *joiner_new(void);
void joiner_free(struct joiner *joiner);
void joiner_on_map(struct strong *strong, struct effects *effects);
void joiner_tick(struct strong *strong, struct effects *effects, uint64_t now_us);
void joiner_on_durable(struct strong *strong, struct effects *effects, uint64_t now_us,
                       uint64_t token);
void joiner_on_symbols(struct strong *strong, struct effects *effects, uint64_t now_us,
                       const struct message_sync_symbols *symbols);
void joiner_on_records(struct strong *strong, struct effects *effects, uint64_t now_us,
                       const struct message_sync_records *records);
void joiner_wants(const struct strong *strong, struct wants *out);

struct authorities *authorities_new(void);
void authorities_free(struct authorities *authorities);
void authorities_on_map(struct strong *strong);
void authority_on_open(struct strong *strong, struct effects *effects, node_id from,
                       const struct message_sync_open *open);
void authority_on_more(struct strong *strong, struct effects *effects, node_id from,
                       const struct message_sync_more *more);
void authority_on_fetch(struct strong *strong, struct effects *effects, node_id from,
                        const struct message_sync_fetch *fetch);

// --- sweep.c

void sweep_add(struct strong *strong, uint32_t keyspace, unsigned slot);
void sweep_tick(struct strong *strong, struct effects *effects, uint64_t now_us);

// --- prefix.c

// The newest map names this process `self`: notes the slots that it is listed for.
void prefix_on_map(struct strong *strong, struct effects *effects, node_id self);
// Certificates of up to this stamp were swept from a slot.
void prefix_on_swept(const struct strong *strong, struct effects *effects, uint32_t keyspace,
                     uint16_t slot, struct stamp greatest);
// The counter of the greatest stamp that the store has noted of a slot; 0: none.
uint64_t prefix_swept(const struct store *store, uint32_t keyspace, uint16_t slot);
// Everything was swept from a slot.
void prefix_forget(struct effects *effects, uint32_t keyspace, uint16_t slot);

// --- listing.c

void listing_request(struct strong *strong, struct effects *effects, uint64_t now_us,
                     uint64_t handle, const struct request *request);

#endif
