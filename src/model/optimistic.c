#include "model/optimistic.h"

enum { FLAG_FAMILY = 1, FLAG_SIGNED = 2 };

struct optimistic optimistic_default(void)
{
    const uint64_t day_ms = UINT64_C(24) * 3600 * 1000;
    return (struct optimistic){.rumor_k = 4,
                               .rumor_ms = 1000,
                               .anti_entropy_ms = 10000,
                               .audit_ms = day_ms,
                               .retention_ms = 7 * day_ms,
                               .stability_ms = 1000};
}

static bool pace_is_valid(uint64_t ms)
{
    return ms >= OPTIMISTIC_MS_MIN && ms <= OPTIMISTIC_MS_MAX;
}

bool optimistic_is_valid(const struct optimistic *optimistic)
{
    return keyspace_name_is_valid(slice_of_text(optimistic->name)) &&
           optimistic->primary <= NODES_MAX && optimistic->rumor_k >= 1 &&
           optimistic->rumor_k <= OPTIMISTIC_RUMOR_K_MAX && pace_is_valid(optimistic->rumor_ms) &&
           pace_is_valid(optimistic->anti_entropy_ms) && pace_is_valid(optimistic->audit_ms) &&
           pace_is_valid(optimistic->retention_ms) && pace_is_valid(optimistic->stability_ms);
}

void optimistic_encode(struct buf *out, const struct optimistic *optimistic)
{
    buf_append_varint(out, optimistic->id);
    buf_append_counted(out, slice_of_text(optimistic->name));
    buf_append_u8(out, (uint8_t)((optimistic->is_family ? FLAG_FAMILY : 0) |
                                 (optimistic->is_signed ? FLAG_SIGNED : 0)));
    buf_append_u64_be(out, optimistic->secret);
    buf_append_u8(out, optimistic->primary);
    buf_append_varint(out, optimistic->primary_epoch);
    buf_append_varint(out, optimistic->rumor_k);
    buf_append_varint(out, optimistic->rumor_ms);
    buf_append_varint(out, optimistic->anti_entropy_ms);
    buf_append_varint(out, optimistic->audit_ms);
    buf_append_varint(out, optimistic->retention_ms);
    buf_append_varint(out, optimistic->stability_ms);
}

void optimistic_decode(struct cursor *in, struct optimistic *out)
{
    *out = (struct optimistic){.id = (uint32_t)cursor_varint_max(in, UINT32_MAX)};
    struct slice name = cursor_counted(in);
    uint8_t flags = cursor_u8(in);
    out->secret = cursor_u64_be(in);
    out->primary = cursor_u8(in);
    out->primary_epoch = cursor_varint(in);
    out->rumor_k = (uint32_t)cursor_varint_max(in, OPTIMISTIC_RUMOR_K_MAX);
    out->rumor_ms = cursor_varint(in);
    out->anti_entropy_ms = cursor_varint(in);
    out->audit_ms = cursor_varint(in);
    out->retention_ms = cursor_varint(in);
    out->stability_ms = cursor_varint(in);
    in->failed |= !keyspace_name_is_valid(name) || (flags & ~(FLAG_FAMILY | FLAG_SIGNED)) != 0;
    if (in->failed)
        return;
    memcpy(out->name, name.bytes, name.length);
    out->is_family = (flags & FLAG_FAMILY) != 0;
    out->is_signed = (flags & FLAG_SIGNED) != 0;
    in->failed = !optimistic_is_valid(out);
}
