#include "app/annotations/annotation_json.h"

#include "app/annotations/members.h"
#include "base/check.h"

// Those of a draft first.
static const char *const names[] = {"channel",    "link", "text",     "rating",     "tags",
                                    "replies_to", "id",   "identity", "created_ms", "modified_ms"};
enum { NAME_COUNT = sizeof names / sizeof names[0], DRAFT_NAME_COUNT = 6 };

json_t *annotation_to_json(const struct annotation *annotation)
{
    json_t *object = json_object();
    CHECK(object != NULL);
    members_put(object, "id", members_id_string("", &annotation->id));
    members_put(object, "channel", members_string("", annotation->channel));
    members_put(object, "link", members_string("", annotation->link));
    members_put(object, "identity", members_string("", annotation_identity(annotation)));
    if (annotation->text.length > 0)
        members_put(object, "text", members_string("", annotation->text));
    if (annotation->has_rating)
        members_put(object, "rating", json_integer(annotation->rating));
    if (annotation->tag_count > 0) {
        json_t *tags = json_array();
        members_put(object, "tags", tags);
        for (unsigned i = 0; i < annotation->tag_count; i++)
            members_append(tags, members_string("", annotation->tags[i]));
    }
    if (annotation_is_reply(annotation))
        members_put(object, "replies_to", members_id_string("", &annotation->replies_to));
    members_put(object, "created_ms", json_integer((json_int_t)annotation->created_ms));
    members_put(object, "modified_ms", json_integer((json_int_t)annotation->modified_ms));
    return object;
}

static struct slice without_spaces(struct slice text)
{
    while (text.length > 0 && text.bytes[0] == ' ')
        text = slice_of(text.bytes + 1, text.length - 1);
    while (text.length > 0 && text.bytes[text.length - 1] == ' ')
        text.length--;
    return text;
}

static enum err read_tags(const json_t *tags, struct annotation *out, struct errmsg *problem)
{
    if (!json_is_array(tags))
        return errmsg_set(problem, ERR_INVALID, "the field \"tags\" must be an array of strings");
    if (json_array_size(tags) > ANNOTATION_TAGS_MAX)
        return errmsg_set(problem, ERR_TOO_LARGE, "there are too many tags: at most %d",
                          ANNOTATION_TAGS_MAX);
    for (size_t i = 0; i < json_array_size(tags); i++) {
        const json_t *tag = json_array_get(tags, i);
        if (!json_is_string(tag))
            return errmsg_set(problem, ERR_INVALID, "tag %zu must be a string", i + 1);
        out->tags[out->tag_count++] =
            without_spaces(slice_of(json_string_value(tag), json_string_length(tag)));
    }
    return ERR_OK;
}

static enum err read_link(const json_t *object, struct annotation *out, struct errmsg *problem)
{
    struct slice link;
    struct link_fault fault;
    enum err error = members_text(object, "link", &link, problem);
    if (error != ERR_OK)
        return error;
    error = annotation_set_link(out, link, &fault);
    if (error != ERR_OK)
        return errmsg_set(problem, error, "the link is wrong at byte %zu: %s", fault.at,
                          fault.reason);
    return ERR_OK;
}

// The fields of a draft, unchecked but for their types and the link.
static enum err read_draft(const json_t *object, struct annotation *out, struct errmsg *problem)
{
    const json_t *tags = json_object_get(object, "tags");
    enum err error = members_text(object, "channel", &out->channel, problem);
    if (error == ERR_OK)
        error = read_link(object, out, problem);
    if (error == ERR_OK && json_object_get(object, "text") != NULL)
        error = members_text(object, "text", &out->text, problem);
    if (error == ERR_OK && json_object_get(object, "rating") != NULL) {
        uint64_t rating = 0;
        error = members_integer(object, "rating", ANNOTATION_RATING_MAX, &rating, problem);
        out->has_rating = true;
        out->rating = (uint8_t)rating;
    }
    if (error == ERR_OK && tags != NULL)
        error = read_tags(tags, out, problem);
    if (error == ERR_OK && json_object_get(object, "replies_to") != NULL)
        error = members_id(object, "replies_to", "", &out->replies_to, problem);
    return error;
}

enum err annotation_draft_from_json(const json_t *object, struct annotation *out,
                                    struct errmsg *problem)
{
    enum err error = members_only(object, names, DRAFT_NAME_COUNT, problem);
    *out = (struct annotation){.tag_count = 0};
    if (error == ERR_OK)
        error = read_draft(object, out, problem);
    return error == ERR_OK ? annotation_check_draft(out, problem) : error;
}

static enum err check_identity(const json_t *object, const struct annotation *annotation,
                               struct errmsg *problem)
{
    struct slice identity;
    if (json_object_get(object, "identity") == NULL)
        return ERR_OK;
    enum err error = members_text(object, "identity", &identity, problem);
    if (error == ERR_OK && !slice_equal(identity, annotation_identity(annotation)))
        error = errmsg_set(problem, ERR_INVALID,
                           "the field \"identity\" is not that of the link: leave it out");
    return error;
}

enum err annotation_from_json(const json_t *object, struct annotation *out, struct errmsg *problem)
{
    enum err error = members_only(object, names, NAME_COUNT, problem);
    *out = (struct annotation){.tag_count = 0};
    if (error == ERR_OK)
        error = members_id(object, "id", "", &out->id, problem);
    if (error == ERR_OK)
        error = read_draft(object, out, problem);
    if (error == ERR_OK)
        error = check_identity(object, out, problem);
    if (error == ERR_OK)
        error = members_integer(object, "created_ms", ANNOTATION_TIME_MS_MAX, &out->created_ms,
                                problem);
    if (error == ERR_OK)
        error = members_integer(object, "modified_ms", ANNOTATION_TIME_MS_MAX, &out->modified_ms,
                                problem);
    return error == ERR_OK ? annotation_check(out, problem) : error;
}
