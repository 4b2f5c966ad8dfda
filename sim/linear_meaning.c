#include "sim/linear_meaning.h"

#include "base/check.h"

#include <stdlib.h>

// Which operation wrote a value, or which state has a stamp; sorted for searching.
struct value_place {
    uint64_t value;
    uint32_t operation;
};

struct stamp_place {
    struct stamp stamp;
    uint32_t state;
    uint32_t operation; // whose answer said so
};

struct builder {
    const struct linear_history *history;
    struct linear_meanings *meanings;
    struct value_place *values;
    uint32_t value_count;
    struct stamp_place *stamps; // of known versions
    uint32_t stamp_count;
    struct stamp *nameless; // stamps of no known version
    uint32_t nameless_count;
};

static int compare_values(const void *left, const void *right)
{
    const struct value_place *a = left;
    const struct value_place *b = right;
    return (a->value > b->value) - (a->value < b->value);
}

static int compare_stamp_places(const void *left, const void *right)
{
    const struct stamp_place *a = left;
    const struct stamp_place *b = right;
    return stamp_compare(a->stamp, b->stamp);
}

static int compare_states(const void *left, const void *right)
{
    const struct stamp_place *a = left;
    const struct stamp_place *b = right;
    return (a->state > b->state) - (a->state < b->state);
}

static int compare_stamps(const void *left, const void *right)
{
    const struct stamp *a = left;
    const struct stamp *b = right;
    return stamp_compare(*a, *b);
}

static void contradict(struct builder *builder, uint32_t operation, const char *why)
{
    if (builder->meanings->contradiction != NULL)
        return;
    builder->meanings->contradiction = why;
    builder->meanings->contradicting = operation;
}

static const struct linear_entry *entry_at(const struct builder *builder, uint32_t operation)
{
    return &builder->history->entries[operation];
}

static void collect_values(struct builder *builder)
{
    for (uint32_t i = 0; i < builder->history->count; i++) {
        const struct linear_operation *operation = &entry_at(builder, i)->operation;
        if (operation->kind == LINEAR_PUT)
            builder->values[builder->value_count++] = (struct value_place){operation->value, i};
    }
    qsort(builder->values, builder->value_count, sizeof builder->values[0], compare_values);
    for (uint32_t i = 1; i < builder->value_count; i++)
        CHECK(builder->values[i - 1].value != builder->values[i].value);
}

// The operation whose version a read shows, or LINEAR_NO_OPERATION when none can have written it.
static uint32_t writer_of(const struct builder *builder, uint64_t value)
{
    const struct value_place wanted = {.value = value};
    const struct value_place *found = bsearch(&wanted, builder->values, builder->value_count,
                                              sizeof builder->values[0], compare_values);
    if (found == NULL)
        return LINEAR_NO_OPERATION;
    enum linear_result result = entry_at(builder, found->operation)->outcome.result;
    return result == LINEAR_DONE || result == LINEAR_UNKNOWN ? found->operation
                                                             : LINEAR_NO_OPERATION;
}

static bool shows_version(const struct linear_entry *entry)
{
    if (entry->outcome.result != LINEAR_DONE)
        return false;
    return entry->operation.kind == LINEAR_PUT ||
           (entry->operation.kind == LINEAR_READ && entry->outcome.value != 0);
}

static void collect_known_stamps(struct builder *builder)
{
    for (uint32_t i = 0; i < builder->history->count; i++) {
        const struct linear_entry *entry = entry_at(builder, i);
        if (!shows_version(entry))
            continue;
        uint32_t writer =
            entry->operation.kind == LINEAR_PUT ? i : writer_of(builder, entry->outcome.value);
        if (writer == LINEAR_NO_OPERATION)
            contradict(builder, i, "a read shows a value that was never written");
        else if (stamp_is_zero(entry->outcome.stamp))
            contradict(builder, i, "a version has no stamp");
        else
            builder->stamps[builder->stamp_count++] =
                (struct stamp_place){entry->outcome.stamp, linear_state_of(writer), i};
    }
    struct stamp_place *stamps = builder->stamps;
    qsort(stamps, builder->stamp_count, sizeof stamps[0], compare_states);
    for (uint32_t i = 1; i < builder->stamp_count; i++)
        if (stamps[i - 1].state == stamps[i].state &&
            compare_stamp_places(&stamps[i - 1], &stamps[i]) != 0)
            contradict(builder, stamps[i].operation, "one version has two stamps");
    qsort(stamps, builder->stamp_count, sizeof stamps[0], compare_stamp_places);
    for (uint32_t i = 1; i < builder->stamp_count; i++)
        if (stamps[i - 1].state != stamps[i].state &&
            compare_stamp_places(&stamps[i - 1], &stamps[i]) == 0)
            contradict(builder, stamps[i].operation, "two versions have one stamp");
}

