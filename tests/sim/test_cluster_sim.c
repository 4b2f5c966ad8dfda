// Whole clusters, directed: what random runs found once, each under its name.

#include "sim/cluster_sim.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

enum { SECOND_US = 1000000, WAIT_US_MAX = 60 * SECOND_US, STEP_US = 1000, KEYS = 60 };

static const struct net_sim_faults calm = {.delay = {.us_min = 50, .us_max = 300}};

// An answer, with what it borrowed.
struct answer {
    bool came;
    struct reply reply;
    uint8_t bytes[65536];
};

static void on_reply(void *context, const struct reply *reply)
{
    struct answer *answer = context;
    assert_false(answer->came);
    answer->came = true;
    answer->reply = *reply;
    struct slice borrowed = reply->entries.length > 0 ? reply->entries : reply->value;
    assert_true(borrowed.length + reply->cursor.key.length <= sizeof answer->bytes);
    if (borrowed.length > 0)
        memcpy(answer->bytes, borrowed.bytes, borrowed.length);
    uint8_t *key = answer->bytes + borrowed.length;
    if (reply->cursor.key.length > 0)
        memcpy(key, reply->cursor.key.bytes, reply->cursor.key.length);
    answer->reply.value = slice_of(answer->bytes, reply->value.length);
    answer->reply.entries = slice_of(answer->bytes, reply->entries.length);
    answer->reply.cursor.key = slice_of(key, reply->cursor.key.length);
}

static void run_for(struct cluster_sim *cluster, uint64_t us)
{
    timeline_run_until(cluster->timeline, timeline_now_us(cluster->timeline) + us);
}

static const struct reply *ask(struct cluster_sim *cluster, unsigned node,
                               const struct request *request, struct answer *answer)
{
    *answer = (struct answer){0};
    cluster_sim_request(&cluster->nodes[node], request, on_reply, answer);
    for (uint64_t us = 0; !answer->came && us < WAIT_US_MAX; us += STEP_US)
        run_for(cluster, STEP_US);
    assert_true(answer->came);
    return &answer->reply;
}

static bool is_at_rest(const struct cluster_sim *cluster)
{
    const struct cluster_map *map = cluster_sim_map(cluster);
    if (map == NULL || map->node_count != cluster->node_count)
        return false;
    for (unsigned i = 0; i < map->keyspaces[0].set_count; i++)
        if (map->keyspaces[0].sets[i].in_sync != map->keyspaces[0].sets[i].target)
            return false;
    for (unsigned i = 0; i < cluster->node_count; i++)
        if (host_status(cluster->nodes[i].host).epoch != map->epoch)
            return false;
    return true;
}

static void rest(struct cluster_sim *cluster)
{
    for (uint64_t us = 0; !is_at_rest(cluster) && us < WAIT_US_MAX; us += STEP_US)
        run_for(cluster, STEP_US);
    assert_true(is_at_rest(cluster));
}

static void form(struct cluster_sim *cluster, unsigned nodes, enum strategy strategy,
                 uint8_t factor)
{
    cluster_sim_init(cluster, nodes + factor, &calm);
    for (unsigned i = 0; i < nodes; i++)
        cluster_sim_add_node(cluster);
    rest(cluster);
    struct answer answer;
    struct request request = {
        .kind = REQUEST_CHANGE,
        .change = {.kind = CHANGE_STRATEGY, .strategy = strategy, .replication_factor = factor}};
    assert_int_equal(ask(cluster, 0, &request, &answer)->error, ERR_OK);
    rest(cluster);
}

static void end(struct cluster_sim *cluster)
{
    assert_null(cluster->violation);
    cluster_sim_release(cluster);
}

static struct slice key_named(unsigned number, char name[16])
{
    snprintf(name, 16, "key-%u", number);
    return slice_of_text(name);
}

static void put_keys(struct cluster_sim *cluster)
{
    for (unsigned i = 0; i < KEYS; i++) {
        char name[16];
        struct answer answer;
        struct request request = {
            .kind = REQUEST_PUT, .key = key_named(i, name), .value = slice_of_text(name)};
        assert_int_equal(ask(cluster, i % cluster->node_count, &request, &answer)->error, ERR_OK);
    }
}

static void read_keys(struct cluster_sim *cluster)
{
    for (unsigned i = 0; i < KEYS * cluster->node_count; i++) {
        char name[16];
        struct answer answer;
        struct request request = {.kind = REQUEST_READ, .key = key_named(i % KEYS, name)};
        const struct reply *reply = ask(cluster, i / KEYS, &request, &answer);
        assert_int_equal(reply->error, ERR_OK);
        assert_true(slice_equal(reply->value, request.key));
    }
}

