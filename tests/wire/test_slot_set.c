// A plain array of flags is the naive twin.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/random.h"
#include "wire/slot_set.h"

#define ENCODED_BYTES_MAX (8 * SLOTS)

static struct slot_set set;
static struct slot_set decoded;
static bool twin[SLOTS];

static void assert_is_twin(const struct slot_set *checked)
{
    unsigned count = 0;
    unsigned next = SLOTS;
    for (unsigned slot = SLOTS; slot-- > 0;) {
        assert_int_equal(slot_set_has(checked, slot), twin[slot]);
        count += twin[slot];
        next = twin[slot] ? slot : next;
        assert_int_equal(slot_set_next(checked, slot), next);
    }
    assert_int_equal(slot_set_count(checked), count);
    assert_int_equal(slot_set_next(checked, SLOTS), SLOTS);
}

static void assert_comes_back(void)
{
    struct buf bytes;
    buf_init(&bytes, ENCODED_BYTES_MAX);
    slot_set_encode(&bytes, &set);
    assert_false(bytes.overflown);
    struct cursor in = cursor_of(buf_slice(&bytes));
    slot_set_decode(&in, &decoded);
    assert_int_equal(cursor_finish(&in), ERR_OK);
    assert_memory_equal(&set, &decoded, sizeof set);
    buf_release(&bytes);
}

static void test_slot_set__is_its_twin_and_comes_back(void **state)
{
    (void)state;
    struct rng rng;
    for (unsigned seed = 0; seed < 40; seed++) {
        rng_init(&rng, seed);
        slot_set_clear(&set);
        memset(twin, 0, sizeof twin);
        for (unsigned i = 0; i < 100; i++) {
            unsigned slot = (unsigned)rng_below(&rng, SLOTS);
            unsigned length = 1 + (unsigned)rng_below(&rng, seed % 4 == 0 ? 1 : 300);
            bool add = !rng_one_in(&rng, 4);
            for (; length > 0 && slot < SLOTS; length--, slot++) {
                twin[slot] = add;
                if (add)
                    slot_set_add(&set, slot);
                else
                    slot_set_remove(&set, slot);
            }
        }
        assert_is_twin(&set);
        assert_comes_back();
    }
}

static void test_slot_set__extremes_come_back(void **state)
{
    (void)state;
    slot_set_clear(&set);
    assert_comes_back();
    slot_set_add(&set, 0);
    slot_set_add(&set, SLOTS - 1);
    assert_comes_back();
    // As many runs as there can be, beginning at an even and at an odd slot.
    for (unsigned first = 0; first < 2; first++) {
        slot_set_clear(&set);
        for (unsigned slot = first; slot < SLOTS; slot += 2)
            slot_set_add(&set, slot);
        assert_comes_back();
    }
    for (unsigned slot = 0; slot < SLOTS; slot++)
        slot_set_add(&set, slot);
    assert_int_equal(slot_set_count(&set), SLOTS);
    assert_comes_back();
}

static bool is_refused(const uint64_t *numbers, unsigned count)
{
    struct buf bytes;
    buf_init(&bytes, ENCODED_BYTES_MAX);
    for (unsigned i = 0; i < count; i++)
        buf_append_varint(&bytes, numbers[i]);
    struct cursor in = cursor_of(buf_slice(&bytes));
    slot_set_decode(&in, &decoded);
    buf_release(&bytes);
    return in.failed;
}

#define IS_REFUSED(...)                                                                            \
    is_refused((const uint64_t[]){__VA_ARGS__},                                                    \
               sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

static void test_slot_set__refuses_what_no_encoder_wrote(void **state)
{
    (void)state;
    assert_false(IS_REFUSED(0));
    // A run is its gap twice; and one, with its length behind it, if it is longer than one slot.
    assert_false(IS_REFUSED(1, 1, SLOTS));
    assert_false(IS_REFUSED(2, 0, 2));
    assert_true(IS_REFUSED(1, 1, 0));               // an empty run
    assert_true(IS_REFUSED(1, 1, 1));               // a length that is not said
    assert_true(IS_REFUSED(2, 0, 0));               // two runs that are one
    assert_true(IS_REFUSED(1, 1, SLOTS + 1));       // past the end
    assert_true(IS_REFUSED(1, 2 * SLOTS));          // begins at the end
    assert_true(IS_REFUSED(2, 2 * (SLOTS - 1), 2)); // a second one past the end
    assert_true(IS_REFUSED(2, 0));                  // cut off
    assert_true(IS_REFUSED(SLOTS / 2 + 1, 0));      // more runs than slots allow
    assert_true(IS_REFUSED(1, UINT64_MAX));         // no wrapping around
    assert_true(IS_REFUSED(1, 1, UINT64_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slot_set__is_its_twin_and_comes_back),
        cmocka_unit_test(test_slot_set__extremes_come_back),
        cmocka_unit_test(test_slot_set__refuses_what_no_encoder_wrote),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
