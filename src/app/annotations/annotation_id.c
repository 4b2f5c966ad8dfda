#include "app/annotations/annotation_id.h"

#include "app/annotations/text.h"
#include "base/sha256.h"

struct annotation_id annotation_id_of(const struct signing_key *author,
                                      const uint8_t number[ANNOTATION_NUMBER_BYTES])
{
    struct annotation_id id;
    struct sha256 sum = sha256_of(slice_of(author->bytes, sizeof author->bytes));
    memcpy(id.author, sum.bytes, sizeof id.author);
    memcpy(id.number, number, sizeof id.number);
    return id;
}

struct annotation_id annotation_id_adopted(const struct signing_key *author,
                                           const struct annotation_id *original)
{
    const struct slice pieces[] = {slice_of(original->author, sizeof original->author),
                                   slice_of(original->number, sizeof original->number)};
    struct sha256 sum = sha256_of_pieces(pieces, sizeof pieces / sizeof *pieces);
    return annotation_id_of(author, sum.bytes);
}

enum err annotation_author_parse(struct slice text, uint8_t out[ANNOTATION_AUTHOR_BYTES])
{
    return text_read_hex(text, out, ANNOTATION_AUTHOR_BYTES) ? ERR_OK : ERR_INVALID;
}

bool annotation_id_equal(const struct annotation_id *a, const struct annotation_id *b)
{
    return memcmp(a->author, b->author, sizeof a->author) == 0 &&
           memcmp(a->number, b->number, sizeof a->number) == 0;
}

bool annotation_id_is_none(const struct annotation_id *id)
{
    static const struct annotation_id none;
    return annotation_id_equal(id, &none);
}

void annotation_id_append(struct buf *out, const struct annotation_id *id)
{
    text_append_hex(out, slice_of(id->author, sizeof id->author));
    buf_append_u8(out, '-');
    text_append_hex(out, slice_of(id->number, sizeof id->number));
}

enum err annotation_id_parse(struct slice text, struct annotation_id *out)
{
    enum { AUTHOR_DIGITS = 2 * ANNOTATION_AUTHOR_BYTES };
    struct annotation_id id;
    if (text.length != ANNOTATION_ID_TEXT_BYTES || text.bytes[AUTHOR_DIGITS] != '-')
        return ERR_INVALID;
    struct slice number = slice_of(text.bytes + AUTHOR_DIGITS + 1, 2 * ANNOTATION_NUMBER_BYTES);
    if (!text_read_hex(slice_of(text.bytes, AUTHOR_DIGITS), id.author, sizeof id.author) ||
        !text_read_hex(number, id.number, sizeof id.number) || annotation_id_is_none(&id))
        return ERR_INVALID;
    *out = id;
    return ERR_OK;
}

void annotation_key_encode(struct buf *out, const struct annotation_id *id)
{
    buf_append(out, id->author, sizeof id->author);
    buf_append(out, id->number, sizeof id->number);
}

enum err annotation_key_decode(struct slice key, struct annotation_id *out)
{
    struct annotation_id id;
    if (key.length != ANNOTATION_KEY_BYTES)
        return ERR_INVALID;
    memcpy(id.author, key.bytes, sizeof id.author);
    memcpy(id.number, key.bytes + sizeof id.author, sizeof id.number);
    if (annotation_id_is_none(&id))
        return ERR_INVALID;
    *out = id;
    return ERR_OK;
}
