#include "sim/sync_run.h"

#include "base/check.h"
#include "core/strong/record_store.h"
#include "sim/cluster_sim.h"
#include "sim/end_checks.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    NODES = 2,
    AWAY = 2, // the node that fails
    LOOK_US = 20000,
    WAIT_LOOKS_MAX = 20000,
    BATCH_RECORDS = 100000,
    IN_PROGRESS_MAX = 100,
    VALUE_BYTES = 100,
    KEY_TEXT_MAX = 32
};

struct loaded {
    char key[KEY_TEXT_MAX];
    uint16_t slot;
};

struct sync_bench {
    struct cluster_sim cluster;
    struct loaded *records;
    uint32_t count;
    uint32_t in_progress;
    uint32_t written;
    uint64_t loading; // batches that are not reported yet
    struct sync_run_result *result;
};

static void look(struct sync_bench *bench)
{
    struct timeline *timeline = bench->cluster.timeline;
    timeline_run_until(timeline, timeline_now_us(timeline) + LOOK_US);
}

static bool wait_until_whole(struct sync_bench *bench)
{
    for (unsigned looks = 0; looks < WAIT_LOOKS_MAX; looks++) {
        if (end_checks_is_whole(cluster_sim_map(&bench->cluster), NODES) &&
            end_checks_at_rest(&bench->cluster))
            return true;
        look(bench);
    }
    return false;
}

// --- the records, the same in both stores

static int compare_loaded(const void *left, const void *right)
{
    const struct loaded *a = left;
    const struct loaded *b = right;
    return a->slot != b->slot ? (a->slot < b->slot ? -1 : 1) : strcmp(a->key, b->key);
}

static void make_records(struct sync_bench *bench, uint32_t count)
{
    bench->count = count;
    bench->records = memory_zeroed(count, sizeof *bench->records);
    for (uint32_t i = 0; i < count; i++) {
        struct loaded *record = &bench->records[i];
        snprintf(record->key, sizeof record->key, "record-%u", i);
        record->slot = slot_of_key(slice_of_text(record->key));
    }
    // In the order of the store, so that loading it is quick.
    qsort(bench->records, count, sizeof *bench->records, compare_loaded);
}

static void put_record(const struct store *store, const struct loaded *loaded, uint32_t number)
{
    uint8_t value[VALUE_BYTES];
    struct store_key name;
    struct buf bytes;
    memset(value, (int)(number & 0xff), sizeof value);
    struct record record = {.stamp = stamp_make(1, number + 1, 1),
                            .value = slice_of(value, sizeof value)};
    buf_init(&bytes, sizeof value + RECORD_OVERHEAD_MAX);
    record_encode(&bytes, &record);
    store_key_make(&name, 0, loaded->slot, slice_of_text(loaded->key));
    store->ops->put(store->self, STORE_RECORDS, store_key_slice(&name), buf_slice(&bytes));
    buf_release(&bytes);
}

static void on_loaded(void *context, uint64_t batch, enum err error)
{
    struct sync_bench *bench = context;
    (void)batch;
    CHECK(error == ERR_OK);
    bench->loading = 0;
}

static void load(struct sync_bench *bench, struct sim_node *node)
{
    struct store store = store_sim_open(node->data, on_loaded, bench);
    for (uint32_t i = 0; i < bench->count; i++) {
        put_record(&store, &bench->records[i], i);
        if ((i + 1) % BATCH_RECORDS == 0)
            bench->loading = store.ops->commit(store.self);
    }
    bench->loading = store.ops->commit(store.self);
    while (store_sim_unreported(node->data) > 0)
        look(bench);
    store_sim_crash(node->data, 0);
}

// --- changes

static void on_written(void *context, const struct reply *reply)
{
    struct sync_bench *bench = context;
    bench->in_progress--;
    bench->written += reply->error == ERR_OK;
}

