#include "node_disk.h"

#include "base/check.h"

#include <stdlib.h>

void node_disk_init(struct node_disk *disk)
{
    *disk = (struct node_disk){0};
}

static void pair_release(struct disk_pair *pair)
{
    buf_release(&pair->key);
    buf_release(&pair->value);
}

void node_disk_release(struct node_disk *disk)
{
    for (size_t i = 0; i < disk->count; i++)
        pair_release(&disk->pairs[i]);
    free(disk->pairs);
}

static int compare(const struct disk_pair *pair, enum store_table table, struct slice key)
{
    if (pair->table != table)
        return pair->table < table ? -1 : 1;
    return slice_compare(buf_slice(&pair->key), key);
}

// The first pair that does not come before (table, key).
static size_t position_of(const struct node_disk *disk, enum store_table table, struct slice key)
{
    size_t at = 0;
    while (at < disk->count && compare(&disk->pairs[at], table, key) < 0)
        at++;
    return at;
}

static bool is_at(const struct node_disk *disk, size_t at, enum store_table table, struct slice key)
{
    return at < disk->count && compare(&disk->pairs[at], table, key) == 0;
}

static enum err get(void *self, enum store_table table, struct slice key, struct slice *out)
{
    const struct node_disk *disk = self;
    size_t at = position_of(disk, table, key);
    if (!is_at(disk, at, table, key))
        return ERR_NOT_FOUND;
    *out = buf_slice(&disk->pairs[at].value);
    return ERR_OK;
}

static enum err scan(void *self, enum store_table table, struct slice first, struct slice end,
                     store_visit *visit, void *context)
{
    const struct node_disk *disk = self;
    for (size_t i = position_of(disk, table, first); i < disk->count; i++) {
        const struct disk_pair *pair = &disk->pairs[i];
        struct slice key = buf_slice(&pair->key);
        if (pair->table != table || (end.length > 0 && slice_compare(key, end) >= 0) ||
            !visit(context, key, buf_slice(&pair->value)))
            break;
    }
    return ERR_OK;
}

static enum store_room room(void *self)
{
    (void)self;
    return STORE_ROOM_PLENTY;
}

struct store node_disk_reader(struct node_disk *disk)
{
    static const struct store_ops ops = {.get = get, .scan = scan, .room = room};
    return (struct store){.ops = &ops, .self = disk};
}

static void insert(struct node_disk *disk, size_t at, enum store_table table, struct slice key)
{
    if (disk->count == disk->capacity) {
        disk->capacity = disk->capacity > 0 ? disk->capacity * 2 : 16;
        disk->pairs = memory_resize(disk->pairs, disk->capacity * sizeof *disk->pairs);
    }
    memmove(&disk->pairs[at + 1], &disk->pairs[at], (disk->count - at) * sizeof *disk->pairs);
    disk->count++;
    disk->pairs[at].table = table;
    buf_init(&disk->pairs[at].key, STORE_KEY_BYTES_MAX);
    buf_append_slice(&disk->pairs[at].key, key);
    buf_init(&disk->pairs[at].value, STORE_VALUE_BYTES_MAX);
}

void node_disk_put(struct node_disk *disk, enum store_table table, struct slice key,
                   struct slice value)
{
    size_t at = position_of(disk, table, key);
    if (!is_at(disk, at, table, key))
        insert(disk, at, table, key);
    buf_clear(&disk->pairs[at].value);
    buf_append_slice(&disk->pairs[at].value, value);
    CHECK(!disk->pairs[at].value.overflown);
}

void node_disk_remove(struct node_disk *disk, enum store_table table, struct slice key)
{
    size_t at = position_of(disk, table, key);
    if (!is_at(disk, at, table, key))
        return;
    pair_release(&disk->pairs[at]);
    disk->count--;
    memmove(&disk->pairs[at], &disk->pairs[at + 1], (disk->count - at) * sizeof *disk->pairs);
}
