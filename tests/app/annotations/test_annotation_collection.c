#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "app/annotations/annotation_collection.h"
#include "json_edit.h"
#include "samples.h"

// The annotation that comes `number`th, with a text of its own in `text`.
static void number_annotation(struct annotation *out, unsigned number, struct buf *text)
{
    sample_whole(out);
    out->id.number[0] = (uint8_t)(number >> 8);
    out->id.number[1] = (uint8_t)number;
    buf_clear(text);
    buf_append_format(text, "number %u", number);
    out->text = buf_slice(text);
}

static void add(json_t *document, unsigned begin, unsigned end)
{
    static struct annotation annotation;
    struct buf text;
    buf_init(&text, 64);
    for (unsigned i = begin; i < end; i++) {
        number_annotation(&annotation, i, &text);
        assert_int_equal(annotation_collection_add(document, &annotation), ERR_OK);
    }
    buf_release(&text);
}

static void expect_items(const json_t *document, unsigned begin, unsigned end)
{
    static struct annotation expected;
    static struct annotation found;
    struct annotation_items items;
    struct errmsg problem = {""};
    struct buf text;
    buf_init(&text, 64);
    if (annotation_items_of(document, &items, &problem) != ERR_OK)
        fail_msg("%s", problem.text);
    assert_int_equal(items.count, end - begin);
    for (unsigned i = 0; i < items.count; i++) {
        number_annotation(&expected, begin + i, &text);
        assert_int_equal(annotation_items_read(&items, i, &found, &problem), ERR_OK);
        sample_expect_equal(&found, &expected);
    }
    buf_release(&text);
}

static void test_annotation_collection__comes_back(void **state)
{
    (void)state;
    for (unsigned count = 0; count < 40; count += 13) {
        json_t *collection = annotation_collection_new("urn:brusio:channel:films");
        add(collection, 0, count);
        collection = json_edit_over_text(collection);
        expect_items(collection, 0, count);
        json_decref(collection);
    }
}

static void test_annotation_collection__comes_back_in_pages(void **state)
{
    (void)state;
    static const struct annotation_page pages[] = {{"http://a/1", "http://a/", 30, 0, "http://a/2"},
                                                   {"http://a/2", "http://a/", 30, 20, NULL}};
    for (unsigned i = 0; i < 2; i++) {
        json_t *page = annotation_page_new(&pages[i]);
        add(page, 20 * i, 20 + 10 * i);
        page = json_edit_over_text(page);
        expect_items(page, 20 * i, 20 + 10 * i);
        json_decref(page);
    }
}

static void test_annotation_collection__is_of_the_model(void **state)
{
    (void)state;
    json_t *collection = annotation_collection_new("urn:x:y");
    json_t *expected =
        json_edit_parse("{'@context':'http://www.w3.org/ns/anno.jsonld','id':'urn:x:y',"
                        "'type':'AnnotationCollection','total':0,'first':{'id':'urn:x:y#1',"
                        "'type':'AnnotationPage','startIndex':0,'items':[]}}");
    assert_true(json_equal(collection, expected));
    json_decref(collection);
    json_decref(expected);
    json_t *page =
        annotation_page_new(&(struct annotation_page){"urn:p", "urn:x:y", 9, 4, "urn:q"});
    expected =
        json_edit_parse("{'@context':'http://www.w3.org/ns/anno.jsonld','id':'urn:p',"
                        "'type':'AnnotationPage','startIndex':4,'next':'urn:q','items':[],"
                        "'partOf':{'id':'urn:x:y','type':'AnnotationCollection','total':9}}");
    assert_true(json_equal(page, expected));
    json_decref(page);
    json_decref(expected);
}

static void test_annotation_collection__has_the_context_once(void **state)
{
    (void)state;
    json_t *collection = annotation_collection_new("urn:x:y");
    add(collection, 0, 2);
    json_t *first = json_object_get(collection, "first");
    assert_null(json_object_get(first, "@context"));
    assert_null(json_object_get(json_array_get(json_object_get(first, "items"), 1), "@context"));
    assert_int_equal(json_integer_value(json_object_get(collection, "total")), 2);
    json_decref(collection);
}

static void test_annotation_collection__is_bounded(void **state)
{
    (void)state;
    static struct annotation annotation;
    struct annotation_items items;
    struct errmsg problem;
    json_t *collection = annotation_collection_new("urn:x:y");
    json_t *array = json_object_get(json_object_get(collection, "first"), "items");
    sample_bare(&annotation);
    for (size_t i = 0; i < ANNOTATION_ITEMS_MAX - 1; i++)
        assert_int_equal(json_array_append_new(array, json_integer(1)), 0);
    assert_int_equal(annotation_collection_add(collection, &annotation), ERR_OK);
    assert_int_equal(annotation_collection_add(collection, &annotation), ERR_FULL);
    assert_int_equal(annotation_items_of(collection, &items, &problem), ERR_OK);
    assert_int_equal(items.count, ANNOTATION_ITEMS_MAX);
    assert_int_equal(json_array_append_new(array, json_integer(1)), 0);
    assert_int_equal(annotation_items_of(collection, &items, &problem), ERR_TOO_LARGE);
    json_decref(collection);
}

