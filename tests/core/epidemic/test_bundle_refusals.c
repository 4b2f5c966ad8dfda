#include "bundle_sample.h"

#include "base/check.h"
#include "base/random.h"
#include "core/epidemic/stability.h"
#include "know.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

enum { GARBAGE_ROUNDS = 20000, TAG_HEADER = 1, TAG_OPERATION = 2, TAG_CLOSE = 3 };

// A bundle made by hand, with a good sum whatever is in it.
struct forgery {
    struct buf bytes;
    struct sha256 sum;
};

static void forgery_init(struct forgery *forgery, uint16_t version)
{
    buf_init(&forgery->bytes, 2 * BUNDLE_PORTION_BYTES_MAX);
    buf_append_slice(&forgery->bytes, slice_of_text("brusio bundle\n"));
    buf_append_u16_be(&forgery->bytes, version);
    forgery->sum = sha256_of(buf_slice(&forgery->bytes));
}

static void forge_part(struct forgery *forgery, uint8_t tag, struct slice body)
{
    size_t offset = forgery->bytes.length;
    buf_append_u8(&forgery->bytes, tag);
    buf_append_counted(&forgery->bytes, body);
    const struct slice pieces[] = {
        slice_of(forgery->sum.bytes, SHA256_BYTES),
        slice_of(forgery->bytes.bytes + offset, forgery->bytes.length - offset)};
    forgery->sum = sha256_of_pieces(pieces, 2);
}

static void forge_header(struct forgery *forgery, const char *keyspace, const char *channel,
                         unsigned more)
{
    struct buf body;
    struct knowledge since = {0};
    buf_init(&body, BUNDLE_SAMPLE_BYTES_MAX);
    buf_append_u64_be(&body, SAMPLE_SPACE);
    buf_append_counted(&body, slice_of_text(keyspace));
    buf_append_counted(&body, slice_of_text(channel));
    buf_append_u64_be(&body, 1);
    buf_append_varint(&body, 2);
    knowledge_encode(&body, &since);
    for (unsigned i = 0; i < more; i++)
        buf_append_u8(&body, 0);
    forge_part(forgery, TAG_HEADER, buf_slice(&body));
    buf_release(&body);
}

static void forge_operation(struct forgery *forgery)
{
    struct operation operation = sample_of(SAMPLE_PUT);
    struct buf body;
    buf_init(&body, BUNDLE_SAMPLE_BYTES_MAX);
    operation_encode(&body, &operation, OPERATION_PUT);
    struct cursor in = cursor_of(buf_slice(&body));
    forge_part(forgery, TAG_OPERATION, cursor_counted(&in));
    buf_release(&body);
}

// With the horizon up to `horizon` of what is known up to 5.
static void forge_close(struct forgery *forgery, uint64_t horizon)
{
    struct knowledge known = {0};
    struct knowledge dead = {0};
    struct buf body;
    buf_init(&body, BUNDLE_SAMPLE_BYTES_MAX);
    know(&known, 3, 1, 5);
    know(&dead, 3, 1, horizon);
    knowledge_encode(&body, &known);
    knowledge_encode(&body, &dead);
    buf_append_counted(&body, slice_of(NULL, 0));
    forge_part(forgery, TAG_CLOSE, buf_slice(&body));
    knowledge_release(&known);
    knowledge_release(&dead);
    buf_release(&body);
}

// Adds the sum, and says how it is read.
static enum err forgery_end(struct forgery *forgery)
{
    buf_append(&forgery->bytes, forgery->sum.bytes, SHA256_BYTES);
    assert_false(forgery->bytes.overflown);
    enum err error =
        bundle_read_in_portions(buf_slice(&forgery->bytes), BUNDLE_PORTION_BYTES_MAX).error;
    buf_release(&forgery->bytes);
    return error;
}

static enum err read_forged(const char *parts)
{
    static const struct slice nothing;
    struct forgery forgery;
    forgery_init(&forgery, BUNDLE_VERSION);
    for (; *parts != '\0'; parts++) {
        if (*parts == 'h')
            forge_header(&forgery, "notes", "", 0);
        else if (*parts == 'o')
            forge_operation(&forgery);
        else if (*parts == 'c')
            forge_close(&forgery, 5);
        else
            forge_part(&forgery, (uint8_t)*parts, nothing);
    }
    return forgery_end(&forgery);
}

static void test_bundle_refusals__parts_have_an_order(void **state)
{
    (void)state;
    assert_int_equal(read_forged("hc"), ERR_OK);
    assert_int_equal(read_forged("hoooc"), ERR_OK);
    static const char *const wrong[] = {"",     "c",     "oc",   "ohc",  "h",     "ho",    "hhc",
                                        "hohc", "hcc",   "hoco", "hcoc", "hch",   "h\4c",  "h\5oc",
                                        "ho?c", "\4hoc", "o",    "hc\6", "ho\1c", "h\3oc", "h\2c"};
    for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(read_forged(wrong[i]), ERR_CORRUPT);
}

