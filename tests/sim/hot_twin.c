#include "hot_twin.h"

#include "base/check.h"

#include <stdlib.h>

static const struct delay base_sync = {.us_min = 1, .us_max = 50};
static const char last_key[] = "last";

void hot_twin_init(struct hot_twin *twin, uint64_t seed)
{
    memset(twin, 0, sizeof *twin);
    rng_init(&twin->rng, seed);
    twin->disk = file_sim_new(rng_u64(&twin->rng));
    twin->timeline = timeline_new();
    twin->base = store_sim_new(twin->timeline, rng_u64(&twin->rng), &base_sync);
    twin->boot = 1;
    twin->clean = true;
}

void hot_twin_release(struct hot_twin *twin)
{
    if (twin->store != NULL)
        hot_twin_kill(twin);
    store_sim_free(twin->base);
    timeline_free(twin->timeline);
    file_sim_free(twin->disk);
}

// --- the store's surroundings

static void on_base_done(void *context, uint64_t batch, enum err error)
{
    struct hot_twin *twin = context;
    hot_store_base_done(twin->store, batch, error);
}

static void wait_for_base(void *context)
{
    struct hot_twin *twin = context;
    CHECK(timeline_step(twin->timeline));
}

static void on_done(void *context, uint64_t batch, enum err error)
{
    struct hot_twin *twin = context;
    uint32_t state = twin->first + (uint32_t)batch;
    CHECK(state > twin->reported && state <= twin->committed);
    if (error != ERR_OK) {
        // The first one that failed may be in the log, none after it.
        if (!twin->failed && !twin->sync_failed)
            twin->ceiling = twin->reported + 1;
        twin->failed = true;
        return;
    }
    CHECK(!twin->failed && !twin->sync_failed);
    twin->reported = state;
}

// --- comparing

static size_t value_length(uint32_t number)
{
    return sizeof number + number * 131u % TWIN_VALUE_BYTES_MAX;
}

static struct slice value_of(uint32_t number, uint8_t bytes[sizeof number + TWIN_VALUE_BYTES_MAX])
{
    size_t length = value_length(number);
    memset(bytes, (int)(number & 0xff), length);
    memcpy(bytes, &number, sizeof number);
    return slice_of(bytes, length);
}

struct scanned {
    struct twin_state state;
    uint8_t next;
};

static bool take_pair(void *context, struct slice key, struct slice value)
{
    struct scanned *scanned = context;
    uint8_t bytes[sizeof(uint32_t) + TWIN_VALUE_BYTES_MAX];
    uint32_t number;
    CHECK(key.length == 1 && key.bytes[0] >= scanned->next && key.bytes[0] < TWIN_KEYS);
    CHECK(value.length >= sizeof number);
    memcpy(&number, value.bytes, sizeof number);
    CHECK(slice_equal(value, value_of(number, bytes)));
    scanned->state.keys[key.bytes[0]] = number;
    scanned->next = (uint8_t)(key.bytes[0] + 1);
    return true;
}

static void check_state(struct hot_twin *twin, uint32_t state)
{
    struct store port = hot_store_port(twin->store);
    struct scanned scanned = {0};
    struct slice nothing = slice_of(NULL, 0);
    CHECK(port.ops->scan(port.self, STORE_RECORDS, nothing, nothing, take_pair, &scanned) ==
          ERR_OK);
    CHECK(memcmp(&scanned.state, &twin->states[state], sizeof scanned.state) == 0);
    for (uint8_t key = 0; key < TWIN_KEYS; key++) {
        struct slice found;
        enum err error = port.ops->get(port.self, STORE_RECORDS, slice_of(&key, 1), &found);
        CHECK(error == (scanned.state.keys[key] == 0 ? ERR_NOT_FOUND : ERR_OK));
    }
}

static uint32_t found_state(struct hot_twin *twin)
{
    struct store port = hot_store_port(twin->store);
    struct slice found;
    uint32_t state = 0;
    enum err error = port.ops->get(port.self, STORE_META, slice_of_text(last_key), &found);
    CHECK(error == ERR_OK || error == ERR_NOT_FOUND);
    if (error == ERR_OK)
        memcpy(&state, found.bytes, sizeof state);
    return state;
}

// --- opening

static void forget_store(struct hot_twin *twin, bool finish_base)
{
    uint64_t unreported = store_sim_unreported(twin->base);
    hot_store_free(twin->store);
    twin->store = NULL;
    store_sim_crash(twin->base, finish_base ? unreported : rng_below(&twin->rng, unreported + 1));
}

static void settle_suspicion(struct hot_twin *twin)
{
    bool suspect = hot_store_suspect(twin->store);
    CHECK(suspect || !twin->suspicious);
    CHECK(!suspect || twin->suspicious || twin->maybe);
    twin->suspicious = suspect;
    twin->maybe = false;
    if (suspect && rng_one_in(&twin->rng, 2)) {
        twin->maybe = hot_store_trust(twin->store) != ERR_OK;
        twin->suspicious = false;
    }
}

