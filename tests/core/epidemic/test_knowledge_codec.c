#include "base/random.h"
#include "core/epidemic/knowledge.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

enum { ENCODED_MAX = 1 << 20, NUMBERS_MAX = 16 };

#define LAST KNOWLEDGE_SEQUENCE_MAX

static void add(struct knowledge *knowledge, uint64_t origin, uint64_t first, uint64_t last)
{
    struct interval interval = {.first = first, .last = last};
    assert_int_equal(knowledge_add_interval(knowledge, origin, interval), ERR_OK);
}

// Origins and numbers of all lengths.
static void fill(struct knowledge *knowledge, uint64_t seed)
{
    struct rng rng;
    rng_init(&rng, seed);
    unsigned origins = (unsigned)rng_below(&rng, 8);
    for (unsigned i = 0; i < origins; i++) {
        uint64_t origin = 1 + (rng_u64(&rng) >> rng_below(&rng, 64)) % UINT64_MAX;
        for (uint64_t j = rng_below(&rng, 6) + 1; j > 0; j--) {
            uint64_t first = 1 + (rng_u64(&rng) >> (1 + rng_below(&rng, 63))) % LAST;
            uint64_t length = rng_u64(&rng) >> rng_below(&rng, 64);
            add(knowledge, origin, first, length > LAST - first ? LAST : first + length);
        }
    }
}

static void test_knowledge_codec__gives_back_what_was_encoded(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 2000; seed++) {
        struct knowledge set = {0};
        struct knowledge decoded = {0};
        struct buf bytes;
        struct buf again;
        buf_init(&bytes, ENCODED_MAX);
        buf_init(&again, ENCODED_MAX);
        fill(&set, seed);
        knowledge_encode(&bytes, &set);
        buf_append_u8(&bytes, 0xff); // it stops where it ends
        struct cursor in = cursor_of(buf_slice(&bytes));
        knowledge_decode(&in, &decoded);
        assert_int_equal(cursor_left(&in), 1);
        knowledge_invariants(&decoded);
        assert_true(knowledge_equal(&set, &decoded));
        knowledge_encode(&again, &decoded);
        assert_true(slice_equal(buf_slice(&again), slice_of(bytes.bytes, bytes.length - 1)));
        buf_release(&bytes);
        buf_release(&again);
        knowledge_release(&set);
        knowledge_release(&decoded);
    }
}

static void test_knowledge_codec__refuses_every_truncation(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct knowledge set = {0};
        struct knowledge decoded = {0};
        struct buf bytes;
        buf_init(&bytes, ENCODED_MAX);
        fill(&set, seed);
        knowledge_encode(&bytes, &set);
        for (size_t length = 0; length < bytes.length; length++) {
            struct cursor in = cursor_of(slice_of(bytes.bytes, length));
            knowledge_decode(&in, &decoded);
            assert_true(in.failed);
            assert_true(knowledge_is_empty(&decoded));
        }
        buf_release(&bytes);
        knowledge_release(&set);
        knowledge_release(&decoded);
    }
}

struct numbers {
    bool good;
    unsigned count;
    uint64_t numbers[NUMBERS_MAX];
};

static void append_numbers(struct buf *bytes, const struct numbers *numbers)
{
    for (unsigned i = 0; i < numbers->count; i++)
        buf_append_varint(bytes, numbers->numbers[i]);
}

