#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "front/http/entity_tag.h"

static const struct slice none;

static void test_entity_tag__takes_conditions(void **state)
{
    (void)state;
    struct stamp stamp = stamp_make(5, 77, 2);
    struct stamp expected;
    enum condition condition;
    char tag[ENTITY_TAG_BYTES];
    entity_tag_format(stamp, tag);
    assert_int_equal(tag[0], '"');
    assert_int_equal(tag[strlen(tag) - 1], '"');
    assert_int_equal(entity_tag_condition(none, none, &condition, &expected), ERR_OK);
    assert_int_equal(condition, CONDITION_NONE);
    assert_int_equal(entity_tag_condition(slice_of_text("*"), none, &condition, &expected), ERR_OK);
    assert_int_equal(condition, CONDITION_PRESENT);
    assert_int_equal(entity_tag_condition(none, slice_of_text("*"), &condition, &expected), ERR_OK);
    assert_int_equal(condition, CONDITION_ABSENT);
    assert_int_equal(entity_tag_condition(slice_of_text(tag), none, &condition, &expected), ERR_OK);
    assert_int_equal(condition, CONDITION_STAMP);
    assert_int_equal(stamp_compare(expected, stamp), 0);
}

static void test_entity_tag__refuses_other_conditions(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", "x", "\"", "\"\"", "\"x\"", "1-2", "W/\"1-2\"", "\"1-2\", \"1-3\"", "\"0-0\"", "**"};
    struct stamp expected;
    enum condition condition;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(entity_tag_condition(slice_of_text(texts[i]), none, &condition, &expected),
                         ERR_INVALID);
    assert_int_equal(entity_tag_condition(none, slice_of_text("\"1-2\""), &condition, &expected),
                     ERR_INVALID);
    assert_int_equal(
        entity_tag_condition(slice_of_text("*"), slice_of_text("*"), &condition, &expected),
        ERR_INVALID);
}

static void test_entity_tag__finds_itself_in_a_list(void **state)
{
    (void)state;
    struct stamp stamp = {.counter = 0x1f, .id = 2};
    char tag[ENTITY_TAG_BYTES];
    entity_tag_format(stamp, tag);
    char text[128];
    snprintf(text, sizeof text, "\"a\", W/%s", tag);
    assert_true(entity_tag_list_has(slice_of_text(tag), stamp));
    assert_true(entity_tag_list_has(slice_of_text("*"), stamp));
    assert_true(entity_tag_list_has(slice_of_text(text), stamp));
    assert_false(entity_tag_list_has(none, stamp));
    assert_false(entity_tag_list_has(slice_of_text("\"a\",, ,\"b\""), stamp));
    assert_false(entity_tag_list_has(slice_of_text(tag), (struct stamp){.counter = 0x1f, .id = 3}));
}

static void test_entity_tag__parses_operation_ids(void **state)
{
    (void)state;
    struct operation_id id;
    assert_int_equal(operation_id_parse(slice_of_text("0123456789abcdefFEDCBA9876543210"), &id),
                     ERR_OK);
    assert_true(id.high == UINT64_C(0x0123456789abcdef) && id.low == UINT64_C(0xfedcba9876543210));
    static const char *const texts[] = {
        "", "0123456789abcdefFEDCBA987654321", "0123456789abcdefFEDCBA98765432101",
        "0123456789abcdefFEDCBA987654321g", "00000000000000000000000000000000"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_int_equal(operation_id_parse(slice_of_text(texts[i]), &id), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entity_tag__takes_conditions),
        cmocka_unit_test(test_entity_tag__refuses_other_conditions),
        cmocka_unit_test(test_entity_tag__finds_itself_in_a_list),
        cmocka_unit_test(test_entity_tag__parses_operation_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
