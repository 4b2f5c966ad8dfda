// A data store in memory, whose batches become durable, and visible, when the test says so; and
// that can be copied, as somebody copies a disk.
//
// Promise: a batch is visible whole or not at all, in the order in which they were queued. It fails
// only where the test asks for it.
#ifndef BRUSIO_TESTS_CORE_EPIDEMIC_SPACE_DISK_H
#define BRUSIO_TESTS_CORE_EPIDEMIC_SPACE_DISK_H

#include "base/buf.h"
#include "port/store.h"

struct disk_pair {
    enum store_table table;
    uint32_t batch; // of a queued write; a removal has no value
    bool remove;
    size_t key_length;
    size_t value_length;
    uint8_t *bytes; // owned: key, then value
};

struct space_disk {
    struct disk_pair *pairs; // ascending by (table, key)
    size_t pair_count, pair_capacity;
    struct disk_pair *queue;
    size_t queue_count, queue_capacity;
    uint32_t batch; // the open one
    uint64_t gets;  // how often it was read
};

void space_disk_init(struct space_disk *disk);
void space_disk_release(struct space_disk *disk);

// Borrows `disk`. Only get and scan are there.
struct store space_disk_reader(struct space_disk *disk);

// Adds to the open batch, whose number is given by space_disk_commit.
void space_disk_queue(struct space_disk *disk, enum store_table table, bool remove,
                      struct slice key, struct slice value);
uint32_t space_disk_commit(struct space_disk *disk);

// Makes batches up to `batch` durable.
void space_disk_sync(struct space_disk *disk, uint32_t batch);
// Drops what is queued, as when the process dies.
void space_disk_lose(struct space_disk *disk);

// Makes `to` the durable part of `from`.
void space_disk_copy(struct space_disk *to, const struct space_disk *from);
bool space_disk_equal(const struct space_disk *a, const struct space_disk *b);
size_t space_disk_count(const struct space_disk *disk, enum store_table table);
// Durable at once, past the queue: to damage what is there.
void space_disk_put(struct space_disk *disk, enum store_table table, struct slice key,
                    struct slice value);
void space_disk_remove(struct space_disk *disk, enum store_table table, struct slice key);

static inline struct slice disk_pair_key(const struct disk_pair *pair)
{
    return slice_of(pair->bytes, pair->key_length);
}

static inline struct slice disk_pair_value(const struct disk_pair *pair)
{
    return slice_of(pair->bytes + pair->key_length, pair->value_length);
}

#endif
