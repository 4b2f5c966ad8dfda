#include "core/epidemic/stability.h"

#include "base/random.h"
#include "know.h"
#include "operation_sample.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

enum { GARBAGE_ROUNDS = 20000, BYTES_MAX = 4096 };

static struct signing_secret secret_of(node_id node)
{
    struct signing_secret secret = sample_secret();
    secret.bytes[0] = node;
    return secret;
}

// Signed by its node.
static struct stability_record record_of(uint64_t epoch, node_id node)
{
    struct stability_record record = {
        .space = SAMPLE_SPACE, .number = {.counter = epoch, .id = 5}, .node = node};
    struct signing_secret secret = secret_of(node);
    know(&record.stable, 7, 1, 9);
    know(&record.stable, 7, 11, 300);
    know(&record.stable, 9, 1, 4);
    know(&record.horizon, 7, 1, 9);
    know(&record.horizon, 7, 20, 30);
    assert_int_equal(stability_sign(&record, &secret), ERR_OK);
    return record;
}

static struct buf bytes_of(const struct stability_record *record)
{
    struct buf bytes;
    buf_init(&bytes, BYTES_MAX);
    stability_encode(&bytes, record);
    assert_false(bytes.overflown);
    return bytes;
}

// The map of these tests: nodes 1 to 3.
static const struct signing_key *key_of(const void *context, node_id node)
{
    const struct signing_key *keys = context;
    return node >= 1 && node <= 3 ? &keys[node] : NULL;
}

struct world {
    struct signing_key keys[4];
    struct stability_authority authority;
};

// Node 2 is primary since epoch 6; the map is of epoch 8.
static void world_init(struct world *world)
{
    *world = (struct world){.authority = {.space = SAMPLE_SPACE,
                                          .epoch = 8,
                                          .primary = 2,
                                          .since = 6,
                                          .key_of = key_of,
                                          .context = world->keys}};
    for (node_id node = 1; node <= 3; node++) {
        struct signing_secret secret = secret_of(node);
        world->keys[node] = signing_key_of(&secret);
    }
}

static void test_stability__decodes_what_was_encoded(void **state)
{
    (void)state;
    struct stability_record record = record_of(3, 2);
    struct stability_record decoded = {0};
    struct buf bytes = bytes_of(&record);
    assert_int_equal(stability_decode(buf_slice(&bytes), &decoded), ERR_OK);
    assert_true(decoded.space == record.space && decoded.node == record.node);
    assert_int_equal(stamp_compare(decoded.number, record.number), 0);
    assert_true(knowledge_equal(&decoded.stable, &record.stable));
    assert_true(knowledge_equal(&decoded.horizon, &record.horizon));
    assert_memory_equal(decoded.signature.bytes, record.signature.bytes, SIGNATURE_BYTES);
    stability_release(&decoded);
    stability_release(&record);
    buf_release(&bytes);
}

static void test_stability__bytes_are_the_same_for_ever(void **state)
{
    (void)state;
    // Written by hand: space, epoch 3, sequence 5, signer 2; two origins, then one.
    static const uint8_t body[] = {1, 2, 3,    4, 5, 6, 7, 8, 3, 5, 2, 2, 6, 2, 0,
                                   8, 0, 0xa1, 2, 1, 1, 0, 3, 1, 6, 2, 0, 8, 9, 10};
    struct stability_record record = record_of(3, 2);
    struct buf bytes = bytes_of(&record);
    assert_int_equal(bytes.length, sizeof body + SIGNATURE_BYTES);
    assert_memory_equal(bytes.bytes, body, sizeof body);
    // The signed bytes are a domain and these.
    struct signing_secret secret = secret_of(2);
    struct signing_key key = signing_key_of(&secret);
    struct buf message;
    buf_init(&message, BYTES_MAX);
    buf_append_slice(&message, slice_of_text("brusio stability 1"));
    buf_append(&message, body, sizeof body);
    assert_true(signing_verify(&key, buf_slice(&message), &record.signature));
    buf_release(&message);
    buf_release(&bytes);
    stability_release(&record);
}

