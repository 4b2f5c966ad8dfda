#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "app/annotations/annotation_jsonld.h"
#include "json_edit.h"
#include "samples.h"

#define ID "0102030405060708090a0b0c0d0e0fff-a0b1c2d3e4f50607"
#define REPLY "00000000000000000000000000000000-0000000000000001"

static void expect_back(const struct annotation *annotation, bool with_context)
{
    static struct annotation back;
    struct errmsg problem = {""};
    json_t *json = json_edit_over_text(annotation_to_jsonld(annotation, with_context));
    if (annotation_from_jsonld(json, &back, &problem) != ERR_OK)
        fail_msg("%s", problem.text);
    sample_expect_equal(&back, annotation);
    json_decref(json);
}

static void test_annotation_jsonld__comes_back(void **state)
{
    (void)state;
    static struct annotation annotation;
    struct rng rng;
    struct buf room;
    rng_init(&rng, 13);
    buf_init(&room, SAMPLE_ROOM_BYTES);
    sample_whole(&annotation);
    expect_back(&annotation, true);
    expect_back(&annotation, false);
    sample_bare(&annotation);
    expect_back(&annotation, true);
    for (int i = 0; i < 1000; i++) {
        sample_random(&rng, &room, &annotation);
        expect_back(&annotation, i % 2 == 0);
    }
    buf_release(&room);
}

static void test_annotation_jsonld__is_of_the_model(void **state)
{
    (void)state;
    static struct annotation annotation;
    sample_whole(&annotation);
    annotation.text = slice_of_text("Bello!");
    json_t *json = annotation_to_jsonld(&annotation, true);
    json_t *expected = json_edit_parse(
        "{'@context':'http://www.w3.org/ns/anno.jsonld',"
        "'id':'urn:brusio:annotation:" ID "','type':'Annotation','motivation':'replying',"
        "'creator':'urn:brusio:author:0102030405060708090a0b0c0d0e0fff',"
        "'created':'2023-11-14T22:13:20.123Z','modified':'2023-11-14T22:13:20.124Z',"
        "'dcterms:isPartOf':{'id':'urn:brusio:channel:films.2004'},"
        "'as:inReplyTo':{'id':'urn:brusio:annotation:" REPLY "'},'body':["
        "{'type':'TextualBody','value':'Bello!','format':'text/plain'},"
        "{'type':'TextualBody','value':'noir','purpose':'tagging'},"
        "{'type':'TextualBody','value':'da rivedere','purpose':'tagging'},"
        "{'type':'schema:Rating','schema:ratingValue':5,'schema:worstRating':0,"
        "'schema:bestRating':5}],"
        "'target':'ed2k://|file|a%20b.avi|0700|31D6CFE0D16AE931B73C59D7E0C089C0|/'}");
    assert_true(json_equal(json, expected));
    json_decref(json);
    json_decref(expected);
    sample_bare(&annotation);
    json = annotation_to_jsonld(&annotation, false);
    expected = json_edit_parse("{'id':'urn:brusio:annotation:" ID "','type':'Annotation',"
                               "'motivation':'commenting',"
                               "'creator':'urn:brusio:author:0102030405060708090a0b0c0d0e0fff',"
                               "'created':'1970-01-01T00:00:00.000Z',"
                               "'modified':'1970-01-01T00:00:00.000Z',"
                               "'dcterms:isPartOf':{'id':'urn:brusio:channel:a'},"
                               "'body':[{'type':'schema:Rating','schema:ratingValue':0,"
                               "'schema:worstRating':0,'schema:bestRating':5}],"
                               "'target':'http://a'}");
    assert_true(json_equal(json, expected));
    json_decref(json);
    json_decref(expected);
}

// A change of the JSON of a whole annotation (bodies: text, two tags, rating), and words of the
// refusal (NULL: it is taken).
struct change {
    const char *path;
    const char *value; // NULL: it is removed
    const char *words;
};

