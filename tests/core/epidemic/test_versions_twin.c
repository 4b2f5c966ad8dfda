// Against a naive twin that keeps every operation for ever: histories of several writers, arriving
// in many orders, again and again, with and without their values, with contexts that are honest,
// short or made up, must show the same live versions at every step.

#include "base/check.h"
#include "broken_rule.h"
#include "one_key.h"
#include "version_peer.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

enum { WRITERS = 4, PEERS = 3 };

enum contexts { CONTEXTS_HONEST, CONTEXTS_SHORT, CONTEXTS_FORGED, CONTEXTS_COUNT };

// --- Histories

static void leave_out(struct context *context, const struct versions *versions, struct rng *rng)
{
    struct context left = {0};
    for (uint32_t i = 0; i < versions->count; i++)
        if (!versions->list[i].is_gone)
            CHECK(context_raise(&left, versions->list[i].header.dot) == ERR_OK);
    for (uint32_t i = 0; i < context->count; i++)
        if (rng_one_in(rng, 2))
            CHECK(context_raise(&left, context->entries[i]) == ERR_OK);
    *context = left;
}

// Anything: what does not exist yet, what was never seen, cycles.
static void forge(struct context *context, struct rng *rng)
{
    context->count = 0;
    for (uint64_t entries = rng_below(rng, WRITERS + 2); entries > 0; entries--) {
        struct dot dot = {.origin = 1 + rng_below(rng, WRITERS + 1),
                          .sequence = 1 + rng_below(rng, HISTORY_MAX / 2)};
        CHECK(context_raise(context, dot) == ERR_OK);
    }
}

// A context never covers its own operation, whatever others claimed about its origin.
static void spare_own(struct context *context, struct dot own)
{
    struct context left = {0};
    for (uint32_t i = 0; i < context->count; i++) {
        struct dot entry = context->entries[i];
        if (entry.origin == own.origin && entry.sequence >= own.sequence)
            entry.sequence = own.sequence - 1;
        if (entry.sequence > 0)
            CHECK(context_raise(&left, entry) == ERR_OK);
    }
    *context = left;
}

static void history_write(struct history *history, const struct versions *versions, struct dot dot,
                          bool elsewhere, enum contexts contexts, struct rng *rng)
{
    struct operation *operation = &history->list[history->count].operation;
    *operation = key_operation(dot, rng_one_in(rng, 3));
    // No two have the same, so that twins differ.
    operation->counter = 1 + rng_below(rng, HISTORY_MAX) * HISTORY_MAX + history->count;
    CHECK(versions_context(versions, &operation->context) == ERR_OK);
    if (contexts == CONTEXTS_SHORT)
        leave_out(&operation->context, versions, rng);
    if (contexts == CONTEXTS_FORGED && rng_one_in(rng, 2))
        forge(&operation->context, rng);
    spare_own(&operation->context, dot);
    CHECK(operation_check(operation) == ERR_OK);
    history->list[history->count].id = operation_id_of(operation);
    history->list[history->count].elsewhere = elsewhere;
    history->count++;
}

struct writer {
    struct version_peer peer;
    uint64_t written;
    bool elsewhere; // its last one was
};

// Sees a random part of what there is, in a random order, and writes. Once in a while a number is
// used twice, as a copied disk would. False when it differs from its twin on the way.
static bool writer_write(struct history *history, struct writer *writer, uint64_t origin,
                         enum contexts contexts, struct rng *rng)
{
    bool good = true;
    for (uint64_t seen = rng_below(rng, 2 * history->count + 1); good && seen > 0; seen--)
        good = version_peer_take_somehow(history, &writer->peer,
                                         (uint32_t)rng_below(rng, history->count), rng);
    bool twin = contexts == CONTEXTS_FORGED && writer->written > 0 && !writer->elsewhere &&
                rng_one_in(rng, 8);
    writer->elsewhere = !twin && rng_one_in(rng, 8);
    writer->written += !twin;
    history->twins |= twin;
    struct dot dot = {.origin = origin, .sequence = writer->written};
    history_write(history, &writer->peer.versions, dot, writer->elsewhere, contexts, rng);
    uint32_t last = history->count - 1;
    return good && version_peer_take(history, &writer->peer, last,
                                     key_whole_form(&history->list[last].operation));
}

