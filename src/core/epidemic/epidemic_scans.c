// Keys with all their live versions, for those who show them; and what users of this node keep for
// themselves.
#include "core/epidemic/epidemic_parts.h"

// A page ends past so much.
enum { PAGE_BYTES = 4 << 20 };

struct gathered {
    struct buf *versions;
    uint32_t count;
};

static bool gather_version(void *context, const struct space_version *version)
{
    struct gathered *gathered = context;
    struct version_entry entry = {.stamp = version->stamp,
                                  .is_stable = version->is_stable,
                                  .expiry_ms = version->expiry_ms,
                                  .value = version->value};
    version_entry_append(gathered->versions, &entry);
    return ++gathered->count < VERSIONS_LIVE_MAX;
}

// Appends a key's versions; a key without any is left out.
static enum err scan_key(struct replica *replica, const struct request *request, struct slice key,
                         struct buf *out)
{
    struct buf versions;
    struct gathered gathered = {.versions = &versions};
    buf_init(&versions, (size_t)VERSIONS_LIVE_MAX * (VALUE_BYTES_MAX + 64u));
    enum err error =
        space_read(&replica->space, key, request->only_stable ? SPACE_STABLE : SPACE_LATEST,
                   gather_version, &gathered);
    struct scan_entry entry = {.key = key, .versions = buf_slice(&versions)};
    if (error == ERR_OK)
        scan_entry_append(out, &entry);
    buf_release(&versions);
    return error == ERR_NOT_FOUND || error == ERR_UNAVAILABLE ? ERR_OK : error;
}

// Of a page of keys, as many as fit; where it goes on is behind the last one that was scanned.
static enum err scan_page(struct replica *replica, const struct request *request, struct slice page,
                          struct list_cursor *next, struct buf *last_key, struct buf *out)
{
    struct cursor in = cursor_of(page);
    struct list_entry listed;
    while (list_entry_next(&in, &listed)) {
        enum err error = scan_key(replica, request, listed.key, out);
        if (error != ERR_OK)
            return error;
        if (out->length < PAGE_BYTES || cursor_left(&in) == 0)
            continue;
        buf_clear(last_key);
        buf_append_slice(last_key, listed.key);
        *next = (struct list_cursor){.slot = slot_of_key(listed.key), .key = buf_slice(last_key)};
        return ERR_OK;
    }
    return ERR_OK;
}

void epidemic_answer_scan(struct epidemic *epidemic, struct effects *effects,
                          struct replica *replica, uint64_t handle, const struct request *request)
{
    struct reply reply = {.cursor = request->cursor};
    struct buf entries;
    struct buf last_key;
    buf_init(&entries, EFFECTS_BYTES_MAX / 2);
    buf_init(&last_key, KEY_BYTES_MAX);
    buf_clear(&epidemic->scratch);
    reply.error = space_list(&replica->space, request->prefix, &reply.cursor, request->limit,
                             &epidemic->scratch);
    // The cursor's key lies in what the next reads overwrite.
    buf_append_slice(&last_key, reply.cursor.key);
    reply.cursor.key = buf_slice(&last_key);
    if (reply.error == ERR_OK)
        reply.error = scan_page(replica, request, buf_slice(&epidemic->scratch), &reply.cursor,
                                &last_key, &entries);
    reply.entries = buf_slice(&entries);
    effects_reply(effects, handle, &reply);
    buf_release(&entries);
    buf_release(&last_key);
}

// --- what users keep for themselves

static struct slice own_prefix(void)
{
    return slice_of_text("user/");
}

static void own_name(struct buf *out, struct slice key)
{
    buf_init(out, STORE_KEY_BYTES_MAX);
    buf_append_slice(out, own_prefix());
    buf_append_slice(out, key);
}

// A page of what is kept.
struct kept {
    struct slice prefix;
    struct buf *out;
    uint32_t left;
    struct buf last_key; // empty until the page is full
};

static bool gather_kept(void *context, struct slice name, struct slice value)
{
    struct kept *kept = context;
    struct slice key =
        slice_of(name.bytes + own_prefix().length, name.length - own_prefix().length);
    struct buf version;
    if (key.length < kept->prefix.length ||
        !slice_equal(slice_of(key.bytes, kept->prefix.length), kept->prefix))
        return false;
    buf_init(&version, value.length + 64);
    version_entry_append(&version, &(struct version_entry){.value = value});
    scan_entry_append(kept->out, &(struct scan_entry){.key = key, .versions = buf_slice(&version)});
    buf_release(&version);
    if (--kept->left > 0 && kept->out->length < PAGE_BYTES)
        return true;
    buf_append_slice(&kept->last_key, key);
    return false;
}

// A full page may be the last one: then the next one is empty.
static void answer_kept(struct epidemic *epidemic, struct effects *effects, uint64_t handle,
                        const struct request *request)
{
    struct buf first;
    bool goes_on = slice_compare(request->cursor.key, request->prefix) >= 0;
    struct kept kept = {
        .prefix = request->prefix, .out = &epidemic->scratch, .left = request->limit};
    struct reply reply = {.cursor = {.slot = SLOTS}};
    own_name(&first, goes_on ? request->cursor.key : request->prefix);
    if (goes_on && request->cursor.key.length > 0)
        buf_append_u8(&first, 0);
    buf_init(&kept.last_key, KEY_BYTES_MAX);
    buf_clear(&epidemic->scratch);
    reply.error = overlay_scan(&epidemic->overlay, STORE_META, buf_slice(&first),
                               slice_of_text("user0"), gather_kept, &kept);
    if (kept.last_key.length > 0)
        reply.cursor = (struct list_cursor){.slot = 0, .key = buf_slice(&kept.last_key)};
    reply.entries = buf_slice(&epidemic->scratch);
    effects_reply(effects, handle, &reply);
    buf_release(&first);
    buf_release(&kept.last_key);
}

void epidemic_request_own(struct epidemic *epidemic, struct effects *effects, uint64_t now_us,
                          uint64_t handle, const struct request *request)
{
    struct reply reply = {.error = request_check(request)};
    struct buf name;
    epidemic->now_us = now_us;
    if (reply.error == ERR_OK && request->kind == REQUEST_KEPT) {
        answer_kept(epidemic, effects, handle, request);
        return;
    }
    if (reply.error == ERR_OK && request->value.length > VALUE_BYTES_MAX)
        reply.error = ERR_TOO_LARGE;
    if (reply.error == ERR_OK && epidemic->room_low && request->value.length > 0)
        reply.error = ERR_FULL;
    if (reply.error == ERR_OK && epidemic_is_busy(epidemic))
        reply.error = ERR_BUSY;
    if (reply.error != ERR_OK) {
        effects_reply(effects, handle, &reply);
        return;
    }
    own_name(&name, request->key);
    if (request->value.length > 0)
        overlay_put(&epidemic->overlay, effects, STORE_META, buf_slice(&name), request->value);
    else
        overlay_remove(&epidemic->overlay, effects, STORE_META, buf_slice(&name));
    buf_release(&name);
    epidemic_reply_late(epidemic, effects, handle, &reply);
}