static void test_cluster__takes_a_repeated_message_once(void **state)
{
    (void)state;
    struct cluster_sim cluster;
    struct net_sim_faults twice = calm;
    form(&cluster, 3, STRATEGY_FULL, 3);
    twice.duplicate_one_in = 1;
    twice.reorder = true;
    net_sim_set_faults(cluster.net, &twice);
    for (unsigned i = 0; i < KEYS; i++) {
        char name[16];
        struct answer answer;
        struct request request = {
            .kind = REQUEST_PUT, .key = key_named(0, name), .value = slice_of_text(name)};
        struct stamp written = ask(&cluster, i % 3, &request, &answer)->stamp;
        run_for(&cluster, 20000);
        request = (struct request){.kind = REQUEST_READ, .key = key_named(0, name)};
        struct stamp read = ask(&cluster, (i + 1) % 3, &request, &answer)->stamp;
        if (!stamp_is_zero(written))
            assert_int_equal(stamp_compare(read, written), 0);
    }
    end(&cluster);
}

static void test_cluster__contrary_wishes_end(void **state)
{
    (void)state;
    struct cluster_sim cluster;
    struct answer answers[4] = {0};
    form(&cluster, 3, STRATEGY_FULL, 2);
    struct request request = {.kind = REQUEST_CHANGE, .change = {.kind = CHANGE_FAIL, .node = 2}};
    cluster_sim_request(&cluster.nodes[0], &request, on_reply, &answers[0]);
    run_for(&cluster, 100);
    request.change = (struct change){
        .kind = CHANGE_STRATEGY, .strategy = STRATEGY_CONSISTENT, .replication_factor = 1};
    cluster_sim_request(&cluster.nodes[1], &request, on_reply, &answers[1]);
    request.change.replication_factor = 2;
    cluster_sim_request(&cluster.nodes[2], &request, on_reply, &answers[2]);
    uint64_t before = cluster_sim_map(&cluster)->epoch;
    while (!answers[0].came)
        run_for(&cluster, 100);
    request.change = (struct change){.kind = CHANGE_RECOVER, .node = 2};
    cluster_sim_request(&cluster.nodes[1], &request, on_reply, &answers[3]);
    for (uint64_t us = 0; us < WAIT_US_MAX; us += STEP_US)
        run_for(&cluster, STEP_US);
    for (int i = 0; i < 4; i++) {
        assert_true(answers[i].came);
        assert_int_equal(answers[i].reply.error, ERR_OK);
    }
    assert_in_range(cluster_sim_map(&cluster)->epoch, before, before + 60);
    end(&cluster);
}

static void test_cluster__keeps_data_when_slots_move_away_and_back(void **state)
{
    (void)state;
    struct cluster_sim cluster;
    struct delay slow = {.us_min = 10000, .us_max = 40000};
    form(&cluster, 4, STRATEGY_FULL, 4);
    put_keys(&cluster);
    for (unsigned i = 0; i < 4; i++)
        store_sim_set_sync(cluster.nodes[i].data, &slow);
    for (unsigned round = 0; round < 6; round++) {
        struct answer answer;
        struct request request = {
            .kind = REQUEST_CHANGE,
            .change = {.kind = CHANGE_STRATEGY,
                       .strategy = (enum strategy)((round + 1) % STRATEGY_COUNT),
                       .replication_factor = (uint8_t)(1 + round % 3)}};
        assert_int_equal(ask(&cluster, round % 4, &request, &answer)->error, ERR_OK);
        if (round % 2 == 1)
            rest(&cluster);
        read_keys(&cluster);
    }
    end(&cluster);
}

static void test_cluster__says_whom_it_waits_for(void **state)
{
    (void)state;
    struct cluster_sim cluster;
    struct answer answer;
    char name[16];
    form(&cluster, 3, STRATEGY_CONSISTENT, 1);
    put_keys(&cluster);
    struct slice key = key_named(3, name);
    const struct cluster_map *map = cluster_sim_map(&cluster);
    node_id holder = map_keyspace_slot(&map->keyspaces[0], slot_of_key(key))->primary;
    struct request change = {.kind = REQUEST_CHANGE,
                             .change = {.kind = CHANGE_FAIL, .node = holder}};
    assert_int_equal(ask(&cluster, 0, &change, &answer)->error, ERR_OK);
    for (unsigned node = 0; node < 3; node++) {
        struct request request = {.kind = REQUEST_READ, .key = key};
        const struct reply *reply = ask(&cluster, node, &request, &answer);
        assert_int_equal(reply->error, ERR_UNAVAILABLE);
        assert_int_equal(reply->awaited, node_bit(holder));
    }
    change.change.kind = CHANGE_RECOVER;
    assert_int_equal(ask(&cluster, 1, &change, &answer)->error, ERR_OK);
    read_keys(&cluster);
    end(&cluster);
}

