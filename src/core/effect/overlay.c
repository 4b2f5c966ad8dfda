#include "core/effect/overlay.h"

#include "base/check.h"

#include <stdlib.h>

// Of what was written since the last token. No token reaches it.
#define TOKEN_NONE UINT64_MAX

struct entry {
    struct ordered_node node;
    struct list age_link;
    uint64_t token;
    uint8_t *value; // owned, NULL of a removal
    size_t value_length;
    enum store_table table;
    uint8_t key[];
};

static struct entry *entry_of(const struct ordered_node *node)
{
    return LIST_ITEM(node, struct entry, node);
}

static struct slice value_of(const struct entry *entry)
{
    return slice_of(entry->value, entry->value_length);
}

static size_t weight_of(const struct entry *entry)
{
    return sizeof *entry + entry->node.key.length + entry->value_length;
}

static struct entry *entry_new(struct overlay *overlay, enum store_table table, struct slice key)
{
    struct entry *entry = memory_new(sizeof *entry + key.length);
    *entry = (struct entry){.table = table};
    memcpy(entry->key, key.bytes, key.length);
    list_init(&entry->age_link);
    ordered_add(&overlay->tables[table], &entry->node, slice_of(entry->key, key.length));
    overlay->bytes += weight_of(entry);
    return entry;
}

static void entry_forget(struct overlay *overlay, struct entry *entry)
{
    overlay->bytes -= weight_of(entry);
    ordered_remove(&overlay->tables[entry->table], &entry->node);
    list_remove(&entry->age_link);
    free(entry->value);
    free(entry);
}

// Takes `value` (NULL: a removal).
static void remember(struct overlay *overlay, enum store_table table, struct slice key,
                     uint8_t *value, size_t value_length)
{
    struct ordered_node *node = ordered_find(&overlay->tables[table], key);
    struct entry *entry = node != NULL ? entry_of(node) : entry_new(overlay, table, key);
    overlay->bytes += value_length;
    overlay->bytes -= entry->value_length;
    free(entry->value);
    entry->value = value;
    entry->value_length = value_length;
    entry->token = TOKEN_NONE;
    list_remove(&entry->age_link);
    list_append(&overlay->by_age, &entry->age_link);
}

void overlay_init(struct overlay *overlay, const struct store *base)
{
    *overlay = (struct overlay){.base = base};
    for (int table = 0; table < STORE_TABLE_COUNT; table++)
        ordered_init(&overlay->tables[table]);
    list_init(&overlay->by_age);
}

void overlay_release(struct overlay *overlay)
{
    CHECK(!overlay->scanning);
    while (!list_empty(&overlay->by_age))
        entry_forget(overlay, LIST_ITEM(overlay->by_age.next, struct entry, age_link));
    CHECK(overlay->bytes == 0);
}

static void check_key(const struct overlay *overlay, struct slice key)
{
    CHECK(!overlay->scanning);
    CHECK(key.length > 0 && key.length <= STORE_KEY_BYTES_MAX);
}

void overlay_put(struct overlay *overlay, struct effects *effects, enum store_table table,
                 struct slice key, struct slice value)
{
    check_key(overlay, key);
    CHECK(value.length <= STORE_VALUE_BYTES_MAX);
    effects_put(effects, EFFECT_DATA, table, key, value);
    // Copied before the old value is freed, from which the new one may borrow.
    uint8_t *copy = memory_copy(value.bytes, value.length);
    remember(overlay, table, key, copy, value.length);
}

void overlay_remove(struct overlay *overlay, struct effects *effects, enum store_table table,
                    struct slice key)
{
    check_key(overlay, key);
    effects_remove(effects, EFFECT_DATA, table, key);
    remember(overlay, table, key, NULL, 0);
}

