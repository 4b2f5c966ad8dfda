// An annotation: what somebody says about a link.
//
// Promise: what annotation_check accepts comes back from annotation_encode and annotation_decode as
// it was, and decoding any bytes gives an annotation that annotation_check accepts, or an error.
//
// Invariants (annotation_check)
//  1. There is a text, a rating or a tag. The text is UTF-8 of at most ANNOTATION_TEXT_BYTES_MAX
//     bytes, without control characters but newlines and tabs.
//  2. A rating is 0 to ANNOTATION_RATING_MAX.
//  3. At most ANNOTATION_TAGS_MAX tags, in the writer's order and no two alike, each 1 to
//     ANNOTATION_TAG_BYTES_MAX bytes of UTF-8 without control characters, and without spaces at
//     either end.
//  4. The channel is 1 to ANNOTATION_CHANNEL_BYTES_MAX of a-z, 0-9, "-", "_" and ".", the first and
//     the last a letter or a digit.
//  5. The link is one (link.h), and the identity is that link's.
//  6. Created is not after modified, and modified not after the year 9999.
//  7. The id is one, and an annotation does not reply to itself.
//
// The identity is not encoded: it follows from the link, so that nobody can claim another. It does
// not sign, and does not look whether an annotation that it replies to exists.
#ifndef BRUSIO_APP_ANNOTATIONS_ANNOTATION_H
#define BRUSIO_APP_ANNOTATIONS_ANNOTATION_H

#include "app/annotations/annotation_id.h"
#include "app/annotations/link.h"

#define ANNOTATION_TEXT_BYTES_MAX 4096
#define ANNOTATION_RATING_MAX 5
#define ANNOTATION_TAGS_MAX 16
#define ANNOTATION_TAG_BYTES_MAX 64
#define ANNOTATION_CHANNEL_BYTES_MAX 64
// 9999-12-31T23:59:59.999Z: what ISO 8601 can write with four digits.
#define ANNOTATION_TIME_MS_MAX UINT64_C(253402300799999)
// An encoded value: the fields, each with two bytes for its length, and what is fixed.
#define ANNOTATION_VALUE_BYTES_MAX                                                                 \
    (ANNOTATION_CHANNEL_BYTES_MAX + LINK_BYTES_MAX + ANNOTATION_TEXT_BYTES_MAX +                   \
     ANNOTATION_TAGS_MAX * (ANNOTATION_TAG_BYTES_MAX + 2) + ANNOTATION_KEY_BYTES + 32)

// Large (over 4 KiB), and without memory of its own: the slices borrow from what it was read from.
struct annotation {
    struct annotation_id id;
    struct annotation_id replies_to; // or none
    struct slice channel;
    struct slice link; // as written
    struct slice text;
    struct slice tags[ANNOTATION_TAGS_MAX];
    unsigned tag_count;
    bool has_rating;
    uint8_t rating; // 0 when there is none
    uint64_t created_ms;
    uint64_t modified_ms; // both since 1970, UTC
    size_t identity_length;
    uint8_t identity[LINK_IDENTITY_BYTES_MAX];
};

// Sets the link, which is borrowed, and its identity. ERR_INVALID or ERR_TOO_LARGE with `fault`:
// then nothing is changed.
WARN_UNUSED enum err annotation_set_link(struct annotation *annotation, struct slice link,
                                         struct link_fault *fault);

// Borrows from the annotation.
struct slice annotation_identity(const struct annotation *annotation);

bool annotation_is_reply(const struct annotation *annotation);

// Invariant 4 alone. ERR_INVALID or ERR_TOO_LARGE with `problem`.
WARN_UNUSED enum err annotation_check_channel(struct slice channel, struct errmsg *problem);

// What a writer gives: everything but id and times (invariants 1 to 5). ERR_INVALID, or
// ERR_TOO_LARGE when something is over a limit, with the field and what is wrong with it in
// `problem`.
WARN_UNUSED enum err annotation_check_draft(const struct annotation *annotation,
                                            struct errmsg *problem);

// All invariants.
WARN_UNUSED enum err annotation_check(const struct annotation *annotation, struct errmsg *problem);

// Appends the value under the key of the id, at most ANNOTATION_VALUE_BYTES_MAX bytes, of an
// annotation that annotation_check accepts.
void annotation_encode(struct buf *out, const struct annotation *annotation);

// The inverse, for the annotation of this id; `out` borrows from `value`. One annotation has one
// value: anything else is ERR_INVALID; what a newer program wrote is ERR_VERSION.
WARN_UNUSED enum err annotation_decode(const struct annotation_id *id, struct slice value,
                                       struct annotation *out);

#endif
