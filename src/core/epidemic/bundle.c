#include "core/epidemic/bundle.h"

#include "base/check.h"
#include "core/epidemic/stability.h"

// The bytes of a bundle:
//
//     preamble   "brusio bundle\n"; version, 2 bytes
//     parts      each: tag, 1 byte; then the body, counted
//       header     space, 8; keyspace, counted; channel, counted; exporter, 8; created, in ms;
//                  since
//       operation  as operation_encode, which counts by itself
//       close      known; horizon; stability record, counted
//     sum        32 bytes
//
// Numbers without a size are varints; sets are as knowledge_encode writes them. The sum is a chain
// of SHA-256: that of the preamble; then, for each part, of the sum so far followed by the part. So
// it is kept in 32 bytes, and depends on every byte before it.

enum {
    MAGIC_BYTES = 14,
    PREAMBLE_BYTES = MAGIC_BYTES + 2,
    TAG_HEADER = 1,
    TAG_OPERATION = 2,
    TAG_CLOSE = 3,
    VARINT_BYTES_MAX = 10,
    PENDING_BYTES_MAX = BUNDLE_PART_BYTES_MAX + BUNDLE_PORTION_BYTES_MAX + 1 + VARINT_BYTES_MAX,
};

_Static_assert(OPERATION_BYTES_MAX <= BUNDLE_PART_BYTES_MAX, "any operation is a part");

static const char magic[] = "brusio bundle\n";

_Static_assert(sizeof magic - 1 == MAGIC_BYTES, "the preamble has the whole word");

static bool text_is_readable(struct slice text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (text.bytes[i] < ' ' || text.bytes[i] == 0x7f)
            return false;
    }
    return text.length <= KEYSPACE_NAME_BYTES_MAX;
}

static void add_to_sum(struct sha256 *sum, struct slice part)
{
    const struct slice pieces[] = {slice_of(sum->bytes, SHA256_BYTES), part};
    *sum = sha256_of_pieces(pieces, 2);
}

// --- writing

// Takes the part that begins at `offset` of `out` into the sum.
static enum err finish_part(struct bundle_writer *writer, const struct buf *out, size_t offset)
{
    if (out->overflown)
        return ERR_TOO_LARGE;
    add_to_sum(&writer->sum, slice_of(out->bytes + offset, out->length - offset));
    return ERR_OK;
}

static enum err write_part(struct bundle_writer *writer, uint8_t tag, const struct buf *body,
                           struct buf *out)
{
    size_t offset = out->length;
    if (body->overflown)
        return ERR_TOO_LARGE;
    buf_append_u8(out, tag);
    buf_append_counted(out, buf_slice(body));
    return finish_part(writer, out, offset);
}

enum err bundle_write_header(struct bundle_writer *writer, const struct bundle_header *header,
                             struct buf *out)
{
    struct slice keyspace = slice_of_text(header->keyspace);
    struct slice channel = slice_of_text(header->channel);
    struct buf body;
    if (!keyspace_name_is_valid(keyspace) || !text_is_readable(channel))
        return ERR_INVALID;
    size_t offset = out->length;
    buf_append(out, magic, MAGIC_BYTES);
    buf_append_u16_be(out, BUNDLE_VERSION);
    if (out->overflown)
        return ERR_TOO_LARGE;
    writer->sum = sha256_of(slice_of(out->bytes + offset, PREAMBLE_BYTES));
    buf_init(&body, BUNDLE_PART_BYTES_MAX);
    buf_append_u64_be(&body, header->space);
    buf_append_counted(&body, keyspace);
    buf_append_counted(&body, channel);
    buf_append_u64_be(&body, header->exporter);
    buf_append_varint(&body, header->created_ms);
    knowledge_encode(&body, &header->since);
    enum err error = write_part(writer, TAG_HEADER, &body, out);
    buf_release(&body);
    return error;
}

enum err bundle_write_operation(struct bundle_writer *writer, const struct operation *operation,
                                enum operation_form form, struct buf *out)
{
    size_t offset = out->length;
    buf_append_u8(out, TAG_OPERATION);
    operation_encode(out, operation, form);
    return finish_part(writer, out, offset);
}