// Differences from the least possible number, at the bounds of each.
static void test_knowledge_codec__refuses_what_passes_a_bound(void **state)
{
    (void)state;
    static const struct numbers cases[] = {
        {true, 1, {0}},
        {true, 5, {1, 0, 1, 0, 0}},
        {true, 5, {1, UINT64_MAX - 1, 1, 0, 0}},
        {false, 5, {1, UINT64_MAX, 1, 0, 0}},
        {true, 9, {2, 0, 1, 0, 0, UINT64_MAX - 2, 1, 0, 0}},
        {false, 9, {2, 0, 1, 0, 0, UINT64_MAX - 1, 1, 0, 0}},
        {false, 9, {2, UINT64_MAX - 1, 1, 0, 0, 0, 1, 0, 0}},
        {false, 9, {2, UINT64_MAX - 1, 1, 0, 0, 5, 1, 0, 0}},
        {false, 3, {1, 0, 0}},
        {false, 5, {1, 0, 0, 0, 0}},
        {true, 5, {1, 0, 1, LAST - 1, 0}},
        {false, 5, {1, 0, 1, LAST, 0}},
        {true, 5, {1, 0, 1, 0, LAST - 1}},
        {false, 5, {1, 0, 1, 0, LAST}},
        {false, 5, {1, 0, 1, LAST - 1, 1}},
        {true, 7, {1, 0, 2, 0, 0, LAST - 3, 0}},
        {false, 7, {1, 0, 2, 0, 0, LAST - 2, 0}},
        {true, 7, {1, 0, 2, 0, LAST - 3, 0, 0}},
        {false, 7, {1, 0, 2, 0, LAST - 2, 0, 0}},
        {false, 7, {1, 0, 2, 0, LAST - 1, 0, 0}},
        {false, 7, {1, 0, 2, LAST - 1, 0, LAST + 5, 0}},
        {false, 5, {KNOWLEDGE_ORIGINS_MAX + 1, 0, 1, 0, 0}},
        {false, 5, {1, 0, KNOWLEDGE_INTERVALS_MAX + 1, 0, 0}},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct knowledge decoded = {0};
        struct buf bytes;
        buf_init(&bytes, ENCODED_MAX);
        append_numbers(&bytes, &cases[i]);
        struct cursor in = cursor_of(buf_slice(&bytes));
        knowledge_decode(&in, &decoded);
        assert_int_equal(cursor_finish(&in) == ERR_OK, cases[i].good);
        if (!cases[i].good)
            assert_true(in.failed && knowledge_is_empty(&decoded));
        knowledge_invariants(&decoded);
        buf_release(&bytes);
        knowledge_release(&decoded);
    }
}

static void test_knowledge_codec__refuses_long_varints(void **state)
{
    (void)state;
    static const uint8_t good[] = {1, 0, 1, 0, 0};
    for (size_t i = 0; i < sizeof good; i++) {
        struct knowledge decoded = {0};
        uint8_t bytes[sizeof good + 1];
        memcpy(bytes, good, i);
        bytes[i] = good[i] | 0x80;
        bytes[i + 1] = 0;
        memcpy(bytes + i + 2, good + i + 1, sizeof good - i - 1);
        struct cursor in = cursor_of(slice_of(bytes, sizeof bytes));
        knowledge_decode(&in, &decoded);
        assert_true(in.failed);
        knowledge_release(&decoded);
    }
}

static void test_knowledge_codec__takes_memory_for_what_was_read(void **state)
{
    (void)state;
    static const struct numbers liar = {
        .count = 6, .numbers = {KNOWLEDGE_ORIGINS_MAX, 0, 1, 0, 0, KNOWLEDGE_INTERVALS_MAX}};
    struct knowledge decoded = {0};
    struct buf bytes;
    buf_init(&bytes, ENCODED_MAX);
    append_numbers(&bytes, &liar);
    struct cursor in = cursor_of(buf_slice(&bytes));
    knowledge_decode(&in, &decoded);
    assert_true(in.failed);
    assert_in_range(decoded.capacity, 0, 4);
    buf_release(&bytes);
    knowledge_release(&decoded);
}

static void test_knowledge_codec__adds_an_origins_intervals(void **state)
{
    (void)state;
    static const uint8_t two[] = {2, 4, 1, 2, 0}; // 5-6 and 10
    struct knowledge set = {0};
    struct knowledge wanted = {0};
    add(&set, 3, 1, 4);
    add(&set, 9, 1, 1);
    add(&wanted, 3, 1, 6);
    add(&wanted, 3, 10, 10);
    add(&wanted, 9, 1, 1);
    struct cursor in = cursor_of(slice_of(two, sizeof two));
    intervals_decode(&in, 3, &set);
    assert_int_equal(cursor_finish(&in), ERR_OK);
    assert_true(knowledge_equal(&set, &wanted));
    for (size_t length = 0; length < sizeof two; length++) {
        in = cursor_of(slice_of(two, length));
        intervals_decode(&in, 9, &set);
        assert_true(in.failed);
        assert_true(knowledge_equal(&set, &wanted));
    }
    in = cursor_of(slice_of(two, sizeof two));
    intervals_decode(&in, 0, &set);
    assert_true(in.failed && knowledge_equal(&set, &wanted));
    knowledge_release(&set);
    knowledge_release(&wanted);
}

