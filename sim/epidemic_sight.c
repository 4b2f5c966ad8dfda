#include "sim/epidemic_sight.h"

#include "base/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { WORD_BITS = 64 };

// --- marks

void epidemic_marks_release(struct epidemic_marks *marks)
{
    free(marks->words);
    *marks = (struct epidemic_marks){0};
}

void epidemic_marks_clear(struct epidemic_marks *marks)
{
    if (marks->count > 0)
        memset(marks->words, 0, marks->count * sizeof *marks->words);
}

static void make_room(struct epidemic_marks *marks, uint32_t words)
{
    if (words <= marks->count)
        return;
    marks->words = memory_resize(marks->words, words * sizeof *marks->words);
    memset(marks->words + marks->count, 0, (words - marks->count) * sizeof *marks->words);
    marks->count = words;
}

void epidemic_marks_copy(struct epidemic_marks *to, const struct epidemic_marks *from)
{
    epidemic_marks_clear(to);
    make_room(to, from->count);
    if (from->count > 0)
        memcpy(to->words, from->words, from->count * sizeof *to->words);
}

bool epidemic_marks_have(const struct epidemic_marks *marks, uint32_t number)
{
    uint32_t word = number / WORD_BITS;
    return word < marks->count && (marks->words[word] >> number % WORD_BITS & 1) != 0;
}

void epidemic_marks_set(struct epidemic_marks *marks, uint32_t number)
{
    make_room(marks, number / WORD_BITS + 1);
    marks->words[number / WORD_BITS] |= UINT64_C(1) << number % WORD_BITS;
}

// --- looking

struct epidemic_shown epidemic_shown_of(const struct space_version *version)
{
    return (struct epidemic_shown){.dot = version->dot,
                                   .id = version->id,
                                   .stamp = version->stamp,
                                   .value_hash = hash64(version->value, 0),
                                   .expiry_ms = version->expiry_ms,
                                   .is_stable = version->is_stable};
}

static bool take_version(void *context, const struct space_version *version)
{
    struct epidemic_sight *sight = context;
    if (sight->count == EPIDEMIC_SIGHT_VERSIONS_MAX)
        return false;
    sight->list[sight->count++] = epidemic_shown_of(version);
    return true;
}

enum err epidemic_sight_take(struct space *space, struct slice name, uint32_t key,
                             struct epidemic_sight *out)
{
    out->key = key;
    out->known = &space->known;
    out->strays = &space->strays;
    out->stable = &space->stable;
    out->count = 0;
    uint64_t utc_ms = space->utc_ms;
    space->utc_ms = 0;
    enum err error = space_read(space, name, SPACE_LATEST, take_version, out);
    space->utc_ms = utc_ms;
    return error == ERR_NOT_FOUND ? ERR_OK : error;
}

void epidemic_sight_expire(struct epidemic_sight *sight, uint64_t utc_ms)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < sight->count; i++)
        if (sight->list[i].expiry_ms == 0 || sight->list[i].expiry_ms > utc_ms)
            sight->list[count++] = sight->list[i];
    sight->count = count;
}

// --- judging

static const char *say(char *text, const char *what, uint32_t key, struct dot dot)
{
    snprintf(text, EPIDEMIC_SIGHT_TEXT_BYTES, "key %" PRIu32 ", %016" PRIx64 ".%" PRIu64 ": %s",
             key, dot.origin, dot.sequence, what);
    return text;
}

static bool is_as_written(const struct oracle_operation *operation,
                          const struct epidemic_shown *shown, uint32_t key)
{
    return operation->key == key && !operation->dead &&
           operation->value_hash == shown->value_hash && operation->expiry_ms == shown->expiry_ms &&
           sha256_compare(&operation->id, &shown->id) == 0 &&
           stamp_compare(operation->stamp, shown->stamp) == 0;
}

// What can be said of a shown version without the others that were written.
static const char *judge_shown(const struct epidemic_oracle *oracle,
                               const struct epidemic_sight *sight,
                               const struct epidemic_shown *shown, char *text)
{
    const struct oracle_operation *operation = epidemic_oracle_find(oracle, shown->dot);
    if (operation == NULL)
        return say(text, "shown, and nobody wrote it", sight->key, shown->dot);
    if (!is_as_written(operation, shown, sight->key))
        return say(text, "shown otherwise than it was written", sight->key, shown->dot);
    if (!knowledge_has(sight->known, shown->dot))
        return say(text, "shown and not known", sight->key, shown->dot);
    if (shown->is_stable != knowledge_has(sight->stable, shown->dot))
        return say(text, "its mark of stability is wrong", sight->key, shown->dot);
    return NULL;
}

