// What is done now and then: garbage, recounts, and forgetting everything.

#include "core/epidemic/space_parts.h"

#include "base/check.h"

// Keys that one sweep looks at, whatever it is asked for.
#define SWEEP_KEYS_MAX 1024u
// Records that one call of space_forget removes, whatever it is asked for.
#define FORGET_PAIRS_MAX 4096u

// --- sweep

struct sweep {
    struct space *space;
    struct buf *after; // the store key that was visited last
    struct buf keys;   // those with more than live versions: counted, each
    uint32_t left;
    bool is_ended; // before the last key
};

static bool visit_swept(void *context, struct slice name, struct slice value)
{
    struct sweep *sweep = context;
    struct space_entry entry;
    struct slice key;
    uint16_t slot;
    bool is_spent = false;
    bool expires = false;
    uint32_t live = 0;
    if (sweep->left == 0) {
        sweep->is_ended = true;
        return false;
    }
    sweep->left--;
    buf_clear(sweep->after);
    buf_append_slice(sweep->after, name);
    struct cursor in = cursor_of(value);
    while (space_entry_next(&in, &entry)) {
        is_spent |= entry.state != VERSION_LIVE;
        live += entry.state == VERSION_LIVE;
        expires |= entry.state == VERSION_LIVE && entry.expires;
    }
    if (!space_key_read_versions(name, &slot, &key))
        return true;
    if (is_spent)
        buf_append_counted(&sweep->keys, key);
    if (live > VERSIONS_LIVE_MAX && sweep->space->on_crowded != NULL)
        sweep->space->on_crowded(sweep->space->change_context, sweep->space, key);
    if (expires && sweep->space->on_expiring != NULL)
        sweep->space->on_expiring(sweep->space->change_context, sweep->space, key);
    return true;
}

static enum err collect_keys(struct space *space, struct sweep *sweep)
{
    struct space_key first;
    struct space_key end;
    space_key_range(&first, &end, space->id);
    if (space->swept_after.length > 0) {
        memcpy(first.bytes, space->swept_after.bytes, space->swept_after.length);
        first.length = space->swept_after.length;
        space_key_step(&first);
    }
    return overlay_scan(space->store, STORE_VERSIONS, space_key_slice(&first),
                        space_key_slice(&end), visit_swept, sweep);
}

static bool sweep_key(struct space *space, struct effects *effects, struct slice key)
{
    uint64_t revision = space->revision;
    if (!space_has_room(space, 0))
        return false;
    if (space_hand_load_tidy(space, key) == ERR_OK) {
        space_hand_store(space, effects, key, NULL);
        if (space->revision != revision)
            space_put_state(space, effects);
    }
    return true;
}

bool space_sweep(struct space *space, struct effects *effects, uint32_t keys)
{
    if (space->forgetting)
        return space_forget(space, effects, keys);
    struct sweep sweep = {.space = space,
                          .after = &space->swept_after,
                          .left = keys < SWEEP_KEYS_MAX ? keys : SWEEP_KEYS_MAX};
    bool is_done = space_reissue(space, effects);
    buf_init(&sweep.keys, SWEEP_KEYS_MAX * (KEY_BYTES_MAX + 2));
    bool failed = collect_keys(space, &sweep) != ERR_OK;
    struct cursor in = cursor_of(buf_slice(&sweep.keys));
    bool has_room = true;
    while (has_room && cursor_left(&in) > 0)
        has_room = sweep_key(space, effects, cursor_counted(&in));
    buf_release(&sweep.keys);
    // What found no room is met again in the next round.
    if (!sweep.is_ended || failed)
        buf_clear(&space->swept_after);
    return is_done && !sweep.is_ended;
}

// --- recount

struct recount {
    struct space *space;
    struct space_digests digests;
    uint64_t by_operations[VERSION_STATE_COUNT];
    uint64_t by_keys[VERSION_STATE_COUNT];
    bool is_bad;
};

