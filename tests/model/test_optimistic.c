#include "model/optimistic.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

// The bytes of a keyspace named "ab", after its id and before its secret: length, name, flags.
enum { NAME_AT = 2, FLAGS_AT = 4 };

static struct optimistic sample(void)
{
    return (struct optimistic){.id = 70000,
                               .name = "notes/eu-1",
                               .is_family = true,
                               .is_signed = true,
                               .secret = UINT64_C(0xfedcba9876543210),
                               .primary = 3,
                               .primary_epoch = UINT64_C(1) << 40,
                               .rumor_k = 5,
                               .rumor_ms = 1001,
                               .anti_entropy_ms = 10002,
                               .audit_ms = 100003,
                               .retention_ms = 1000004,
                               .stability_ms = 2005};
}

static struct optimistic named_ab(void)
{
    struct optimistic optimistic = optimistic_default();
    memcpy(optimistic.name, "ab", 2);
    return optimistic;
}

static void assert_same(const struct optimistic *one, const struct optimistic *other)
{
    assert_int_equal(one->id, other->id);
    assert_string_equal(one->name, other->name);
    assert_int_equal(one->is_family, other->is_family);
    assert_int_equal(one->is_signed, other->is_signed);
    assert_int_equal(one->secret, other->secret);
    assert_int_equal(one->primary, other->primary);
    assert_int_equal(one->primary_epoch, other->primary_epoch);
    assert_int_equal(one->rumor_k, other->rumor_k);
    assert_int_equal(one->rumor_ms, other->rumor_ms);
    assert_int_equal(one->anti_entropy_ms, other->anti_entropy_ms);
    assert_int_equal(one->audit_ms, other->audit_ms);
    assert_int_equal(one->retention_ms, other->retention_ms);
    assert_int_equal(one->stability_ms, other->stability_ms);
}

static void expect_same_back(const struct optimistic *optimistic)
{
    struct buf buf;
    struct optimistic back;
    buf_init(&buf, 1000);
    assert_true(optimistic_is_valid(optimistic));
    optimistic_encode(&buf, optimistic);
    struct cursor in = cursor_of(buf_slice(&buf));
    optimistic_decode(&in, &back);
    assert_int_equal(cursor_finish(&in), ERR_OK);
    assert_same(&back, optimistic);
    buf_release(&buf);
}

// Neither may it be, nor may its bytes be taken.
static void expect_refused(const struct optimistic *optimistic)
{
    struct buf buf;
    struct optimistic back;
    buf_init(&buf, 1000);
    assert_false(optimistic_is_valid(optimistic));
    optimistic_encode(&buf, optimistic);
    struct cursor in = cursor_of(buf_slice(&buf));
    optimistic_decode(&in, &back);
    assert_true(in.failed);
    buf_release(&buf);
}

static uint64_t *pace(struct optimistic *optimistic, unsigned which)
{
    uint64_t *const paces[] = {&optimistic->rumor_ms, &optimistic->anti_entropy_ms,
                               &optimistic->audit_ms, &optimistic->retention_ms,
                               &optimistic->stability_ms};
    return which < sizeof paces / sizeof paces[0] ? paces[which] : NULL;
}

static void test_optimistic__lacks_only_a_name_by_default(void **state)
{
    (void)state;
    struct optimistic optimistic = optimistic_default();
    assert_false(optimistic_is_valid(&optimistic));
    optimistic.name[0] = 'a';
    assert_true(optimistic_is_valid(&optimistic));
    assert_int_equal(optimistic.primary, NODE_NONE);
    assert_false(optimistic.is_family);
    assert_false(optimistic.is_signed);
    // A certificate has to outlive the rumors and the sessions that spread it, and an audit.
    assert_true(optimistic.retention_ms > optimistic.audit_ms);
    assert_true(optimistic.audit_ms > optimistic.anti_entropy_ms);
    assert_true(optimistic.anti_entropy_ms > optimistic.rumor_ms);
    expect_same_back(&optimistic);
}

static void test_optimistic__comes_back(void **state)
{
    (void)state;
    struct optimistic optimistic = sample();
    expect_same_back(&optimistic);
    for (unsigned flags = 0; flags < 4; flags++) {
        optimistic.is_family = (flags & 1) != 0;
        optimistic.is_signed = (flags & 2) != 0;
        expect_same_back(&optimistic);
    }
    optimistic.id = UINT32_MAX;
    optimistic.secret = UINT64_MAX;
    optimistic.primary_epoch = UINT64_MAX;
    expect_same_back(&optimistic);
}

static void test_optimistic__ends_where_its_bytes_end(void **state)
{
    (void)state;
    struct buf buf;
    struct optimistic back, first = named_ab(), second = sample();
    buf_init(&buf, 1000);
    optimistic_encode(&buf, &first);
    optimistic_encode(&buf, &second);
    struct cursor in = cursor_of(buf_slice(&buf));
    optimistic_decode(&in, &back);
    assert_same(&back, &first);
    optimistic_decode(&in, &back);
    assert_same(&back, &second);
    assert_int_equal(cursor_finish(&in), ERR_OK);
    buf_release(&buf);
}

static void test_optimistic__bounds_each_pace(void **state)
{
    (void)state;
    struct optimistic optimistic = sample();
    for (unsigned i = 0; pace(&optimistic, i) != NULL; i++) {
        optimistic = sample();
        *pace(&optimistic, i) = OPTIMISTIC_MS_MIN;
        expect_same_back(&optimistic);
        *pace(&optimistic, i) = OPTIMISTIC_MS_MAX;
        expect_same_back(&optimistic);
        *pace(&optimistic, i) = OPTIMISTIC_MS_MIN - 1;
        expect_refused(&optimistic);
        *pace(&optimistic, i) = OPTIMISTIC_MS_MAX + 1;
        expect_refused(&optimistic);
        *pace(&optimistic, i) = UINT64_MAX;
        expect_refused(&optimistic);
    }
}

