// Writes the seeds of the fuzz targets: `seeds DIRECTORY` makes
// DIRECTORY/<target>/<number>.
//
// They come from the encoders themselves, so that they are always of the format that is decoded.
#include "base/check.h"
#include "core/map/wants.h"
#include "model/cluster_map.h"
#include "model/request.h"
#include "wire/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { SEED_BYTES_MAX = 1 << 20, PATH_BYTES_MAX = 4096 };

static const char *directory;

static void make_directory(const char *path)
{
    struct stat found;
    if (mkdir(path, 0755) != 0 && stat(path, &found) != 0) {
        perror(path);
        exit(1);
    }
}

// Writes `seed` as file `number` of `target` and empties it.
static void write_seed(const char *target, unsigned number, struct buf *seed)
{
    char path[PATH_BYTES_MAX];
    CHECK(!seed->overflown);
    snprintf(path, sizeof path, "%s/%s", directory, target);
    make_directory(path);
    snprintf(path, sizeof path, "%s/%s/%u", directory, target, number);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(seed->bytes, 1, seed->length, file) != seed->length ||
        fclose(file) != 0) {
        perror(path);
        exit(1);
    }
    buf_clear(seed);
}

static void write_records(struct buf *seed)
{
    const struct record records[] = {
        {.stamp = stamp_make(1, 1, 7), .value = slice_of_text("value")},
        {.stamp = stamp_make(2, 9, 7), .operation = {3, 4}, .dead = true},
        {.stamp = stamp_make(3, 1, 1), .expiry_ms = 1700000000000, .value = slice_of_text("x")},
    };
    for (unsigned i = 0; i < sizeof records / sizeof records[0]; i++) {
        record_encode(seed, &records[i]);
        write_seed("record", i, seed);
    }
}

static void add_keyspace(struct cluster_map *map, struct keyspace keyspace, unsigned spread)
{
    struct replica_set *slots = memory_zeroed(SLOTS, sizeof *slots);
    struct map_keyspace *added = &map->keyspaces[map->keyspace_count++];
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        node_id primary = (node_id)(1 + slot * spread / SLOTS);
        slots[slot] = (struct replica_set){.in_sync = node_bit(1) | node_bit(primary),
                                           .target = node_bit(1) | node_bit(primary),
                                           .primary = primary,
                                           .target_primary = primary};
    }
    slots[9].joining = node_bit(3);
    slots[9].join_epoch = map->epoch;
    added->keyspace = keyspace;
    map_keyspace_intern(added, slots);
    map->next_keyspace_id++;
    free(slots);
}

static void write_maps(struct buf *seed)
{
    static struct cluster_map map;
    map = (struct cluster_map){.cluster = {1, 2}, .epoch = 5, .lease_ms = 1000, .voters = 7};
    map.node_count = 3;
    for (unsigned i = 0; i < 3; i++) {
        struct map_node *node = &map.nodes[i];
        *node = (struct map_node){.id = (node_id)(i + 1), .store_id = 100 + i, .incarnation = 1};
        snprintf(node->peer_address, sizeof node->peer_address, "127.0.0.1:%u", 5100 + i);
        snprintf(node->http_address, sizeof node->http_address, "127.0.0.1:%u", 5000 + i);
    }
    for (unsigned i = 0; i < 3; i++) {
        struct keyspace keyspace = {
            .id = i, .strategy = STRATEGY_FULL, .replication_factor = 3, .min_in_sync = 1};
        snprintf(keyspace.name, sizeof keyspace.name, "space-%u", i);
        cluster_map_encode(seed, &map);
        write_seed("cluster_map", i, seed);
        add_keyspace(&map, keyspace, i < 2 ? i + 1 : 2);
    }
    map.nodes[2].state = NODE_FAILED;
    CHECK(cluster_map_check(&map) == ERR_OK);
    cluster_map_encode(seed, &map);
    write_seed("cluster_map", 3, seed);
    cluster_map_release(&map);
}

static void write_requests(struct buf *seed)
{
    const struct request requests[] = {
        {.kind = REQUEST_READ, .key = slice_of_text("key"), .consistency = CONSISTENCY_LOCAL},
        {.kind = REQUEST_PUT,
         .key = slice_of_text("{a}key"),
         .value = slice_of_text("value"),
         .condition = CONDITION_STAMP,
         .expected = stamp_make(1, 2, 3),
         .operation = {5, 6}},
        {.kind = REQUEST_DELETE, .key = slice_of_text("key"), .condition = CONDITION_PRESENT},
        {.kind = REQUEST_LIST,
         .prefix = slice_of_text("k"),
         .cursor = {77, slice_of_text("key")},
         .limit = 100},
        {.kind = REQUEST_CHANGE, .change = {.kind = CHANGE_FAIL, .node = 2}},
        {.kind = REQUEST_CHANGE,
         .change = {.kind = CHANGE_KEYSPACE_CREATE,
                    .name = "users",
                    .strategy = STRATEGY_CONSISTENT,
                    .replication_factor = 3,
                    .min_in_sync = 2}},
    };
    for (unsigned i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        request_encode(seed, &requests[i]);
        write_seed("request", i, seed);
    }
}

