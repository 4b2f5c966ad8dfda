// Bundles as answers to requests, and as their values.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "disk_damage.h"
#include "epidemic_bench.h"

#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

enum { A, B, C, KEYS = 40, LARGE = 4 << 20, LONG_KEYS = 400, LONG_BYTES = 4096 };

#define NEVER_MS (UINT64_C(24) * 3600 * 1000)

// Peers that know the map, and exchange nothing by themselves.
static struct epidemic_bench *bench_new(unsigned count)
{
    struct epidemic_bench *bench = epidemic_bench_new_down(count);
    bench->setting.anti_entropy_ms = NEVER_MS;
    bench->setting.rumor_ms = NEVER_MS;
    for (unsigned i = 0; i < count; i++)
        epidemic_bench_start(bench, i);
    epidemic_bench_run(bench, SECOND);
    return bench;
}

static size_t export(struct epidemic_bench *bench, unsigned peer, uint64_t since)
{
    const struct request request = {.kind = REQUEST_EXPORT, .since = since, .now_ms = 1};
    return epidemic_bench_ask(bench, peer, &request);
}

// A copy of the bundle, which the caller frees.
static struct slice export_ok(struct epidemic_bench *bench, unsigned peer, uint64_t since)
{
    size_t handle = export(bench, peer, since);
    epidemic_bench_run(bench, 10 * MS);
    assert_int_equal(epidemic_bench_error(bench, handle), ERR_OK);
    const struct buf *value = &bench->replies[handle].value;
    return slice_of(memory_copy(value->bytes, value->length), value->length);
}

// What is answered by when it is made, though it may not be durable.
static enum err export_answer(struct epidemic_bench *bench, unsigned peer)
{
    size_t handle = export(bench, peer, 0);
    epidemic_bench_run(bench, 10 * MS);
    return epidemic_bench_error(bench, handle);
}

static void release(struct slice bundle)
{
    free((void *)(uintptr_t)bundle.bytes);
}

static size_t import(struct epidemic_bench *bench, unsigned peer, struct slice bundle)
{
    const struct request request = {.kind = REQUEST_IMPORT, .value = bundle};
    size_t handle = epidemic_bench_ask(bench, peer, &request);
    epidemic_bench_run(bench, 10 * MS);
    return handle;
}

static void expect_import(struct epidemic_bench *bench, unsigned peer, struct slice bundle,
                          uint64_t operations, uint64_t news, bool closed)
{
    size_t handle = import(bench, peer, bundle);
    const struct epidemic_bench_reply *reply = &bench->replies[handle];
    assert_int_equal(reply->error, ERR_OK);
    assert_int_equal(reply->bundle.operations, operations);
    assert_int_equal(reply->bundle.news, news);
    assert_int_equal(reply->bundle.closed, closed);
    assert_int_equal(reply->existed, news > 0);
}

static void put_keys(struct epidemic_bench *bench, unsigned peer, const char *prefix)
{
    for (unsigned i = 0; i < KEYS; i++) {
        char key[32];
        snprintf(key, sizeof key, "%s%u", prefix, i);
        epidemic_bench_put(bench, peer, key, "v");
    }
    epidemic_bench_run(bench, 50 * MS);
}

static void put_large(struct epidemic_bench *bench, unsigned peer, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%u", i);
        epidemic_bench_put_bytes(bench, peer, key, LARGE);
        epidemic_bench_run(bench, 10 * MS);
    }
}

static void exchange(struct epidemic_bench *bench, unsigned peer, unsigned other)
{
    epidemic_bench_meet(bench, peer, other);
    size_t handle = epidemic_bench_exchange(bench, peer, other);
    assert_int_equal(epidemic_bench_error(bench, handle), ERR_OK);
    // And they have greeted each other, which brings sessions of its own.
    epidemic_bench_run(bench, 60 * SECOND);
}

// --- all of it

static void test_epidemic_bundles__carry_everything_by_hand(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(2);
    put_keys(bench, A, "k");
    epidemic_bench_delete(bench, A, "k0");
    epidemic_bench_run(bench, 50 * MS);
    struct slice bundle = export_ok(bench, A, 0);
    expect_import(bench, B, bundle, KEYS, KEYS, true);
    assert_true(epidemic_bench_all_equal(bench));
    assert_string_equal(epidemic_bench_read(bench, B, "k1"), "v");
    assert_string_equal(epidemic_bench_read(bench, B, "k0"), "-");
    // Once more, or where it comes from: nothing.
    expect_import(bench, B, bundle, KEYS, 0, true);
    expect_import(bench, A, bundle, KEYS, 0, true);
    // An old one brings nothing back.
    epidemic_bench_delete(bench, B, "k1");
    epidemic_bench_run(bench, 50 * MS);
    expect_import(bench, B, bundle, KEYS, 0, true);
    assert_string_equal(epidemic_bench_read(bench, B, "k1"), "-");
    release(bundle);
    epidemic_bench_free(bench);
}