static bool history_make(struct history *history, uint32_t count, enum contexts contexts,
                         struct rng *rng)
{
    struct writer writers[WRITERS] = {0};
    *history = (struct history){0};
    for (uint32_t i = 0; i < WRITERS; i++)
        version_peer_init(&writers[i].peer);
    bool good = true;
    while (good && history->count < count) {
        uint64_t which = rng_below(rng, WRITERS);
        good = writer_write(history, &writers[which], which + 1, contexts, rng);
    }
    for (uint32_t i = 0; i < WRITERS; i++)
        version_peer_release(&writers[i].peer);
    return good;
}

// --- The tests' schedules; each says whether all held

// One history, to several fresh peers, in random orders and forms, some of it repeatedly.
static bool any_order_is_the_twins(uint64_t seed)
{
    struct rng rng;
    rng_init(&rng, seed);
    struct history *history = memory_zeroed(1, sizeof *history);
    bool good = history_make(history, 1 + (uint32_t)rng_below(&rng, HISTORY_MAX),
                             (enum contexts)(seed % CONTEXTS_COUNT), &rng);
    for (unsigned order = 0; good && order < PEERS; order++) {
        struct version_peer peer;
        version_peer_init(&peer);
        for (uint32_t arrivals = 3 * history->count; good && arrivals > 0; arrivals--) {
            good = version_peer_take_somehow(history, &peer,
                                             (uint32_t)rng_below(&rng, history->count), &rng) &&
                   (order == 0 || version_peer_upkeep(history, &peer, &rng)) &&
                   (history->twins || version_peer_audit(history, &peer, &rng));
        }
        version_peer_release(&peer);
    }
    free(history);
    return good;
}

// All orders of what is not there yet, `chosen` of it so far.
static bool every_order_from(const struct history *history, uint32_t *order, uint32_t chosen)
{
    if (chosen == history->count) {
        struct version_peer peer;
        version_peer_init(&peer);
        bool good = true;
        for (uint32_t i = 0; good && i < chosen; i++)
            good = version_peer_take(history, &peer, order[i],
                                     key_whole_form(&history->list[order[i]].operation));
        version_peer_release(&peer);
        return good;
    }
    bool good = true;
    for (uint32_t i = chosen; good && i < history->count; i++) {
        uint32_t next = order[i];
        order[i] = order[chosen];
        order[chosen] = next;
        good = every_order_from(history, order, chosen + 1);
        order[chosen] = order[i];
        order[i] = next;
    }
    return good;
}

static bool every_order_is_the_twins(uint64_t seed)
{
    enum { FEW = 5 };
    struct rng rng;
    rng_init(&rng, seed);
    struct history *history = memory_zeroed(1, sizeof *history);
    uint32_t order[FEW] = {0, 1, 2, 3, 4};
    bool good = history_make(history, FEW, (enum contexts)(seed % CONTEXTS_COUNT), &rng) &&
                every_order_from(history, order, 0);
    free(history);
    return good;
}

// The horizon moves on within what all know; each adopts it when it likes.
static void horizon_move(struct knowledge *horizon, const struct history *history,
                         const struct writer *peers, struct rng *rng)
{
    for (uint32_t i = 0; i < history->count; i++) {
        struct dot dot = history->list[i].operation.dot;
        bool all = true;
        for (unsigned j = 0; j < PEERS; j++)
            all = all && knowledge_has(&peers[j].peer.known, dot);
        if (all && !rng_one_in(rng, 3))
            assert_int_equal(knowledge_add(horizon, dot), ERR_OK);
    }
}

