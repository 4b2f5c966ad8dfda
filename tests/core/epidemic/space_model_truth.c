// What replicas must know and show, from the operations that there are.

#include "space_model.h"

#include "base/check.h"

#include <stdlib.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

enum { NONE = -1 };

static bool covers(const struct space_model *model, unsigned by, unsigned what)
{
    return model->facts[by].key == model->facts[what].key &&
           operation_covers(&model->facts[by].operation, model->facts[what].operation.dot);
}

static bool is_live(const struct space_model *model, const struct belief *belief, unsigned fact)
{
    if (!model_has(belief->known, fact) || model->facts[fact].operation.dead)
        return false;
    for (unsigned by = 0; by < model->fact_count; by++)
        if ((model_has(belief->known, by) || model_has(belief->header, by)) &&
            covers(model, by, fact))
            return false;
    return true;
}

static bool is_greater(const struct fact *a, const struct fact *b)
{
    int order = stamp_compare(operation_stamp(&a->operation), operation_stamp(&b->operation));
    return order > 0 || (order == 0 && sha256_compare(&a->id, &b->id) > 0);
}

struct seen {
    struct space_model *model;
    int facts[MODEL_FACTS_MAX];
    unsigned count;
};

static bool see(void *context, const struct space_version *version)
{
    struct seen *seen = context;
    int fact = model_find(seen->model, version->dot, &version->id);
    seen->facts[seen->count++] = fact;
    struct sha256 hash = sha256_of(version->value);
    return fact != NONE &&
           sha256_compare(&hash, &seen->model->facts[fact].operation.value_hash) == 0;
}

static bool agrees_on_key(struct space_model *model, unsigned replica, unsigned key,
                          struct seen *seen)
{
    const struct belief *belief = &model->replicas[replica].now;
    unsigned expected = 0;
    seen->count = 0;
    enum err error = space_read(bench_space(model->bench, replica), slice_of_text(model_key(key)),
                                SPACE_LATEST, see, seen);
    for (unsigned i = 0; i < model->fact_count; i++)
        expected += model->facts[i].key == key && is_live(model, belief, i);
    if (expected != seen->count || (error == ERR_OK) != (expected > 0))
        return false;
    for (unsigned i = 0; i < seen->count; i++) {
        int fact = seen->facts[i];
        if (fact == NONE || model->facts[fact].key != key ||
            !is_live(model, belief, (unsigned)fact))
            return false;
        if (i > 0 && !is_greater(&model->facts[seen->facts[i - 1]], &model->facts[fact]))
            return false;
    }
    return true;
}

static bool knows_what_it_must(struct space_model *model, unsigned replica)
{
    const struct belief *belief = &model->replicas[replica].now;
    const struct space *space = bench_space(model->bench, replica);
    uint64_t dots = 0;
    for (unsigned i = 0; i < model->fact_count; i++) {
        struct dot dot = model->facts[i].operation.dot;
        bool is_known = model_has(belief->known, i);
        dots += is_known;
        if (is_known != knowledge_has(&space->known, dot))
            return false;
        if (knowledge_has(&space->strays, dot) && (is_known || !model_has(belief->header, i)))
            return false;
    }
    return dots == knowledge_dots(&space->known);
}

bool model_agrees(struct space_model *model, unsigned replica)
{
    struct seen *seen = memory_new(sizeof *seen);
    seen->model = model;
    bool agrees = knows_what_it_must(model, replica);
    for (unsigned key = 0; key < MODEL_KEYS && agrees; key++)
        agrees = agrees_on_key(model, replica, key, seen);
    free(seen);
    return agrees;
}

// --- what must be stable

static bool is_in(const struct space_model *model, const struct space *space, unsigned fact)
{
    struct dot dot = model->facts[fact].operation.dot;
    return knowledge_has(&space->stable, dot) && knowledge_has(&space->known, dot);
}

// By rule R9, applied to what is known and stable.
static int stable_winner(const struct space_model *model, const struct space *space, unsigned key)
{
    int winner = NONE;
    for (unsigned i = 0; i < model->fact_count; i++) {
        bool is_candidate =
            model->facts[i].key == key && !model->facts[i].operation.dead && is_in(model, space, i);
        for (unsigned by = 0; by < model->fact_count && is_candidate; by++)
            is_candidate = !covers(model, by, i) || !is_in(model, space, by);
        if (is_candidate && (winner == NONE || is_greater(&model->facts[i], &model->facts[winner])))
            winner = (int)i;
    }
    return winner;
}

// Whether headers of the key came bare: they can hide what became stable meanwhile.
static bool had_strays(const struct space_model *model, unsigned replica, unsigned key)
{
    for (unsigned i = 0; i < model->fact_count; i++)
        if (model->facts[i].key == key && model_has(model->replicas[replica].now.header, i))
            return true;
    return false;
}

bool model_agrees_on_stable(struct space_model *model, unsigned replica, bool is_primary)
{
    struct space *space = bench_space(model->bench, replica);
    struct seen *seen = memory_new(sizeof *seen);
    bool is_settled = is_primary || knowledge_contains(&space->stable, &space->known);
    bool agrees = true;
    seen->model = model;
    for (unsigned key = 0; key < MODEL_KEYS && agrees; key++) {
        seen->count = 0;
        enum err error = space_read(space, slice_of_text(model_key(key)), SPACE_STABLE, see, seen);
        int shown = seen->count > 0 ? seen->facts[0] : NONE;
        agrees = seen->count <= 1 && (error == ERR_OK) == (shown != NONE) &&
                 (shown == NONE || is_in(model, space, (unsigned)shown));
        if (agrees && is_settled && !had_strays(model, replica, key))
            agrees = error != ERR_UNAVAILABLE && shown == stable_winner(model, space, key);
    }
    free(seen);
    return agrees;
}
