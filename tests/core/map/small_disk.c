#include "small_disk.h"

#include "base/check.h"

void small_disk_init(struct small_disk *disk)
{
    memset(disk, 0, sizeof *disk);
}

static void release_values(struct disk_value *values, unsigned *count)
{
    for (unsigned i = 0; i < *count; i++)
        buf_release(&values[i].bytes);
    *count = 0;
}

void small_disk_release(struct small_disk *disk)
{
    release_values(disk->values, &disk->value_count);
    for (unsigned i = 0; i < DISK_BATCHES_MAX; i++)
        release_values(disk->batches[i].values, &disk->batches[i].value_count);
}

static struct disk_value *find(struct disk_value *values, unsigned count, struct slice name)
{
    for (unsigned i = 0; i < count; i++)
        if (slice_equal(slice_of_text(values[i].name), name))
            return &values[i];
    return NULL;
}

static void set(struct disk_value *values, unsigned *count, struct slice name, struct slice bytes)
{
    struct disk_value *value = find(values, *count, name);
    if (value == NULL) {
        CHECK(*count < DISK_NAMES_MAX && name.length < sizeof values[0].name);
        value = &values[(*count)++];
        memcpy(value->name, name.bytes, name.length);
        value->name[name.length] = '\0';
        buf_init(&value->bytes, STORE_VALUE_BYTES_MAX);
    }
    buf_clear(&value->bytes);
    buf_append_slice(&value->bytes, bytes);
}

static void take_writes(struct disk_value *values, unsigned *count, const struct effects *effects)
{
    for (size_t i = 0; i < effects->write_count; i++) {
        const struct effect_write *write = &effects->writes[i];
        CHECK(write->store == EFFECT_VOTER && write->table == STORE_META && !write->remove);
        set(values, count, effects_bytes(effects, write->key),
            effects_bytes(effects, write->value));
    }
}

void small_disk_hand_over(struct small_disk *disk, const struct effects *effects)
{
    if (effects->write_count == 0 && effects->tokens[EFFECT_VOTER] == disk->token)
        return;
    CHECK(disk->batch_count < DISK_BATCHES_MAX);
    unsigned at = (disk->batch_first + disk->batch_count++) % DISK_BATCHES_MAX;
    disk->token = effects->tokens[EFFECT_VOTER];
    disk->batches[at].token = disk->token;
    take_writes(disk->batches[at].values, &disk->batches[at].value_count, effects);
}

uint64_t small_disk_sync(struct small_disk *disk)
{
    if (disk->batch_count == 0)
        return 0;
    struct disk_batch *batch = &disk->batches[disk->batch_first];
    for (unsigned i = 0; i < batch->value_count; i++)
        set(disk->values, &disk->value_count, slice_of_text(batch->values[i].name),
            buf_slice(&batch->values[i].bytes));
    release_values(batch->values, &batch->value_count);
    disk->batch_first = (disk->batch_first + 1) % DISK_BATCHES_MAX;
    disk->batch_count--;
    return batch->token;
}

void small_disk_crash(struct small_disk *disk, unsigned kept)
{
    for (; kept > 0 && disk->batch_count > 0; kept--)
        small_disk_sync(disk);
    for (unsigned i = 0; i < DISK_BATCHES_MAX; i++)
        release_values(disk->batches[i].values, &disk->batches[i].value_count);
    disk->batch_count = 0;
    disk->token = 0;
}

void small_disk_apply(struct small_disk *disk, const struct effects *effects)
{
    take_writes(disk->values, &disk->value_count, effects);
}

struct buf *small_disk_value(struct small_disk *disk, const char *name)
{
    struct disk_value *value = find(disk->values, disk->value_count, slice_of_text(name));
    return value != NULL ? &value->bytes : NULL;
}

static enum err get(void *store, enum store_table table, struct slice key, struct slice *out)
{
    struct small_disk *disk = store;
    struct disk_value *value = find(disk->values, disk->value_count, key);
    if (table != STORE_META || value == NULL)
        return ERR_NOT_FOUND;
    *out = buf_slice(&value->bytes);
    return ERR_OK;
}

struct store small_disk_store(struct small_disk *disk)
{
    static const struct store_ops ops = {.get = get};
    return (struct store){.ops = &ops, .self = disk};
}
