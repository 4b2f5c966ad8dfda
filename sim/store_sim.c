#include "sim/store_sim.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/list.h"
#include "sim/pairs.h"

#include <stdlib.h>

struct write {
    struct list node;
    enum store_table table;
    bool removal;
    struct slice key;
    struct slice value;
    uint8_t bytes[]; // both
};

struct batch {
    struct list node;
    uint64_t number;
    struct list writes;
    uint32_t write_count;
};

struct store_sim {
    struct timeline *timeline;
    struct rng rng;
    struct delay sync;
    enum store_sim_sight sight;
    struct pairs durable[STORE_TABLE_COUNT]; // what a crash leaves: every reported batch
    struct pairs seen[STORE_TABLE_COUNT];    // what get and scan show: every visible batch

    // Of a steady store: what a loss of power leaves, and what was reported since.
    bool steady;
    bool suspect;
    struct pairs synced[STORE_TABLE_COUNT];
    struct list unsynced; // batches, oldest first
    uint64_t unsynced_count;
    uint64_t steady_event; // while there are any

    // Of the process that has it open.
    bool open;
    uint64_t opening; // tells apart the processes that had it open
    store_done *done;
    void *context;
    struct batch *filling;
    struct list unreported; // batches, oldest first
    uint64_t committed;
    uint64_t visible;
    uint64_t reported;
    uint64_t sync_event; // while a sync is under way,
    uint64_t sync_until; // of all batches up to this one
    uint64_t fail_from;  // the first batch that fails, UINT64_MAX for none
    enum err fail_error;
    enum err read_error;
    enum store_room room; // outlives processes, as a full disk does
    // a key of STORE_RECORDS whose page is; empty for none. Outlives processes
    struct buf damaged;
    bool scanning;
    uint8_t *lent; // to the caller of get
};

static struct batch *batch_new(void)
{
    struct batch *batch = memory_zeroed(1, sizeof *batch);
    list_init(&batch->node);
    list_init(&batch->writes);
    return batch;
}

static void batch_free(struct batch *batch)
{
    for (struct list *node; (node = list_take_first(&batch->writes)) != NULL;)
        free(LIST_ITEM(node, struct write, node));
    list_remove(&batch->node);
    free(batch);
}

static void batch_apply(const struct batch *batch, struct pairs tables[STORE_TABLE_COUNT])
{
    for (struct list *node = batch->writes.next; node != &batch->writes; node = node->next) {
        const struct write *write = LIST_ITEM(node, struct write, node);
        if (write->removal)
            pairs_remove(&tables[write->table], write->key);
        else
            pairs_put(&tables[write->table], write->key, write->value);
    }
}

// How long a steady store leaves what was reported without a sync.
enum { STEADY_US = 1000000 };

static struct batch *oldest(struct store_sim *store)
{
    return LIST_ITEM(store->unreported.next, struct batch, node);
}

static void end_loan(struct store_sim *store)
{
    free(store->lent);
    store->lent = NULL;
}

// Lets get and scan see the batches up to `until` that do not fail.
static void show(struct store_sim *store, uint64_t until)
{
    if (until >= store->fail_from)
        until = store->fail_from - 1;
    for (struct list *node = store->unreported.next; node != &store->unreported;
         node = node->next) {
        const struct batch *batch = LIST_ITEM(node, struct batch, node);
        if (batch->number > store->visible && batch->number <= until) {
            batch_apply(batch, store->seen);
            store->visible = batch->number;
        }
    }
}

// The sync that comes each second takes all that was reported until then.
static void sync_steady(struct store_sim *store, uint64_t most)
{
    while (!list_empty(&store->unsynced) && most-- > 0) {
        struct batch *batch = LIST_ITEM(store->unsynced.next, struct batch, node);
        batch_apply(batch, store->synced);
        batch_free(batch);
        store->unsynced_count--;
    }
}

static void on_steady(void *context, void *argument)
{
    struct store_sim *store = context;
    (void)argument;
    store->steady_event = TIMELINE_NO_EVENT;
    sync_steady(store, UINT64_MAX);
}

