#include "sim/linear_plan.h"

#include "base/check.h"

#include <stdlib.h>

// A plan in the making.
struct making {
    const struct linear_helpers *helpers;
    const struct linear_place *place;
    struct linear_plan *plan;
    int variant;
};

static enum linear_pool pool_of(const struct linear_meaning *meaning)
{
    if (meaning->effect == LINEAR_EFFECT_CLEAR)
        return LINEAR_POOL_DELETE;
    if (meaning->need == LINEAR_NEED_ABSENT)
        return LINEAR_POOL_PUT_IF_ABSENT;
    return meaning->need == LINEAR_NEED_PRESENT ? LINEAR_POOL_PUT_IF_PRESENT : LINEAR_POOL_PUT;
}

static void add_unseen(struct linear_helpers *helpers, uint32_t operation)
{
    const struct linear_meaning *meaning = &helpers->meanings->items[operation];
    if (meaning->need == LINEAR_NEED_STATE) {
        bool clears = meaning->effect == LINEAR_EFFECT_CLEAR;
        uint32_t *first = &(clears ? helpers->delete_if : helpers->put_if)[meaning->need_state];
        if (*first == LINEAR_NO_OPERATION)
            *first = operation;
        return;
    }
    enum linear_pool pool = pool_of(meaning);
    helpers->pools[pool][helpers->pool_counts[pool]++] = operation;
}

void linear_helpers_init(struct linear_helpers *helpers, const struct linear_history *history,
                         const struct linear_meanings *meanings)
{
    *helpers = (struct linear_helpers){.history = history, .meanings = meanings};
    for (int pool = 0; pool < LINEAR_POOL_COUNT; pool++)
        helpers->pools[pool] = memory_zeroed(meanings->count, sizeof(uint32_t));
    helpers->put_if = memory_new(meanings->state_count * sizeof(uint32_t));
    helpers->delete_if = memory_new(meanings->state_count * sizeof(uint32_t));
    for (uint32_t state = 0; state < meanings->state_count; state++) {
        helpers->put_if[state] = LINEAR_NO_OPERATION;
        helpers->delete_if[state] = LINEAR_NO_OPERATION;
    }
    for (uint32_t i = 0; i < meanings->count; i++)
        if (meanings->items[i].role == LINEAR_ROLE_UNSEEN)
            add_unseen(helpers, i);
}

void linear_helpers_release(struct linear_helpers *helpers)
{
    for (int pool = 0; pool < LINEAR_POOL_COUNT; pool++)
        free(helpers->pools[pool]);
    free(helpers->put_if);
    free(helpers->delete_if);
}

static bool has_begun(const struct making *making, uint32_t operation)
{
    return operation != LINEAR_NO_OPERATION &&
           making->helpers->history->entries[operation].begin_order < making->place->limit_order;
}

static bool help(struct making *making, uint32_t operation, uint32_t state)
{
    struct linear_plan *plan = making->plan;
    if (making->place->left[plan->state] > 0)
        return false;
    CHECK(plan->helper_count < LINEAR_PLAN_HELPERS_MAX);
    plan->helpers[plan->helper_count++] = operation;
    plan->state = state;
    return true;
}

static bool help_from_pool(struct making *making, enum linear_pool pool, uint32_t state)
{
    uint32_t *used = &making->plan->used[pool];
    if (*used == making->helpers->pool_counts[pool])
        return false;
    uint32_t operation = making->helpers->pools[pool][*used];
    if (!has_begun(making, operation) || !help(making, operation, state))
        return false;
    (*used)++;
    return true;
}

// From present to absent. A delete that names this very stamp is of no use later, so it goes first.
static bool clear(struct making *making)
{
    uint32_t bound = making->helpers->delete_if[making->plan->state];
    if (has_begun(making, bound))
        return help(making, bound, LINEAR_ABSENT);
    return help_from_pool(making, LINEAR_POOL_DELETE, LINEAR_ABSENT);
}

// From absent to a version that nobody read: with the put that can do less, if there is one.
static bool fill(struct making *making, uint32_t state)
{
    return help_from_pool(making, LINEAR_POOL_PUT_IF_ABSENT, state) ||
           help_from_pool(making, LINEAR_POOL_PUT, state);
}

// From one version to a nameless one. When no put names the stamp of the present one, there are two
// ways, of which neither is always the cheaper: overwrite, or delete and put if absent.
static bool replace(struct making *making, uint32_t state)
{
    uint32_t bound = making->helpers->put_if[making->plan->state];
    if (has_begun(making, bound))
        return making->variant == 0 && help(making, bound, state);
    if (making->variant == 0)
        return help_from_pool(making, LINEAR_POOL_PUT_IF_PRESENT, state) ||
               help_from_pool(making, LINEAR_POOL_PUT, state);
    return clear(making) && help_from_pool(making, LINEAR_POOL_PUT_IF_ABSENT, state);
}

static bool reach_simple(struct making *making, const struct linear_meaning *meaning)
{
    bool absent = making->plan->state == LINEAR_ABSENT;
    if (making->variant != 0)
        return false;
    switch (meaning->need) {
    case LINEAR_NEED_NOTHING:
        return true;
    case LINEAR_NEED_ABSENT:
        return absent || clear(making);
    case LINEAR_NEED_PRESENT:
        return !absent || fill(making, linear_state_unseen(making->helpers->meanings));
    case LINEAR_NEED_STATE:
        break;
    }
    return making->plan->state == meaning->need_state;
}

static bool reach_nameless(struct making *making, uint32_t state)
{
    if (making->plan->state == LINEAR_ABSENT)
        return making->variant == 0 && fill(making, state);
    return replace(making, state);
}

// A seen put goes right before the first operation that needs it. Another seen put never goes right
// before that one, as whoever saw the other would come between; nor does a nameless version: hence
// reach_simple.
static bool reach(struct making *making, const struct linear_meaning *meaning)
{
    const struct linear_meanings *meanings = making->helpers->meanings;
    uint32_t state = meaning->need_state;
    if (meaning->need != LINEAR_NEED_STATE || making->plan->state == state ||
        state == LINEAR_ABSENT)
        return reach_simple(making, meaning);
    if (linear_state_is_nameless(meanings, state))
        return reach_nameless(making, state);
    uint32_t writer = state - linear_state_of(0);
    return meanings->items[writer].role == LINEAR_ROLE_SEEN && has_begun(making, writer) &&
           reach_simple(making, &meanings->items[writer]) && help(making, writer, state);
}

bool linear_plan_make(const struct linear_helpers *helpers, const struct linear_place *place,
                      uint32_t operation, int variant, struct linear_plan *plan)
{
    const struct linear_meaning *meaning = &helpers->meanings->items[operation];
    struct making making = {.helpers = helpers, .place = place, .plan = plan, .variant = variant};
    *plan = (struct linear_plan){.state = place->state};
    memcpy(plan->used, place->used, sizeof plan->used);
    if (!reach(&making, meaning))
        return false;
    if (meaning->effect == LINEAR_EFFECT_NONE)
        return true;
    uint32_t own = meaning->need == LINEAR_NEED_STATE && meaning->need_state == plan->state;
    if (place->left[plan->state] > own)
        return false;
    plan->state = meaning->effect == LINEAR_EFFECT_SET ? linear_state_of(operation) : LINEAR_ABSENT;
    return true;
}
