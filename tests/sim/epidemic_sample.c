#include "epidemic_sample.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

struct operation epidemic_sample(struct dot dot, const char *value, struct dot replaces)
{
    struct operation operation = {.space = 1,
                                  .dot = dot,
                                  .counter = dot.sequence,
                                  .dead = value == NULL,
                                  .key = slice_of_text("k0")};
    if (value != NULL)
        operation_set_value(&operation, slice_of_text(value));
    if (replaces.origin != 0)
        assert_int_equal(context_raise(&operation.context, replaces), ERR_OK);
    return operation;
}

struct oracle_operation *epidemic_sample_add(struct epidemic_oracle *oracle, struct dot dot,
                                             const char *value, struct dot replaces)
{
    struct operation operation = epidemic_sample(dot, value, replaces);
    struct oracle_operation *noted = epidemic_oracle_add(oracle, &operation, 0, 0);
    assert_non_null(noted);
    return noted;
}

void epidemic_sample_know(struct knowledge *knowledge, struct dot dot)
{
    assert_int_equal(knowledge_add(knowledge, dot), ERR_OK);
}
