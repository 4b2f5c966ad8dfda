#include "core/epidemic/knowledge.h"

#include "base/check.h"

#include <stdlib.h>

void knowledge_init(struct knowledge *knowledge)
{
    *knowledge = (struct knowledge){0};
}

void knowledge_clear(struct knowledge *knowledge)
{
    for (uint32_t i = 0; i < knowledge->count; i++)
        free(knowledge->origins[i].list);
    knowledge->count = 0;
}

void knowledge_release(struct knowledge *knowledge)
{
    knowledge_clear(knowledge);
    free(knowledge->origins);
    knowledge_init(knowledge);
}

void knowledge_swap(struct knowledge *a, struct knowledge *b)
{
    struct knowledge was = *a;
    *a = *b;
    *b = was;
}

static void reserve_origins(struct knowledge *knowledge, uint32_t needed)
{
    if (needed <= knowledge->capacity)
        return;
    if (knowledge->capacity == 0)
        knowledge->capacity = 1;
    while (knowledge->capacity < needed)
        knowledge->capacity *= 2;
    knowledge->origins =
        memory_resize(knowledge->origins, knowledge->capacity * sizeof *knowledge->origins);
}

void knowledge_copy(struct knowledge *to, const struct knowledge *from)
{
    if (to == from)
        return;
    knowledge_clear(to);
    reserve_origins(to, from->count);
    for (uint32_t i = 0; i < from->count; i++)
        to->origins[i] = intervals_copy(&from->origins[i]);
    to->count = from->count;
}

// From `start` on, the index of the first origin that is not less than `origin`, by steps that
// double: walking over all costs linear time, and skipping many costs the logarithm of how many.
static uint32_t seek_origin(const struct knowledge *knowledge, uint32_t start, uint64_t origin)
{
    const struct intervals *origins = knowledge->origins;
    uint32_t end = start;
    for (uint32_t step = 1; end < knowledge->count && origins[end].origin < origin; step *= 2) {
        start = end + 1;
        end += step;
    }
    if (end > knowledge->count)
        end = knowledge->count;
    while (start < end) {
        uint32_t middle = start + (end - start) / 2;
        if (origins[middle].origin < origin)
            start = middle + 1;
        else
            end = middle;
    }
    return start;
}

// What seek_origin finds from 0 on, with a look at the greatest first: sets are often filled in
// order.
static uint32_t bound_origin(const struct knowledge *knowledge, uint64_t origin)
{
    if (knowledge->count > 0 && knowledge->origins[knowledge->count - 1].origin <= origin)
        return knowledge->count - (knowledge->origins[knowledge->count - 1].origin == origin);
    return seek_origin(knowledge, 0, origin);
}

static bool has_origin_at(const struct knowledge *knowledge, uint32_t at, uint64_t origin)
{
    return at < knowledge->count && knowledge->origins[at].origin == origin;
}

static bool is_dot(struct dot dot)
{
    return dot.origin != 0 && dot.sequence >= 1 && dot.sequence <= KNOWLEDGE_SEQUENCE_MAX;
}

bool knowledge_is_empty(const struct knowledge *knowledge)
{
    return knowledge->count == 0;
}

const struct intervals *knowledge_of(const struct knowledge *knowledge, uint64_t origin)
{
    uint32_t at = bound_origin(knowledge, origin);
    return has_origin_at(knowledge, at, origin) ? &knowledge->origins[at] : NULL;
}

bool knowledge_has(const struct knowledge *knowledge, struct dot dot)
{
    const struct intervals *intervals = knowledge_of(knowledge, dot.origin);
    return intervals != NULL && intervals_have(intervals, dot.sequence);
}

bool knowledge_has_all_up_to(const struct knowledge *knowledge, struct dot dot)
{
    if (dot.sequence == 0)
        return true;
    const struct intervals *intervals = knowledge_of(knowledge, dot.origin);
    return intervals != NULL && intervals->list[0].first == 1 &&
           intervals->list[0].last >= dot.sequence;
}

uint64_t knowledge_greatest(const struct knowledge *knowledge, uint64_t origin)
{
    const struct intervals *intervals = knowledge_of(knowledge, origin);
    return intervals != NULL ? intervals->list[intervals->count - 1].last : 0;
}

uint32_t knowledge_intervals_with(const struct knowledge *knowledge, struct dot dot)
{
    const struct intervals *intervals = knowledge_of(knowledge, dot.origin);
    if (intervals == NULL)
        return is_dot(dot);
    return is_dot(dot) ? intervals_count_with(intervals, dot.sequence) : intervals->count;
}

uint64_t knowledge_dots(const struct knowledge *knowledge)
{
    uint64_t dots = 0;
    for (uint32_t i = 0; i < knowledge->count; i++) {
        uint64_t of_origin = intervals_sequences(&knowledge->origins[i]);
        if (of_origin > UINT64_MAX - dots)
            return UINT64_MAX;
        dots += of_origin;
    }
    return dots;
}

