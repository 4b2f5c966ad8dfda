// Replicas against their naive twin: operations in any order, sessions that are cut, crashes, disks
// restored from old copies, a horizon. Whatever happened: equal knowledge, equal live versions.

#include "space_model.h"

#include "base/rule.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

enum { REPLICAS = 4, PRIMARY = 0, SEEDS = 40, STEPS = 150, CHECK_ONE_IN = 4 };

static unsigned any(struct space_model *model)
{
    return (unsigned)rng_below(&model->rng, REPLICAS);
}

static unsigned any_but(struct space_model *model, unsigned other)
{
    return (other + 1 + (unsigned)rng_below(&model->rng, REPLICAS - 1)) % REPLICAS;
}

// The primary's disk stays its own: what it has published it knows.
static void break_something(struct space_model *model, unsigned replica)
{
    switch (rng_below(&model->rng, 4)) {
    case 0:
        model_crash(model, replica);
        break;
    case 1:
        model_copy_disk(model, replica);
        break;
    case 2:
        if (replica != PRIMARY)
            model_restore_disk(model, replica);
        break;
    default:
        model_sync(model, replica);
    }
}

static void do_something(struct space_model *model)
{
    unsigned replica = any(model);
    switch (rng_below(&model->rng, 8)) {
    case 0:
    case 1:
    case 2:
        model_write(model, replica);
        break;
    case 3:
        model_rumors(model, any_but(model, replica), replica);
        break;
    case 4:
        model_session(model, any_but(model, replica), replica, false);
        break;
    case 5:
        model_session(model, any_but(model, replica), replica, true);
        break;
    case 6:
        model_sweep(model, replica);
        break;
    default:
        break_something(model, replica);
    }
}

// All have all.
static void bring_together(struct space_model *model)
{
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < REPLICAS; i++)
            for (unsigned j = 0; j < REPLICAS; j++)
                if (i != j)
                    model_session(model, i, j, true);
}

static bool all_agree(struct space_model *model)
{
    bool agree = true;
    for (unsigned i = 0; i < REPLICAS; i++) {
        agree = agree && model_agrees(model, i) && bench_equal(model->bench, PRIMARY, i);
        bench_check(model->bench, i);
    }
    return agree;
}

static void test_space__agrees_with_its_twin(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct space_model *model = model_new(REPLICAS, seed);
        for (unsigned step = 0; step < STEPS; step++) {
            do_something(model);
            unsigned replica = any(model);
            if (rng_one_in(&model->rng, CHECK_ONE_IN)) {
                bench_check(model->bench, replica);
                assert_true(model_agrees(model, replica));
            }
        }
        bring_together(model);
        assert_true(all_agree(model));
        model_free(model);
    }
}

// The horizon is what was stable at the publication before the last.
static void publish(struct space_model *model, struct knowledge *before, struct knowledge *last)
{
    model_publish(model, PRIMARY, before);
    knowledge_copy(before, last);
    knowledge_copy(last, &bench_space(model->bench, PRIMARY)->stable);
}

// A number that was destroyed with a disk pins what covers past it (rule R18).
static bool is_pinned(void *context, const struct operation *operation, enum operation_form form,
                      uint64_t id_head)
{
    const struct knowledge *horizon = context;
    bool is_pinned_by_any = form == OPERATION_PUT;
    (void)id_head;
    for (uint32_t i = 0; i < operation->context.count; i++)
        is_pinned_by_any |= !knowledge_has_all_up_to(horizon, operation->context.entries[i]);
    assert_true(is_pinned_by_any);
    return true;
}

// Gives how much went.
static uint64_t sweep_all(struct space_model *model, unsigned replica)
{
    struct space *space = bench_space(model->bench, replica);
    uint64_t before = space->certificates + space->covered;
    for (unsigned round = 0; round < 2;) // the first began somewhere
        round += space_sweep(space, bench_effects(model->bench, replica), 3);
    bench_step(model->bench, replica);
    for (uint32_t i = 0; i < space->known.count; i++)
        for (uint32_t j = 0; j < space->known.origins[i].count; j++)
            assert_int_equal(space_walk_origin(space, space->known.origins[i].origin,
                                               space->known.origins[i].list[j], is_pinned,
                                               &space->horizon),
                             ERR_OK);
    return before - space->certificates - space->covered;
}

static void test_space__agrees_with_its_twin_under_a_horizon(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct space_model *model = model_new(REPLICAS, seed);
        struct knowledge before = {0};
        struct knowledge last = {0};
        uint64_t headers_dropped = 0;
        for (unsigned step = 0; step < STEPS; step++) {
            unsigned replica = any(model);
            if (rng_one_in(&model->rng, 8))
                publish(model, &before, &last);
            else if (rng_one_in(&model->rng, 4) && replica != PRIMARY)
                model_tell(model, PRIMARY, replica);
            else
                do_something(model);
            if (rng_one_in(&model->rng, CHECK_ONE_IN)) {
                bench_check(model->bench, replica);
                assert_true(model_agrees(model, replica));
                assert_true(model_agrees_on_stable(model, replica, replica == PRIMARY));
            }
        }
        bring_together(model);
        assert_true(all_agree(model));
        // In the end everything is stable and old, and all garbage goes.
        for (unsigned i = 0; i < 3; i++)
            publish(model, &before, &last);
        for (unsigned i = 0; i < REPLICAS; i++) {
            if (i != PRIMARY)
                model_tell(model, PRIMARY, i);
            headers_dropped += sweep_all(model, i);
            assert_true(model_agrees_on_stable(model, i, true));
        }
        assert_true(all_agree(model));
        assert_true(headers_dropped > 0);
        knowledge_release(&before);
        knowledge_release(&last);
        model_free(model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_space__agrees_with_its_twin),
        cmocka_unit_test(test_space__agrees_with_its_twin_under_a_horizon),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
