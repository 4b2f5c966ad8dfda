#include "model/request.h"

void list_entry_append(struct buf *out, const struct list_entry *entry)
{
    buf_append_counted(out, entry->key);
    stamp_encode(out, entry->stamp);
    buf_append_varint(out, entry->value_bytes);
}

bool list_entry_next(struct cursor *in, struct list_entry *out)
{
    if (cursor_left(in) == 0)
        return false;
    out->key = cursor_counted(in);
    out->stamp = stamp_decode(in);
    out->value_bytes = cursor_varint(in);
    in->failed |= !key_is_valid(out->key);
    return !in->failed;
}

void version_entry_append(struct buf *out, const struct version_entry *entry)
{
    stamp_encode(out, entry->stamp);
    buf_append_u8(out, entry->is_stable);
    buf_append_varint(out, entry->expiry_ms);
    buf_append_counted(out, entry->value);
}

bool version_entry_next(struct cursor *in, struct version_entry *out)
{
    if (cursor_left(in) == 0)
        return false;
    out->stamp = stamp_decode(in);
    uint8_t is_stable = cursor_u8(in);
    out->is_stable = is_stable == 1;
    out->expiry_ms = cursor_varint(in);
    out->value = cursor_counted(in);
    in->failed |= is_stable > 1 || out->value.length > VALUE_BYTES_MAX;
    return !in->failed;
}

void scan_entry_append(struct buf *out, const struct scan_entry *entry)
{
    buf_append_counted(out, entry->key);
    buf_append_counted(out, entry->versions);
}

bool scan_entry_next(struct cursor *in, struct scan_entry *out)
{
    if (cursor_left(in) == 0)
        return false;
    out->key = cursor_counted(in);
    out->versions = cursor_counted(in);
    in->failed |= !key_is_valid(out->key);
    return !in->failed;
}

static enum err check_change(const struct change *change)
{
    if (change->kind <= CHANGE_NONE || change->kind >= CHANGE_KIND_COUNT ||
        (unsigned)change->strategy >= STRATEGY_COUNT || change->replication_factor > NODES_MAX ||
        change->min_in_sync > NODES_MAX)
        return ERR_INVALID;
    if (change->kind == CHANGE_KEYSPACE_CREATE &&
        (!keyspace_name_is_valid(slice_of_text(change->name)) || change->replication_factor < 1 ||
         change->min_in_sync < 1))
        return ERR_INVALID;
    if (change->kind == CHANGE_MIN_IN_SYNC && change->min_in_sync < 1)
        return ERR_INVALID;
    if (change->kind == CHANGE_OPTIMISTIC_CREATE && !optimistic_is_valid(&change->optimistic))
        return ERR_INVALID;
    return ERR_OK;
}

static enum err check_list(const struct request *request)
{
    const struct list_cursor *cursor = &request->cursor;
    if (request->prefix.length > KEY_BYTES_MAX || cursor->key.length > KEY_BYTES_MAX ||
        cursor->slot >= SLOTS || request->limit < 1 || request->limit > LIST_LIMIT_MAX)
        return ERR_INVALID;
    return ERR_OK;
}

enum err request_check(const struct request *request)
{
    if ((unsigned)request->kind >= REQUEST_KIND_COUNT ||
        (unsigned)request->condition >= CONDITION_COUNT ||
        (unsigned)request->consistency >= CONSISTENCY_COUNT)
        return ERR_INVALID;
    if (request->kind == REQUEST_CHANGE)
        return check_change(&request->change);
    if (request->kind == REQUEST_LIST)
        return check_list(request);
    if (request->kind == REQUEST_IMPORT && request->value.length > BUNDLE_BYTES_MAX)
        return ERR_TOO_LARGE;
    if (request->kind == REQUEST_SCAN || request->kind == REQUEST_KEPT)
        return check_list(request);
    if (request->kind == REQUEST_KEEP && !key_is_valid(request->key))
        return ERR_INVALID;
    if (request->kind > REQUEST_CHANGE)
        return ERR_OK;
    bool writes = request->kind != REQUEST_READ;
    if (!key_is_valid(request->key) || (writes && request->consistency == CONSISTENCY_LOCAL))
        return ERR_INVALID;
    return request->value.length > VALUE_BYTES_MAX ? ERR_TOO_LARGE : ERR_OK;
}

static void encode_change(struct buf *out, const struct change *change)
{
    buf_append_u8(out, (uint8_t)change->kind);
    buf_append_u8(out, change->node);
    buf_append_varint(out, change->keyspace);
    buf_append_counted(out, slice_of_text(change->name));
    buf_append_u8(out, (uint8_t)change->strategy);
    buf_append_u8(out, change->replication_factor);
    buf_append_u8(out, change->min_in_sync);
    if (change->kind == CHANGE_OPTIMISTIC_CREATE)
        optimistic_encode(out, &change->optimistic);
}

// An enum's value below `count`; a greater one fails.
static unsigned decode_enum(struct cursor *in, unsigned count)
{
    unsigned value = cursor_u8(in);
    if (value < count)
        return value;
    in->failed = true;
    return 0;
}

