#include "sim/net_sim.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

enum { NODES = 4, INBOX_MAX = 20000 };

// What one node received: numbers, with their senders and times.
struct inbox {
    struct timeline *timeline;
    struct net port;
    uint32_t count;
    uint32_t numbers[INBOX_MAX];
    uint64_t peers[INBOX_MAX];
    uint64_t times_us[INBOX_MAX];
};

struct fixture {
    struct timeline *timeline;
    struct net_sim *net;
    struct inbox inboxes[NODES + 1]; // by store id, from 1 on
};

static struct fixture fixture;

static const char *address_of(uint64_t store_id)
{
    static const char *const addresses[NODES + 1] = {"", "one:1", "two:2", "three:3", "four:4"};
    return addresses[store_id];
}

static void on_receive(void *context, uint64_t peer, struct slice message)
{
    struct inbox *inbox = context;
    uint32_t number;
    assert_int_equal(message.length, sizeof number);
    memcpy(&number, message.bytes, sizeof number);
    assert_true(inbox->count < INBOX_MAX);
    inbox->numbers[inbox->count] = number;
    inbox->peers[inbox->count] = peer;
    inbox->times_us[inbox->count++] = timeline_now_us(inbox->timeline);
}

static void attach(uint64_t store_id)
{
    struct inbox *inbox = &fixture.inboxes[store_id];
    inbox->timeline = fixture.timeline;
    inbox->port = net_sim_attach(fixture.net, store_id, address_of(store_id), on_receive, inbox);
}

static void route(uint64_t from, uint64_t to)
{
    const struct net *port = &fixture.inboxes[from].port;
    port->ops->route(port->self, to, address_of(to));
}

static void start(const struct net_sim_faults *faults, uint64_t seed)
{
    fixture = (struct fixture){.timeline = timeline_new()};
    fixture.net = net_sim_new(fixture.timeline, seed, faults);
    for (uint64_t id = 1; id <= NODES; id++)
        attach(id);
    for (uint64_t from = 1; from <= NODES; from++)
        for (uint64_t to = 1; to <= NODES; to++)
            route(from, to);
}

static void stop(void)
{
    net_sim_free(fixture.net);
    timeline_free(fixture.timeline);
}

static void queue(uint64_t from, uint64_t to, uint32_t number)
{
    const struct net *port = &fixture.inboxes[from].port;
    port->ops->send(port->self, to, NET_LANE_BULK, slice_of(&number, sizeof number));
}

static void flush(uint64_t from)
{
    const struct net *port = &fixture.inboxes[from].port;
    port->ops->flush(port->self);
}

static void send_now(uint64_t from, uint64_t to, uint32_t number)
{
    queue(from, to, number);
    flush(from);
}

static void run(void)
{
    while (timeline_step(fixture.timeline))
        continue;
}

static uint64_t count(enum net_sim_fate fate)
{
    return net_sim_count(fixture.net, fate);
}

static const struct net_sim_faults calm = {.delay = {.us_min = 100, .us_max = 900}};

static void test_net_sim__delivers_in_order_and_in_time(void **state)
{
    (void)state;
    start(&calm, 1);
    for (uint32_t i = 0; i < 1000; i++) {
        send_now(1, 2, i);
        timeline_run_until(fixture.timeline, timeline_now_us(fixture.timeline) + 10);
    }
    run();
    const struct inbox *inbox = &fixture.inboxes[2];
    assert_int_equal(inbox->count, 1000);
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(inbox->numbers[i], i);
        assert_int_equal(inbox->peers[i], 1);
        assert_in_range(inbox->times_us[i], 10 * i + 100, 10 * i + 900);
    }
    assert_int_equal(count(NET_SIM_SENT), 1000);
    assert_int_equal(count(NET_SIM_DELIVERED), 1000);
    assert_int_equal(net_sim_bytes_sent(fixture.net), 4000);
    stop();
}

