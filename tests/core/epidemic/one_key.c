#include "one_key.h"

#include "base/check.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static const struct knowledge nothing;

struct operation key_operation(struct dot dot, bool dead)
{
    struct operation operation = {
        .space = 1, .dot = dot, .counter = 1, .dead = dead, .key = slice_of_text("key")};
    if (!dead)
        operation_set_value(&operation, slice_of_text("value"));
    return operation;
}

struct operation key_put(uint64_t origin)
{
    return key_operation(key_dot(origin, 1), false);
}

struct operation key_delete(uint64_t origin)
{
    return key_operation(key_dot(origin, 1), true);
}

void key_cover(struct operation *operation, struct dot dot)
{
    CHECK(context_raise(&operation->context, dot) == ERR_OK);
}

void key_cover_first(struct operation *operation, uint64_t origin)
{
    key_cover(operation, key_dot(origin, 1));
}

struct knowledge key_knowledge(const struct dot *dots, size_t count)
{
    struct knowledge knowledge;
    knowledge_init(&knowledge);
    for (size_t i = 0; i < count; i++)
        CHECK(knowledge_add(&knowledge, dots[i]) == ERR_OK);
    return knowledge;
}

struct arrival_result key_take_stable(struct versions *versions, const struct operation *operation,
                                      const struct knowledge *stable)
{
    struct sha256 id = operation_id_of(operation);
    return versions_apply(versions, operation, &id, key_whole_form(operation), false, false,
                          stable);
}

enum arrival key_take(struct versions *versions, const struct operation *operation)
{
    return key_take_stable(versions, operation, &nothing).arrival;
}

enum arrival key_take_bare(struct versions *versions, const struct operation *operation)
{
    struct sha256 id = operation_id_of(operation);
    return versions_apply(versions, operation, &id, OPERATION_BARE, false, false, &nothing).arrival;
}

void key_load(struct versions *versions, const struct operation *operation,
              enum version_state state)
{
    struct sha256 id = operation_id_of(operation);
    CHECK(versions_load(versions, operation, &id, state) == ERR_OK);
}

enum version_state key_state(const struct versions *versions, const struct operation *operation)
{
    struct sha256 id = operation_id_of(operation);
    const struct version *version = versions_find(versions, operation->dot, &id);
    return version != NULL ? version->state : VERSION_STATE_COUNT;
}

bool key_has(const struct versions *versions, const struct operation *operation)
{
    return key_state(versions, operation) != VERSION_STATE_COUNT;
}

uint32_t key_count(const struct versions *versions)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < versions->count; i++)
        count += !versions->list[i].is_gone;
    return count;
}

void key_finish(struct versions *versions)
{
    versions_invariants(versions);
    versions_release(versions);
}
