// How peers come to know each other, and find each other again.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "epidemic_bench.h"

#include <stdio.h>

enum { A, B, C, D, COUNT, CHANNELS = 5 };

#define NEVER_MS (UINT64_C(24) * 3600 * 1000)

// Peers that know nobody, and have no sessions and rumors of their own accord.
static struct epidemic_bench *bench_new(unsigned count)
{
    struct epidemic_bench *bench = epidemic_bench_new_down(count);
    bench->setting.anti_entropy_ms = NEVER_MS;
    bench->setting.rumor_ms = NEVER_MS;
    for (unsigned i = 0; i < count; i++)
        epidemic_bench_start(bench, i);
    return bench;
}

static struct peer *known(struct epidemic_bench *bench, unsigned peer, unsigned other)
{
    return peers_find(&epidemic_bench_core(bench, peer)->peers, EPIDEMIC_BENCH_ID(other));
}

static bool hears(struct epidemic_bench *bench, unsigned peer, unsigned other)
{
    const struct peer *of = known(bench, peer, other);
    return of != NULL && of->greeted && peer_is_heard(of, bench->now_us);
}

static void say_hello(struct epidemic_bench *bench, unsigned from, unsigned to, struct slice spaces,
                      struct slice peers)
{
    const struct message message = {
        .kind = MESSAGE_PEER_HELLO,
        .peer_hello = {
            .answer = true, .address = slice_of_text("here:2"), .spaces = spaces, .peers = peers}};
    epidemic_bench_deliver(bench, from, to, &message);
}

// --- greeting

static void test_epidemic_peers__who_is_alone_is_silent(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(1);
    epidemic_bench_run(bench, 600 * SECOND);
    assert_int_equal(bench->peers[A].sent_bytes, 0);
    epidemic_bench_free(bench);
}

static void test_epidemic_peers__greet_whom_they_are_told_of(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(2);
    epidemic_bench_meet(bench, A, B);
    epidemic_bench_run(bench, 2 * SECOND);
    assert_true(hears(bench, A, B) && hears(bench, B, A));
    assert_true(peer_keeps(known(bench, A, B), EPIDEMIC_BENCH_SPACE));
    assert_true(peer_keeps(known(bench, B, A), EPIDEMIC_BENCH_SPACE));
    assert_string_equal(known(bench, B, A)->address, "here:1");
    // One answer to each greeting, and none to an answer.
    epidemic_bench_run(bench, 200 * SECOND);
    assert_in_range(epidemic_bench_sent(bench, MESSAGE_PEER_HELLO), 2 * 2 * 200 / 25,
                    2 * 2 * 200 / 15 + 4);
    epidemic_bench_free(bench);
}

static void test_epidemic_peers__exchange_at_once_when_they_meet(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(2);
    epidemic_bench_put(bench, A, "a", "1");
    epidemic_bench_put(bench, B, "b", "2");
    epidemic_bench_run(bench, 30 * SECOND);
    epidemic_bench_meet(bench, B, A);
    epidemic_bench_run(bench, 2 * SECOND);
    assert_string_equal(epidemic_bench_read(bench, A, "b"), "2");
    assert_string_equal(epidemic_bench_read(bench, B, "a"), "1");
    assert_int_equal(epidemic_bench_core(bench, A)->counts.sessions_opened, 0);
    assert_int_equal(epidemic_bench_core(bench, B)->counts.sessions_opened, 1);
    epidemic_bench_free(bench);
}

static void test_epidemic_peers__tell_each_other_of_others(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(COUNT);
    epidemic_bench_meet(bench, A, B);
    epidemic_bench_meet(bench, B, C);
    epidemic_bench_meet(bench, C, D);
    epidemic_bench_run(bench, 300 * SECOND);
    for (unsigned i = 0; i < COUNT; i++)
        for (unsigned j = 0; j < COUNT; j++)
            assert_true(i == j || known(bench, i, j) != NULL);
    assert_null(known(bench, A, A));
    epidemic_bench_free(bench);
}

static void test_epidemic_peers__nobody_is_kept_alive_by_what_others_say(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(3);
    epidemic_bench_meet_all(bench);
    epidemic_bench_run(bench, 60 * SECOND);
    epidemic_bench_crash(bench, C, 0);
    epidemic_bench_run(bench, 200 * SECOND);
    assert_false(hears(bench, A, C) || hears(bench, B, C));
    assert_true(hears(bench, A, B));
    epidemic_bench_free(bench);
}

