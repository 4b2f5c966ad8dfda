#include "samples.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static const struct annotation_id some_id = {
    {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 255},
    {0xa0, 0xb1, 0xc2, 0xd3, 0xe4, 0xf5, 6, 7}};
static const struct annotation_id other_id = {{0}, {0, 0, 0, 0, 0, 0, 0, 1}};

void sample_set_link(struct annotation *annotation, const char *link)
{
    struct link_fault fault = {0, ""};
    if (annotation_set_link(annotation, slice_of_text(link), &fault) != ERR_OK)
        fail_msg("%s: refused at %zu: %s", link, fault.at, fault.reason);
}

void sample_whole(struct annotation *out)
{
    *out =
        (struct annotation){.id = some_id,
                            .replies_to = other_id,
                            .channel = slice_of_text("films.2004"),
                            .text = slice_of_text("Bello!\n\tD\xc3\xa9j\xc3\xa0 vu \xe2\x98\xba"),
                            .tags = {slice_of_text("noir"), slice_of_text("da rivedere")},
                            .tag_count = 2,
                            .has_rating = true,
                            .rating = 5,
                            .created_ms = 1700000000123,
                            .modified_ms = 1700000000124};
    sample_set_link(out, "ed2k://|file|a%20b.avi|0700|31D6CFE0D16AE931B73C59D7E0C089C0|/");
}

void sample_bare(struct annotation *out)
{
    *out = (struct annotation){
        .id = some_id, .channel = slice_of_text("a"), .has_rating = true, .rating = 0};
    sample_set_link(out, "http://a");
}

// 0 to `most` bytes of UTF-8 that do not end with a space.
static struct slice random_text(struct rng *rng, struct buf *room, size_t most, bool lines)
{
    static const char *const points[] = {"a",
                                         "Z",
                                         "\"",
                                         "\\",
                                         " ",
                                         "/",
                                         "~",
                                         "\xc2\xa0",
                                         "\xc3\xa9",
                                         "\xdf\xbf",
                                         "\xe0\xa0\x80",
                                         "\xef\xbf\xbf",
                                         "\xf0\x90\x80\x80",
                                         "\xf4\x8f\xbf\xbf",
                                         "\n",
                                         "\t"};
    size_t length = (size_t)rng_below(rng, rng_one_in(rng, 4) ? most + 1 : 20);
    size_t begin = room->length;
    while (room->length - begin + 5 <= length) {
        const char *point = points[rng_below(rng, lines ? 16 : 14)];
        buf_append_slice(room, slice_of_text(point));
    }
    if (length > 0)
        buf_append_u8(room, 'z');
    return slice_of(room->bytes + begin, room->length - begin);
}

static struct slice random_link(struct rng *rng, struct buf *room)
{
    size_t begin = room->length;
    switch (rng_below(rng, 4)) {
    case 0:
        buf_append_format(room, "HTTP://example.ORG:80/%%7e%u/../x#y", (unsigned)rng_u64(rng));
        break;
    case 1:
        buf_append_format(room, "ed2k://|file|n%u.avi|%u|31D6CFE0D16AE931B73C59D7E0C089C0|/",
                          (unsigned)rng_u64(rng), 1 + (unsigned)rng_below(rng, 1u << 31));
        break;
    case 2:
        buf_append_format(room, "magnet:?dn=a&xt=urn:other:%u&xt=urn:other:%u",
                          (unsigned)rng_u64(rng), (unsigned)rng_u64(rng));
        break;
    default:
        buf_append_slice(room, slice_of_text("urn:x:"));
        for (uint64_t left = rng_below(rng, LINK_BYTES_MAX - 10); left > 0; left--)
            buf_append_u8(room, 'a');
        buf_append_u8(room, 'b');
    }
    return slice_of(room->bytes + begin, room->length - begin);
}

static struct slice random_tag(struct rng *rng, struct buf *room, unsigned number)
{
    size_t begin = room->length;
    buf_append_format(room, "%x", number);
    (void)random_text(rng, room, ANNOTATION_TAG_BYTES_MAX - 1, false);
    return slice_of(room->bytes + begin, room->length - begin);
}

void sample_random(struct rng *rng, struct buf *room, struct annotation *out)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
    struct slice link;
    struct link_fault fault;
    // All of it at once, so that it does not move while slices point into it.
    buf_clear(room);
    assert_non_null(buf_extend(room, SAMPLE_ROOM_BYTES));
    buf_clear(room);
    *out = (struct annotation){.tag_count = 0};
    for (size_t i = 0; i < sizeof out->id.author; i++)
        out->id.author[i] = (uint8_t)rng_u64(rng);
    out->id.number[0] = 1;
    if (rng_one_in(rng, 2))
        out->replies_to = (struct annotation_id){.number = {(uint8_t)(2 + rng_below(rng, 100))}};
    out->channel = slice_of(room->bytes + room->length,
                            1 + (size_t)rng_below(rng, ANNOTATION_CHANNEL_BYTES_MAX));
    for (size_t i = 0; i < out->channel.length; i++)
        buf_append_u8(
            room,
            (uint8_t)letters[rng_below(rng, i == 0 || i + 1 == out->channel.length ? 36 : 39)]);
    link = random_link(rng, room);
    out->text = random_text(rng, room, ANNOTATION_TEXT_BYTES_MAX, true);
    out->tag_count = (unsigned)rng_below(rng, ANNOTATION_TAGS_MAX + 1);
    for (unsigned i = 0; i < out->tag_count; i++)
        out->tags[i] = random_tag(rng, room, i);
    out->has_rating = rng_one_in(rng, 2) || (out->text.length == 0 && out->tag_count == 0);
    out->rating = out->has_rating ? (uint8_t)rng_below(rng, ANNOTATION_RATING_MAX + 1) : 0;
    out->created_ms = rng_u64(rng) >> (17 + rng_below(rng, 47));
    out->modified_ms =
        rng_one_in(rng, 3) ? ANNOTATION_TIME_MS_MAX : out->created_ms + rng_below(rng, 1000);
    assert_false(room->overflown);
    assert_int_equal(annotation_set_link(out, link, &fault), ERR_OK);
}

void sample_expect_equal(const struct annotation *a, const struct annotation *b)
{
    assert_true(annotation_id_equal(&a->id, &b->id));
    assert_true(annotation_id_equal(&a->replies_to, &b->replies_to));
    assert_true(slice_equal(a->channel, b->channel));
    assert_true(slice_equal(a->link, b->link));
    assert_true(slice_equal(a->text, b->text));
    assert_int_equal(a->tag_count, b->tag_count);
    for (unsigned i = 0; i < a->tag_count; i++)
        assert_true(slice_equal(a->tags[i], b->tags[i]));
    assert_int_equal(a->has_rating, b->has_rating);
    assert_int_equal(a->rating, b->rating);
    assert_true(a->created_ms == b->created_ms);
    assert_true(a->modified_ms == b->modified_ms);
    assert_true(slice_equal(annotation_identity(a), annotation_identity(b)));
}
