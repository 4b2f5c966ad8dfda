// The records of a space in STORE_SPACES: sets by origin, digests by slot, and its state.

#include "core/epidemic/space_parts.h"

#include "base/check.h"

// So many live versions in one slot that the sum over all slots stays within a digest.
#define SLOT_COUNT_MAX (DIGEST_COUNT_MAX / SLOTS)

// --- writing

void space_put_state(struct space *space, struct effects *effects)
{
    struct space_key key;
    struct space_state state = {.clock = space->clock,
                                .origin = space->last_origin,
                                .next = space->last_next,
                                .certificates = space->certificates,
                                .covered = space->covered,
                                .damaged = space->damaged,
                                .forgetting = space->forgetting};
    space_key_record(&key, space->id, RECORD_STATE, 0, 0);
    buf_clear(&space->scratch);
    space_state_encode(&space->scratch, &state);
    overlay_put(space->store, effects, STORE_SPACES, space_key_slice(&key),
                buf_slice(&space->scratch));
}

void space_put_digest(struct space *space, struct effects *effects, uint16_t slot)
{
    struct space_key key;
    struct digest digest = space_digests_slot(&space->digests, slot);
    space_key_record(&key, space->id, RECORD_DIGEST, 0, slot);
    if (digest.count == 0) {
        overlay_remove(space->store, effects, STORE_SPACES, space_key_slice(&key));
        return;
    }
    buf_clear(&space->scratch);
    digest_encode(&space->scratch, &digest);
    overlay_put(space->store, effects, STORE_SPACES, space_key_slice(&key),
                buf_slice(&space->scratch));
}

void space_put_origin(struct space *space, struct effects *effects, enum record_kind kind,
                      const struct knowledge *set, uint64_t origin)
{
    struct space_key key;
    const struct intervals *intervals = knowledge_of(set, origin);
    space_key_record(&key, space->id, kind, origin, 0);
    if (intervals == NULL) {
        overlay_remove(space->store, effects, STORE_SPACES, space_key_slice(&key));
        return;
    }
    buf_clear(&space->scratch);
    intervals_encode(&space->scratch, intervals);
    CHECK(!space->scratch.overflown);
    overlay_put(space->store, effects, STORE_SPACES, space_key_slice(&key),
                buf_slice(&space->scratch));
}

void space_put_origins(struct space *space, struct effects *effects, enum record_kind kind,
                       const struct knowledge *set, const struct knowledge *which)
{
    for (uint32_t i = 0; i < which->count; i++)
        space_put_origin(space, effects, kind, set, which->origins[i].origin);
}

// --- loading

struct loading {
    struct space *space;
    bool any;
    bool has_state;
    enum err error;
};

static enum err load_state(struct loading *loading, struct slice value)
{
    struct space *space = loading->space;
    struct space_state state;
    enum err error = space_state_decode(value, &state);
    if (error != ERR_OK)
        return error;
    loading->has_state = true;
    space->clock = state.clock;
    space->last_origin = state.origin;
    space->last_next = state.next;
    space->certificates = state.certificates;
    space->covered = state.covered;
    space->damaged = state.damaged;
    space->forgetting = state.forgetting;
    return ERR_OK;
}

static enum err load_digest(struct space *space, uint16_t slot, struct slice value)
{
    struct cursor in = cursor_of(value);
    struct digest digest;
    digest_decode(&in, &digest);
    if (cursor_finish(&in) != ERR_OK || digest.count == 0 || digest.count > SLOT_COUNT_MAX)
        return ERR_CORRUPT;
    space_digests_set(&space->digests, slot, &digest);
    return ERR_OK;
}

static struct knowledge *set_of(struct space *space, enum record_kind kind)
{
    switch (kind) {
    case RECORD_KNOWN:
        return &space->known;
    case RECORD_STABLE:
        return &space->stable;
    case RECORD_HORIZON:
        return &space->horizon;
    case RECORD_STRAYS:
        return &space->strays;
    default:
        return NULL;
    }
}

static enum err load_origin(struct knowledge *set, uint64_t origin, struct slice value)
{
    struct cursor in = cursor_of(value);
    intervals_decode(&in, origin, set);
    return cursor_finish(&in) == ERR_OK ? ERR_OK : ERR_CORRUPT;
}

static bool load_record(void *context, struct slice key, struct slice value)
{
    struct loading *loading = context;
    enum record_kind kind;
    uint64_t origin;
    uint16_t slot;
    loading->any = true;
    if (!space_key_read_record(key, &kind, &origin, &slot))
        loading->error = ERR_CORRUPT;
    else if (kind == RECORD_STATE)
        loading->error = load_state(loading, value);
    else if (kind == RECORD_DIGEST)
        loading->error = load_digest(loading->space, slot, value);
    else
        loading->error = load_origin(set_of(loading->space, kind), origin, value);
    return loading->error == ERR_OK;
}

// What one record says against another. Half of a space that is being forgotten says nothing.
static enum err check_loaded(const struct loading *loading)
{
    const struct space *space = loading->space;
    if (loading->any && !loading->has_state)
        return ERR_CORRUPT;
    if (!knowledge_contains(&space->known, &space->horizon) ||
        !knowledge_contains(&space->stable, &space->horizon))
        return ERR_CORRUPT;
    return ERR_OK;
}

enum err space_records_load(struct space *space)
{
    struct loading loading = {.space = space};
    struct space_key first;
    struct space_key end;
    space_key_range(&first, &end, space->id);
    enum err error = overlay_scan(space->store, STORE_SPACES, space_key_slice(&first),
                                  space_key_slice(&end), load_record, &loading);
    if (error == ERR_OK)
        error = loading.error;
    if (error == ERR_OK && !space->forgetting)
        error = check_loaded(&loading);
    return error;
}
