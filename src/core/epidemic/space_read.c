// What readers see of a key, and of all keys.

#include "core/epidemic/space_parts.h"

#include "base/check.h"
#include "core/epidemic/joint.h"

// Keys that one page of a listing looks at.
#define LIST_VISITS_MAX 65536u

static bool is_above(const struct version *a, const struct version *b)
{
    int order = stamp_compare(operation_stamp(&a->header), operation_stamp(&b->header));
    return order > 0 || (order == 0 && sha256_compare(&a->id, &b->id) > 0);
}

// --- one key

// Gives the version with its value. `out_more` becomes false when the visitor has enough.
static enum err give(struct space *space, const struct version *version, space_visit *visit,
                     void *context, bool *out_more)
{
    struct space_key name;
    struct slice value;
    struct stored stored;
    const struct operation *header = &version->header;
    space_key_operation(&name, space->id, header->dot, sha256_head(&version->id));
    enum err error = overlay_get(space->store, STORE_OPERATIONS, space_key_slice(&name), &value);
    if (error != ERR_OK)
        return error == ERR_NOT_FOUND ? ERR_CORRUPT : error;
    if (stored_decode(value, space->id, &stored) != ERR_OK || !state_has_value(stored.state))
        return ERR_CORRUPT;
    struct space_version given = {.dot = header->dot,
                                  .id = version->id,
                                  .stamp = operation_stamp(header),
                                  .expiry_ms = header->expiry_ms,
                                  .is_stable = knowledge_has(&space->stable, header->dot),
                                  .is_signed = header->is_signed,
                                  .author = header->author,
                                  .value = stored.operation.value};
    *out_more = visit(context, &given);
    return ERR_OK;
}

// The greatest live one below `above`, NULL at the end.
static const struct version *next_live(const struct space *space, const struct version *above)
{
    const struct versions *versions = &space->versions;
    const struct version *next = NULL;
    for (uint32_t i = 0; i < versions->count; i++) {
        const struct version *version = &versions->list[i];
        if (version->state == VERSION_LIVE && !version_is_expired(version, space->utc_ms) &&
            is_above(above, version) && (next == NULL || is_above(version, next)))
            next = version;
    }
    return next;
}

static enum err read_latest(struct space *space, space_visit *visit, void *context)
{
    const struct version *version = versions_winner(&space->versions, space->utc_ms);
    enum err error = version != NULL ? ERR_OK : ERR_NOT_FOUND;
    for (bool more = true; error == ERR_OK && more && version != NULL;) {
        error = give(space, version, visit, context, &more);
        version = next_live(space, version);
    }
    return error;
}

static bool is_stable(const struct space *space, struct dot dot)
{
    return knowledge_has(&space->stable, dot);
}

static bool is_covered_stably(const struct space *space, struct dot dot)
{
    for (uint32_t i = 0; i < space->versions.count; i++) {
        const struct operation *by = &space->versions.list[i].header;
        if (operation_covers(by, dot) && is_stable(space, by->dot))
            return true;
    }
    return false;
}

// Adds what stable headers speak of: themselves, and what they cover.
static void add_stable(const struct space *space, struct joint *told)
{
    for (uint32_t i = 0; i < space->versions.count; i++) {
        const struct operation *header = &space->versions.list[i].header;
        struct context own = {.count = 1, .entries = {header->dot}};
        if (!is_stable(space, header->dot))
            continue;
        joint_add(told, &own);
        joint_add(told, &header->context);
    }
    joint_seal(told);
}

// Whether the header, which is not stable, replaced something stable of which no stable header here
// speaks. Of what is under the horizon, only certificates are gone.
static bool hides_stable(const struct space *space, const struct operation *header,
                         const struct joint *told)
{
    for (uint32_t i = 0; i < header->context.count; i++) {
        struct dot entry = header->context.entries[i];
        if (is_stable(space, entry) && knowledge_has(&space->known, entry) &&
            !knowledge_has(&space->horizon, entry) && !joint_covers(told, entry))
            return true;
    }
    return false;
}

// Whether what is stable of the key may be something else than `winner` (NULL: than nothing) whose
// value is not here, as it was replaced before it was stable.
static bool is_elsewhere(const struct space *space, const struct version *winner)
{
    struct joint told;
    uint32_t entries = 0;
    bool found = false;
    for (uint32_t i = 0; i < space->versions.count; i++)
        entries += 1 + space->versions.list[i].header.context.count;
    joint_init(&told, entries);
    add_stable(space, &told);
    for (uint32_t i = 0; i < space->versions.count && !found; i++) {
        const struct version *version = &space->versions.list[i];
        struct dot dot = version->header.dot;
        if (!is_stable(space, dot))
            found = hides_stable(space, &version->header, &told);
        else // one that nothing here covers is dead under the horizon
            found = version->state == VERSION_BARE && !is_covered_stably(space, dot) &&
                    !version_is_expired(version, space->utc_ms) &&
                    versions_cover(&space->versions, dot) &&
                    (winner == NULL || is_above(version, winner));
    }
    joint_release(&told);
    return found;
}

