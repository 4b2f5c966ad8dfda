#include "app/annotations/annotation_jsonld.h"

#include "app/annotations/members.h"
#include "app/annotations/text.h"
#include "app/annotations/utc_time.h"
#include "base/check.h"

#define ANNOTATION_URN "urn:brusio:annotation:"
#define AUTHOR_URN "urn:brusio:author:"
#define CHANNEL_URN "urn:brusio:channel:"

enum { BODIES_MAX = ANNOTATION_TAGS_MAX + 2, TIME_TEXT_BYTES_MAX = 32 };

static const char *motivation_of(const struct annotation *annotation)
{
    return annotation_is_reply(annotation) ? "replying" : "commenting";
}

static json_t *new_object(const char *name, json_t *value)
{
    json_t *object = json_object();
    CHECK(object != NULL);
    members_put(object, name, value);
    return object;
}

static void put_time(json_t *object, const char *name, uint64_t time_ms)
{
    struct buf text;
    buf_init(&text, TIME_TEXT_BYTES_MAX);
    utc_time_append(&text, time_ms);
    members_put(object, name, members_string("", buf_slice(&text)));
    buf_release(&text);
}

static void put_creator(json_t *object, const struct annotation_id *id)
{
    struct buf text;
    buf_init(&text, 2 * ANNOTATION_AUTHOR_BYTES);
    text_append_hex(&text, slice_of(id->author, sizeof id->author));
    members_put(object, "creator", members_string(AUTHOR_URN, buf_slice(&text)));
    buf_release(&text);
}

static json_t *bodies_of(const struct annotation *annotation)
{
    json_t *bodies = json_array();
    CHECK(bodies != NULL);
    if (annotation->text.length > 0) {
        json_t *body = new_object("type", json_string("TextualBody"));
        members_put(body, "value", members_string("", annotation->text));
        members_put(body, "format", json_string("text/plain"));
        members_append(bodies, body);
    }
    for (unsigned i = 0; i < annotation->tag_count; i++) {
        json_t *body = new_object("type", json_string("TextualBody"));
        members_put(body, "value", members_string("", annotation->tags[i]));
        members_put(body, "purpose", json_string("tagging"));
        members_append(bodies, body);
    }
    if (annotation->has_rating) {
        json_t *body = new_object("type", json_string("schema:Rating"));
        members_put(body, "schema:ratingValue", json_integer(annotation->rating));
        members_put(body, "schema:worstRating", json_integer(0));
        members_put(body, "schema:bestRating", json_integer(ANNOTATION_RATING_MAX));
        members_append(bodies, body);
    }
    return bodies;
}

json_t *annotation_to_jsonld(const struct annotation *annotation, bool with_context)
{
    json_t *object = json_object();
    CHECK(object != NULL);
    if (with_context)
        members_put(object, "@context", json_string(ANNOTATION_JSONLD_CONTEXT));
    members_put(object, "id", members_id_string(ANNOTATION_URN, &annotation->id));
    members_put(object, "type", json_string("Annotation"));
    members_put(object, "motivation", json_string(motivation_of(annotation)));
    put_creator(object, &annotation->id);
    put_time(object, "created", annotation->created_ms);
    put_time(object, "modified", annotation->modified_ms);
    members_put(object, "dcterms:isPartOf",
                new_object("id", members_string(CHANNEL_URN, annotation->channel)));
    if (annotation_is_reply(annotation))
        members_put(object, "as:inReplyTo",
                    new_object("id", members_id_string(ANNOTATION_URN, &annotation->replies_to)));
    members_put(object, "body", bodies_of(annotation));
    members_put(object, "target", members_string("", annotation->link));
    return object;
}

enum err annotation_jsonld_check_context(const json_t *object, struct errmsg *problem)
{
    const json_t *context = json_object_get(object, "@context");
    if (json_is_array(context) && json_array_size(context) == 1)
        context = json_array_get(context, 0);
    if (json_is_string(context) &&
        slice_equal(slice_of(json_string_value(context), json_string_length(context)),
                    slice_of_text(ANNOTATION_JSONLD_CONTEXT)))
        return ERR_OK;
    return errmsg_set(problem, ERR_INVALID, "the field \"@context\" must be \"%s\"",
                      ANNOTATION_JSONLD_CONTEXT);
}

static enum err read_time(const json_t *object, const char *name, uint64_t *out,
                          struct errmsg *problem)
{
    struct slice text;
    enum err error = members_text(object, name, &text, problem);
    if (error == ERR_OK && utc_time_parse(text, out) != ERR_OK)
        error = errmsg_set(problem, ERR_INVALID,
                           "the field \"%s\" must be a time as 2026-03-01T12:30:00.250Z", name);
    return error;
}

