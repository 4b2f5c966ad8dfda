#include "app/annotations/annotation.h"

#include "app/annotations/text.h"
#include "base/check.h"

enum err annotation_set_link(struct annotation *annotation, struct slice link,
                             struct link_fault *fault)
{
    struct link parsed;
    struct buf identity;
    enum err error = link_parse(link, &parsed, fault);
    if (error != ERR_OK)
        return error;
    buf_init(&identity, LINK_IDENTITY_BYTES_MAX);
    link_identity(&parsed, &identity);
    CHECK(!identity.overflown && identity.length > 0);
    annotation->link = link;
    annotation->identity_length = identity.length;
    memcpy(annotation->identity, identity.bytes, identity.length);
    buf_release(&identity);
    return ERR_OK;
}

struct slice annotation_identity(const struct annotation *annotation)
{
    return slice_of(annotation->identity, annotation->identity_length);
}

bool annotation_is_reply(const struct annotation *annotation)
{
    return !annotation_id_is_none(&annotation->replies_to);
}

static enum err check_text(const struct annotation *annotation, struct errmsg *problem)
{
    size_t at;
    const char *reason;
    if (annotation->text.length > ANNOTATION_TEXT_BYTES_MAX)
        return errmsg_set(problem, ERR_TOO_LARGE, "the text has at most %d bytes",
                          ANNOTATION_TEXT_BYTES_MAX);
    if (!text_is_clean(annotation->text, "\n\t", &at, &reason))
        return errmsg_set(problem, ERR_INVALID,
                          "the text is wrong at byte %zu: %s (only newlines and tabs are allowed)",
                          at, reason);
    if (annotation->text.length == 0 && annotation->tag_count == 0 && !annotation->has_rating)
        return errmsg_set(problem, ERR_INVALID,
                          "the annotation says nothing: give a text, a rating or a tag");
    return ERR_OK;
}

static enum err check_rating(const struct annotation *annotation, struct errmsg *problem)
{
    if (annotation->rating > (annotation->has_rating ? ANNOTATION_RATING_MAX : 0))
        return errmsg_set(problem, ERR_INVALID, "the rating must be from 0 to %d",
                          ANNOTATION_RATING_MAX);
    return ERR_OK;
}

static enum err check_tag(const struct annotation *annotation, unsigned number,
                          struct errmsg *problem)
{
    struct slice tag = annotation->tags[number];
    size_t at;
    const char *reason;
    if (tag.length == 0)
        return errmsg_set(problem, ERR_INVALID, "tag %u is empty", number + 1);
    if (tag.length > ANNOTATION_TAG_BYTES_MAX)
        return errmsg_set(problem, ERR_TOO_LARGE, "tag %u is too long: at most %d bytes",
                          number + 1, ANNOTATION_TAG_BYTES_MAX);
    if (!text_is_clean(tag, "", &at, &reason))
        return errmsg_set(problem, ERR_INVALID, "tag %u is wrong at byte %zu: %s", number + 1, at,
                          reason);
    if (tag.bytes[0] == ' ' || tag.bytes[tag.length - 1] == ' ')
        return errmsg_set(problem, ERR_INVALID, "tag %u has a space at an end", number + 1);
    for (unsigned i = 0; i < number; i++)
        if (slice_equal(annotation->tags[i], tag))
            return errmsg_set(problem, ERR_INVALID, "tag %u is the same as tag %u", number + 1,
                              i + 1);
    return ERR_OK;
}

static enum err check_tags(const struct annotation *annotation, struct errmsg *problem)
{
    enum err error = ERR_OK;
    if (annotation->tag_count > ANNOTATION_TAGS_MAX)
        return errmsg_set(problem, ERR_TOO_LARGE, "there are too many tags: at most %d",
                          ANNOTATION_TAGS_MAX);
    for (unsigned i = 0; i < annotation->tag_count && error == ERR_OK; i++)
        error = check_tag(annotation, i, problem);
    return error;
}

enum err annotation_check_channel(struct slice channel, struct errmsg *problem)
{
    if (channel.length == 0)
        return errmsg_set(problem, ERR_INVALID, "the channel is missing");
    if (channel.length > ANNOTATION_CHANNEL_BYTES_MAX)
        return errmsg_set(problem, ERR_TOO_LARGE, "the channel is too long: at most %d bytes",
                          ANNOTATION_CHANNEL_BYTES_MAX);
    for (size_t i = 0; i < channel.length; i++) {
        uint8_t byte = channel.bytes[i];
        bool mark = byte == '-' || byte == '_' || byte == '.';
        if (mark && (i == 0 || i + 1 == channel.length))
            return errmsg_set(problem, ERR_INVALID,
                              "the channel must begin and end with a letter or a digit");
        if (!mark && !text_is_digit(byte) && !(byte >= 'a' && byte <= 'z'))
            return errmsg_set(problem, ERR_INVALID,
                              "the channel is wrong at byte %zu: it may have a to z, 0 to 9, -, _ "
                              "and .",
                              i);
    }
    return ERR_OK;
}

static enum err check_link(const struct annotation *annotation, struct errmsg *problem)
{
    struct annotation twin = {.link = annotation->link};
    struct link_fault fault;
    enum err error = annotation_set_link(&twin, annotation->link, &fault);
    if (error != ERR_OK)
        return errmsg_set(problem, error, "the link is wrong at byte %zu: %s", fault.at,
                          fault.reason);
    if (annotation->identity_length > LINK_IDENTITY_BYTES_MAX ||
        !slice_equal(annotation_identity(annotation), annotation_identity(&twin)))
        return errmsg_set(problem, ERR_INVALID, "the identity is not that of the link");
    return ERR_OK;
}

static enum err check_times(const struct annotation *annotation, struct errmsg *problem)
{
    if (annotation->modified_ms > ANNOTATION_TIME_MS_MAX)
        return errmsg_set(problem, ERR_INVALID, "the time of modification is after the year 9999");
    if (annotation->created_ms > annotation->modified_ms)
        return errmsg_set(problem, ERR_INVALID,
                          "the time of creation is after the time of modification");
    return ERR_OK;
}

enum err annotation_check_draft(const struct annotation *annotation, struct errmsg *problem)
{
    enum err error = annotation_check_channel(annotation->channel, problem);
    if (error == ERR_OK)
        error = check_link(annotation, problem);
    if (error == ERR_OK)
        error = check_rating(annotation, problem);
    if (error == ERR_OK)
        error = check_tags(annotation, problem);
    if (error == ERR_OK)
        error = check_text(annotation, problem);
    return error;
}

enum err annotation_check(const struct annotation *annotation, struct errmsg *problem)
{
    if (annotation_id_is_none(&annotation->id))
        return errmsg_set(problem, ERR_INVALID, "the id is missing");
    if (annotation_id_equal(&annotation->id, &annotation->replies_to))
        return errmsg_set(problem, ERR_INVALID, "the annotation replies to itself");
    enum err error = check_times(annotation, problem);
    return error == ERR_OK ? annotation_check_draft(annotation, problem) : error;
}