// Spread over all slots.
static void write_some(struct sync_bench *bench, uint32_t changed)
{
    uint8_t value[VALUE_BYTES] = {1};
    for (uint32_t i = 0; i < changed; i++) {
        uint64_t at = (uint64_t)i * bench->count / changed;
        struct request request = {.kind = REQUEST_PUT,
                                  .key = slice_of_text(bench->records[at].key),
                                  .value = slice_of(value, sizeof value)};
        while (bench->in_progress >= IN_PROGRESS_MAX)
            look(bench);
        bench->in_progress++;
        cluster_sim_request(&bench->cluster.nodes[0], &request, on_written, bench);
    }
    while (bench->in_progress > 0)
        look(bench);
}

static void on_changed(void *context, const struct reply *reply)
{
    bool *answered = context;
    *answered = reply->error == ERR_OK;
}

static bool change(struct sync_bench *bench, enum change_kind kind)
{
    bool answered = false;
    struct request request = {.kind = REQUEST_CHANGE, .change = {.kind = kind, .node = AWAY}};
    cluster_sim_request(&bench->cluster.nodes[0], &request, on_changed, &answered);
    for (unsigned looks = 0; looks < WAIT_LOOKS_MAX && !answered; looks++)
        look(bench);
    return answered;
}

// --- counting

static void count_records(struct sync_run_result *result, struct slice records)
{
    result->record_bytes += records.length;
    struct cursor in = cursor_of(records);
    while (cursor_left(&in) > 0 && !in.failed) {
        uint8_t entry = cursor_u8(&in);
        if (entry != 0) {
            cursor_counted(&in);
            cursor_counted(&in);
            result->records_sent++;
        }
    }
}

static void watch(void *context, enum net_sim_fate fate, uint64_t from, uint64_t to,
                  struct slice bytes)
{
    struct sync_run_result *result = context;
    struct message message;
    (void)from;
    (void)to;
    if (fate != NET_SIM_DELIVERED || message_decode(bytes, &message) != ERR_OK)
        return;
    bool asks = message.kind == MESSAGE_SYNC_OPEN || message.kind == MESSAGE_SYNC_MORE ||
                message.kind == MESSAGE_SYNC_FETCH;
    bool answers = message.kind == MESSAGE_SYNC_SYMBOLS || message.kind == MESSAGE_SYNC_RECORDS;
    if (!asks && !answers)
        return;
    result->control_bytes += bytes.length;
    result->round_trips += asks;
    result->sessions += message.kind == MESSAGE_SYNC_OPEN;
    if (message.kind == MESSAGE_SYNC_RECORDS) {
        result->control_bytes -= message.sync_records.records.length;
        count_records(result, message.sync_records.records);
    }
}

static bool form(struct sync_bench *bench)
{
    for (unsigned i = 0; i < NODES; i++)
        cluster_sim_add_node(&bench->cluster);
    if (!wait_until_whole(bench))
        return false;
    for (unsigned i = 0; i < NODES; i++)
        sim_node_crash(&bench->cluster.nodes[i]);
    for (unsigned i = 0; i < NODES; i++)
        load(bench, &bench->cluster.nodes[i]);
    for (unsigned i = 0; i < NODES; i++)
        if (!sim_node_start(&bench->cluster.nodes[i]))
            return false;
    return wait_until_whole(bench);
}

void sync_run(const struct sync_run_setting *setting, struct sync_run_result *out)
{
    static const struct net_sim_faults calm = {.delay = {.us_min = 50, .us_max = 300}};
    struct sync_bench bench = {.result = out};
    *out = (struct sync_run_result){0};
    cluster_sim_init(&bench.cluster, setting->seed, &calm);
    bench.cluster.repair_delay_ms = UINT32_MAX;
    make_records(&bench, setting->records);
    if (form(&bench) && change(&bench, CHANGE_FAIL)) {
        write_some(&bench, setting->changed);
        net_sim_set_watch(bench.cluster.net, watch, out);
        out->whole = change(&bench, CHANGE_RECOVER) && wait_until_whole(&bench) &&
                     bench.written == setting->changed && out->records_sent >= setting->changed &&
                     bench.cluster.violation == NULL;
    }
    cluster_sim_release(&bench.cluster);
    free(bench.records);
}
