#include "core/epidemic/rumor.h"

#include "base/check.h"
#include "base/hash.h"

#include <stdlib.h>

struct item {
    struct table_node node;
    struct list link; // in `fresh` or `told`
    struct dot dot;
    uint32_t in_vain; // rounds in a row; stays 0 with a coin
    bool offered;     // since it was heated
    bool counts;      // in this round it was told, and, unless blind, somebody answered
    bool needed;      // in this round, by somebody who was told
};

static struct item *of_node(const struct table_node *node)
{
    return (struct item *)(void *)((char *)(uintptr_t)node - offsetof(struct item, node));
}

static bool matches(const struct table_node *node, const void *wanted)
{
    return dot_equal(of_node(node)->dot, *(const struct dot *)wanted);
}

static uint64_t hash_of(const struct rumor *rumor, struct dot dot)
{
    return hash64(slice_of(&dot, sizeof dot), rumor->hash_seed);
}

static struct item *find(const struct rumor *rumor, struct dot dot)
{
    if (rumor->items.count == 0)
        return NULL;
    struct table_node *node = table_find(&rumor->items, hash_of(rumor, dot), matches, &dot);
    return node != NULL ? of_node(node) : NULL;
}

void rumor_init(struct rumor *rumor, const struct rumor_setting *setting, uint64_t seed)
{
    CHECK(setting->k >= 1 && setting->k <= RUMOR_K_MAX);
    CHECK(setting->items_max >= 1 && setting->items_max <= RUMOR_ITEMS_MAX);
    *rumor = (struct rumor){.setting = *setting};
    rng_init(&rumor->rng, seed);
    rumor->hash_seed = rng_u64(&rumor->rng);
    table_init(&rumor->items);
    list_init(&rumor->fresh);
    list_init(&rumor->told);
}

static void cool(struct rumor *rumor, struct item *item)
{
    table_remove(&rumor->items, &item->node);
    list_remove(&item->link);
    free(item);
}

static struct item *first_of(const struct list *queue)
{
    return list_empty(queue) ? NULL : LIST_ITEM(queue->next, struct item, link);
}

void rumor_release(struct rumor *rumor)
{
    struct item *item;
    while ((item = first_of(&rumor->fresh)) != NULL || (item = first_of(&rumor->told)) != NULL)
        cool(rumor, item);
    table_release(&rumor->items);
}

void rumor_heat(struct rumor *rumor, struct dot dot)
{
    if (find(rumor, dot) != NULL)
        return;
    if (rumor->items.count == rumor->setting.items_max) {
        struct item *told = first_of(&rumor->told);
        cool(rumor, told != NULL ? told : first_of(&rumor->fresh));
        rumor->crowded_out++;
    }
    struct item *item = memory_zeroed(1, sizeof *item);
    item->dot = dot;
    table_add(&rumor->items, &item->node, hash_of(rumor, dot));
    list_append(&rumor->fresh, &item->link);
}

size_t rumor_offer(struct rumor *rumor, size_t most, struct dot *out)
{
    // What is offered goes to the end of `told`, so that nothing comes twice before all have come.
    size_t given = most < rumor->items.count ? most : rumor->items.count;
    for (size_t i = 0; i < given; i++) {
        struct item *item = first_of(&rumor->fresh);
        if (item == NULL)
            item = first_of(&rumor->told);
        list_remove(&item->link);
        list_append(&rumor->told, &item->link);
        item->offered = true;
        item->counts |= rumor->setting.blind;
        out[i] = item->dot;
    }
    return given;
}

void rumor_answer(struct rumor *rumor, struct dot dot, bool needed)
{
    struct item *item = find(rumor, dot);
    if (item == NULL || !item->offered || rumor->setting.blind)
        return;
    item->counts = true;
    item->needed |= needed;
}

// Whether this round in vain was one too many.
static bool loses_interest(struct rumor *rumor, struct item *item)
{
    if (rumor->setting.coin)
        return rng_one_in(&rumor->rng, rumor->setting.k);
    return ++item->in_vain >= rumor->setting.k;
}

void rumor_end_round(struct rumor *rumor)
{
    struct list *next;
    for (struct list *link = rumor->told.next; link != &rumor->told; link = next) {
        next = link->next;
        struct item *item = LIST_ITEM(link, struct item, link);
        bool in_vain = item->counts && !item->needed;
        if (item->needed)
            item->in_vain = 0;
        item->counts = false;
        item->needed = false;
        if (in_vain && loses_interest(rumor, item))
            cool(rumor, item);
    }
}

size_t rumor_count(const struct rumor *rumor)
{
    return rumor->items.count;
}

bool rumor_is_hot(const struct rumor *rumor, struct dot dot)
{
    return find(rumor, dot) != NULL;
}

static size_t check_queue(const struct rumor *rumor, const struct list *queue, bool offered)
{
    size_t count = 0;
    for (const struct list *link = queue->next; link != queue; link = link->next) {
        const struct item *item = LIST_ITEM(link, struct item, link);
        CHECK(item->offered == offered && find(rumor, item->dot) == item);
        CHECK(item->in_vain < rumor->setting.k);
        CHECK(offered || (!item->counts && !item->needed));
        count++;
    }
    return count;
}

void rumor_invariants(const struct rumor *rumor)
{
    size_t fresh = check_queue(rumor, &rumor->fresh, false);
    size_t told = check_queue(rumor, &rumor->told, true);
    CHECK(fresh + told == rumor->items.count);
    CHECK(rumor->items.count <= rumor->setting.items_max);
}
