#include "session_damage.h"

#include "core/epidemic/space_store.h"
#include "disk_damage.h"

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

void session_damage_lose_key(struct session_bench *bench, unsigned replica, const char *key)
{
    disk_damage_lose_key(disk_of(bench, replica), BENCH_SPACE, key);
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
    struct slice text = slice_of_text(key);
    space_key_versions(&name, BENCH_SPACE, slot_of_key(text), text);
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
