#include "sim/history_replay.h"

#include "base/check.h"

#include <inttypes.h>
#include <stdlib.h>

// A beginning or an end of an operation.
struct moment {
    uint64_t at_ns;
    bool is_end;
    uint32_t operation;
};

struct replay {
    const struct history_operation *operations;
    uint64_t origin_ns;
    struct moment *moments;
    uint32_t moment_count;
    uint32_t *indices; // of each operation in the checker's history
};

static int compare_moments(const void *left, const void *right)
{
    const struct moment *a = left;
    const struct moment *b = right;
    if (a->at_ns != b->at_ns)
        return a->at_ns > b->at_ns ? 1 : -1;
    if (a->is_end != b->is_end)
        return a->is_end ? 1 : -1;
    return (a->operation > b->operation) - (a->operation < b->operation);
}

static void replay_init(struct replay *replay, const struct history_operation *operations,
                        uint32_t count, uint64_t origin_ns)
{
    *replay = (struct replay){
        .operations = operations,
        .origin_ns = origin_ns,
        .moments = memory_new((size_t)count * 2 * sizeof(struct moment)),
        .indices = memory_new(count * sizeof(uint32_t)),
    };
    for (uint32_t i = 0; i < count; i++) {
        CHECK(operations[i].start_ns >= origin_ns);
        replay->moments[replay->moment_count++] =
            (struct moment){.at_ns = operations[i].start_ns, .operation = i};
        if (operations[i].end_ns != HISTORY_FILE_NEVER)
            replay->moments[replay->moment_count++] =
                (struct moment){.at_ns = operations[i].end_ns, .is_end = true, .operation = i};
    }
    qsort(replay->moments, replay->moment_count, sizeof replay->moments[0], compare_moments);
}

static void replay_release(struct replay *replay)
{
    free(replay->moments);
    free(replay->indices);
}

// Gives the history of the first `moment_count` moments.
static struct linear_history *replay_make(struct replay *replay, uint32_t moment_count)
{
    struct linear_history *history = linear_new();
    for (uint32_t i = 0; i < moment_count; i++) {
        const struct moment *moment = &replay->moments[i];
        const struct history_operation *operation = &replay->operations[moment->operation];
        uint64_t at_us = (moment->at_ns - replay->origin_ns) / 1000;
        uint32_t *index = &replay->indices[moment->operation];
        if (moment->is_end)
            linear_end(history, *index, &operation->outcome, at_us);
        else
            *index = linear_begin(history, &operation->operation, at_us);
    }
    return history;
}

static enum linear_answer judge(struct replay *replay, uint32_t moment_count)
{
    struct linear_verdict verdict;
    struct linear_history *history = replay_make(replay, moment_count);
    linear_check(history, &verdict);
    linear_free(history);
    return verdict.answer;
}

// How many moments the shortest beginning has that is a violation, when all of them are one.
static uint32_t shortest(struct replay *replay)
{
    uint32_t good = 0;
    uint32_t bad = replay->moment_count;
    while (bad - good > 1) {
        uint32_t middle = good + (bad - good) / 2;
        if (judge(replay, middle) == LINEAR_VIOLATION)
            bad = middle;
        else
            good = middle;
    }
    return bad;
}

static void explain(struct replay *replay, uint32_t moment_count, FILE *out)
{
    struct linear_verdict verdict;
    fprintf(out, "key %s: ", replay->operations[0].key);
    struct linear_history *history = replay_make(replay, moment_count);
    linear_check(history, &verdict);
    linear_explain(history, &verdict, out);
    linear_free(history);
}

enum linear_answer history_replay_judge(const struct history_operation *operations, uint32_t count,
                                        uint64_t origin_ns, FILE *out)
{
    struct replay replay;
    CHECK(count > 0);
    replay_init(&replay, operations, count, origin_ns);
    enum linear_answer answer = judge(&replay, replay.moment_count);
    if (out != NULL && answer == LINEAR_VIOLATION)
        explain(&replay, shortest(&replay), out);
    else if (out != NULL && answer == LINEAR_UNDECIDED)
        explain(&replay, replay.moment_count, out);
    replay_release(&replay);
    return answer;
}
