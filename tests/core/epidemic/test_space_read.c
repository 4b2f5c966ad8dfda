// What readers, listings and sessions are shown.

#include "space_bench.h"

#include "base/check.h"

#include <stdio.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

enum { A, B, C };

// --- one key

struct seen {
    struct space_version versions[8];
    unsigned count;
    unsigned most;
};

static bool see(void *context, const struct space_version *version)
{
    struct seen *seen = context;
    seen->versions[seen->count++] = *version;
    return seen->count < seen->most;
}

static void test_space_read__gives_the_winner_then_the_conflicts(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(3, NULL);
    bench_put(bench, B, "other", "moves the clock");
    bench_put(bench, C, "other", "moves the clock");
    bench_put(bench, C, "other", "and again");
    bench_put(bench, A, "k", "first");
    bench_put(bench, B, "k", "second");
    bench_put(bench, C, "k", "third");
    bench_send(bench, B, A);
    bench_send(bench, C, A);
    assert_string_equal(bench_read(bench, A, "k"), "third|second|first");
    struct seen seen = {.most = 2};
    assert_int_equal(
        space_read(bench_space(bench, A), slice_of_text("k"), SPACE_LATEST, see, &seen), ERR_OK);
    assert_int_equal(seen.count, 2); // the visitor has enough
    bench_put(bench, A, "k", "all three");
    assert_string_equal(bench_read(bench, A, "k"), "all three");
    bench_exchange(bench, A, B);
    assert_string_equal(bench_read(bench, B, "k"), "all three");
    bench_free(bench);
}

static void test_space_read__tells_all_of_a_version(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct signing_secret secret = {{9}};
    struct signing_key author = signing_key_of(&secret);
    struct space_written written;
    struct space_write write = {.key = slice_of_text("k"),
                                .value = slice_of_text(""),
                                .expiry_ms = 12345,
                                .author = &secret};
    assert_int_equal(bench_write(bench, A, &write, &written), ERR_OK);
    struct space *space = bench_space(bench, A);
    struct seen seen = {.most = 8};
    assert_int_equal(space_read(space, write.key, SPACE_LATEST, see, &seen), ERR_OK);
    const struct space_version *version = &seen.versions[0];
    assert_int_equal(seen.count, 1);
    assert_true(dot_equal(version->dot, written.dot));
    assert_true(stamp_compare(version->stamp, written.stamp) == 0);
    assert_true(version->expiry_ms == 12345 && version->is_signed && !version->is_stable);
    assert_memory_equal(&version->author, &author, sizeof author);
    assert_int_equal(version->value.length, 0);
    bench_publish(bench, A, NULL);
    assert_int_equal(space_read(space, write.key, SPACE_LATEST, see, &seen), ERR_OK);
    assert_true(seen.versions[1].is_stable);
    assert_int_equal(space_read(space, slice_of(NULL, 0), SPACE_LATEST, see, &seen), ERR_NOT_FOUND);
    bench_free(bench);
}

// --- what is stable

static void test_space_read__shows_what_is_stable_until_its_coverer_is(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(2, NULL);
    bench_put(bench, A, "k", "old");
    assert_string_equal(bench_read_stable(bench, A, "k"), "-");
    bench_publish(bench, A, NULL);
    assert_string_equal(bench_read_stable(bench, A, "k"), "old");
    bench_put(bench, A, "k", "new");
    for (unsigned run = 0; run < 2; run++) {
        assert_string_equal(bench_read_stable(bench, A, "k"), "old");
        assert_string_equal(bench_read(bench, A, "k"), "new");
        bench_restart(bench, A);
    }
    bench_check(bench, A);
    bench_put(bench, A, "k", "newer");
    assert_string_equal(bench_read_stable(bench, A, "k"), "old");
    bench_publish(bench, A, NULL);
    assert_string_equal(bench_read_stable(bench, A, "k"), "newer");
    bench_free(bench);
}

