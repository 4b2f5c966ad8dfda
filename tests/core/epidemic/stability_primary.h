// A primary that makes stability records, without a store.
#ifndef BRUSIO_TESTS_CORE_EPIDEMIC_STABILITY_PRIMARY_H
#define BRUSIO_TESTS_CORE_EPIDEMIC_STABILITY_PRIMARY_H

#include "core/epidemic/stability.h"
#include "know.h"
#include "operation_sample.h"

#define PRIMARY_RETENTION_MS 1000u
#define PRIMARY_RETENTION_US (UINT64_C(1000) * PRIMARY_RETENTION_MS)

// A primary, and what it stands on: only what a maker looks at of a space.
struct primary {
    struct stability_maker maker;
    struct space space;
    struct knowledge durable;
    struct signing_secret secret;
    struct signing_key key;
    struct stability_moment moment;
    const struct stability_record *record;
};

// In epoch 4, holding the lease; it goes on from `newest`, or NULL.
void primary_init(struct primary *primary, node_id node, const struct stability_record *newest);
void primary_release(struct primary *primary);

// Whether it had something to say, which is then well signed (asserted) and in `record`.
bool primary_speaks(struct primary *primary);

#endif