// A batch that is durable: of a steady store, a loss of power may still take it.
static void keep_unsynced(struct store_sim *store, struct batch *batch)
{
    if (!store->steady) {
        batch_free(batch);
        return;
    }
    list_remove(&batch->node);
    list_append(&store->unsynced, &batch->node);
    store->unsynced_count++;
    if (store->steady_event == TIMELINE_NO_EVENT)
        store->steady_event = timeline_add(
            store->timeline, timeline_now_us(store->timeline) + STEADY_US, on_steady, store, NULL);
}

// Makes the batches up to `until` that do not fail durable, and drops those that do.
static void settle(struct store_sim *store, uint64_t until)
{
    while (!list_empty(&store->unreported) && oldest(store)->number <= until) {
        struct batch *batch = oldest(store);
        if (batch->number >= store->fail_from) {
            batch_free(batch);
            continue;
        }
        batch_apply(batch, store->durable);
        keep_unsynced(store, batch);
    }
}

static void on_synced(void *context, void *argument);

// The batches that wait go into one sync, or, as a commit thread may wake late, only the first of
// them.
static void begin_sync(struct store_sim *store)
{
    if (store->sync_event != TIMELINE_NO_EVENT || store->reported == store->committed)
        return;
    uint64_t waiting = store->committed - store->reported;
    bool all = rng_one_in(&store->rng, 2);
    store->sync_until = store->reported + (all ? waiting : 1 + rng_below(&store->rng, waiting));
    uint64_t at_us = timeline_now_us(store->timeline) + delay_draw_us(&store->sync, &store->rng);
    store->sync_event = timeline_add(store->timeline, at_us, on_synced, store, NULL);
}

static void on_synced(void *context, void *argument)
{
    struct store_sim *store = context;
    (void)argument;
    uint64_t opening = store->opening;
    uint64_t until = store->sync_until;
    uint64_t good = until < store->fail_from ? until : store->fail_from - 1;
    bool some_good = good > store->reported;
    store->sync_event = TIMELINE_NO_EVENT;
    end_loan(store);
    show(store, until);
    settle(store, until);
    store->reported = until;
    begin_sync(store);
    if (some_good)
        store->done(store->context, good, ERR_OK);
    if (until > good && store->open && store->opening == opening)
        store->done(store->context, until, store->fail_error);
}

static void add_write(struct store_sim *store, enum store_table table, bool removal,
                      struct slice key, struct slice value)
{
    CHECK(store->open && !store->scanning);
    CHECK((unsigned)table < STORE_TABLE_COUNT);
    CHECK(key.length >= 1 && key.length <= STORE_KEY_BYTES_MAX);
    CHECK(value.length <= STORE_VALUE_BYTES_MAX);
    CHECK(store->filling->write_count < STORE_SIM_BATCH_WRITES_MAX);
    struct write *write = memory_new(sizeof *write + key.length + value.length);
    write->table = table;
    write->removal = removal;
    memcpy(write->bytes, key.bytes, key.length);
    if (value.length > 0)
        memcpy(write->bytes + key.length, value.bytes, value.length);
    write->key = slice_of(write->bytes, key.length);
    write->value = slice_of(write->bytes + key.length, value.length);
    list_append(&store->filling->writes, &write->node);
    store->filling->write_count++;
}

static void store_put(void *self, enum store_table table, struct slice key, struct slice value)
{
    add_write(self, table, false, key, value);
}

static void store_remove(void *self, enum store_table table, struct slice key)
{
    add_write(self, table, true, key, slice_of(NULL, 0));
}

static uint64_t store_commit(void *self)
{
    struct store_sim *store = self;
    CHECK(store->open && !store->scanning);
    CHECK(store->committed - store->reported < STORE_SIM_UNREPORTED_MAX);
    end_loan(store);
    struct batch *batch = store->filling;
    store->filling = batch_new();
    batch->number = ++store->committed;
    list_append(&store->unreported, &batch->node);
    if (store->sight == STORE_SIM_SEES_COMMITTED ||
        (store->sight == STORE_SIM_SEES_SOME && rng_one_in(&store->rng, 2)))
        show(store, store->committed);
    begin_sync(store);
    return store->committed;
}