static const struct change changes[] = {
    {"@context", NULL, NULL},
    {"@context", "['http://www.w3.org/ns/anno.jsonld']", NULL},
    {"@context", "'http://www.w3.org/ns/anno.jsonl'", "\"@context\" must be"},
    {"@context", "'http://www.w3.org/ns/anno.jsonld\\u0000'", "\"@context\" must be"},
    {"@context", "['http://www.w3.org/ns/anno.jsonld','x']", "\"@context\" must be"},
    {"@context", "[]", "\"@context\" must be"},
    {"@context", "{}", "\"@context\" must be"},
    {"@context", "null", "\"@context\" must be"},
    {"type", NULL, "\"type\" is missing"},
    {"type", "'annotation'", "\"type\" must be \"Annotation\""},
    {"type", "['Annotation']", "\"type\" must be a string"},
    {"id", NULL, "\"id\" is missing"},
    {"id", "'" ID "'", "\"id\" must be an id"},
    {"id", "'http://example.org/1'", "\"id\" must be an id"},
    {"id", "'urn:brusio:annotation:" REPLY "'", "creator"},
    {"creator", NULL, "\"creator\" is missing"},
    {"creator", "{'id':'x'}", "\"creator\" must be a string"},
    {"creator", "'urn:brusio:author:1102030405060708090a0b0c0d0e0fff'", "\"creator\" must be"},
    {"creator", "'urn:brusio:author:0102030405060708090A0b0c0d0e0fff'", "\"creator\" must be"},
    {"creator", "'urn:brusio:author:01'", "\"creator\" must be"},
    {"creator", "'urn:brusio:Author:0102030405060708090a0b0c0d0e0fff'", "\"creator\" must be"},
    {"creator", "'urn:brusio:0102030405060708090a0b0c0d0e0fff'", "\"creator\" must be"},
    {"created", NULL, "\"created\" is missing"},
    {"created", "'2023-11-14T22:13:20Z'", NULL},
    {"created", "'2023-11-14T22:13:20+01:00'", "\"created\" must be a time"},
    {"created", "1700000000123", "\"created\" must be a string"},
    {"created", "'2023-11-14T22:13:20.125Z'", "creation is after"},
    {"modified", NULL, "\"modified\" is missing"},
    {"modified", "'yesterday'", "\"modified\" must be a time"},
    {"dcterms:isPartOf", NULL, "\"dcterms:isPartOf\" must be"},
    {"dcterms:isPartOf", "'urn:brusio:channel:a'", "\"dcterms:isPartOf\" must be"},
    {"dcterms:isPartOf", "{}", "\"dcterms:isPartOf\" must be"},
    {"dcterms:isPartOf", "{'id':'a'}", "\"dcterms:isPartOf\" must be"},
    {"dcterms:isPartOf", "{'id':'urn:brusio:Channel:a'}", "\"dcterms:isPartOf\" must be"},
    {"dcterms:isPartOf", "{'id':'urn:brusio:channel:A'}", "channel is wrong"},
    {"dcterms:isPartOf", "{'id':'urn:brusio:channel:'}", "channel is missing"},
    {"dcterms:isPartOf/more", "1", "\"dcterms:isPartOf\" must be"},
    {"as:inReplyTo", NULL, "\"motivation\" must be \"commenting\""},
    {"as:inReplyTo", "'urn:brusio:annotation:" REPLY "'", "\"as:inReplyTo\" must be"},
    {"as:inReplyTo", "{'id':'" REPLY "'}", "\"as:inReplyTo\" must be"},
    {"as:inReplyTo", "{'id':'urn:brusio:annotation:" ID "'}", "itself"},
    {"as:inReplyTo/more", "1", "\"as:inReplyTo\" must be"},
    {"motivation", NULL, "\"motivation\" is missing"},
    {"motivation", "'commenting'", "\"motivation\" must be \"replying\""},
    {"motivation", "['replying']", "\"motivation\" must be a string"},
    {"target", NULL, "\"target\" is missing"},
    {"target", "{'source':'http://a'}", "\"target\" must be a string"},
    {"target", "'http://a b'", "no link, at byte 8: a space"},
    {"rights", "'x'", "no field \"rights\""},
    {"body", NULL, "body 1: "},
    {"body", "[]", "says nothing"},
    {"body", "{'type':'TextualBody','value':'a'}", NULL},
    {"body", "'a'", "body 1: "},
    {"body/0", NULL, NULL},
    {"body/0/type", NULL, "body 1: the field \"type\" is missing"},
    {"body/0/type", "'Image'", "body 1: the field \"type\" must be"},
    {"body/0/value", NULL, "body 1: the field \"value\" is missing"},
    {"body/0/value", "1", "body 1: the field \"value\" must be a string"},
    {"body/0/value", "''", "body 1: the text is empty"},
    {"body/0/value", "'\\u0000'", "text is wrong at byte 0"},
    {"body/0/format", NULL, NULL},
    {"body/0/format", "'text/html'", "body 1: the field \"format\" must be \"text/plain\""},
    {"body/0/purpose", "'replying'", NULL},
    {"body/0/purpose", "'commenting'", "body 1: the field \"purpose\" must be \"replying\""},
    {"body/0/purpose", "1", "body 1: the field \"purpose\" must be a string"},
    {"body/0/language", "'it'", "body 1: there is no field \"language\""},
    {"body/1/value", "'da rivedere'", "tag 2 is the same"},
    {"body/1/value", "' a'", "tag 1 has a space"},
    {"body/1/value", "null", "body 2: the field \"value\" must be a string"},
    {"body/1/format", "'text/plain'", "body 2: there is no field \"format\""},
    {"body/1/purpose", NULL, "body 2: a second text"},
    {"body/3/schema:ratingValue", "6", "body 4: the field \"schema:ratingValue\" must be"},
    {"body/3/schema:ratingValue", "4.5", "body 4: the field \"schema:ratingValue\" must be"},
    {"body/3/schema:ratingValue", NULL, "body 4: the field \"schema:ratingValue\" is missing"},
    {"body/3/schema:worstRating", "1", "body 4: the field \"schema:worstRating\" must be"},
    {"body/3/schema:worstRating", NULL, NULL},
    {"body/3/schema:bestRating", "4", "body 4: a rating is from 0 to 5"},
    {"body/3/schema:bestRating", "10", "body 4: the field \"schema:bestRating\" must be"},
    {"body/3/schema:bestRating", NULL, NULL},
    {"body/3/purpose", "'assessing'", "body 4: there is no field \"purpose\""},
    {"body/+", "{'type':'schema:Rating','schema:ratingValue':1}", "body 5: a second rating"},
    {"body/+", "{'type':'TextualBody','value':'a','purpose':'tagging'}", NULL},
    {"body/+", "1", "body 5: "},
};

