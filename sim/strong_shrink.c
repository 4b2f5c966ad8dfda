#include "sim/strong_shrink.h"

#include "sim/strong_pool.h"

#include <ctype.h>

enum { ALIKE_CHARACTERS = 22, STEPS_LEAST = 3 };

struct shrink {
    struct strong_run_setting best;
    struct strong_run_result result; // of the best
    unsigned runs;
};

// The next character of a text that is no digit.
static char next_letter(const char **text)
{
    while (isdigit((unsigned char)**text))
        (*text)++;
    char letter = **text;
    *text += letter != '\0';
    return letter;
}

// Whether two violations begin with the same words, whatever numbers they name.
static bool is_alike(const char *a, const char *b)
{
    for (int i = 0; i < ALIKE_CHARACTERS; i++)
        if (next_letter(&a) != next_letter(&b))
            return false;
    return true;
}

// Takes the candidate when it fails as the best did.
static bool try_smaller(struct shrink *shrink, const struct strong_run_setting *candidate)
{
    struct strong_run_result result;
    if (shrink->runs >= STRONG_SHRINK_RUNS_MAX)
        return false;
    shrink->runs++;
    strong_pool_run_one(candidate, &result);
    if (result.passed || !is_alike(result.violation, shrink->result.violation))
        return false;
    shrink->best = *candidate;
    shrink->result = result;
    return true;
}

static void try_fewer_rounds(struct shrink *shrink)
{
    while (shrink->best.rounds > 1) {
        struct strong_run_setting candidate = shrink->best;
        // Each round keeps its operations.
        candidate.rounds--;
        candidate.steps = candidate.steps / shrink->best.rounds * candidate.rounds;
        if (candidate.steps == 0 || !try_smaller(shrink, &candidate))
            return;
    }
}

static void try_fewer_steps(struct shrink *shrink)
{
    for (unsigned part = 2; part <= 8; part *= 2) {
        struct strong_run_setting candidate = shrink->best;
        do {
            candidate = shrink->best;
            candidate.steps -= candidate.steps / part;
        } while (candidate.steps >= STEPS_LEAST && candidate.steps < shrink->best.steps &&
                 try_smaller(shrink, &candidate));
    }
}

// Leaves out runs of `size` faults, wherever that can be. True when something could be left out.
static bool try_without(struct shrink *shrink, unsigned fault_count, unsigned size)
{
    bool any = false;
    for (unsigned first = 1; first <= fault_count; first += size) {
        struct strong_run_setting candidate = shrink->best;
        bool changes = false;
        for (unsigned number = first; number < first + size && number <= fault_count; number++) {
            changes |= candidate.without[number] == 0;
            candidate.without[number] = 1;
        }
        any |= changes && try_smaller(shrink, &candidate);
    }
    return any;
}

static void try_fewer_faults(struct shrink *shrink, unsigned fault_count)
{
    for (unsigned size = fault_count; size > 1; size = (size + 1) / 2)
        (void)try_without(shrink, fault_count, size);
    while (try_without(shrink, fault_count, 1))
        ;
}

bool strong_shrink(struct strong_run_setting *setting, struct strong_run_result *result)
{
    struct shrink shrink = {.best = *setting};
    shrink.best.trace = false;
    strong_pool_run_one(&shrink.best, &shrink.result);
    *result = shrink.result;
    if (shrink.result.passed)
        return false;
    // A run that aborted could not tell how many faults its plan has.
    unsigned fault_count = strong_run_faults(setting);
    try_fewer_rounds(&shrink);
    try_fewer_faults(&shrink, fault_count);
    try_fewer_steps(&shrink);
    try_fewer_faults(&shrink, fault_count);
    *setting = shrink.best;
    *result = shrink.result;
    return true;
}
