#include "sim/linear_search.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/random.h"
#include "sim/linear_plan.h"

#include <stdlib.h>

enum { MEMORY_FIRST = 1024, HEAD = 0 };

// A beginning or an end of a sure operation, in a list in the order of real time. `partner` is the
// other one.
struct event {
    uint32_t operation;
    bool is_end;
    uint32_t partner;
    uint32_t next;
    uint32_t previous;
};

// One step of the order that is being tried, with what is needed to take it back.
struct frame {
    uint32_t event;
    int variant;
    bool forced; // no other step need be tried in its stead
    uint32_t state;
    uint32_t used[LINEAR_POOL_COUNT];
    uint32_t order_count;
};

// The sets of operations, with the register after them, that were tried: open addressing, zero is
// empty.
struct memory {
    struct hash128 *places;
    uint32_t place_count; // a power of two
    uint32_t count;
};

struct search {
    struct linear_history *history;
    const struct linear_meanings *meanings;
    struct linear_helpers helpers;
    struct event *events;
    struct hash128
        *marks; // one random number for each operation: a set is the exclusive or of its members'
    struct hash128 taken;
    struct linear_place place;
    uint32_t *left;
    struct frame *frames;
    uint32_t frame_count;
    uint32_t *order; // of the operations taken, helpers included
    uint32_t order_count;
    struct memory memory;
    bool exhausted;
};

static struct hash128 *memory_slot(const struct memory *memory, struct hash128 key)
{
    uint32_t index = (uint32_t)key.low & (memory->place_count - 1);
    for (;; index = (index + 1) & (memory->place_count - 1)) {
        struct hash128 *slot = &memory->places[index];
        if ((slot->high == 0 && slot->low == 0) || (slot->high == key.high && slot->low == key.low))
            return slot;
    }
}

static void memory_grow(struct memory *memory)
{
    struct memory old = *memory;
    memory->place_count = old.place_count > 0 ? old.place_count * 2 : MEMORY_FIRST;
    memory->places = memory_zeroed(memory->place_count, sizeof(struct hash128));
    for (uint32_t i = 0; i < old.place_count; i++)
        if (old.places[i].high != 0 || old.places[i].low != 0)
            *memory_slot(memory, old.places[i]) = old.places[i];
    free(old.places);
}

// False when the key is there already.
static bool memory_add(struct memory *memory, struct hash128 key)
{
    if (memory->count >= memory->place_count / 2)
        memory_grow(memory);
    struct hash128 *slot = memory_slot(memory, key);
    if (slot->high != 0 || slot->low != 0)
        return false;
    *slot = key;
    memory->count++;
    return true;
}

static void link_events(struct search *search, const uint32_t *sorted, uint32_t count)
{
    uint32_t previous = HEAD;
    for (uint32_t i = 0; i < count; i++) {
        search->events[previous].next = sorted[i];
        search->events[sorted[i]].previous = previous;
        previous = sorted[i];
    }
    search->events[previous].next = HEAD;
    search->events[HEAD].previous = previous;
}

struct moment {
    uint64_t order;
    uint32_t event;
};

static int compare_moments(const void *left, const void *right)
{
    const struct moment *a = left;
    const struct moment *b = right;
    return (a->order > b->order) - (a->order < b->order);
}

static void make_events(struct search *search)
{
    const struct linear_history *history = search->history;
    struct moment *moments = memory_zeroed(2 * (size_t)history->count, sizeof *moments);
    uint32_t *sorted = memory_zeroed(2 * (size_t)history->count, sizeof *sorted);
    uint32_t count = 0;
    for (uint32_t i = 0; i < history->count; i++) {
        if (search->meanings->items[i].role != LINEAR_ROLE_SURE)
            continue;
        uint32_t begin = count + 1;
        search->events[begin] = (struct event){.operation = i, .partner = begin + 1};
        search->events[begin + 1] =
            (struct event){.operation = i, .is_end = true, .partner = begin};
        moments[count++] = (struct moment){history->entries[i].begin_order, begin};
        moments[count++] = (struct moment){history->entries[i].end_order, begin + 1};
    }
    qsort(moments, count, sizeof *moments, compare_moments);
    for (uint32_t i = 0; i < count; i++)
        sorted[i] = moments[i].event;
    link_events(search, sorted, count);
    free(moments);
    free(sorted);
}

static void search_init(struct search *search, struct linear_history *history,
                        const struct linear_meanings *meanings)
{
    *search = (struct search){.history = history, .meanings = meanings};
    size_t count = history->count;
    struct rng rng;
    rng_init(&rng, count);
    linear_helpers_init(&search->helpers, history, meanings);
    search->events = memory_zeroed(2 * count + 1, sizeof(struct event));
    search->marks = memory_zeroed(count, sizeof(struct hash128));
    search->frames = memory_zeroed(count, sizeof(struct frame));
    search->order = memory_zeroed(count, sizeof(uint32_t));
    search->left = memory_copy(meanings->needed, meanings->state_count * sizeof(uint32_t));
    search->place.left = search->left;
    for (size_t i = 0; i < count; i++) {
        search->marks[i].high = rng_u64(&rng);
        search->marks[i].low = rng_u64(&rng);
    }
    make_events(search);
}

static void search_release(struct search *search)
{
    linear_helpers_release(&search->helpers);
    free(search->events);
    free(search->marks);
    free(search->frames);
    free(search->order);
    free(search->left);
    free(search->memory.places);
}

static void unlink_event(struct search *search, uint32_t index)
{
    const struct event *event = &search->events[index];
    search->events[event->previous].next = event->next;
    search->events[event->next].previous = event->previous;
}

