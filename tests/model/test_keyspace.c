#include "model/keyspace.h"
#include "model/node_set.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

static const struct keyspace sample = {
    .id = 70000,
    .name = "users/eu-1",
    .strategy = STRATEGY_CONSISTENT,
    .replication_factor = 3,
    .min_in_sync = 2,
};

static void test_keyspace__names_its_strategies(void **state)
{
    (void)state;
    enum strategy strategy;
    for (unsigned i = 0; i < STRATEGY_COUNT; i++) {
        const char *name = strategy_name((enum strategy)i);
        assert_int_equal(strategy_parse(slice_of_text(name), &strategy), ERR_OK);
        assert_int_equal(strategy, i);
    }
    assert_string_equal(strategy_name(STRATEGY_FULL), "full");
    assert_string_equal(strategy_name(STRATEGY_CONSISTENT), "consistent");
    assert_int_equal(strategy_parse(slice_of_text("Full"), &strategy), ERR_INVALID);
    assert_int_equal(strategy_parse(slice_of_text("ful"), &strategy), ERR_INVALID);
    assert_int_equal(strategy_parse(slice_of_text(""), &strategy), ERR_INVALID);
}

static void test_keyspace__checks_names(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "0", "default", "a-b_c.d/e", "users/eu-1"};
    static const char *const bad[] = {"",  "-a", "a-",  "/a",  "a/",
                                      ".", "A",  "a b", "a\n", "\xc3\xa9"};
    char longest[KEYSPACE_NAME_BYTES_MAX + 2];
    memset(longest, 'a', sizeof longest);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(keyspace_name_is_valid(slice_of_text(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(keyspace_name_is_valid(slice_of_text(bad[i])));
    assert_true(keyspace_name_is_valid(slice_of(longest, KEYSPACE_NAME_BYTES_MAX)));
    assert_false(keyspace_name_is_valid(slice_of(longest, KEYSPACE_NAME_BYTES_MAX + 1)));
    assert_false(keyspace_name_is_valid(slice_of("a\0b", 3)));
}

static void test_keyspace__comes_back(void **state)
{
    (void)state;
    struct buf buf;
    struct keyspace back;
    buf_init(&buf, 1000);
    keyspace_encode(&buf, &sample);
    struct cursor in = cursor_of(buf_slice(&buf));
    keyspace_decode(&in, &back);
    assert_int_equal(cursor_finish(&in), ERR_OK);
    assert_int_equal(back.id, sample.id);
    assert_string_equal(back.name, sample.name);
    assert_int_equal(back.strategy, sample.strategy);
    assert_int_equal(back.replication_factor, sample.replication_factor);
    assert_int_equal(back.min_in_sync, sample.min_in_sync);
    buf_release(&buf);
}

static void expect_refused(struct keyspace keyspace)
{
    struct buf buf;
    struct keyspace back;
    buf_init(&buf, 1000);
    keyspace_encode(&buf, &keyspace);
    struct cursor in = cursor_of(buf_slice(&buf));
    keyspace_decode(&in, &back);
    assert_true(in.failed);
    buf_release(&buf);
}

static void test_keyspace__refuses_each_bad_field(void **state)
{
    (void)state;
    struct keyspace keyspace = sample;
    keyspace.name[0] = '-';
    expect_refused(keyspace);
    keyspace = sample;
    keyspace.strategy = STRATEGY_COUNT;
    expect_refused(keyspace);
    keyspace = sample;
    keyspace.replication_factor = 0;
    expect_refused(keyspace);
    keyspace.replication_factor = NODES_MAX + 1;
    expect_refused(keyspace);
    keyspace = sample;
    keyspace.min_in_sync = 0;
    expect_refused(keyspace);
    keyspace.min_in_sync = NODES_MAX + 1;
    expect_refused(keyspace);
}

static void test_keyspace__refuses_every_cut(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 1000);
    keyspace_encode(&buf, &sample);
    for (size_t length = 0; length < buf.length; length++) {
        struct keyspace back;
        struct cursor in = cursor_of(slice_of(buf.bytes, length));
        keyspace_decode(&in, &back);
        assert_true(in.failed);
    }
    buf_release(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keyspace__names_its_strategies),
        cmocka_unit_test(test_keyspace__checks_names),
        cmocka_unit_test(test_keyspace__comes_back),
        cmocka_unit_test(test_keyspace__refuses_each_bad_field),
        cmocka_unit_test(test_keyspace__refuses_every_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
