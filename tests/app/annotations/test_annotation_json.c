#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "app/annotations/annotation_json.h"
#include "json_edit.h"
#include "samples.h"

#define ID "0102030405060708090a0b0c0d0e0fff-a0b1c2d3e4f50607"
#define REPLY "00000000000000000000000000000000-0000000000000001"
#define HASH "31d6cfe0d16ae931b73c59d7e0c089c0"

static void expect_json(const struct annotation *annotation, const char *text)
{
    json_t *json = json_edit_over_text(annotation_to_json(annotation));
    json_t *expected = json_edit_parse(text);
    assert_true(json_equal(json, expected));
    json_decref(json);
    json_decref(expected);
}

static void test_annotation_json__has_these_fields(void **state)
{
    (void)state;
    static struct annotation annotation;
    sample_whole(&annotation);
    annotation.text = slice_of_text("Bello!");
    expect_json(&annotation,
                "{'id':'" ID "','replies_to':'" REPLY "','channel':'films.2004','text':'Bello!',"
                "'link':{'original':'ed2k://|file|a%20b.avi|0700|31D6CFE0D16AE931B73C59D7E0C089C0|/"
                "','identity':'ed2k:" HASH ":700','name':'a b.avi'},'rating':5,"
                "'author':'0102030405060708090a0b0c0d0e0fff','tags':['noir','da rivedere'],"
                "'created':'2023-11-14T22:13:20.123Z','modified':'2023-11-14T22:13:20.124Z'}");
    sample_bare(&annotation);
    expect_json(&annotation,
                "{'id':'" ID "','replies_to':null,'channel':'a','text':'',"
                "'link':{'original':'http://a','identity':'http://a/','name':null},'rating':0,"
                "'author':'0102030405060708090a0b0c0d0e0fff','tags':[],"
                "'created':'1970-01-01T00:00:00.000Z','modified':'1970-01-01T00:00:00.000Z'}");
    annotation.has_rating = false;
    annotation.text = slice_of_text("a");
    json_t *json = annotation_to_json(&annotation);
    assert_true(json_is_null(json_object_get(json, "rating")));
    json_decref(json);
}

// Whatever passes the check can be written as JSON, and read by others.
static void test_annotation_json__is_json_whatever_is_said(void **state)
{
    (void)state;
    static struct annotation annotation;
    struct rng rng;
    struct buf room;
    rng_init(&rng, 12);
    buf_init(&room, SAMPLE_ROOM_BYTES);
    for (int i = 0; i < 1000; i++) {
        sample_random(&rng, &room, &annotation);
        json_t *json = json_edit_over_text(annotation_to_json(&annotation));
        const json_t *text = json_object_get(json, "text");
        assert_true(slice_equal(slice_of(json_string_value(text), json_string_length(text)),
                                annotation.text));
        assert_int_equal(json_array_size(json_object_get(json, "tags")), annotation.tag_count);
        json_decref(json);
    }
    buf_release(&room);
}

static void test_annotation_json__reads_a_draft(void **state)
{
    (void)state;
    static struct annotation draft;
    struct errmsg problem = {""};
    json_t *json = json_edit_parse("{'channel':'a','link':'HTTP://a','tags':['  b c ','d'],"
                                   "'replies_to':'" REPLY "','rating':3,'text':'e\\nf'}");
    assert_int_equal(annotation_draft_from_json(json, &draft, &problem), ERR_OK);
    assert_true(slice_equal(draft.channel, slice_of_text("a")));
    assert_true(slice_equal(draft.link, slice_of_text("HTTP://a")));
    assert_true(slice_equal(annotation_identity(&draft), slice_of_text("http://a/")));
    assert_int_equal(draft.tag_count, 2);
    assert_true(slice_equal(draft.tags[0], slice_of_text("b c")));
    assert_true(slice_equal(draft.tags[1], slice_of_text("d")));
    assert_true(annotation_is_reply(&draft));
    assert_true(draft.has_rating);
    assert_int_equal(draft.rating, 3);
    assert_true(slice_equal(draft.text, slice_of_text("e\nf")));
    assert_true(annotation_id_is_none(&draft.id));
    json_decref(json);
}

