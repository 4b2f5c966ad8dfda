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

static void expect_back(const struct annotation *annotation)
{
    static struct annotation back;
    struct errmsg problem = {""};
    json_t *json = json_edit_over_text(annotation_to_json(annotation));
    if (annotation_from_json(json, &back, &problem) != ERR_OK)
        fail_msg("%s", problem.text);
    sample_expect_equal(&back, annotation);
    json_decref(json);
}

static void test_annotation_json__comes_back(void **state)
{
    (void)state;
    static struct annotation annotation;
    struct rng rng;
    struct buf room;
    rng_init(&rng, 12);
    buf_init(&room, SAMPLE_ROOM_BYTES);
    sample_whole(&annotation);
    expect_back(&annotation);
    sample_bare(&annotation);
    expect_back(&annotation);
    for (int i = 0; i < 1000; i++) {
        sample_random(&rng, &room, &annotation);
        expect_back(&annotation);
    }
    buf_release(&room);
}

static void test_annotation_json__has_these_fields(void **state)
{
    (void)state;
    static struct annotation annotation;
    sample_whole(&annotation);
    annotation.text = slice_of_text("Bello!");
    json_t *json = annotation_to_json(&annotation);
    json_t *expected = json_edit_parse(
        "{'id':'" ID "','replies_to':'" REPLY "','channel':'films.2004','text':'Bello!',"
        "'link':'ed2k://|file|a%20b.avi|0700|31D6CFE0D16AE931B73C59D7E0C089C0|/',"
        "'identity':'ed2k:" HASH ":700','rating':5,'tags':['noir','da rivedere'],"
        "'created_ms':1700000000123,'modified_ms':1700000000124}");
    assert_true(json_equal(json, expected));
    json_decref(json);
    json_decref(expected);
    sample_bare(&annotation);
    json = annotation_to_json(&annotation);
    expected = json_edit_parse("{'id':'" ID "','channel':'a','link':'http://a',"
                               "'identity':'http://a/','rating':0,'created_ms':0,'modified_ms':0}");
    assert_true(json_equal(json, expected));
    json_decref(json);
    json_decref(expected);
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

// A change of the JSON of a whole annotation, and words of the refusal (NULL: it is taken).
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
    {"replies_to", "'" ID "'", "itself"},
    {"replies_to", NULL, NULL},
    {"more", "1", "no field \"more\""},
};

static const struct change whole_changes[] = {
    {"id", NULL, "\"id\" is missing"},
    {"id", "'x'", "\"id\" must be an id"},
    {"id", "'00000000000000000000000000000000-0000000000000000'", "\"id\" must be an id"},
    {"identity", "'ed2k:" HASH ":701'", "\"identity\" is not that"},
    {"identity", "1", "\"identity\" must be a string"},
    {"identity", NULL, NULL},
    {"created_ms", NULL, "\"created_ms\" is missing"},
    {"created_ms", "-1", "\"created_ms\" must be from 0"},
    {"created_ms", "253402300800000", "\"created_ms\" must be from 0 to 253402300799999"},
    {"created_ms", "1700000000125", "creation is after"},
    {"created_ms", "0.5", "\"created_ms\" must be an integer"},
    {"modified_ms", NULL, "\"modified_ms\" is missing"},
    {"modified_ms", "'0'", "\"modified_ms\" must be an integer"},
    {"modified_ms", "253402300799999", NULL},
};

static void expect_change(const struct change *change, bool draft)
{
    static struct annotation annotation;
    struct errmsg problem = {""};
    sample_whole(&annotation);
    json_t *json = annotation_to_json(&annotation);
    if (draft) {
        static const char *const others[] = {"id", "identity", "created_ms", "modified_ms"};
        for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
            json_edit_set(json, others[i], NULL);
    }
    json_edit_set(json, change->name, change->value);
    enum err error = draft ? annotation_draft_from_json(json, &annotation, &problem)
                           : annotation_from_json(json, &annotation, &problem);
    if ((error == ERR_OK) != (change->words == NULL) ||
        (change->words != NULL && strstr(problem.text, change->words) == NULL))
        fail_msg("%s: %s: %s", change->name, change->value, problem.text);
    json_decref(json);
}

static void test_annotation_json__refuses_what_it_does_not_know(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        expect_change(&changes[i], false);
        // A draft has no id of its own.
        if (changes[i].words == NULL || strcmp(changes[i].words, "itself") != 0)
            expect_change(&changes[i], true);
    }
    for (size_t i = 0; i < sizeof whole_changes / sizeof whole_changes[0]; i++)
        expect_change(&whole_changes[i], false);
    static const char *const not_in_drafts[] = {"id", "identity", "created_ms", "modified_ms"};
    for (size_t i = 0; i < sizeof not_in_drafts / sizeof not_in_drafts[0]; i++) {
        const struct change added = {not_in_drafts[i], "'" ID "'", not_in_drafts[i]};
        struct errmsg problem = {""};
        static struct annotation draft;
        json_t *json = json_edit_parse("{'channel':'a','link':'http://a','rating':1}");
        json_edit_set(json, added.name, added.value);
        assert_int_equal(annotation_draft_from_json(json, &draft, &problem), ERR_INVALID);
        assert_non_null(strstr(problem.text, added.words));
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
        assert_int_equal(annotation_from_json(json, &annotation, &problem), ERR_INVALID);
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
        cmocka_unit_test(test_annotation_json__comes_back),
        cmocka_unit_test(test_annotation_json__has_these_fields),
        cmocka_unit_test(test_annotation_json__reads_a_draft),
        cmocka_unit_test(test_annotation_json__refuses_what_it_does_not_know),
        cmocka_unit_test(test_annotation_json__refuses_what_is_no_object),
        cmocka_unit_test(test_annotation_json__needs_something_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