enum err hot_twin_open(struct hot_twin *twin)
{
    struct hot_store_config config = {.files = file_sim_port(twin->disk),
                                      .boot = {twin->boot},
                                      .seed = rng_u64(&twin->rng),
                                      .hot_bytes_max = 20000,
                                      .flush_bytes = 8000,
                                      .base = store_sim_open(twin->base, on_base_done, twin),
                                      .base_wait = wait_for_base,
                                      .done = on_done,
                                      .context = twin};
    twin->store = hot_store_new(&config);
    enum err error = hot_store_recover(twin->store, "the disk", NULL);
    if (error != ERR_OK) {
        forget_store(twin, false);
        file_sim_process_died(twin->disk);
        twin->maybe = true;
        return error;
    }
    twin->clean = false;
    uint32_t state = found_state(twin);
    CHECK(state >= twin->reported && state <= twin->ceiling);
    check_state(twin, state);
    settle_suspicion(twin);
    twin->first = state;
    twin->committed = state;
    twin->ceiling = state;
    twin->reported = state;
    twin->synced = state;
    twin->failed = false;
    twin->sync_failed = false;
    return ERR_OK;
}

// --- a run

void hot_twin_write(struct hot_twin *twin)
{
    struct store port = hot_store_port(twin->store);
    uint32_t number = twin->committed + 1;
    CHECK(number < TWIN_STATES_MAX);
    struct twin_state *state = &twin->states[number];
    *state = twin->states[number - 1];
    for (uint64_t writes = 1 + rng_below(&twin->rng, 3); writes > 0; writes--) {
        uint8_t bytes[sizeof number + TWIN_VALUE_BYTES_MAX];
        uint8_t key = (uint8_t)rng_below(&twin->rng, TWIN_KEYS);
        bool removes = rng_one_in(&twin->rng, 3);
        state->keys[key] = removes ? 0 : number;
        if (removes)
            port.ops->remove(port.self, STORE_RECORDS, slice_of(&key, 1));
        else
            port.ops->put(port.self, STORE_RECORDS, slice_of(&key, 1), value_of(number, bytes));
    }
    port.ops->put(port.self, STORE_META, slice_of_text(last_key), slice_of(&number, sizeof number));
    twin->committed = number;
    (void)port.ops->commit(port.self);
    // What follows a failed batch is never applied; the batch itself may have been.
    if (!twin->failed)
        twin->ceiling = number;
}

// As the syncer's thread does.
static void sync_log(struct hot_twin *twin)
{
    struct files files = file_sim_port(twin->disk);
    struct file *logs[LOG_FILES];
    hot_store_log_files(twin->store, logs);
    enum err error = ERR_OK;
    for (int i = 0; i < LOG_FILES && error == ERR_OK; i++)
        error = files.ops->sync(files.self, logs[i]);
    if (error == ERR_OK) {
        hot_store_poll(twin->store);
        twin->synced = twin->sync_failed ? twin->synced : twin->reported;
        return;
    }
    hot_store_sync_failed(twin->store, error);
    twin->maybe = true;
    twin->sync_failed = true;
}

static void check_when_whole(struct hot_twin *twin)
{
    if (!twin->failed)
        check_state(twin, twin->committed);
}

void hot_twin_step(struct hot_twin *twin)
{
    switch (rng_below(&twin->rng, 10)) {
    case 0:
        hot_store_flush(twin->store);
        break;
    case 1:
        (void)timeline_step(twin->timeline);
        break;
    case 2:
        sync_log(twin);
        break;
    case 3:
    case 4:
        hot_store_poll(twin->store);
        check_when_whole(twin);
        break;
    default:
        hot_twin_write(twin);
    }
}

bool hot_twin_close(struct hot_twin *twin)
{
    uint32_t committed = twin->committed;
    bool settled = hot_store_settle(twin->store) == ERR_OK;
    if (settled) {
        CHECK(!twin->failed && !twin->sync_failed);
        twin->clean = true;
        twin->reported = committed;
        twin->synced = committed;
    }
    forget_store(twin, settled);
    file_sim_process_died(twin->disk);
    return settled;
}

void hot_twin_fail(struct hot_twin *twin)
{
    enum err error = rng_one_in(&twin->rng, 2) ? ERR_FULL : ERR_IO;
    twin->maybe = true;
    file_sim_fail(twin->disk, rng_below(&twin->rng, 40), error);
}

void hot_twin_halt(struct hot_twin *twin)
{
    twin->maybe = true;
    file_sim_halt(twin->disk, rng_below(&twin->rng, 40));
}

void hot_twin_kill(struct hot_twin *twin)
{
    forget_store(twin, false);
    file_sim_process_died(twin->disk);
}

void hot_twin_cut_power(struct hot_twin *twin)
{
    if (twin->store != NULL)
        forget_store(twin, false);
    file_sim_power_lost(twin->disk);
    twin->reported = twin->synced;
    twin->boot++;
    twin->suspicious = twin->suspicious || !twin->clean;
}
