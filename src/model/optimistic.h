// An optimistic keyspace, as the cluster map describes it: who makes its operations stable, and the
// paces at which its peers exchange them. Or a family of such keyspaces, its channels.
//
// Promise: decoding any bytes gives a description that keeps every bound, or fails.
#ifndef BRUSIO_MODEL_OPTIMISTIC_H
#define BRUSIO_MODEL_OPTIMISTIC_H

#include "model/keyspace.h"
#include "model/node_set.h"

#define OPTIMISTIC_RUMOR_K_MAX 64u
// Of every pace and period; at least OPTIMISTIC_MS_MIN.
#define OPTIMISTIC_MS_MIN 20u
#define OPTIMISTIC_MS_MAX (UINT64_C(10) * 366 * 24 * 3600 * 1000)

struct optimistic {
    uint32_t id; // from the same numbers as those of other keyspaces
    char name[KEYSPACE_NAME_BYTES_MAX + 1];
    bool is_family;         // holds no keys itself, but channels, which come to be by being used
    bool is_signed;         // only operations that their authors signed count
    uint64_t secret;        // keys the digests; random
    node_id primary;        // makes operations stable; NODE_NONE when nobody can
    uint64_t primary_epoch; // the first map that named it
    uint32_t rumor_k;       // 1 to OPTIMISTIC_RUMOR_K_MAX
    uint64_t rumor_ms;
    uint64_t anti_entropy_ms;
    uint64_t audit_ms;
    uint64_t retention_ms;
    uint64_t stability_ms;
};

// With the paces that a keyspace has when nobody chose others; without id, name and secret.
struct optimistic optimistic_default(void);

// Whether name and paces keep their bounds.
bool optimistic_is_valid(const struct optimistic *optimistic);

void optimistic_encode(struct buf *out, const struct optimistic *optimistic);
// A bad one fails the cursor.
void optimistic_decode(struct cursor *in, struct optimistic *out);

#endif