static const struct stamp_place *known_stamp(const struct builder *builder, struct stamp stamp)
{
    const struct stamp_place wanted = {.stamp = stamp};
    return bsearch(&wanted, builder->stamps, builder->stamp_count, sizeof builder->stamps[0],
                   compare_stamp_places);
}

static void note_stamp(struct builder *builder, struct stamp stamp)
{
    if (!stamp_is_zero(stamp) && known_stamp(builder, stamp) == NULL)
        builder->nameless[builder->nameless_count++] = stamp;
}

static void collect_nameless_stamps(struct builder *builder)
{
    for (uint32_t i = 0; i < builder->history->count; i++) {
        const struct linear_entry *entry = entry_at(builder, i);
        if (entry->outcome.result == LINEAR_MISMATCH)
            note_stamp(builder, entry->outcome.stamp);
        else if (entry->outcome.result != LINEAR_REFUSED &&
                 entry->operation.condition == CONDITION_STAMP)
            note_stamp(builder, entry->operation.expected);
    }
    if (builder->nameless_count == 0)
        return;
    qsort(builder->nameless, builder->nameless_count, sizeof builder->nameless[0], compare_stamps);
    uint32_t kept = 1;
    for (uint32_t i = 1; i < builder->nameless_count; i++)
        if (stamp_compare(builder->nameless[i], builder->nameless[kept - 1]) != 0)
            builder->nameless[kept++] = builder->nameless[i];
    builder->nameless_count = kept;
}

static uint32_t state_with(const struct builder *builder, struct stamp stamp)
{
    const struct stamp_place *known = known_stamp(builder, stamp);
    if (known != NULL)
        return known->state;
    const struct stamp *found = bsearch(&stamp, builder->nameless, builder->nameless_count,
                                        sizeof builder->nameless[0], compare_stamps);
    CHECK(found != NULL);
    return linear_state_of(builder->history->count) + (uint32_t)(found - builder->nameless);
}

static void need_state(struct linear_meaning *meaning, uint32_t state)
{
    meaning->need = LINEAR_NEED_STATE;
    meaning->need_state = state;
}

static void mean_read(struct builder *builder, uint32_t i, struct linear_meaning *meaning)
{
    const struct linear_outcome *outcome = &entry_at(builder, i)->outcome;
    if (outcome->result == LINEAR_UNKNOWN || outcome->result == LINEAR_REFUSED)
        return;
    meaning->role = LINEAR_ROLE_SURE;
    if (outcome->result == LINEAR_MISMATCH)
        contradict(builder, i, "a read has no condition that could fail");
    else if (outcome->value == 0)
        meaning->need = LINEAR_NEED_ABSENT;
    else
        need_state(meaning, linear_state_of(writer_of(builder, outcome->value)));
}

// A write that took place, or may have: what its condition and its answer need.
static void mean_write(struct builder *builder, uint32_t i, struct linear_meaning *meaning)
{
    const struct linear_entry *entry = entry_at(builder, i);
    bool is_done = entry->outcome.result == LINEAR_DONE;
    bool absent = is_done && entry->outcome.existed == LINEAR_EXISTED_NO;
    bool present = is_done && entry->outcome.existed == LINEAR_EXISTED_YES;
    enum condition condition = entry->operation.condition;
    if ((condition == CONDITION_ABSENT && present) ||
        ((condition == CONDITION_PRESENT || condition == CONDITION_STAMP) && absent))
        contradict(builder, i, "the condition held, and what existed before says that it did not");
    if (condition == CONDITION_STAMP)
        need_state(meaning, state_with(builder, entry->operation.expected));
    else if (condition == CONDITION_ABSENT || absent)
        meaning->need = LINEAR_NEED_ABSENT;
    else if (condition == CONDITION_PRESENT || present)
        meaning->need = LINEAR_NEED_PRESENT;
    meaning->effect = entry->operation.kind == LINEAR_PUT ? LINEAR_EFFECT_SET : LINEAR_EFFECT_CLEAR;
    if (meaning->effect == LINEAR_EFFECT_CLEAR && meaning->need == LINEAR_NEED_ABSENT)
        meaning->effect = LINEAR_EFFECT_NONE;
}

