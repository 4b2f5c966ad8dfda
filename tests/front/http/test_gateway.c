#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "http_testbed.h"

#include <stdlib.h>

static void send_text(struct testbed *testbed, const char *text)
{
    testbed_send(testbed, text, strlen(text));
}

static void test_gateway__bounds_what_all_hold(void **state)
{
    struct testbed *t = *state;
    // Bodies that are never finished fill what may be held (64 KiB): each brings 20,000 bytes of
    // JSON.
    enum { OTHERS = 3, BYTES = 20000 };
    struct testbed others[OTHERS];
    char *body = malloc(BYTES);
    memset(body, ' ', BYTES);
    testbed_open_others(t, others, OTHERS);
    for (int i = 0; i < OTHERS; i++) {
        send_text(&others[i], "POST /write HTTP/1.1\r\nHost: t\r\n" TESTBED_AUTH
                              "Content-Length: 20001\r\n\r\n");
        testbed_send(&others[i], body, BYTES);
        testbed_settle(t);
    }
    send_text(t,
              "POST /write HTTP/1.1\r\nHost: t\r\n" TESTBED_AUTH "Content-Length: 20000\r\n\r\n");
    testbed_send(t, body, BYTES);
    testbed_take(t, false);
    testbed_expect_error(t, 503, "busy");
    assert_true(testbed_has_header(t, "Retry-After: 1"));
    // When the others are done there is room again.
    for (int i = 0; i < OTHERS; i++) {
        testbed_send(&others[i], " ", 1);
        testbed_take(&others[i], false);
        testbed_expect_error(&others[i], 400, "invalid");
    }
    testbed_settle(t);
    send_text(t,
              "POST /write HTTP/1.1\r\nHost: t\r\n" TESTBED_AUTH "Content-Length: 20000\r\n\r\n");
    testbed_send(t, body, BYTES);
    testbed_take(t, false);
    testbed_expect_error(t, 400, "invalid");
    free(body);
    testbed_close_others(t, others, OTHERS);
}

static void test_gateway__counts_what_the_host_works_on(void **state)
{
    struct testbed *t = *state;
    enum { OTHERS = 3, BYTES = 20000 };
    struct testbed others[OTHERS];
    char *body = malloc(BYTES + 1);
    memset(body, ' ', BYTES);
    body[BYTES] = 0;
    memcpy(body, "{\"key\":\"a\",\"value\":\"b\"}", 23);
    t->host.holds = true;
    testbed_open_others(t, others, OTHERS);
    for (int i = 0; i < OTHERS; i++) {
        send_text(&others[i], "POST /write HTTP/1.1\r\nHost: t\r\n" TESTBED_AUTH
                              "Content-Length: 20000\r\n\r\n");
        testbed_send(&others[i], body, BYTES);
        testbed_settle(t);
    }
    assert_int_equal(t->host.held_count, OTHERS);
    // Also when those who asked have left.
    testbed_close_others(t, others, OTHERS);
    testbed_ask(t, "POST /write", "", body);
    testbed_expect_error(t, 503, "busy");
    assert_true(testbed_has_header(t, "Retry-After: 1"));
    // What is small gets through.
    t->host.holds = false;
    assert_int_equal(testbed_ask(t, "POST /write", "", "{\"key\":\"a\",\"value\":\"b\"}"), 200);
    fake_host_release(&t->host, &(struct reply){.error = ERR_OK});
    assert_int_equal(testbed_ask(t, "POST /write", "", body), 200);
    free(body);
}

static void test_gateway__drops_answers_that_there_is_no_room_for(void **state)
{
    struct testbed *t = *state;
    enum { BYTES = 50000, OTHERS = 2 };
    struct testbed others[OTHERS];
    char *value = calloc(1, BYTES);
    t->host.holds = true;
    testbed_open_others(t, others, OTHERS);
    for (int i = 0; i < OTHERS; i++) {
        send_text(&others[i], "GET /v1/kv/default/a HTTP/1.1\r\nHost: t\r\n" TESTBED_AUTH "\r\n");
        testbed_settle(t);
    }
    assert_int_equal(t->host.held_count, OTHERS);
    fake_host_release(
        &t->host, &(struct reply){.value = slice_of(value, BYTES), .stamp = stamp_make(1, 1, 1)});
    testbed_take(&others[0], false);
    assert_int_equal(others[0].status, 200);
    assert_int_equal(others[0].body_bytes, BYTES);
    testbed_take(&others[1], false);
    testbed_expect_error(&others[1], 503, "busy");
    assert_true(testbed_has_header(&others[1], "Retry-After: 1"));
    assert_null(strstr(others[1].head, "ETag"));
    testbed_close_others(t, others, OTHERS);
    free(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_gateway__bounds_what_all_hold, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_gateway__counts_what_the_host_works_on, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_gateway__drops_answers_that_there_is_no_room_for,
                                        testbed_setup, testbed_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