static enum err read_version(uint16_t version)
{
    struct forgery forgery;
    forgery_init(&forgery, version);
    forge_header(&forgery, "notes", "", 0);
    forge_close(&forgery, 5);
    return forgery_end(&forgery);
}

static void test_bundle_refusals__of_a_newer_version_it_says_so(void **state)
{
    (void)state;
    assert_int_equal(read_version(0), ERR_CORRUPT);
    assert_int_equal(read_version(BUNDLE_VERSION), ERR_OK);
    assert_int_equal(read_version(BUNDLE_VERSION + 1), ERR_VERSION);
    assert_int_equal(read_version(UINT16_MAX), ERR_VERSION);
}

static enum err read_header_of(const char *keyspace, const char *channel, unsigned more)
{
    struct forgery forgery;
    forgery_init(&forgery, BUNDLE_VERSION);
    forge_header(&forgery, keyspace, channel, more);
    forge_close(&forgery, 5);
    return forgery_end(&forgery);
}

static enum err write_header_of(const char *keyspace, const char *channel, size_t bytes_max)
{
    struct bundle_header header = {.space = 1};
    struct bundle_writer writer;
    struct buf out;
    snprintf(header.keyspace, sizeof header.keyspace, "%s", keyspace);
    snprintf(header.channel, sizeof header.channel, "%s", channel);
    buf_init(&out, bytes_max);
    enum err error = bundle_write_header(&writer, &header, &out);
    buf_release(&out);
    return error;
}

static void test_bundle_refusals__names_are_for_people(void **state)
{
    (void)state;
    char longest[KEYSPACE_NAME_BYTES_MAX + 2];
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    assert_int_equal(read_header_of(longest, longest + 1, 0), ERR_CORRUPT);
    assert_int_equal(read_header_of(longest + 1, longest, 0), ERR_CORRUPT);
    assert_int_equal(read_header_of(longest + 1, longest + 1, 0), ERR_OK);
    assert_int_equal(read_header_of("notes", "", 1), ERR_CORRUPT);
    static const struct {
        const char *keyspace;
        const char *channel;
        bool good;
    } names[] = {
        {"notes", "", true},      {"a/b-c", "\xc3\xa4 B", true}, {"", "", false},
        {"Notes", "", false},     {"notes\n", "", false},        {"notes", "\x1b[2J", false},
        {"notes", "a\tb", false}, {"notes", "\x7f", false},
    };
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(read_header_of(names[i].keyspace, names[i].channel, 0),
                         names[i].good ? ERR_OK : ERR_CORRUPT);
        assert_int_equal(
            write_header_of(names[i].keyspace, names[i].channel, BUNDLE_SAMPLE_BYTES_MAX),
            names[i].good ? ERR_OK : ERR_INVALID);
    }
}

static void test_bundle_refusals__a_horizon_beyond_what_is_known_is_refused(void **state)
{
    (void)state;
    for (uint64_t horizon = 4; horizon <= 6; horizon++) {
        struct forgery forgery;
        forgery_init(&forgery, BUNDLE_VERSION);
        forge_header(&forgery, "notes", "", 0);
        forge_close(&forgery, horizon);
        assert_int_equal(forgery_end(&forgery), horizon <= 5 ? ERR_OK : ERR_CORRUPT);
    }
}

static void test_bundle_refusals__lengths_are_bounded_before_they_are_believed(void **state)
{
    (void)state;
    static const struct {
        uint64_t length;
        unsigned zeros; // a count written longer than needed
        bool good;
    } counts[] = {{BUNDLE_PART_BYTES_MAX, 0, true},
                  {BUNDLE_PART_BYTES_MAX + 1, 0, false},
                  {UINT64_MAX, 0, false},
                  {3, 1, false}};
    for (unsigned i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct bundle_reader reader;
        struct forgery forgery;
        enum bundle_part part;
        forgery_init(&forgery, BUNDLE_VERSION);
        forge_header(&forgery, "notes", "", 0);
        size_t position = forgery.bytes.length;
        buf_append_u8(&forgery.bytes, TAG_OPERATION);
        buf_append_varint(&forgery.bytes, counts[i].length);
        if (counts[i].zeros > 0) {
            forgery.bytes.bytes[forgery.bytes.length - 1] |= 0x80;
            buf_append_u8(&forgery.bytes, 0);
        }
        for (unsigned more = 0; more < 12; more++)
            buf_append_u8(&forgery.bytes, 0);
        bundle_reader_init(&reader);
        bundle_feed(&reader, buf_slice(&forgery.bytes));
        assert_int_equal(bundle_read_next(&reader, &part), ERR_OK);
        assert_int_equal(part, BUNDLE_HEADER);
        assert_int_equal(bundle_read_next(&reader, &part), counts[i].good ? ERR_OK : ERR_CORRUPT);
        assert_int_equal(part, BUNDLE_MORE);
        assert_int_equal(reader.position, position);
        // It stays so, and takes nothing more.
        bundle_feed(&reader, buf_slice(&forgery.bytes));
        assert_int_equal(bundle_read_next(&reader, &part), counts[i].good ? ERR_OK : ERR_CORRUPT);
        assert_int_equal(bundle_read_end(&reader), ERR_CORRUPT);
        bundle_reader_release(&reader);
        buf_release(&forgery.bytes);
    }
}

