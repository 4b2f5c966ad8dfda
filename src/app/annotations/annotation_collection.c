#include "app/annotations/annotation_collection.h"

#include "app/annotations/annotation_jsonld.h"
#include "app/annotations/members.h"
#include "base/check.h"

static json_t *new_document(const char *type, const char *id, bool with_context)
{
    json_t *document = json_object();
    CHECK(document != NULL);
    if (with_context)
        members_put(document, "@context", json_string(ANNOTATION_JSONLD_CONTEXT));
    members_put(document, "id", json_string(id));
    members_put(document, "type", json_string(type));
    return document;
}

json_t *annotation_collection_new(const char *id)
{
    json_t *collection = new_document("AnnotationCollection", id, true);
    json_t *page = new_document("AnnotationPage", id, false);
    members_put(page, "id", members_string(id, slice_of_text("#1")));
    members_put(page, "startIndex", json_integer(0));
    members_put(page, "items", json_array());
    members_put(collection, "total", json_integer(0));
    members_put(collection, "first", page);
    return collection;
}

json_t *annotation_page_new(const struct annotation_page *page)
{
    json_t *document = new_document("AnnotationPage", page->id, true);
    json_t *whole = new_document("AnnotationCollection", page->collection, false);
    members_put(whole, "total", json_integer((json_int_t)page->total));
    members_put(document, "partOf", whole);
    members_put(document, "startIndex", json_integer((json_int_t)page->start));
    if (page->next != NULL)
        members_put(document, "next", json_string(page->next));
    members_put(document, "items", json_array());
    return document;
}

enum err annotation_collection_add(json_t *document, const struct annotation *annotation)
{
    json_t *first = json_object_get(document, "first");
    json_t *items = json_object_get(first != NULL ? first : document, "items");
    CHECK(json_is_array(items));
    if (json_array_size(items) >= ANNOTATION_ITEMS_MAX)
        return ERR_FULL;
    members_append(items, annotation_to_jsonld(annotation, false));
    if (first != NULL)
        members_put(document, "total", json_integer((json_int_t)json_array_size(items)));
    return ERR_OK;
}

static bool has_type(const json_t *document, const char *type)
{
    struct slice found;
    struct errmsg problem;
    return members_text(document, "type", &found, &problem) == ERR_OK &&
           slice_equal(found, slice_of_text(type));
}

static enum err read_page(const json_t *page, struct annotation_items *out, struct errmsg *problem)
{
    static const char *const names[] = {"@context",   "id",   "type", "partOf",
                                        "startIndex", "next", "prev", "items"};
    if (members_only(page, names, sizeof names / sizeof names[0], problem) != ERR_OK)
        return ERR_INVALID;
    if (!has_type(page, "AnnotationPage"))
        return errmsg_set(problem, ERR_INVALID, "the page is no \"AnnotationPage\"");
    out->array = json_object_get(page, "items");
    if (!json_is_array(out->array))
        return errmsg_set(problem, ERR_INVALID, "the field \"items\" must be an array");
    out->count = json_array_size(out->array);
    if (out->count > ANNOTATION_ITEMS_MAX)
        return errmsg_set(problem, ERR_TOO_LARGE, "there are too many items: at most %d",
                          ANNOTATION_ITEMS_MAX);
    return ERR_OK;
}

static enum err read_collection(const json_t *collection, struct annotation_items *out,
                                struct errmsg *problem)
{
    static const char *const names[] = {"@context", "id",    "type", "label",
                                        "total",    "first", "last"};
    const json_t *first = json_object_get(collection, "first");
    uint64_t total;
    if (members_only(collection, names, sizeof names / sizeof names[0], problem) != ERR_OK)
        return ERR_INVALID;
    if (!json_is_object(first))
        return errmsg_set(problem, ERR_INVALID,
                          "the first page is not in the document: give the page itself");
    enum err error = read_page(first, out, problem);
    if (error != ERR_OK || json_object_get(collection, "total") == NULL)
        return error;
    error = members_integer(collection, "total", INT64_MAX, &total, problem);
    // Of a collection with further pages, this is the first.
    if (error == ERR_OK && json_object_get(first, "next") == NULL && total != out->count)
        error = errmsg_set(problem, ERR_INVALID,
                           "the total is not the number of items: the document is not whole");
    return error;
}

enum err annotation_items_of(const json_t *document, struct annotation_items *out,
                             struct errmsg *problem)
{
    *out = (struct annotation_items){.document = document, .count = 1};
    if (!json_is_object(document))
        return errmsg_set(problem, ERR_INVALID, "a JSON object {...} is expected");
    enum err error = annotation_jsonld_check_context(document, problem);
    if (error != ERR_OK || has_type(document, "Annotation"))
        return error;
    if (has_type(document, "AnnotationPage"))
        return read_page(document, out, problem);
    if (has_type(document, "AnnotationCollection"))
        return read_collection(document, out, problem);
    return errmsg_set(problem, ERR_INVALID,
                      "the field \"type\" must be \"Annotation\", \"AnnotationPage\" or "
                      "\"AnnotationCollection\"");
}

enum err annotation_items_read(const struct annotation_items *items, size_t index,
                               struct annotation *out, struct errmsg *problem)
{
    struct errmsg inner = {""};
    CHECK(index < items->count);
    if (items->array == NULL)
        return annotation_from_jsonld(items->document, out, problem);
    enum err error = annotation_from_jsonld(json_array_get(items->array, index), out, &inner);
    if (error != ERR_OK)
        error = errmsg_set(problem, error, "item %zu: %.450s", index + 1, inner.text);
    return error;
}
