#include "core/strong/pending.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

static void test_pending__copies_what_the_request_borrows(void **state)
{
    (void)state;
    struct pendings pendings;
    char key[] = "key";
    char value[] = "value";
    char prefix[] = "pre";
    char cursor_key[] = "cursor";
    struct request request = {.kind = REQUEST_PUT,
                              .keyspace = 7,
                              .key = slice_of_text(key),
                              .value = slice_of_text(value),
                              .prefix = slice_of_text(prefix),
                              .cursor = {.slot = 9, .key = slice_of_text(cursor_key)},
                              .operation = {.high = 1, .low = 2}};
    pendings_init(&pendings);
    struct pending *pending = pendings_add(&pendings, 5, &request, 1000);
    memset(key, 'x', strlen(key));
    memset(value, 'x', strlen(value));
    memset(prefix, 'x', strlen(prefix));
    memset(cursor_key, 'x', strlen(cursor_key));
    assert_true(slice_equal(pending->request.key, slice_of_text("key")));
    assert_true(slice_equal(pending->request.value, slice_of_text("value")));
    assert_true(slice_equal(pending->request.prefix, slice_of_text("pre")));
    assert_true(slice_equal(pending->request.cursor.key, slice_of_text("cursor")));
    assert_int_equal(pending->request.cursor.slot, 9);
    assert_int_equal(pending->request.operation.low, 2);
    assert_int_equal(pending->handle, 5);
    assert_int_equal(pending->since_us, 1000);
    assert_false(pending->decided);
    assert_int_equal(pendings.bytes, strlen("keyvalueprecursor"));
    pendings_remove(&pendings, pending);
    assert_int_equal(pendings.bytes, 0);
    assert_int_equal(pendings.count, 0);
}

static void test_pending__oldest_comes_first(void **state)
{
    (void)state;
    struct pendings pendings;
    struct request request = {.kind = REQUEST_READ, .key = slice_of_text("k")};
    struct reply reply = {.error = ERR_OK};
    pendings_init(&pendings);
    assert_null(pendings_oldest(&pendings));
    struct pending *one = pendings_add(&pendings, 1, &request, 10);
    struct pending *two = pendings_add_decided(&pendings, 2, &reply, true, 20);
    assert_ptr_equal(pendings_oldest(&pendings), one);
    pendings_remove(&pendings, one);
    assert_ptr_equal(pendings_oldest(&pendings), two);
    assert_true(two->decided && two->wrote);
    pendings_remove(&pendings, two);
    assert_null(pendings_oldest(&pendings));
}

static void test_pending__leaves_its_queue_when_removed(void **state)
{
    (void)state;
    struct pendings pendings;
    struct list queue;
    struct request request = {.kind = REQUEST_READ, .key = slice_of_text("k")};
    pendings_init(&pendings);
    list_init(&queue);
    struct pending *one = pendings_add(&pendings, 1, &request, 10);
    struct pending *two = pendings_add(&pendings, 2, &request, 10);
    list_append(&queue, &one->link);
    list_append(&queue, &two->link);
    pendings_remove(&pendings, one);
    assert_ptr_equal(queue.next, &two->link);
    pendings_remove(&pendings, two);
    assert_true(list_empty(&queue));
}

static void test_pending__is_decided_later(void **state)
{
    (void)state;
    struct pendings pendings;
    struct request request = {.kind = REQUEST_PUT, .key = slice_of_text("k")};
    struct reply reply = {.error = ERR_MISMATCH, .stamp = {.counter = 4, .id = 1}};
    pendings_init(&pendings);
    struct pending *pending = pendings_add(&pendings, 1, &request, 10);
    pending_decide(pending, &reply, false);
    assert_true(pending->decided);
    assert_false(pending->wrote);
    assert_int_equal(pending->reply.error, ERR_MISMATCH);
    assert_int_equal(pending->reply.stamp.counter, 4);
    pendings_remove(&pendings, pending);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pending__copies_what_the_request_borrows),
        cmocka_unit_test(test_pending__oldest_comes_first),
        cmocka_unit_test(test_pending__leaves_its_queue_when_removed),
        cmocka_unit_test(test_pending__is_decided_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
