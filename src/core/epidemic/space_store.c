#include "core/epidemic/space_store.h"

#include "base/check.h"

enum {
    FORMAT = 1,
    PREFIX_BYTES = 8,
    FLAG_DAMAGED = 1,
    FLAG_FORGETTING = 2,
    FLAGS_ALL = FLAG_DAMAGED | FLAG_FORGETTING,
};

// --- keys

static void append(struct space_key *key, const void *bytes, size_t length)
{
    CHECK(length <= sizeof key->bytes - key->length);
    if (length > 0)
        memcpy(key->bytes + key->length, bytes, length);
    key->length += length;
}

static void append_number(struct space_key *key, uint64_t value, unsigned size)
{
    uint8_t bytes[8];
    for (unsigned i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    append(key, bytes, size);
}

static void begin(struct space_key *key, uint64_t space)
{
    key->length = 0;
    append_number(key, space, 8);
}

void space_key_operation(struct space_key *out, uint64_t space, struct dot dot, uint64_t id_head)
{
    begin(out, space);
    append_number(out, dot.origin, 8);
    append_number(out, dot.sequence, 8);
    append_number(out, id_head, 8);
}

void space_key_versions(struct space_key *out, uint64_t space, unsigned slot, struct slice key)
{
    CHECK(slot <= SLOTS && key.length <= KEY_BYTES_MAX);
    begin(out, space);
    append_number(out, slot, 2);
    append(out, key.bytes, key.length);
}

void space_key_record(struct space_key *out, uint64_t space, enum record_kind kind, uint64_t origin,
                      uint16_t slot)
{
    begin(out, space);
    append_number(out, kind, 1);
    if (kind == RECORD_DIGEST)
        append_number(out, slot, 2);
    else if (kind != RECORD_STATE)
        append_number(out, origin, 8);
}

void space_key_range(struct space_key *first, struct space_key *end, uint64_t space)
{
    begin(first, space);
    begin(end, space + 1);
    if (space == UINT64_MAX)
        end->length = 0;
}

void space_key_step(struct space_key *key)
{
    append_number(key, 0, 1);
}

// What follows the space.
static struct cursor after_space(struct slice bytes)
{
    struct cursor in = cursor_of(bytes);
    cursor_bytes(&in, PREFIX_BYTES);
    return in;
}

bool space_key_read_operation(struct slice bytes, struct dot *dot, uint64_t *id_head)
{
    struct cursor in = after_space(bytes);
    dot->origin = cursor_u64_be(&in);
    dot->sequence = cursor_u64_be(&in);
    *id_head = cursor_u64_be(&in);
    return cursor_finish(&in) == ERR_OK;
}

bool space_key_read_versions(struct slice bytes, uint16_t *slot, struct slice *key)
{
    struct cursor in = after_space(bytes);
    *slot = cursor_u16_be(&in);
    *key = cursor_bytes(&in, cursor_left(&in));
    return !in.failed && *slot < SLOTS && key_is_valid(*key);
}

bool space_key_read_record(struct slice bytes, enum record_kind *kind, uint64_t *origin,
                           uint16_t *slot)
{
    struct cursor in = after_space(bytes);
    *kind = (enum record_kind)cursor_u8(&in);
    *origin = 0;
    *slot = 0;
    switch (*kind) {
    case RECORD_STATE:
        return cursor_finish(&in) == ERR_OK;
    case RECORD_DIGEST:
        *slot = cursor_u16_be(&in);
        return cursor_finish(&in) == ERR_OK && *slot < SLOTS;
    case RECORD_STRAYS:
    case RECORD_HORIZON:
    case RECORD_KNOWN:
    case RECORD_STABLE:
        *origin = cursor_u64_be(&in);
        return cursor_finish(&in) == ERR_OK && *origin != 0;
    }
    return false;
}

// --- values

// What stands in the store of a version in this state.
static enum operation_form form_of(enum version_state state)
{
    if (state_has_value(state))
        return OPERATION_PUT;
    return state == VERSION_CERTIFICATE ? OPERATION_DELETE : OPERATION_BARE;
}

void stored_encode(struct buf *out, const struct operation *operation, enum version_state state)
{
    buf_append_u8(out, (uint8_t)state);
    operation_encode(out, operation, form_of(state));
}

enum err stored_decode(struct slice bytes, uint64_t space, struct stored *out)
{
    struct cursor in = cursor_of(bytes);
    enum operation_form form;
    uint8_t state = cursor_u8(&in);
    operation_decode(&in, space, &out->operation, &form);
    if (cursor_finish(&in) != ERR_OK || state >= VERSION_STATE_COUNT)
        return ERR_CORRUPT;
    out->state = (enum version_state)state;
    return form == form_of(out->state) ? ERR_OK : ERR_CORRUPT;
}

// In the byte that tells the state of an entry.
enum { ENTRY_EXPIRES = 0x80 };

void space_entry_append(struct buf *out, const struct space_entry *entry)
{
    buf_append_u8(out, (uint8_t)((unsigned)entry->state | (entry->expires ? ENTRY_EXPIRES : 0)));
    buf_append_u64_be(out, entry->dot.origin);
    buf_append_varint(out, entry->dot.sequence);
    buf_append_u64_be(out, entry->id_head);
}

bool space_entry_next(struct cursor *in, struct space_entry *out)
{
    if (in->failed || cursor_left(in) == 0)
        return false;
    uint8_t head = cursor_u8(in);
    unsigned state = head & ~(unsigned)ENTRY_EXPIRES;
    out->expires = (head & ENTRY_EXPIRES) != 0;
    out->dot.origin = cursor_u64_be(in);
    out->dot.sequence = cursor_varint_max(in, KNOWLEDGE_SEQUENCE_MAX);
    out->id_head = cursor_u64_be(in);
    if (state >= VERSION_STATE_COUNT || (out->expires && state == VERSION_CERTIFICATE) ||
        out->dot.origin == 0 || out->dot.sequence == 0)
        in->failed = true;
    out->state = (enum version_state)state;
    return !in->failed;
}

void space_state_encode(struct buf *out, const struct space_state *state)
{
    int flags = (state->damaged ? FLAG_DAMAGED : 0) | (state->forgetting ? FLAG_FORGETTING : 0);
    buf_append_u8(out, FORMAT);
    buf_append_u8(out, (uint8_t)flags);
    buf_append_u64_be(out, state->origin);
    buf_append_varint(out, state->next);
    buf_append_varint(out, state->clock);
    buf_append_varint(out, state->certificates);
    buf_append_varint(out, state->covered);
}

enum err space_state_decode(struct slice bytes, struct space_state *out)
{
    struct cursor in = cursor_of(bytes);
    uint8_t format = cursor_u8(&in);
    if (!in.failed && format > FORMAT)
        return ERR_VERSION;
    uint8_t flags = cursor_u8(&in);
    out->origin = cursor_u64_be(&in);
    out->next = cursor_varint(&in);
    out->clock = cursor_varint_max(&in, OPERATION_COUNTER_MAX);
    out->certificates = cursor_varint(&in);
    out->covered = cursor_varint(&in);
    out->damaged = (flags & FLAG_DAMAGED) != 0;
    out->forgetting = (flags & FLAG_FORGETTING) != 0;
    bool good = cursor_finish(&in) == ERR_OK && format == FORMAT && (flags & ~FLAGS_ALL) == 0 &&
                (out->origin != 0) == (out->next != 0) && out->next <= KNOWLEDGE_SEQUENCE_MAX + 1;
    return good ? ERR_OK : ERR_CORRUPT;
}