static void test_stability__every_altered_byte_and_every_cut_is_refused(void **state)
{
    (void)state;
    struct world world;
    struct stability_record record = record_of(7, 2);
    struct buf bytes = bytes_of(&record);
    world_init(&world);
    assert_int_equal(stability_judge(&record, &world.authority), STABILITY_TAKE);
    for (size_t bit = 0; bit < 8 * bytes.length; bit++) {
        struct stability_record altered = {0};
        bytes.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (stability_decode(buf_slice(&bytes), &altered) == ERR_OK)
            assert_int_not_equal(stability_judge(&altered, &world.authority), STABILITY_TAKE);
        assert_true(altered.number.counter != 0 || knowledge_is_empty(&altered.stable));
        stability_release(&altered);
        bytes.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t length = 0; length < bytes.length; length++) {
        struct stability_record cut = {0};
        assert_int_equal(stability_decode(slice_of(bytes.bytes, length), &cut), ERR_INVALID);
        assert_true(knowledge_is_empty(&cut.stable) && knowledge_is_empty(&cut.horizon));
    }
    struct stability_record longer = {0};
    buf_append_u8(&bytes, 0);
    assert_int_equal(stability_decode(buf_slice(&bytes), &longer), ERR_INVALID);
    buf_release(&bytes);
    stability_release(&record);
}

static void assert_refused(uint64_t epoch, uint64_t sequence, uint8_t node, bool horizon_outside)
{
    struct knowledge stable = {0};
    struct knowledge horizon = {0};
    struct stability_record decoded = {0};
    struct buf bytes;
    bool good = epoch != 0 && sequence != 0 && node >= 1 && node <= NODES_MAX && !horizon_outside;
    buf_init(&bytes, BYTES_MAX);
    know(&stable, 1, 1, 5);
    know(&horizon, 1, 1, horizon_outside ? 6 : 5);
    buf_append_u64_be(&bytes, SAMPLE_SPACE);
    buf_append_varint(&bytes, epoch);
    buf_append_varint(&bytes, sequence);
    buf_append_u8(&bytes, node);
    knowledge_encode(&bytes, &stable);
    knowledge_encode(&bytes, &horizon);
    memset(buf_extend(&bytes, SIGNATURE_BYTES), 0, SIGNATURE_BYTES);
    assert_int_equal(stability_decode(buf_slice(&bytes), &decoded), good ? ERR_OK : ERR_INVALID);
    assert_true(good || decoded.space == 0);
    stability_release(&decoded);
    knowledge_release(&stable);
    knowledge_release(&horizon);
    buf_release(&bytes);
}

static void test_stability__what_breaks_an_invariant_does_not_decode(void **state)
{
    (void)state;
    assert_refused(1, 1, 1, false); // this one is good
    assert_refused(UINT64_MAX, UINT64_MAX, NODES_MAX, false);
    assert_refused(0, 1, 1, false);
    assert_refused(1, 0, 1, false);
    assert_refused(1, 1, NODE_NONE, false);
    assert_refused(1, 1, NODES_MAX + 1, false);
    assert_refused(1, 1, 1, true);
    struct stability_record out = {0};
    uint8_t byte = 0;
    assert_int_equal(stability_decode(slice_of(&byte, STABILITY_BYTES_MAX + 1), &out),
                     ERR_TOO_LARGE);
}

static void test_stability__garbage_decodes_to_nothing_or_one_encoding(void **state)
{
    (void)state;
    struct rng rng;
    struct stability_record record = record_of(3, 2);
    struct buf bytes = bytes_of(&record);
    unsigned taken = 0;
    rng_init(&rng, 1);
    for (unsigned round = 0; round < GARBAGE_ROUNDS; round++) {
        struct stability_record decoded = {0};
        size_t at = rng_below(&rng, bytes.length);
        uint8_t before = bytes.bytes[at];
        bytes.bytes[at] = (uint8_t)rng_u64(&rng);
        if (stability_decode(buf_slice(&bytes), &decoded) == ERR_OK) {
            struct buf again = bytes_of(&decoded);
            assert_true(slice_equal(buf_slice(&again), buf_slice(&bytes)));
            buf_release(&again);
            taken++;
        }
        stability_release(&decoded);
        bytes.bytes[at] = before;
    }
    assert_true(taken > 0 && taken < GARBAGE_ROUNDS);
    buf_release(&bytes);
    stability_release(&record);
}

