#include "space_disk.h"

#include "base/check.h"

#include <stdlib.h>

enum { CAPACITY_FIRST = 64 };

void space_disk_init(struct space_disk *disk)
{
    *disk = (struct space_disk){.batch = 1};
}

static void release_pairs(struct disk_pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(pairs[i].bytes);
}

void space_disk_release(struct space_disk *disk)
{
    release_pairs(disk->pairs, disk->pair_count);
    release_pairs(disk->queue, disk->queue_count);
    free(disk->pairs);
    free(disk->queue);
    space_disk_init(disk);
}

static int compare(const struct disk_pair *pair, enum store_table table, struct slice key)
{
    if (pair->table != table)
        return pair->table < table ? -1 : 1;
    return slice_compare(disk_pair_key(pair), key);
}

// The position of the first pair that is not below (table, key).
static size_t position_of(const struct space_disk *disk, enum store_table table, struct slice key)
{
    size_t low = 0;
    size_t high = disk->pair_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&disk->pairs[middle], table, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static enum err get(void *self, enum store_table table, struct slice key, struct slice *out)
{
    struct space_disk *disk = self;
    size_t at = position_of(disk, table, key);
    disk->gets++;
    if (at == disk->pair_count || compare(&disk->pairs[at], table, key) != 0)
        return ERR_NOT_FOUND;
    *out = disk_pair_value(&disk->pairs[at]);
    return ERR_OK;
}

static enum err scan(void *self, enum store_table table, struct slice first, struct slice end,
                     store_visit *visit, void *context)
{
    const struct space_disk *disk = self;
    for (size_t i = position_of(disk, table, first); i < disk->pair_count; i++) {
        const struct disk_pair *pair = &disk->pairs[i];
        struct slice key = disk_pair_key(pair);
        if (pair->table != table || (end.length > 0 && slice_compare(key, end) >= 0) ||
            !visit(context, key, disk_pair_value(pair)))
            break;
    }
    return ERR_OK;
}

static enum store_room room(void *self)
{
    (void)self;
    return STORE_ROOM_PLENTY;
}

struct store space_disk_reader(struct space_disk *disk)
{
    static const struct store_ops ops = {.get = get, .scan = scan, .room = room};
    return (struct store){.ops = &ops, .self = disk};
}

static struct disk_pair pair_of(enum store_table table, struct slice key, struct slice value)
{
    struct disk_pair pair = {.table = table,
                             .key_length = key.length,
                             .value_length = value.length,
                             .bytes = memory_new(key.length + value.length)};
    uint8_t *at = pair.bytes;
    slice_copy_to(&at, key);
    slice_copy_to(&at, value);
    return pair;
}

static void grow(struct disk_pair **pairs, size_t count, size_t *capacity)
{
    if (count < *capacity)
        return;
    *capacity = *capacity > 0 ? *capacity * 2 : CAPACITY_FIRST;
    *pairs = memory_resize(*pairs, *capacity * sizeof **pairs);
}

void space_disk_queue(struct space_disk *disk, enum store_table table, bool remove,
                      struct slice key, struct slice value)
{
    CHECK(key.length >= 1 && key.length <= STORE_KEY_BYTES_MAX);
    grow(&disk->queue, disk->queue_count, &disk->queue_capacity);
    struct disk_pair *pair = &disk->queue[disk->queue_count++];
    *pair = pair_of(table, key, remove ? slice_of(NULL, 0) : value);
    pair->batch = disk->batch;
    pair->remove = remove;
}

uint32_t space_disk_commit(struct space_disk *disk)
{
    return disk->batch++;
}

// Takes the pair's bytes over.
static void apply(struct space_disk *disk, struct disk_pair pair)
{
    size_t at = position_of(disk, pair.table, disk_pair_key(&pair));
    bool there =
        at < disk->pair_count && compare(&disk->pairs[at], pair.table, disk_pair_key(&pair)) == 0;
    if (there) {
        free(disk->pairs[at].bytes);
    } else if (!pair.remove) {
        grow(&disk->pairs, disk->pair_count, &disk->pair_capacity);
        memmove(&disk->pairs[at + 1], &disk->pairs[at],
                (disk->pair_count - at) * sizeof *disk->pairs);
        disk->pair_count++;
    }
    if (!pair.remove) {
        disk->pairs[at] = pair;
        return;
    }
    free(pair.bytes);
    if (there) {
        disk->pair_count--;
        memmove(&disk->pairs[at], &disk->pairs[at + 1],
                (disk->pair_count - at) * sizeof *disk->pairs);
    }
}

void space_disk_sync(struct space_disk *disk, uint32_t batch)
{
    size_t done = 0;
    while (done < disk->queue_count && disk->queue[done].batch <= batch)
        apply(disk, disk->queue[done++]);
    disk->queue_count -= done;
    if (disk->queue_count > 0)
        memmove(disk->queue, disk->queue + done, disk->queue_count * sizeof *disk->queue);
}

void space_disk_lose(struct space_disk *disk)
{
    release_pairs(disk->queue, disk->queue_count);
    disk->queue_count = 0;
}

void space_disk_copy(struct space_disk *to, const struct space_disk *from)
{
    space_disk_release(to);
    for (size_t i = 0; i < from->pair_count; i++)
        space_disk_put(to, from->pairs[i].table, disk_pair_key(&from->pairs[i]),
                       disk_pair_value(&from->pairs[i]));
}

bool space_disk_equal(const struct space_disk *a, const struct space_disk *b)
{
    if (a->pair_count != b->pair_count)
        return false;
    for (size_t i = 0; i < a->pair_count; i++) {
        const struct disk_pair *left = &a->pairs[i];
        const struct disk_pair *right = &b->pairs[i];
        if (left->table != right->table ||
            !slice_equal(disk_pair_key(left), disk_pair_key(right)) ||
            !slice_equal(disk_pair_value(left), disk_pair_value(right)))
            return false;
    }
    return true;
}

size_t space_disk_count(const struct space_disk *disk, enum store_table table)
{
    size_t count = 0;
    for (size_t i = 0; i < disk->pair_count; i++)
        count += disk->pairs[i].table == table;
    return count;
}

void space_disk_put(struct space_disk *disk, enum store_table table, struct slice key,
                    struct slice value)
{
    apply(disk, pair_of(table, key, value));
}

void space_disk_remove(struct space_disk *disk, enum store_table table, struct slice key)
{
    struct disk_pair pair = pair_of(table, key, slice_of(NULL, 0));
    pair.remove = true;
    apply(disk, pair);
}