static enum err read_creator(const json_t *object, const struct annotation_id *id,
                             struct errmsg *problem)
{
    const size_t skipped = sizeof AUTHOR_URN - 1;
    struct slice text;
    uint8_t author[ANNOTATION_AUTHOR_BYTES];
    enum err error = members_text(object, "creator", &text, problem);
    if (error != ERR_OK)
        return error;
    if (text.length < skipped || memcmp(text.bytes, AUTHOR_URN, skipped) != 0 ||
        !text_read_hex(slice_of(text.bytes + skipped, text.length - skipped), author,
                       sizeof author) ||
        memcmp(author, id->author, sizeof author) != 0)
        return errmsg_set(problem, ERR_INVALID,
                          "the field \"creator\" must be %s and the author in the id", AUTHOR_URN);
    return ERR_OK;
}

static enum err read_channel(const json_t *object, struct slice *out, struct errmsg *problem)
{
    static const char *const names[] = {"id"};
    const size_t skipped = sizeof CHANNEL_URN - 1;
    const json_t *whole = json_object_get(object, "dcterms:isPartOf");
    struct slice text;
    struct errmsg inner;
    if (members_only(whole, names, 1, &inner) != ERR_OK ||
        members_text(whole, "id", &text, &inner) != ERR_OK || text.length < skipped ||
        memcmp(text.bytes, CHANNEL_URN, skipped) != 0)
        return errmsg_set(problem, ERR_INVALID,
                          "the field \"dcterms:isPartOf\" must be {\"id\": \"%s<channel>\"}",
                          CHANNEL_URN);
    *out = slice_of(text.bytes + skipped, text.length - skipped);
    return ERR_OK;
}

static enum err read_reply(const json_t *object, struct annotation *out, struct errmsg *problem)
{
    static const char *const names[] = {"id"};
    const json_t *whole = json_object_get(object, "as:inReplyTo");
    struct errmsg inner;
    if (whole == NULL)
        return ERR_OK;
    if (members_only(whole, names, 1, &inner) == ERR_OK &&
        members_id(whole, "id", ANNOTATION_URN, &out->replies_to, &inner) == ERR_OK)
        return ERR_OK;
    return errmsg_set(problem, ERR_INVALID,
                      "the field \"as:inReplyTo\" must be {\"id\": \"%s<id>\"}", ANNOTATION_URN);
}

static enum err read_rating(const json_t *body, struct annotation *out, struct errmsg *problem)
{
    static const char *const names[] = {"type", "schema:ratingValue", "schema:worstRating",
                                        "schema:bestRating"};
    uint64_t value = 0;
    uint64_t worst = 0;
    uint64_t best = ANNOTATION_RATING_MAX;
    enum err error = members_only(body, names, sizeof names / sizeof names[0], problem);
    if (error == ERR_OK)
        error = members_integer(body, names[1], ANNOTATION_RATING_MAX, &value, problem);
    if (error == ERR_OK && json_object_get(body, names[2]) != NULL)
        error = members_integer(body, names[2], 0, &worst, problem);
    if (error == ERR_OK && json_object_get(body, names[3]) != NULL)
        error = members_integer(body, names[3], ANNOTATION_RATING_MAX, &best, problem);
    if (error == ERR_OK && best != ANNOTATION_RATING_MAX)
        error = errmsg_set(problem, ERR_INVALID, "a rating is from 0 to %d", ANNOTATION_RATING_MAX);
    if (error == ERR_OK && out->has_rating)
        error = errmsg_set(problem, ERR_INVALID, "a second rating");
    out->has_rating = true;
    out->rating = (uint8_t)value;
    return error;
}

static enum err read_tag(const json_t *body, struct annotation *out, struct errmsg *problem)
{
    static const char *const names[] = {"type", "value", "purpose"};
    struct slice tag;
    enum err error = members_only(body, names, sizeof names / sizeof names[0], problem);
    if (error == ERR_OK)
        error = members_text(body, "value", &tag, problem);
    if (error == ERR_OK && out->tag_count == ANNOTATION_TAGS_MAX)
        error = errmsg_set(problem, ERR_TOO_LARGE, "there are too many tags: at most %d",
                           ANNOTATION_TAGS_MAX);
    if (error == ERR_OK)
        out->tags[out->tag_count++] = tag;
    return error;
}

