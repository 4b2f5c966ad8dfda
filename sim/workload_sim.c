#include "sim/workload_sim.h"

#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

enum { THINK_US_MAX = 15000, GATEWAY_TRIES = 3, AWAY_ONE_IN = 8 };

// An operation under way.
struct attempt {
    struct workload_sim *workload;
    unsigned key;
    unsigned client; // WORKLOAD_CLIENTS_MAX: none goes on from here
    uint32_t index;
    struct linear_operation operation;
    int *answered;
};

void workload_init(struct workload_sim *workload, struct cluster_sim *cluster, uint64_t seed,
                   unsigned keys, unsigned clients, unsigned operations)
{
    *workload = (struct workload_sim){.cluster = cluster,
                                      .key_count = keys,
                                      .client_count = clients,
                                      .operations_left = operations,
                                      .think_us_max = THINK_US_MAX,
                                      .reader_think_us_max = THINK_US_MAX,
                                      .reads_in_ten = 4,
                                      .deletes_in_ten = 2};
    CHECK(keys <= WORKLOAD_KEYS_MAX && clients <= WORKLOAD_CLIENTS_MAX);
    rng_init(&workload->rng, seed);
    for (unsigned i = 0; i < keys; i++) {
        snprintf(workload->keys[i].name, sizeof workload->keys[i].name, "key-%u", i);
        workload->keys[i].history = linear_new();
        if (cluster->watched_count < CLUSTER_SIM_WATCHED_MAX)
            cluster->watched[cluster->watched_count++] =
                slot_of_key(slice_of_text(workload->keys[i].name));
    }
}

void workload_release(struct workload_sim *workload)
{
    for (unsigned i = 0; i < workload->key_count; i++)
        linear_free(workload->keys[i].history);
}

static uint64_t value_of(struct slice bytes)
{
    struct cursor in = cursor_of(bytes);
    return cursor_u64_be(&in);
}

static struct linear_outcome outcome_of(const struct attempt *attempt, const struct reply *reply)
{
    bool reads = attempt->operation.kind == LINEAR_READ;
    bool deletes = attempt->operation.kind == LINEAR_DELETE;
    struct linear_outcome outcome = {.result = LINEAR_UNKNOWN, .stamp = reply->stamp};
    if (reply->error == ERR_OK || (reply->error == ERR_NOT_FOUND && (reads || deletes))) {
        outcome.result = LINEAR_DONE;
        bool found = reply->error == ERR_OK;
        if (reads) {
            outcome.value = found ? value_of(reply->value) : 0;
        } else {
            bool existed = deletes ? found : reply->existed;
            outcome.existed = existed ? LINEAR_EXISTED_YES : LINEAR_EXISTED_NO;
        }
        if (!found || deletes)
            outcome.stamp = (struct stamp){0};
    } else if (reply->error == ERR_MISMATCH) {
        outcome.result = LINEAR_MISMATCH;
    } else if (reply->error == ERR_UNAVAILABLE || reply->error == ERR_BUSY ||
               reply->error == ERR_NETWORK) {
        outcome.result = LINEAR_REFUSED;
    }
    return outcome;
}

static void count(struct workload_sim *workload, enum linear_result result)
{
    static const enum coverage_kind kinds[] = {[LINEAR_UNKNOWN] = COVERAGE_OUTCOME_UNKNOWN,
                                               [LINEAR_DONE] = COVERAGE_OUTCOME_DONE,
                                               [LINEAR_MISMATCH] = COVERAGE_OUTCOME_MISMATCH,
                                               [LINEAR_REFUSED] = COVERAGE_OUTCOME_REFUSED};
    coverage_met(&workload->cluster->coverage, kinds[result]);
    workload->done += result == LINEAR_DONE || result == LINEAR_MISMATCH;
    workload->unsure += result == LINEAR_UNKNOWN;
    workload->refused += result == LINEAR_REFUSED;
}

static void client_thinks(struct workload_sim *workload, unsigned client);

static void on_reply(void *context, const struct reply *reply)
{
    struct attempt *attempt = context;
    struct workload_sim *workload = attempt->workload;
    struct cluster_sim *cluster = workload->cluster;
    struct workload_key *key = &workload->keys[attempt->key];
    struct linear_outcome outcome = outcome_of(attempt, reply);
    linear_end(key->history, attempt->index, &outcome, timeline_now_us(cluster->timeline));
    count(workload, outcome.result);
    if (!stamp_is_zero(reply->stamp))
        key->seen = reply->stamp;
    cluster_sim_trace(cluster, "answer %s #%u: %s value %llu stamp %llx", key->name, attempt->index,
                      err_name(reply->error), (unsigned long long)outcome.value,
                      (unsigned long long)reply->stamp.counter);
    if (attempt->answered != NULL)
        *attempt->answered = outcome.result == LINEAR_DONE ? 1 : 2;
    if (attempt->client < WORKLOAD_CLIENTS_MAX) {
        workload->in_progress--;
        client_thinks(workload, attempt->client);
    }
    free(attempt);
}

