#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/check.h"
#include "sim/held_kinds.h"
#include "wire/message.h"

#include <stdlib.h>

enum { SENDER = 1, RECEIVER = 2, MESSAGES = 4000, DELAY_US = 100, LATE_US_MAX = 50000 };

#define BIT(kind) (UINT64_C(1) << (kind))

// Two nodes; what came, by its kind and how late it was.
struct bench {
    struct timeline *timeline;
    struct net_sim *net;
    struct net ports[RECEIVER + 1];
    struct held_kinds held;
    uint64_t sent_us;
    unsigned came[MESSAGE_KIND_COUNT];
    unsigned late[MESSAGE_KIND_COUNT];
    uint64_t latest_us;
    uint64_t sum_us; // of what was late
};

static void on_receive(void *context, uint64_t peer, struct slice bytes)
{
    struct bench *bench = context;
    struct message message;
    (void)peer;
    assert_int_equal(message_decode(bytes, &message), ERR_OK);
    uint64_t took_us = timeline_now_us(bench->timeline) - bench->sent_us;
    bench->came[message.kind]++;
    bench->late[message.kind] += took_us > DELAY_US;
    bench->sum_us += took_us - DELAY_US;
    if (took_us > bench->latest_us)
        bench->latest_us = took_us;
}

static int open_bench(void **state)
{
    static const struct net_sim_faults calm = {.delay = {.us_min = DELAY_US, .us_max = DELAY_US}};
    struct bench *bench = memory_zeroed(1, sizeof *bench);
    bench->timeline = timeline_new();
    bench->net = net_sim_new(bench->timeline, 1, &calm);
    bench->ports[SENDER] = net_sim_attach(bench->net, SENDER, "one:1", on_receive, bench);
    bench->ports[RECEIVER] = net_sim_attach(bench->net, RECEIVER, "two:2", on_receive, bench);
    const struct net *port = &bench->ports[SENDER];
    port->ops->route(port->self, RECEIVER, "two:2");
    *state = bench;
    return 0;
}

static int close_bench(void **state)
{
    struct bench *bench = *state;
    net_sim_free(bench->net);
    timeline_free(bench->timeline);
    free(bench);
    return 0;
}

// Sends so many of this kind, each once the one before has come or is lost.
static void send(struct bench *bench, enum message_kind kind, unsigned count)
{
    const struct net *port = &bench->ports[SENDER];
    struct buf bytes;
    for (unsigned i = 0; i < count; i++) {
        buf_init(&bytes, MESSAGE_BYTES_MAX);
        message_encode(&bytes, &(struct message){.kind = kind});
        bench->sent_us = timeline_now_us(bench->timeline);
        port->ops->send(port->self, RECEIVER, NET_LANE_BULK, buf_slice(&bytes));
        port->ops->flush(port->self);
        while (timeline_step(bench->timeline))
            continue;
        buf_release(&bytes);
    }
}

static void test_held_kinds__some_of_four_are_late_each_by_its_own_time(void **state)
{
    struct bench *bench = *state;
    held_kinds_begin(&bench->held, bench->net, BIT(MESSAGE_ACK), LATE_US_MAX, 1, 7);
    send(bench, MESSAGE_ACK, MESSAGES);
    assert_int_equal(bench->came[MESSAGE_ACK], MESSAGES);
    assert_in_range(bench->late[MESSAGE_ACK], MESSAGES / 5, 3 * MESSAGES / 10);
    // Evenly from nothing to the greatest.
    uint64_t mean_us = bench->sum_us / bench->late[MESSAGE_ACK];
    assert_in_range(mean_us, 9 * LATE_US_MAX / 20, 11 * LATE_US_MAX / 20);
    assert_in_range(bench->latest_us, 9 * LATE_US_MAX / 10, LATE_US_MAX + DELAY_US);
    held_kinds_end(&bench->held, bench->net);
}

static void test_held_kinds__are_lost_when_they_never_come(void **state)
{
    struct bench *bench = *state;
    held_kinds_begin(&bench->held, bench->net, BIT(MESSAGE_INV) | BIT(MESSAGE_VAL), 0, 3, 7);
    held_kinds_begin(&bench->held, bench->net, BIT(MESSAGE_ACK), 0, 3, 8); // these too
    send(bench, MESSAGE_INV, MESSAGES);
    send(bench, MESSAGE_ACK, MESSAGES);
    assert_in_range(bench->came[MESSAGE_INV], MESSAGES / 5, 3 * MESSAGES / 10);
    assert_in_range(bench->came[MESSAGE_ACK], MESSAGES / 5, 3 * MESSAGES / 10);
    assert_int_equal(bench->late[MESSAGE_INV] + bench->late[MESSAGE_ACK], 0);
    held_kinds_end(&bench->held, bench->net);
}

static void test_held_kinds__others_pass_and_all_do_in_the_end(void **state)
{
    struct bench *bench = *state;
    held_kinds_begin(&bench->held, bench->net, BIT(MESSAGE_ACK), 0, 4, 7);
    send(bench, MESSAGE_INV, 100);
    send(bench, MESSAGE_ACK, 100);
    assert_int_equal(bench->came[MESSAGE_INV], 100);
    assert_int_equal(bench->came[MESSAGE_ACK], 0);
    held_kinds_end(&bench->held, bench->net);
    send(bench, MESSAGE_ACK, 100);
    assert_int_equal(bench->came[MESSAGE_ACK], 100);
    assert_int_equal(bench->late[MESSAGE_ACK], 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_held_kinds__##name, open_bench, close_bench)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(some_of_four_are_late_each_by_its_own_time),
        TEST(are_lost_when_they_never_come),
        TEST(others_pass_and_all_do_in_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
