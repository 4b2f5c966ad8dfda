#include "operation_sample.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

struct signing_secret sample_secret(void)
{
    return (struct signing_secret){{0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60,
                                    0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4,
                                    0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19,
                                    0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60}};
}

struct operation sample_of(enum sample sample)
{
    struct signing_secret secret = sample_secret();
    struct operation operation = {
        .space = SAMPLE_SPACE,
        .dot = {.origin = SAMPLE_ORIGIN, .sequence = SAMPLE_SEQUENCE},
        .counter = 7,
        .dead = sample == SAMPLE_DELETE || sample == SAMPLE_SIGNED_DELETE,
        .context = {.count = 2, .entries = {{1, 2}, {SAMPLE_ORIGIN, SAMPLE_SEQUENCE - 1}}},
        .key = slice_of_text("key"),
    };
    if (!operation.dead) {
        operation.expiry_ms = 1700000000000;
        operation_set_value(&operation, slice_of_text(sample == SAMPLE_EMPTY_PUT ? "" : "value"));
    }
    if (sample == SAMPLE_SIGNED_PUT || sample == SAMPLE_SIGNED_DELETE)
        operation_sign(&operation, &secret);
    return operation;
}

enum operation_form sample_form(enum sample sample)
{
    return sample == SAMPLE_DELETE || sample == SAMPLE_SIGNED_DELETE ? OPERATION_DELETE
                                                                     : OPERATION_PUT;
}

bool sample_is_taken(struct slice bytes)
{
    struct cursor in = cursor_of(bytes);
    struct operation operation;
    enum operation_form form;
    operation_decode(&in, SAMPLE_SPACE, &operation, &form);
    if (!in.failed) {
        assert_int_equal(operation_check(&operation), ERR_OK);
        return true;
    }
    assert_int_equal(form, OPERATION_FORM_COUNT);
    assert_int_equal(operation.key.length, 0);
    assert_int_equal(operation.value.length, 0);
    return false;
}
