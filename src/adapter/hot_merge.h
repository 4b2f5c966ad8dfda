// A scan of a store into which the entries of the hot table in front of it are merged.
//
// Promise: pairs are visited in byte order of keys, each key once; where both have a key, what the
// hot table says of it counts.
//
// It changes neither.
#ifndef BRUSIO_ADAPTER_HOT_MERGE_H
#define BRUSIO_ADAPTER_HOT_MERGE_H

#include "adapter/hot_table.h"

struct hot_range {
    enum store_table table;
    struct slice first;
    struct slice end;    // empty: to the table's end
    struct slice hidden; // a key of `base` that is never shown; empty: none
};

// As scan of port/store.h.
WARN_UNUSED enum err hot_merge_scan(const struct hot_table *hot, const struct store *base,
                                    const struct hot_range *range, store_visit *visit,
                                    void *context);

#endif
