#include "core/epidemic/joint.h"

#include "base/check.h"

#include <stdlib.h>

void joint_init(struct joint *joint, uint32_t entries)
{
    joint->count = 0;
    joint->capacity = entries > JOINT_FEW ? entries : JOINT_FEW;
    joint->list = joint->few;
    if (entries > JOINT_FEW)
        joint->list = memory_new(entries * sizeof *joint->list);
}

void joint_release(struct joint *joint)
{
    if (joint->list != joint->few)
        free(joint->list);
    joint->list = NULL;
    joint->count = 0;
}

void joint_add(struct joint *joint, const struct context *context)
{
    CHECK(context->count <= joint->capacity - joint->count);
    for (uint32_t i = 0; i < context->count; i++)
        joint->list[joint->count++] = (struct reach){.dot = context->entries[i], .headers = 1};
}

// By origin; of one origin, the greatest number first.
static int compare(const void *left, const void *right)
{
    const struct dot *a = &((const struct reach *)left)->dot;
    const struct dot *b = &((const struct reach *)right)->dot;
    if (a->origin != b->origin)
        return a->origin < b->origin ? -1 : 1;
    return (a->sequence < b->sequence) - (a->sequence > b->sequence);
}

void joint_seal(struct joint *joint)
{
    struct reach *list = joint->list;
    qsort(list, joint->count, sizeof *list, compare);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < joint->count; i++) {
        struct reach *last = kept > 0 ? &list[kept - 1] : NULL;
        if (last == NULL || last->dot.origin != list[i].dot.origin)
            list[kept++] = list[i];
        else if (last->dot.sequence == list[i].dot.sequence)
            last->headers++;
    }
    joint->count = kept;
}

// NULL when nothing of the origin is covered.
static struct reach *find(const struct joint *joint, uint64_t origin)
{
    uint32_t low = 0;
    uint32_t high = joint->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (joint->list[middle].dot.origin < origin)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < joint->count && joint->list[low].dot.origin == origin;
    return found ? &joint->list[low] : NULL;
}

bool joint_covers(const struct joint *joint, struct dot dot)
{
    const struct reach *reach = find(joint, dot.origin);
    return reach != NULL && dot.sequence <= reach->dot.sequence;
}

bool joint_spares(const struct joint *joint, const struct context *context)
{
    for (uint32_t i = 0; i < context->count; i++) {
        const struct dot *entry = &context->entries[i];
        const struct reach *reach = find(joint, entry->origin);
        CHECK(reach != NULL && entry->sequence <= reach->dot.sequence);
        if (entry->sequence == reach->dot.sequence && reach->headers == 1)
            return false;
    }
    return true;
}

void joint_remove(struct joint *joint, const struct context *context)
{
    for (uint32_t i = 0; i < context->count; i++) {
        const struct dot *entry = &context->entries[i];
        struct reach *reach = find(joint, entry->origin);
        CHECK(reach != NULL && entry->sequence <= reach->dot.sequence);
        if (entry->sequence < reach->dot.sequence)
            continue;
        CHECK(reach->headers > 1);
        reach->headers--;
    }
}