// A change of the JSON of a draft, and words of the refusal (NULL: it is taken).
struct change {
    const char *name;
    const char *value; // NULL: the field is removed
    const char *words;
};

static const struct change changes[] = {
    {"channel", NULL, "\"channel\" is missing"},
    {"channel", "1", "\"channel\" must be a string"},
    {"channel", "''", "channel is missing"},
    {"channel", "'A'", "channel is wrong at byte 0"},
    {"link", NULL, "\"link\" is missing"},
    {"link", "null", "\"link\" must be a string"},
    {"link", "'http://a b'", "link is wrong at byte 8: a space"},
    {"link", "'http://a\\u0000b'", "link is wrong at byte 8: a control character"},
    {"link", "''", "link is wrong at byte 0"},
    {"text", "1", "\"text\" must be a string"},
    {"text", "null", "\"text\" must be a string"},
    {"text", "'a\\u0000'", "text is wrong at byte 1"},
    {"text", "'\\u0085'", "text is wrong at byte 0"},
    {"text", "''", NULL},
    {"text", NULL, NULL},
    {"rating", "6", "\"rating\" must be from 0 to 5"},
    {"rating", "-1", "\"rating\" must be from 0 to 5"},
    {"rating", "3.0", "\"rating\" must be an integer"},
    {"rating", "'3'", "\"rating\" must be an integer"},
    {"rating", "null", "\"rating\" must be an integer"},
    {"rating", NULL, NULL},
    {"tags", "'a'", "\"tags\" must be an array"},
    {"tags", "{}", "\"tags\" must be an array"},
    {"tags", "[1]", "tag 1 must be a string"},
    {"tags", "['a',['b']]", "tag 2 must be a string"},
    {"tags", "['a',' a ']", "tag 2 is the same as tag 1"},
    {"tags", "['a','  ']", "tag 2 is empty"},
    {"tags", "['a\\tb']", "tag 1 is wrong at byte 1"},
    {"tags", "['1','2','3','4','5','6','7','8','9','a','b','c','d','e','f','g','h']", "too many"},
    {"tags", "[]", NULL},
    {"tags", NULL, NULL},
    {"replies_to", "''", "\"replies_to\" must be an id"},
    {"replies_to", "null", "\"replies_to\" must be a string"},
    {"replies_to", NULL, NULL},
    {"more", "1", "no field \"more\""},
};

#define DRAFT                                                                                      \
    "{'channel':'films','link':'http://a','text':'Bello','rating':5,'tags':['noir'],"              \
    "'replies_to':'" REPLY "'}"

static void expect_change(const struct change *change)
{
    static struct annotation annotation;
    struct errmsg problem = {""};
    json_t *json = json_edit_parse(DRAFT);
    json_edit_set(json, change->name, change->value);
    enum err error = annotation_draft_from_json(json, &annotation, &problem);
    if ((error == ERR_OK) != (change->words == NULL) ||
        (change->words != NULL && strstr(problem.text, change->words) == NULL))
        fail_msg("%s: %s: %s", change->name, change->value, problem.text);
    json_decref(json);
}

static void test_annotation_json__refuses_what_it_does_not_know(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++)
        expect_change(&changes[i]);
    static const char *const not_in_drafts[] = {"id",      "identity", "author", "created",
                                                "version", "modified", "state"};
    for (size_t i = 0; i < sizeof not_in_drafts / sizeof not_in_drafts[0]; i++)
        expect_change(&(struct change){not_in_drafts[i], "'" ID "'", not_in_drafts[i]});
}

// An edit of a whole annotation, and words of the refusal (NULL: it is taken).
struct edit {
    const char *text;
    const char *words;
};