static void test_knowledge_codec__adds_no_more_intervals_than_there_may_be(void **state)
{
    (void)state;
    struct knowledge set = {0};
    struct knowledge was = {0};
    struct buf bytes;
    buf_init(&bytes, ENCODED_MAX);
    for (uint64_t i = 1; i <= KNOWLEDGE_INTERVALS_MAX; i++)
        add(&set, 3, 2 * i, 2 * i);
    knowledge_copy(&was, &set);
    intervals_encode(&bytes, knowledge_of(&set, 3));
    struct cursor in = cursor_of(buf_slice(&bytes));
    intervals_decode(&in, 3, &set);
    assert_int_equal(cursor_finish(&in), ERR_OK);
    buf_clear(&bytes);
    append_numbers(&bytes, &(struct numbers){.count = 3, .numbers = {1, LAST - 1, 0}});
    in = cursor_of(buf_slice(&bytes));
    intervals_decode(&in, 3, &set);
    assert_true(in.failed);
    assert_true(knowledge_equal(&set, &was));
    buf_release(&bytes);
    knowledge_release(&set);
    knowledge_release(&was);
}

static bool same_hash(const struct knowledge *a, const struct knowledge *b, uint64_t salt)
{
    struct hash128 one = knowledge_hash(a, salt);
    struct hash128 other = knowledge_hash(b, salt);
    return one.high == other.high && one.low == other.low;
}

// Sets that differ in one number only, at each place of more than one block of the hash.
static void test_knowledge_codec__hashes_equal_sets_alike_and_no_others(void **state)
{
    (void)state;
    struct knowledge set = {0};
    struct knowledge other = {0};
    for (uint64_t i = 1; i <= 400; i++)
        add(&set, i / 5 + 1, 10 * i, 10 * i + i % 4);
    for (uint64_t i = 400; i >= 1; i--)
        add(&other, i / 5 + 1, 10 * i, 10 * i + i % 4);
    assert_true(same_hash(&set, &other, 1));
    struct hash128 salted[2] = {knowledge_hash(&set, 1), knowledge_hash(&set, 2)};
    assert_true(salted[0].high != salted[1].high && salted[0].low != salted[1].low);
    for (uint64_t i = 1; i <= 400; i++) {
        knowledge_copy(&other, &set);
        add(&other, i / 5 + 1, 10 * i, 10 * i + 5);
        assert_false(same_hash(&set, &other, 1));
    }
    knowledge_clear(&other);
    assert_false(same_hash(&set, &other, 1));
    knowledge_release(&set);
    knowledge_release(&other);
}

static void test_knowledge_codec__is_small(void **state)
{
    (void)state;
    struct knowledge set = {0};
    struct rng rng;
    struct buf bytes;
    rng_init(&rng, 3);
    buf_init(&bytes, ENCODED_MAX);
    while (set.count < 1000)
        add(&set, rng_u64(&rng) | 1, 1, 1 + rng_below(&rng, 1000000));
    knowledge_encode(&bytes, &set);
    size_t one_each = bytes.length;
    assert_in_range(one_each, 1, 14 * 1000);
    for (uint32_t i = 0; i < set.count; i++) {
        uint64_t first = set.origins[i].list[0].last + 2 + rng_below(&rng, 100);
        add(&set, set.origins[i].origin, first, first + rng_below(&rng, 1000));
    }
    buf_clear(&bytes);
    knowledge_encode(&bytes, &set);
    assert_in_range(bytes.length - one_each, 1, 4 * 1000);
    buf_release(&bytes);
    knowledge_release(&set);
}

static void test_knowledge_codec__overflows_a_small_buffer(void **state)
{
    (void)state;
    struct knowledge set = {0};
    struct buf bytes;
    buf_init(&bytes, 4);
    add(&set, 1, 1, 1);
    knowledge_encode(&bytes, &set);
    assert_true(bytes.overflown);
    buf_release(&bytes);
    knowledge_release(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_knowledge_codec__gives_back_what_was_encoded),
        cmocka_unit_test(test_knowledge_codec__refuses_every_truncation),
        cmocka_unit_test(test_knowledge_codec__refuses_what_passes_a_bound),
        cmocka_unit_test(test_knowledge_codec__refuses_long_varints),
        cmocka_unit_test(test_knowledge_codec__takes_memory_for_what_was_read),
        cmocka_unit_test(test_knowledge_codec__adds_an_origins_intervals),
        cmocka_unit_test(test_knowledge_codec__adds_no_more_intervals_than_there_may_be),
        cmocka_unit_test(test_knowledge_codec__hashes_equal_sets_alike_and_no_others),
        cmocka_unit_test(test_knowledge_codec__is_small),
        cmocka_unit_test(test_knowledge_codec__overflows_a_small_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
