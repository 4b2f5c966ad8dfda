#include "app/annotations/annotation_json.h"

#include "app/annotations/members.h"
#include "app/annotations/text.h"
#include "app/annotations/utc_time.h"
#include "base/check.h"

static json_t *new_object(void)
{
    json_t *object = json_object();
    CHECK(object != NULL);
    return object;
}

// The name that the link gives its file, or null.
static json_t *name_of(struct slice text)
{
    struct link link;
    struct link_fault fault;
    struct buf name;
    buf_init(&name, LINK_BYTES_MAX);
    bool named = link_parse(text, &link, &fault) == ERR_OK && link_display_name(&link, &name);
    json_t *json = named ? members_string("", buf_slice(&name)) : json_null();
    buf_release(&name);
    return json;
}

static json_t *link_to_json(const struct annotation *annotation)
{
    json_t *object = new_object();
    members_put(object, "original", members_string("", annotation->link));
    members_put(object, "identity", members_string("", annotation_identity(annotation)));
    members_put(object, "name", name_of(annotation->link));
    return object;
}

static json_t *author_to_json(const struct annotation_id *id)
{
    struct buf text;
    buf_init(&text, 2 * ANNOTATION_AUTHOR_BYTES);
    text_append_hex(&text, slice_of(id->author, sizeof id->author));
    json_t *json = members_string("", buf_slice(&text));
    buf_release(&text);
    return json;
}

static json_t *time_to_json(uint64_t time_ms)
{
    struct buf text;
    buf_init(&text, 64);
    utc_time_append(&text, time_ms);
    json_t *json = members_string("", buf_slice(&text));
    buf_release(&text);
    return json;
}

json_t *annotation_to_json(const struct annotation *annotation)
{
    json_t *object = new_object();
    json_t *tags = json_array();
    members_put(object, "id", members_id_string("", &annotation->id));
    members_put(object, "channel", members_string("", annotation->channel));
    members_put(object, "link", link_to_json(annotation));
    members_put(object, "author", author_to_json(&annotation->id));
    members_put(object, "text", members_string("", annotation->text));
    members_put(object, "rating",
                annotation->has_rating ? json_integer(annotation->rating) : json_null());
    members_put(object, "tags", tags);
    for (unsigned i = 0; i < annotation->tag_count; i++)
        members_append(tags, members_string("", annotation->tags[i]));
    members_put(object, "replies_to",
                annotation_is_reply(annotation) ? members_id_string("", &annotation->replies_to)
                                                : json_null());
    members_put(object, "created", time_to_json(annotation->created_ms));
    members_put(object, "modified", time_to_json(annotation->modified_ms));
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

// Each of these replaces one field of `out`, unchecked but for its type.

static enum err read_text(const json_t *object, struct annotation *out, struct errmsg *problem)
{
    return members_text(object, "text", &out->text, problem);
}

static enum err read_rating(const json_t *object, struct annotation *out, struct errmsg *problem)
{
    uint64_t rating = 0;
    enum err error = members_integer(object, "rating", ANNOTATION_RATING_MAX, &rating, problem);
    out->has_rating = true;
    out->rating = (uint8_t)rating;
    return error;
}

static enum err read_tags(const json_t *object, struct annotation *out, struct errmsg *problem)
{
    const json_t *tags = json_object_get(object, "tags");
    if (!json_is_array(tags))
        return errmsg_set(problem, ERR_INVALID, "the field \"tags\" must be an array of strings");
    if (json_array_size(tags) > ANNOTATION_TAGS_MAX)
        return errmsg_set(problem, ERR_TOO_LARGE,
                          "the field \"tags\" has too many: at most %d tags", ANNOTATION_TAGS_MAX);
    out->tag_count = 0;
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

static bool has(const json_t *object, const char *name)
{
    return json_object_get(object, name) != NULL;
}

enum err annotation_draft_from_json(const json_t *object, struct annotation *out,
                                    struct errmsg *problem)
{
    static const char *const names[] = {"channel", "link", "text", "rating", "tags", "replies_to"};
    *out = (struct annotation){.tag_count = 0};
    enum err error = members_only(object, names, sizeof names / sizeof *names, problem);
    if (error == ERR_OK)
        error = members_text(object, "channel", &out->channel, problem);
    if (error == ERR_OK)
        error = read_link(object, out, problem);
    if (error == ERR_OK && has(object, "text"))
        error = read_text(object, out, problem);
    if (error == ERR_OK && has(object, "rating"))
        error = read_rating(object, out, problem);
    if (error == ERR_OK && has(object, "tags"))
        error = read_tags(object, out, problem);
    if (error == ERR_OK && has(object, "replies_to"))
        error = members_id(object, "replies_to", "", &out->replies_to, problem);
    return error == ERR_OK ? annotation_check_draft(out, problem) : error;
}

// A field that an edit may name.
struct editable {
    const char *name;
    enum err (*read)(const json_t *object, struct annotation *out, struct errmsg *problem);
};

static void take_away(struct annotation *annotation, const char *name)
{
    if (strcmp(name, "text") == 0)
        annotation->text = slice_of(NULL, 0);
    else if (strcmp(name, "tags") == 0)
        annotation->tag_count = 0;
    else
        annotation->has_rating = false;
    annotation->rating = annotation->has_rating ? annotation->rating : 0;
}

enum err annotation_edit_from_json(const json_t *object, struct annotation *annotation,
                                   struct errmsg *problem)
{
    static const char *const names[] = {"text", "rating", "tags"};
    static const struct editable fields[] = {
        {"text", read_text}, {"rating", read_rating}, {"tags", read_tags}};
    enum err error = members_only(object, names, sizeof names / sizeof *names, problem);
    if (error != ERR_OK)
        return error;
    if (json_object_size(object) == 0)
        return errmsg_set(problem, ERR_INVALID,
                          "nothing to change: give \"text\", \"rating\" or \"tags\"");
    for (size_t i = 0; i < sizeof fields / sizeof *fields && error == ERR_OK; i++) {
        const json_t *value = json_object_get(object, fields[i].name);
        if (json_is_null(value))
            take_away(annotation, fields[i].name);
        else if (value != NULL)
            error = fields[i].read(object, annotation, problem);
    }
    return error == ERR_OK ? annotation_check_draft(annotation, problem) : error;
}