// More than a reader has room for, portion by portion, after the end and after an error.
static void test_bundle_refusals__what_follows_takes_no_room(void **state)
{
    (void)state;
    struct buf bytes = sample_bundle_bytes(1);
    uint8_t *zeros = memory_zeroed(1, BUNDLE_PORTION_BYTES_MAX);
    for (unsigned altered = 0; altered < 2; altered++) {
        struct bundle_reader reader;
        enum bundle_part part = BUNDLE_HEADER;
        enum err error = ERR_OK;
        bundle_reader_init(&reader);
        bytes.bytes[bytes.length - 1] ^= (uint8_t)altered;
        bundle_feed(&reader, buf_slice(&bytes));
        while (error == ERR_OK && part != BUNDLE_OVER)
            error = bundle_read_next(&reader, &part);
        assert_int_equal(error, altered ? ERR_CORRUPT : ERR_OK);
        for (unsigned i = 0; i < BUNDLE_PART_BYTES_MAX / BUNDLE_PORTION_BYTES_MAX + 8; i++) {
            bundle_feed(&reader, slice_of(zeros, BUNDLE_PORTION_BYTES_MAX));
            assert_int_equal(bundle_read_next(&reader, &part), ERR_CORRUPT);
        }
        assert_true(reader.pending.length <= 2 * BUNDLE_PORTION_BYTES_MAX);
        bundle_reader_release(&reader);
    }
    free(zeros);
    buf_release(&bytes);
}

static void test_bundle_refusals__what_does_not_fit_spoils_it(void **state)
{
    (void)state;
    struct bundle_close close = {0};
    struct bundle_writer writer = {0};
    struct operation operation = sample_of(SAMPLE_PUT);
    struct buf out;
    assert_int_equal(write_header_of("notes", "", 40), ERR_TOO_LARGE);
    assert_int_equal(write_header_of("notes", "", 10), ERR_TOO_LARGE);
    buf_init(&out, 30);
    assert_int_equal(bundle_write_operation(&writer, &operation, OPERATION_PUT, &out),
                     ERR_TOO_LARGE);
    buf_clear(&out);
    assert_int_equal(bundle_write_close(&writer, &close, &out), ERR_TOO_LARGE);
    buf_release(&out);
    uint8_t *much = memory_zeroed(1, STABILITY_BYTES_MAX + 1);
    buf_init(&out, BUNDLE_PART_BYTES_MAX);
    close.stability = slice_of(much, STABILITY_BYTES_MAX);
    assert_int_equal(bundle_write_close(&writer, &close, &out), ERR_OK);
    close.stability.length++;
    assert_int_equal(bundle_write_close(&writer, &close, &out), ERR_TOO_LARGE);
    buf_release(&out);
    free(much);
}

static void test_bundle_refusals__garbage_is_read_to_an_end(void **state)
{
    (void)state;
    struct rng rng;
    struct buf bytes = sample_bundle_bytes(SAMPLE_COUNT);
    rng_init(&rng, 3);
    for (unsigned round = 0; round < GARBAGE_ROUNDS; round++) {
        size_t at = rng_below(&rng, bytes.length);
        uint8_t before = bytes.bytes[at];
        bytes.bytes[at] = (uint8_t)rng_u64(&rng);
        size_t length = rng_below(&rng, bytes.length + 1);
        bool whole = length == bytes.length && bytes.bytes[at] == before;
        struct bundle_reading reading =
            bundle_read_in_portions(slice_of(bytes.bytes, length), 1 + rng_below(&rng, 200));
        assert_int_equal(reading.over, whole);
        assert_true(reading.position <= length);
        bytes.bytes[at] = before;
    }
    buf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bundle_refusals__parts_have_an_order),
        cmocka_unit_test(test_bundle_refusals__of_a_newer_version_it_says_so),
        cmocka_unit_test(test_bundle_refusals__names_are_for_people),
        cmocka_unit_test(test_bundle_refusals__a_horizon_beyond_what_is_known_is_refused),
        cmocka_unit_test(test_bundle_refusals__lengths_are_bounded_before_they_are_believed),
        cmocka_unit_test(test_bundle_refusals__what_follows_takes_no_room),
        cmocka_unit_test(test_bundle_refusals__what_does_not_fit_spoils_it),
        cmocka_unit_test(test_bundle_refusals__garbage_is_read_to_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
