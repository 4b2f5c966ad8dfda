#include "model/record.h"

enum { FLAG_DEAD = 1, FLAG_OPERATION = 2, FLAG_EXPIRY = 4, FLAG_REPLACED = 8, FLAGS_KNOWN = 15 };

void record_encode(struct buf *out, const struct record *record)
{
    unsigned flags = (record->dead ? FLAG_DEAD : 0u) | (record->replaced ? FLAG_REPLACED : 0u) |
                     (operation_id_is_zero(record->operation) ? 0u : FLAG_OPERATION) |
                     (record->expiry_ms != 0 ? FLAG_EXPIRY : 0u);
    buf_append_u8(out, (uint8_t)flags);
    stamp_encode(out, record->stamp);
    if (!operation_id_is_zero(record->operation)) {
        buf_append_u64_be(out, record->operation.high);
        buf_append_u64_be(out, record->operation.low);
    }
    if (record->expiry_ms != 0)
        buf_append_varint(out, record->expiry_ms);
    buf_append_slice(out, record->value);
}

enum err record_decode(struct slice bytes, struct record *out)
{
    struct cursor in = cursor_of(bytes);
    uint8_t flags = cursor_u8(&in);
    struct record record = {.stamp = stamp_decode(&in),
                            .replaced = (flags & FLAG_REPLACED) != 0,
                            .dead = (flags & FLAG_DEAD) != 0};
    if ((flags & FLAG_OPERATION) != 0) {
        record.operation.high = cursor_u64_be(&in);
        record.operation.low = cursor_u64_be(&in);
        in.failed |= operation_id_is_zero(record.operation);
    }
    if ((flags & FLAG_EXPIRY) != 0) {
        record.expiry_ms = cursor_varint(&in);
        in.failed |= record.expiry_ms == 0;
    }
    record.value = cursor_bytes(&in, cursor_left(&in));
    if (in.failed || (flags & ~(unsigned)FLAGS_KNOWN) != 0 ||
        record.value.length > VALUE_BYTES_MAX || (record.dead && record.value.length > 0))
        return ERR_INVALID;
    *out = record;
    return ERR_OK;
}