enum err overlay_get(struct overlay *overlay, enum store_table table, struct slice key,
                     struct slice *out)
{
    CHECK(!overlay->scanning);
    const struct ordered_node *node = ordered_find(&overlay->tables[table], key);
    if (node == NULL)
        return overlay->base->ops->get(overlay->base->self, table, key, out);
    const struct entry *entry = entry_of(node);
    if (entry->value == NULL)
        return ERR_NOT_FOUND;
    *out = value_of(entry);
    return ERR_OK;
}

// --- scan

struct merge {
    const struct ordered_node *next; // of what is remembered
    bool ended;                      // by the visitor
    store_visit *visit;
    void *context;
};

// Visits the next that is remembered; a removal shows nothing.
static void visit_entry(struct merge *merge)
{
    const struct entry *entry = entry_of(merge->next);
    merge->next = ordered_next(merge->next);
    if (entry->value != NULL)
        merge->ended = !merge->visit(merge->context, entry->node.key, value_of(entry));
}

// A pair of the base: what is remembered comes before it, or in its place.
static bool visit_pair(void *context, struct slice key, struct slice value)
{
    struct merge *merge = context;
    while (merge->next != NULL) {
        int order = slice_compare(merge->next->key, key);
        if (order > 0)
            break;
        visit_entry(merge);
        if (merge->ended || order == 0)
            return !merge->ended;
    }
    merge->ended = !merge->visit(merge->context, key, value);
    return !merge->ended;
}

enum err overlay_scan(struct overlay *overlay, enum store_table table, struct slice first,
                      struct slice end, store_visit *visit, void *context)
{
    CHECK(!overlay->scanning);
    overlay->scanning = true;
    struct merge merge = {
        .next = ordered_seek(&overlay->tables[table], first), .visit = visit, .context = context};
    enum err error =
        overlay->base->ops->scan(overlay->base->self, table, first, end, visit_pair, &merge);
    while (error == ERR_OK && !merge.ended && merge.next != NULL &&
           (end.length == 0 || slice_compare(merge.next->key, end) < 0))
        visit_entry(&merge);
    overlay->scanning = false;
    return error;
}

// --- tokens

uint64_t overlay_token(struct overlay *overlay, struct effects *effects)
{
    CHECK(!overlay->scanning);
    struct list *link = overlay->by_age.previous;
    if (link == &overlay->by_age || LIST_ITEM(link, struct entry, age_link)->token != TOKEN_NONE)
        return overlay->token;
    uint64_t token = effects_token(effects, EFFECT_DATA);
    CHECK(token > overlay->token && token < TOKEN_NONE);
    overlay->token = token;
    for (; link != &overlay->by_age; link = link->previous) {
        struct entry *entry = LIST_ITEM(link, struct entry, age_link);
        if (entry->token != TOKEN_NONE)
            break;
        entry->token = token;
    }
    return token;
}

void overlay_on_durable(struct overlay *overlay, uint64_t token)
{
    CHECK(!overlay->scanning && token < TOKEN_NONE);
    if (token > overlay->durable)
        overlay->durable = token;
    while (!list_empty(&overlay->by_age)) {
        struct entry *entry = LIST_ITEM(overlay->by_age.next, struct entry, age_link);
        if (entry->token > token)
            break;
        entry_forget(overlay, entry);
    }
}

void overlay_invariants(const struct overlay *overlay)
{
    size_t count = 0, bytes = 0, linked = 0;
    uint64_t before = 0;
    const struct list *end = &overlay->by_age;
    for (const struct list *link = end->next; link != end; link = link->next) {
        const struct entry *entry = LIST_ITEM(link, struct entry, age_link);
        CHECK(ordered_find(&overlay->tables[entry->table], entry->node.key) == &entry->node);
        CHECK(entry->token >= before);
        CHECK(entry->token <= overlay->token || entry->token == TOKEN_NONE);
        before = entry->token;
        bytes += weight_of(entry);
        count++;
    }
    for (int table = 0; table < STORE_TABLE_COUNT; table++) {
        ordered_invariants(&overlay->tables[table]);
        linked += overlay->tables[table].count;
    }
    CHECK(count == linked && bytes == overlay->bytes);
}
