#include "session_oracle.h"

#include "base/check.h"
#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

enum { TEXT_BYTES = 256 };

void session_oracle_init(struct session_oracle *oracle)
{
    *oracle = (struct session_oracle){0};
    table_init(&oracle->table);
}

void session_oracle_release(struct session_oracle *oracle)
{
    for (unsigned i = 0; i < oracle->key_count; i++) {
        for (struct oracle_operation *at = oracle->keys[i], *next; at != NULL; at = next) {
            next = at->next;
            free(at);
        }
        free((void *)(uintptr_t)oracle->names[i].bytes);
    }
    table_release(&oracle->table);
}

static uint64_t hash_of(struct dot dot)
{
    return hash64(slice_of(&dot, sizeof dot), 1);
}

static bool has_dot(const struct table_node *node, const void *wanted)
{
    const struct oracle_operation *operation = (const struct oracle_operation *)(const void *)node;
    return dot_equal(operation->dot, *(const struct dot *)wanted);
}

static struct oracle_operation *find(const struct session_oracle *oracle, struct dot dot)
{
    return (struct oracle_operation *)(void *)table_find(&oracle->table, hash_of(dot), has_dot,
                                                         &dot);
}

static unsigned key_of(struct session_oracle *oracle, struct slice name)
{
    for (unsigned i = 0; i < oracle->key_count; i++)
        if (slice_equal(oracle->names[i], name))
            return i;
    assert_true(oracle->key_count < ORACLE_KEYS_MAX);
    oracle->names[oracle->key_count] = slice_of(memory_copy(name.bytes, name.length), name.length);
    return oracle->key_count++;
}

static void add(struct session_oracle *oracle, const struct operation *operation)
{
    struct oracle_operation *added = memory_zeroed(1, sizeof *added);
    assert_null(find(oracle, operation->dot));
    added->dot = operation->dot;
    added->dead = operation->dead;
    added->context = operation->context;
    added->key = key_of(oracle, operation->key);
    added->next = oracle->keys[added->key];
    oracle->keys[added->key] = added;
    table_add(&oracle->table, &added->node, hash_of(added->dot));
}

void session_oracle_see(struct session_oracle *oracle, struct space *space)
{
    struct operation operation;
    enum operation_form form;
    for (uint64_t number = space->next; number > 1; number--) {
        struct dot dot = {.origin = space->origin, .sequence = number - 1};
        if (find(oracle, dot) != NULL)
            break;
        if (space_find_dot(space, dot, &operation, &form) == ERR_OK)
            add(oracle, &operation);
    }
}

// --- looking at a replica

struct look {
    const struct session_oracle *oracle;
    const char *wrong;
};

static bool note_stored(void *context, const struct operation *operation, enum operation_form form,
                        uint64_t id_head)
{
    struct look *look = context;
    struct oracle_operation *found = find(look->oracle, operation->dot);
    (void)id_head;
    if (found == NULL)
        look->wrong = "nobody wrote it";
    else
        found->stored = (uint8_t)(form + 1);
    return found != NULL;
}

static void look_at(const struct session_oracle *oracle, struct space *space, struct look *look)
{
    struct knowledge all = {0};
    for (unsigned i = 0; i < oracle->key_count; i++)
        for (struct oracle_operation *at = oracle->keys[i]; at != NULL; at = at->next) {
            at->stored = 0;
            at->is_known = knowledge_has(&space->known, at->dot);
        }
    knowledge_copy(&all, &space->known);
    assert_int_equal(knowledge_merge(&all, &space->strays), ERR_OK);
    for (uint32_t i = 0; i < all.count; i++)
        for (uint32_t j = 0; j < all.origins[i].count; j++)
            assert_int_equal(space_walk_origin(space, all.origins[i].origin, all.origins[i].list[j],
                                               note_stored, look),
                             ERR_OK);
    knowledge_release(&all);
}

// What of its key says that it is gone.
struct evidence {
    bool is_covered; // by anything that is known or stored
    bool is_told;    // by a stored header
    bool is_dead;    // under the horizon
};

static struct evidence evidence_of(const struct session_oracle *oracle, const struct space *space,
                                   const struct oracle_operation *operation)
{
    bool is_under = knowledge_has(&space->horizon, operation->dot);
    struct evidence evidence = {.is_dead = is_under && operation->dead};
    for (const struct oracle_operation *by = oracle->keys[operation->key]; by != NULL;
         by = by->next) {
        if (!context_covers(&by->context, operation->dot))
            continue;
        evidence.is_covered |= by->is_known || by->stored != 0;
        evidence.is_told |= by->stored != 0;
        evidence.is_dead |= is_under && knowledge_has(&space->horizon, by->dot);
    }
    return evidence;
}

// What is wrong with one operation at a replica.
static const char *judge(const struct session_oracle *oracle, const struct space *space,
                         struct oracle_operation *operation, unsigned replica)
{
    struct evidence evidence = evidence_of(oracle, space, operation);
    bool is_live = operation->stored == OPERATION_PUT + 1;
    bool is_certificate = operation->stored == OPERATION_DELETE + 1;
    bool was_gone = (operation->gone >> replica & 1) != 0;
    if (is_live && !operation->is_known)
        return "live, and not known";
    if (is_live && evidence.is_covered)
        return "live, and covered";
    if (is_live && was_gone)
        return "live, and was gone";
    if (!operation->is_known || is_live)
        return NULL;
    operation->gone |= 1u << replica;
    if (!operation->dead && !evidence.is_covered)
        return "known, covered by nothing, and not live";
    if (!is_certificate && !evidence.is_told && !evidence.is_dead)
        return "known, and nothing says that it is gone";
    return NULL;
}

const char *session_oracle_judge(struct session_oracle *oracle, struct space *space,
                                 unsigned replica)
{
    static char text[TEXT_BYTES];
    struct look look = {.oracle = oracle};
    look_at(oracle, space, &look);
    if (look.wrong != NULL)
        return look.wrong;
    for (unsigned i = 0; i < oracle->key_count; i++)
        for (struct oracle_operation *at = oracle->keys[i]; at != NULL; at = at->next) {
            const char *wrong = judge(oracle, space, at, replica);
            if (wrong == NULL)
                continue;
            snprintf(text, sizeof text, "replica %u: %.*s: %s %016llx:%llu is %s", replica,
                     (int)oracle->names[i].length, (const char *)oracle->names[i].bytes,
                     at->dead ? "delete" : "put", (unsigned long long)at->dot.origin,
                     (unsigned long long)at->dot.sequence, wrong);
            return text;
        }
    return NULL;
}

void session_oracle_check(struct session_oracle *oracle, struct space *space, unsigned replica)
{
    const char *wrong = session_oracle_judge(oracle, space, replica);
    if (wrong != NULL)
        fail_msg("%s", wrong);
}

void session_oracle_excuse(struct session_oracle *oracle, unsigned replica)
{
    for (unsigned i = 0; i < oracle->key_count; i++)
        for (struct oracle_operation *at = oracle->keys[i]; at != NULL; at = at->next)
            at->gone &= ~(1u << replica);
}