static bool count_operation(void *context, struct slice name, struct slice value)
{
    struct recount *recount = context;
    const struct space *space = recount->space;
    struct stored stored;
    struct dot dot;
    uint64_t id_head;
    bool is_good = space_key_read_operation(name, &dot, &id_head) &&
                   stored_decode(value, space->id, &stored) == ERR_OK &&
                   dot_equal(dot, stored.operation.dot);
    if (!is_good) {
        recount->is_bad = true;
        return true;
    }
    recount->by_operations[stored.state]++;
    if (stored.state == VERSION_LIVE) {
        struct slice key = stored.operation.key;
        struct sha256 id = operation_id_of(&stored.operation);
        space_digests_add(&recount->digests, slot_of_key(key),
                          space_item_hash(space->setting.secret, key, dot, &id));
    }
    return true;
}

static bool count_entries(void *context, struct slice name, struct slice value)
{
    struct recount *recount = context;
    struct space_entry entry;
    struct cursor in = cursor_of(value);
    (void)name;
    while (space_entry_next(&in, &entry))
        recount->by_keys[entry.state]++;
    recount->is_bad |= in.failed;
    return true;
}

static enum err count_all(struct recount *recount)
{
    struct space_key first;
    struct space_key end;
    struct overlay *store = recount->space->store;
    space_key_range(&first, &end, recount->space->id);
    enum err error = overlay_scan(store, STORE_OPERATIONS, space_key_slice(&first),
                                  space_key_slice(&end), count_operation, recount);
    if (error == ERR_OK)
        error = overlay_scan(store, STORE_VERSIONS, space_key_slice(&first), space_key_slice(&end),
                             count_entries, recount);
    return error;
}

static bool is_equal(const struct recount *recount)
{
    const struct space *space = recount->space;
    const uint64_t *counts = recount->by_operations;
    return !recount->is_bad && memcmp(counts, recount->by_keys, sizeof recount->by_keys) == 0 &&
           space->certificates == counts[VERSION_CERTIFICATE] &&
           space->covered == counts[VERSION_BARE] + counts[VERSION_KEPT] &&
           space_digests_equal(&space->digests, &recount->digests);
}

// Takes over what was counted, and owns the old digests from then on.
static void take_recount(struct recount *recount, struct effects *effects)
{
    struct space *space = recount->space;
    struct space_digests old = space->digests;
    space->digests = recount->digests;
    recount->digests = old;
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        struct digest was = space_digests_slot(&old, (uint16_t)slot);
        struct digest is = space_digests_slot(&space->digests, (uint16_t)slot);
        if (!digest_equal(&was, &is))
            space_put_digest(space, effects, (uint16_t)slot);
    }
    space->certificates = recount->by_operations[VERSION_CERTIFICATE];
    space->covered = recount->by_operations[VERSION_BARE] + recount->by_operations[VERSION_KEPT];
    space->damaged = true;
    space->revision++;
    space_put_state(space, effects);
}

enum err space_recount(struct space *space, struct effects *effects, bool *out_equal)
{
    struct recount recount = {.space = space};
    if (space->forgetting)
        return ERR_BUSY;
    space_digests_init(&recount.digests);
    enum err error = count_all(&recount);
    *out_equal = error == ERR_OK && is_equal(&recount);
    if (error == ERR_OK && !*out_equal)
        take_recount(&recount, effects);
    space_digests_release(&recount.digests);
    return error;
}

// --- one slot

struct slot_count {
    struct buf items; // the dot and the head of the id, each
};

static bool gather_item(void *context, const struct space_item *item)
{
    struct slot_count *count = context;
    buf_append_u64_be(&count->items, item->dot.origin);
    buf_append_u64_be(&count->items, item->dot.sequence);
    buf_append_u64_be(&count->items, item->id_head);
    return !count->items.overflown;
}

