#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "core/epidemic/feed.h"

static struct slice key_of(uint64_t number, char text[24])
{
    snprintf(text, 24, "key-%llu", (unsigned long long)number);
    return slice_of_text(text);
}

static void test_feed__gives_what_came_after(void **state)
{
    struct feed feed;
    struct feed_change change;
    char text[24];
    (void)state;
    feed_init(&feed);
    assert_int_equal(feed_after(&feed, 0, &change), ERR_NOT_FOUND);
    for (uint64_t number = 1; number <= 3; number++)
        feed_add(&feed, number * 10, key_of(number, text));
    for (uint64_t after = 0; after < 3; after++) {
        assert_int_equal(feed_after(&feed, after, &change), ERR_OK);
        assert_int_equal(change.number, after + 1);
        assert_int_equal(change.space, (after + 1) * 10);
        assert_true(slice_equal(change.key, key_of(after + 1, text)));
    }
    assert_int_equal(feed_after(&feed, 3, &change), ERR_NOT_FOUND);
    feed_release(&feed);
}

static void test_feed__tells_who_comes_too_late(void **state)
{
    struct feed feed;
    struct feed_change change;
    char text[24];
    (void)state;
    feed_init(&feed);
    for (uint64_t number = 1; number <= FEED_CHANGES_MAX + 5; number++)
        feed_add(&feed, 1, key_of(number, text));
    assert_int_equal(feed_after(&feed, 4, &change), ERR_TOO_LARGE);
    assert_int_equal(feed_after(&feed, 5, &change), ERR_OK);
    assert_int_equal(change.number, 6);
    assert_true(slice_equal(change.key, key_of(6, text)));
    assert_int_equal(feed_after(&feed, FEED_CHANGES_MAX + 4, &change), ERR_OK);
    assert_true(slice_equal(change.key, key_of(FEED_CHANGES_MAX + 5, text)));
    feed_release(&feed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_feed__gives_what_came_after),
                                       cmocka_unit_test(test_feed__tells_who_comes_too_late)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
