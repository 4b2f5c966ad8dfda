// One node of a simulated cluster: what becomes of requests when it dies, stands still, goes on.

#include "sim/cluster_sim.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

enum { SECOND_US = 1000000, LOOK_US = 10000, LOOKS_MAX = 3000 };

static const struct net_sim_faults calm = {.delay = {.us_min = 50, .us_max = 300}};
static struct cluster_sim cluster;

struct answer {
    unsigned count;
    enum err error;
};

static void on_reply(void *context, const struct reply *reply)
{
    struct answer *answer = context;
    answer->count++;
    answer->error = reply->error;
}

static void run_for(uint64_t us)
{
    timeline_run_until(cluster.timeline, timeline_now_us(cluster.timeline) + us);
}

static bool all_serve(void)
{
    for (unsigned i = 0; i < cluster.node_count; i++)
        if (!sim_node_status(&cluster.nodes[i]).serving)
            return false;
    return true;
}

static void await_serving(void)
{
    for (unsigned looks = 0; looks < LOOKS_MAX && !all_serve(); looks++)
        run_for(LOOK_US);
    assert_true(all_serve());
}

static void start(unsigned nodes)
{
    cluster_sim_init(&cluster, nodes, &calm);
    cluster.strategy = STRATEGY_FULL;
    for (unsigned i = 0; i < nodes; i++)
        cluster_sim_add_node(&cluster);
    await_serving();
    run_for(SECOND_US);
}

static void end(void)
{
    assert_null(cluster.violation);
    cluster_sim_release(&cluster);
}

static void put(struct sim_node *node, struct answer *answer)
{
    struct request request = {
        .kind = REQUEST_PUT, .key = slice_of_text("key"), .value = slice_of_text("value")};
    *answer = (struct answer){0};
    sim_node_request(node, &request, on_reply, answer);
}

static void test_sim_node__crash_leaves_requests_unknown(void **state)
{
    (void)state;
    start(1);
    struct answer answer;
    put(&cluster.nodes[0], &answer);
    assert_int_equal(answer.count, 0);
    sim_node_crash(&cluster.nodes[0]);
    assert_int_equal(answer.count, 1);
    assert_int_equal(answer.error, ERR_UNKNOWN);
    run_for(SECOND_US);
    assert_int_equal(answer.count, 1);
    end();
}

static void test_sim_node__nobody_answers_where_it_is_dead(void **state)
{
    (void)state;
    start(1);
    struct answer answer;
    sim_node_crash(&cluster.nodes[0]);
    put(&cluster.nodes[0], &answer);
    assert_int_equal(answer.count, 1);
    assert_int_equal(answer.error, ERR_NETWORK);
    assert_int_equal(sim_node_status(&cluster.nodes[0]).store_id, 0);
    end();
}

static void test_sim_node__starts_again_as_its_next_incarnation(void **state)
{
    (void)state;
    start(3);
    struct node_status before = sim_node_status(&cluster.nodes[1]);
    sim_node_crash(&cluster.nodes[1]);
    run_for(SECOND_US / 2);
    assert_true(sim_node_start(&cluster.nodes[1]));
    await_serving();
    struct node_status after = sim_node_status(&cluster.nodes[1]);
    assert_int_equal(after.store_id, before.store_id);
    assert_true(after.incarnation > before.incarnation);
    end();
}

static void test_sim_node__survives_a_loss_of_power_with_what_it_acknowledged(void **state)
{
    (void)state;
    start(1);
    struct answer answer;
    put(&cluster.nodes[0], &answer);
    run_for(SECOND_US);
    assert_int_equal(answer.error, ERR_OK);
    assert_int_equal(answer.count, 1);
    sim_node_lose_power(&cluster.nodes[0], false);
    assert_true(sim_node_start(&cluster.nodes[0]));
    await_serving();
    assert_int_equal(store_sim_pairs(cluster.nodes[0].data, STORE_RECORDS), 1);
    end();
}

static void test_sim_node__does_nothing_while_stopped_and_everything_after(void **state)
{
    (void)state;
    start(1);
    struct answer answer;
    sim_node_stop(&cluster.nodes[0]);
    put(&cluster.nodes[0], &answer);
    run_for(SECOND_US);
    assert_int_equal(answer.count, 0);
    assert_true(cluster.nodes[0].kept_count > 0);
    sim_node_continue(&cluster.nodes[0]);
    assert_int_equal(cluster.nodes[0].kept_count, 0);
    for (unsigned looks = 0; looks < LOOKS_MAX && answer.count == 0; looks++)
        run_for(LOOK_US);
    assert_int_equal(answer.count, 1);
    end();
}

static void test_sim_node__failed_batch_ends_it_without_a_violation(void **state)
{
    (void)state;
    start(1);
    struct sim_node *node = &cluster.nodes[0];
    struct answer answer;
    node->disk_fails = true;
    store_sim_fail_batch(node->voter, store_sim_committed(node->voter) + 1, ERR_IO);
    store_sim_fail_batch(node->data, store_sim_committed(node->data) + 1, ERR_IO);
    put(node, &answer);
    for (unsigned looks = 0; looks < LOOKS_MAX && node->state != SIM_NODE_DEAD; looks++)
        run_for(LOOK_US);
    assert_int_equal(node->state, SIM_NODE_DEAD);
    assert_int_equal(answer.error, ERR_UNKNOWN);
    assert_true(sim_node_start(node));
    await_serving();
    end();
}

static void test_sim_node__cannot_start_over_a_store_that_is_not_readable(void **state)
{
    (void)state;
    start(1);
    struct sim_node *node = &cluster.nodes[0];
    sim_node_crash(node);
    store_sim_fail_reads(node->data, ERR_IO);
    assert_false(sim_node_start(node));
    assert_int_equal(node->state, SIM_NODE_DEAD);
    store_sim_fail_reads(node->data, ERR_OK);
    assert_true(sim_node_start(node));
    await_serving();
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sim_node__crash_leaves_requests_unknown),
        cmocka_unit_test(test_sim_node__nobody_answers_where_it_is_dead),
        cmocka_unit_test(test_sim_node__starts_again_as_its_next_incarnation),
        cmocka_unit_test(test_sim_node__survives_a_loss_of_power_with_what_it_acknowledged),
        cmocka_unit_test(test_sim_node__does_nothing_while_stopped_and_everything_after),
        cmocka_unit_test(test_sim_node__failed_batch_ends_it_without_a_violation),
        cmocka_unit_test(test_sim_node__cannot_start_over_a_store_that_is_not_readable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
