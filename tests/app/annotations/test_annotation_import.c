// What becomes of one's own annotations and of those of others.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "app/annotations/annotation_import.h"
#include "samples.h"

static const struct signing_key author = {{1}};
static const struct signing_key other = {{2}};

// A document with one annotation of this author.
static json_t *document_of(const struct signing_key *writer)
{
    static const uint8_t number[ANNOTATION_NUMBER_BYTES] = {9};
    static struct annotation annotation;
    json_t *document = annotation_collection_new("urn:x:y");
    sample_whole(&annotation);
    annotation.id = annotation_id_of(writer, number);
    assert_int_equal(annotation_collection_add(document, &annotation), ERR_OK);
    return document;
}

static struct annotation_import import_of(const json_t *document, const char *channel, bool as_own)
{
    struct errmsg problem;
    struct annotation_import import = {
        .author = author, .channel = slice_of_text(channel), .as_own = as_own};
    assert_int_equal(annotation_items_of(document, &import.items, &problem), ERR_OK);
    return import;
}

static void test_annotation_import__keeps_the_ids_of_ones_own(void **state)
{
    (void)state;
    static struct annotation out;
    struct errmsg problem;
    bool ours = false;
    json_t *document = document_of(&author);
    for (int i = 0; i < 2; i++) {
        struct annotation_import import = import_of(document, i == 0 ? "" : "films.2004", i == 1);
        assert_int_equal(annotation_import_read(&import, 0, &out, &ours, &problem), ERR_OK);
        assert_true(ours);
        assert_int_equal(out.id.number[0], 9);
    }
    json_decref(document);
}

static void test_annotation_import__leaves_others_out_or_adopts_them(void **state)
{
    (void)state;
    static struct annotation out;
    static struct annotation again;
    struct errmsg problem;
    bool ours = true;
    static const uint8_t number[ANNOTATION_NUMBER_BYTES] = {9};
    struct annotation_id original = annotation_id_of(&other, number);
    json_t *document = document_of(&other);
    struct annotation_import import = import_of(document, "", false);
    assert_int_equal(annotation_import_read(&import, 0, &out, &ours, &problem), ERR_OK);
    assert_false(ours);
    import.as_own = true;
    assert_int_equal(annotation_import_read(&import, 0, &out, &ours, &problem), ERR_OK);
    assert_true(ours);
    struct annotation_id own = annotation_id_of(&author, out.id.number);
    assert_true(annotation_id_equal(&own, &out.id));
    assert_false(annotation_id_equal(&original, &out.id));
    assert_true(out.has_rating && out.tag_count == 2 && out.modified_ms == 1700000000124);
    // The same each time.
    assert_int_equal(annotation_import_read(&import, 0, &again, &ours, &problem), ERR_OK);
    assert_true(annotation_id_equal(&again.id, &out.id));
    json_decref(document);
}

static void test_annotation_import__is_for_one_channel_if_told(void **state)
{
    (void)state;
    static struct annotation out;
    struct errmsg problem = {""};
    bool ours;
    json_t *document = document_of(&author);
    struct annotation_import import = import_of(document, "films", false);
    assert_int_equal(annotation_import_read(&import, 0, &out, &ours, &problem), ERR_INVALID);
    assert_non_null(strstr(problem.text, "item 1 is of the channel films.2004"));
    json_decref(document);
}

static void test_annotation_import__prefers_what_is_newer(void **state)
{
    (void)state;
    static struct annotation given;
    static struct annotation stored;
    sample_whole(&given);
    stored = given;
    assert_false(annotation_import_is_news(&given, &stored));
    stored.modified_ms--;
    assert_true(annotation_import_is_news(&given, &stored));
    stored.modified_ms += 2;
    assert_false(annotation_import_is_news(&given, &stored));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_annotation_import__keeps_the_ids_of_ones_own),
        cmocka_unit_test(test_annotation_import__leaves_others_out_or_adopts_them),
        cmocka_unit_test(test_annotation_import__is_for_one_channel_if_told),
        cmocka_unit_test(test_annotation_import__prefers_what_is_newer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
