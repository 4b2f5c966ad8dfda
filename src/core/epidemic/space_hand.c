// The key in hand: its headers, from the store into memory, and what became of them back.

#include "core/epidemic/space_parts.h"

#include "base/check.h"

// What an encoding may leave behind in memory between calls.
#define SCRATCH_BYTES_KEPT (64u << 10)

// --- loading

static enum err load_header(struct space *space, struct slice key, const struct space_entry *entry)
{
    struct space_key name;
    struct slice value;
    struct stored stored;
    space_key_operation(&name, space->id, entry->dot, entry->id_head);
    enum err error = overlay_get(space->store, STORE_OPERATIONS, space_key_slice(&name), &value);
    if (error != ERR_OK)
        return error == ERR_NOT_FOUND ? ERR_CORRUPT : error;
    if (stored_decode(value, space->id, &stored) != ERR_OK || stored.state != entry->state ||
        (stored.operation.expiry_ms != 0) != entry->expires ||
        !dot_equal(stored.operation.dot, entry->dot) || !slice_equal(stored.operation.key, key))
        return ERR_CORRUPT;
    stored.operation.key = key;
    stored.operation.value = slice_of(NULL, 0);
    struct sha256 id = operation_id_of(&stored.operation);
    if (sha256_head(&id) != entry->id_head ||
        versions_load(&space->versions, &stored.operation, &id, stored.state) != ERR_OK)
        return ERR_CORRUPT;
    return ERR_OK;
}

enum err space_hand_load(struct space *space, struct slice key)
{
    struct space_key name;
    struct slice value;
    struct space_entry entry;
    versions_clear(&space->versions);
    space_key_versions(&name, space->id, slot_of_key(key), key);
    enum err error = overlay_get(space->store, STORE_VERSIONS, space_key_slice(&name), &value);
    if (error != ERR_OK)
        return error == ERR_NOT_FOUND ? ERR_OK : error;
    buf_clear(&space->entries);
    buf_append_slice(&space->entries, value);
    struct cursor in = cursor_of(buf_slice(&space->entries));
    while (error == ERR_OK && space_entry_next(&in, &entry))
        error = load_header(space, key, &entry);
    if (error == ERR_OK && (in.failed || space->versions.count == 0))
        error = ERR_CORRUPT;
    if (error != ERR_OK)
        versions_clear(&space->versions);
    return error;
}

enum err space_hand_load_tidy(struct space *space, struct slice key)
{
    enum err error = space_hand_load(space, key);
    if (error == ERR_OK && space->versions.count > 0)
        versions_collect(&space->versions, &space->horizon, &space->stable);
    return error;
}

struct version *space_hand_find(struct space *space, struct dot dot, uint64_t id_head)
{
    for (uint32_t i = 0; i < space->versions.count; i++) {
        struct version *version = &space->versions.list[i];
        if (!version->is_gone && dot_equal(version->header.dot, dot) &&
            sha256_head(&version->id) == id_head)
            return version;
    }
    return NULL;
}

// --- storing

static void name_of(const struct space *space, const struct version *version, struct space_key *out)
{
    space_key_operation(out, space->id, version->header.dot, sha256_head(&version->id));
}

// Stands in the scratch buffer, with the value that is in the store. False when that is damaged.
static bool encode_with_stored_value(struct space *space, const struct version *version)
{
    struct space_key name;
    struct slice value;
    struct stored stored;
    name_of(space, version, &name);
    if (overlay_get(space->store, STORE_OPERATIONS, space_key_slice(&name), &value) != ERR_OK ||
        stored_decode(value, space->id, &stored) != ERR_OK || !state_has_value(stored.state))
        return false;
    stored_encode(&space->scratch, &stored.operation, version->state);
    return true;
}

static void put_version(struct space *space, struct effects *effects, struct version *version,
                        const struct operation *arrived)
{
    struct space_key name;
    bool had_value = !version->is_new && state_has_value(version->was);
    buf_clear(&space->scratch);
    if (had_value && state_has_value(version->state)) {
        if (!encode_with_stored_value(space, version))
            version->state = VERSION_BARE;
    } else if (state_has_value(version->state)) {
        CHECK(arrived != NULL && dot_equal(arrived->dot, version->header.dot));
        stored_encode(&space->scratch, arrived, version->state);
    }
    if (!state_has_value(version->state))
        stored_encode(&space->scratch, &version->header, version->state);
    CHECK(!space->scratch.overflown);
    name_of(space, version, &name);
    overlay_put(space->store, effects, STORE_OPERATIONS, space_key_slice(&name),
                buf_slice(&space->scratch));
}

static void count(struct space *space, enum version_state state, bool more)
{
    uint64_t *counter = state == VERSION_CERTIFICATE ? &space->certificates : &space->covered;
    if (state == VERSION_LIVE)
        return;
    if (more)
        (*counter)++;
    else if (*counter > 0) // what the store said may have been damaged
        (*counter)--;
}

