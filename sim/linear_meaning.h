// What each operation of a history needs of the register and does to it.
//
// Promise
//  1. After linear_meanings_init either `contradiction` says why one answer cannot be true whatever
//     the order, or every operation has a meaning and the search needs no outcome any more.
//
// States of the register are numbers: LINEAR_ABSENT; 1 + i, the version that operation i wrote;
// then one for each stamp that answers showed but that no known version has (some put of unknown
// outcome that nobody read must have it: such a state is *nameless*); and last, a version that
// nobody ever saw.
#ifndef BRUSIO_SIM_LINEAR_MEANING_H
#define BRUSIO_SIM_LINEAR_MEANING_H

#include "sim/linear_history.h"

#define LINEAR_ABSENT 0u

enum linear_role {
    LINEAR_ROLE_NONE,   // says nothing, does nothing
    LINEAR_ROLE_SURE,   // took place
    LINEAR_ROLE_SEEN,   // a put of unknown outcome whose version some answer showed
    LINEAR_ROLE_UNSEEN, // a put of unknown outcome that no answer showed, or such a delete
};

enum linear_need {
    LINEAR_NEED_NOTHING,
    LINEAR_NEED_ABSENT,
    LINEAR_NEED_PRESENT,
    LINEAR_NEED_STATE
};

enum linear_effect { LINEAR_EFFECT_NONE, LINEAR_EFFECT_SET, LINEAR_EFFECT_CLEAR };

struct linear_meaning {
    enum linear_role role;
    enum linear_need need;
    uint32_t need_state; // of LINEAR_NEED_STATE
    enum linear_effect effect;
};

struct linear_meanings {
    struct linear_meaning *items; // one for each operation
    uint32_t count;
    uint32_t state_count;
    uint32_t *needed; // for each state: how many sure operations need it
    const char *contradiction;
    uint32_t contradicting;
};

// Borrows the history for the call. To be ended by linear_meanings_release in any case.
void linear_meanings_init(struct linear_meanings *meanings, const struct linear_history *history);
void linear_meanings_release(struct linear_meanings *meanings);

static inline uint32_t linear_state_of(uint32_t operation)
{
    return 1 + operation;
}

static inline bool linear_state_is_nameless(const struct linear_meanings *meanings, uint32_t state)
{
    return state > meanings->count;
}

// The state of a version that nobody ever saw.
static inline uint32_t linear_state_unseen(const struct linear_meanings *meanings)
{
    return meanings->state_count - 1;
}

#endif
