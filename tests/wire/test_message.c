// Every kind of messages.def is filled at random, by the same table that makes the codec, and must
// come back field by field; damaged bytes must give an error or a message of exactly these bytes.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/random.h"
#include "wire/message.h"

#define SEED_BYTES 64
#define ENCODED_BYTES_MAX 1024
#define ROUNDS 200

static struct rng rng;
static uint8_t pool[SEED_BYTES];

static int setup(void **state)
{
    (void)state;
    rng_init(&rng, 1);
    for (unsigned i = 0; i < SEED_BYTES; i++)
        pool[i] = (uint8_t)rng_u64(&rng);
    return 0;
}

// Of every length of varint.
static uint64_t any_u64(void)
{
    return rng_u64(&rng) >> rng_below(&rng, 64);
}

static struct slice any_slice(void)
{
    size_t start = (size_t)rng_below(&rng, SEED_BYTES);
    return slice_of(pool + start, (size_t)rng_below(&rng, SEED_BYTES - start + 1));
}

#define F_NONE body->nothing = 0;
#define F_U64(field) body->field = any_u64();
#define F_FLAG(field) body->field = rng_below(&rng, 2) == 1;
#define F_STAMP(field) body->field = (struct stamp){.counter = any_u64(), .id = any_u64()};
#define F_SLICE(field) body->field = any_slice();
#define F_REST(field) body->field = any_slice();
#define MESSAGE(name, NAME, fields)                                                                \
    static void fill_##name(struct message_##name *body)                                           \
    {                                                                                              \
        fields                                                                                     \
    }
#include "wire/messages.def"
#undef MESSAGE
#undef F_NONE
#undef F_U64
#undef F_FLAG
#undef F_STAMP
#undef F_SLICE
#undef F_REST

#define F_NONE (void)a, (void)b;
#define F_U64(field) assert_int_equal(a->field, b->field);
#define F_FLAG(field) assert_int_equal(a->field, b->field);
#define F_STAMP(field) assert_int_equal(stamp_compare(a->field, b->field), 0);
#define F_SLICE(field) assert_true(slice_equal(a->field, b->field));
#define F_REST(field) assert_true(slice_equal(a->field, b->field));
#define MESSAGE(name, NAME, fields)                                                                \
    static void compare_##name(const struct message_##name *a, const struct message_##name *b)     \
    {                                                                                              \
        fields                                                                                     \
    }
#include "wire/messages.def"
#undef MESSAGE
#undef F_NONE
#undef F_U64
#undef F_FLAG
#undef F_STAMP
#undef F_SLICE
#undef F_REST

static struct message any_message(enum message_kind kind)
{
    struct message message = {.kind = kind,
                              .epoch = any_u64(),
                              .sequence = any_u64(),
                              .from_incarnation = any_u64(),
                              .to_incarnation = any_u64()};
    switch (kind) {
#define MESSAGE(name, NAME, fields)                                                                \
    case MESSAGE_##NAME:                                                                           \
        fill_##name(&message.name);                                                                \
        break;
#include "wire/messages.def"
#undef MESSAGE
    case MESSAGE_KIND_COUNT:
        break;
    }
    return message;
}

static void assert_message_equal(const struct message *a, const struct message *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->epoch, b->epoch);
    assert_int_equal(a->sequence, b->sequence);
    assert_int_equal(a->from_incarnation, b->from_incarnation);
    assert_int_equal(a->to_incarnation, b->to_incarnation);
    switch (a->kind) {
#define MESSAGE(name, NAME, fields)                                                                \
    case MESSAGE_##NAME:                                                                           \
        compare_##name(&a->name, &b->name);                                                        \
        break;
#include "wire/messages.def"
#undef MESSAGE
    case MESSAGE_KIND_COUNT:
        break;
    }
}

// Gives a copy of exactly these bytes in memory of exactly this size, so that a read past the end
// is a read outside.
static uint8_t *exact_copy(struct slice bytes)
{
    uint8_t *copy = test_malloc(bytes.length > 0 ? bytes.length : 1);
    if (bytes.length > 0)
        memcpy(copy, bytes.bytes, bytes.length);
    return copy;
}

static void assert_error_or_same_bytes(struct slice bytes)
{
    uint8_t *copy = exact_copy(bytes);
    struct message message;
    if (message_decode(slice_of(copy, bytes.length), &message) == ERR_OK) {
        struct buf again;
        buf_init(&again, ENCODED_BYTES_MAX);
        message_encode(&again, &message);
        assert_true(slice_equal(buf_slice(&again), bytes));
        buf_release(&again);
    }
    test_free(copy);
}

static void test_message__every_kind_comes_back(void **state)
{
    (void)state;
    struct buf bytes;
    buf_init(&bytes, ENCODED_BYTES_MAX);
    for (unsigned kind = 0; kind < MESSAGE_KIND_COUNT; kind++) {
        for (unsigned round = 0; round < ROUNDS; round++) {
            struct message message = any_message((enum message_kind)kind);
            struct message decoded;
            buf_clear(&bytes);
            message_encode(&bytes, &message);
            assert_int_equal(message_decode(buf_slice(&bytes), &decoded), ERR_OK);
            assert_message_equal(&message, &decoded);
        }
    }
    buf_release(&bytes);
}

