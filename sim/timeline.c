#include "sim/timeline.h"

#include "base/check.h"

#include <stdlib.h>

enum { CAPACITY_FIRST = 64 };

#define NO_SLOT UINT32_MAX

// A place in the heap: times and sequences are kept here, so that sifting stays within one array.
struct place {
    uint64_t at_us;
    uint64_t sequence;
    uint32_t slot;
};

// What an event does. A free slot's `link` is the next free one, a waiting event's its place in the
// heap.
struct slot {
    timeline_call *call;
    void *context;
    void *argument;
    uint32_t link;
    uint32_t generation; // tells apart the events that used this slot in turn; never 0
};

struct timeline {
    uint64_t now_us;
    uint64_t sequence;
    uint64_t steps;
    uint32_t instant_steps;
    struct place *heap;
    size_t count;
    struct slot *slots;
    size_t slot_count;
    size_t capacity; // of both arrays
    uint32_t slot_free;
};

struct timeline *timeline_new(void)
{
    struct timeline *timeline = memory_zeroed(1, sizeof *timeline);
    timeline->slot_free = NO_SLOT;
    return timeline;
}

void timeline_free(struct timeline *timeline)
{
    if (timeline == NULL)
        return;
    free(timeline->heap);
    free(timeline->slots);
    free(timeline);
}

uint64_t timeline_now_us(const struct timeline *timeline)
{
    return timeline->now_us;
}

size_t timeline_waiting(const struct timeline *timeline)
{
    return timeline->count;
}

uint64_t timeline_steps(const struct timeline *timeline)
{
    return timeline->steps;
}

static bool before(const struct place *a, const struct place *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->sequence < b->sequence;
}

static void put_at(struct timeline *timeline, size_t index, struct place place)
{
    timeline->heap[index] = place;
    timeline->slots[place.slot].link = (uint32_t)index;
}

// Finds `place` its place from the hole at `index` upwards, then downwards.
static void settle(struct timeline *timeline, size_t index, struct place place)
{
    while (index > 0 && before(&place, &timeline->heap[(index - 1) / 2])) {
        put_at(timeline, index, timeline->heap[(index - 1) / 2]);
        index = (index - 1) / 2;
    }
    for (size_t child = 2 * index + 1; child < timeline->count; child = 2 * index + 1) {
        if (child + 1 < timeline->count &&
            before(&timeline->heap[child + 1], &timeline->heap[child]))
            child++;
        if (!before(&timeline->heap[child], &place))
            break;
        put_at(timeline, index, timeline->heap[child]);
        index = child;
    }
    put_at(timeline, index, place);
}

static uint32_t take_slot(struct timeline *timeline)
{
    if (timeline->slot_free != NO_SLOT) {
        uint32_t slot = timeline->slot_free;
        timeline->slot_free = timeline->slots[slot].link;
        return slot;
    }
    if (timeline->slot_count == timeline->capacity) {
        timeline->capacity = timeline->capacity > 0 ? timeline->capacity * 2 : CAPACITY_FIRST;
        timeline->heap = memory_resize(timeline->heap, timeline->capacity * sizeof(struct place));
        timeline->slots = memory_resize(timeline->slots, timeline->capacity * sizeof(struct slot));
    }
    timeline->slots[timeline->slot_count] = (struct slot){.generation = 1};
    return (uint32_t)timeline->slot_count++;
}

uint64_t timeline_add(struct timeline *timeline, uint64_t at_us, timeline_call *call, void *context,
                      void *argument)
{
    CHECK(call != NULL);
    CHECK(timeline->count < TIMELINE_EVENTS_MAX);
    uint32_t index = take_slot(timeline);
    struct slot *slot = &timeline->slots[index];
    slot->call = call;
    slot->context = context;
    slot->argument = argument;
    struct place place = {
        .at_us = at_us > timeline->now_us ? at_us : timeline->now_us,
        .sequence = timeline->sequence++,
        .slot = index,
    };
    timeline->count++;
    settle(timeline, timeline->count - 1, place);
    return (uint64_t)slot->generation << 32 | index;
}

static void release_slot(struct timeline *timeline, uint32_t index)
{
    struct slot *slot = &timeline->slots[index];
    slot->generation = slot->generation == UINT32_MAX ? 1 : slot->generation + 1;
    slot->call = NULL;
    slot->link = timeline->slot_free;
    timeline->slot_free = index;
}

static void remove_at(struct timeline *timeline, size_t index)
{
    release_slot(timeline, timeline->heap[index].slot);
    timeline->count--;
    if (index < timeline->count)
        settle(timeline, index, timeline->heap[timeline->count]);
}

void timeline_cancel(struct timeline *timeline, uint64_t event)
{
    uint32_t index = (uint32_t)event;
    if (event == TIMELINE_NO_EVENT || index >= timeline->slot_count)
        return;
    const struct slot *slot = &timeline->slots[index];
    if (slot->call != NULL && slot->generation == event >> 32)
        remove_at(timeline, slot->link);
}

static void move_to(struct timeline *timeline, uint64_t at_us)
{
    CHECK(at_us >= timeline->now_us);
    if (at_us > timeline->now_us)
        timeline->instant_steps = 0;
    timeline->now_us = at_us;
}

bool timeline_step(struct timeline *timeline)
{
    if (timeline->count == 0)
        return false;
    struct place first = timeline->heap[0];
    struct slot slot = timeline->slots[first.slot];
    remove_at(timeline, 0);
    move_to(timeline, first.at_us);
    timeline->steps++;
    CHECK(++timeline->instant_steps <= TIMELINE_INSTANT_EVENTS_MAX);
    slot.call(slot.context, slot.argument);
    return true;
}

void timeline_run_until(struct timeline *timeline, uint64_t until_us)
{
    while (timeline->count > 0 && timeline->heap[0].at_us <= until_us)
        (void)timeline_step(timeline);
    if (until_us > timeline->now_us)
        move_to(timeline, until_us);
}

void timeline_invariants(const struct timeline *timeline)
{
    CHECK(timeline->count <= timeline->slot_count);
    size_t waiting = 0;
    for (size_t i = 0; i < timeline->slot_count; i++)
        waiting += timeline->slots[i].call != NULL;
    CHECK(waiting == timeline->count);
    for (size_t i = 0; i < timeline->count; i++) {
        const struct place *place = &timeline->heap[i];
        CHECK(place->at_us >= timeline->now_us);
        CHECK(timeline->slots[place->slot].call != NULL);
        CHECK(timeline->slots[place->slot].link == i);
        CHECK(i == 0 || before(&timeline->heap[(i - 1) / 2], place));
    }
}
