#include "adapter/hot_merge.h"

struct merge {
    const struct hot_entry *next;
    struct slice hidden;
    bool ended; // by the visitor
    store_visit *visit;
    void *context;
};

static bool visit_entry(struct merge *merge)
{
    const struct hot_entry *entry = merge->next;
    merge->next = entry->next[0];
    merge->ended = !entry->removed &&
                   !merge->visit(merge->context, hot_entry_key(entry), hot_entry_value(entry));
    return !merge->ended;
}

// A pair of the base: before it comes what the hot table has before it, and instead of it what the
// hot table has of it.
static bool visit_pair(void *context, struct slice key, struct slice value)
{
    struct merge *merge = context;
    while (merge->next != NULL) {
        int order = slice_compare(hot_entry_key(merge->next), key);
        if (order > 0)
            break;
        if (!visit_entry(merge))
            return false;
        if (order == 0)
            return true;
    }
    if (merge->hidden.length > 0 && slice_equal(key, merge->hidden))
        return true;
    merge->ended = !merge->visit(merge->context, key, value);
    return !merge->ended;
}

enum err hot_merge_scan(const struct hot_table *hot, const struct store *base,
                        const struct hot_range *range, store_visit *visit, void *context)
{
    struct merge merge = {.next = hot_table_seek(hot, range->table, range->first),
                          .hidden = range->hidden,
                          .visit = visit,
                          .context = context};
    enum err error =
        base->ops->scan(base->self, range->table, range->first, range->end, visit_pair, &merge);
    while (error == ERR_OK && !merge.ended && merge.next != NULL &&
           (range->end.length == 0 || slice_compare(hot_entry_key(merge.next), range->end) < 0))
        (void)visit_entry(&merge);
    return error;
}
