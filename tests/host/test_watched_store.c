#include "host/watched_store.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

// A store whose reads end as the test says.
struct failing {
    enum err next;
    unsigned gets;
    unsigned scans;
};

static enum err get(void *self, enum store_table table, struct slice key, struct slice *out)
{
    struct failing *failing = self;
    (void)table;
    *out = key;
    failing->gets++;
    return failing->next;
}

static enum err scan(void *self, enum store_table table, struct slice first, struct slice end,
                     store_visit *visit, void *context)
{
    struct failing *failing = self;
    (void)table;
    (void)first;
    (void)end;
    (void)visit;
    (void)context;
    failing->scans++;
    return failing->next;
}

static enum store_room room(void *self)
{
    (void)self;
    return STORE_ROOM_LOW;
}

static void test_watched_store__keeps_the_first_error_of_a_read(void **state)
{
    (void)state;
    static const struct store_ops ops = {.get = get, .scan = scan, .room = room};
    struct failing failing = {.next = ERR_OK};
    struct watched_store watched = {.inner = {.ops = &ops, .self = &failing}};
    struct store port = watched_store_port(&watched);
    struct slice key = slice_of_text("key");
    struct slice out;
    assert_int_equal(port.ops->get(port.self, STORE_RECORDS, key, &out), ERR_OK);
    assert_true(slice_equal(out, key));
    failing.next = ERR_NOT_FOUND;
    assert_int_equal(port.ops->get(port.self, STORE_RECORDS, key, &out), ERR_NOT_FOUND);
    assert_int_equal(watched.error, ERR_OK);
    failing.next = ERR_CORRUPT;
    assert_int_equal(port.ops->scan(port.self, STORE_RECORDS, key, key, NULL, NULL), ERR_CORRUPT);
    failing.next = ERR_IO;
    assert_int_equal(port.ops->get(port.self, STORE_RECORDS, key, &out), ERR_IO);
    assert_int_equal(watched.error, ERR_CORRUPT);
    assert_int_equal(failing.gets, 3);
    assert_int_equal(failing.scans, 1);
    assert_int_equal(port.ops->room(port.self), STORE_ROOM_LOW);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_watched_store__keeps_the_first_error_of_a_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
