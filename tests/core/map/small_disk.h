// A few named values that stand for a voter store: batches of effects wait until they are synced, a
// crash loses those that were not.
#ifndef BRUSIO_TESTS_CORE_MAP_SMALL_DISK_H
#define BRUSIO_TESTS_CORE_MAP_SMALL_DISK_H

#include "core/effect/effects.h"

#define DISK_NAMES_MAX 4
#define DISK_BATCHES_MAX 64

struct disk_value {
    char name[16];
    struct buf bytes;
};

struct disk_batch {
    struct disk_value values[DISK_NAMES_MAX];
    unsigned value_count;
    uint64_t token;
};

struct small_disk {
    struct disk_value values[DISK_NAMES_MAX]; // synced
    unsigned value_count;
    struct disk_batch batches[DISK_BATCHES_MAX]; // a ring
    unsigned batch_first;
    unsigned batch_count;
    uint64_t token; // the newest that was handed over
};

void small_disk_init(struct small_disk *disk);
void small_disk_release(struct small_disk *disk);

// Hands over the voter writes of `effects` as one batch, when there are any or a token was taken.
void small_disk_hand_over(struct small_disk *disk, const struct effects *effects);

// Syncs the oldest batch; its token, 0 when none waits.
uint64_t small_disk_sync(struct small_disk *disk);

// Loses all that waits, but for the oldest `kept` batches: those were synced and nobody was told.
void small_disk_crash(struct small_disk *disk, unsigned kept);

// Synced at once.
void small_disk_apply(struct small_disk *disk, const struct effects *effects);

// Borrowed from the disk, NULL when nothing of that name was synced.
struct buf *small_disk_value(struct small_disk *disk, const char *name);

// Reads what is synced. Only `get` may be used.
struct store small_disk_store(struct small_disk *disk);

#endif