static void write_replies(struct buf *seed)
{
    struct buf entries, versions;
    buf_init(&entries, SEED_BYTES_MAX);
    buf_init(&versions, SEED_BYTES_MAX);
    const struct list_entry first = {slice_of_text("key"), stamp_make(1, 2, 3), 5};
    const struct list_entry second = {slice_of_text("kez"), stamp_make(1, 3, 3), 0};
    list_entry_append(&entries, &first);
    list_entry_append(&entries, &second);
    const struct version_entry greater = {stamp_make(1, 3, 3), true, 1700000000000,
                                          slice_of_text("value")};
    const struct version_entry lesser = {stamp_make(1, 2, 3), false, 0, slice_of_text("")};
    version_entry_append(&versions, &greater);
    version_entry_append(&versions, &lesser);
    const struct reply replies[] = {
        {.error = ERR_OK, .existed = true, .stamp = {9, 1}, .value = slice_of_text("value")},
        {.error = ERR_UNAVAILABLE, .awaited = 5},
        {.error = ERR_OK, .entries = buf_slice(&entries), .cursor = {12, slice_of_text("kez")}},
        {.error = ERR_OK,
         .existed = true,
         .stamp = {9, 1},
         .value = slice_of_text("value"),
         .is_stable = true,
         .versions = buf_slice(&versions)},
        {.error = ERR_OK, .bundle = {300, 2, true}, .value = slice_of_text("bundle")},
    };
    for (unsigned i = 0; i < sizeof replies / sizeof replies[0]; i++) {
        reply_encode(seed, &replies[i]);
        write_seed("request", 100 + i, seed);
    }
    buf_append_slice(seed, buf_slice(&entries));
    write_seed("request", 200, seed);
    buf_append_slice(seed, buf_slice(&versions));
    write_seed("request", 201, seed);
    buf_release(&entries);
    buf_release(&versions);
}

// One of each kind, and some with something in every field.
static void write_messages(struct buf *seed)
{
    for (unsigned kind = 0; kind < MESSAGE_KIND_COUNT; kind++) {
        const struct message message = {.kind = (enum message_kind)kind,
                                        .epoch = 300,
                                        .sequence = 1,
                                        .from_incarnation = 2,
                                        .to_incarnation = 3};
        message_encode(seed, &message);
        write_seed("message", kind, seed);
    }
    const struct message filled[] = {
        {.kind = MESSAGE_JOIN,
         .join = {.store_id = 1,
                  .incarnation = 2,
                  .cluster_high = 3,
                  .cluster_low = 4,
                  .peer_address = slice_of_text("127.0.0.1:5100"),
                  .http_address = slice_of_text("127.0.0.1:5000")}},
        {.kind = MESSAGE_PROMISE, .promise = {9, 8, 7, 6, 5, 4, slice_of_text("accepted")}},
        {.kind = MESSAGE_CHECK, .check = {1, stamp_make(2, 3, 4), true, slice_of_text("key")}},
        {.kind = MESSAGE_TAKEOVER,
         .takeover = {slice_of_text("after"), true, slice_of_text("records")}},
        {.kind = MESSAGE_PEER_HELLO,
         .peer_hello = {true, slice_of_text("127.0.0.1:5100"), slice_of_text("spaces"),
                        slice_of_text("peers")}},
        {.kind = MESSAGE_SESSION_OPEN,
         .session_open = {1, 2, 3, true, stamp_make(2, 3, 4), slice_of_text("summary")}},
        {.kind = MESSAGE_SESSION_KNOWN,
         .session_known = {1, 2, true, stamp_make(2, 3, 4), 5, slice_of_text("known"),
                           slice_of_text("horizon")}},
        {.kind = MESSAGE_AUDIT_VERDICT,
         .audit_verdict = {1, 2, true, true, slice_of_text("drop"), slice_of_text("want"),
                           slice_of_text("items")}},
    };
    for (unsigned i = 0; i < sizeof filled / sizeof filled[0]; i++) {
        message_encode(seed, &filled[i]);
        write_seed("message", MESSAGE_KIND_COUNT + i, seed);
    }
}

static void write_wants(struct buf *seed)
{
    static struct wants wants;
    static struct want_promote promote = {
        .keyspace = 1, .node = 2, .incarnation = 3, .join_epoch = 4};
    wants.bump = true;
    wants_encode(seed, &wants);
    write_seed("wants", 0, seed);
    wants_add_admit(&wants, &(struct want_admit){.store_id = 7,
                                                 .incarnation = 2,
                                                 .peer_address = "127.0.0.1:5100",
                                                 .http_address = "127.0.0.1:5000"});
    wants_add_change(&wants, &(struct change){.kind = CHANGE_FAIL, .node = 2});
    slot_set_add(&promote.slots, 5);
    slot_set_add(&promote.slots, SLOTS - 1);
    wants_add_shrink(&wants, 1, &promote.slots);
    wants_add_promote(&wants, &promote);
    wants_encode(seed, &wants);
    write_seed("wants", 1, seed);
}

int main(int count, char **arguments)
{
    if (count != 2) {
        fprintf(stderr, "usage: seeds DIRECTORY\n");
        return 2;
    }
    struct buf seed;
    directory = arguments[1];
    make_directory(directory);
    buf_init(&seed, SEED_BYTES_MAX);
    write_records(&seed);
    write_maps(&seed);
    write_requests(&seed);
    write_replies(&seed);
    write_messages(&seed);
    write_wants(&seed);
    buf_release(&seed);
    return 0;
}