static void test_optimistic__bounds_rumors_and_its_primary(void **state)
{
    (void)state;
    struct optimistic optimistic = sample();
    optimistic.rumor_k = 1;
    expect_same_back(&optimistic);
    optimistic.rumor_k = OPTIMISTIC_RUMOR_K_MAX;
    expect_same_back(&optimistic);
    optimistic.rumor_k = 0;
    expect_refused(&optimistic);
    optimistic.rumor_k = OPTIMISTIC_RUMOR_K_MAX + 1;
    expect_refused(&optimistic);
    optimistic = sample();
    optimistic.primary = NODE_NONE;
    expect_same_back(&optimistic);
    optimistic.primary = NODES_MAX;
    expect_same_back(&optimistic);
    optimistic.primary = NODES_MAX + 1;
    expect_refused(&optimistic);
}

static void test_optimistic__checks_its_name(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "-a", "a/", "A", "a b", "a\n", "\xc3\xa9"};
    struct optimistic optimistic = sample();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        memset(optimistic.name, 0, sizeof optimistic.name);
        memcpy(optimistic.name, bad[i], strlen(bad[i]));
        expect_refused(&optimistic);
    }
    memset(optimistic.name, 'a', KEYSPACE_NAME_BYTES_MAX);
    optimistic.name[KEYSPACE_NAME_BYTES_MAX] = '\0';
    expect_same_back(&optimistic);
}

// Takes the bytes of `named_ab` with one changed.
static bool is_refused_with(size_t at, uint8_t byte)
{
    struct buf buf;
    struct optimistic back, whole = named_ab();
    buf_init(&buf, 1000);
    optimistic_encode(&buf, &whole);
    buf.bytes[at] = byte;
    struct cursor in = cursor_of(buf_slice(&buf));
    optimistic_decode(&in, &back);
    buf_release(&buf);
    return in.failed;
}

static void test_optimistic__refuses_bytes_that_no_one_writes(void **state)
{
    (void)state;
    assert_false(is_refused_with(NAME_AT, 'b'));
    assert_true(is_refused_with(NAME_AT, '\0'));
    assert_true(is_refused_with(NAME_AT, 'B'));
    assert_true(is_refused_with(NAME_AT + 1, '\0'));
    for (unsigned flags = 0; flags <= UINT8_MAX; flags++)
        assert_int_equal(is_refused_with(FLAGS_AT, (uint8_t)flags), flags > 3);
}

static void test_optimistic__refuses_an_id_over_its_width(void **state)
{
    (void)state;
    struct buf buf, tail;
    struct optimistic back, whole = named_ab();
    buf_init(&tail, 1000);
    optimistic_encode(&tail, &whole);
    for (uint64_t over = 0; over < 2; over++) {
        buf_init(&buf, 1000);
        buf_append_varint(&buf, UINT32_MAX + over);
        buf_append(&buf, tail.bytes + 1, tail.length - 1);
        struct cursor in = cursor_of(buf_slice(&buf));
        optimistic_decode(&in, &back);
        assert_int_equal(in.failed, over);
        buf_release(&buf);
    }
    buf_release(&tail);
}

// A name that is too long must not be copied.
static void test_optimistic__refuses_a_name_over_its_bytes(void **state)
{
    (void)state;
    struct buf buf, tail;
    struct optimistic back, whole = named_ab();
    char name[4 * KEYSPACE_NAME_BYTES_MAX];
    memset(name, 'a', sizeof name);
    buf_init(&tail, 1000);
    optimistic_encode(&tail, &whole);
    for (size_t length = KEYSPACE_NAME_BYTES_MAX; length <= sizeof name; length++) {
        buf_init(&buf, 1000);
        buf_append_varint(&buf, 0);
        buf_append_counted(&buf, slice_of(name, length));
        buf_append(&buf, tail.bytes + FLAGS_AT, tail.length - FLAGS_AT);
        struct cursor in = cursor_of(buf_slice(&buf));
        optimistic_decode(&in, &back);
        assert_int_equal(in.failed, length > KEYSPACE_NAME_BYTES_MAX);
        buf_release(&buf);
    }
    buf_release(&tail);
}

static void test_optimistic__refuses_every_cut(void **state)
{
    (void)state;
    struct buf buf;
    struct optimistic whole = sample();
    buf_init(&buf, 1000);
    optimistic_encode(&buf, &whole);
    for (size_t length = 0; length < buf.length; length++) {
        struct optimistic back;
        struct cursor in = cursor_of(slice_of(buf.bytes, length));
        optimistic_decode(&in, &back);
        assert_true(in.failed);
    }
    buf_release(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_optimistic__lacks_only_a_name_by_default),
        cmocka_unit_test(test_optimistic__comes_back),
        cmocka_unit_test(test_optimistic__ends_where_its_bytes_end),
        cmocka_unit_test(test_optimistic__bounds_each_pace),
        cmocka_unit_test(test_optimistic__bounds_rumors_and_its_primary),
        cmocka_unit_test(test_optimistic__checks_its_name),
        cmocka_unit_test(test_optimistic__refuses_bytes_that_no_one_writes),
        cmocka_unit_test(test_optimistic__refuses_an_id_over_its_width),
        cmocka_unit_test(test_optimistic__refuses_a_name_over_its_bytes),
        cmocka_unit_test(test_optimistic__refuses_every_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
