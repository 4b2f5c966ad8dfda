#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "app/annotations/members.h"
#include "json_edit.h"

#define ID "000102030405060708090a0b0c0d0eff-fe00000000000001"

static json_t *some(void)
{
    return json_edit_parse("{'text':'a','empty':'','number':3,'zero':0,'less':-1,'real':3.0,"
                           "'null':null,'true':true,'id':'" ID "','urn':'urn:x:" ID "'}");
}

static void test_members__gives_what_is_there(void **state)
{
    (void)state;
    json_t *object = some();
    struct errmsg problem;
    struct slice text;
    uint64_t number = 1;
    struct annotation_id id;
    assert_int_equal(members_text(object, "text", &text, &problem), ERR_OK);
    assert_true(slice_equal(text, slice_of_text("a")));
    assert_int_equal(members_text(object, "empty", &text, &problem), ERR_OK);
    assert_int_equal(text.length, 0);
    assert_int_equal(members_integer(object, "number", 3, &number, &problem), ERR_OK);
    assert_int_equal(number, 3);
    assert_int_equal(members_integer(object, "zero", 0, &number, &problem), ERR_OK);
    assert_int_equal(number, 0);
    assert_int_equal(members_is(object, "text", "a", &problem), ERR_OK);
    assert_int_equal(members_id(object, "id", "", &id, &problem), ERR_OK);
    assert_int_equal(id.author[15], 255);
    assert_int_equal(members_id(object, "urn", "urn:x:", &id, &problem), ERR_OK);
    assert_int_equal(id.number[0], 0xfe);
    json_decref(object);
}

static void test_members__refuses_what_is_not(void **state)
{
    (void)state;
    json_t *object = some();
    struct slice text;
    uint64_t number;
    struct annotation_id id;
    static const char *const no_texts[] = {"none", "number", "null", "true"};
    static const char *const no_numbers[] = {"none", "text", "less", "real", "null", "true"};
    static const char *const no_ids[] = {"none", "text", "empty", "number", "urn"};
    for (size_t i = 0; i < sizeof no_texts / sizeof no_texts[0]; i++) {
        struct errmsg problem = {""};
        assert_int_equal(members_text(object, no_texts[i], &text, &problem), ERR_INVALID);
        assert_non_null(strstr(problem.text, no_texts[i]));
    }
    for (size_t i = 0; i < sizeof no_numbers / sizeof no_numbers[0]; i++) {
        struct errmsg problem = {""};
        assert_int_equal(members_integer(object, no_numbers[i], 9, &number, &problem), ERR_INVALID);
        assert_non_null(strstr(problem.text, no_numbers[i]));
    }
    for (size_t i = 0; i < sizeof no_ids / sizeof no_ids[0]; i++) {
        struct errmsg problem = {""};
        assert_int_equal(members_id(object, no_ids[i], "", &id, &problem), ERR_INVALID);
        assert_non_null(strstr(problem.text, no_ids[i]));
    }
    struct errmsg problem;
    assert_int_equal(members_integer(object, "number", 2, &number, &problem), ERR_INVALID);
    assert_int_equal(members_is(object, "text", "b", &problem), ERR_INVALID);
    assert_int_equal(members_id(object, "id", "urn:x:", &id, &problem), ERR_INVALID);
    assert_int_equal(members_id(object, "urn", "urn:y:", &id, &problem), ERR_INVALID);
    json_decref(object);
}

static void test_members__knows_all_names(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b"};
    static const struct {
        const char *text;
        const char *words; // NULL: taken
    } cases[] = {{"{}", NULL},
                 {"{'b':1}", NULL},
                 {"{'b':1,'a':2}", NULL},
                 {"{'b':1,'c':2}", "\"c\""},
                 {"{'A':1}", "\"A\""},
                 {"{'':1}", "\"\""},
                 {"[]", "object"},
                 {"'a'", "object"},
                 {"{'x\\ny':1}", "unknown name"},
                 {"{'01234567890123456789012345678901234567890123456789012345678901234':1}",
                  "unknown name"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct errmsg problem = {""};
        json_t *object = json_edit_parse(cases[i].text);
        assert_int_equal(members_only(object, names, 2, &problem),
                         cases[i].words == NULL ? ERR_OK : ERR_INVALID);
        assert_non_null(strstr(problem.text, cases[i].words != NULL ? cases[i].words : ""));
        json_decref(object);
    }
    struct errmsg problem;
    assert_int_equal(members_only(NULL, names, 2, &problem), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members__gives_what_is_there),
        cmocka_unit_test(test_members__refuses_what_is_not),
        cmocka_unit_test(test_members__knows_all_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
