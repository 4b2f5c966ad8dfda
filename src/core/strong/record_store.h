// Where a strong keyspace's records are in the store, and how they are read.
//
// A record's key is (keyspace id, slot, key), so that a slot is one range.
#ifndef BRUSIO_CORE_STRONG_RECORD_STORE_H
#define BRUSIO_CORE_STRONG_RECORD_STORE_H

#include "model/record.h"
#include "model/slot.h"
#include "port/store.h"

#define STORE_KEY_PREFIX_BYTES 6

struct store_key {
    // and one to name the place just after a key
    uint8_t bytes[STORE_KEY_PREFIX_BYTES + KEY_BYTES_MAX + 1];
    size_t length;
};

// `key` at most KEY_BYTES_MAX bytes (checked); an empty one gives the slot's beginning. `slot`
// SLOTS gives the keyspace's end.
void store_key_make(struct store_key *out, uint32_t keyspace, unsigned slot, struct slice key);

static inline struct slice store_key_slice(const struct store_key *key)
{
    return slice_of(key->bytes, key->length);
}

// Takes a store key apart; false when it is none.
bool store_key_parse(struct slice bytes, uint32_t *keyspace, uint16_t *slot, struct slice *key);

// ERR_NOT_FOUND when there is no record, ERR_CORRUPT when its bytes are damaged. `out->value`
// borrows from the store, as store_ops.get says.
WARN_UNUSED enum err record_store_get(const struct store *store, uint32_t keyspace, uint16_t slot,
                                      struct slice key, struct record *out);

// Called for each record of a scan, in order of keys. Returning false ends it.
typedef bool record_visit(void *context, struct slice key, const struct record *record);

// Visits the records of a slot whose keys are at least `from`. Damaged ones give ERR_CORRUPT, at
// the end.
WARN_UNUSED enum err record_store_scan(const struct store *store, uint32_t keyspace, uint16_t slot,
                                       struct slice from, record_visit *visit, void *context);

#endif
