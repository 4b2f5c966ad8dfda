#include "fake_host.h"

#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

static void add_keyspace(struct cluster_map *map, const char *name, enum strategy strategy)
{
    struct map_keyspace *keyspace = &map->keyspaces[map->keyspace_count++];
    keyspace->keyspace = (struct keyspace){.id = map->next_keyspace_id++,
                                           .strategy = strategy,
                                           .replication_factor = 2,
                                           .min_in_sync = 1};
    snprintf(keyspace->keyspace.name, sizeof keyspace->keyspace.name, "%s", name);
    keyspace->set_count = 1;
    keyspace->sets = memory_zeroed(1, sizeof *keyspace->sets);
    keyspace->sets[0] = (struct replica_set){.in_sync = 3,
                                             .joining = 4,
                                             .target = 7,
                                             .join_epoch = 1,
                                             .primary = 2,
                                             .target_primary = 1};
    keyspace->set_of_slot = memory_zeroed(SLOTS, sizeof *keyspace->set_of_slot);
}

void fake_host_init(struct host *host)
{
    *host = (struct host){.has_map = true, .now_us = 1};
    struct cluster_map *map = &host->map;
    cluster_map_init(map);
    map->cluster = (struct cluster_id){.high = 0xabc, .low = 0xdef};
    map->epoch = 9;
    map->voters = 3;
    map->next_keyspace_id = 1;
    map->node_count = 3;
    for (node_id id = 1; id <= 3; id++) {
        struct map_node *node = &map->nodes[id - 1];
        *node =
            (struct map_node){.id = id, .state = id == 3 ? NODE_FAILED : NODE_UP, .store_id = id};
        snprintf(node->http_address, sizeof node->http_address, "127.0.0.1:%u", 5000u + id);
        snprintf(node->peer_address, sizeof node->peer_address, "127.0.0.1:%u", 7000u + id);
    }
    add_keyspace(map, "default", STRATEGY_FULL);
    add_keyspace(map, "team/notes", STRATEGY_CONSISTENT);
    host->status = (struct node_status){.self = 1, .serving = true, .epoch = 9, .slots_in_sync = 5};
}

void fake_host_clear(struct host *host)
{
    for (int i = 0; i < FAKE_RECORDS_MAX; i++)
        free(host->records[i].value);
    cluster_map_release(&host->map);
}

static struct fake_record *find(struct host *host, const struct request *request, bool make)
{
    struct fake_record *empty = NULL;
    for (int i = 0; i < FAKE_RECORDS_MAX; i++) {
        struct fake_record *record = &host->records[i];
        if (record->present && record->keyspace == request->keyspace &&
            slice_equal(slice_of(record->key, record->key_bytes), request->key))
            return record;
        if (!record->present && empty == NULL)
            empty = record;
    }
    if (!make)
        return NULL;
    CHECK(empty != NULL);
    memcpy(empty->key, request->key.bytes, request->key.length);
    empty->key_bytes = request->key.length;
    empty->keyspace = request->keyspace;
    return empty;
}

static bool holds_condition(const struct request *request, const struct fake_record *record)
{
    switch (request->condition) {
    case CONDITION_ABSENT:
        return record == NULL;
    case CONDITION_PRESENT:
        return record != NULL;
    case CONDITION_STAMP:
        return record != NULL && stamp_compare(record->stamp, request->expected) == 0;
    default:
        return true;
    }
}

static void put(struct host *host, const struct request *request, struct reply *reply)
{
    struct fake_record *record = find(host, request, true);
    reply->existed = record->present;
    free(record->value);
    record->value = memory_copy(request->value.bytes, request->value.length);
    record->value_bytes = request->value.length;
    record->stamp = stamp_make(9, ++host->sequence, 1);
    record->present = true;
    reply->stamp = record->stamp;
}

static void list(struct host *host, const struct request *request, struct buf *entries)
{
    for (int i = 0; i < FAKE_RECORDS_MAX; i++) {
        const struct fake_record *record = &host->records[i];
        if (!record->present || record->keyspace != request->keyspace)
            continue;
        struct list_entry entry = {.key = slice_of(record->key, record->key_bytes),
                                   .stamp = record->stamp,
                                   .value_bytes = record->value_bytes};
        list_entry_append(entries, &entry);
    }
}

static void answer(struct host *host, const struct request *request, struct reply *reply,
                   struct buf *entries)
{
    struct fake_record *record = NULL;
    if (request->kind != REQUEST_LIST && request->kind != REQUEST_CHANGE)
        record = find(host, request, false);
    if (!holds_condition(request, record)) {
        reply->error = ERR_MISMATCH;
        reply->stamp = record == NULL ? (struct stamp){0} : record->stamp;
    } else if (request->kind == REQUEST_PUT) {
        put(host, request, reply);
    } else if (request->kind == REQUEST_LIST) {
        list(host, request, entries);
        reply->entries = buf_slice(entries);
        // Keys that begin with "m": more follow.
        bool more = request->prefix.length > 0 && request->prefix.bytes[0] == 'm';
        reply->cursor.slot = more ? 258 : SLOTS;
        reply->cursor.key = slice_of_text(more ? "m1" : "");
    } else if (request->kind != REQUEST_CHANGE && record == NULL) {
        reply->error = ERR_NOT_FOUND;
    } else if (request->kind == REQUEST_READ) {
        reply->value = slice_of(record->value, record->value_bytes);
        reply->stamp = record->stamp;
    } else if (request->kind == REQUEST_DELETE) {
        record->present = false;
        reply->existed = true;
    }
}

void host_request(struct host *host, const struct request *request, host_reply *reply,
                  void *context)
{
    CHECK(request_check(request) == ERR_OK);
    host->request_count++;
    host->last = *request;
    host->last_cursor_bytes = request->cursor.key.length;
    if (host->last_cursor_bytes > 0)
        memcpy(host->last_cursor, request->cursor.key.bytes, host->last_cursor_bytes);
    host->last_prefix_bytes = request->prefix.length;
    if (host->last_prefix_bytes > 0)
        memcpy(host->last_prefix, request->prefix.bytes, host->last_prefix_bytes);
    if (host->holds) {
        CHECK(host->held_count < FAKE_HELD_MAX);
        host->held[host->held_count].reply = reply;
        host->held[host->held_count++].context = context;
        return;
    }
    struct buf entries;
    buf_init(&entries, 1 << 20);
    struct reply out = {.error = ERR_OK};
    if (host->error != ERR_OK && host->fail_after == 0)
        out = (struct reply){.error = host->error, .awaited = host->awaited};
    else
        answer(host, request, &out, &entries);
    if (host->fail_after > 0)
        host->fail_after--;
    reply(context, &out);
    buf_release(&entries);
}

void fake_host_release(struct host *host, const struct reply *reply)
{
    unsigned count = host->held_count;
    host->held_count = 0;
    for (unsigned i = 0; i < count; i++)
        host->held[i].reply(host->held[i].context, reply);
}

const struct cluster_map *host_map(const struct host *host)
{
    return host->has_map ? &host->map : NULL;
}

struct node_status host_status(const struct host *host)
{
    return host->status;
}

static uint64_t now_us(void *clock)
{
    return ((struct host *)clock)->now_us;
}

static uint64_t wall_ms(void *clock)
{
    (void)clock;
    return 0;
}

static void wake_at(void *clock, uint64_t at_us)
{
    (void)clock;
    (void)at_us;
}

struct clock fake_host_clock(struct host *host)
{
    static const struct clock_ops ops = {now_us, wall_ms, wake_at};
    return (struct clock){.ops = &ops, .self = host};
}
