#include "core/epidemic/feed.h"

#include "base/check.h"
#include "model/record.h"

#include <stdlib.h>

struct feed_entry {
    uint64_t space;
    uint16_t key_bytes;
    uint8_t key[KEY_BYTES_MAX];
};

void feed_init(struct feed *feed)
{
    *feed = (struct feed){0};
}

void feed_release(struct feed *feed)
{
    free(feed->ring);
    feed_init(feed);
}

void feed_add(struct feed *feed, uint64_t space, struct slice key)
{
    CHECK(key.length <= KEY_BYTES_MAX);
    if (feed->ring == NULL)
        feed->ring = memory_zeroed(FEED_CHANGES_MAX, sizeof *feed->ring);
    struct feed_entry *entry = &feed->ring[++feed->last % FEED_CHANGES_MAX];
    entry->space = space;
    entry->key_bytes = (uint16_t)key.length;
    if (key.length > 0)
        memcpy(entry->key, key.bytes, key.length);
}

enum err feed_after(const struct feed *feed, uint64_t after, struct feed_change *out)
{
    if (after >= feed->last)
        return ERR_NOT_FOUND;
    if (feed->last - after > FEED_CHANGES_MAX)
        return ERR_TOO_LARGE;
    const struct feed_entry *entry = &feed->ring[(after + 1) % FEED_CHANGES_MAX];
    *out = (struct feed_change){
        .number = after + 1, .space = entry->space, .key = slice_of(entry->key, entry->key_bytes)};
    return ERR_OK;
}