static void test_net_sim__sends_nothing_before_the_flush(void **state)
{
    (void)state;
    start(&calm, 1);
    queue(1, 2, 7);
    run();
    assert_int_equal(fixture.inboxes[2].count, 0);
    flush(1);
    assert_int_equal(fixture.inboxes[2].count, 0);
    run();
    assert_int_equal(fixture.inboxes[2].count, 1);
    queue(1, 2, 8);
    net_sim_detach(fixture.net, 1);
    flush(1); // of no effect any more
    run();
    assert_int_equal(fixture.inboxes[2].count, 1);
    stop();
}

static void test_net_sim__loses_and_duplicates_as_often_as_asked(void **state)
{
    (void)state;
    struct net_sim_faults faults = calm;
    faults.lose_one_in = 4;
    faults.duplicate_one_in = 5;
    start(&faults, 2);
    for (uint32_t i = 0; i < 10000; i++) {
        send_now(1, 2, i);
        run();
    }
    assert_in_range(count(NET_SIM_LOST), 2200, 2800);
    assert_in_range(count(NET_SIM_DUPLICATED), 1300, 1700);
    assert_int_equal(count(NET_SIM_DELIVERED),
                     10000 - count(NET_SIM_LOST) + count(NET_SIM_DUPLICATED));
    assert_int_equal(fixture.inboxes[2].count, count(NET_SIM_DELIVERED));
    stop();
}

static void test_net_sim__reorders_only_when_asked(void **state)
{
    (void)state;
    for (int reorder = 0; reorder < 2; reorder++) {
        struct net_sim_faults faults = calm;
        faults.reorder = reorder == 1;
        faults.duplicate_one_in = 3;
        faults.delay.tail_one_in = 10;
        faults.delay.tail_us_max = 50000;
        start(&faults, 3);
        for (uint32_t i = 0; i < 1000; i++)
            send_now(1, 2, i);
        run();
        const struct inbox *inbox = &fixture.inboxes[2];
        uint32_t falls = 0;
        for (uint32_t i = 1; i < inbox->count; i++)
            falls += inbox->numbers[i] < inbox->numbers[i - 1];
        if (reorder == 1)
            assert_true(falls > 100);
        else
            assert_int_equal(falls, 0);
        assert_true(inbox->times_us[inbox->count - 1] > 10000);
        stop();
    }
}

static void test_net_sim__blocks_one_direction(void **state)
{
    (void)state;
    start(&calm, 4);
    send_now(1, 2, 1); // in flight when the cut comes
    net_sim_block(fixture.net, 1, 2, true);
    send_now(1, 2, 2);
    send_now(2, 1, 3);
    send_now(1, 3, 4);
    run();
    assert_int_equal(fixture.inboxes[2].count, 0);
    assert_int_equal(fixture.inboxes[1].count, 1);
    assert_int_equal(fixture.inboxes[3].count, 1);
    assert_int_equal(count(NET_SIM_BLOCKED), 2);
    net_sim_block(fixture.net, 1, 2, false);
    send_now(1, 2, 5);
    net_sim_block(fixture.net, 3, 2, true);
    net_sim_unblock_all(fixture.net);
    send_now(3, 2, 6);
    run();
    assert_int_equal(fixture.inboxes[2].count, 2);
    stop();
}

static void test_net_sim__reaches_seeds_by_address_alone(void **state)
{
    (void)state;
    start(&calm, 5);
    const struct net *port = &fixture.inboxes[1].port;
    send_now(1, PEER_SEED, 1);
    assert_int_equal(count(NET_SIM_UNREACHABLE), 1);
    port->ops->route(port->self, PEER_SEED, "three:3");
    send_now(1, PEER_SEED, 2);
    run();
    assert_int_equal(fixture.inboxes[3].count, 1);
    assert_int_equal(fixture.inboxes[3].peers[0], 1);
    port->ops->route(port->self, PEER_SEED, "nowhere:1");
    send_now(1, PEER_SEED, 3);
    port->ops->route(port->self, 2, "three:3"); // another store than the one that is meant
    send_now(1, 2, 4);
    run();
    assert_int_equal(count(NET_SIM_UNREACHABLE), 3);
    assert_int_equal(fixture.inboxes[3].count, 1);
    stop();
}

