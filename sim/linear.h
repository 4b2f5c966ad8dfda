// Decides whether a history of one key is linearizable (Herlihy and Wing, 1990): whether every
// operation can be given one moment between its beginning and its end, so that the answers are
// those of a single register.
//
// The register is absent, or holds a value and its stamp. The search is Wing and Gong's (1993) with
// the memory of Lowe (2017): no set of operations taken with the same register is explored twice.
//
// Promise
//  1. LINEAR_OK and LINEAR_VIOLATION are right (a violation up to a collision of 128-bit hashes, of
//     which there is no reason to expect one). LINEAR_UNDECIDED means that a maximum was reached,
//     no more.
//  2. An operation of unknown outcome, or one that never ended, may take effect at any moment after
//     its beginning, or never.
//  3. Real time is the order of the calls of linear_begin and linear_end; microseconds are for
//     people.
//
// Invariants
//  1. Every version has a stamp of its own, and a stamp that is not zero; every put has a value of
//     its own.
//
// It does not ask that stamps ascend, and knows nothing of keys: one history is one key. Where the
// condition of an operation of unknown outcome names a stamp that no answer ever showed, it may
// have met any version.
#ifndef BRUSIO_SIM_LINEAR_H
#define BRUSIO_SIM_LINEAR_H

#include "model/request.h"

#include <stdio.h>

#define LINEAR_OPERATIONS_MAX 32768
#define LINEAR_STATES_MAX (1u << 22)
#define LINEAR_NO_OPERATION UINT32_MAX

enum linear_kind { LINEAR_READ, LINEAR_PUT, LINEAR_DELETE };

struct linear_operation {
    enum linear_kind kind;
    enum condition condition; // of a put or delete
    struct stamp expected;    // of CONDITION_STAMP
    uint64_t value;           // of a put: not 0, and used by no other put
    uint64_t client;          // for people
};

enum linear_result {
    LINEAR_UNKNOWN,  // it may have taken effect, or may yet; of a read: no answer
    LINEAR_DONE,     // a delete of an absent key is DONE, and LINEAR_EXISTED_NO
    LINEAR_MISMATCH, // the condition did not hold
    LINEAR_REFUSED   // it has not taken effect and never will
};

enum linear_existed { LINEAR_EXISTED_UNSAID, LINEAR_EXISTED_NO, LINEAR_EXISTED_YES };

struct linear_outcome {
    enum linear_result result;
    enum linear_existed existed; // DONE put or delete: whether there was a value before
    uint64_t value;              // DONE read: 0 for absent
    struct stamp stamp;          // DONE read or put: of the version; MISMATCH: of what is there
                                 // (zero for absent)
};

enum linear_answer { LINEAR_OK, LINEAR_VIOLATION, LINEAR_UNDECIDED };

// `prefix` is one longest run of operations that could be ordered, in that order (those of unknown
// outcome only where they were needed). Borrowed from the history until its next check or its end.
struct linear_verdict {
    enum linear_answer answer;
    const char *reason; // of any other answer than LINEAR_OK; never NULL
    uint32_t operation; // one that contradicts itself or what was written; LINEAR_NO_OPERATION
    const uint32_t *prefix;
    uint32_t prefix_count;
    uint32_t states; // explored
};

struct linear_history;

// Gives an empty history of an absent key, to be ended by linear_free.
struct linear_history *linear_new(void);
void linear_free(struct linear_history *history);

// Gives the operation's index, from 0 on, or LINEAR_NO_OPERATION past LINEAR_OPERATIONS_MAX; the
// history is then undecided for good. Times must not go back (checked).
uint32_t linear_begin(struct linear_history *history, const struct linear_operation *operation,
                      uint64_t at_us);

// Once for each operation, or never. LINEAR_NO_OPERATION is ignored.
void linear_end(struct linear_history *history, uint32_t index,
                const struct linear_outcome *outcome, uint64_t at_us);

uint32_t linear_count(const struct linear_history *history);

// Gives up after so many states; LINEAR_STATES_MAX at most and unless set.
void linear_set_states_max(struct linear_history *history, uint32_t states_max);

void linear_check(struct linear_history *history, struct linear_verdict *verdict);

// Writes for people what linear_check found: the end of the prefix, and what could not follow it.
void linear_explain(const struct linear_history *history, const struct linear_verdict *verdict,
                    FILE *out);

#endif
