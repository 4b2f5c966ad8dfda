// Every operation that was ever written in a simulation, and what covers what: what peers show of
// an optimistic keyspace is judged by it.
//
// Promise: what is live at a peer is a function of what it knows (rule R9): the puts that no known
// operation covers. The oracle says which these are, from the headers alone, without the core.
//
// Invariants
//  1. A dot names one operation.
//  2. The coverers of an operation are of its key.
//
// It knows nothing of stores, messages and peers but their numbers.
#ifndef BRUSIO_SIM_EPIDEMIC_ORACLE_H
#define BRUSIO_SIM_EPIDEMIC_ORACLE_H

#include "base/table.h"
#include "core/epidemic/knowledge.h"
#include "core/epidemic/operation.h"

#define EPIDEMIC_ORACLE_OPERATIONS_MAX (1u << 20)

// What is handed out; a list that grows.
struct oracle_numbers {
    uint32_t *list; // owned
    uint32_t count;
    uint32_t capacity;
};

struct oracle_operation {
    struct table_node node; // by dot
    uint32_t number;        // 0, 1, ... in order of writing
    uint32_t key;
    struct dot dot;
    struct stamp stamp;
    struct sha256 id;
    uint64_t value_hash;
    uint64_t expiry_ms; // UTC, 0 for never
    bool dead;
    uint32_t writer;               // the peer's index
    bool acknowledged;             // to whoever asked for it
    bool may_be_lost;              // its writer's disk was lost since
    struct oracle_numbers covered; // by these, ascending
};

struct epidemic_oracle {
    struct oracle_operation **list; // owned, by number
    uint32_t count;
    uint32_t capacity;
    struct table by_dot;
    uint32_t keys;
    struct oracle_numbers *of_key; // owned
    bool *at_risk;                 // owned, by key: a store lost something of it without a word
    struct knowledge horizon;      // all that any peer had under its horizon
};

// Of keys 0 to keys - 1.
void epidemic_oracle_init(struct epidemic_oracle *oracle, uint32_t keys);
void epidemic_oracle_release(struct epidemic_oracle *oracle);

// Notes an operation that a peer wrote (with its value, if it is a put). NULL when its dot was used
// before. Borrowed until release.
struct oracle_operation *epidemic_oracle_add(struct epidemic_oracle *oracle,
                                             const struct operation *operation, uint32_t key,
                                             uint32_t writer);

// NULL for what nobody wrote.
struct oracle_operation *epidemic_oracle_find(const struct epidemic_oracle *oracle, struct dot dot);

bool epidemic_oracle_covers(const struct oracle_operation *by,
                            const struct oracle_operation *operation);

// Why the newest operation, which nobody asked for, is no removal of what had expired (rule R16):
// it covers what had not, by `until_ms`, and what nothing else in `known` covers. NULL when it is
// one, or a put.
const char *epidemic_oracle_judge_removal(const struct epidemic_oracle *oracle,
                                          const struct oracle_operation *operation,
                                          const struct knowledge *known, uint64_t until_ms);

// Whether the newest operation leaves out what its own origin wrote of the key before and nothing
// covers: others, who see it alone, would cover that with it.
bool epidemic_oracle_skips_own(const struct epidemic_oracle *oracle,
                               const struct oracle_operation *operation);

// Whether an operation in `known` covers this one.
bool epidemic_oracle_is_covered(const struct epidemic_oracle *oracle,
                                const struct oracle_operation *operation,
                                const struct knowledge *known);

#endif
