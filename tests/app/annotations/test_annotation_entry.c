// Annotations as a node has them: read, shown with their conflicts, and found by version.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "app/annotations/annotation_entry.h"
#include "json_edit.h"
#include "stored.h"

static void test_annotation_entry__is_read_with_its_conflicts(void **state)
{
    (void)state;
    static struct annotation_entry entry;
    struct stored stored;
    struct scan_entry scanned;
    stored_init(&stored);
    stored_say(&stored, 7, "first", true);
    stored_say(&stored, 5, "second", false);
    scanned = stored_scan(&stored);
    assert_int_equal(annotation_entry_of_scan(slice_of_text("films"), &scanned, &entry), ERR_OK);
    json_t *json = json_edit_over_text(annotation_entry_to_json(&entry));
    assert_string_equal(json_string_value(json_object_get(json, "text")), "first");
    assert_string_equal(json_string_value(json_object_get(json, "state")), "stable");
    assert_string_equal(json_string_value(json_object_get(json, "version")), "7-1");
    const json_t *conflicts = json_object_get(json, "conflicts");
    assert_int_equal(json_array_size(conflicts), 1);
    const json_t *other = json_array_get(conflicts, 0);
    assert_string_equal(json_string_value(json_object_get(other, "text")), "second");
    assert_string_equal(json_string_value(json_object_get(other, "state")), "tentative");
    assert_string_equal(json_string_value(json_object_get(other, "version")), "5-1");
    assert_string_equal(json_string_value(json_object_get(other, "channel")), "films");
    assert_null(json_object_get(other, "conflicts"));
    json_decref(json);
    stored_release(&stored);
}

static void test_annotation_entry__refuses_what_is_none(void **state)
{
    (void)state;
    static struct annotation_entry entry;
    struct slice films = slice_of_text("films");
    struct stored stored;
    stored_init(&stored);
    struct scan_entry scanned = stored_scan(&stored);
    assert_int_equal(annotation_entry_of_scan(films, &scanned, &entry), ERR_INVALID);
    stored_say(&stored, 7, "first", true);
    scanned = stored_scan(&stored);
    assert_int_equal(annotation_entry_of_scan(films, &scanned, &entry), ERR_OK);
    // A value that was copied to another channel.
    assert_int_equal(annotation_entry_of_scan(slice_of_text("film"), &scanned, &entry),
                     ERR_INVALID);
    scanned.key.length--;
    assert_int_equal(annotation_entry_of_scan(films, &scanned, &entry), ERR_INVALID);
    stored_release(&stored);
    stored_init(&stored);
    stored_put(&stored, 7, slice_of_text("no annotation"), true);
    scanned = stored_scan(&stored);
    assert_int_not_equal(annotation_entry_of_scan(films, &scanned, &entry), ERR_OK);
    stored_release(&stored);
}

static void test_annotation_entry__shows_versions_that_it_cannot_read(void **state)
{
    (void)state;
    static struct annotation_entry entry;
    struct stored stored;
    stored_init(&stored);
    stored_say(&stored, 7, "first", true);
    stored_put(&stored, 6, slice_of_text("\xff"), false);
    struct scan_entry scanned = stored_scan(&stored);
    assert_int_equal(annotation_entry_of_scan(slice_of_text("films"), &scanned, &entry), ERR_OK);
    json_t *json = annotation_entry_to_json(&entry);
    json_t *expected = json_edit_parse("[{'state':'tentative','version':'6-1'}]");
    assert_true(json_equal(json_object_get(json, "conflicts"), expected));
    json_decref(expected);
    json_decref(json);
    stored_release(&stored);
}

static void test_annotation_entry__finds_each_version(void **state)
{
    (void)state;
    static struct annotation_entry entry;
    struct stored stored;
    struct version_entry found;
    stored_init(&stored);
    for (uint64_t counter = 9; counter > 5; counter--)
        stored_say(&stored, counter, "said", counter == 6);
    struct scan_entry scanned = stored_scan(&stored);
    assert_int_equal(annotation_entry_of_scan(slice_of_text("films"), &scanned, &entry), ERR_OK);
    for (uint64_t counter = 6; counter <= 9; counter++) {
        struct stamp stamp = {.counter = counter, .id = 1};
        assert_int_equal(annotation_entry_find(&entry, stamp, &found), ERR_OK);
        assert_int_equal(stamp_compare(found.stamp, stamp), 0);
        assert_int_equal(found.is_stable, counter == 6);
    }
    struct stamp absent = {.counter = 9, .id = 2};
    assert_int_equal(annotation_entry_find(&entry, absent, &found), ERR_NOT_FOUND);
    stored_release(&stored);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_annotation_entry__is_read_with_its_conflicts),
        cmocka_unit_test(test_annotation_entry__refuses_what_is_none),
        cmocka_unit_test(test_annotation_entry__shows_versions_that_it_cannot_read),
        cmocka_unit_test(test_annotation_entry__finds_each_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