static void decode_change(struct cursor *in, struct change *out)
{
    out->kind = (enum change_kind)decode_enum(in, CHANGE_KIND_COUNT);
    out->node = cursor_u8(in);
    out->keyspace = (uint32_t)cursor_varint_max(in, UINT32_MAX);
    struct slice name = cursor_counted(in);
    if (name.length > KEYSPACE_NAME_BYTES_MAX ||
        (name.length > 0 && memchr(name.bytes, 0, name.length) != NULL))
        in->failed = true;
    else if (name.length > 0)
        memcpy(out->name, name.bytes, name.length);
    out->strategy = (enum strategy)decode_enum(in, STRATEGY_COUNT);
    out->replication_factor = cursor_u8(in);
    out->min_in_sync = cursor_u8(in);
    if (out->kind == CHANGE_OPTIMISTIC_CREATE)
        optimistic_decode(in, &out->optimistic);
}

static void encode_list_cursor(struct buf *out, const struct list_cursor *cursor)
{
    buf_append_varint(out, cursor->slot);
    buf_append_counted(out, cursor->key);
}

static void decode_list_cursor(struct cursor *in, struct list_cursor *out)
{
    out->slot = (uint16_t)cursor_varint_max(in, SLOTS);
    out->key = cursor_counted(in);
}

void request_encode(struct buf *out, const struct request *request)
{
    buf_append_u8(out, (uint8_t)request->kind);
    if (request->kind == REQUEST_CHANGE) {
        encode_change(out, &request->change);
        return;
    }
    buf_append_varint(out, request->keyspace);
    buf_append_u8(out, (uint8_t)request->consistency);
    if (request->kind == REQUEST_LIST) {
        buf_append_counted(out, request->prefix);
        encode_list_cursor(out, &request->cursor);
        buf_append_varint(out, request->limit);
        return;
    }
    buf_append_counted(out, request->key);
    buf_append_u8(out, (uint8_t)request->condition);
    stamp_encode(out, request->expected);
    buf_append_u64_be(out, request->operation.high);
    buf_append_u64_be(out, request->operation.low);
    buf_append_varint(out, request->first_epoch);
    stamp_encode(out, request->first_stamp);
    buf_append_slice(out, request->value);
}

enum err request_decode(struct slice bytes, struct request *out)
{
    struct cursor in = cursor_of(bytes);
    struct request request = {.kind = (enum request_kind)decode_enum(&in, REQUEST_KIND_COUNT)};
    if (request.kind == REQUEST_CHANGE) {
        decode_change(&in, &request.change);
    } else {
        request.keyspace = (uint32_t)cursor_varint_max(&in, UINT32_MAX);
        request.consistency = (enum consistency)decode_enum(&in, CONSISTENCY_COUNT);
    }
    if (request.kind == REQUEST_LIST) {
        request.prefix = cursor_counted(&in);
        decode_list_cursor(&in, &request.cursor);
        request.limit = (uint32_t)cursor_varint_max(&in, LIST_LIMIT_MAX);
    } else if (request.kind != REQUEST_CHANGE) {
        request.key = cursor_counted(&in);
        request.condition = (enum condition)decode_enum(&in, CONDITION_COUNT);
        request.expected = stamp_decode(&in);
        request.operation.high = cursor_u64_be(&in);
        request.operation.low = cursor_u64_be(&in);
        request.first_epoch = cursor_varint(&in);
        request.first_stamp = stamp_decode(&in);
        request.value = cursor_bytes(&in, cursor_left(&in));
    }
    if (cursor_finish(&in) != ERR_OK || request_check(&request) != ERR_OK)
        return ERR_INVALID;
    *out = request;
    return ERR_OK;
}

void reply_encode(struct buf *out, const struct reply *reply)
{
    buf_append_u8(out, (uint8_t)reply->error);
    buf_append_u8(out, reply->existed);
    stamp_encode(out, reply->stamp);
    buf_append_varint(out, reply->awaited);
    encode_list_cursor(out, &reply->cursor);
    buf_append_counted(out, reply->entries);
    buf_append_u8(out, reply->is_stable);
    buf_append_varint(out, reply->expiry_ms);
    buf_append_varint(out, reply->bundle.operations);
    buf_append_varint(out, reply->bundle.news);
    buf_append_u8(out, reply->bundle.closed);
    buf_append_counted(out, reply->versions);
    buf_append_slice(out, reply->value);
}

enum err reply_decode(struct slice bytes, struct reply *out)
{
    struct cursor in = cursor_of(bytes);
    struct reply reply = {.error = (enum err)decode_enum(&in, ERR_COUNT)};
    reply.existed = decode_enum(&in, 2) == 1;
    reply.stamp = stamp_decode(&in);
    reply.awaited = cursor_varint(&in);
    decode_list_cursor(&in, &reply.cursor);
    reply.entries = cursor_counted(&in);
    reply.is_stable = decode_enum(&in, 2) == 1;
    reply.expiry_ms = cursor_varint(&in);
    reply.bundle.operations = cursor_varint(&in);
    reply.bundle.news = cursor_varint(&in);
    reply.bundle.closed = decode_enum(&in, 2) == 1;
    reply.versions = cursor_counted(&in);
    reply.value = cursor_bytes(&in, cursor_left(&in));
    if (cursor_finish(&in) != ERR_OK || reply.value.length > BUNDLE_BYTES_MAX ||
        reply.cursor.key.length > KEY_BYTES_MAX)
        return ERR_INVALID;
    *out = reply;
    return ERR_OK;
}
