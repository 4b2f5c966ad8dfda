#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "app/annotations/annotation_tally.h"
#include "json_edit.h"
#include "samples.h"
#include "stored.h"

static void add(struct annotation_tally *tally, uint64_t modified_ms, bool conflict)
{
    static struct annotation annotation;
    struct stored stored;
    stored_init(&stored);
    sample_bare(&annotation);
    annotation.channel = slice_of_text("films");
    annotation.modified_ms = modified_ms;
    stored_add(&stored, 7, &annotation, true);
    if (conflict)
        stored_say(&stored, 6, "other", true);
    struct scan_entry scanned = stored_scan(&stored);
    annotation_tally_add(tally, slice_of_text("films"), &scanned);
    stored_release(&stored);
}

static void expect(const struct annotation_tally *tally, const char *text)
{
    json_t *json = annotation_tally_to_json(tally, slice_of_text("films"));
    json_t *expected = json_edit_parse(text);
    assert_true(json_equal(json, expected));
    json_decref(json);
    json_decref(expected);
}

static void test_annotation_tally__counts(void **state)
{
    (void)state;
    struct annotation_tally tally = {0};
    struct stored stored;
    expect(&tally, "{'name':'films','annotations':0,'conflicts':0,'unreadable':0,'modified':null}");
    add(&tally, 0, false);
    add(&tally, 1700000000124, true);
    add(&tally, 1700000000123, false);
    stored_init(&stored);
    stored_put(&stored, 1, slice_of_text("?"), true);
    struct scan_entry scanned = stored_scan(&stored);
    annotation_tally_add(&tally, slice_of_text("films"), &scanned);
    stored_release(&stored);
    expect(&tally, "{'name':'films','annotations':3,'conflicts':1,'unreadable':1,"
                   "'modified':'2023-11-14T22:13:20.124Z'}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_annotation_tally__counts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
