// Any JSON is an annotation, a draft, a document of the Web Annotation model, or refused with a
// sentence. What is read holds its invariants, and comes back from the JSON that it is written to.
#include "app/annotations/annotation_collection.h"
#include "app/annotations/annotation_json.h"
#include "app/annotations/annotation_jsonld.h"
#include "base/check.h"

#include <stdlib.h>

static void check_equal(const struct annotation *a, const struct annotation *b)
{
    struct buf first;
    struct buf second;
    buf_init(&first, ANNOTATION_VALUE_BYTES_MAX);
    buf_init(&second, ANNOTATION_VALUE_BYTES_MAX);
    annotation_encode(&first, a);
    annotation_encode(&second, b);
    CHECK(!first.overflown && slice_equal(buf_slice(&first), buf_slice(&second)));
    CHECK(annotation_id_equal(&a->id, &b->id));
    buf_release(&first);
    buf_release(&second);
}

// Takes `json`, and gives what it is after it was text.
static json_t *over_text(json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);
    CHECK(text != NULL);
    json_t *back = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    CHECK(back != NULL);
    free(text);
    json_decref(json);
    return back;
}

static void check_annotation(const struct annotation *annotation)
{
    static struct annotation back;
    struct errmsg problem;
    CHECK(annotation_check(annotation, &problem) == ERR_OK);
    json_decref(over_text(annotation_to_json(annotation)));
    json_t *json = over_text(annotation_to_jsonld(annotation, true));
    CHECK(annotation_from_jsonld(json, &back, &problem) == ERR_OK);
    check_equal(annotation, &back);
    json_decref(json);
}

// A change leaves an annotation that is one, or is refused.
static void check_edit(const json_t *json)
{
    static struct annotation annotation;
    struct link_fault fault;
    struct errmsg problem = {""};
    annotation = (struct annotation){.id = {.author = {1}, .number = {2}},
                                     .channel = slice_of_text("a"),
                                     .text = slice_of_text("b"),
                                     .tags = {slice_of_text("c")},
                                     .tag_count = 1};
    CHECK(annotation_set_link(&annotation, slice_of_text("http://a"), &fault) == ERR_OK);
    if (annotation_edit_from_json(json, &annotation, &problem) == ERR_OK)
        check_annotation(&annotation);
    else
        CHECK(problem.text[0] != '\0');
}

static void check_document(const json_t *json)
{
    static struct annotation annotation;
    struct annotation_items items;
    struct errmsg problem = {""};
    if (annotation_items_of(json, &items, &problem) != ERR_OK) {
        CHECK(problem.text[0] != '\0');
        return;
    }
    for (size_t i = 0; i < items.count; i++) {
        problem.text[0] = '\0';
        if (annotation_items_read(&items, i, &annotation, &problem) == ERR_OK)
            check_annotation(&annotation);
        else
            CHECK(problem.text[0] != '\0');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static struct annotation annotation;
    struct errmsg problem = {""};
    json_t *json = json_loadb((const char *)bytes, length,
                              JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
    if (json == NULL)
        return 0;
    if (annotation_draft_from_json(json, &annotation, &problem) == ERR_OK) {
        annotation.id = (struct annotation_id){.author = {1}, .number = {2}};
        if (!annotation_id_equal(&annotation.id, &annotation.replies_to))
            check_annotation(&annotation);
    } else {
        CHECK(problem.text[0] != '\0');
    }
    check_edit(json);
    check_document(json);
    json_decref(json);
    return 0;
}