static void test_epidemic_bundles__what_they_bring_is_hot(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(2);
    put_keys(bench, A, "k");
    struct slice bundle = export_ok(bench, A, 0);
    expect_import(bench, B, bundle, KEYS, KEYS, true);
    assert_int_equal(rumor_count(&epidemic_bench_replica(bench, B)->rumor), KEYS);
    release(bundle);
    epidemic_bench_free(bench);
}

// --- for somebody

static void test_epidemic_bundles__are_made_for_who_is_remembered(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(3);
    put_keys(bench, A, "common");
    assert_int_equal(epidemic_bench_error(bench, export(bench, A, EPIDEMIC_BENCH_ID(B))),
                     ERR_NOT_FOUND);
    exchange(bench, A, B);
    put_keys(bench, A, "new");
    struct slice bundle = export_ok(bench, A, EPIDEMIC_BENCH_ID(B));
    expect_import(bench, B, bundle, KEYS, KEYS, true);
    assert_string_equal(epidemic_bench_read(bench, B, "new1"), "v");
    // Who lacks what the other was said to know takes what there is, and claims nothing.
    expect_import(bench, C, bundle, KEYS, KEYS, false);
    assert_string_equal(epidemic_bench_read(bench, C, "new1"), "v");
    assert_string_equal(epidemic_bench_read(bench, C, "common1"), "-");
    release(bundle);
    epidemic_bench_free(bench);
}

static void test_epidemic_bundles__remember_who_was_found_alike(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(2);
    put_keys(bench, A, "common");
    exchange(bench, A, B);
    // A new run remembers nobody; a look at two summaries is enough, for both.
    for (unsigned i = 0; i < 2; i++) {
        epidemic_bench_crash(bench, i, 0);
        epidemic_bench_start(bench, i);
    }
    epidemic_bench_run(bench, SECOND);
    exchange(bench, A, B);
    assert_true(epidemic_bench_core(bench, A)->counts.verdicts[SESSION_EQUAL] > 0);
    put_keys(bench, A, "new");
    struct slice bundle = export_ok(bench, A, EPIDEMIC_BENCH_ID(B));
    expect_import(bench, B, bundle, KEYS, KEYS, true);
    release(bundle);
    bundle = export_ok(bench, B, EPIDEMIC_BENCH_ID(A));
    expect_import(bench, A, bundle, KEYS, 0, true);
    release(bundle);
    epidemic_bench_free(bench);
}

static void test_epidemic_bundles__remember_so_many(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(1);
    struct replica *replica = epidemic_bench_replica(bench, A);
    put_keys(bench, A, "k");
    for (unsigned i = 0; i <= REPLICA_FRIENDS_MAX; i++) {
        struct message open = {.kind = MESSAGE_SESSION_OPEN,
                               .session_open = {.space = EPIDEMIC_BENCH_SPACE, .session = 1}};
        struct space_summary summary;
        struct buf bytes;
        space_summarise(&replica->space, 0, &summary);
        buf_init(&bytes, 64);
        buf_append_u64_be(&bytes, summary.known.high);
        buf_append_u64_be(&bytes, summary.known.low);
        buf_append_u64_be(&bytes, summary.horizon.high);
        buf_append_u64_be(&bytes, summary.horizon.low);
        buf_append_u64_be(&bytes, summary.live);
        open.session_open.summary = buf_slice(&bytes);
        epidemic_bench_deliver(bench, 1 + i, A, &open);
        buf_release(&bytes);
    }
    assert_int_equal(epidemic_bench_error(bench, export(bench, A, EPIDEMIC_BENCH_ID(1))),
                     ERR_NOT_FOUND); // the oldest
    release(export_ok(bench, A, EPIDEMIC_BENCH_ID(2)));
    release(export_ok(bench, A, EPIDEMIC_BENCH_ID(1 + REPLICA_FRIENDS_MAX)));
    epidemic_bench_free(bench);
}

// --- when

