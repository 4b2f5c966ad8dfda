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

static void add_optimistic(struct cluster_map *map, const char *name, uint32_t id)
{
    struct optimistic *optimistic = &map->optimistic[map->optimistic_count++];
    CHECK(map->next_keyspace_id++ == id);
    *optimistic = optimistic_default();
    optimistic->id = id;
    optimistic->is_family = id == FAKE_TEAM || id == FAKE_ANNOTATIONS;
    optimistic->is_signed = id == FAKE_SECRETS || id == FAKE_ANNOTATIONS;
    optimistic->primary = id == FAKE_SECRETS ? NODE_NONE : 2;
    optimistic->primary_epoch = 7;
    snprintf(optimistic->name, sizeof optimistic->name, "%s", name);
}

// A store in which nothing is.
static enum err get_nothing(void *store, enum store_table table, struct slice key,
                            struct slice *out)
{
    (void)store;
    (void)table;
    (void)key;
    (void)out;
    return ERR_NOT_FOUND;
}

static enum err scan_nothing(void *store, enum store_table table, struct slice first,
                             struct slice end, store_visit *visit, void *context)
{
    (void)store;
    (void)table;
    (void)first;
    (void)end;
    (void)visit;
    (void)context;
    return ERR_OK;
}

static struct replica *keep(struct host *host, uint32_t keyspace, const char *channel)
{
    struct replica_setting setting = replica_setting_default();
    uint64_t id = fake_host_space(host, keyspace, channel);
    CHECK(epidemic_join(&host->epidemic, id, keyspace, slice_of_text(channel), &setting, 1) ==
          ERR_OK);
    return epidemic_replica(&host->epidemic, id);
}

static void know(struct knowledge *knowledge, uint64_t first, uint64_t last)
{
    struct interval interval = {.first = first, .last = last};
    CHECK(knowledge_add_interval(knowledge, 77, interval) == ERR_OK);
}

static struct peer *meet(struct host *host, uint64_t store_id, const char *address, bool is_member)
{
    bool changed;
    struct peer *peer =
        peers_add(&host->epidemic.peers, store_id, slice_of_text(address), is_member, &changed);
    CHECK(peer != NULL);
    return peer;
}

static void begin_epidemic(struct host *host)
{
    static const struct store_ops ops = {.get = get_nothing, .scan = scan_nothing};
    struct epidemic *epidemic = &host->epidemic;
    struct epidemic_config config = {
        .self = 1, .address = "127.0.0.1:7001", .seed = 1, .peers_max = 10};
    host->has_epidemic = true;
    host->store = (struct store){.ops = &ops};
    epidemic_init(epidemic, &config, &host->store);
    epidemic->author = &host->author;
    epidemic->counts.sessions = 5;
    epidemic->counts.verdicts[SESSION_APPLIED] = 4;
    struct replica *diary = keep(host, FAKE_DIARY, "");
    know(&diary->space.known, 1, 10);
    know(&diary->space.known, 12, 12);
    know(&diary->space.stable, 1, 6);
    know(&diary->space.horizon, 1, 2);
    diary->space.digests.total.count = 8;
    diary->space.certificates = 2;
    diary->stability_number = (struct stamp){.counter = 9, .id = 31};
    keep(host, FAKE_TEAM, "linux");
    struct peer *member = meet(host, 2, "127.0.0.1:7002", true);
    meet(host, 3, "127.0.0.1:7003", true);
    meet(host, 0xbeef, "", false);
    uint8_t spaces[16];
    for (int i = 0; i < 8; i++) {
        spaces[i] = (uint8_t)(diary->space.id >> (56 - 8 * i));
        spaces[8 + i] = (uint8_t)(i == 7);
    }
    CHECK(peer_set_spaces(member, slice_of(spaces, sizeof spaces)) == ERR_OK);
    member->heard_us = 1;
}

uint64_t fake_host_space(const struct host *host, uint32_t keyspace, const char *channel)
{
    struct cluster_id cluster = host->map.cluster;
    return space_id_of(cluster.high, cluster.low, keyspace, slice_of_text(channel));
}

void fake_host_init(struct host *host)
{
    *host = (struct host){.has_map = true, .now_us = 1, .bundle = "a bundle"};
    buf_init(&host->conflicts, 1 << 20);
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
    add_optimistic(map, "diary", FAKE_DIARY);
    add_optimistic(map, "team", FAKE_TEAM);
    add_optimistic(map, "secrets", FAKE_SECRETS);
    begin_epidemic(host);
    host->status = (struct node_status){.self = 1, .serving = true, .epoch = 9, .slots_in_sync = 5};
}

void fake_host_annotate(struct host *host)
{
    add_optimistic(&host->map, "annotations", FAKE_ANNOTATIONS);
    keep(host, FAKE_ANNOTATIONS, "films");
    keep(host, FAKE_ANNOTATIONS, "links");
}

void fake_host_clear(struct host *host)
{
    for (int i = 0; i < FAKE_RECORDS_MAX; i++)
        free(host->records[i].value);
    cluster_map_release(&host->map);
    epidemic_release(&host->epidemic);
    buf_release(&host->conflicts);
}

