// The value: version, flags, [rating], [whom it replies to], created, modified (as what passed
// since then), channel, link, text, tags. Numbers are varints, texts have their lengths before
// them.
#include "app/annotations/annotation.h"
#include "base/check.h"

enum { VERSION = 1 };
enum { FLAG_RATING = 1, FLAG_REPLY = 2, FLAGS_KNOWN = 3 };

void annotation_encode(struct buf *out, const struct annotation *annotation)
{
    bool reply = annotation_is_reply(annotation);
    CHECK(annotation->tag_count <= ANNOTATION_TAGS_MAX &&
          annotation->created_ms <= annotation->modified_ms);
    buf_append_u8(out, VERSION);
    buf_append_u8(out,
                  (uint8_t)((annotation->has_rating ? FLAG_RATING : 0) | (reply ? FLAG_REPLY : 0)));
    if (annotation->has_rating)
        buf_append_u8(out, annotation->rating);
    if (reply)
        annotation_key_encode(out, &annotation->replies_to);
    buf_append_varint(out, annotation->created_ms);
    buf_append_varint(out, annotation->modified_ms - annotation->created_ms);
    buf_append_counted(out, annotation->channel);
    buf_append_counted(out, annotation->link);
    buf_append_counted(out, annotation->text);
    buf_append_varint(out, annotation->tag_count);
    for (unsigned i = 0; i < annotation->tag_count; i++)
        buf_append_counted(out, annotation->tags[i]);
}

static void read_tags(struct cursor *in, struct annotation *annotation)
{
    annotation->tag_count = (unsigned)cursor_varint_max(in, ANNOTATION_TAGS_MAX);
    for (unsigned i = 0; i < annotation->tag_count; i++)
        annotation->tags[i] = cursor_counted(in);
}

enum err annotation_decode(const struct annotation_id *id, struct slice value,
                           struct annotation *out)
{
    struct cursor in = cursor_of(value);
    struct link_fault fault;
    *out = (struct annotation){.id = *id};
    uint8_t version = cursor_u8(&in);
    if (version > VERSION)
        return ERR_VERSION;
    uint8_t flags = cursor_u8(&in);
    out->has_rating = (flags & FLAG_RATING) != 0;
    out->rating = out->has_rating ? cursor_u8(&in) : 0;
    if ((flags & FLAG_REPLY) != 0 &&
        annotation_key_decode(cursor_bytes(&in, ANNOTATION_KEY_BYTES), &out->replies_to) != ERR_OK)
        return ERR_INVALID;
    out->created_ms = cursor_varint_max(&in, ANNOTATION_TIME_MS_MAX);
    out->modified_ms = out->created_ms + cursor_varint_max(&in, ANNOTATION_TIME_MS_MAX);
    out->channel = cursor_counted(&in);
    out->link = cursor_counted(&in);
    out->text = cursor_counted(&in);
    read_tags(&in, out);
    if (cursor_finish(&in) != ERR_OK || version != VERSION ||
        (flags & ~(unsigned)FLAGS_KNOWN) != 0 ||
        annotation_set_link(out, out->link, &fault) != ERR_OK ||
        annotation_check(out, NULL) != ERR_OK)
        return ERR_INVALID;
    return ERR_OK;
}