static void test_space_read__shows_no_stable_value_that_a_stable_delete_covers(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    bench_put(bench, A, "k", "old");
    bench_publish(bench, A, NULL);
    bench_delete(bench, A, "k");
    assert_string_equal(bench_read_stable(bench, A, "k"), "old");
    bench_publish(bench, A, NULL);
    assert_string_equal(bench_read_stable(bench, A, "k"), "-");
    bench_put(bench, A, "k", "again"); // before anything was swept
    assert_string_equal(bench_read_stable(bench, A, "k"), "-");
    bench_sync(bench, A);
    space_sweep(bench_space(bench, A), bench_effects(bench, A), 10);
    bench_step(bench, A);
    assert_string_equal(bench_read_stable(bench, A, "k"), "-");
    bench_publish(bench, A, NULL);
    assert_string_equal(bench_read_stable(bench, A, "k"), "again");
    bench_free(bench);
}

static void test_space_read__says_when_it_does_not_hold_what_is_stable(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(3, NULL);
    bench_put(bench, A, "k", "old");
    bench_publish(bench, A, NULL);
    bench_exchange(bench, A, B);
    bench_tell(bench, A, B);
    bench_put(bench, B, "k", "passing");
    bench_send(bench, B, A);
    bench_put(bench, B, "k", "new"); // here the one before was not stable yet
    bench_publish(bench, A, NULL);
    assert_string_equal(bench_read_stable(bench, A, "k"), "passing");
    assert_string_equal(bench_read_stable(bench, B, "k"), "old");
    bench_tell(bench, A, B);
    assert_string_equal(bench_read_stable(bench, B, "k"), "?");
    bench_send(bench, B, A);
    bench_publish(bench, A, NULL);
    bench_tell(bench, A, B);
    assert_string_equal(bench_read_stable(bench, B, "k"), "new");
    assert_string_equal(bench_read_stable(bench, A, "k"), "new");
    bench_free(bench);
}

static void test_space_read__stable_winner_is_the_greatest_stable_one(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(2, NULL);
    bench_put(bench, B, "clock", "1");
    bench_put(bench, B, "k", "greater");
    bench_put(bench, A, "k", "smaller");
    bench_publish(bench, A, NULL);
    bench_exchange(bench, A, B);
    bench_tell(bench, A, B);
    for (unsigned i = A; i <= B; i++) {
        assert_string_equal(bench_read(bench, i, "k"), "greater|smaller");
        assert_string_equal(bench_read_stable(bench, i, "k"), "smaller");
    }
    bench_publish(bench, A, NULL);
    assert_string_equal(bench_read_stable(bench, A, "k"), "greater");
    bench_free(bench);
}

// --- listing

enum { KEYS = 40 };

static void write_keys(struct space_bench *bench)
{
    char key[16];
    for (unsigned i = 0; i < KEYS; i++) {
        snprintf(key, sizeof key, "%s%u", i % 2 == 0 ? "even" : "odd", i);
        bench_put(bench, A, key, "12345");
    }
    bench_delete(bench, A, "even0");
    bench_put(bench, A, "even2", "the winner");
}

// Gives how many keys all pages have together.
static unsigned list(struct space_bench *bench, const char *prefix, uint32_t limit)
{
    struct list_cursor cursor = {0};
    struct buf page;
    unsigned count = 0;
    buf_init(&page, 1u << 20);
    struct buf before;
    buf_init(&before, 1 << 16);
    uint16_t slot_before = 0;
    for (unsigned pages = 0; cursor.slot < SLOTS; pages++) {
        assert_in_range(pages, 0, KEYS + 2);
        buf_clear(&page);
        assert_int_equal(
            space_list(bench_space(bench, A), slice_of_text(prefix), &cursor, limit, &page),
            ERR_OK);
        struct cursor in = cursor_of(buf_slice(&page));
        struct list_entry entry;
        unsigned entries = 0;
        while (list_entry_next(&in, &entry)) {
            uint16_t slot = slot_of_key(entry.key);
            int order = slice_compare(entry.key, buf_slice(&before));
            assert_true(slot > slot_before || (slot == slot_before && order > 0));
            assert_int_equal(entry.value_bytes,
                             slice_equal(entry.key, slice_of_text("even2")) ? 10 : 5);
            assert_true(!stamp_is_zero(entry.stamp));
            slot_before = slot;
            buf_clear(&before);
            buf_append_slice(&before, entry.key);
            entries++;
        }
        assert_in_range(entries, 0, limit);
        count += entries;
    }
    buf_release(&before);
    buf_release(&page);
    return count;
}