static enum err read_stable(struct space *space, space_visit *visit, void *context)
{
    bool more;
    const struct version *winner =
        versions_stable_winner(&space->versions, &space->stable, space->utc_ms);
    if (is_elsewhere(space, winner))
        return ERR_UNAVAILABLE;
    return winner != NULL ? give(space, winner, visit, context, &more) : ERR_NOT_FOUND;
}

enum err space_read(struct space *space, struct slice key, enum space_view view, space_visit *visit,
                    void *context)
{
    if (space->forgetting)
        return ERR_BUSY;
    if (!key_is_valid(key))
        return ERR_NOT_FOUND;
    enum err error = space_hand_load(space, key);
    if (error != ERR_OK)
        return error;
    return view == SPACE_STABLE ? read_stable(space, visit, context)
                                : read_latest(space, visit, context);
}

// --- listing

struct page {
    struct buf *keys; // those with a live version: counted, each
    struct slice prefix;
    uint32_t limit;
    uint32_t count;
    uint32_t visits;
    bool is_full;
    uint16_t last_slot;
    struct space_key last; // the store key that was visited last
    enum err error;
};

static bool has_prefix(struct slice key, struct slice prefix)
{
    return key.length >= prefix.length && slice_equal(slice_of(key.bytes, prefix.length), prefix);
}

static bool visit_key(void *context, struct slice name, struct slice value)
{
    struct page *page = context;
    struct slice key;
    struct space_entry entry;
    bool is_live = false;
    struct cursor in = cursor_of(value);
    while (!is_live && space_entry_next(&in, &entry))
        is_live = entry.state == VERSION_LIVE;
    if (in.failed || !space_key_read_versions(name, &page->last_slot, &key)) {
        page->error = ERR_CORRUPT;
        return false;
    }
    if (is_live && has_prefix(key, page->prefix)) {
        buf_append_counted(page->keys, key);
        page->count++;
    }
    memcpy(page->last.bytes, name.bytes, name.length);
    page->last.length = name.length;
    page->visits++;
    page->is_full = page->count >= page->limit || page->visits >= LIST_VISITS_MAX;
    return !page->is_full;
}

static enum err list_keys(struct space *space, struct slice keys, struct buf *out)
{
    struct cursor in = cursor_of(keys);
    while (cursor_left(&in) > 0) {
        struct slice key = cursor_counted(&in);
        enum err error = space_hand_load(space, key);
        if (error != ERR_OK)
            return error;
        const struct version *winner = versions_winner(&space->versions, space->utc_ms);
        if (winner == NULL && versions_live_count(&space->versions) == 0)
            return ERR_CORRUPT;
        if (winner == NULL) // all that lives has expired
            continue;
        struct list_entry entry = {.key = key,
                                   .stamp = operation_stamp(&winner->header),
                                   .value_bytes = winner->header.value_bytes};
        list_entry_append(out, &entry);
    }
    return ERR_OK;
}

enum err space_list(struct space *space, struct slice prefix, struct list_cursor *cursor,
                    uint32_t limit, struct buf *out)
{
    struct space_key first;
    struct space_key end;
    struct page page = {.keys = &space->scratch, .prefix = prefix, .limit = limit};
    CHECK(limit >= 1 && limit <= LIST_LIMIT_MAX);
    if (space->forgetting)
        return ERR_BUSY;
    if (cursor->slot >= SLOTS || cursor->key.length > KEY_BYTES_MAX)
        return ERR_INVALID;
    space_key_versions(&first, space->id, cursor->slot, cursor->key);
    if (cursor->key.length > 0)
        space_key_step(&first);
    space_key_versions(&end, space->id, SLOTS, slice_of(NULL, 0));
    buf_clear(&space->scratch);
    enum err error = overlay_scan(space->store, STORE_VERSIONS, space_key_slice(&first),
                                  space_key_slice(&end), visit_key, &page);
    if (error == ERR_OK)
        error = page.error;
    if (error == ERR_OK)
        error = list_keys(space, buf_slice(&space->scratch), out);
    *cursor = (struct list_cursor){.slot = SLOTS};
    if (error == ERR_OK && page.is_full) {
        struct slice key;
        buf_clear(&space->scratch);
        buf_append(&space->scratch, page.last.bytes, page.last.length);
        if (space_key_read_versions(buf_slice(&space->scratch), &cursor->slot, &key))
            cursor->key = key;
    }
    return error;
}
