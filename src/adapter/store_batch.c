#include "adapter/store_batch.h"

#include "base/check.h"

// Stands before the bytes of key and value; copied in and out, for the run is not aligned.
struct op_header {
    uint32_t value_length;
    uint16_t key_length;
    uint8_t table;
    uint8_t removes;
};

_Static_assert(STORE_KEY_BYTES_MAX <= UINT16_MAX, "a key's length fits its field");
_Static_assert(STORE_VALUE_BYTES_MAX <= UINT32_MAX, "a value's length fits its field");

void store_batch_init(struct store_batch *batch)
{
    list_init(&batch->link);
    batch->number = 0;
    buf_init(&batch->ops, STORE_BATCH_BYTES_MAX);
    batch->load = (struct store_load){0};
}

void store_batch_release(struct store_batch *batch)
{
    buf_release(&batch->ops);
}

void store_batch_clear(struct store_batch *batch)
{
    batch->number = 0;
    buf_clear(&batch->ops);
    batch->load = (struct store_load){0};
}

static void add(struct store_batch *batch, enum store_table table, struct slice key,
                struct slice value, bool removes)
{
    CHECK(table < STORE_TABLE_COUNT);
    CHECK(key.length >= 1 && key.length <= STORE_KEY_BYTES_MAX);
    CHECK(value.length <= STORE_VALUE_BYTES_MAX);
    struct op_header header = {.value_length = (uint32_t)value.length,
                               .key_length = (uint16_t)key.length,
                               .table = (uint8_t)table,
                               .removes = removes};
    uint8_t *next = buf_extend(&batch->ops, sizeof header + key.length + value.length);
    CHECK(next != NULL);
    memcpy(next, &header, sizeof header);
    memcpy(next + sizeof header, key.bytes, key.length);
    if (value.length > 0)
        memcpy(next + sizeof header + key.length, value.bytes, value.length);
    struct store_load load = store_load_of(key.length, value.length);
    store_load_join(&batch->load, &load);
}

void store_batch_put(struct store_batch *batch, enum store_table table, struct slice key,
                     struct slice value)
{
    add(batch, table, key, value, false);
}

void store_batch_remove(struct store_batch *batch, enum store_table table, struct slice key)
{
    add(batch, table, key, slice_of(NULL, 0), true);
}

// The bytes that the operation at the front of `bytes` takes, or 0 when there is none.
static size_t measure(struct slice bytes)
{
    struct op_header header;
    if (bytes.length < sizeof header)
        return 0;
    memcpy(&header, bytes.bytes, sizeof header);
    size_t length = sizeof header + header.key_length + (size_t)header.value_length;
    bool valid = header.table < STORE_TABLE_COUNT && header.key_length >= 1 &&
                 header.key_length <= STORE_KEY_BYTES_MAX &&
                 header.value_length <= (header.removes ? 0 : STORE_VALUE_BYTES_MAX) &&
                 length <= bytes.length;
    return valid ? length : 0;
}

enum err store_batch_load(struct store_batch *batch, struct slice bytes)
{
    CHECK(batch->ops.length == 0);
    if (bytes.length > STORE_BATCH_BYTES_MAX)
        return ERR_CORRUPT;
    for (struct slice rest = bytes; rest.length > 0;) {
        size_t length = measure(rest);
        if (length == 0)
            return ERR_CORRUPT;
        rest = slice_of(rest.bytes + length, rest.length - length);
    }
    buf_append_slice(&batch->ops, bytes);
    CHECK(!batch->ops.overflown);
    struct store_op op;
    for (size_t position = 0; store_batch_next(batch, &position, &op);) {
        struct store_load load = store_load_of(op.key.length, op.value.length);
        store_load_join(&batch->load, &load);
    }
    return ERR_OK;
}

bool store_batch_next(const struct store_batch *batch, size_t *position, struct store_op *out)
{
    if (*position == batch->ops.length)
        return false;
    struct op_header header;
    const uint8_t *start = batch->ops.bytes + *position;
    memcpy(&header, start, sizeof header);
    const uint8_t *key = start + sizeof header;
    *out = (struct store_op){.table = (enum store_table)header.table,
                             .removes = header.removes != 0,
                             .key = slice_of(key, header.key_length),
                             .value = slice_of(key + header.key_length, header.value_length)};
    *position += sizeof header + header.key_length + header.value_length;
    CHECK(*position <= batch->ops.length);
    return true;
}
