#include "space_arrival.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

struct operation arrival_put(uint64_t origin, uint64_t sequence)
{
    struct operation operation = {.space = BENCH_SPACE,
                                  .dot = {.origin = origin, .sequence = sequence},
                                  .counter = 2,
                                  .key = slice_of_text("k")};
    operation_set_value(&operation, slice_of_text("value"));
    return operation;
}

struct operation arrival_delete(uint64_t origin, uint64_t sequence, struct dot covered)
{
    struct operation operation = {.space = BENCH_SPACE,
                                  .dot = {.origin = origin, .sequence = sequence},
                                  .counter = 3,
                                  .dead = true,
                                  .key = slice_of_text("k")};
    if (covered.origin != 0)
        assert_int_equal(context_raise(&operation.context, covered), ERR_OK);
    return operation;
}

struct operation arrival_bare(const struct operation *put)
{
    struct operation bare = *put;
    bare.value = slice_of(NULL, 0);
    return bare;
}

// What may not change by what is refused or bad.
struct picture {
    uint64_t writes;
    uint64_t dots;
    uint64_t strays;
    uint64_t clock;
    uint64_t revision;
    uint64_t origin;
    struct digest total;
};

static struct picture look(struct space_bench *bench, unsigned replica)
{
    const struct space *space = bench_space(bench, replica);
    return (struct picture){.writes = bench->replicas[replica].writes,
                            .dots = knowledge_dots(&space->known),
                            .strays = knowledge_dots(&space->strays),
                            .clock = space->clock,
                            .revision = space->revision,
                            .origin = space->origin,
                            .total = space->digests.total};
}

enum space_outcome arrival_in_vain(struct space_bench *bench, const struct operation *operation,
                                   enum operation_form form, enum space_source source)
{
    struct picture before = look(bench, 0);
    enum space_outcome outcome = bench_apply(bench, 0, operation, form, source);
    struct picture after = look(bench, 0);
    assert_memory_equal(&before, &after, sizeof before);
    bench_check(bench, 0);
    return outcome;
}