static void test_epidemic_bundles__wait_until_all_in_them_is_durable(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(2);
    bench->peers[A].holds = true;
    put_keys(bench, A, "k");
    size_t handle = export(bench, A, 0);
    epidemic_bench_put(bench, A, "later", "v");
    epidemic_bench_run(bench, SECOND);
    assert_int_equal(epidemic_bench_error(bench, handle), ERR_COUNT);
    epidemic_bench_sync(bench, A);
    assert_int_equal(epidemic_bench_error(bench, handle), ERR_OK);
    expect_import(bench, B, buf_slice(&bench->replies[handle].value), KEYS, KEYS, true);
    epidemic_bench_free(bench);
}

static void test_epidemic_bundles__wait_within_bounds(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(1);
    unsigned waiting = 0;
    put_large(bench, A, 7);
    bench->peers[A].holds = true;
    epidemic_bench_put(bench, A, "k", "v");
    while (export_answer(bench, A) == ERR_COUNT)
        assert_in_range(++waiting, 1, EPIDEMIC_LATE_BYTES_MAX / (7 * LARGE));
    assert_int_equal(waiting, EPIDEMIC_LATE_BYTES_MAX / (7 * LARGE));
    assert_int_equal(epidemic_bench_error(bench, bench->reply_count - 1), ERR_BUSY);
    epidemic_bench_sync(bench, A);
    for (unsigned i = 1; i <= waiting; i++)
        assert_int_equal(epidemic_bench_error(bench, bench->reply_count - 1 - i), ERR_OK);
    epidemic_bench_free(bench);
}

static void test_epidemic_bundles__refuse_to_carry_too_much(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(1);
    put_large(bench, A, 9);
    assert_int_equal(export_answer(bench, A), ERR_TOO_LARGE);
    epidemic_bench_free(bench);
}

static void test_epidemic_bundles__answer_an_import_once_it_is_durable(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(2);
    put_keys(bench, A, "k");
    struct slice bundle = export_ok(bench, A, 0);
    bench->peers[B].holds = true;
    size_t handle = import(bench, B, bundle);
    epidemic_bench_run(bench, SECOND);
    assert_int_equal(epidemic_bench_error(bench, handle), ERR_COUNT);
    epidemic_bench_sync(bench, B);
    assert_int_equal(epidemic_bench_error(bench, handle), ERR_OK);
    release(bundle);
    epidemic_bench_free(bench);
}

// --- long ones

// A bundle of many steps.
static struct slice long_bundle(struct epidemic_bench *bench, unsigned peer)
{
    for (unsigned i = 0; i < LONG_KEYS; i++) {
        char key[32];
        snprintf(key, sizeof key, "long%u", i);
        epidemic_bench_put_bytes(bench, peer, key, LONG_BYTES);
    }
    epidemic_bench_run(bench, 50 * MS);
    return export_ok(bench, peer, 0);
}

static size_t ask_import(struct epidemic_bench *bench, unsigned peer, struct slice bundle)
{
    const struct request request = {.kind = REQUEST_IMPORT, .value = bundle};
    return epidemic_bench_ask(bench, peer, &request);
}

// Others are served meanwhile.
static void test_epidemic_bundles__long_ones_leave_room_for_others(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(2);
    struct slice bundle = long_bundle(bench, A);
    size_t brought = ask_import(bench, B, bundle);
    size_t made = export(bench, A, 0);
    unsigned steps = 0;
    while (epidemic_bench_error(bench, brought) == ERR_COUNT) {
        size_t put = epidemic_bench_put(bench, B, "other", "v");
        epidemic_bench_run(bench, 1);
        assert_int_not_equal(epidemic_bench_error(bench, put), ERR_BUSY);
        assert_in_range(++steps, 1, 1000 * MS);
    }
    assert_true(steps >= 2 * LONG_KEYS * LONG_BYTES / EPIDEMIC_STEP_BYTES);
    assert_int_equal(bench->replies[brought].bundle.news, LONG_KEYS);
    assert_true(bench->replies[brought].bundle.closed);
    assert_int_equal(epidemic_bench_error(bench, made), ERR_OK);
    release(bundle);
    epidemic_bench_free(bench);
}