static bool is_damaged(const struct store_sim *store, enum store_table table, struct slice key)
{
    return table == STORE_RECORDS && store->damaged.length > 0 &&
           slice_equal(buf_slice(&store->damaged), key);
}

static enum err store_get(void *self, enum store_table table, struct slice key, struct slice *out)
{
    struct store_sim *store = self;
    CHECK(store->open && !store->scanning);
    CHECK((unsigned)table < STORE_TABLE_COUNT);
    end_loan(store);
    if (store->read_error != ERR_OK)
        return store->read_error;
    const struct pair *pair = pairs_find(&store->seen[table], key);
    if (pair == NULL)
        return ERR_NOT_FOUND;
    if (is_damaged(store, table, key))
        return ERR_CORRUPT;
    store->lent = memory_copy(pair->value.bytes, pair->value.length);
    *out = slice_of(store->lent, pair->value.length);
    return ERR_OK;
}

// Hands out copies that end with the visit.
static bool visit_copy(const struct pair *pair, store_visit *visit, void *context)
{
    uint8_t *key = memory_copy(pair->key.bytes, pair->key.length);
    uint8_t *value = memory_copy(pair->value.bytes, pair->value.length);
    bool more =
        visit(context, slice_of(key, pair->key.length), slice_of(value, pair->value.length));
    free(key);
    free(value);
    return more;
}

static enum err store_scan(void *self, enum store_table table, struct slice first, struct slice end,
                           store_visit *visit, void *context)
{
    struct store_sim *store = self;
    CHECK(store->open && !store->scanning);
    CHECK((unsigned)table < STORE_TABLE_COUNT);
    end_loan(store);
    if (store->read_error != ERR_OK)
        return store->read_error;
    const struct pairs *pairs = &store->seen[table];
    enum err error = ERR_OK;
    store->scanning = true;
    for (size_t i = pairs_from(pairs, first); i < pairs->count; i++) {
        if (end.length > 0 && slice_compare(pairs->items[i]->key, end) >= 0)
            break;
        if (is_damaged(store, table, pairs->items[i]->key))
            error = ERR_CORRUPT;
        if (error != ERR_OK || !visit_copy(pairs->items[i], visit, context))
            break;
    }
    store->scanning = false;
    return error;
}

static enum store_room store_room(void *self)
{
    const struct store_sim *store = self;
    CHECK(store->open && !store->scanning);
    return store->room;
}

static const struct store_ops store_sim_ops = {
    .put = store_put,
    .remove = store_remove,
    .commit = store_commit,
    .get = store_get,
    .scan = store_scan,
    .room = store_room,
};

struct store_sim *store_sim_new(struct timeline *timeline, uint64_t seed, const struct delay *sync)
{
    struct store_sim *store = memory_zeroed(1, sizeof *store);
    store->timeline = timeline;
    rng_init(&store->rng, seed);
    store->sync = *sync;
    store->sight = (enum store_sim_sight)rng_below(&store->rng, STORE_SIM_SIGHT_COUNT);
    for (int table = 0; table < STORE_TABLE_COUNT; table++) {
        pairs_init(&store->durable[table]);
        pairs_init(&store->seen[table]);
        pairs_init(&store->synced[table]);
    }
    list_init(&store->unreported);
    list_init(&store->unsynced);
    buf_init(&store->damaged, STORE_KEY_BYTES_MAX);
    store->steady_event = TIMELINE_NO_EVENT;
    return store;
}

struct store store_sim_open(struct store_sim *store, store_done *done, void *context)
{
    CHECK(!store->open && done != NULL);
    store->open = true;
    store->opening++;
    store->done = done;
    store->context = context;
    store->filling = batch_new();
    store->committed = 0;
    store->visible = 0;
    store->reported = 0;
    store->fail_from = UINT64_MAX;
    store->fail_error = ERR_OK;
    return (struct store){.ops = &store_sim_ops, .self = store};
}

bool store_sim_is_open(const struct store_sim *store)
{
    return store->open;
}

uint64_t store_sim_committed(const struct store_sim *store)
{
    return store->open ? store->committed : 0;
}