// The origin's intervals, empty ones when it was not there.
static struct intervals *insert_origin(struct knowledge *knowledge, uint32_t at, uint64_t origin)
{
    reserve_origins(knowledge, knowledge->count + 1);
    struct intervals *place = knowledge->origins + at;
    memmove(place + 1, place, (knowledge->count - at) * sizeof *place);
    *place = (struct intervals){.origin = origin};
    knowledge->count++;
    return place;
}

enum err knowledge_add_interval(struct knowledge *knowledge, uint64_t origin,
                                struct interval interval)
{
    if (origin == 0 || !interval_is_valid(interval))
        return ERR_INVALID;
    uint32_t at = bound_origin(knowledge, origin);
    if (has_origin_at(knowledge, at, origin))
        return intervals_add(&knowledge->origins[at], interval);
    if (knowledge->count == KNOWLEDGE_ORIGINS_MAX)
        return ERR_TOO_LARGE;
    return intervals_add(insert_origin(knowledge, at, origin), interval);
}

enum err knowledge_add(struct knowledge *knowledge, struct dot dot)
{
    struct interval interval = {.first = dot.sequence, .last = dot.sequence};
    return knowledge_add_interval(knowledge, dot.origin, interval);
}

// Copies the origins of `from` that `to` lacks, `missing` of them, to their places: from the
// greatest down, so that each origin moves once.
static void insert_missing(struct knowledge *to, const struct knowledge *from, uint32_t missing)
{
    uint32_t old = to->count;
    uint32_t next = from->count;
    reserve_origins(to, to->count + missing);
    to->count += missing;
    for (uint32_t at = to->count; at > old;) {
        uint64_t origin = from->origins[next - 1].origin;
        if (old == 0 || to->origins[old - 1].origin < origin) {
            to->origins[--at] = intervals_copy(&from->origins[--next]);
            continue;
        }
        if (to->origins[old - 1].origin == origin)
            next--;
        to->origins[--at] = to->origins[--old];
    }
}

enum err knowledge_merge(struct knowledge *to, const struct knowledge *from)
{
    uint32_t missing = 0;
    for (uint32_t i = 0, at = 0; i < from->count; i++) {
        at = seek_origin(to, at, from->origins[i].origin);
        if (!has_origin_at(to, at, from->origins[i].origin)) {
            missing++;
            continue;
        }
        enum err error = intervals_merge(&to->origins[at], &from->origins[i]);
        if (error != ERR_OK)
            return error;
    }
    if (missing > KNOWLEDGE_ORIGINS_MAX - to->count)
        return ERR_TOO_LARGE;
    if (missing > 0)
        insert_missing(to, from, missing);
    return ERR_OK;
}

bool knowledge_contains(const struct knowledge *a, const struct knowledge *b)
{
    uint32_t at = 0;
    if (b->count > a->count)
        return false;
    for (uint32_t i = 0; i < b->count; i++) {
        at = seek_origin(a, at, b->origins[i].origin);
        if (!has_origin_at(a, at, b->origins[i].origin) ||
            !intervals_contain(&a->origins[at], &b->origins[i]))
            return false;
    }
    return true;
}

bool knowledge_equal(const struct knowledge *a, const struct knowledge *b)
{
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++) {
        if (a->origins[i].origin != b->origins[i].origin ||
            !intervals_equal(&a->origins[i], &b->origins[i]))
            return false;
    }
    return true;
}

void knowledge_missing(const struct knowledge *a, const struct knowledge *b, struct knowledge *out)
{
    struct knowledge result = {0};
    for (uint32_t i = 0, at = 0; i < a->count; i++) {
        struct intervals left = {.origin = a->origins[i].origin};
        at = seek_origin(b, at, left.origin);
        if (has_origin_at(b, at, left.origin))
            intervals_subtract(&a->origins[i], &b->origins[at], &left);
        else
            left = intervals_copy(&a->origins[i]);
        if (left.count == 0)
            continue;
        reserve_origins(&result, result.count + 1);
        result.origins[result.count++] = left;
    }
    knowledge_swap(out, &result);
    knowledge_release(&result);
}

void knowledge_invariants(const struct knowledge *knowledge)
{
    uint64_t previous = 0;
    CHECK(knowledge->count <= KNOWLEDGE_ORIGINS_MAX && knowledge->count <= knowledge->capacity);
    for (uint32_t i = 0; i < knowledge->count; i++) {
        CHECK(knowledge->origins[i].origin > previous);
        previous = knowledge->origins[i].origin;
        CHECK(knowledge->origins[i].count >= 1);
        intervals_invariants(&knowledge->origins[i]);
    }
}