// Digest and those who watch. True when the digest has changed.
static bool note_live(struct space *space, uint16_t slot, const struct version *version)
{
    bool was_live = !version->is_new && version->was == VERSION_LIVE;
    bool is_live = !version->is_gone && version->state == VERSION_LIVE;
    struct dot dot = version->header.dot;
    if (was_live == is_live)
        return false;
    if (was_live && space_digests_slot(&space->digests, slot).count == 0) {
        space->damaged = true; // the store has lost a digest
        return false;
    }
    struct hash128 item =
        space_item_hash(space->setting.secret, version->header.key, dot, &version->id);
    if (is_live)
        space_digests_add(&space->digests, slot, item);
    else
        space_digests_remove(&space->digests, slot, item);
    if (is_live && space->watched != NULL && knowledge_has(space->watched, dot))
        space->watched_live++;
    return true;
}

// True when anything of it has changed.
static bool store_version(struct space *space, struct effects *effects, struct version *version,
                          const struct operation *arrived)
{
    struct space_key name;
    bool was_here = !version->is_new;
    bool is_here = !version->is_gone;
    if (was_here == is_here && (!is_here || version->state == version->was))
        return false;
    if (is_here) {
        put_version(space, effects, version, arrived);
    } else {
        name_of(space, version, &name);
        overlay_remove(space->store, effects, STORE_OPERATIONS, space_key_slice(&name));
        space_remove_stray(space, effects, version->header.dot);
    }
    if (was_here)
        count(space, version->was, false);
    if (is_here)
        count(space, version->state, true);
    return true;
}

static void store_entries(struct space *space, struct effects *effects, uint16_t slot,
                          struct slice key)
{
    struct space_key name;
    buf_clear(&space->scratch);
    for (uint32_t i = 0; i < space->versions.count; i++) {
        const struct version *version = &space->versions.list[i];
        struct space_entry entry = {.state = version->state,
                                    .expires = version->header.expiry_ms != 0,
                                    .dot = version->header.dot,
                                    .id_head = sha256_head(&version->id)};
        if (!version->is_gone)
            space_entry_append(&space->scratch, &entry);
    }
    space_key_versions(&name, space->id, slot, key);
    if (space->scratch.length == 0)
        overlay_remove(space->store, effects, STORE_VERSIONS, space_key_slice(&name));
    else
        overlay_put(space->store, effects, STORE_VERSIONS, space_key_slice(&name),
                    buf_slice(&space->scratch));
}

// Whether nobody needs it: it is under the horizon with all that it covers (rule R10).
static bool is_garbage(const struct space *space, const struct operation *header)
{
    if (!knowledge_has(&space->horizon, header->dot))
        return false;
    for (uint32_t i = 0; i < header->context.count; i++)
        if (!knowledge_has_all_up_to(&space->horizon, header->context.entries[i]))
            return false;
    return true;
}

// A header that is stable, and that no stable one covers, says what readers of what is stable see
// (rule R15), or that they see nothing: it stays although others say all that it covers.
static bool is_needed_stable(const struct space *space, const struct version *version)
{
    struct dot dot = version->header.dot;
    if (!knowledge_has(&space->stable, dot) || is_garbage(space, &version->header))
        return false;
    for (uint32_t i = 0; i < space->versions.count; i++) {
        const struct version *by = &space->versions.list[i];
        if (!by->is_gone && operation_covers(&by->header, dot) &&
            knowledge_has(&space->stable, by->header.dot))
            return false;
    }
    return true;
}

static void spare_stable(struct space *space)
{
    uint32_t here = 0;
    for (uint32_t i = 0; i < space->versions.count; i++)
        here += !space->versions.list[i].is_gone;
    for (uint32_t i = 0; i < space->versions.count && here < VERSIONS_MAX; i++) {
        struct version *version = &space->versions.list[i];
        if (!version->is_gone || !is_needed_stable(space, version))
            continue;
        version->is_gone = false;
        here++;
    }
}

void space_hand_store(struct space *space, struct effects *effects, struct slice key,
                      const struct operation *arrived)
{
    uint16_t slot = slot_of_key(key);
    bool changed = false;
    bool live_changed = false;
    spare_stable(space);
    for (uint32_t i = 0; i < space->versions.count; i++) {
        struct version *version = &space->versions.list[i];
        changed |= store_version(space, effects, version, arrived);
        live_changed |= note_live(space, slot, version);
    }
    if (changed)
        store_entries(space, effects, slot, key);
    if (live_changed)
        space_put_digest(space, effects, slot);
    if (live_changed && space->on_change != NULL)
        space->on_change(space->change_context, space, key);
    if (space->scratch.capacity > SCRATCH_BYTES_KEPT) {
        buf_release(&space->scratch);
        buf_init(&space->scratch, 1 + OPERATION_BYTES_MAX);
    }
    space->revision += changed;
}