static const struct {
    const char *what;
    uint64_t epoch;
    node_id node;
    enum stability_verdict verdict;
} judgements[] = {
    {"the primary, in the newest epoch", 8, 2, STABILITY_TAKE},
    {"the primary, in the epoch in which it became so", 6, 2, STABILITY_TAKE},
    {"the primary, from when it was so before", 5, 2, STABILITY_TAKE},
    {"a former primary, in its last epoch", 5, 1, STABILITY_TAKE},
    {"a former primary, long ago", 1, 3, STABILITY_TAKE},
    {"a former primary, after it was replaced", 6, 1, STABILITY_FENCED},
    {"a former primary, in the newest epoch", 8, 1, STABILITY_FENCED},
    {"the primary, of a newer map", 9, 2, STABILITY_LATER},
    {"another node, of a newer map", 9, 3, STABILITY_LATER},
    {"a node that this map has not, of a newer one", 9, 4, STABILITY_LATER},
    {"a node that is gone", 5, 4, STABILITY_FENCED},
    {"a node that never was, in this primary's time", 7, 4, STABILITY_FENCED},
};

static void test_stability__judges_by_the_map(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    for (unsigned i = 0; i < sizeof judgements / sizeof judgements[0]; i++) {
        struct stability_record record = record_of(judgements[i].epoch, judgements[i].node);
        if (stability_judge(&record, &world.authority) != judgements[i].verdict)
            fail_msg("%s", judgements[i].what);
        stability_release(&record);
    }
}

static void test_stability__without_a_primary_only_older_epochs_are_taken(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    world.authority.primary = NODE_NONE;
    struct stability_record now = record_of(6, 2);
    struct stability_record before = record_of(5, 2);
    assert_int_equal(stability_judge(&now, &world.authority), STABILITY_FENCED);
    assert_int_equal(stability_judge(&before, &world.authority), STABILITY_TAKE);
    stability_release(&now);
    stability_release(&before);
}

static void test_stability__what_was_altered_is_forged(void **state)
{
    (void)state;
    struct world world;
    world_init(&world);
    for (unsigned field = 0; field < 8; field++) {
        struct stability_record record = record_of(7, 2);
        switch (field) {
        case 0:
            record.space++;
            break;
        case 1:
            record.number.counter--;
            break;
        case 2:
            record.number.id++;
            break;
        case 3:
            record.node = 1;
            record.number.counter = 5;
            break;
        case 4:
            know(&record.stable, 12, 1, 1);
            break;
        case 5:
            know(&record.horizon, 7, 12, 12);
            break;
        case 6:
            record.signature.bytes[63] ^= 1;
            break;
        default: // what stability_decode would not have taken
            know(&record.horizon, 12, 1, 1);
        }
        assert_int_equal(stability_judge(&record, &world.authority), STABILITY_FORGED);
        stability_release(&record);
    }
    // A record of another space, well signed, is not of this one.
    struct stability_record other = record_of(7, 2);
    world.authority.space++;
    assert_int_equal(stability_judge(&other, &world.authority), STABILITY_FORGED);
    stability_release(&other);
}

static void test_stability__what_is_too_large_is_not_signed(void **state)
{
    (void)state;
    struct stability_record record = {.number = {1, 1}, .node = 1};
    struct signing_secret secret = secret_of(1);
    // About 12 bytes for each origin.
    for (uint64_t i = 1; i <= 800000; i++)
        know(&record.stable, i << 44, UINT64_C(1) << 42, UINT64_C(1) << 43);
    assert_int_equal(stability_sign(&record, &secret), ERR_TOO_LARGE);
    stability_release(&record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stability__decodes_what_was_encoded),
        cmocka_unit_test(test_stability__bytes_are_the_same_for_ever),
        cmocka_unit_test(test_stability__every_altered_byte_and_every_cut_is_refused),
        cmocka_unit_test(test_stability__what_breaks_an_invariant_does_not_decode),
        cmocka_unit_test(test_stability__garbage_decodes_to_nothing_or_one_encoding),
        cmocka_unit_test(test_stability__judges_by_the_map),
        cmocka_unit_test(test_stability__without_a_primary_only_older_epochs_are_taken),
        cmocka_unit_test(test_stability__what_was_altered_is_forged),
        cmocka_unit_test(test_stability__what_is_too_large_is_not_signed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