static void test_epidemic_bundles__few_are_under_way_at_once(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(2);
    struct slice bundle = long_bundle(bench, A);
    size_t handles[EPIDEMIC_CARRIED_MAX + 1];
    for (unsigned i = 0; i <= EPIDEMIC_CARRIED_MAX; i++)
        handles[i] = ask_import(bench, B, bundle);
    assert_int_equal(epidemic_bench_error(bench, handles[EPIDEMIC_CARRIED_MAX]), ERR_BUSY);
    epidemic_bench_run(bench, 50 * MS);
    uint64_t news = 0;
    for (unsigned i = 0; i < EPIDEMIC_CARRIED_MAX; i++) {
        assert_int_equal(epidemic_bench_error(bench, handles[i]), ERR_OK);
        assert_true(bench->replies[handles[i]].bundle.closed);
        news += bench->replies[handles[i]].bundle.news;
    }
    assert_int_equal(news, LONG_KEYS);
    assert_true(epidemic_bench_all_equal(bench));
    release(bundle);
    epidemic_bench_free(bench);
}

// No more is applied than the store takes.
static void test_epidemic_bundles__wait_for_the_store(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(2);
    put_large(bench, A, 6);
    struct slice bundle = export_ok(bench, A, 0);
    struct overlay *overlay = &epidemic_bench_core(bench, B)->overlay;
    bench->peers[B].holds = true;
    put_large(bench, B, 5);
    size_t handle = ask_import(bench, B, bundle);
    epidemic_bench_run(bench, SECOND);
    assert_in_range(overlay_bytes(overlay), OVERLAY_BYTES_MAX / 2,
                    OVERLAY_BYTES_MAX / 2 + 2 * LARGE);
    uint64_t ticks = bench->peers[B].ticks;
    epidemic_bench_run(bench, SECOND);
    assert_true(bench->peers[B].ticks < ticks + 100); // it sleeps
    bench->peers[B].holds = false;
    epidemic_bench_sync(bench, B);
    epidemic_bench_run(bench, SECOND);
    assert_int_equal(epidemic_bench_error(bench, handle), ERR_OK);
    assert_true(bench->replies[handle].bundle.closed);
    release(bundle);
    epidemic_bench_free(bench);
}

static void test_epidemic_bundles__end_with_what_they_are_of(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(2);
    struct slice bundle = long_bundle(bench, A);
    size_t brought = ask_import(bench, B, bundle);
    ask_import(bench, A, bundle); // under way when the run ends
    epidemic_bench_crash(bench, A, 0);
    epidemic_leave_on(epidemic_bench_core(bench, B), EPIDEMIC_BENCH_SPACE);
    epidemic_bench_carry(bench, B);
    epidemic_bench_run(bench, 10 * SECOND);
    assert_int_equal(epidemic_bench_error(bench, brought), ERR_NOT_FOUND);
    assert_null(epidemic_replica(epidemic_bench_core(bench, B), EPIDEMIC_BENCH_SPACE));
    release(bundle);
    epidemic_bench_free(bench);
}

static void recount(struct epidemic_bench *bench, unsigned peer)
{
    bool equal = true;
    struct effects *effects = &bench->peers[peer].effects;
    assert_int_equal(space_recount(epidemic_bench_space(bench, peer), effects, &equal), ERR_OK);
    assert_false(equal);
    epidemic_bench_carry(bench, peer);
    epidemic_bench_run(bench, 50 * MS);
}

// A lost version is walked past, then an audit gives it back: the bundle carries it not, and must
// not claim it, or who imports it would refuse it from then on.
static void test_epidemic_bundles__do_not_claim_what_was_given_back_meanwhile(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(3);
    epidemic_bench_put(bench, A, "lost", "v");
    put_keys(bench, A, "k");
    exchange(bench, A, C);
    disk_damage_lose_key(&bench->peers[A].disk, EPIDEMIC_BENCH_SPACE, "lost");
    recount(bench, A);
    assert_string_equal(epidemic_bench_read(bench, A, "lost"), "-");
    uint64_t restored = epidemic_bench_core(bench, A)->world.restored;
    epidemic_bench_core(bench, A)->config.step_bytes = 1;
    size_t handle = export(bench, A, 0); // walks past it, and stops
    struct list *carried = &epidemic_bench_core(bench, A)->carried;
    struct list under_way;
    list_init(&under_way);
    list_move_all(&under_way, carried);
    epidemic_bench_exchange(bench, A, C);
    epidemic_bench_run(bench, 10 * SECOND);
    assert_true(epidemic_bench_core(bench, A)->world.restored > restored);
    assert_false(epidemic_bench_space(bench, A)->damaged);
    list_move_all(carried, &under_way);
    epidemic_bench_run(bench, 60 * SECOND);
    assert_int_equal(epidemic_bench_error(bench, handle), ERR_OK);
    expect_import(bench, B, buf_slice(&bench->replies[handle].value), KEYS, KEYS, true);
    assert_false(knowledge_contains(&epidemic_bench_space(bench, B)->known,
                                    &epidemic_bench_space(bench, A)->known));
    struct slice bundle = export_ok(bench, A, 0);
    expect_import(bench, B, bundle, KEYS + 1, 1, true);
    assert_string_equal(epidemic_bench_read(bench, B, "lost"), "v");
    release(bundle);
    epidemic_bench_free(bench);
}