static void test_epidemic_peers__find_each_other_again_after_silence(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(3);
    epidemic_bench_meet_all(bench);
    epidemic_bench_run(bench, 100 * SECOND);
    epidemic_bench_isolate(bench, C, true);
    epidemic_bench_run(bench, 3600 * SECOND);
    assert_false(hears(bench, A, C) || hears(bench, C, A) || hears(bench, C, B));
    epidemic_bench_put(bench, A, "a", "1");
    epidemic_bench_put(bench, C, "c", "2");
    epidemic_bench_run(bench, SECOND);
    epidemic_bench_isolate(bench, C, false);
    // With nothing but greetings: what each has goes to the other at once.
    epidemic_bench_run(bench, 60 * SECOND);
    assert_true(hears(bench, C, A) || hears(bench, C, B));
    assert_true(epidemic_bench_core(bench, A)->counts.sessions_opened +
                    epidemic_bench_core(bench, B)->counts.sessions_opened +
                    epidemic_bench_core(bench, C)->counts.sessions_opened >
                3);
    epidemic_bench_run(bench, 120 * SECOND);
    assert_string_equal(epidemic_bench_read(bench, C, "a"), "1");
    assert_string_equal(epidemic_bench_read(bench, A, "c"), "2");
    epidemic_bench_free(bench);
}

static void test_epidemic_peers__find_who_was_started_again_and_knows_nobody(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(2);
    epidemic_bench_meet_all(bench);
    epidemic_bench_run(bench, 10 * SECOND);
    epidemic_bench_crash(bench, B, 0);
    epidemic_bench_start(bench, B); // and knows nobody now
    epidemic_bench_run(bench, 60 * SECOND);
    assert_true(hears(bench, B, A));
    epidemic_bench_free(bench);
}

// --- what a hello says

static void test_epidemic_peers__learn_nothing_from_what_is_torn(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(2);
    struct buf spaces;
    buf_init(&spaces, 1 << 20);
    buf_append_u64_be(&spaces, 5);
    buf_append_varint(&spaces, EPIDEMIC_BENCH_KEYSPACE);
    buf_append_counted(&spaces, slice_of_text("linux"));
    for (size_t length = 1; length < spaces.length; length++) {
        say_hello(bench, B, A, slice_of(spaces.bytes, length), slice_of(NULL, 0));
        assert_false(known(bench, A, B)->greeted);
    }
    say_hello(bench, B, A, buf_slice(&spaces), slice_of_text("torn"));
    assert_true(known(bench, A, B)->greeted && peer_keeps(known(bench, A, B), 5));
    // Past the bound it says nothing at all.
    for (unsigned i = 0; i < PEER_SPACES_MAX; i++) {
        buf_append_u64_be(&spaces, 6 + i);
        buf_append_varint(&spaces, 0);
        buf_append_counted(&spaces, slice_of(NULL, 0));
    }
    say_hello(bench, B, A, buf_slice(&spaces), slice_of(NULL, 0));
    assert_false(peer_keeps(known(bench, A, B), 6));
    buf_release(&spaces);
    epidemic_bench_free(bench);
}

struct channels {
    uint64_t ids[CHANNELS];
    unsigned count;
};

static void note_channel(void *context, uint64_t id, uint32_t keyspace, struct slice channel)
{
    struct channels *channels = context;
    assert_int_equal(keyspace, EPIDEMIC_BENCH_KEYSPACE);
    assert_int_equal(channel.length, KEYSPACE_NAME_BYTES_MAX);
    for (unsigned i = 0; i < channels->count; i++)
        if (channels->ids[i] == id)
            return;
    assert_in_range(channels->count, 0, CHANNELS - 1);
    channels->ids[channels->count++] = id;
}

static void join_channel(struct epidemic_bench *bench, unsigned peer, uint64_t id)
{
    char name[KEYSPACE_NAME_BYTES_MAX + 1];
    snprintf(name, sizeof name, "%064u", (unsigned)id);
    assert_int_equal(epidemic_join(epidemic_bench_core(bench, peer), id, EPIDEMIC_BENCH_KEYSPACE,
                                   slice_of_text(name), &bench->setting, bench->now_us),
                     ERR_OK);
}

static void test_epidemic_peers__hear_of_channels_that_they_do_not_keep(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(2);
    struct channels channels = {0};
    for (unsigned i = 0; i < CHANNELS; i++)
        join_channel(bench, B, 100 + i);
    join_channel(bench, A, 102);
    epidemic_bench_core(bench, A)->on_channel = note_channel;
    epidemic_bench_core(bench, A)->context = &channels;
    epidemic_bench_meet(bench, B, A);
    epidemic_bench_run(bench, 2 * SECOND);
    assert_int_equal(channels.count, CHANNELS - 1); // but for the one that it keeps
    assert_true(peer_keeps(known(bench, A, B), 104));
    epidemic_bench_free(bench);
}

// --- routes

