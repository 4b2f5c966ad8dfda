// What clients were told of one key, judged as it comes.
//
// Versions have an order that everyone can see: that of their stamps. So it takes no search to say
// whether answers are linearizable: what one client was shown before another one's operation began
// is a lower bound for that one.
//
// Promise: `violation` says what is wrong, and stays NULL as long as
//  1. what an answer rests on is no older than what any answer before the operation's beginning
//     rested on, and a write's own version is newer;
//  2. each version that is shown was ordered for the operation that names it, and shows its value;
//  3. no operation is done twice, and none that was refused is done;
//  4. a key is absent only if it never was there, or a delete newer than what was shown is known;
//  5. between the version that a compare-and-set expects and its own, no other was ever shown;
//  6. a writer is told the truth about whether there was a value before.
//
// It does not search for another order than that of stamps: a correct history in another one would
// be called wrong. Where a version may have been ordered unseen, between two writes that went out
// as one record, promise 6 is not asked for.
#ifndef BRUSIO_TESTS_CORE_STRONG_KEY_HISTORY_H
#define BRUSIO_TESTS_CORE_STRONG_KEY_HISTORY_H

#include "model/request.h"

#define KEY_OPERATIONS_MAX 1024
#define KEY_VERSIONS_MAX 2048
#define KEY_VALUE_BYTES 8

enum key_outcome { KEY_OPEN, KEY_DONE, KEY_REFUSED, KEY_UNKNOWN };

struct key_operation {
    enum request_kind kind;
    enum condition condition;
    struct stamp expected;
    struct stamp floor; // the newest version that was shown when it began
    struct stamp own;   // the version that it is seen to have written
    enum key_outcome outcome;
};

struct key_version {
    struct stamp stamp;
    uint64_t operation;
    bool dead;
    bool shown; // some answer rests on it
};

struct key_history {
    struct key_operation operations[KEY_OPERATIONS_MAX + 1]; // by number, from 1 on
    uint64_t operation_count;
    struct key_version versions[KEY_VERSIONS_MAX]; // ascending
    unsigned version_count;
    struct stamp newest; // that was shown
    const char *violation;
};

void key_history_init(struct key_history *history);

// Gives the operation's number. At most KEY_OPERATIONS_MAX (checked).
uint64_t key_history_begin(struct key_history *history, const struct request *request);

// The bytes that a put of this number writes.
void key_history_value(uint64_t number, uint8_t value[KEY_VALUE_BYTES]);

// A record with this stamp exists somewhere, or did; repeating it changes nothing.
void key_history_ordered(struct key_history *history, struct stamp stamp, uint64_t number,
                         bool dead);

// The answer: ERR_OK, ERR_NOT_FOUND or ERR_MISMATCH.
void key_history_done(struct key_history *history, uint64_t number, const struct reply *reply);

// The client was told that nothing was done, or nothing certain.
void key_history_refused(struct key_history *history, uint64_t number);
void key_history_lost(struct key_history *history, uint64_t number);

#endif