// --- what is none

static void test_epidemic_bundles__that_are_torn_or_altered_do_nothing(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(2);
    put_keys(bench, A, "k");
    struct slice bundle = export_ok(bench, A, 0);
    uint8_t *copy = memory_copy(bundle.bytes, bundle.length);
    for (size_t length = 0; length < bundle.length; length += 97)
        assert_int_equal(
            epidemic_bench_error(bench, import(bench, B, slice_of(bundle.bytes, length))),
            ERR_CORRUPT);
    copy[bundle.length / 2] ^= 1;
    assert_int_equal(epidemic_bench_error(bench, import(bench, B, slice_of(copy, bundle.length))),
                     ERR_CORRUPT);
    assert_true(knowledge_is_empty(&epidemic_bench_space(bench, B)->known));
    free(copy);
    release(bundle);
    epidemic_bench_free(bench);
}

static void test_epidemic_bundles__of_other_keyspaces_do_nothing(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(2);
    put_keys(bench, A, "k");
    struct slice bundle = export_ok(bench, A, 0);
    struct epidemic *core = epidemic_bench_core(bench, B);
    const struct request request = {.kind = REQUEST_IMPORT, .value = bundle};
    epidemic_bench_join(bench, B, 4);
    struct effects *effects = &bench->peers[B].effects;
    epidemic_request(core, effects, bench->now_us, 0, 4, &request);
    struct reply reply;
    assert_int_equal(effects->reply_count, 1);
    assert_int_equal(reply_decode(effects_bytes(effects, effects->replies[0].reply), &reply),
                     ERR_OK);
    assert_int_equal(reply.error, ERR_FOREIGN);
    effects_clear(effects);
    release(bundle);
    epidemic_bench_free(bench);
}

// --- what is stable

static void test_epidemic_bundles__carry_what_is_stable(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(2);
    epidemic_bench_primary(bench, A);
    put_keys(bench, A, "k");
    epidemic_bench_run(bench, 2 * SECOND);
    assert_string_equal(epidemic_bench_read_stable(bench, A, "k1"), "v");
    struct slice bundle = export_ok(bench, A, 0);
    expect_import(bench, B, bundle, KEYS, KEYS, true);
    assert_string_equal(epidemic_bench_read_stable(bench, B, "k1"), "v");
    assert_int_equal(stamp_compare(epidemic_bench_replica(bench, B)->stability_number,
                                   epidemic_bench_replica(bench, A)->stability_number),
                     0);
    release(bundle);
    epidemic_bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_epidemic_bundles__carry_everything_by_hand),
        cmocka_unit_test(test_epidemic_bundles__what_they_bring_is_hot),
        cmocka_unit_test(test_epidemic_bundles__are_made_for_who_is_remembered),
        cmocka_unit_test(test_epidemic_bundles__remember_who_was_found_alike),
        cmocka_unit_test(test_epidemic_bundles__remember_so_many),
        cmocka_unit_test(test_epidemic_bundles__wait_until_all_in_them_is_durable),
        cmocka_unit_test(test_epidemic_bundles__wait_within_bounds),
        cmocka_unit_test(test_epidemic_bundles__refuse_to_carry_too_much),
        cmocka_unit_test(test_epidemic_bundles__answer_an_import_once_it_is_durable),
        cmocka_unit_test(test_epidemic_bundles__long_ones_leave_room_for_others),
        cmocka_unit_test(test_epidemic_bundles__few_are_under_way_at_once),
        cmocka_unit_test(test_epidemic_bundles__wait_for_the_store),
        cmocka_unit_test(test_epidemic_bundles__end_with_what_they_are_of),
        cmocka_unit_test(test_epidemic_bundles__do_not_claim_what_was_given_back_meanwhile),
        cmocka_unit_test(test_epidemic_bundles__that_are_torn_or_altered_do_nothing),
        cmocka_unit_test(test_epidemic_bundles__of_other_keyspaces_do_nothing),
        cmocka_unit_test(test_epidemic_bundles__carry_what_is_stable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