enum err bundle_write_close(struct bundle_writer *writer, const struct bundle_close *close,
                            struct buf *out)
{
    struct buf body;
    CHECK(knowledge_contains(&close->known, &close->horizon));
    if (close->stability.length > STABILITY_BYTES_MAX)
        return ERR_TOO_LARGE;
    buf_init(&body, BUNDLE_PART_BYTES_MAX);
    knowledge_encode(&body, &close->known);
    knowledge_encode(&body, &close->horizon);
    buf_append_counted(&body, close->stability);
    enum err error = write_part(writer, TAG_CLOSE, &body, out);
    buf_append(out, writer->sum.bytes, SHA256_BYTES);
    buf_release(&body);
    return error == ERR_OK && out->overflown ? ERR_TOO_LARGE : error;
}

// --- reading

void bundle_reader_init(struct bundle_reader *reader)
{
    *reader = (struct bundle_reader){0};
    buf_init(&reader->pending, PENDING_BYTES_MAX);
    buf_init(&reader->stability, STABILITY_BYTES_MAX);
}

void bundle_reader_rewind(struct bundle_reader *reader)
{
    knowledge_release(&reader->header.since);
    knowledge_release(&reader->close.known);
    knowledge_release(&reader->close.horizon);
    buf_clear(&reader->pending);
    buf_clear(&reader->stability);
    struct buf pending = reader->pending;
    struct buf stability = reader->stability;
    *reader = (struct bundle_reader){.pending = pending, .stability = stability};
}

void bundle_reader_release(struct bundle_reader *reader)
{
    bundle_reader_rewind(reader);
    buf_release(&reader->pending);
    buf_release(&reader->stability);
}

void bundle_feed(struct bundle_reader *reader, struct slice portion)
{
    CHECK(portion.length <= BUNDLE_PORTION_BYTES_MAX);
    if (reader->error != ERR_OK)
        return;
    buf_consume(&reader->pending, reader->taken);
    reader->taken = 0;
    buf_append_slice(&reader->pending, portion);
    CHECK(!reader->pending.overflown);
}

static struct slice rest_of(const struct bundle_reader *reader)
{
    return slice_of(reader->pending.bytes + reader->taken, reader->pending.length - reader->taken);
}

static void take(struct bundle_reader *reader, size_t length)
{
    reader->taken += length;
    reader->position += length;
}

static enum err read_preamble(struct bundle_reader *reader)
{
    struct slice bytes = rest_of(reader);
    if (bytes.length < PREAMBLE_BYTES)
        return ERR_OK;
    struct cursor in = cursor_of(bytes);
    struct slice word = cursor_bytes(&in, MAGIC_BYTES);
    uint16_t version = cursor_u16_be(&in);
    if (!slice_equal(word, slice_of(magic, MAGIC_BYTES)) || version == 0)
        return ERR_CORRUPT;
    if (version > BUNDLE_VERSION)
        return ERR_VERSION;
    reader->sum = sha256_of(slice_of(bytes.bytes, PREAMBLE_BYTES));
    reader->begun = true;
    take(reader, PREAMBLE_BYTES);
    return ERR_OK;
}

static enum err read_text(struct cursor *in, char text[KEYSPACE_NAME_BYTES_MAX + 1])
{
    struct slice bytes = cursor_counted(in);
    if (in->failed || !text_is_readable(bytes))
        return ERR_CORRUPT;
    uint8_t *end = (uint8_t *)text;
    slice_copy_to(&end, bytes);
    *end = '\0';
    return ERR_OK;
}

static enum err read_header(struct cursor *in, struct bundle_header *header)
{
    header->space = cursor_u64_be(in);
    if (read_text(in, header->keyspace) != ERR_OK || read_text(in, header->channel) != ERR_OK ||
        !keyspace_name_is_valid(slice_of_text(header->keyspace)))
        return ERR_CORRUPT;
    header->exporter = cursor_u64_be(in);
    header->created_ms = cursor_varint(in);
    knowledge_decode(in, &header->since);
    return ERR_OK;
}

static enum err read_close(struct bundle_reader *reader, struct cursor *in)
{
    struct bundle_close *close = &reader->close;
    knowledge_decode(in, &close->known);
    knowledge_decode(in, &close->horizon);
    buf_append_slice(&reader->stability, cursor_counted(in));
    if (reader->stability.overflown || !knowledge_contains(&close->known, &close->horizon))
        return ERR_CORRUPT;
    close->stability = buf_slice(&reader->stability);
    return ERR_OK;
}