uint64_t store_sim_unreported(const struct store_sim *store)
{
    return store->open ? store->committed - store->reported : 0;
}

static void drop_unsynced(struct store_sim *store)
{
    while (!list_empty(&store->unsynced))
        batch_free(LIST_ITEM(store->unsynced.next, struct batch, node));
    store->unsynced_count = 0;
}

void store_sim_crash(struct store_sim *store, uint64_t survivors)
{
    CHECK(store->open && !store->scanning);
    timeline_cancel(store->timeline, store->sync_event);
    store->sync_event = TIMELINE_NO_EVENT;
    end_loan(store);
    uint64_t unreported = store_sim_unreported(store);
    settle(store, store->reported + (survivors < unreported ? survivors : unreported));
    while (!list_empty(&store->unreported))
        batch_free(oldest(store));
    batch_free(store->filling);
    store->filling = NULL;
    for (int table = 0; table < STORE_TABLE_COUNT; table++)
        pairs_copy(&store->seen[table], &store->durable[table]);
    store->open = false;
}

void store_sim_make_steady(struct store_sim *store)
{
    CHECK(store->opening == 0);
    store->steady = true;
}

uint64_t store_sim_unsynced(const struct store_sim *store)
{
    return store->unsynced_count;
}

void store_sim_lose_power(struct store_sim *store, uint64_t survivors)
{
    store_sim_crash(store, 0);
    if (!store->steady)
        return;
    sync_steady(store, survivors);
    timeline_cancel(store->timeline, store->steady_event);
    store->steady_event = TIMELINE_NO_EVENT;
    drop_unsynced(store);
    store->suspect = true;
    for (int table = 0; table < STORE_TABLE_COUNT; table++) {
        pairs_copy(&store->durable[table], &store->synced[table]);
        pairs_copy(&store->seen[table], &store->synced[table]);
    }
}

bool store_sim_is_suspect(const struct store_sim *store)
{
    return store->suspect;
}

void store_sim_trust(struct store_sim *store)
{
    store->suspect = false;
}

void store_sim_free(struct store_sim *store)
{
    if (store == NULL)
        return;
    if (store->open)
        store_sim_crash(store, 0);
    timeline_cancel(store->timeline, store->steady_event);
    drop_unsynced(store);
    buf_release(&store->damaged);
    for (int table = 0; table < STORE_TABLE_COUNT; table++) {
        pairs_release(&store->durable[table]);
        pairs_release(&store->seen[table]);
        pairs_release(&store->synced[table]);
    }
    free(store);
}

bool store_sim_damage_page(struct store_sim *store, uint64_t index)
{
    const struct pairs *records = &store->durable[STORE_RECORDS];
    store_sim_mend_page(store);
    if (records->count == 0)
        return false;
    buf_append_slice(&store->damaged, records->items[index % records->count]->key);
    return true;
}

void store_sim_mend_page(struct store_sim *store)
{
    buf_clear(&store->damaged);
}

bool store_sim_has_damage(const struct store_sim *store)
{
    return store->damaged.length > 0;
}

void store_sim_set_sync(struct store_sim *store, const struct delay *sync)
{
    store->sync = *sync;
}

void store_sim_set_sight(struct store_sim *store, enum store_sim_sight sight)
{
    CHECK((unsigned)sight < STORE_SIM_SIGHT_COUNT);
    CHECK(store_sim_unreported(store) == 0);
    store->sight = sight;
}

void store_sim_fail_batch(struct store_sim *store, uint64_t batch, enum err error)
{
    CHECK(store->open && batch > store->committed);
    CHECK(error == ERR_FULL || error == ERR_IO || error == ERR_CORRUPT);
    store->fail_from = batch;
    store->fail_error = error;
}

void store_sim_fail_reads(struct store_sim *store, enum err error)
{
    store->read_error = error;
}

void store_sim_set_room(struct store_sim *store, enum store_room room)
{
    store->room = room;
}

size_t store_sim_pairs(const struct store_sim *store, enum store_table table)
{
    CHECK((unsigned)table < STORE_TABLE_COUNT);
    return store->durable[table].count;
}