static enum err read_text(const json_t *body, struct annotation *out, struct errmsg *problem)
{
    static const char *const names[] = {"type", "value", "format", "purpose"};
    enum err error = members_only(body, names, sizeof names / sizeof names[0], problem);
    if (error == ERR_OK && json_object_get(body, "format") != NULL)
        error = members_is(body, "format", "text/plain", problem);
    if (error == ERR_OK && json_object_get(body, "purpose") != NULL)
        error = members_is(body, "purpose", motivation_of(out), problem);
    if (error == ERR_OK && out->text.length > 0)
        error = errmsg_set(problem, ERR_INVALID, "a second text");
    if (error == ERR_OK)
        error = members_text(body, "value", &out->text, problem);
    if (error == ERR_OK && out->text.length == 0)
        error = errmsg_set(problem, ERR_INVALID, "the text is empty: leave the body out");
    return error;
}

static enum err read_body(const json_t *body, struct annotation *out, struct errmsg *problem)
{
    struct slice type;
    struct slice purpose = slice_of(NULL, 0);
    enum err error = members_text(body, "type", &type, problem);
    if (error != ERR_OK)
        return error;
    if (slice_equal(type, slice_of_text("schema:Rating")))
        return read_rating(body, out, problem);
    if (!slice_equal(type, slice_of_text("TextualBody")))
        return errmsg_set(problem, ERR_INVALID,
                          "the field \"type\" must be \"TextualBody\" or \"schema:Rating\"");
    if (json_object_get(body, "purpose") != NULL)
        error = members_text(body, "purpose", &purpose, problem);
    if (error != ERR_OK)
        return error;
    return slice_equal(purpose, slice_of_text("tagging")) ? read_tag(body, out, problem)
                                                          : read_text(body, out, problem);
}

static enum err read_bodies(const json_t *bodies, struct annotation *out, struct errmsg *problem)
{
    size_t count = json_is_array(bodies) ? json_array_size(bodies) : 1;
    enum err error = ERR_OK;
    if (count > BODIES_MAX)
        return errmsg_set(problem, ERR_TOO_LARGE, "there are too many bodies: at most %d",
                          BODIES_MAX);
    for (size_t i = 0; i < count && error == ERR_OK; i++) {
        const json_t *body = json_is_array(bodies) ? json_array_get(bodies, i) : bodies;
        struct errmsg inner = {""};
        error = read_body(body, out, &inner);
        if (error != ERR_OK)
            error = errmsg_set(problem, error, "body %zu: %.400s", i + 1, inner.text);
    }
    return error;
}

static enum err read_target(const json_t *object, struct annotation *out, struct errmsg *problem)
{
    struct slice link;
    struct link_fault fault;
    enum err error = members_text(object, "target", &link, problem);
    if (error != ERR_OK)
        return error;
    error = annotation_set_link(out, link, &fault);
    if (error != ERR_OK)
        return errmsg_set(problem, error, "the target is no link, at byte %zu: %s", fault.at,
                          fault.reason);
    return ERR_OK;
}

static enum err read_head(const json_t *object, struct annotation *out, struct errmsg *problem)
{
    static const char *const names[] = {"@context", "id",      "type",        "motivation",
                                        "creator",  "created", "modified",    "dcterms:isPartOf",
                                        "body",     "target",  "as:inReplyTo"};
    enum err error = members_only(object, names, sizeof names / sizeof names[0], problem);
    if (error == ERR_OK && json_object_get(object, "@context") != NULL)
        error = annotation_jsonld_check_context(object, problem);
    if (error == ERR_OK)
        error = members_is(object, "type", "Annotation", problem);
    if (error == ERR_OK)
        error = members_id(object, "id", ANNOTATION_URN, &out->id, problem);
    if (error == ERR_OK)
        error = read_creator(object, &out->id, problem);
    if (error == ERR_OK)
        error = read_time(object, "created", &out->created_ms, problem);
    if (error == ERR_OK)
        error = read_time(object, "modified", &out->modified_ms, problem);
    if (error == ERR_OK)
        error = read_channel(object, &out->channel, problem);
    if (error == ERR_OK)
        error = read_reply(object, out, problem);
    if (error == ERR_OK)
        error = members_is(object, "motivation", motivation_of(out), problem);
    return error;
}

enum err annotation_from_jsonld(const json_t *object, struct annotation *out,
                                struct errmsg *problem)
{
    *out = (struct annotation){.tag_count = 0};
    enum err error = read_head(object, out, problem);
    if (error == ERR_OK)
        error = read_bodies(json_object_get(object, "body"), out, problem);
    if (error == ERR_OK)
        error = read_target(object, out, problem);
    return error == ERR_OK ? annotation_check(out, problem) : error;
}
