#include "core/epidemic/context.h"

#include "base/check.h"

// The place of the first entry whose origin is not below `origin`; `count` when there is none.
static uint32_t find_place(const struct context *context, uint64_t origin)
{
    uint32_t low = 0;
    uint32_t high = context->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (context->entries[middle].origin < origin)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint64_t context_get(const struct context *context, uint64_t origin)
{
    uint32_t place = find_place(context, origin);
    if (place == context->count || context->entries[place].origin != origin)
        return 0;
    return context->entries[place].sequence;
}

bool context_contains(const struct context *a, const struct context *b)
{
    for (uint32_t i = 0; i < b->count; i++)
        if (!context_covers(a, b->entries[i]))
            return false;
    return true;
}

bool context_equal(const struct context *a, const struct context *b)
{
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (!dot_equal(a->entries[i], b->entries[i]))
            return false;
    return true;
}

enum err context_raise(struct context *context, struct dot dot)
{
    CHECK(dot.origin != 0 && dot.sequence >= 1);
    uint32_t place = find_place(context, dot.origin);
    struct dot *entry = &context->entries[place];
    if (place < context->count && entry->origin == dot.origin) {
        if (entry->sequence < dot.sequence)
            entry->sequence = dot.sequence;
        return ERR_OK;
    }
    if (context->count == CONTEXT_ENTRIES_MAX)
        return ERR_TOO_LARGE;
    memmove(entry + 1, entry, (context->count - place) * sizeof *entry);
    *entry = dot;
    context->count++;
    return ERR_OK;
}

void context_encode(struct buf *out, const struct context *context)
{
    context_invariants(context);
    buf_append_varint(out, context->count);
    for (uint32_t i = 0; i < context->count; i++) {
        buf_append_u64_be(out, context->entries[i].origin);
        buf_append_varint(out, context->entries[i].sequence);
    }
}

void context_decode(struct cursor *in, struct context *out)
{
    uint64_t origin_before = 0;
    uint32_t count = (uint32_t)cursor_varint_max(in, CONTEXT_ENTRIES_MAX);
    for (uint32_t i = 0; i < count && !in->failed; i++) {
        uint64_t origin = cursor_u64_be(in);
        uint64_t sequence = cursor_varint(in);
        if (origin <= origin_before || sequence == 0)
            in->failed = true;
        out->entries[i] = (struct dot){.origin = origin, .sequence = sequence};
        origin_before = origin;
    }
    out->count = in->failed ? 0 : count;
}

void context_invariants(const struct context *context)
{
    uint64_t origin_before = 0;
    CHECK(context->count <= CONTEXT_ENTRIES_MAX);
    for (uint32_t i = 0; i < context->count; i++) {
        CHECK(context->entries[i].origin > origin_before);
        CHECK(context->entries[i].sequence >= 1);
        origin_before = context->entries[i].origin;
    }
}
