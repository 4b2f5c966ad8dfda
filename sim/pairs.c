#include "sim/pairs.h"

#include "base/check.h"

#include <stdlib.h>

enum { CAPACITY_FIRST = 16 };

void pairs_init(struct pairs *pairs)
{
    *pairs = (struct pairs){0};
}

void pairs_release(struct pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++)
        free(pairs->items[i]);
    free(pairs->items);
    pairs_init(pairs);
}

static struct pair *pair_new(struct slice key, struct slice value)
{
    struct pair *pair = memory_new(sizeof *pair + key.length + value.length);
    uint8_t *bytes = (uint8_t *)(pair + 1);
    if (key.length > 0)
        memcpy(bytes, key.bytes, key.length);
    if (value.length > 0)
        memcpy(bytes + key.length, value.bytes, value.length);
    pair->key = slice_of(bytes, key.length);
    pair->value = slice_of(bytes + key.length, value.length);
    return pair;
}

void pairs_copy(struct pairs *to, const struct pairs *from)
{
    pairs_release(to);
    if (from->count == 0)
        return;
    to->items = memory_new(from->count * sizeof(struct pair *));
    to->capacity = from->count;
    for (size_t i = 0; i < from->count; i++)
        to->items[i] = pair_new(from->items[i]->key, from->items[i]->value);
    to->count = from->count;
}

size_t pairs_from(const struct pairs *pairs, struct slice key)
{
    size_t low = 0;
    size_t high = pairs->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (slice_compare(pairs->items[middle]->key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_at(const struct pairs *pairs, size_t index, struct slice key)
{
    return index < pairs->count && slice_equal(pairs->items[index]->key, key);
}

const struct pair *pairs_find(const struct pairs *pairs, struct slice key)
{
    size_t index = pairs_from(pairs, key);
    return is_at(pairs, index, key) ? pairs->items[index] : NULL;
}

void pairs_put(struct pairs *pairs, struct slice key, struct slice value)
{
    size_t index = pairs_from(pairs, key);
    struct pair *pair = pair_new(key, value);
    if (is_at(pairs, index, key)) {
        free(pairs->items[index]);
        pairs->items[index] = pair;
        return;
    }
    CHECK(pairs->count < PAIRS_MAX);
    if (pairs->count == pairs->capacity) {
        pairs->capacity = pairs->capacity > 0 ? pairs->capacity * 2 : CAPACITY_FIRST;
        pairs->items = memory_resize(pairs->items, pairs->capacity * sizeof(struct pair *));
    }
    struct pair **place = &pairs->items[index];
    memmove(place + 1, place, (pairs->count - index) * sizeof *place);
    *place = pair;
    pairs->count++;
}

void pairs_remove(struct pairs *pairs, struct slice key)
{
    size_t index = pairs_from(pairs, key);
    if (!is_at(pairs, index, key))
        return;
    struct pair **place = &pairs->items[index];
    free(*place);
    pairs->count--;
    memmove(place, place + 1, (pairs->count - index) * sizeof *place);
}
