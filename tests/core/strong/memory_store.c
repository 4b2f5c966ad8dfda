#include "memory_store.h"

#include "base/check.h"

#include <stdlib.h>

enum { CAPACITY_FIRST = 16 };

void memory_store_init(struct memory_store *store)
{
    *store = (struct memory_store){0};
}

static void pair_release(struct memory_pair *pair)
{
    buf_release(&pair->key);
    buf_release(&pair->value);
}

void memory_store_release(struct memory_store *store)
{
    memory_store_forget(store);
    for (size_t i = 0; i < store->pair_count; i++)
        pair_release(&store->pairs[i]);
    free(store->pairs);
    free(store->writes);
    memory_store_init(store);
}

static int compare(const struct memory_pair *pair, enum store_table table, struct slice key)
{
    if (pair->table != table)
        return pair->table < table ? -1 : 1;
    return slice_compare(buf_slice(&pair->key), key);
}

// The position of the first pair that is not below (table, key).
static size_t position_of(const struct memory_store *store, enum store_table table,
                          struct slice key)
{
    size_t low = 0;
    size_t high = store->pair_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&store->pairs[middle], table, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static enum err get(void *self, enum store_table table, struct slice key, struct slice *out)
{
    const struct memory_store *store = self;
    size_t at = position_of(store, table, key);
    if (at == store->pair_count || compare(&store->pairs[at], table, key) != 0)
        return ERR_NOT_FOUND;
    *out = buf_slice(&store->pairs[at].value);
    return ERR_OK;
}

static enum err scan(void *self, enum store_table table, struct slice first, struct slice end,
                     store_visit *visit, void *context)
{
    const struct memory_store *store = self;
    for (size_t i = position_of(store, table, first); i < store->pair_count; i++) {
        const struct memory_pair *pair = &store->pairs[i];
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

struct store memory_store_reader(struct memory_store *memory)
{
    static const struct store_ops ops = {.get = get, .scan = scan, .room = room};
    return (struct store){.ops = &ops, .self = memory};
}

static void copy(struct buf *to, struct slice from)
{
    buf_init(to, STORE_VALUE_BYTES_MAX);
    buf_append_slice(to, from);
    CHECK(!to->overflown);
}

size_t memory_store_kept(const struct memory_store *store)
{
    size_t count = 0;
    for (size_t i = 0; i < store->pair_count; i++)
        count += store->pairs[i].table == STORE_RECORDS || store->pairs[i].table == STORE_MARKS;
    return count;
}

void memory_store_queue(struct memory_store *store, enum store_table table, bool remove,
                        struct slice key, struct slice value)
{
    CHECK(key.length >= 1 && key.length <= STORE_KEY_BYTES_MAX);
    if (store->write_count == store->write_capacity) {
        store->write_capacity =
            store->write_capacity > 0 ? store->write_capacity * 2 : CAPACITY_FIRST;
        store->writes = memory_resize(store->writes, store->write_capacity * sizeof *store->writes);
    }
    struct memory_write *write = &store->writes[store->write_count++];
    write->remove = remove;
    write->pair.table = table;
    copy(&write->pair.key, key);
    copy(&write->pair.value, remove ? slice_of(NULL, 0) : value);
}

static void take_out(struct memory_store *store, size_t at)
{
    pair_release(&store->pairs[at]);
    store->pair_count--;
    memmove(&store->pairs[at], &store->pairs[at + 1],
            (store->pair_count - at) * sizeof *store->pairs);
}

static void make_room(struct memory_store *store, size_t at)
{
    if (store->pair_count == store->pair_capacity) {
        store->pair_capacity = store->pair_capacity > 0 ? store->pair_capacity * 2 : CAPACITY_FIRST;
        store->pairs = memory_resize(store->pairs, store->pair_capacity * sizeof *store->pairs);
    }
    memmove(&store->pairs[at + 1], &store->pairs[at],
            (store->pair_count - at) * sizeof *store->pairs);
    store->pair_count++;
}

// Takes the pair's buffers over.
static void apply(struct memory_store *store, struct memory_write *write)
{
    size_t at = position_of(store, write->pair.table, buf_slice(&write->pair.key));
    bool there = at < store->pair_count &&
                 compare(&store->pairs[at], write->pair.table, buf_slice(&write->pair.key)) == 0;
    if (write->remove) {
        if (there)
            take_out(store, at);
        pair_release(&write->pair);
        return;
    }
    if (there)
        pair_release(&store->pairs[at]);
    else
        make_room(store, at);
    store->pairs[at] = write->pair;
}

void memory_store_apply(struct memory_store *store, size_t most)
{
    size_t count = most < store->write_count ? most : store->write_count;
    for (size_t i = 0; i < count; i++)
        apply(store, &store->writes[i]);
    store->write_count -= count;
    if (store->write_count > 0)
        memmove(store->writes, &store->writes[count], store->write_count * sizeof *store->writes);
}

void memory_store_forget(struct memory_store *store)
{
    for (size_t i = 0; i < store->write_count; i++)
        pair_release(&store->writes[i].pair);
    store->write_count = 0;
}