static void test_space_list__gives_each_live_key_once(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    write_keys(bench);
    for (uint32_t limit = 1; limit <= KEYS; limit += 6) {
        assert_int_equal(list(bench, "", limit), KEYS - 1);
        assert_int_equal(list(bench, "even", limit), KEYS / 2 - 1);
        assert_int_equal(list(bench, "odd1", limit), 6);
        assert_int_equal(list(bench, "none", limit), 0);
    }
    bench_free(bench);
}

static void test_space_list__goes_on_after_the_longest_key(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    char longest[KEY_BYTES_MAX + 1];
    memset(longest, 'x', KEY_BYTES_MAX);
    memcpy(longest, "{tag}", 5);
    longest[KEY_BYTES_MAX] = '\0';
    bench_put(bench, A, longest, "12345");
    bench_put(bench, A, "{tag}y", "12345");
    assert_int_equal(list(bench, "", 1), 2);
    struct buf page;
    buf_init(&page, 4096);
    struct list_cursor bad = {.slot = SLOTS};
    assert_int_equal(space_list(bench_space(bench, A), slice_of_text(""), &bad, 1, &page),
                     ERR_INVALID);
    buf_release(&page);
    bench_free(bench);
}

// --- what sessions are given

struct walked {
    enum operation_form forms[16];
    uint64_t sequences[16];
    size_t values[16];
    unsigned count;
    unsigned most;
};

static bool note(void *context, const struct operation *operation, enum operation_form form,
                 uint64_t id_head)
{
    struct walked *walked = context;
    struct sha256 id = operation_id_of(operation);
    assert_true(sha256_head(&id) == id_head);
    walked->forms[walked->count] = form;
    walked->values[walked->count] = operation->value.length;
    walked->sequences[walked->count++] = operation->dot.sequence;
    return walked->count < walked->most;
}

static void test_space_walk__gives_the_stored_operations_of_an_origin(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(2, NULL);
    struct space *space = bench_space(bench, A);
    struct dot first = bench_put(bench, A, "covered", "gone"); // 1
    bench_put(bench, A, "covered", "shown");                   // 2
    bench_put(bench, A, "kept", "value");                      // 3
    bench_put(bench, A, "dead", "gone");                       // 4
    bench_publish(bench, A, NULL);
    bench_delete(bench, A, "dead");     // 5
    bench_put(bench, A, "kept", "new"); // 6
    struct walked walked = {.most = 16};
    struct interval all = {.first = 1, .last = KNOWLEDGE_SEQUENCE_MAX};
    assert_int_equal(space_walk_origin(space, first.origin, all, note, &walked), ERR_OK);
    static const uint64_t sequences[] = {2, 3, 4, 5, 6};
    static const enum operation_form forms[] = {OPERATION_PUT, OPERATION_BARE, OPERATION_BARE,
                                                OPERATION_DELETE, OPERATION_PUT};
    static const size_t values[] = {5, 0, 0, 0, 3};
    assert_int_equal(walked.count, 5);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(walked.sequences[i], sequences[i]);
        assert_int_equal(walked.forms[i], forms[i]);
        assert_int_equal(walked.values[i], values[i]);
    }
    walked = (struct walked){.most = 1};
    struct interval some = {.first = 3, .last = 5};
    assert_int_equal(space_walk_origin(space, first.origin, some, note, &walked), ERR_OK);
    assert_true(walked.count == 1 && walked.sequences[0] == 3);
    walked = (struct walked){.most = 16};
    assert_int_equal(space_walk_origin(space, first.origin, some, note, &walked), ERR_OK);
    assert_int_equal(walked.count, 3);
    assert_int_equal(space_walk_origin(space, first.origin + 1, all, note, &walked), ERR_OK);
    assert_int_equal(walked.count, 3);
    bench_free(bench);
}