static void test_net_sim__does_not_deliver_across_a_restart_unless_asked(void **state)
{
    (void)state;
    for (int outlives = 0; outlives < 2; outlives++) {
        struct net_sim_faults faults = calm;
        faults.outlives = outlives == 1;
        start(&faults, 7);
        send_now(1, 2, 1);
        net_sim_detach(fixture.net, 2);
        attach(2);
        run();
        assert_int_equal(fixture.inboxes[2].count, outlives);
        assert_int_equal(count(NET_SIM_GONE), 1 - outlives);
        send_now(1, 2, 2);
        net_sim_detach(fixture.net, 2); // nobody there: lost in any case
        run();
        assert_int_equal(fixture.inboxes[2].count, outlives);
        stop();
    }
}

static void test_net_sim__lets_no_old_connection_follow_a_new_one(void **state)
{
    (void)state;
    for (int outlives = 0; outlives < 2; outlives++) {
        struct net_sim_faults faults = {
            .delay = {.us_min = 1000, .us_max = 1000}, .reorder = true, .outlives = outlives == 1};
        start(&faults, 8);
        send_now(1, 2, 1);
        net_sim_detach(fixture.net, 1);
        attach(1);
        route(1, 2);
        faults.delay.us_min = faults.delay.us_max = 10;
        net_sim_set_faults(fixture.net, &faults);
        send_now(1, 2, 2);
        run();
        assert_int_equal(fixture.inboxes[2].count, 1 + outlives);
        assert_int_equal(fixture.inboxes[2].numbers[0], 2);
        stop();
    }
}

static void test_net_sim__delivers_what_a_crashed_node_had_sent(void **state)
{
    (void)state;
    start(&calm, 9);
    send_now(1, 2, 1);
    net_sim_detach(fixture.net, 1);
    run();
    assert_int_equal(fixture.inboxes[2].count, 1);
    stop();
}

static void test_net_sim__drops_what_is_over_its_bounds(void **state)
{
    (void)state;
    start(&calm, 10);
    for (uint32_t i = 0; i < NET_SIM_QUEUE_MAX + 5; i++)
        send_now(1, 2, i);
    assert_int_equal(count(NET_SIM_OVERFLOWN), 5);
    send_now(1, 3, 0); // each pair has its own bound
    assert_int_equal(count(NET_SIM_OVERFLOWN), 5);
    run();
    assert_int_equal(fixture.inboxes[2].count, NET_SIM_QUEUE_MAX);
    for (uint32_t i = 0; i < NET_SIM_OUTBOX_MAX + 3; i++)
        queue(1, 4, i);
    assert_int_equal(count(NET_SIM_OVERFLOWN), 8);
    stop();
}

struct tally {
    uint64_t counts[NET_SIM_FATE_COUNT];
};

static void on_fate(void *context, enum net_sim_fate fate, uint64_t from, uint64_t to,
                    struct slice message)
{
    struct tally *tally = context;
    assert_int_equal(message.length, sizeof(uint32_t));
    assert_in_range(from, 1, NODES);
    assert_true(to <= NODES);
    assert_non_null(net_sim_fate_name(fate));
    tally->counts[fate]++;
}

// A busy minute of everything at once; gives what node 2 received.
static void storm(uint64_t seed, struct tally *tally)
{
    struct net_sim_faults faults = {.delay = {100, 5000, 20, 100000},
                                    .lose_one_in = 10,
                                    .duplicate_one_in = 10,
                                    .reorder = true};
    start(&faults, seed);
    net_sim_set_watch(fixture.net, on_fate, tally);
    struct rng rng;
    rng_init(&rng, 1);
    for (uint32_t i = 0; i < 3000; i++) {
        uint64_t from = 1 + rng_below(&rng, NODES);
        if (i % 100 == 50) {
            net_sim_detach(fixture.net, 3);
            attach(3);
            net_sim_block(fixture.net, 1, 2, i % 200 == 50);
        }
        send_now(from, 1 + rng_below(&rng, NODES), i);
        timeline_run_until(fixture.timeline, timeline_now_us(fixture.timeline) + 200);
    }
    run();
    for (int fate = 0; fate < NET_SIM_FATE_COUNT; fate++)
        assert_int_equal(tally->counts[fate], count((enum net_sim_fate)fate));
    assert_int_equal(count(NET_SIM_SENT) + count(NET_SIM_DUPLICATED),
                     count(NET_SIM_DELIVERED) + count(NET_SIM_LOST) + count(NET_SIM_BLOCKED) +
                         count(NET_SIM_UNREACHABLE) + count(NET_SIM_OVERFLOWN) +
                         count(NET_SIM_GONE));
    stop();
}

