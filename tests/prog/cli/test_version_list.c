// Answers with all versions of a key.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/version_list.h"

static enum err decode(struct version_list *list, const char *text)
{
    return version_list_decode(list, slice_of_text(text), NULL);
}

static void expect(const struct version_entry *entry, const char *etag, const char *state,
                   struct slice value)
{
    assert_string_equal(entry->etag, etag);
    assert_string_equal(entry->state, state);
    assert_true(slice_equal(buf_slice(&entry->value), value));
}

static void test_version_list__reads_versions(void **state)
{
    (void)state;
    struct version_list list;
    version_list_init(&list);
    assert_int_equal(
        decode(&list, "{\"status\":\"success\",\"key\":\"k\",\"value\":\"one\",\"version\":\"3-a\","
                      "\"state\":\"stable\",\"conflicts\":[{\"value_base64\":\"AP8=\","
                      "\"version\":\"2-b\",\"state\":\"tentative\","
                      "\"expires\":\"2030-01-02T03:04:05Z\"},{\"value\":\"\"},"
                      "{\"value_base64\":\"?\",\"version\":\"1-c\"}]}"),
        ERR_OK);
    assert_int_equal(list.count, 4);
    expect(&list.entries[0], "3-a", "stable", slice_of_text("one"));
    expect(&list.entries[1], "2-b", "tentative", slice_of("\x00\xff", 2));
    expect(&list.entries[2], "", "", slice_of_text(""));
    expect(&list.entries[3], "1-c", "", slice_of_text(""));
    assert_string_equal(list.entries[0].expires, "");
    assert_string_equal(list.entries[1].expires, "2030-01-02T03:04:05Z");
    // Replaces what it held.
    assert_int_equal(decode(&list, "{\"value\":\"two\",\"conflicts\":[]}"), ERR_OK);
    assert_int_equal(list.count, 1);
    expect(&list.entries[0], "", "", slice_of_text("two"));
    version_list_release(&list);
}

static void test_version_list__refuses_what_is_none(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "one", "[]", "{}", "{\"conflicts\":1}"};
    struct version_list list;
    version_list_init(&list);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(decode(&list, bad[i]), ERR_CORRUPT);
    assert_int_equal(list.count, 0);
    version_list_release(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version_list__reads_versions),
        cmocka_unit_test(test_version_list__refuses_what_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