// Greater by (stamp, id).
static bool is_above(const struct epidemic_shown *a, const struct epidemic_shown *b)
{
    int order = stamp_compare(a->stamp, b->stamp);
    return order > 0 || (order == 0 && sha256_compare(&a->id, &b->id) > 0);
}

static bool is_shown(const struct epidemic_sight *sight, struct dot dot)
{
    for (uint32_t i = 0; i < sight->count; i++)
        if (dot_equal(sight->list[i].dot, dot))
            return true;
    return false;
}

static bool is_covered_here(const struct epidemic_oracle *oracle,
                            const struct epidemic_sight *sight,
                            const struct oracle_operation *operation)
{
    return epidemic_oracle_is_covered(oracle, operation, sight->known) ||
           epidemic_oracle_is_covered(oracle, operation, sight->strays);
}

// A put of the key, shown or not.
static const char *judge_written(const struct epidemic_oracle *oracle,
                                 const struct epidemic_sight *sight,
                                 const struct oracle_operation *operation,
                                 struct epidemic_marks *marks, char *text)
{
    struct dot dot = operation->dot;
    bool marked = epidemic_marks_have(marks, operation->number);
    bool shown = is_shown(sight, dot);
    if (shown && marked)
        return say(text, "shown again, though it was gone here", sight->key, dot);
    if (shown && is_covered_here(oracle, sight, operation))
        return say(text, "shown, though an operation that is here covers it", sight->key, dot);
    if (shown || marked || !knowledge_has(sight->known, dot))
        return NULL;
    // What was dropped is not known to be covered here: another audit may bring it back before
    // that.
    bool dropped = operation->covered.count > 0 && knowledge_has(&oracle->horizon, dot);
    if (is_covered_here(oracle, sight, operation))
        epidemic_marks_set(marks, operation->number);
    else if (!dropped)
        return say(text, "known and not shown, though nothing covers it", sight->key, dot);
    return NULL;
}

const char *epidemic_sight_judge(const struct epidemic_oracle *oracle,
                                 const struct epidemic_sight *sight, enum epidemic_rigor rigor,
                                 struct epidemic_marks *marks, char text[EPIDEMIC_SIGHT_TEXT_BYTES])
{
    const char *wrong = NULL;
    for (uint32_t i = 0; i < sight->count && wrong == NULL; i++) {
        wrong = judge_shown(oracle, sight, &sight->list[i], text);
        if (wrong == NULL && i > 0 && !is_above(&sight->list[i - 1], &sight->list[i]))
            wrong = say(text, "shown in the wrong order", sight->key, sight->list[i].dot);
    }
    if (rigor == EPIDEMIC_RIGOR_WRITTEN)
        return wrong;
    const struct oracle_numbers *of_key = &oracle->of_key[sight->key];
    for (uint32_t i = 0; i < of_key->count && wrong == NULL; i++) {
        const struct oracle_operation *operation = oracle->list[of_key->list[i]];
        if (!operation->dead)
            wrong = judge_written(oracle, sight, operation, marks, text);
    }
    return wrong;
}

// The operations of its key that it covers are behind it from now on.
static void mark_covered(const struct epidemic_oracle *oracle, const struct oracle_operation *by,
                         struct epidemic_marks *marks)
{
    const struct oracle_numbers *of_key = &oracle->of_key[by->key];
    for (uint32_t i = 0; i < of_key->count && of_key->list[i] < by->number; i++) {
        const struct oracle_operation *older = oracle->list[of_key->list[i]];
        if (epidemic_oracle_covers(by, older))
            epidemic_marks_set(marks, older->number);
    }
}

const char *epidemic_sight_judge_stable(const struct epidemic_oracle *oracle,
                                        const struct epidemic_sight *sight,
                                        const struct epidemic_shown *shown,
                                        struct epidemic_marks *marks,
                                        char text[EPIDEMIC_SIGHT_TEXT_BYTES])
{
    const struct oracle_operation *operation = epidemic_oracle_find(oracle, shown->dot);
    if (operation == NULL || !is_as_written(operation, shown, sight->key))
        return say(text, "stable, and nobody wrote it so", sight->key, shown->dot);
    if (!knowledge_has(sight->stable, shown->dot))
        return say(text, "shown as stable, and is not", sight->key, shown->dot);
    if (epidemic_marks_have(marks, operation->number))
        return say(text, "shown as stable after what covers it", sight->key, shown->dot);
    mark_covered(oracle, operation, marks);
    return NULL;
}