static void test_net_sim__is_repeatable_and_accounts_for_everything(void **state)
{
    (void)state;
    static struct inbox first;
    struct tally tally = {{0}};
    storm(42, &tally);
    first = fixture.inboxes[2];
    for (int other = 0; other < 2; other++) {
        tally = (struct tally){{0}};
        storm(42 + (uint64_t)other, &tally);
        const struct inbox *again = &fixture.inboxes[2];
        bool same = first.count == again->count &&
                    memcmp(first.numbers, again->numbers, sizeof first.numbers) == 0 &&
                    memcmp(first.times_us, again->times_us, sizeof first.times_us) == 0;
        assert_int_equal(same, other == 0);
    }
}

// Holds the numbers below 10 for long, and loses those above 20.
static uint64_t hold_some(void *context, struct slice message)
{
    uint32_t number;
    (void)context;
    memcpy(&number, message.bytes, sizeof number);
    return number < 10 ? 50000 : number > 20 ? NET_SIM_HOLD_FOREVER : 0;
}

static void test_net_sim__holds_and_loses_the_messages_it_is_told_to(void **state)
{
    (void)state;
    start(&calm, 12);
    net_sim_set_hold(fixture.net, hold_some, NULL);
    for (uint32_t number = 5; number < 25; number += 5)
        send_now(1, 2, number);
    net_sim_set_hold(fixture.net, NULL, NULL);
    send_now(1, 2, 25);
    run();
    const struct inbox *inbox = &fixture.inboxes[2];
    const uint32_t expected[] = {10, 15, 20, 25, 5};
    assert_int_equal(inbox->count, 5);
    assert_memory_equal(inbox->numbers, expected, sizeof expected);
    assert_true(inbox->times_us[4] > 50000);
    stop();
}

static void test_net_sim__lanes_do_not_wait_for_each_other(void **state)
{
    (void)state;
    struct net_sim_faults slow = {.delay = {.us_min = 5000, .us_max = 5000}};
    start(&slow, 13);
    uint32_t number = 2;
    send_now(1, 2, 1);
    net_sim_set_faults(fixture.net, &calm);
    const struct net *port = &fixture.inboxes[1].port;
    port->ops->send(port->self, 2, NET_LANE_URGENT, slice_of(&number, sizeof number));
    send_now(1, 2, 3);
    run();
    const uint32_t expected[] = {2, 1, 3};
    assert_int_equal(fixture.inboxes[2].count, 3);
    assert_memory_equal(fixture.inboxes[2].numbers, expected, sizeof expected);
    stop();
}

static void test_net_sim__frees_what_is_in_flight(void **state)
{
    (void)state;
    start(&calm, 11);
    send_now(1, 2, 1);
    queue(1, 2, 2);
    net_sim_free(fixture.net);
    assert_int_equal(timeline_waiting(fixture.timeline), 0);
    timeline_free(fixture.timeline);
}

// Whether a message from one node to another arrives.
static bool arrives(uint64_t from, uint64_t to)
{
    uint32_t before = fixture.inboxes[to].count;
    send_now(from, to, 0);
    run();
    if (fixture.inboxes[to].count == before)
        return false;
    assert_int_equal(fixture.inboxes[to].peers[before], from);
    return true;
}

