// Somebody who has seen every operation that was ever written, and says of each replica whether it
// is what the rules make of what it knows.
//
// Promise: what is live at a replica is what it knows, less what anything that it has or knows
// covers; and for each dot that it knows: it is live, or a certificate, or a stored header covers
// it, or it is dead under the replica's horizon.
#ifndef BRUSIO_TESTS_CORE_EPIDEMIC_SESSION_ORACLE_H
#define BRUSIO_TESTS_CORE_EPIDEMIC_SESSION_ORACLE_H

#include "base/table.h"
#include "core/epidemic/space.h"

struct oracle_operation {
    struct table_node node;
    struct oracle_operation *next; // of its key
    struct dot dot;
    bool dead;
    struct context context;
    unsigned key;
    uint8_t stored; // at the replica that is looked at: a form and 1, or 0
    bool is_known;
    uint32_t gone; // bit r: replica r has known it, and not had it live
};

#define ORACLE_KEYS_MAX 64u

struct session_oracle {
    struct table table;
    struct slice names[ORACLE_KEYS_MAX]; // owned
    struct oracle_operation *keys[ORACLE_KEYS_MAX];
    unsigned key_count;
};

void session_oracle_init(struct session_oracle *oracle);
void session_oracle_release(struct session_oracle *oracle);

// To be called after every step at which the replica may have written.
void session_oracle_see(struct session_oracle *oracle, struct space *space);

// What is wrong with this replica, as text; NULL when nothing is.
const char *session_oracle_judge(struct session_oracle *oracle, struct space *space,
                                 unsigned replica);
// Fails the test if anything is.
void session_oracle_check(struct session_oracle *oracle, struct space *space, unsigned replica);
// The replica has lost what was not durable, or more: it may show again what was gone.
void session_oracle_excuse(struct session_oracle *oracle, unsigned replica);

#endif
