#include "history_twin.h"

#include "base/check.h"

#define NEVER UINT32_MAX
#define NOBODY UINT32_MAX

// A register that runs; every step of the history is one beginning, taking or end.
struct world {
    struct twin *twin;
    const struct twin_setting *setting;
    struct rng *rng;
    uint32_t step;
    uint64_t value; // 0: absent
    struct stamp stamp;
    uint64_t stamps;
    struct stamp heard[TWIN_OPERATIONS_MAX + 1]; // by some client
    uint32_t heard_count;
    uint32_t busy[TWIN_CLIENTS_MAX]; // the operation of each client, or NOBODY
};

static void hear(struct world *world, struct stamp stamp)
{
    if (!stamp_is_zero(stamp) && world->heard_count < TWIN_OPERATIONS_MAX)
        world->heard[world->heard_count++] = stamp;
}

static void begin(struct world *world, uint32_t client)
{
    struct rng *rng = world->rng;
    uint32_t index = world->twin->count++;
    struct twin_operation *item = &world->twin->items[index];
    *item = (struct twin_operation){.begin = world->step, .end = NEVER};
    item->operation.client = client;
    uint64_t kind = rng_below(rng, 10);
    item->operation.kind = kind < world->setting->reads_in_ten ? LINEAR_READ
                           : kind < 8                          ? LINEAR_PUT
                                                               : LINEAR_DELETE;
    if (item->operation.kind == LINEAR_PUT)
        item->operation.value = index + 1;
    if (item->operation.kind != LINEAR_READ && rng_one_in(rng, 2))
        item->operation.condition = (enum condition)rng_below(rng, CONDITION_COUNT);
    if (item->operation.condition == CONDITION_STAMP && world->heard_count == 0)
        item->operation.condition = CONDITION_PRESENT;
    if (item->operation.condition == CONDITION_STAMP) {
        // Mostly a recent one, so that it holds at times.
        uint64_t back = rng_below(rng, rng_one_in(rng, 4) ? world->heard_count : 1);
        item->operation.expected = world->heard[world->heard_count - 1 - back];
    }
    item->lost = rng_one_in(rng, world->setting->unknown_one_in);
    world->busy[client] = index;
}

static bool holds(const struct world *world, const struct linear_operation *operation)
{
    switch (operation->condition) {
    case CONDITION_ABSENT:
        return world->value == 0;
    case CONDITION_PRESENT:
        return world->value != 0;
    case CONDITION_STAMP:
        return world->value != 0 && stamp_compare(world->stamp, operation->expected) == 0;
    default:
        return true;
    }
}

static void take(struct world *world, struct twin_operation *item)
{
    struct linear_outcome *truth = &item->truth;
    item->taken = true;
    if (rng_one_in(world->rng, world->setting->refused_one_in)) {
        truth->result = LINEAR_REFUSED;
        return;
    }
    if (!holds(world, &item->operation)) {
        *truth = (struct linear_outcome){.result = LINEAR_MISMATCH};
        if (world->value != 0)
            truth->stamp = world->stamp;
        return;
    }
    bool existed = world->value != 0;
    truth->result = LINEAR_DONE;
    if (item->operation.kind == LINEAR_PUT) {
        world->value = item->operation.value;
        world->stamp = (struct stamp){.counter = ++world->stamps, .id = 1};
    } else if (item->operation.kind == LINEAR_DELETE) {
        world->value = 0;
    } else {
        truth->value = world->value;
    }
    if (world->value != 0)
        truth->stamp = world->stamp;
    if (item->operation.kind != LINEAR_READ && !rng_one_in(world->rng, 4))
        truth->existed = existed ? LINEAR_EXISTED_YES : LINEAR_EXISTED_NO;
}

static void end(struct world *world, uint32_t client)
{
    struct twin_operation *item = &world->twin->items[world->busy[client]];
    world->busy[client] = NOBODY;
    if (item->lost && rng_one_in(world->rng, 2))
        return; // it never ends
    item->end = world->step;
    if (item->lost)
        return;
    item->outcome = item->truth;
    hear(world, item->outcome.stamp);
}

// An operation of a client that gave up may still be taken.
static void take_late(struct world *world)
{
    uint32_t index = (uint32_t)rng_below(world->rng, world->twin->count);
    struct twin_operation *item = &world->twin->items[index];
    if (item->lost && !item->taken)
        take(world, item);
}

