// Pages of keys with all their versions, and what users keep for themselves.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "epidemic_bench.h"

#include <stdio.h>
#include <stdlib.h>

enum { A, B, KEYS = 60, LARGE = 1 << 20, NAME_BYTES = 32 };

// What a whole listing gave, page by page.
struct scanned {
    char keys[KEYS][NAME_BYTES];
    unsigned count;
    unsigned pages;
    size_t page_bytes_max;
    char versions[KEYS][NAME_BYTES]; // "winner|next", cut
};

static void take_versions(struct slice versions, char *out)
{
    struct cursor in = cursor_of(versions);
    struct version_entry entry;
    size_t length = 0;
    while (version_entry_next(&in, &entry)) {
        int more = snprintf(out + length, NAME_BYTES - length, "%s%.*s", length > 0 ? "|" : "",
                            (int)(entry.value.length < 8 ? entry.value.length : 8),
                            (const char *)entry.value.bytes);
        length += (size_t)more < NAME_BYTES - length ? (size_t)more : 0;
    }
    assert_false(in.failed);
}

static void take_page(struct scanned *scanned, const struct epidemic_bench_reply *reply)
{
    struct cursor in = cursor_of(buf_slice(&reply->entries));
    struct scan_entry entry;
    while (scan_entry_next(&in, &entry)) {
        assert_in_range(scanned->count, 0, KEYS - 1);
        snprintf(scanned->keys[scanned->count], NAME_BYTES, "%.*s", (int)entry.key.length,
                 (const char *)entry.key.bytes);
        take_versions(entry.versions, scanned->versions[scanned->count]);
        for (unsigned i = 0; i < scanned->count; i++)
            assert_string_not_equal(scanned->keys[i], scanned->keys[scanned->count]);
        scanned->count++;
    }
    assert_false(in.failed);
    scanned->pages++;
    if (reply->entries.length > scanned->page_bytes_max)
        scanned->page_bytes_max = reply->entries.length;
}