static void test_space_find__gives_what_is_stored_or_covers(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(1, NULL);
    struct space *space = bench_space(bench, A);
    struct operation found;
    enum operation_form form;
    struct dot old = bench_put(bench, A, "k", "old");
    struct dot new = bench_put(bench, A, "k", "new");
    struct slice key = slice_of_text("k");
    assert_int_equal(space_find_dot(space, new, &found, &form), ERR_OK);
    assert_true(dot_equal(found.dot, new) && form == OPERATION_PUT);
    assert_true(slice_equal(found.value, slice_of_text("new")) && slice_equal(found.key, key));
    struct sha256 id = operation_id_of(&found);
    assert_int_equal(space_find(space, new, sha256_head(&id), &found, &form), ERR_OK);
    assert_int_equal(space_find(space, new, sha256_head(&id) + 1, &found, &form), ERR_NOT_FOUND);
    assert_int_equal(space_find_dot(space, old, &found, &form), ERR_NOT_FOUND);
    assert_int_equal(space_find_dot(space, (struct dot){0}, &found, &form), ERR_NOT_FOUND);
    assert_int_equal(space_find_coverer(space, key, old, &found, &form), ERR_OK);
    assert_true(dot_equal(found.dot, new) && form == OPERATION_PUT);
    assert_int_equal(space_find_coverer(space, key, new, &found, &form), ERR_NOT_FOUND);
    assert_int_equal(space_find_coverer(space, slice_of_text("x"), old, &found, &form),
                     ERR_NOT_FOUND);
    bench_delete(bench, A, "k");
    assert_int_equal(space_find_coverer(space, key, new, &found, &form), ERR_OK);
    assert_int_equal(form, OPERATION_DELETE);
    bench_publish(bench, A, NULL);
    bench_put(bench, A, "k", "newest");
    assert_int_equal(space_find_coverer(space, key, new, &found, &form), ERR_OK);
    assert_int_equal(form, OPERATION_PUT); // rather than the certificate, which is here too
    bench_free(bench);
}

static bool count_item(void *context, const struct space_item *item)
{
    unsigned *count = context;
    assert_true(item->key.length > 0 && item->dot.sequence > 0);
    return ++*count < 100;
}

static bool count_one(void *context, const struct space_item *item)
{
    unsigned *count = context;
    (void)item;
    ++*count;
    return false;
}

static void test_space_walk__gives_the_live_versions_of_a_slot(void **state)
{
    (void)state;
    struct space_bench *bench = bench_new(2, NULL);
    struct space *space = bench_space(bench, A);
    bench_put(bench, A, "{t}1", "a");
    bench_put(bench, A, "{t}2", "a");
    bench_put(bench, A, "{t}3", "a");
    bench_put(bench, B, "{t}3", "b");
    bench_put(bench, A, "{u}", "elsewhere");
    bench_send(bench, B, A);
    bench_delete(bench, A, "{t}2");
    uint16_t slot = slot_of_key(slice_of_text("{t}"));
    unsigned count = 0;
    assert_int_equal(space_walk_slot(space, slot, count_item, &count), ERR_OK);
    assert_int_equal(count, 3);
    assert_int_equal(space_digests_slot(&space->digests, slot).count, 3);
    count = 0;
    assert_int_equal(space_walk_slot(space, slot, count_one, &count), ERR_OK);
    assert_int_equal(count, 1);
    count = 0;
    assert_int_equal(space_walk_slot(space, SLOTS - 1, count_item, &count), ERR_OK);
    assert_int_equal(count, 0);
    bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_space_read__gives_the_winner_then_the_conflicts),
        cmocka_unit_test(test_space_read__tells_all_of_a_version),
        cmocka_unit_test(test_space_read__shows_what_is_stable_until_its_coverer_is),
        cmocka_unit_test(test_space_read__shows_no_stable_value_that_a_stable_delete_covers),
        cmocka_unit_test(test_space_read__says_when_it_does_not_hold_what_is_stable),
        cmocka_unit_test(test_space_read__stable_winner_is_the_greatest_stable_one),
        cmocka_unit_test(test_space_list__gives_each_live_key_once),
        cmocka_unit_test(test_space_list__goes_on_after_the_longest_key),
        cmocka_unit_test(test_space_walk__gives_the_stored_operations_of_an_origin),
        cmocka_unit_test(test_space_find__gives_what_is_stored_or_covers),
        cmocka_unit_test(test_space_walk__gives_the_live_versions_of_a_slot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