static void test_annotation_json__edits_what_is_named(void **state)
{
    (void)state;
    static struct annotation before;
    static struct annotation after;
    struct errmsg problem = {""};
    sample_whole(&before);
    after = before;
    json_t *json = json_edit_parse("{'text':'Brutto'}");
    assert_int_equal(annotation_edit_from_json(json, &after, &problem), ERR_OK);
    assert_true(slice_equal(after.text, slice_of_text("Brutto")));
    after.text = before.text;
    sample_expect_equal(&after, &before);
    json_decref(json);
    json = json_edit_parse("{'rating':null,'tags':[' uno ']}");
    assert_int_equal(annotation_edit_from_json(json, &after, &problem), ERR_OK);
    assert_false(after.has_rating);
    assert_int_equal(after.rating, 0);
    assert_int_equal(after.tag_count, 1);
    assert_true(slice_equal(after.tags[0], slice_of_text("uno")));
    assert_true(slice_equal(after.text, before.text));
    json_decref(json);
    json = json_edit_parse("{'text':null,'tags':null,'rating':0}");
    assert_int_equal(annotation_edit_from_json(json, &after, &problem), ERR_OK);
    assert_int_equal(after.text.length, 0);
    assert_int_equal(after.tag_count, 0);
    assert_true(after.has_rating);
    assert_int_equal(after.rating, 0);
    json_decref(json);
}

static void test_annotation_json__refuses_other_edits(void **state)
{
    (void)state;
    static const struct edit edits[] = {
        {"{}", "nothing to change"},
        {"[]", "JSON object"},
        {"{'channel':'b'}", "no field \"channel\""},
        {"{'link':'http://b'}", "no field \"link\""},
        {"{'created':null}", "no field \"created\""},
        {"{'text':1}", "\"text\" must be a string"},
        {"{'text':'a\\u0007'}", "text is wrong at byte 1"},
        {"{'rating':6}", "\"rating\" must be from 0 to 5"},
        {"{'rating':'3'}", "\"rating\" must be an integer"},
        {"{'tags':'a'}", "\"tags\" must be an array"},
        {"{'tags':[null]}", "tag 1 must be a string"},
        {"{'tags':['a','a']}", "tag 2 is the same"},
        {"{'text':'','tags':[],'rating':null}", "says nothing"},
        {"{'text':null,'tags':null,'rating':null}", "says nothing"},
    };
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        static struct annotation annotation;
        struct errmsg problem = {""};
        sample_whole(&annotation);
        json_t *json = json_edit_parse(edits[i].text);
        enum err error = annotation_edit_from_json(json, &annotation, &problem);
        if (error == ERR_OK || strstr(problem.text, edits[i].words) == NULL)
            fail_msg("%s: %s", edits[i].text, problem.text);
        json_decref(json);
    }
}

static void test_annotation_json__refuses_what_is_no_object(void **state)
{
    (void)state;
    static const char *const texts[] = {"[]", "[{}]", "'a'", "1", "null", "true", "{}"};
    static struct annotation annotation;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct errmsg problem = {""};
        json_t *json = json_edit_parse(texts[i]);
        assert_int_equal(annotation_draft_from_json(json, &annotation, &problem), ERR_INVALID);
        assert_true(problem.text[0] != '\0');
        json_decref(json);
    }
}

static void test_annotation_json__needs_something_said(void **state)
{
    (void)state;
    static struct annotation draft;
    struct errmsg problem = {""};
    json_t *json = json_edit_parse("{'channel':'a','link':'http://a','text':'','tags':[]}");
    assert_int_equal(annotation_draft_from_json(json, &draft, &problem), ERR_INVALID);
    assert_non_null(strstr(problem.text, "says nothing"));
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_annotation_json__has_these_fields),
        cmocka_unit_test(test_annotation_json__is_json_whatever_is_said),
        cmocka_unit_test(test_annotation_json__reads_a_draft),
        cmocka_unit_test(test_annotation_json__refuses_what_it_does_not_know),
        cmocka_unit_test(test_annotation_json__edits_what_is_named),
        cmocka_unit_test(test_annotation_json__refuses_other_edits),
        cmocka_unit_test(test_annotation_json__refuses_what_is_no_object),
        cmocka_unit_test(test_annotation_json__needs_something_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