// A read through any node sees a recovery that was answered, though that node's map may be older.
static void test_cluster__a_gateway_that_is_a_map_behind_waits(void **state)
{
    (void)state;
    struct cluster_sim cluster;
    struct answer answer;
    char name[16];
    form(&cluster, 3, STRATEGY_FULL, 3);
    put_keys(&cluster);
    for (unsigned round = 0; round < 20; round++) {
        struct request change = {.kind = REQUEST_CHANGE, .change = {.kind = CHANGE_FAIL}};
        for (node_id node = 1; node <= 3; node++) {
            change.change.node = node;
            assert_int_equal(ask(&cluster, 0, &change, &answer)->error, ERR_OK);
        }
        change.change = (struct change){.kind = CHANGE_RECOVER, .node = (node_id)(1 + round % 3)};
        assert_int_equal(ask(&cluster, round % 3, &change, &answer)->error, ERR_OK);
        struct request request = {.kind = REQUEST_READ, .key = key_named(1, name)};
        assert_int_equal(ask(&cluster, (round + 1) % 3, &request, &answer)->error, ERR_OK);
    }
    end(&cluster);
}

static unsigned list_through(struct cluster_sim *cluster, unsigned node, bool seen[KEYS])
{
    struct request request = {.kind = REQUEST_LIST, .prefix = slice_of_text("key-"), .limit = 7};
    unsigned count = 0;
    uint8_t last[KEY_BYTES_MAX];
    for (;;) {
        struct answer answer;
        const struct reply *reply = ask(cluster, node, &request, &answer);
        assert_int_equal(reply->error, ERR_OK);
        struct cursor in = cursor_of(reply->entries);
        struct list_entry entry;
        unsigned page = 0;
        for (; list_entry_next(&in, &entry); page++) {
            unsigned number = (unsigned)(entry.key.bytes[4] - '0');
            if (entry.key.length > 5)
                number = number * 10 + (unsigned)(entry.key.bytes[5] - '0');
            assert_true(number < KEYS && !seen[number]);
            seen[number] = true;
        }
        assert_true(page <= 7);
        count += page;
        if (reply->cursor.slot >= SLOTS)
            return count;
        memcpy(last, reply->cursor.key.bytes, reply->cursor.key.length);
        request.cursor =
            (struct list_cursor){reply->cursor.slot, slice_of(last, reply->cursor.key.length)};
    }
}

static void test_cluster__lists_each_key_once(void **state)
{
    (void)state;
    struct cluster_sim cluster;
    form(&cluster, 5, STRATEGY_CONSISTENT, 2);
    put_keys(&cluster);
    for (unsigned node = 0; node < 5; node++) {
        bool seen[KEYS] = {false};
        assert_int_equal(list_through(&cluster, node, seen), KEYS);
    }
    end(&cluster);
}

static void test_cluster__a_repeated_operation_is_done_once(void **state)
{
    (void)state;
    struct cluster_sim cluster;
    struct answer answer;
    form(&cluster, 3, STRATEGY_CONSISTENT, 2);
    struct request request = {.kind = REQUEST_PUT,
                              .key = slice_of_text("key"),
                              .value = slice_of_text("value"),
                              .condition = CONDITION_ABSENT,
                              .operation = {1, 2}};
    struct stamp first = ask(&cluster, 0, &request, &answer)->stamp;
    const struct reply *reply = ask(&cluster, 1, &request, &answer);
    assert_int_equal(reply->error, ERR_OK);
    assert_int_equal(stamp_compare(reply->stamp, first), 0);
    request.operation.low = 3;
    assert_int_equal(ask(&cluster, 2, &request, &answer)->error, ERR_MISMATCH);
    end(&cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cluster__takes_a_repeated_message_once),
        cmocka_unit_test(test_cluster__contrary_wishes_end),
        cmocka_unit_test(test_cluster__keeps_data_when_slots_move_away_and_back),
        cmocka_unit_test(test_cluster__says_whom_it_waits_for),
        cmocka_unit_test(test_cluster__a_gateway_that_is_a_map_behind_waits),
        cmocka_unit_test(test_cluster__lists_each_key_once),
        cmocka_unit_test(test_cluster__a_repeated_operation_is_done_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
