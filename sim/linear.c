#include "sim/linear.h"

#include "base/check.h"
#include "sim/linear_history.h"
#include "sim/linear_meaning.h"
#include "sim/linear_search.h"

#include <stdlib.h>

enum { CAPACITY_FIRST = 64 };

struct linear_history *linear_new(void)
{
    struct linear_history *history = memory_zeroed(1, sizeof *history);
    history->states_max = LINEAR_STATES_MAX;
    return history;
}

void linear_free(struct linear_history *history)
{
    if (history == NULL)
        return;
    free(history->entries);
    free(history->prefix);
    free(history);
}

static void advance(struct linear_history *history, uint64_t at_us)
{
    CHECK(at_us >= history->last_us);
    history->last_us = at_us;
    history->order++;
}

uint32_t linear_begin(struct linear_history *history, const struct linear_operation *operation,
                      uint64_t at_us)
{
    CHECK(operation->kind != LINEAR_PUT || operation->value != 0);
    advance(history, at_us);
    if (history->count == LINEAR_OPERATIONS_MAX) {
        history->overflown = true;
        return LINEAR_NO_OPERATION;
    }
    if (history->count == history->capacity) {
        history->capacity = history->capacity > 0 ? history->capacity * 2 : CAPACITY_FIRST;
        history->entries =
            memory_resize(history->entries, history->capacity * sizeof(struct linear_entry));
    }
    history->entries[history->count] = (struct linear_entry){
        .operation = *operation,
        .outcome = {.result = LINEAR_UNKNOWN},
        .begin_us = at_us,
        .end_us = UINT64_MAX,
        .begin_order = history->order,
        .end_order = UINT64_MAX,
    };
    return history->count++;
}

void linear_end(struct linear_history *history, uint32_t index,
                const struct linear_outcome *outcome, uint64_t at_us)
{
    advance(history, at_us);
    if (index == LINEAR_NO_OPERATION)
        return;
    CHECK(index < history->count && !history->entries[index].ended);
    struct linear_entry *entry = &history->entries[index];
    entry->ended = true;
    entry->outcome = *outcome;
    entry->end_us = at_us;
    entry->end_order = history->order;
}

uint32_t linear_count(const struct linear_history *history)
{
    return history->count;
}

void linear_set_states_max(struct linear_history *history, uint32_t states_max)
{
    CHECK(states_max <= LINEAR_STATES_MAX);
    history->states_max = states_max;
}

static const char *reason_of(enum linear_answer answer)
{
    switch (answer) {
    case LINEAR_OK:
        return "";
    case LINEAR_VIOLATION:
        return "no order of the operations explains their answers";
    case LINEAR_UNDECIDED:
        break;
    }
    return "too many states to explore";
}

void linear_check(struct linear_history *history, struct linear_verdict *verdict)
{
    struct linear_meanings meanings;
    *verdict = (struct linear_verdict){.operation = LINEAR_NO_OPERATION};
    free(history->prefix);
    history->prefix = memory_zeroed(history->count, sizeof(uint32_t));
    history->prefix_count = 0;
    if (history->overflown) {
        verdict->answer = LINEAR_UNDECIDED;
        verdict->reason = "more operations than a history can hold";
        return;
    }
    linear_meanings_init(&meanings, history);
    if (meanings.contradiction != NULL) {
        verdict->answer = LINEAR_VIOLATION;
        verdict->reason = meanings.contradiction;
        verdict->operation = meanings.contradicting;
    } else {
        verdict->answer = linear_search(history, &meanings, &verdict->states);
        verdict->reason = reason_of(verdict->answer);
    }
    verdict->prefix = history->prefix;
    verdict->prefix_count = history->prefix_count;
    linear_meanings_release(&meanings);
}