static void relink_event(struct search *search, uint32_t index)
{
    const struct event *event = &search->events[index];
    search->events[event->previous].next = index;
    search->events[event->next].previous = index;
}

static void mark(struct search *search, uint32_t operation)
{
    search->taken.high ^= search->marks[operation].high;
    search->taken.low ^= search->marks[operation].low;
}

static void find_limit(struct search *search)
{
    uint32_t index = search->events[HEAD].next;
    while (index != HEAD && !search->events[index].is_end)
        index = search->events[index].next;
    search->place.limit_order =
        index == HEAD ? UINT64_MAX
                      : search->history->entries[search->events[index].operation].end_order;
}

static void take(struct search *search, uint32_t event, int variant, bool forced,
                 const struct linear_plan *plan)
{
    uint32_t operation = search->events[event].operation;
    const struct linear_meaning *meaning = &search->meanings->items[operation];
    struct frame *frame = &search->frames[search->frame_count++];
    *frame = (struct frame){.event = event, .variant = variant, .forced = forced};
    frame->state = search->place.state;
    memcpy(frame->used, search->place.used, sizeof frame->used);
    frame->order_count = search->order_count;
    for (uint32_t i = 0; i < plan->helper_count; i++)
        search->order[search->order_count++] = plan->helpers[i];
    search->order[search->order_count++] = operation;
    search->place.state = plan->state;
    memcpy(search->place.used, plan->used, sizeof plan->used);
    if (meaning->need == LINEAR_NEED_STATE)
        search->left[meaning->need_state]--;
    mark(search, operation);
    unlink_event(search, event);
    unlink_event(search, search->events[event].partner);
    find_limit(search);
}

static struct frame take_back(struct search *search)
{
    struct frame frame = search->frames[--search->frame_count];
    uint32_t operation = search->events[frame.event].operation;
    const struct linear_meaning *meaning = &search->meanings->items[operation];
    relink_event(search, search->events[frame.event].partner);
    relink_event(search, frame.event);
    mark(search, operation);
    if (meaning->need == LINEAR_NEED_STATE)
        search->left[meaning->need_state]++;
    search->place.state = frame.state;
    memcpy(search->place.used, frame.used, sizeof frame.used);
    search->order_count = frame.order_count;
    find_limit(search);
    return frame;
}

// Whether this set with this register is new. Running out of states counts as old, and is
// remembered.
static bool is_new(struct search *search, uint32_t operation, const struct linear_plan *plan)
{
    struct {
        struct hash128 taken;
        uint32_t used[LINEAR_POOL_COUNT];
        uint64_t state;
    } key = {.taken = search->taken, .state = plan->state};
    key.taken.high ^= search->marks[operation].high;
    key.taken.low ^= search->marks[operation].low;
    memcpy(key.used, plan->used, sizeof key.used);
    if (search->memory.count >= search->history->states_max) {
        search->exhausted = true;
        return false;
    }
    return memory_add(&search->memory, hash128(slice_of(&key, sizeof key), 0));
}

// Takes an operation that shows the register as it is and changes nothing, if one can come next: no
// order is lost by taking it now.
static bool take_free(struct search *search)
{
    uint32_t index = search->events[HEAD].next;
    for (; index != HEAD && !search->events[index].is_end; index = search->events[index].next) {
        struct linear_plan plan;
        uint32_t operation = search->events[index].operation;
        if (search->meanings->items[operation].effect == LINEAR_EFFECT_NONE &&
            linear_plan_make(&search->helpers, &search->place, operation, 0, &plan) &&
            plan.helper_count == 0) {
            take(search, index, 0, true, &plan);
            return true;
        }
    }
    return false;
}

// Takes the first step that leads somewhere new, from this event and variant on.
static bool take_from(struct search *search, uint32_t index, int variant)
{
    for (; index != HEAD && !search->events[index].is_end; index = search->events[index].next) {
        for (; variant < LINEAR_PLAN_VARIANTS; variant++) {
            struct linear_plan plan;
            uint32_t operation = search->events[index].operation;
            if (linear_plan_make(&search->helpers, &search->place, operation, variant, &plan) &&
                is_new(search, operation, &plan)) {
                take(search, index, variant, false, &plan);
                return true;
            }
        }
        variant = 0;
    }
    return false;
}

static bool backtrack(struct search *search)
{
    while (search->frame_count > 0) {
        struct frame frame = take_back(search);
        if (!frame.forced && take_from(search, frame.event, frame.variant + 1))
            return true;
    }
    return false;
}

static void keep_longest(struct search *search)
{
    struct linear_history *history = search->history;
    if (search->order_count <= history->prefix_count)
        return;
    memcpy(history->prefix, search->order, search->order_count * sizeof(uint32_t));
    history->prefix_count = search->order_count;
}

static enum linear_answer run(struct search *search)
{
    find_limit(search);
    while (search->events[HEAD].next != HEAD) {
        if (take_free(search) || take_from(search, search->events[HEAD].next, 0))
            continue;
        keep_longest(search);
        if (search->exhausted)
            return LINEAR_UNDECIDED;
        if (!backtrack(search))
            return search->exhausted ? LINEAR_UNDECIDED : LINEAR_VIOLATION;
    }
    keep_longest(search);
    return LINEAR_OK;
}

enum linear_answer linear_search(struct linear_history *history,
                                 const struct linear_meanings *meanings, uint32_t *states)
{
    struct search search;
    search_init(&search, history, meanings);
    enum linear_answer answer = run(&search);
    *states = search.memory.count;
    search_release(&search);
    return answer;
}