static void test_annotation_collection__takes_one_annotation(void **state)
{
    (void)state;
    json_t *collection = annotation_collection_new("urn:x:y");
    add(collection, 7, 8);
    json_t *items = json_object_get(json_object_get(collection, "first"), "items");
    json_t *single = json_deep_copy(json_array_get(items, 0));
    json_edit_set(single, "@context", "'http://www.w3.org/ns/anno.jsonld'");
    expect_items(single, 7, 8);
    json_decref(single);
    json_decref(collection);
}

static void test_annotation_collection__names_a_bad_item(void **state)
{
    (void)state;
    static struct annotation annotation;
    struct annotation_items items;
    struct errmsg problem = {""};
    json_t *collection = annotation_collection_new("urn:x:y");
    add(collection, 0, 3);
    json_edit_set(collection, "first/items/1/target", "'a b'");
    assert_int_equal(annotation_items_of(collection, &items, &problem), ERR_OK);
    assert_int_equal(annotation_items_read(&items, 0, &annotation, &problem), ERR_OK);
    assert_int_equal(annotation_items_read(&items, 1, &annotation, &problem), ERR_INVALID);
    assert_non_null(strstr(problem.text, "item 2: the target is no link, at byte 1"));
    assert_int_equal(annotation_items_read(&items, 2, &annotation, &problem), ERR_OK);
    json_decref(collection);
}

static void test_annotation_collection__refuses_other_documents(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        const char *value;
        const char *words; // NULL: taken
    } changes[] = {
        {"@context", NULL, "\"@context\""},
        {"@context", "'x'", "\"@context\""},
        {"type", NULL, "\"type\""},
        {"type", "'Collection'", "\"type\""},
        {"type", "'AnnotationPage'", "no field"},
        {"id", NULL, NULL},
        {"label", "'mine'", NULL},
        {"more", "1", "no field \"more\""},
        {"total", NULL, NULL},
        {"total", "3", "not whole"},
        {"total", "'2'", "\"total\" must be an integer"},
        {"total", "-1", "\"total\" must be from 0"},
        {"first", NULL, "first page"},
        {"first", "'urn:x:y#1'", "first page"},
        {"first/type", "'Page'", "AnnotationPage"},
        {"first/type", NULL, "AnnotationPage"},
        {"first/items", NULL, "\"items\""},
        {"first/items", "{}", "\"items\""},
        {"first/more", "1", "no field \"more\""},
        {"first/items/+", "1", "not whole"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        struct annotation_items items;
        struct errmsg problem = {""};
        json_t *collection = annotation_collection_new("urn:x:y");
        add(collection, 0, 2);
        json_edit_set(collection, changes[i].path, changes[i].value);
        enum err error = annotation_items_of(collection, &items, &problem);
        if ((error == ERR_OK) != (changes[i].words == NULL) ||
            (error != ERR_OK && strstr(problem.text, changes[i].words) == NULL))
            fail_msg("%s: %s: %s", changes[i].path, changes[i].value, problem.text);
        json_decref(collection);
    }
    static const char *const others[] = {"[]", "1", "null", "'a'", "{}"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct annotation_items items;
        struct errmsg problem = {""};
        json_t *other = json_edit_parse(others[i]);
        assert_int_equal(annotation_items_of(other, &items, &problem), ERR_INVALID);
        assert_true(problem.text[0] != '\0');
        json_decref(other);
    }
}

static void test_annotation_collection__may_be_the_first_of_more(void **state)
{
    (void)state;
    struct annotation_items items;
    struct errmsg problem = {""};
    json_t *collection = annotation_collection_new("urn:x:y");
    add(collection, 0, 2);
    json_edit_set(collection, "total", "100");
    json_edit_set(collection, "first/next", "'urn:x:y#2'");
    assert_int_equal(annotation_items_of(collection, &items, &problem), ERR_OK);
    assert_int_equal(items.count, 2);
    json_decref(collection);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_annotation_collection__comes_back),
        cmocka_unit_test(test_annotation_collection__comes_back_in_pages),
        cmocka_unit_test(test_annotation_collection__is_of_the_model),
        cmocka_unit_test(test_annotation_collection__has_the_context_once),
        cmocka_unit_test(test_annotation_collection__is_bounded),
        cmocka_unit_test(test_annotation_collection__takes_one_annotation),
        cmocka_unit_test(test_annotation_collection__names_a_bad_item),
        cmocka_unit_test(test_annotation_collection__refuses_other_documents),
        cmocka_unit_test(test_annotation_collection__may_be_the_first_of_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
