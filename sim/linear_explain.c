#include "base/check.h"
#include "sim/linear.h"
#include "sim/linear_history.h"

#include <inttypes.h>
#include <stdlib.h>

enum { SHOWN_MAX = 16 };

static void print_time(FILE *out, uint64_t us)
{
    if (us == UINT64_MAX)
        fprintf(out, "never");
    else
        fprintf(out, "%" PRIu64 ".%06" PRIu64, us / 1000000, us % 1000000);
}

static void print_condition(FILE *out, const struct linear_operation *operation)
{
    char text[STAMP_TEXT_BYTES];
    switch (operation->condition) {
    case CONDITION_ABSENT:
        fprintf(out, " if absent");
        break;
    case CONDITION_PRESENT:
        fprintf(out, " if present");
        break;
    case CONDITION_STAMP:
        stamp_format(operation->expected, text);
        fprintf(out, " if %s", text);
        break;
    case CONDITION_NONE:
    case CONDITION_COUNT:
        break;
    }
}

static void print_operation(FILE *out, const struct linear_operation *operation)
{
    if (operation->kind == LINEAR_READ)
        fprintf(out, "read");
    else if (operation->kind == LINEAR_PUT)
        fprintf(out, "put %" PRIu64, operation->value);
    else
        fprintf(out, "delete");
    print_condition(out, operation);
}

static void print_done(FILE *out, const struct linear_entry *entry)
{
    char text[STAMP_TEXT_BYTES];
    static const char *const existed[] = {"", ", was absent", ", was present"};
    stamp_format(entry->outcome.stamp, text);
    if (entry->operation.kind == LINEAR_DELETE)
        fprintf(out, "done%s", existed[entry->outcome.existed]);
    else if (entry->operation.kind == LINEAR_PUT)
        fprintf(out, "done %s%s", text, existed[entry->outcome.existed]);
    else if (entry->outcome.value == 0)
        fprintf(out, "absent");
    else
        fprintf(out, "%" PRIu64 " %s", entry->outcome.value, text);
}

static void print_outcome(FILE *out, const struct linear_entry *entry)
{
    char text[STAMP_TEXT_BYTES];
    switch (entry->outcome.result) {
    case LINEAR_UNKNOWN:
        fprintf(out, "unknown");
        break;
    case LINEAR_REFUSED:
        fprintf(out, "refused");
        break;
    case LINEAR_MISMATCH:
        stamp_format(entry->outcome.stamp, text);
        fprintf(out, "mismatch: %s", stamp_is_zero(entry->outcome.stamp) ? "absent" : text);
        break;
    case LINEAR_DONE:
        print_done(out, entry);
        break;
    }
}

static void print_entry(FILE *out, const struct linear_history *history, uint32_t index)
{
    const struct linear_entry *entry = &history->entries[index];
    fprintf(out, "  #%" PRIu32 " client %" PRIu64 " [", index, entry->operation.client);
    print_time(out, entry->begin_us);
    fprintf(out, ", ");
    print_time(out, entry->end_us);
    fprintf(out, "] ");
    print_operation(out, &entry->operation);
    fprintf(out, " -> ");
    print_outcome(out, entry);
    fprintf(out, "\n");
}

static bool has_outcome(const struct linear_entry *entry)
{
    return entry->outcome.result == LINEAR_DONE || entry->outcome.result == LINEAR_MISMATCH;
}

// What could come after the prefix, were the answers other: everything that began before the first
// end of an operation that is still to come.
static void print_next(const struct linear_history *history, const bool *taken, FILE *out)
{
    uint64_t limit_order = UINT64_MAX;
    uint32_t shown = 0;
    for (uint32_t i = 0; i < history->count; i++)
        if (!taken[i] && has_outcome(&history->entries[i]) &&
            history->entries[i].end_order < limit_order)
            limit_order = history->entries[i].end_order;
    fprintf(out, "of these, none can come next:\n");
    for (uint32_t i = 0; i < history->count && shown < SHOWN_MAX; i++) {
        const struct linear_entry *entry = &history->entries[i];
        if (!taken[i] && has_outcome(entry) && entry->begin_order < limit_order) {
            print_entry(out, history, i);
            shown++;
        }
    }
    fprintf(out, "of unknown outcome, begun by then and not needed so far (the latest):\n");
    for (uint32_t i = history->count, left = SHOWN_MAX; i-- > 0 && left > 0;) {
        const struct linear_entry *entry = &history->entries[i];
        if (!taken[i] && entry->outcome.result == LINEAR_UNKNOWN &&
            entry->operation.kind != LINEAR_READ && entry->begin_order < limit_order) {
            print_entry(out, history, i);
            left--;
        }
    }
}

void linear_explain(const struct linear_history *history, const struct linear_verdict *verdict,
                    FILE *out)
{
    if (verdict->answer == LINEAR_OK) {
        fprintf(out, "linearizable\n");
        return;
    }
    fprintf(out, "%s: %s\n", verdict->answer == LINEAR_VIOLATION ? "not linearizable" : "undecided",
            verdict->reason);
    if (verdict->operation != LINEAR_NO_OPERATION)
        print_entry(out, history, verdict->operation);
    if (verdict->prefix_count == 0 && verdict->operation != LINEAR_NO_OPERATION)
        return;
    bool *taken = memory_zeroed(history->count, sizeof *taken);
    uint32_t first = verdict->prefix_count > SHOWN_MAX ? verdict->prefix_count - SHOWN_MAX : 0;
    fprintf(out, "of %" PRIu32 " operations, %" PRIu32 " can be ordered; the last of them:\n",
            history->count, verdict->prefix_count);
    for (uint32_t i = 0; i < verdict->prefix_count; i++) {
        taken[verdict->prefix[i]] = true;
        if (i >= first)
            print_entry(out, history, verdict->prefix[i]);
    }
    print_next(history, taken, out);
    free(taken);
}
