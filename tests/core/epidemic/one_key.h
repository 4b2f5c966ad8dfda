// Operations of one key, and what they come to, for tests of its versions.
#ifndef BRUSIO_TESTS_CORE_EPIDEMIC_ONE_KEY_H
#define BRUSIO_TESTS_CORE_EPIDEMIC_ONE_KEY_H

#include "core/epidemic/versions.h"

static inline struct dot key_dot(uint64_t origin, uint64_t sequence)
{
    return (struct dot){.origin = origin, .sequence = sequence};
}

// A put, or, `dead`, a delete, that replaces nothing; its counter is 1.
struct operation key_operation(struct dot dot, bool dead);
// The first operation of an origin.
struct operation key_put(uint64_t origin);
struct operation key_delete(uint64_t origin);
// `operation` replaces `dot`, too.
void key_cover(struct operation *operation, struct dot dot);
// `operation` replaces the first one of `origin`, too.
void key_cover_first(struct operation *operation, uint64_t origin);

// The set of `count` dots. To be released.
struct knowledge key_knowledge(const struct dot *dots, size_t count);

// The form in which an operation arrives with all that it has.
static inline enum operation_form key_whole_form(const struct operation *operation)
{
    return operation->dead ? OPERATION_DELETE : OPERATION_PUT;
}

// Arrives, not known yet, with all that it has.
struct arrival_result key_take_stable(struct versions *versions, const struct operation *operation,
                                      const struct knowledge *stable);
// The same with nothing stable.
enum arrival key_take(struct versions *versions, const struct operation *operation);
// Without its value.
enum arrival key_take_bare(struct versions *versions, const struct operation *operation);
// From the store.
void key_load(struct versions *versions, const struct operation *operation,
              enum version_state state);

// VERSION_STATE_COUNT when it is not here.
enum version_state key_state(const struct versions *versions, const struct operation *operation);
bool key_has(const struct versions *versions, const struct operation *operation);
// How many headers are here.
uint32_t key_count(const struct versions *versions);

// Checks the invariants, and releases.
void key_finish(struct versions *versions);

#endif