// All of it, as somebody does who follows the cursor.
static void list_all(struct epidemic_bench *bench, const struct request *first,
                     struct scanned *scanned)
{
    struct request request = *first;
    memset(scanned, 0, sizeof *scanned);
    while (request.cursor.slot < SLOTS) {
        size_t handle = epidemic_bench_ask(bench, A, &request);
        const struct epidemic_bench_reply *reply = &bench->replies[handle];
        assert_int_equal(reply->error, ERR_OK);
        take_page(scanned, reply);
        request.cursor.slot = reply->slot;
        request.cursor.key = buf_slice(&reply->key);
        assert_in_range(scanned->pages, 1, 2 * KEYS);
    }
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void name_key(char key[NAME_BYTES], const char *prefix, unsigned i)
{
    snprintf(key, NAME_BYTES, "%s%03u", prefix, i);
}

// Whether they are key 0 to key count - 1, each once.
static void expect_keys(struct scanned *scanned, const char *prefix, unsigned count)
{
    char key[NAME_BYTES];
    assert_int_equal(scanned->count, count);
    qsort(scanned->keys, count, NAME_BYTES, compare);
    for (unsigned i = 0; i < count; i++) {
        name_key(key, prefix, i);
        assert_string_equal(scanned->keys[i], key);
    }
}

static void put_keys(struct epidemic_bench *bench, const char *prefix, unsigned count, size_t bytes)
{
    char key[NAME_BYTES];
    for (unsigned i = 0; i < count; i++) {
        name_key(key, prefix, i);
        epidemic_bench_put_bytes(bench, A, key, bytes);
        epidemic_bench_run(bench, 10 * MS);
    }
}

// --- scans

static void test_epidemic_scans__give_every_key_once_page_by_page(void **state)
{
    (void)state;
    struct epidemic_bench *bench = epidemic_bench_new(1);
    struct scanned scanned;
    put_keys(bench, "k", KEYS, 10);
    for (uint32_t limit = 1; limit <= KEYS + 1; limit += 6) {
        const struct request request = {.kind = REQUEST_SCAN, .limit = limit};
        list_all(bench, &request, &scanned);
        expect_keys(&scanned, "k", KEYS);
        assert_in_range(scanned.pages, KEYS / limit, KEYS / limit + 1);
    }
    epidemic_bench_free(bench);
}

static void test_epidemic_scans__end_a_page_that_is_large_enough(void **state)
{
    (void)state;
    struct epidemic_bench *bench = epidemic_bench_new(1);
    struct scanned scanned;
    const struct request request = {.kind = REQUEST_SCAN, .limit = LIST_LIMIT_MAX};
    put_keys(bench, "large", 20, LARGE);
    list_all(bench, &request, &scanned);
    expect_keys(&scanned, "large", 20);
    assert_int_equal(scanned.pages, 5);
    assert_in_range(scanned.page_bytes_max, 4 * LARGE, 5 * LARGE);
    epidemic_bench_free(bench);
}

static void test_epidemic_scans__pass_over_deleted_keys_and_other_prefixes(void **state)
{
    (void)state;
    struct epidemic_bench *bench = epidemic_bench_new(1);
    struct scanned scanned;
    const struct request request = {
        .kind = REQUEST_SCAN, .limit = 3, .prefix = slice_of_text("a/")};
    put_keys(bench, "a/", 20, 1);
    put_keys(bench, "b/", 20, 1);
    epidemic_bench_put(bench, A, "a/zzz", "v");
    epidemic_bench_delete(bench, A, "a/zzz");
    list_all(bench, &request, &scanned);
    expect_keys(&scanned, "a/", 20);
    epidemic_bench_free(bench);
}

static void test_epidemic_scans__show_all_versions_greatest_first(void **state)
{
    (void)state;
    struct epidemic_bench *bench = epidemic_bench_new(2);
    struct scanned scanned;
    struct request request = {.kind = REQUEST_SCAN, .limit = 10};
    epidemic_bench_put(bench, A, "k", "a");
    epidemic_bench_put(bench, B, "x", "b");
    epidemic_bench_put(bench, B, "k", "b"); // later by its clock
    epidemic_bench_meet_all(bench);
    epidemic_bench_run(bench, 10 * SECOND);
    list_all(bench, &request, &scanned);
    assert_int_equal(scanned.count, 2);
    unsigned k = scanned.keys[0][0] == 'k' ? 0 : 1;
    assert_string_equal(scanned.versions[k], "b|a");
    assert_string_equal(epidemic_bench_read(bench, A, "k"), "b|a");
    // Of what is stable there is nothing yet.
    request.only_stable = true;
    list_all(bench, &request, &scanned);
    assert_int_equal(scanned.count, 0);
    epidemic_bench_primary(bench, A);
    epidemic_bench_run(bench, 10 * SECOND);
    list_all(bench, &request, &scanned);
    assert_int_equal(scanned.count, 2);
    assert_string_equal(scanned.versions[scanned.keys[0][0] == 'k' ? 0 : 1], "b");
    epidemic_bench_free(bench);
}

static void deliver_version(struct epidemic_bench *bench, uint64_t origin, struct slice value)
{
    struct operation operation = {.space = EPIDEMIC_BENCH_SPACE,
                                  .dot = {.origin = origin, .sequence = 1},
                                  .counter = origin,
                                  .key = slice_of_text("k")};
    struct buf bytes;
    operation_set_value(&operation, value);
    buf_init(&bytes, MESSAGE_BYTES_MAX);
    operation_encode(&bytes, &operation, OPERATION_PUT);
    const struct message message = {
        .kind = MESSAGE_RUMOR_OPERATIONS,
        .rumor_operations = {.space = EPIDEMIC_BENCH_SPACE, .operations = buf_slice(&bytes)}};
    epidemic_bench_deliver(bench, B, A, &message);
    epidemic_bench_run(bench, 10 * MS);
    buf_release(&bytes);
}

static void test_epidemic_scans__show_so_many_versions_at_most(void **state)
{
    (void)state;
    struct epidemic_bench *bench = epidemic_bench_new(2);
    uint8_t *value = calloc(1, LARGE);
    for (unsigned i = 1; i <= VERSIONS_LIVE_MAX + 4; i++)
        deliver_version(bench, i, slice_of(value, LARGE));
    const struct request scan = {.kind = REQUEST_SCAN, .limit = 10};
    const struct request read = {.kind = REQUEST_READ, .key = slice_of_text("k")};
    size_t scanned = epidemic_bench_ask(bench, A, &scan);
    size_t seen = epidemic_bench_ask(bench, A, &read);
    assert_in_range(bench->replies[scanned].entries.length, VERSIONS_LIVE_MAX * LARGE,
                    VERSIONS_LIVE_MAX * (LARGE + 64));
    assert_in_range(bench->replies[seen].versions.length, (VERSIONS_LIVE_MAX - 1) * LARGE,
                    (VERSIONS_LIVE_MAX - 1) * (LARGE + 64));
    assert_int_equal(bench->replies[seen].stamp.counter, VERSIONS_LIVE_MAX + 4);
    free(value);
    epidemic_bench_free(bench);
}

static void test_epidemic_scans__refuse_what_is_no_list(void **state)
{
    (void)state;
    struct epidemic_bench *bench = epidemic_bench_new(1);
    struct request request = {.kind = REQUEST_SCAN};
    assert_int_equal(epidemic_bench_error(bench, epidemic_bench_ask(bench, A, &request)),
                     ERR_INVALID);
    request.limit = 1;
    request.cursor.slot = SLOTS;
    assert_int_equal(epidemic_bench_error(bench, epidemic_bench_ask(bench, A, &request)),
                     ERR_INVALID);
    epidemic_bench_free(bench);
}

// --- what users keep for themselves

static size_t keep_bytes(struct epidemic_bench *bench, const char *key, size_t bytes)
{
    uint8_t *value = malloc(bytes + 1);
    memset(value, 'v', bytes);
    const struct request request = {
        .kind = REQUEST_KEEP, .key = slice_of_text(key), .value = slice_of(value, bytes)};
    size_t handle = epidemic_bench_ask(bench, A, &request);
    free(value);
    return handle;
}

static void keep(struct epidemic_bench *bench, const char *key, const char *value)
{
    const struct request request = {
        .kind = REQUEST_KEEP, .key = slice_of_text(key), .value = slice_of_text(value)};
    size_t handle = epidemic_bench_ask(bench, A, &request);
    assert_int_equal(epidemic_bench_error(bench, handle), ERR_COUNT);
    epidemic_bench_run(bench, 10 * MS);
    assert_int_equal(epidemic_bench_error(bench, handle), ERR_OK);
}

static void keep_keys(struct epidemic_bench *bench, const char *prefix, unsigned count)
{
    char key[NAME_BYTES];
    for (unsigned i = 0; i < count; i++) {
        name_key(key, prefix, i);
        keep(bench, key, "v");
    }
}

static void test_epidemic_scans__keep_for_users_across_restarts(void **state)
{
    (void)state;
    struct epidemic_bench *bench = epidemic_bench_new(2);
    struct scanned scanned;
    const struct request request = {.kind = REQUEST_KEPT, .limit = 10};
    epidemic_bench_meet_all(bench);
    keep(bench, "mute/a", "old");
    keep(bench, "mute/a", "new");
    keep(bench, "mute/b", "v");
    keep(bench, "mute/b", "");
    keep(bench, "mute/c", "");
    for (unsigned run = 0; run < 2; run++) {
        list_all(bench, &request, &scanned);
        assert_int_equal(scanned.count, 1);
        assert_string_equal(scanned.keys[0], "mute/a");
        assert_string_equal(scanned.versions[0], "new");
        epidemic_bench_crash(bench, A, 0);
        epidemic_bench_start(bench, A);
    }
    // Nobody else hears of it, and no keyspace shows it.
    epidemic_bench_run(bench, 20 * SECOND);
    assert_string_equal(epidemic_bench_read(bench, A, "mute/a"), "-");
    assert_int_equal(space_disk_count(&bench->peers[B].disk, STORE_META), 0);
    epidemic_bench_free(bench);
}

static void test_epidemic_scans__list_what_is_kept_page_by_page(void **state)
{
    (void)state;
    struct epidemic_bench *bench = epidemic_bench_new(1);
    struct scanned scanned;
    keep_keys(bench, "a/", 20);
    keep_keys(bench, "b/", 20);
    keep_keys(bench, "c/", 20);
    for (uint32_t limit = 1; limit <= 21; limit++) {
        const struct request request = {
            .kind = REQUEST_KEPT, .limit = limit, .prefix = slice_of_text("b/")};
        list_all(bench, &request, &scanned);
        expect_keys(&scanned, "b/", 20);
        assert_in_range(scanned.pages, 20 / limit, 20 / limit + 1);
    }
    const struct request all = {.kind = REQUEST_KEPT, .limit = 7};
    list_all(bench, &all, &scanned);
    assert_int_equal(scanned.count, 60);
    epidemic_bench_free(bench);
}

static void test_epidemic_scans__end_a_page_of_what_is_kept_too(void **state)
{
    (void)state;
    struct epidemic_bench *bench = epidemic_bench_new(1);
    struct scanned scanned;
    const struct request request = {.kind = REQUEST_KEPT, .limit = LIST_LIMIT_MAX};
    char key[NAME_BYTES];
    for (unsigned i = 0; i < 20; i++) {
        name_key(key, "large", i);
        keep_bytes(bench, key, LARGE);
        epidemic_bench_run(bench, 10 * MS);
    }
    list_all(bench, &request, &scanned);
    expect_keys(&scanned, "large", 20);
    assert_in_range(scanned.pages, 5, 6);
    assert_in_range(scanned.page_bytes_max, 4 * LARGE, 5 * LARGE);
    epidemic_bench_free(bench);
}

static void test_epidemic_scans__keep_within_bounds(void **state)
{
    (void)state;
    struct epidemic_bench *bench = epidemic_bench_new(1);
    char key[KEY_BYTES_MAX + 2];
    assert_int_equal(epidemic_bench_error(bench, keep_bytes(bench, "k", VALUE_BYTES_MAX + 1)),
                     ERR_TOO_LARGE);
    assert_int_equal(epidemic_bench_error(bench, keep_bytes(bench, "", 1)), ERR_INVALID);
    memset(key, 'k', sizeof key);
    key[KEY_BYTES_MAX + 1] = '\0';
    assert_int_equal(epidemic_bench_error(bench, keep_bytes(bench, key, 1)), ERR_INVALID);
    key[KEY_BYTES_MAX] = '\0';
    assert_int_equal(epidemic_bench_error(bench, keep_bytes(bench, key, 1)), ERR_COUNT);
    const struct request request = {
        .kind = REQUEST_KEPT, .limit = 1, .cursor = {.key = slice_of(key, KEY_BYTES_MAX)}};
    size_t last = epidemic_bench_ask(bench, A, &request);
    assert_int_equal(bench->replies[last].slot, SLOTS);
    // Nothing is added without room; to keep no more is always possible.
    epidemic_bench_core(bench, A)->room_low = true;
    assert_int_equal(epidemic_bench_error(bench, keep_bytes(bench, "k", 1)), ERR_FULL);
    assert_int_equal(epidemic_bench_error(bench, keep_bytes(bench, key, 0)), ERR_COUNT);
    epidemic_bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_epidemic_scans__give_every_key_once_page_by_page),
        cmocka_unit_test(test_epidemic_scans__end_a_page_that_is_large_enough),
        cmocka_unit_test(test_epidemic_scans__pass_over_deleted_keys_and_other_prefixes),
        cmocka_unit_test(test_epidemic_scans__show_all_versions_greatest_first),
        cmocka_unit_test(test_epidemic_scans__show_so_many_versions_at_most),
        cmocka_unit_test(test_epidemic_scans__refuse_what_is_no_list),
        cmocka_unit_test(test_epidemic_scans__keep_for_users_across_restarts),
        cmocka_unit_test(test_epidemic_scans__list_what_is_kept_page_by_page),
        cmocka_unit_test(test_epidemic_scans__end_a_page_of_what_is_kept_too),
        cmocka_unit_test(test_epidemic_scans__keep_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
