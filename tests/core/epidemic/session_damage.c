#include "session_damage.h"

#include "core/epidemic/space_store.h"

#include <stdlib.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

static struct space_disk *disk_of(struct session_bench *bench, unsigned replica)
{
    struct bench_replica *it = &bench->spaces->replicas[replica];
    assert_int_equal(it->disk.queue_count, 0);
    assert_int_equal(overlay_bytes(&it->overlay), 0);
    return &it->disk;
}

static void remove_operations(struct space_disk *disk, struct slice key)
{
    for (size_t i = disk->pair_count; i-- > 0;) {
        const struct disk_pair *pair = &disk->pairs[i];
        struct stored stored;
        if (pair->table == STORE_OPERATIONS &&
            stored_decode(disk_pair_value(pair), BENCH_SPACE, &stored) == ERR_OK &&
            slice_equal(stored.operation.key, key))
            space_disk_remove(disk, STORE_OPERATIONS, disk_pair_key(pair));
    }
}

static void name_key(struct space_key *out, struct slice key)
{
    space_key_versions(out, BENCH_SPACE, slot_of_key(key), key);
}

void session_damage_lose_key(struct session_bench *bench, unsigned replica, const char *key)
{
    struct space_disk *disk = disk_of(bench, replica);
    struct space_key name;
    remove_operations(disk, slice_of_text(key));
    name_key(&name, slice_of_text(key));
    space_disk_remove(disk, STORE_VERSIONS, space_key_slice(&name));
}

void session_damage_revive(struct session_bench *bench, unsigned replica, const char *key,
                           const struct bench_parcel *version)
{
    struct space_disk *disk = disk_of(bench, replica);
    struct operation operation;
    enum operation_form form;
    struct space_key name;
    struct buf bytes;
    struct cursor in = cursor_of(buf_slice(&version->bytes));
    operation_decode(&in, BENCH_SPACE, &operation, &form);
    assert_true(cursor_finish(&in) == ERR_OK && form == OPERATION_PUT);
    session_damage_lose_key(bench, replica, key);
    buf_init(&bytes, STORE_VALUE_BYTES_MAX);
    struct sha256 id = operation_id_of(&operation);
    struct space_entry entry = {
        .state = VERSION_LIVE, .dot = operation.dot, .id_head = sha256_head(&id)};
    stored_encode(&bytes, &operation, VERSION_LIVE);
    space_key_operation(&name, BENCH_SPACE, entry.dot, entry.id_head);
    space_disk_put(disk, STORE_OPERATIONS, space_key_slice(&name), buf_slice(&bytes));
    buf_clear(&bytes);
    space_entry_append(&bytes, &entry);
    name_key(&name, slice_of_text(key));
    space_disk_put(disk, STORE_VERSIONS, space_key_slice(&name), buf_slice(&bytes));
    buf_release(&bytes);
}

void session_damage_lose_all(struct session_bench *bench, unsigned replica)
{
    struct space_disk *disk = disk_of(bench, replica);
    size_t left = 0;
    for (size_t i = 0; i < disk->pair_count; i++) {
        struct disk_pair *pair = &disk->pairs[i];
        if (pair->table == STORE_OPERATIONS || pair->table == STORE_VERSIONS)
            free(pair->bytes);
        else
            disk->pairs[left++] = *pair;
    }
    disk->pair_count = left;
}

void session_damage_find(struct session_bench *bench, unsigned replica)
{
    struct space *space = session_bench_space(bench, replica);
    bool equal = true;
    assert_int_equal(space_recount(space, bench_effects(bench->spaces, replica), &equal), ERR_OK);
    assert_true(!equal && space->damaged);
    session_bench_step(bench, replica);
    session_bench_sync(bench, replica);
}
