#include "model/keyspace.h"

#include "model/node_set.h"

static const char *const strategy_names[STRATEGY_COUNT] = {"full", "consistent"};

const char *strategy_name(enum strategy strategy)
{
    return (unsigned)strategy < STRATEGY_COUNT ? strategy_names[strategy] : "unknown";
}

enum err strategy_parse(struct slice name, enum strategy *out)
{
    for (unsigned i = 0; i < STRATEGY_COUNT; i++) {
        if (slice_equal(name, slice_of_text(strategy_names[i]))) {
            *out = (enum strategy)i;
            return ERR_OK;
        }
    }
    return ERR_INVALID;
}

static bool is_letter_or_digit(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool keyspace_name_is_valid(struct slice name)
{
    if (name.length == 0 || name.length > KEYSPACE_NAME_BYTES_MAX)
        return false;
    for (size_t i = 0; i < name.length; i++) {
        uint8_t c = name.bytes[i];
        bool inside = i > 0 && i + 1 < name.length;
        bool joint = c == '-' || c == '_' || c == '.' || c == '/';
        if (!is_letter_or_digit(c) && !(inside && joint))
            return false;
    }
    return true;
}

void keyspace_encode(struct buf *out, const struct keyspace *keyspace)
{
    buf_append_varint(out, keyspace->id);
    buf_append_counted(out, slice_of_text(keyspace->name));
    buf_append_u8(out, (uint8_t)keyspace->strategy);
    buf_append_u8(out, keyspace->replication_factor);
    buf_append_u8(out, keyspace->min_in_sync);
}

void keyspace_decode(struct cursor *in, struct keyspace *out)
{
    *out = (struct keyspace){.id = (uint32_t)cursor_varint_max(in, UINT32_MAX)};
    struct slice name = cursor_counted(in);
    uint8_t strategy = cursor_u8(in);
    out->replication_factor = cursor_u8(in);
    out->min_in_sync = cursor_u8(in);
    if (in->failed || !keyspace_name_is_valid(name) || strategy >= STRATEGY_COUNT ||
        out->replication_factor < 1 || out->replication_factor > NODES_MAX ||
        out->min_in_sync < 1 || out->min_in_sync > NODES_MAX) {
        in->failed = true;
        return;
    }
    memcpy(out->name, name.bytes, name.length);
    out->strategy = (enum strategy)strategy;
}