// Adds up what is there; what is named and not there is left out.
static enum err add_up(struct space *space, struct slice items, struct digest *out)
{
    struct cursor in = cursor_of(items);
    while (cursor_left(&in) > 0) {
        struct operation operation;
        enum operation_form form;
        struct dot dot = {.origin = cursor_u64_be(&in)};
        dot.sequence = cursor_u64_be(&in);
        enum err error = space_find(space, dot, cursor_u64_be(&in), &operation, &form);
        if (error == ERR_NOT_FOUND || error == ERR_CORRUPT)
            continue;
        if (error != ERR_OK)
            return error;
        struct sha256 id = operation_id_of(&operation);
        if (form == OPERATION_PUT)
            digest_add(out, space_item_hash(space->setting.secret, operation.key, dot, &id));
    }
    return ERR_OK;
}

enum err space_check_slot(struct space *space, struct effects *effects, uint16_t slot,
                          bool *out_equal)
{
    struct slot_count count;
    struct digest counted = {0};
    if (space->forgetting)
        return ERR_BUSY;
    buf_init(&count.items, SIZE_MAX / 2);
    enum err error = space_walk_slot(space, slot, gather_item, &count);
    bool is_torn = error == ERR_CORRUPT;
    if (error == ERR_OK || is_torn)
        error = add_up(space, buf_slice(&count.items), &counted);
    buf_release(&count.items);
    struct digest kept = space_digests_slot(&space->digests, slot);
    *out_equal = error == ERR_OK && !is_torn && digest_equal(&kept, &counted);
    if (error != ERR_OK || *out_equal)
        return error;
    space_digests_replace(&space->digests, slot, &counted);
    space_put_digest(space, effects, slot);
    space->damaged = true;
    space->revision++;
    space_put_state(space, effects);
    return ERR_OK;
}

// --- forgetting

struct forgotten {
    struct buf *keys; // counted, each
    uint32_t left;
    enum store_table table;
};

static bool visit_forgotten(void *context, struct slice name, struct slice value)
{
    struct forgotten *forgotten = context;
    enum record_kind kind;
    uint64_t origin;
    uint16_t slot;
    (void)value;
    if (forgotten->table == STORE_SPACES && space_key_read_record(name, &kind, &origin, &slot) &&
        kind == RECORD_STATE)
        return true;
    if (forgotten->left == 0)
        return false;
    forgotten->left--;
    buf_append_counted(forgotten->keys, name);
    return true;
}

// Removes up to `most` pairs of a table; gives how many.
static uint32_t forget_in(struct space *space, struct effects *effects, enum store_table table,
                          uint32_t most)
{
    struct space_key first;
    struct space_key end;
    struct buf keys;
    struct forgotten forgotten = {.keys = &keys, .left = most, .table = table};
    buf_init(&keys, FORGET_PAIRS_MAX * (STORE_KEY_BYTES_MAX + 2));
    space_key_range(&first, &end, space->id);
    enum err error = overlay_scan(space->store, table, space_key_slice(&first),
                                  space_key_slice(&end), visit_forgotten, &forgotten);
    struct cursor in = cursor_of(buf_slice(&keys));
    while (error == ERR_OK && cursor_left(&in) > 0)
        overlay_remove(space->store, effects, table, cursor_counted(&in));
    buf_release(&keys);
    return error == ERR_OK ? most - forgotten.left : most;
}

bool space_forget(struct space *space, struct effects *effects, uint32_t most)
{
    static const enum store_table tables[] = {STORE_OPERATIONS, STORE_VERSIONS, STORE_SPACES};
    uint32_t left = most < FORGET_PAIRS_MAX ? most : FORGET_PAIRS_MAX;
    CHECK(most >= 1);
    // Half of it says nothing of the whole: from here on the store has a space that is going.
    space_reset(space);
    for (unsigned i = 0; i < sizeof tables / sizeof tables[0]; i++)
        left -= forget_in(space, effects, tables[i], left);
    space->forgetting = left == 0;
    space_put_state(space, effects);
    return !space->forgetting;
}