void twin_generate(struct twin *twin, const struct twin_setting *setting, struct rng *rng)
{
    static struct world world;
    CHECK(setting->clients <= TWIN_CLIENTS_MAX && setting->operations <= TWIN_OPERATIONS_MAX);
    world = (struct world){.twin = twin, .setting = setting, .rng = rng};
    twin->count = 0;
    for (uint32_t client = 0; client < setting->clients; client++)
        world.busy[client] = NOBODY;
    for (bool going = true; going; world.step++) {
        uint32_t client = (uint32_t)rng_below(rng, setting->clients);
        uint32_t index = world.busy[client];
        if (index == NOBODY && twin->count < setting->operations)
            begin(&world, client);
        else if (index != NOBODY && !twin->items[index].taken && !twin->items[index].lost)
            take(&world, &twin->items[index]);
        else if (index != NOBODY)
            end(&world, client);
        if (rng_one_in(rng, 4))
            take_late(&world);
        going = twin->count < setting->operations;
        for (uint32_t other = 0; other < setting->clients; other++)
            going = going || world.busy[other] != NOBODY;
    }
}

void twin_mutate(struct twin *twin, struct rng *rng)
{
    struct twin_operation *item = &twin->items[rng_below(rng, twin->count)];
    const struct twin_operation *other = &twin->items[rng_below(rng, twin->count)];
    if (item->end == NEVER)
        return;
    switch (rng_below(rng, 5)) {
    case 0:
        item->outcome.value = rng_below(rng, twin->count + 1);
        break;
    case 1:
        item->outcome.stamp = other->outcome.stamp;
        break;
    case 2:
        item->outcome.existed = (enum linear_existed)rng_below(rng, 3);
        break;
    case 3:
        if (item->operation.kind == other->operation.kind)
            item->outcome = other->outcome;
        break;
    default:
        item->outcome.result = (enum linear_result)rng_below(rng, 4);
        break;
    }
}

// What has been ordered so far.
struct attempt {
    const struct twin *twin;
    bool taken[TWIN_EXPLAINED_MAX];
    struct stamp stamps[TWIN_EXPLAINED_MAX]; // of the versions, zero while unknown
    uint32_t writer;                         // of what the register holds, or NOBODY
};

// Whether the version that the register holds can have this stamp; from now on it has.
static bool has_stamp(struct attempt *attempt, struct stamp stamp)
{
    if (attempt->writer == NOBODY || stamp_is_zero(stamp))
        return false;
    struct stamp *own = &attempt->stamps[attempt->writer];
    if (!stamp_is_zero(*own))
        return stamp_compare(*own, stamp) == 0;
    for (uint32_t i = 0; i < attempt->twin->count; i++)
        if (stamp_compare(attempt->stamps[i], stamp) == 0)
            return false;
    *own = stamp;
    return true;
}

static bool read_fits(struct attempt *attempt, const struct linear_outcome *outcome)
{
    if (outcome->value == 0)
        return attempt->writer == NOBODY;
    return attempt->writer != NOBODY &&
           attempt->twin->items[attempt->writer].operation.value == outcome->value &&
           has_stamp(attempt, outcome->stamp);
}

static bool mismatch_fits(struct attempt *attempt, const struct twin_operation *item)
{
    bool absent = attempt->writer == NOBODY;
    struct stamp seen = item->outcome.stamp;
    if (absent ? !stamp_is_zero(seen) : !has_stamp(attempt, seen))
        return false;
    switch (item->operation.condition) {
    case CONDITION_ABSENT:
        return !absent;
    case CONDITION_PRESENT:
        return absent;
    case CONDITION_STAMP:
        return absent || stamp_compare(seen, item->operation.expected) != 0;
    default:
        return false;
    }
}

static bool write_fits(struct attempt *attempt, uint32_t index)
{
    const struct twin_operation *item = &attempt->twin->items[index];
    bool absent = attempt->writer == NOBODY;
    if ((item->operation.condition == CONDITION_ABSENT && !absent) ||
        (item->operation.condition == CONDITION_PRESENT && absent))
        return false;
    if (item->operation.condition == CONDITION_STAMP &&
        !has_stamp(attempt, item->operation.expected))
        return false;
    if (item->outcome.result == LINEAR_DONE && item->outcome.existed != LINEAR_EXISTED_UNSAID &&
        (item->outcome.existed == LINEAR_EXISTED_NO) != absent)
        return false;
    attempt->writer = item->operation.kind == LINEAR_PUT ? index : NOBODY;
    return item->operation.kind != LINEAR_PUT || item->outcome.result != LINEAR_DONE ||
           !stamp_is_zero(item->outcome.stamp);
}