static struct fake_record *find(struct host *host, const struct request *request, bool make)
{
    struct fake_record *empty = NULL;
    for (int i = 0; i < FAKE_RECORDS_MAX; i++) {
        struct fake_record *record = &host->records[i];
        if (record->present && record->keyspace == request->keyspace &&
            slice_equal(slice_of_text(record->channel), request->channel) &&
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
    snprintf(empty->channel, sizeof empty->channel, "%.*s", (int)request->channel.length,
             request->channel.length > 0 ? (const char *)request->channel.bytes : "");
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
    record->expiry_ms = request->expiry_ms;
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

static bool begins_with(const struct fake_record *record, struct slice prefix)
{
    return record->key_bytes >= prefix.length &&
           (prefix.length == 0 || memcmp(record->key, prefix.bytes, prefix.length) == 0);
}

// Two keys to a page; the cursor's slot is the place of the next record.
static void scan(struct host *host, const struct request *request, struct buf *entries,
                 struct list_cursor *cursor)
{
    struct buf versions;
    unsigned found = 0;
    cursor->slot = SLOTS;
    for (unsigned i = request->cursor.slot; i < FAKE_RECORDS_MAX; i++) {
        const struct fake_record *record = &host->records[i];
        if (!record->present || record->keyspace != request->keyspace ||
            !begins_with(record, request->prefix) ||
            !slice_equal(slice_of_text(record->channel), request->channel))
            continue;
        if (++found > 2 && request->kind == REQUEST_SCAN) {
            cursor->slot = (uint16_t)i;
            return;
        }
        buf_init(&versions, 1 << 20);
        version_entry_append(&versions, &(struct version_entry){
                                            .stamp = record->stamp,
                                            .is_stable = host->is_stable,
                                            .value = slice_of(record->value, record->value_bytes)});
        buf_append_slice(&versions, buf_slice(&host->conflicts));
        scan_entry_append(entries,
                          &(struct scan_entry){.key = slice_of(record->key, record->key_bytes),
                                               .versions = buf_slice(&versions)});
        buf_release(&versions);
    }
}

// What is about this node alone.
static void answer_own(struct host *host, const struct request *request, struct reply *reply,
                       struct buf *entries)
{
    struct request own = *request;
    own.keyspace = FAKE_OWN;
    struct fake_record *record = find(host, &own, false);
    if (request->kind == REQUEST_KEPT)
        scan(host, &own, entries, &reply->cursor);
    else if (request->value.length > 0)
        put(host, &own, reply);
    else if (record != NULL)
        record->present = false;
    reply->entries = buf_slice(entries);
}

static void make_family(struct host *host, const struct change *change)
{
    if (change->kind == CHANGE_OPTIMISTIC_CREATE &&
        strcmp(change->optimistic.name, "annotations") == 0)
        add_optimistic(&host->map, "annotations", FAKE_ANNOTATIONS);
}

// Of the channels of annotations, those that are used come to be.
static void make_channel(struct host *host, const struct request *request)
{
    char name[KEYSPACE_NAME_BYTES_MAX + 1];
    bool makes = request->kind == REQUEST_SUBSCRIBE || request->kind == REQUEST_PUT;
    if (!makes || request->keyspace != FAKE_ANNOTATIONS)
        return;
    snprintf(name, sizeof name, "%.*s", (int)request->channel.length,
             (const char *)request->channel.bytes);
    uint64_t id = fake_host_space(host, FAKE_ANNOTATIONS, name);
    if (epidemic_replica(&host->epidemic, id) == NULL)
        keep(host, FAKE_ANNOTATIONS, name);
}

static void answer(struct host *host, const struct request *request, struct reply *reply,
                   struct buf *entries)
{
    struct fake_record *record = NULL;
    make_channel(host, request);
    if (request->kind == REQUEST_KEEP || request->kind == REQUEST_KEPT) {
        answer_own(host, request, reply, entries);
        return;
    }
    if (request->kind < REQUEST_LIST)
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
    } else if (request->kind == REQUEST_SCAN) {
        scan(host, request, entries, &reply->cursor);
        reply->entries = buf_slice(entries);
    } else if (request->kind == REQUEST_CHANGE) {
        make_family(host, &request->change);
    } else if (request->kind == REQUEST_EXPORT) {
        reply->value = slice_of_text(host->bundle);
    } else if (request->kind == REQUEST_IMPORT) {
        reply->existed = host->import.news > 0;
        reply->bundle = host->import;
    } else if (request->kind < REQUEST_LIST && record == NULL) {
        reply->error = ERR_NOT_FOUND;
    } else if (request->kind == REQUEST_READ) {
        reply->value = slice_of(record->value, record->value_bytes);
        reply->stamp = record->stamp;
        reply->is_stable = host->is_stable;
        reply->expiry_ms = record->expiry_ms;
        reply->versions = buf_slice(&host->conflicts);
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
    host->last_value_bytes = request->value.length;
    snprintf(host->last_channel, sizeof host->last_channel, "%.*s", (int)request->channel.length,
             request->channel.length == 0 ? "" : (const char *)request->channel.bytes);
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

const struct epidemic *host_epidemic(const struct host *host)
{
    return host->has_epidemic ? &host->epidemic : NULL;
}

void host_follow(struct host *host)
{
    host->epidemic.is_followed = true;
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
    return FAKE_WALL_MS;
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