// What the latest steps of a peer that were not carried yet did to routes; only one of each kind.
struct routing {
    unsigned set_count, unset_count;
    uint64_t set, unset;
};

static struct routing take_routing(struct epidemic_bench *bench, unsigned peer)
{
    struct effects *effects = &bench->peers[peer].effects;
    struct routing routing = {0};
    for (size_t i = 0; i < effects->route_count; i++) {
        const struct effect_route *route = &effects->routes[i];
        bool unset = effects_bytes(effects, route->address).length == 0;
        *(unset ? &routing.unset_count : &routing.set_count) += 1;
        *(unset ? &routing.unset : &routing.set) = route->peer;
    }
    epidemic_bench_carry(bench, peer);
    assert_int_equal(effects->route_count, 0);
    return routing;
}

static void meet(struct epidemic_bench *bench, unsigned peer, uint64_t store_id, bool is_member)
{
    epidemic_meet(epidemic_bench_core(bench, peer), &bench->peers[peer].effects, store_id,
                  slice_of_text("there:1"), is_member);
}

static void test_epidemic_peers__are_routed_as_long_as_they_are_known(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(1);
    struct peers *peers = &epidemic_bench_core(bench, A)->peers;
    uint64_t next = 1;
    for (; peers->count < peers->peers_max; next++) {
        meet(bench, A, next, false);
        struct routing routing = take_routing(bench, A);
        assert_true(routing.set_count == 1 && routing.set == next && routing.unset_count == 0);
    }
    for (unsigned more = 0; more < 10; more++, next++) {
        meet(bench, A, next, false);
        struct routing routing = take_routing(bench, A);
        assert_true(routing.set_count == 1 && routing.set == next && routing.unset_count == 1);
        assert_true(routing.unset != next && routing.unset != 0);
        assert_null(peers_find(peers, routing.unset));
        assert_non_null(peers_find(peers, next));
    }
    epidemic_bench_free(bench);
}

// The map routes members, however many there are.
static void test_epidemic_peers__leave_the_routes_of_members(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(1);
    struct peers *peers = &epidemic_bench_core(bench, A)->peers;
    uint64_t next = 1;
    for (; next <= 2 * (uint64_t)peers->peers_max; next++) {
        meet(bench, A, next, true);
        assert_int_equal(take_routing(bench, A).unset_count, 0);
    }
    meet(bench, A, next, false);
    struct routing routing = take_routing(bench, A);
    assert_true(routing.set_count == 0 && routing.unset_count == 0);
    epidemic_bench_free(bench);
}

static void test_epidemic_peers__say_all_that_they_keep(void **state)
{
    (void)state;
    struct epidemic_bench *bench = bench_new(2);
    struct epidemic *core = epidemic_bench_core(bench, B);
    char name[KEYSPACE_NAME_BYTES_MAX + 1];
    for (unsigned i = 1; i < EPIDEMIC_REPLICAS_MAX; i++) {
        snprintf(name, sizeof name, "%064u", i);
        assert_int_equal(
            epidemic_join(core, i, UINT32_MAX, slice_of_text(name), &bench->setting, bench->now_us),
            ERR_OK);
    }
    assert_int_equal(
        epidemic_join(core, 5000, UINT32_MAX, slice_of_text("x"), &bench->setting, bench->now_us),
        ERR_FULL);
    epidemic_bench_meet(bench, A, B);
    epidemic_bench_run(bench, 2 * SECOND);
    assert_non_null(known(bench, A, B));
    assert_int_equal(known(bench, A, B)->space_count, EPIDEMIC_REPLICAS_MAX);
    epidemic_bench_free(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_epidemic_peers__who_is_alone_is_silent),
        cmocka_unit_test(test_epidemic_peers__greet_whom_they_are_told_of),
        cmocka_unit_test(test_epidemic_peers__exchange_at_once_when_they_meet),
        cmocka_unit_test(test_epidemic_peers__tell_each_other_of_others),
        cmocka_unit_test(test_epidemic_peers__nobody_is_kept_alive_by_what_others_say),
        cmocka_unit_test(test_epidemic_peers__find_each_other_again_after_silence),
        cmocka_unit_test(test_epidemic_peers__find_who_was_started_again_and_knows_nobody),
        cmocka_unit_test(test_epidemic_peers__learn_nothing_from_what_is_torn),
        cmocka_unit_test(test_epidemic_peers__hear_of_channels_that_they_do_not_keep),
        cmocka_unit_test(test_epidemic_peers__are_routed_as_long_as_they_are_known),
        cmocka_unit_test(test_epidemic_peers__leave_the_routes_of_members),
        cmocka_unit_test(test_epidemic_peers__say_all_that_they_keep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
