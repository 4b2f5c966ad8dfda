// What sessions send and compare: stored operations by origin, by dot, by what they cover, and live
// versions by slot.

#include "core/epidemic/space_parts.h"

#include "base/check.h"

// --- what is stored, as it travels

// A value that is kept for readers of what is stable does not travel: something covers it.
static enum operation_form form_to_give(struct stored *stored)
{
    switch (stored->state) {
    case VERSION_LIVE:
        return OPERATION_PUT;
    case VERSION_CERTIFICATE:
        return OPERATION_DELETE;
    default:
        stored->operation.value = slice_of(NULL, 0);
        return OPERATION_BARE;
    }
}

static bool read_stored(const struct space *space, struct slice name, struct slice value,
                        struct stored *out, uint64_t *id_head)
{
    struct dot dot;
    return space_key_read_operation(name, &dot, id_head) &&
           stored_decode(value, space->id, out) == ERR_OK && dot_equal(dot, out->operation.dot);
}

// --- by origin

struct origin_walk {
    const struct space *space;
    space_walk *walk;
    void *context;
    enum err error;
};

static bool visit_stored(void *context, struct slice name, struct slice value)
{
    struct origin_walk *walk = context;
    struct stored stored;
    uint64_t id_head;
    if (!read_stored(walk->space, name, value, &stored, &id_head)) {
        walk->error = ERR_CORRUPT;
        return false;
    }
    enum operation_form form = form_to_give(&stored);
    return walk->walk(walk->context, &stored.operation, form, id_head);
}

enum err space_walk_origin(struct space *space, uint64_t origin, struct interval interval,
                           space_walk *walk, void *context)
{
    struct space_key first;
    struct space_key end;
    struct origin_walk state = {.space = space, .walk = walk, .context = context};
    CHECK(interval_is_valid(interval));
    if (space->forgetting)
        return ERR_OK;
    space_key_operation(&first, space->id,
                        (struct dot){.origin = origin, .sequence = interval.first}, 0);
    space_key_operation(&end, space->id,
                        (struct dot){.origin = origin, .sequence = interval.last + 1}, 0);
    enum err error = overlay_scan(space->store, STORE_OPERATIONS, space_key_slice(&first),
                                  space_key_slice(&end), visit_stored, &state);
    return error != ERR_OK ? error : state.error;
}

// --- by dot

enum err space_find(struct space *space, struct dot dot, uint64_t id_head, struct operation *out,
                    enum operation_form *form)
{
    struct space_key name;
    struct slice value;
    struct stored stored;
    uint64_t head;
    if (space->forgetting)
        return ERR_NOT_FOUND;
    space_key_operation(&name, space->id, dot, id_head);
    enum err error = overlay_get(space->store, STORE_OPERATIONS, space_key_slice(&name), &value);
    if (error != ERR_OK)
        return error;
    if (!read_stored(space, space_key_slice(&name), value, &stored, &head))
        return ERR_CORRUPT;
    *form = form_to_give(&stored);
    *out = stored.operation;
    return ERR_OK;
}

struct head_search {
    bool is_found;
    uint64_t id_head;
};

static bool visit_head(void *context, struct slice name, struct slice value)
{
    struct head_search *search = context;
    struct dot dot;
    (void)value;
    search->is_found = space_key_read_operation(name, &dot, &search->id_head);
    return !search->is_found;
}

enum err space_find_dot(struct space *space, struct dot dot, struct operation *out,
                        enum operation_form *form)
{
    struct space_key first;
    struct space_key end;
    struct head_search search = {.is_found = false};
    if (space->forgetting)
        return ERR_NOT_FOUND;
    if (dot.origin == 0 || dot.sequence == 0 || dot.sequence > KNOWLEDGE_SEQUENCE_MAX)
        return ERR_NOT_FOUND;
    space_key_operation(&first, space->id, dot, 0);
    dot.sequence++;
    space_key_operation(&end, space->id, dot, 0);
    dot.sequence--;
    enum err error = overlay_scan(space->store, STORE_OPERATIONS, space_key_slice(&first),
                                  space_key_slice(&end), visit_head, &search);
    if (error != ERR_OK)
        return error;
    return search.is_found ? space_find(space, dot, search.id_head, out, form) : ERR_NOT_FOUND;
}

// --- by what they cover

// The more it can do for who lacks it, the better: a value, then a certificate.
static bool is_better(const struct version *a, const struct version *b)
{
    return b == NULL || (a->state == VERSION_LIVE && b->state != VERSION_LIVE) ||
           (a->state == VERSION_CERTIFICATE && state_has_value(b->state) != true &&
            b->state != VERSION_CERTIFICATE);
}

enum err space_find_coverer(struct space *space, struct slice key, struct dot dot,
                            struct operation *out, enum operation_form *form)
{
    const struct version *best = NULL;
    if (space->forgetting || !key_is_valid(key))
        return ERR_NOT_FOUND;
    enum err error = space_hand_load(space, key);
    if (error != ERR_OK)
        return error;
    for (uint32_t i = 0; i < space->versions.count; i++) {
        const struct version *version = &space->versions.list[i];
        if (operation_covers(&version->header, dot) && is_better(version, best))
            best = version;
    }
    if (best == NULL)
        return ERR_NOT_FOUND;
    return space_find(space, best->header.dot, sha256_head(&best->id), out, form);
}

// --- by slot

struct slot_walk {
    space_visit_item *visit;
    void *context;
    enum err error;
};

static bool visit_versions(void *context, struct slice name, struct slice value)
{
    struct slot_walk *walk = context;
    struct space_item item;
    struct space_entry entry;
    uint16_t slot;
    struct cursor in = cursor_of(value);
    bool goes_on = true;
    if (!space_key_read_versions(name, &slot, &item.key))
        in.failed = true;
    while (goes_on && space_entry_next(&in, &entry)) {
        item.dot = entry.dot;
        item.id_head = entry.id_head;
        if (entry.state == VERSION_LIVE)
            goes_on = walk->visit(walk->context, &item);
    }
    if (in.failed)
        walk->error = ERR_CORRUPT;
    return goes_on && !in.failed;
}

enum err space_walk_slot(struct space *space, uint16_t slot, space_visit_item *visit, void *context)
{
    struct space_key first;
    struct space_key end;
    struct slot_walk walk = {.visit = visit, .context = context};
    CHECK(slot < SLOTS);
    if (space->forgetting)
        return ERR_OK;
    space_key_versions(&first, space->id, slot, slice_of(NULL, 0));
    space_key_versions(&end, space->id, slot + 1u, slice_of(NULL, 0));
    enum err error = overlay_scan(space->store, STORE_VERSIONS, space_key_slice(&first),
                                  space_key_slice(&end), visit_versions, &walk);
    return error != ERR_OK ? error : walk.error;
}