static void test_message__damaged_bytes_are_refused_or_mean_themselves(void **state)
{
    (void)state;
    struct buf bytes;
    buf_init(&bytes, ENCODED_BYTES_MAX);
    for (unsigned kind = 0; kind < MESSAGE_KIND_COUNT; kind++) {
        struct message message = any_message((enum message_kind)kind);
        buf_clear(&bytes);
        message_encode(&bytes, &message);
        for (size_t length = 0; length < bytes.length; length++)
            assert_error_or_same_bytes(slice_of(bytes.bytes, length));
        for (unsigned round = 0; round < ROUNDS; round++) {
            uint8_t *byte = &bytes.bytes[rng_below(&rng, bytes.length)];
            uint8_t before = *byte;
            *byte = (uint8_t)rng_u64(&rng);
            assert_error_or_same_bytes(buf_slice(&bytes));
            *byte = before;
        }
    }
    buf_release(&bytes);
}

// The bytes of these must not change by accident: nodes of two versions would misread each other.
static void test_message__has_the_bytes_that_it_always_had(void **state)
{
    (void)state;
    struct message message = {.kind = MESSAGE_REFUSE,
                              .epoch = 300,
                              .sequence = 2,
                              .from_incarnation = 3,
                              .to_incarnation = 4,
                              .refuse = {.counter = 5, .store_id = 6, .incarnation = 7}};
    const uint8_t expected[] = {MESSAGE_REFUSE, 0xac, 0x02, 2, 3, 4, 5, 6, 7};
    struct buf bytes;
    buf_init(&bytes, ENCODED_BYTES_MAX);
    message_encode(&bytes, &message);
    assert_int_equal(bytes.length, sizeof expected);
    assert_memory_equal(bytes.bytes, expected, sizeof expected);
    assert_int_equal(MESSAGE_PING, 0);
    assert_int_equal(MESSAGE_INV, 14);
    assert_int_equal(MESSAGE_PEER_HELLO, MESSAGE_ANSWER + 1);
    assert_int_equal(MESSAGE_STABILITY, MESSAGE_PEER_HELLO + 14);
    assert_int_equal(MESSAGE_PREFIX, MESSAGE_STABILITY + 2);
    buf_release(&bytes);
}

static void test_message__refuses_what_no_encoder_wrote(void **state)
{
    (void)state;
    struct message message;
    const uint8_t unknown_kind[] = {MESSAGE_KIND_COUNT, 1, 1, 1, 1};
    const uint8_t trailing[] = {MESSAGE_MAP_WANT, 1, 1, 1, 1, 0};
    const uint8_t long_varint[] = {MESSAGE_MAP_WANT, 0x81, 0x00, 1, 1, 1};
    const uint8_t bad_flag[] = {MESSAGE_TAKEOVER, 1, 1, 1, 1, 0, 2};
    const uint8_t long_slice[] = {MESSAGE_TAKEOVER, 1, 1, 1, 1, 2, 0};
    assert_int_equal(message_decode(slice_of(NULL, 0), &message), ERR_INVALID);
    assert_int_equal(message_decode(slice_of(unknown_kind, sizeof unknown_kind), &message),
                     ERR_INVALID);
    assert_int_equal(message_decode(slice_of(trailing, sizeof trailing), &message), ERR_INVALID);
    assert_int_equal(message_decode(slice_of(long_varint, sizeof long_varint), &message),
                     ERR_INVALID);
    assert_int_equal(message_decode(slice_of(bad_flag, sizeof bad_flag), &message), ERR_INVALID);
    assert_int_equal(message_decode(slice_of(long_slice, sizeof long_slice), &message),
                     ERR_INVALID);
}

static void test_message__has_names(void **state)
{
    (void)state;
    assert_string_equal(message_name(MESSAGE_INV), "INV");
    assert_string_equal(message_name(MESSAGE_ANSWER), "ANSWER");
    assert_string_equal(message_name(MESSAGE_KIND_COUNT), "unknown");
}

static void test_message__is_of_optimistic_keyspaces_in_one_section(void **state)
{
    (void)state;
    unsigned urgent = 0;
    for (unsigned i = 0; i < MESSAGE_KIND_COUNT; i++) {
        enum message_kind kind = (enum message_kind)i;
        bool in_section = kind >= MESSAGE_PEER_HELLO && kind <= MESSAGE_STABILITY;
        assert_int_equal(message_is_optimistic(kind), in_section);
        assert_false(in_section && message_is_urgent(kind));
        urgent += message_is_urgent(kind);
    }
    assert_int_equal(urgent, 14);
    assert_false(message_is_optimistic(MESSAGE_KIND_COUNT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_message__every_kind_comes_back),
        cmocka_unit_test(test_message__damaged_bytes_are_refused_or_mean_themselves),
        cmocka_unit_test(test_message__has_the_bytes_that_it_always_had),
        cmocka_unit_test(test_message__refuses_what_no_encoder_wrote),
        cmocka_unit_test(test_message__has_names),
        cmocka_unit_test(test_message__is_of_optimistic_keyspaces_in_one_section),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
