// Any bytes, in portions of any size, are read as a bundle to an end or an error. What was read of
// them is what a writer writes, byte for byte, and only the right sum ends it.
//
// The first byte says how large portions are. When the input is over after the close, the right sum
// is added, which no input could guess.
#include "base/check.h"
#include "core/epidemic/bundle.h"

struct copy {
    struct bundle_writer writer;
    struct buf bytes;
};

static void write_part(struct copy *copy, const struct bundle_reader *reader, enum bundle_part part)
{
    enum err error = ERR_OK;
    if (part == BUNDLE_HEADER)
        error = bundle_write_header(&copy->writer, &reader->header, &copy->bytes);
    else if (part == BUNDLE_OPERATION)
        error =
            bundle_write_operation(&copy->writer, &reader->operation, reader->form, &copy->bytes);
    else if (part == BUNDLE_CLOSE)
        error = bundle_write_close(&copy->writer, &reader->close, &copy->bytes);
    CHECK(error == ERR_OK);
}

static enum err read_portion(struct bundle_reader *reader, struct slice portion, struct copy *copy)
{
    enum bundle_part part = BUNDLE_HEADER;
    bundle_feed(reader, portion);
    while (part != BUNDLE_MORE && part != BUNDLE_OVER) {
        enum err error = bundle_read_next(reader, &part);
        if (error != ERR_OK)
            return error;
        write_part(copy, reader, part);
    }
    return ERR_OK;
}

// The bytes that were read are those of the copy. A copy with a close ends in the sum already.
static void check_copy(const struct bundle_reader *reader, const struct copy *copy,
                       struct slice input)
{
    bool closed = reader->last == BUNDLE_CLOSE || reader->last == BUNDLE_OVER;
    if (reader->last == BUNDLE_MORE)
        return;
    size_t length = copy->bytes.length - (closed ? SHA256_BYTES : 0);
    CHECK(length <= input.length && memcmp(copy->bytes.bytes, input.bytes, length) == 0);
    CHECK(memcmp(copy->writer.sum.bytes, reader->sum.bytes, SHA256_BYTES) == 0);
    CHECK(reader->position == length + (reader->last == BUNDLE_OVER ? SHA256_BYTES : 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct bundle_reader reader;
    struct copy copy = {.writer = {{{0}}}};
    if (length == 0 || length > BUNDLE_PORTION_BYTES_MAX)
        return 0;
    struct slice input = slice_of(bytes + 1, length - 1);
    size_t portion = 1u + bytes[0];
    enum err error = ERR_OK;
    bundle_reader_init(&reader);
    buf_init(&copy.bytes, BUNDLE_PART_BYTES_MAX);
    for (size_t at = 0; at < input.length && error == ERR_OK; at += portion) {
        size_t left = input.length - at;
        error = read_portion(&reader, slice_of(input.bytes + at, left < portion ? left : portion),
                             &copy);
    }
    check_copy(&reader, &copy, input);
    bool ends_with_close =
        error == ERR_OK && reader.last == BUNDLE_CLOSE && reader.position == input.length;
    if (ends_with_close) {
        const struct sha256 sum = reader.sum;
        CHECK(read_portion(&reader, slice_of(sum.bytes, SHA256_BYTES), &copy) == ERR_OK);
    }
    bool over = error == ERR_OK && reader.last == BUNDLE_OVER &&
                (ends_with_close || reader.position == input.length);
    CHECK((bundle_read_end(&reader) == ERR_OK) == over);
    bundle_reader_release(&reader);
    buf_release(&copy.bytes);
    return 0;
}
