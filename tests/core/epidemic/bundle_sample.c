#include "bundle_sample.h"

#include "know.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

struct sample_bundle sample_bundle_of(void)
{
    struct sample_bundle sample = {.header = {.space = SAMPLE_SPACE,
                                              .keyspace = "notes/lab",
                                              .channel = "b 7",
                                              .exporter = 9,
                                              .created_ms = 1700000000000},
                                   .close = {.stability = slice_of_text("record")}};
    know(&sample.header.since, 7, 1, 2);
    know(&sample.close.known, 7, 1, 2);
    know(&sample.close.known, SAMPLE_ORIGIN, SAMPLE_SEQUENCE - 2, SAMPLE_SEQUENCE);
    know(&sample.close.horizon, 7, 2, 2);
    return sample;
}

void sample_bundle_release(struct sample_bundle *sample)
{
    knowledge_release(&sample->header.since);
    knowledge_release(&sample->close.known);
    knowledge_release(&sample->close.horizon);
}

static void write_samples(struct bundle_writer *writer, unsigned samples, struct buf *out)
{
    for (unsigned i = 0; i < samples; i++) {
        struct operation operation = sample_of((enum sample)i);
        enum operation_form form = sample_form((enum sample)i);
        assert_int_equal(bundle_write_operation(writer, &operation, form, out), ERR_OK);
    }
}

struct buf sample_bundle_bytes(unsigned samples)
{
    struct sample_bundle sample = sample_bundle_of();
    struct bundle_writer writer;
    struct buf out;
    buf_init(&out, BUNDLE_SAMPLE_BYTES_MAX);
    assert_int_equal(bundle_write_header(&writer, &sample.header, &out), ERR_OK);
    write_samples(&writer, samples, &out);
    assert_int_equal(bundle_write_close(&writer, &sample.close, &out), ERR_OK);
    sample_bundle_release(&sample);
    return out;
}

struct bundle_reading bundle_read_in_portions(struct slice bytes, size_t portion)
{
    struct bundle_reader reader;
    struct bundle_reading reading = {.error = ERR_OK};
    bundle_reader_init(&reader);
    for (size_t at = 0; at < bytes.length && reading.error == ERR_OK; at += portion) {
        size_t length = portion < bytes.length - at ? portion : bytes.length - at;
        enum bundle_part part = BUNDLE_HEADER;
        bundle_feed(&reader, slice_of(bytes.bytes + at, length));
        while (reading.error == ERR_OK && part != BUNDLE_MORE && part != BUNDLE_OVER) {
            reading.error = bundle_read_next(&reader, &part);
            reading.operations += part == BUNDLE_OPERATION;
        }
    }
    if (reading.error == ERR_OK)
        reading.error = bundle_read_end(&reader);
    reading.position = reader.position;
    reading.over = reading.error == ERR_OK && reader.last == BUNDLE_OVER;
    bundle_reader_release(&reader);
    return reading;
}

struct bundle_reading bundle_read_whole(struct slice bytes)
{
    return bundle_read_in_portions(bytes, BUNDLE_PORTION_BYTES_MAX);
}