// Peers that drop garbage, write on top of that, and are told old things again and again.
static bool peers_collect(struct history *history, enum contexts contexts, struct rng *rng)
{
    struct writer peers[PEERS] = {0};
    struct knowledge horizon;
    knowledge_init(&horizon);
    for (unsigned i = 0; i < PEERS; i++)
        version_peer_init(&peers[i].peer);
    bool good = true;
    for (unsigned step = 0; good && step < 8 * HISTORY_MAX; step++) {
        uint64_t which = rng_below(rng, PEERS);
        struct version_peer *peer = &peers[which].peer;
        good = version_peer_take_somehow(history, peer, (uint32_t)rng_below(rng, history->count),
                                         rng) &&
               version_peer_upkeep(history, peer, rng);
        if (good && history->count < HISTORY_MAX && rng_one_in(rng, 8))
            good = writer_write(history, &peers[which], WRITERS + 1 + which, contexts, rng);
        horizon_move(&horizon, history, peers, rng);
        if (good && rng_one_in(rng, 3))
            good = version_peer_collect(history, &peers[rng_below(rng, PEERS)].peer, &horizon);
    }
    for (unsigned i = 0; i < PEERS; i++)
        version_peer_release(&peers[i].peer);
    knowledge_release(&horizon);
    return good;
}

static bool garbage_never_shows(uint64_t seed)
{
    enum contexts contexts = (enum contexts)(seed % CONTEXTS_COUNT);
    struct rng rng;
    rng_init(&rng, seed);
    struct history *history = memory_zeroed(1, sizeof *history);
    bool good = history_make(history, HISTORY_MAX / 2, contexts, &rng) &&
                peers_collect(history, contexts, &rng);
    free(history);
    return good;
}

// --- The tests

// The first seed whose schedule does not hold, 0 when all do.
static uint64_t first_bad(bool (*schedule)(uint64_t seed), uint64_t seeds)
{
    for (uint64_t seed = 1; seed <= seeds; seed++)
        if (!schedule(seed))
            return seed;
    return 0;
}

enum { SEEDS = 1000, SEEDS_OF_EVERY_ORDER = 100 };

static void test_versions_twin__any_order_shows_the_same(void **state)
{
    (void)state;
    assert_int_equal(first_bad(any_order_is_the_twins, SEEDS), 0);
}

static void test_versions_twin__every_order_of_few_shows_the_same(void **state)
{
    (void)state;
    assert_int_equal(first_bad(every_order_is_the_twins, SEEDS_OF_EVERY_ORDER), 0);
}

static void test_versions_twin__what_is_covered_never_shows_again(void **state)
{
    (void)state;
    assert_int_equal(first_bad(garbage_never_shows, SEEDS), 0);
}

// What the twin is for: without the rule, it finds a difference.
static bool any_order_differs(void)
{
    return first_bad(any_order_is_the_twins, SEEDS) != 0;
}

static bool some_order_of_few_differs(void)
{
    return first_bad(every_order_is_the_twins, SEEDS_OF_EVERY_ORDER) != 0;
}

static bool garbage_shows(void)
{
    return first_bad(garbage_never_shows, SEEDS) != 0;
}

static void test_versions_twin__finds_headers_that_went_too_early(void **state)
{
    (void)state;
    if (!broken_rule_goes_wrong(RULE_TIDY_CONTEXT, any_order_differs))
        skip();
}

static void test_versions_twin__finds_headers_that_went_too_early_in_every_order(void **state)
{
    (void)state;
    if (!broken_rule_goes_wrong(RULE_TIDY_CONTEXT, some_order_of_few_differs))
        skip();
}

static void test_versions_twin__finds_garbage_dropped_above_the_horizon(void **state)
{
    (void)state;
    if (!broken_rule_goes_wrong(RULE_HORIZON, garbage_shows))
        skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions_twin__any_order_shows_the_same),
        cmocka_unit_test(test_versions_twin__every_order_of_few_shows_the_same),
        cmocka_unit_test(test_versions_twin__what_is_covered_never_shows_again),
        cmocka_unit_test_teardown(test_versions_twin__finds_headers_that_went_too_early,
                                  broken_rule_mend),
        cmocka_unit_test_teardown(
            test_versions_twin__finds_headers_that_went_too_early_in_every_order, broken_rule_mend),
        cmocka_unit_test_teardown(test_versions_twin__finds_garbage_dropped_above_the_horizon,
                                  broken_rule_mend),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