static void begin(struct workload_sim *workload, struct attempt *attempt, struct sim_node *node)
{
    struct cluster_sim *cluster = workload->cluster;
    struct workload_key *key = &workload->keys[attempt->key];
    struct linear_operation *operation = &attempt->operation;
    uint8_t value[8];
    for (int i = 0; i < 8; i++)
        value[i] = (uint8_t)(operation->value >> (8 * (7 - i)));
    static const enum request_kind kinds[] = {REQUEST_READ, REQUEST_PUT, REQUEST_DELETE};
    struct request request = {.kind = kinds[operation->kind],
                              .keyspace = 0,
                              .key = slice_of_text(key->name),
                              .condition = operation->condition,
                              .expected = operation->expected};
    if (operation->kind == LINEAR_PUT)
        request.value = slice_of(value, sizeof value);
    operation->client = attempt->client;
    attempt->workload = workload;
    attempt->index = linear_begin(key->history, operation, timeline_now_us(cluster->timeline));
    cluster_sim_trace(cluster, "client %u at node %u: %s #%u kind %d condition %d value %llu",
                      attempt->client, node->index + 1, key->name, attempt->index,
                      (int)operation->kind, (int)operation->condition,
                      (unsigned long long)operation->value);
    cluster_sim_request(node, &request, on_reply, attempt);
}

static enum condition draw_condition(struct workload_sim *workload, const struct workload_key *key)
{
    if (!rng_one_in(&workload->rng, 3))
        return CONDITION_NONE;
    enum condition condition = (enum condition)(1 + rng_below(&workload->rng, 3));
    return condition == CONDITION_STAMP && stamp_is_zero(key->seen) ? CONDITION_ABSENT : condition;
}

// Mostly one that is there: a client that nobody hears goes elsewhere.
static struct sim_node *draw_gateway(struct workload_sim *workload, unsigned client)
{
    struct cluster_sim *cluster = workload->cluster;
    struct sim_node *node = &cluster->nodes[client % cluster->node_count];
    if (client < workload->reader_count && node->state != SIM_NODE_DEAD)
        return node;
    if (workload->home != NULL && workload->home->state != SIM_NODE_DEAD &&
        !rng_one_in(&workload->rng, AWAY_ONE_IN))
        return workload->home;
    for (int tries = 0; tries < GATEWAY_TRIES; tries++) {
        node = &cluster->nodes[rng_below(&workload->rng, cluster->node_count)];
        if (node->state != SIM_NODE_DEAD)
            break;
    }
    return node;
}

static void client_acts(void *context, void *argument)
{
    struct workload_sim *workload = context;
    struct attempt *attempt = memory_zeroed(1, sizeof *attempt);
    attempt->client = (unsigned)(uintptr_t)argument;
    attempt->key = (unsigned)rng_below(&workload->rng, workload->key_count);
    const struct workload_key *key = &workload->keys[attempt->key];
    uint64_t draw = rng_below(&workload->rng, 10);
    bool reads = draw < workload->reads_in_ten || attempt->client < workload->reader_count;
    attempt->operation.kind = reads                                  ? LINEAR_READ
                              : draw < 10 - workload->deletes_in_ten ? LINEAR_PUT
                                                                     : LINEAR_DELETE;
    if (attempt->operation.kind == LINEAR_PUT)
        attempt->operation.value = ++workload->next_value;
    if (attempt->operation.kind != LINEAR_READ) {
        attempt->operation.condition = draw_condition(workload, key);
        if (attempt->operation.condition == CONDITION_STAMP)
            attempt->operation.expected = key->seen;
    }
    begin(workload, attempt, draw_gateway(workload, attempt->client));
}

static void client_thinks(struct workload_sim *workload, unsigned client)
{
    if (workload->operations_left == 0)
        return;
    workload->operations_left--;
    workload->in_progress++;
    uint64_t think_us_max =
        client < workload->reader_count ? workload->reader_think_us_max : workload->think_us_max;
    uint64_t at_us =
        timeline_now_us(workload->cluster->timeline) + rng_below(&workload->rng, think_us_max);
    timeline_add(workload->cluster->timeline, at_us, client_acts, workload,
                 (void *)(uintptr_t)client);
}

void workload_start(struct workload_sim *workload)
{
    for (unsigned client = 0; client < workload->client_count; client++)
        client_thinks(workload, client);
}

void workload_stop(struct workload_sim *workload)
{
    workload->operations_left = 0;
}

bool workload_ended(const struct workload_sim *workload)
{
    return workload->operations_left == 0 && workload->in_progress == 0;
}

void workload_read(struct workload_sim *workload, unsigned key, struct sim_node *node,
                   int *answered)
{
    struct attempt *attempt = memory_zeroed(1, sizeof *attempt);
    attempt->key = key;
    attempt->client = WORKLOAD_CLIENTS_MAX;
    attempt->operation.kind = LINEAR_READ;
    attempt->answered = answered;
    begin(workload, attempt, node);
}

void workload_check(struct workload_sim *workload, FILE *out)
{
    for (unsigned i = 0; i < workload->key_count; i++) {
        struct linear_verdict verdict;
        linear_check(workload->keys[i].history, &verdict);
        if (verdict.answer == LINEAR_OK)
            continue;
        cluster_sim_violation(workload->cluster, "%s: %s: %s", workload->keys[i].name,
                              verdict.answer == LINEAR_VIOLATION ? "not linearizable" : "undecided",
                              verdict.reason);
        if (out != NULL)
            linear_explain(workload->keys[i].history, &verdict, out);
    }
}
