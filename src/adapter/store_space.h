// What is left of a store on disk, and what writes that wait may take of it.
//
// LMDB copies each page that it changes, so that even a delete needs free pages, and gives the
// former ones back two transactions later. Writes are therefore weighed by the pages that they may
// touch, not by their bytes, and a reserve is kept from what users add.
//
// Promise
//  1. store_space_need is not less than what one transaction with that load takes, when its values
//     find runs of free pages that are long enough.
//
// It measures nothing: store_writer does.
#ifndef BRUSIO_ADAPTER_STORE_SPACE_H
#define BRUSIO_ADAPTER_STORE_SPACE_H

#include "port/store.h"

// The reserve is one part in STORE_RESERVE_SHARE of the store's size limit, and not more than the
// latter two, in the store and on the file system. Less than a quarter of it is none.
#define STORE_RESERVE_SHARE 4u
#define STORE_RESERVE_BYTES_MAX (UINT64_C(4) << 30)
#define STORE_RESERVE_DISK_BYTES_MAX (UINT64_C(64) << 20)
#define STORE_RESERVE_NONE_SHARE 4u

// LMDB's file may be so much larger than the limit, one part in this many, for free pages may lie
// too scattered for a large value.
#define STORE_SLACK_SHARE 4u

// Larger values count as large: under half a page less a key, LMDB may keep one beside its key.
#define STORE_LARGE_VALUE_BYTES 1024u

// A node's head, its place in the page, and the checksum.
#define STORE_OP_BYTES 24u

// Operations that wait to be written.
struct store_load {
    uint64_t ops;
    uint64_t small_bytes; // keys, and values that lie beside their key in a leaf
    uint64_t large;       // values that take pages of their own
    uint64_t large_bytes;
};

struct store_space {
    uint64_t size_bytes_max;
    uint64_t page_bytes;
    uint64_t used_bytes; // pages in use
    uint64_t leaf_pages;
    uint64_t disk_free_bytes;
};

// A store without limits.
struct store_space store_space_endless(void);

static inline struct store_load store_load_of(size_t key_bytes, size_t value_bytes)
{
    bool large = value_bytes > STORE_LARGE_VALUE_BYTES;
    return (struct store_load){.ops = 1,
                               .small_bytes =
                                   STORE_OP_BYTES + key_bytes + (large ? 0 : value_bytes),
                               .large = large,
                               .large_bytes = large ? value_bytes : 0};
}

static inline void store_load_join(struct store_load *load, const struct store_load *other)
{
    load->ops += other->ops;
    load->small_bytes += other->small_bytes;
    load->large += other->large;
    load->large_bytes += other->large_bytes;
}

// Takes back what was joined before.
static inline void store_load_part(struct store_load *load, const struct store_load *other)
{
    load->ops -= other->ops;
    load->small_bytes -= other->small_bytes;
    load->large -= other->large;
    load->large_bytes -= other->large_bytes;
}

// Up to the limit, and up to where writing fails: the latter has the slack too.
uint64_t store_space_free(const struct store_space *space);
uint64_t store_space_left(const struct store_space *space);

// The bytes of pages that `load` may take in one transaction.
uint64_t store_space_need(const struct store_space *space, const struct store_load *load);

// What is left behind `load`.
enum store_room store_space_room(const struct store_space *space, const struct store_load *load);

#endif
