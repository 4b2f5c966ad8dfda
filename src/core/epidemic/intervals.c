#include "core/epidemic/intervals.h"

#include "base/check.h"

#include <stdlib.h>
#include <string.h>

// Lists grow by doubling from 1 on: most origins have one interval for ever.
static void reserve(struct intervals *intervals, uint32_t needed)
{
    if (needed <= intervals->capacity)
        return;
    if (intervals->capacity == 0)
        intervals->capacity = 1;
    while (intervals->capacity < needed)
        intervals->capacity *= 2;
    intervals->list = memory_resize(intervals->list, intervals->capacity * sizeof *intervals->list);
}

struct intervals intervals_copy(const struct intervals *from)
{
    size_t size = from->count * sizeof *from->list;
    return (struct intervals){.origin = from->origin,
                              .list = memory_copy(from->list, size),
                              .count = from->count,
                              .capacity = from->count};
}

// From `start` on, the index of the first interval whose last number is not less than `sequence`,
// by steps that double: walking over all costs linear time, and skipping many costs the logarithm
// of how many.
static uint32_t seek(const struct intervals *intervals, uint32_t start, uint64_t sequence)
{
    const struct interval *list = intervals->list;
    uint32_t end = start;
    for (uint32_t step = 1; end < intervals->count && list[end].last < sequence; step *= 2) {
        start = end + 1;
        end += step;
    }
    if (end > intervals->count)
        end = intervals->count;
    while (start < end) {
        uint32_t middle = start + (end - start) / 2;
        if (list[middle].last < sequence)
            start = middle + 1;
        else
            end = middle;
    }
    return start;
}

// What seek finds from 0 on; at once when `sequence` is not before the last interval, which is
// where most operations arrive.
static uint32_t bound(const struct intervals *intervals, uint64_t sequence)
{
    if (intervals->count == 0)
        return 0;
    uint32_t last = intervals->count - 1;
    if (intervals->list[last].first <= sequence)
        return last + (intervals->list[last].last < sequence);
    return seek(intervals, 0, sequence);
}

bool intervals_have(const struct intervals *intervals, uint64_t sequence)
{
    uint32_t at = bound(intervals, sequence);
    return at < intervals->count && intervals->list[at].first <= sequence;
}

uint32_t intervals_count_with(const struct intervals *intervals, uint64_t sequence)
{
    uint32_t at = bound(intervals, sequence);
    bool extends_previous = at > 0 && intervals->list[at - 1].last + 1 == sequence;
    bool meets_next = at < intervals->count && intervals->list[at].first <= sequence + 1;
    return intervals->count + 1 - extends_previous - meets_next;
}

uint64_t intervals_sequences(const struct intervals *intervals)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < intervals->count; i++)
        count += intervals->list[i].last - intervals->list[i].first + 1;
    return count;
}

enum err intervals_add(struct intervals *intervals, struct interval interval)
{
    // From `start` to before `end` are those that the new one overlaps or touches: they become one.
    uint32_t start = bound(intervals, interval.first - 1);
    uint32_t end = start;
    if (start < intervals->count)
        end = seek(intervals, start, interval.last + 1);
    if (end < intervals->count && intervals->list[end].first <= interval.last + 1)
        end++;
    if (start == end) {
        if (intervals->count == KNOWLEDGE_INTERVALS_MAX)
            return ERR_TOO_LARGE;
        reserve(intervals, intervals->count + 1);
    } else {
        if (intervals->list[start].first < interval.first)
            interval.first = intervals->list[start].first;
        if (intervals->list[end - 1].last > interval.last)
            interval.last = intervals->list[end - 1].last;
    }
    if (end != start + 1 && end < intervals->count)
        memmove(intervals->list + start + 1, intervals->list + end,
                (intervals->count - end) * sizeof *intervals->list);
    intervals->list[start] = interval;
    intervals->count = intervals->count + 1 - (end - start);
    return ERR_OK;
}

bool intervals_contain(const struct intervals *a, const struct intervals *b)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < b->count; i++) {
        at = seek(a, at, b->list[i].last);
        if (at == a->count || a->list[at].first > b->list[i].first)
            return false;
    }
    return true;
}

// The union of both lists into `out`, which has room for all. Returns how many intervals it has.
static uint32_t unite_lists(const struct intervals *a, const struct intervals *b,
                            struct interval *out)
{
    uint32_t count = 0;
    for (uint32_t i = 0, j = 0; i < a->count || j < b->count;) {
        bool from_a = j == b->count || (i < a->count && a->list[i].first <= b->list[j].first);
        struct interval next = from_a ? a->list[i++] : b->list[j++];
        if (count == 0 || next.first > out[count - 1].last + 1)
            out[count++] = next;
        else if (next.last > out[count - 1].last)
            out[count - 1].last = next.last;
    }
    return count;
}

enum err intervals_merge(struct intervals *to, const struct intervals *from)
{
    if (intervals_contain(to, from))
        return ERR_OK;
    if (from->count == 1)
        return intervals_add(to, from->list[0]);
    struct intervals both = {.origin = to->origin, .capacity = to->count + from->count};
    both.list = memory_new(both.capacity * sizeof *both.list);
    both.count = unite_lists(to, from, both.list);
    if (both.count > KNOWLEDGE_INTERVALS_MAX) {
        free(both.list);
        return ERR_TOO_LARGE;
    }
    free(to->list);
    *to = both;
    return ERR_OK;
}

bool intervals_equal(const struct intervals *a, const struct intervals *b)
{
    return a->count == b->count &&
           (a->count == 0 || memcmp(a->list, b->list, a->count * sizeof *a->list) == 0);
}

static void append(struct intervals *out, uint64_t first, uint64_t last)
{
    if (out->count == KNOWLEDGE_INTERVALS_MAX)
        return;
    reserve(out, out->count + 1);
    out->list[out->count++] = (struct interval){.first = first, .last = last};
}

void intervals_subtract(const struct intervals *a, const struct intervals *b, struct intervals *out)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        uint64_t next = a->list[i].first;
        uint64_t last = a->list[i].last;
        at = seek(b, at, next);
        for (; at < b->count && b->list[at].first <= last; at++) {
            if (b->list[at].first > next)
                append(out, next, b->list[at].first - 1);
            next = b->list[at].last + 1;
            if (next > last)
                break; // the same interval of `b` may reach into the next one of `a`
        }
        if (next <= last)
            append(out, next, last);
    }
}

void intervals_invariants(const struct intervals *intervals)
{
    CHECK(intervals->count <= KNOWLEDGE_INTERVALS_MAX);
    CHECK(intervals->count <= intervals->capacity);
    for (uint32_t i = 0; i < intervals->count; i++) {
        struct interval interval = intervals->list[i];
        CHECK(interval.first >= 1 && interval.first <= interval.last);
        CHECK(interval.last <= KNOWLEDGE_SEQUENCE_MAX);
        CHECK(i == 0 || interval.first > intervals->list[i - 1].last + 1);
    }
}