static void test_net_sim__answers_who_cannot_be_connected_to(void **state)
{
    (void)state;
    start(&calm, 1);
    net_sim_set_unreachable(fixture.net, 2, true);
    assert_false(arrives(1, 2));
    assert_true(arrives(2, 1));
    assert_true(arrives(1, 2) && arrives(1, 2));
    // Only by whom it has a connection to, and in the lane that it made it for.
    assert_false(arrives(3, 2));
    uint32_t number = 7;
    const struct net *port = &fixture.inboxes[1].port;
    port->ops->send(port->self, 2, NET_LANE_URGENT, slice_of(&number, sizeof number));
    assert_true(arrives(1, 2));
    assert_int_equal(count(NET_SIM_UNREACHABLE), 3);
    // An answer makes no connection.
    net_sim_set_unreachable(fixture.net, 1, true);
    assert_false(arrives(2, 1));
    net_sim_cut(fixture.net, 1, 2);
    assert_false(arrives(1, 2) || arrives(2, 1));
    net_sim_set_unreachable(fixture.net, 2, false);
    assert_true(arrives(1, 2) && arrives(2, 1));
    stop();
}

static void test_net_sim__answers_without_a_route(void **state)
{
    (void)state;
    start(&calm, 1);
    const struct net *port = &fixture.inboxes[1].port;
    port->ops->route(port->self, 2, NULL);
    assert_false(arrives(1, 2));
    assert_true(arrives(2, 1) && arrives(1, 2));
    port->ops->route(port->self, 2, "nowhere:1");
    assert_true(arrives(1, 2));
    stop();
}

static void test_net_sim__answers_while_the_connection_stands(void **state)
{
    (void)state;
    start(&calm, 1);
    net_sim_set_unreachable(fixture.net, 2, true);
    assert_true(arrives(2, 1) && arrives(1, 2));
    net_sim_cut(fixture.net, 1, 2);
    assert_false(arrives(1, 2));
    for (uint64_t from = 1; from <= 2; from++) {
        assert_true(arrives(2, 1) && arrives(1, 2));
        net_sim_block(fixture.net, from, 3 - from, true);
        assert_false(arrives(1, 2));
        // What goes one way only is no connection.
        assert_true(arrives(2, 1) == (from == 1));
        net_sim_unblock_all(fixture.net);
        assert_false(arrives(1, 2));
    }
    for (uint64_t again = 1; again <= 2; again++) {
        assert_true(arrives(2, 1) && arrives(1, 2));
        net_sim_detach(fixture.net, again);
        attach(again);
        route(1, 2);
        route(2, 1);
        net_sim_set_unreachable(fixture.net, 2, true);
        assert_false(arrives(1, 2));
    }
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_net_sim__delivers_in_order_and_in_time),
        cmocka_unit_test(test_net_sim__sends_nothing_before_the_flush),
        cmocka_unit_test(test_net_sim__loses_and_duplicates_as_often_as_asked),
        cmocka_unit_test(test_net_sim__reorders_only_when_asked),
        cmocka_unit_test(test_net_sim__blocks_one_direction),
        cmocka_unit_test(test_net_sim__reaches_seeds_by_address_alone),
        cmocka_unit_test(test_net_sim__does_not_deliver_across_a_restart_unless_asked),
        cmocka_unit_test(test_net_sim__lets_no_old_connection_follow_a_new_one),
        cmocka_unit_test(test_net_sim__delivers_what_a_crashed_node_had_sent),
        cmocka_unit_test(test_net_sim__drops_what_is_over_its_bounds),
        cmocka_unit_test(test_net_sim__is_repeatable_and_accounts_for_everything),
        cmocka_unit_test(test_net_sim__holds_and_loses_the_messages_it_is_told_to),
        cmocka_unit_test(test_net_sim__lanes_do_not_wait_for_each_other),
        cmocka_unit_test(test_net_sim__frees_what_is_in_flight),
        cmocka_unit_test(test_net_sim__answers_who_cannot_be_connected_to),
        cmocka_unit_test(test_net_sim__answers_without_a_route),
        cmocka_unit_test(test_net_sim__answers_while_the_connection_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
