#include "sim/epidemic_oracle.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/list.h"

#include <stdlib.h>

enum { CAPACITY_FIRST = 8 };

static void numbers_add(struct oracle_numbers *numbers, uint32_t number)
{
    if (numbers->count == numbers->capacity) {
        numbers->capacity = numbers->capacity > 0 ? 2 * numbers->capacity : CAPACITY_FIRST;
        numbers->list = memory_resize(numbers->list, numbers->capacity * sizeof *numbers->list);
    }
    numbers->list[numbers->count++] = number;
}

void epidemic_oracle_init(struct epidemic_oracle *oracle, uint32_t keys)
{
    *oracle = (struct epidemic_oracle){.keys = keys};
    table_init(&oracle->by_dot);
    knowledge_init(&oracle->horizon);
    oracle->of_key = memory_zeroed(keys, sizeof *oracle->of_key);
    oracle->at_risk = memory_zeroed(keys, sizeof *oracle->at_risk);
}

void epidemic_oracle_release(struct epidemic_oracle *oracle)
{
    for (uint32_t i = 0; i < oracle->count; i++) {
        free(oracle->list[i]->covered.list);
        free(oracle->list[i]);
    }
    for (uint32_t key = 0; key < oracle->keys; key++)
        free(oracle->of_key[key].list);
    free(oracle->list);
    free(oracle->of_key);
    free(oracle->at_risk);
    table_release(&oracle->by_dot);
    knowledge_release(&oracle->horizon);
}

static uint64_t dot_hash(struct dot dot)
{
    uint64_t words[2] = {dot.origin, dot.sequence};
    return hash64(slice_of(words, sizeof words), 0);
}

static bool is_dot(const struct table_node *node, const void *wanted)
{
    return dot_equal(LIST_ITEM(node, struct oracle_operation, node)->dot,
                     *(const struct dot *)wanted);
}

struct oracle_operation *epidemic_oracle_find(const struct epidemic_oracle *oracle, struct dot dot)
{
    struct table_node *node = table_find(&oracle->by_dot, dot_hash(dot), is_dot, &dot);
    return node != NULL ? LIST_ITEM(node, struct oracle_operation, node) : NULL;
}

static struct oracle_operation *append(struct epidemic_oracle *oracle)
{
    CHECK(oracle->count < EPIDEMIC_ORACLE_OPERATIONS_MAX);
    if (oracle->count == oracle->capacity) {
        oracle->capacity = oracle->capacity > 0 ? 2 * oracle->capacity : CAPACITY_FIRST;
        oracle->list = memory_resize(oracle->list, oracle->capacity * sizeof(void *));
    }
    struct oracle_operation *own = memory_zeroed(1, sizeof *own);
    own->number = oracle->count;
    oracle->list[oracle->count++] = own;
    return own;
}

struct oracle_operation *epidemic_oracle_add(struct epidemic_oracle *oracle,
                                             const struct operation *operation, uint32_t key,
                                             uint32_t writer)
{
    CHECK(key < oracle->keys);
    if (epidemic_oracle_find(oracle, operation->dot) != NULL)
        return NULL;
    struct oracle_operation *own = append(oracle);
    own->key = key;
    own->dot = operation->dot;
    own->stamp = operation_stamp(operation);
    own->id = operation_id_of(operation);
    own->value_hash = hash64(operation->value, 0);
    own->expiry_ms = operation->expiry_ms;
    own->dead = operation->dead;
    own->writer = writer;
    table_add(&oracle->by_dot, &own->node, dot_hash(own->dot));
    struct oracle_numbers *of_key = &oracle->of_key[key];
    for (uint32_t i = 0; i < of_key->count; i++) {
        struct oracle_operation *older = oracle->list[of_key->list[i]];
        if (operation_covers(operation, older->dot))
            numbers_add(&older->covered, own->number);
    }
    numbers_add(of_key, own->number);
    return own;
}

bool epidemic_oracle_covers(const struct oracle_operation *by,
                            const struct oracle_operation *operation)
{
    const struct oracle_numbers *covered = &operation->covered;
    uint32_t low = 0;
    uint32_t high = covered->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (covered->list[middle] < by->number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < covered->count && covered->list[low] == by->number;
}

// Whether one in `known`, but for `but`, covers it.
static bool is_covered_without(const struct epidemic_oracle *oracle,
                               const struct oracle_operation *operation,
                               const struct knowledge *known, const struct oracle_operation *but)
{
    for (uint32_t i = 0; i < operation->covered.count; i++) {
        const struct oracle_operation *by = oracle->list[operation->covered.list[i]];
        if (by != but && knowledge_has(known, by->dot))
            return true;
    }
    return false;
}

const char *epidemic_oracle_judge_removal(const struct epidemic_oracle *oracle,
                                          const struct oracle_operation *operation,
                                          const struct knowledge *known, uint64_t until_ms)
{
    const struct oracle_numbers *of_key = &oracle->of_key[operation->key];
    for (uint32_t i = 0; operation->dead && i < of_key->count; i++) {
        const struct oracle_operation *older = oracle->list[of_key->list[i]];
        bool had_expired = older->expiry_ms != 0 && older->expiry_ms <= until_ms;
        if (!older->dead && !had_expired && epidemic_oracle_covers(operation, older) &&
            !is_covered_without(oracle, older, known, operation))
            return "removes what had not expired";
    }
    return NULL;
}

bool epidemic_oracle_skips_own(const struct epidemic_oracle *oracle,
                               const struct oracle_operation *operation)
{
    const struct oracle_numbers *of_key = &oracle->of_key[operation->key];
    for (uint32_t i = 0; i < of_key->count; i++) {
        const struct oracle_operation *older = oracle->list[of_key->list[i]];
        if (older->dot.origin == operation->dot.origin &&
            older->dot.sequence < operation->dot.sequence && !older->dead &&
            older->covered.count == 0)
            return true;
    }
    return false;
}

bool epidemic_oracle_is_covered(const struct epidemic_oracle *oracle,
                                const struct oracle_operation *operation,
                                const struct knowledge *known)
{
    for (uint32_t i = 0; i < operation->covered.count; i++)
        if (knowledge_has(known, oracle->list[operation->covered.list[i]]->dot))
            return true;
    return false;
}