static void mean_mismatch(struct builder *builder, uint32_t i, struct linear_meaning *meaning)
{
    const struct linear_entry *entry = entry_at(builder, i);
    const struct linear_operation *operation = &entry->operation;
    bool absent = stamp_is_zero(entry->outcome.stamp);
    bool holds = operation->condition == CONDITION_NONE ||
                 (operation->condition == CONDITION_ABSENT && absent) ||
                 (operation->condition == CONDITION_PRESENT && !absent) ||
                 (operation->condition == CONDITION_STAMP && !absent &&
                  stamp_compare(operation->expected, entry->outcome.stamp) == 0);
    if (holds)
        contradict(builder, i, "a mismatch shows what the condition asked for");
    if (absent)
        meaning->need = LINEAR_NEED_ABSENT;
    else
        need_state(meaning, state_with(builder, entry->outcome.stamp));
}

static void mean_change(struct builder *builder, uint32_t i, struct linear_meaning *meaning)
{
    const struct linear_entry *entry = entry_at(builder, i);
    enum linear_result result = entry->outcome.result;
    bool impossible =
        entry->operation.condition == CONDITION_STAMP && stamp_is_zero(entry->operation.expected);
    if (result == LINEAR_REFUSED)
        return;
    if (result == LINEAR_MISMATCH) {
        meaning->role = LINEAR_ROLE_SURE;
        mean_mismatch(builder, i, meaning);
    } else if (impossible) {
        if (result == LINEAR_DONE)
            contradict(builder, i, "a condition held that never holds");
    } else {
        meaning->role = result == LINEAR_DONE ? LINEAR_ROLE_SURE : LINEAR_ROLE_UNSEEN;
        mean_write(builder, i, meaning);
    }
}

// A stamp that no sure operation showed or needed: whoever named it has guessed.
static bool is_guess(const struct linear_meanings *meanings, const struct linear_meaning *meaning)
{
    return meaning->need == LINEAR_NEED_STATE &&
           linear_state_is_nameless(meanings, meaning->need_state) &&
           meanings->needed[meaning->need_state] == 0;
}

// Which of the unknown puts were seen, and what unknown deletes are worth.
static void settle_unknown(struct linear_meanings *meanings)
{
    for (uint32_t i = 0; i < meanings->count; i++) {
        struct linear_meaning *meaning = &meanings->items[i];
        if (meaning->role != LINEAR_ROLE_UNSEEN)
            continue;
        if (is_guess(meanings, meaning))
            meaning->need = LINEAR_NEED_PRESENT;
        if (meaning->effect == LINEAR_EFFECT_SET && meanings->needed[linear_state_of(i)] > 0)
            meaning->role = LINEAR_ROLE_SEEN;
        else if (meaning->effect == LINEAR_EFFECT_NONE)
            meaning->role = LINEAR_ROLE_NONE;
        else if (meaning->effect == LINEAR_EFFECT_CLEAR && meaning->need == LINEAR_NEED_NOTHING)
            meaning->need = LINEAR_NEED_PRESENT; // clearing what is absent changes nothing
    }
}

static void build(struct builder *builder)
{
    struct linear_meanings *meanings = builder->meanings;
    collect_values(builder);
    collect_known_stamps(builder);
    if (meanings->contradiction != NULL)
        return;
    collect_nameless_stamps(builder);
    meanings->state_count = linear_state_of(meanings->count) + builder->nameless_count + 1;
    meanings->needed = memory_zeroed(meanings->state_count, sizeof(uint32_t));
    for (uint32_t i = 0; i < meanings->count; i++) {
        struct linear_meaning *meaning = &meanings->items[i];
        if (entry_at(builder, i)->operation.kind == LINEAR_READ)
            mean_read(builder, i, meaning);
        else
            mean_change(builder, i, meaning);
        if (meaning->role == LINEAR_ROLE_SURE && meaning->need == LINEAR_NEED_STATE)
            meanings->needed[meaning->need_state]++;
    }
    settle_unknown(meanings);
}

void linear_meanings_init(struct linear_meanings *meanings, const struct linear_history *history)
{
    *meanings = (struct linear_meanings){
        .items = memory_zeroed(history->count, sizeof(struct linear_meaning)),
        .count = history->count,
        .contradicting = LINEAR_NO_OPERATION,
    };
    struct builder builder = {
        .history = history,
        .meanings = meanings,
        .values = memory_zeroed(history->count, sizeof(struct value_place)),
        .stamps = memory_zeroed(history->count, sizeof(struct stamp_place)),
        .nameless = memory_zeroed(history->count, sizeof(struct stamp)),
    };
    build(&builder);
    free(builder.values);
    free(builder.stamps);
    free(builder.nameless);
}

void linear_meanings_release(struct linear_meanings *meanings)
{
    free(meanings->items);
    free(meanings->needed);
    *meanings = (struct linear_meanings){0};
}