static bool fits(struct attempt *attempt, uint32_t index)
{
    const struct twin_operation *item = &attempt->twin->items[index];
    if (item->outcome.result == LINEAR_MISMATCH)
        return item->operation.kind != LINEAR_READ && mismatch_fits(attempt, item);
    if (item->operation.kind == LINEAR_READ)
        return read_fits(attempt, &item->outcome);
    return write_fits(attempt, index);
}

static bool is_sure(const struct twin_operation *item)
{
    return item->outcome.result == LINEAR_DONE || item->outcome.result == LINEAR_MISMATCH;
}

static bool explains(const struct attempt *attempt)
{
    const struct twin *twin = attempt->twin;
    uint32_t first_end = NEVER;
    bool over = true;
    for (uint32_t i = 0; i < twin->count; i++) {
        if (attempt->taken[i] || !is_sure(&twin->items[i]))
            continue;
        over = false;
        if (twin->items[i].end < first_end)
            first_end = twin->items[i].end;
    }
    if (over)
        return true;
    for (uint32_t i = 0; i < twin->count; i++) {
        const struct twin_operation *item = &twin->items[i];
        bool possible = is_sure(item) || (item->outcome.result == LINEAR_UNKNOWN &&
                                          item->operation.kind != LINEAR_READ);
        if (attempt->taken[i] || !possible || item->begin > first_end)
            continue;
        struct attempt next = *attempt;
        next.taken[i] = true;
        if (fits(&next, i) && explains(&next))
            return true;
    }
    return false;
}

bool twin_explained(const struct twin *twin)
{
    CHECK(twin->count <= TWIN_EXPLAINED_MAX);
    struct attempt attempt = {.twin = twin, .writer = NOBODY};
    for (uint32_t i = 0; i < twin->count; i++) {
        const struct twin_operation *item = &twin->items[i];
        if (item->operation.kind != LINEAR_PUT || item->outcome.result != LINEAR_DONE)
            continue;
        attempt.stamps[i] = item->outcome.stamp;
        for (uint32_t j = 0; j < i; j++)
            if (!stamp_is_zero(attempt.stamps[i]) &&
                stamp_compare(attempt.stamps[i], attempt.stamps[j]) == 0)
                return false;
    }
    return explains(&attempt);
}

static bool shows_stamp(const struct twin_operation *item)
{
    if (item->outcome.result == LINEAR_MISMATCH)
        return true;
    return item->operation.kind == LINEAR_PUT ||
           (item->operation.kind == LINEAR_READ && item->outcome.value != 0);
}

static bool is_shown(const struct twin *twin, struct stamp stamp)
{
    for (uint32_t i = 0; i < twin->count; i++) {
        const struct twin_operation *item = &twin->items[i];
        if (!is_sure(item))
            continue;
        if ((shows_stamp(item) && stamp_compare(item->outcome.stamp, stamp) == 0) ||
            (item->outcome.result == LINEAR_DONE && item->operation.condition == CONDITION_STAMP &&
             stamp_compare(item->operation.expected, stamp) == 0))
            return true;
    }
    return false;
}

bool twin_guesses(const struct twin *twin)
{
    for (uint32_t i = 0; i < twin->count; i++) {
        const struct twin_operation *item = &twin->items[i];
        if (item->outcome.result == LINEAR_UNKNOWN &&
            item->operation.condition == CONDITION_STAMP &&
            !is_shown(twin, item->operation.expected))
            return true;
    }
    return false;
}

struct linear_history *twin_history(const struct twin *twin)
{
    struct linear_history *history = linear_new();
    uint32_t left = twin->count;
    for (uint32_t i = 0; i < twin->count; i++)
        left += twin->items[i].end != NEVER;
    for (uint32_t step = 0, first = 0; left > 0; step++) {
        while (first < twin->count && twin->items[first].end != NEVER &&
               twin->items[first].end < step)
            first++;
        for (uint32_t i = first; i < twin->count && twin->items[i].begin <= step; i++) {
            if (twin->items[i].begin == step)
                CHECK(linear_begin(history, &twin->items[i].operation, step) == i);
            if (twin->items[i].end == step)
                linear_end(history, i, &twin->items[i].outcome, step);
            left -= twin->items[i].begin == step;
            left -= twin->items[i].end == step;
        }
    }
    return history;
}