static void test_annotation_jsonld__refuses_what_it_does_not_know(void **state)
{
    (void)state;
    static struct annotation annotation;
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        const struct change *change = &changes[i];
        struct errmsg problem = {""};
        sample_whole(&annotation);
        json_t *json = annotation_to_jsonld(&annotation, true);
        json_edit_set(json, change->path, change->value);
        enum err error = annotation_from_jsonld(json, &annotation, &problem);
        if ((error == ERR_OK) != (change->words == NULL) ||
            (change->words != NULL && strstr(problem.text, change->words) == NULL))
            fail_msg("%s: %s: %s", change->path, change->value, problem.text);
        json_decref(json);
    }
}

static void test_annotation_jsonld__bounds_bodies(void **state)
{
    (void)state;
    static struct annotation annotation;
    struct errmsg problem = {""};
    sample_bare(&annotation);
    json_t *json = annotation_to_jsonld(&annotation, true);
    for (int i = 0; i < ANNOTATION_TAGS_MAX; i++) {
        const char tag[] = {(char)('a' + i), '\0'};
        json_t *body =
            json_pack("{s:s, s:s, s:s}", "type", "TextualBody", "purpose", "tagging", "value", tag);
        assert_int_equal(json_array_append_new(json_object_get(json, "body"), body), 0);
    }
    assert_int_equal(annotation_from_jsonld(json, &annotation, &problem), ERR_OK);
    assert_int_equal(annotation.tag_count, ANNOTATION_TAGS_MAX);
    json_edit_set(json, "body/+", "{'type':'TextualBody','value':'u','purpose':'tagging'}");
    assert_int_equal(annotation_from_jsonld(json, &annotation, &problem), ERR_TOO_LARGE);
    assert_non_null(strstr(problem.text, "tags"));
    json_edit_set(json, "body/+", "{'type':'TextualBody','value':'v','purpose':'tagging'}");
    assert_int_equal(annotation_from_jsonld(json, &annotation, &problem), ERR_TOO_LARGE);
    assert_non_null(strstr(problem.text, "bodies"));
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_annotation_jsonld__comes_back),
        cmocka_unit_test(test_annotation_jsonld__is_of_the_model),
        cmocka_unit_test(test_annotation_jsonld__refuses_what_it_does_not_know),
        cmocka_unit_test(test_annotation_jsonld__bounds_bodies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
