// Random histories of one register, and a checker so simple that it must be right: every order is
// tried.
#ifndef BRUSIO_TESTS_SIM_HISTORY_TWIN_H
#define BRUSIO_TESTS_SIM_HISTORY_TWIN_H

#include "base/random.h"
#include "sim/linear.h"

#define TWIN_OPERATIONS_MAX 2048
#define TWIN_CLIENTS_MAX 16
#define TWIN_EXPLAINED_MAX 10

// One operation; `begin` and `end` are steps of the history (UINT32_MAX: it never ended).
struct twin_operation {
    struct linear_operation operation;
    struct linear_outcome outcome;
    uint32_t begin;
    uint32_t end;
    struct linear_outcome truth; // of the register, whether the client hears of it or not
    bool taken;
    bool lost; // the client does not hear
};

struct twin {
    struct twin_operation items[TWIN_OPERATIONS_MAX];
    uint32_t count;
};

struct twin_setting {
    uint32_t operations;
    uint32_t clients;
    uint64_t unknown_one_in; // outcomes that the client does not hear
    uint64_t refused_one_in;
    uint64_t reads_in_ten; // at most 8; two in ten are deletes, the others puts
};

// A history that some order explains.
void twin_generate(struct twin *twin, const struct twin_setting *setting, struct rng *rng);

// Changes one answer at random.
void twin_mutate(struct twin *twin, struct rng *rng);

// Whether some order explains it; of at most TWIN_EXPLAINED_MAX operations (checked).
bool twin_explained(const struct twin *twin);

// Whether an operation of unknown outcome names a stamp that no answer showed: the checker is
// milder there.
bool twin_guesses(const struct twin *twin);

// Gives the history as the checker wants it.
struct linear_history *twin_history(const struct twin *twin);

#endif
