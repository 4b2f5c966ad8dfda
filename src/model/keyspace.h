// A keyspace: a named set of keys with a mode, a placement and options.
#ifndef BRUSIO_MODEL_KEYSPACE_H
#define BRUSIO_MODEL_KEYSPACE_H

#include "base/buf.h"

#define KEYSPACE_NAME_BYTES_MAX 64
#define KEYSPACE_DEFAULT "default"

// How replicas of its slots are chosen: every member, or `replication_factor` of them by consistent
// hashing.
enum strategy { STRATEGY_FULL, STRATEGY_CONSISTENT, STRATEGY_COUNT };

struct keyspace {
    uint32_t id; // unique for ever in this cluster: one made again under an old name is another one
    char name[KEYSPACE_NAME_BYTES_MAX + 1];
    enum strategy strategy;
    uint8_t replication_factor; // 1 to NODES_MAX; what `consistent` uses, remembered under `full`
    uint8_t min_in_sync;        // writes need this many live replicas; at least 1
};

// "full" or "consistent".
const char *strategy_name(enum strategy strategy);
WARN_UNUSED enum err strategy_parse(struct slice name, enum strategy *out);

// 1 to KEYSPACE_NAME_BYTES_MAX bytes of a-z, 0-9, '-', '_', '.', '/', beginning and ending with a
// letter or digit.
bool keyspace_name_is_valid(struct slice name);

void keyspace_encode(struct buf *out, const struct keyspace *keyspace);
// Validates every field; a bad one fails the cursor.
void keyspace_decode(struct cursor *in, struct keyspace *out);

#endif