// Which part may follow with this tag; BUNDLE_MORE: none.
static enum bundle_part part_of(const struct bundle_reader *reader, uint8_t tag)
{
    if (reader->last == BUNDLE_MORE)
        return tag == TAG_HEADER ? BUNDLE_HEADER : BUNDLE_MORE;
    if (tag == TAG_OPERATION)
        return BUNDLE_OPERATION;
    return tag == TAG_CLOSE ? BUNDLE_CLOSE : BUNDLE_MORE;
}

// The length of the part at the front of `bytes`, tag and count included; 0: not to be known yet.
static enum err measure_part(struct slice bytes, size_t *out)
{
    struct cursor in = cursor_of(slice_of(bytes.bytes + 1, bytes.length - 1));
    uint64_t length = cursor_varint(&in);
    *out = 0;
    if (in.failed)
        return bytes.length > VARINT_BYTES_MAX ? ERR_CORRUPT : ERR_OK;
    if (length > BUNDLE_PART_BYTES_MAX)
        return ERR_CORRUPT;
    *out = (size_t)(in.next - bytes.bytes) + (size_t)length;
    return ERR_OK;
}

static enum err read_body(struct bundle_reader *reader, enum bundle_part part, struct slice bytes)
{
    struct cursor counted = cursor_of(slice_of(bytes.bytes + 1, bytes.length - 1));
    if (part == BUNDLE_OPERATION) {
        operation_decode(&counted, reader->header.space, &reader->operation, &reader->form);
        return cursor_finish(&counted) == ERR_OK ? ERR_OK : ERR_CORRUPT;
    }
    struct cursor in = cursor_of(cursor_counted(&counted));
    enum err error =
        part == BUNDLE_HEADER ? read_header(&in, &reader->header) : read_close(reader, &in);
    return error == ERR_OK && cursor_finish(&in) == ERR_OK ? ERR_OK : ERR_CORRUPT;
}

static enum err read_part(struct bundle_reader *reader, enum bundle_part *out)
{
    struct slice bytes = rest_of(reader);
    size_t length = 0;
    if (bytes.length == 0)
        return ERR_OK;
    enum bundle_part part = part_of(reader, bytes.bytes[0]);
    if (part == BUNDLE_MORE)
        return ERR_CORRUPT;
    enum err error = measure_part(bytes, &length);
    if (error != ERR_OK || length == 0 || length > bytes.length)
        return error;
    bytes.length = length;
    error = read_body(reader, part, bytes);
    if (error != ERR_OK)
        return error;
    add_to_sum(&reader->sum, bytes);
    take(reader, length);
    *out = part;
    return ERR_OK;
}

static enum err read_sum(struct bundle_reader *reader, enum bundle_part *out)
{
    struct slice bytes = rest_of(reader);
    if (reader->last == BUNDLE_OVER) {
        *out = BUNDLE_OVER;
        return bytes.length == 0 ? ERR_OK : ERR_CORRUPT;
    }
    if (bytes.length < SHA256_BYTES)
        return ERR_OK;
    if (memcmp(bytes.bytes, reader->sum.bytes, SHA256_BYTES) != 0)
        return ERR_CORRUPT;
    take(reader, SHA256_BYTES);
    *out = BUNDLE_OVER;
    return ERR_OK;
}

enum err bundle_read_next(struct bundle_reader *reader, enum bundle_part *out)
{
    enum bundle_part part = BUNDLE_MORE;
    if (reader->error == ERR_OK && !reader->begun)
        reader->error = read_preamble(reader);
    if (reader->error == ERR_OK && reader->begun) {
        bool closed = reader->last == BUNDLE_CLOSE || reader->last == BUNDLE_OVER;
        reader->error = closed ? read_sum(reader, &part) : read_part(reader, &part);
    }
    if (reader->error != ERR_OK)
        part = BUNDLE_MORE;
    else if (part != BUNDLE_MORE)
        reader->last = part;
    *out = part;
    return reader->error;
}

enum err bundle_read_end(struct bundle_reader *reader)
{
    if (reader->error == ERR_OK && (reader->last != BUNDLE_OVER || rest_of(reader).length > 0))
        reader->error = ERR_CORRUPT;
    return reader->error;
}
