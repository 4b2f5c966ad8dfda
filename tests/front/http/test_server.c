#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "http_testbed.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

static void send_text(struct testbed *testbed, const char *text)
{
    testbed_send(testbed, text, strlen(text));
}

static void test_server__asks_for_the_token(void **state)
{
    struct testbed *t = *state;
    static const char *const headers[] = {
        "", "Authorization: Bearer sesam\r\n", "Authorization: Bearer sesamesesame\r\n",
        "Authorization: Basic sesame\r\n", "Authorization: Bearer \r\n"};
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "GET /read/a HTTP/1.1\r\nHost: t\r\n%s\r\n", headers[i]);
        send_text(t, text);
        testbed_take(t, false);
        testbed_expect_error(t, 401, "unauthorized");
        assert_true(testbed_has_header(t, "WWW-Authenticate: Bearer realm=\"brusio\""));
    }
    assert_int_equal(t->host.request_count, 0);
    send_text(t, "POST /write HTTP/1.1\r\nHost: t\r\nContent-Length: "
                 "26\r\n\r\n{\"key\":\"a\",\"value\":\"abcd\"}");
    testbed_take(t, false);
    testbed_expect_error(t, 401, "unauthorized");
    assert_int_equal(t->host.request_count, 0);
    // The connection survived all of it.
    assert_int_equal(testbed_ask(t, "GET /nodes", "", NULL), 200);
}

static void test_server__shows_health_without_the_token(void **state)
{
    struct testbed *t = *state;
    send_text(t, "GET /livez HTTP/1.1\r\nHost: t\r\n\r\nGET /readyz HTTP/1.1\r\nHost: t\r\n\r\n");
    testbed_take(t, false);
    assert_int_equal(t->status, 200);
    testbed_take(t, false);
    assert_int_equal(t->status, 200);
    t->host.status.serving = false;
    send_text(t, "GET /readyz HTTP/1.1\r\nHost: t\r\n\r\n");
    testbed_take(t, false);
    testbed_expect_error(t, 503, "unavailable");
    t->host.has_map = false;
    assert_int_equal(testbed_ask(t, "GET /readyz", "", NULL), 503);
    assert_int_equal(testbed_ask(t, "GET /read/a", "", NULL), 503);
    assert_int_equal(testbed_ask(t, "GET /nodes", "", NULL), 503);
    assert_int_equal(testbed_ask(t, "GET /livez", "", NULL), 200);
}

static void test_server__refuses_unknown_paths_and_methods(void **state)
{
    struct testbed *t = *state;
    testbed_ask(t, "GET /nothing", "", NULL);
    testbed_expect_error(t, 404, "not_found");
    testbed_ask(t, "GET /writer", "", NULL);
    testbed_expect_error(t, 404, "not_found");
    testbed_ask(t, "GET /write", "", NULL);
    testbed_expect_error(t, 405, "method_not_allowed");
    assert_true(testbed_has_header(t, "Allow: POST"));
    testbed_ask(t, "BREW /v1/kv/default/a", "", NULL);
    testbed_expect_error(t, 405, "method_not_allowed");
    assert_true(testbed_has_header(t, "Allow: GET, HEAD, PUT, DELETE"));
    testbed_ask(t, "PUT /v1/nodes", "", "x");
    testbed_expect_error(t, 405, "method_not_allowed");
    assert_int_equal(t->host.request_count, 0);
}

static void test_server__answers_later(void **state)
{
    struct testbed *t = *state;
    t->host.holds = true;
    send_text(t, "GET /read/a HTTP/1.1\r\nHost: t\r\n" TESTBED_AUTH "\r\n");
    testbed_settle(t);
    assert_int_equal(t->host.held_count, 1);
    assert_false(http_server_wants_run(t->server));
    fake_host_release(&t->host, &(struct reply){.value = slice_of_text("late")});
    assert_true(http_server_wants_run(t->server));
    testbed_take(t, false);
    assert_int_equal(t->status, 200);
    assert_non_null(strstr(t->body, "\"value\":\"late\""));
    // The same connection goes on, pipelined.
    t->host.holds = false;
    send_text(t, "GET /nodes HTTP/1.1\r\nHost: t\r\n" TESTBED_AUTH "\r\n"
                 "GET /livez HTTP/1.1\r\nHost: t\r\n\r\n");
    testbed_take(t, false);
    testbed_take(t, false);
    assert_string_equal(t->body, "{\"status\":\"alive\"}");
}

static void test_server__gives_up_in_time(void **state)
{
    struct testbed *t = *state;
    t->host.holds = true;
    send_text(t, "GET /read/a HTTP/1.1\r\nHost: t\r\n" TESTBED_AUTH "\r\n");
    testbed_settle(t);
    assert_in_range(http_server_timeout_ms(t->server), 1, 1000);
    t->host.now_us += 999999;
    testbed_settle(t);
    assert_int_equal(http_server_timeout_ms(t->server), 1);
    t->host.now_us += 1;
    assert_int_equal(http_server_timeout_ms(t->server), 0);
    http_server_run(t->server);
    testbed_take(t, false);
    testbed_expect_error(t, 504, "timeout");
    // The host's reply comes after all, to nobody.
    fake_host_release(&t->host, &(struct reply){.error = ERR_OK});

    send_text(t, "DELETE /delete/a HTTP/1.1\r\nHost: t\r\n" TESTBED_AUTH "\r\n");
    testbed_settle(t);
    t->host.now_us += 1000000;
    http_server_run(t->server);
    testbed_take(t, false);
    testbed_expect_error(t, 504, "outcome_unknown");

    // A change has more time.
    send_text(t,
              "POST /recover/3 HTTP/1.1\r\nHost: t\r\n" TESTBED_AUTH "Content-Length: 0\r\n\r\n");
    testbed_settle(t);
    t->host.now_us += 4000000;
    testbed_settle(t);
    assert_int_equal(t->host.held_count, 2);
    fake_host_release(&t->host, &(struct reply){.error = ERR_OK});
    testbed_take(t, false);
    assert_int_equal(t->status, 200);
}

static void test_server__answers_who_waits_at_the_end(void **state)
{
    struct testbed *t = *state;
    t->host.holds = true;
    send_text(t, "DELETE /delete/a HTTP/1.1\r\nHost: t\r\n" TESTBED_AUTH "\r\n");
    testbed_settle(t);
    http_server_close(t->server);
    t->server = NULL;
    testbed_take(t, false);
    testbed_expect_error(t, 504, "outcome_unknown");
    // The host may answer after the server is gone.
    fake_host_release(&t->host, &(struct reply){.error = ERR_OK});
}

static void test_server__survives_clients_that_leave(void **state)
{
    struct testbed *t = *state;
    t->host.holds = true;
    send_text(t, "DELETE /delete/a HTTP/1.1\r\nHost: t\r\n" TESTBED_AUTH "\r\n");
    testbed_settle(t);
    assert_int_equal(t->host.held_count, 1);
    testbed_connect(t);
    testbed_settle(t);
    fake_host_release(&t->host, &(struct reply){.existed = true});
    send_text(t, "POST /write HTTP/1.1\r\nHost: t\r\n" TESTBED_AUTH "Content-Length: 100\r\n\r\n{");
    testbed_settle(t);
    testbed_connect(t);
    testbed_settle(t);
    t->host.holds = false;
    assert_int_equal(testbed_ask(t, "GET /nodes", "", NULL), 200);
}

static void put_large(struct testbed *t, size_t bytes, const char *header, bool chunked)
{
    char head[256];
    if (chunked)
        snprintf(head, sizeof head, "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", bytes);
    else
        snprintf(head, sizeof head, "Content-Length: %zu\r\n\r\n", bytes);
    send_text(t, "PUT /v1/kv/default/a HTTP/1.1\r\nHost: t\r\n" TESTBED_AUTH);
    send_text(t, header);
    send_text(t, head);
    char *body = calloc(1, bytes);
    testbed_send(t, body, bytes);
    free(body);
    if (chunked)
        send_text(t, "\r\n0\r\n\r\n");
    testbed_take(t, false);
}

static void test_server__bounds_bodies(void **state)
{
    struct testbed *t = *state;
    put_large(t, 1000, "", false);
    assert_int_equal(t->status, 201);
    put_large(t, 1000, "Expect: 100-continue\r\n", true);
    assert_int_equal(t->status, 204);
    unsigned before = t->host.request_count;
    put_large(t, 1001, "", false);
    testbed_expect_error(t, 413, "too_large");
    assert_true(testbed_has_header(t, "Connection: close"));
    testbed_connect(t);
    put_large(t, 5000000, "", false);
    testbed_expect_error(t, 413, "too_large");
    testbed_connect(t);
    put_large(t, 300000, "", true);
    testbed_expect_error(t, 413, "too_large");
    testbed_connect(t);
    // One that waits for leave gets the answer instead.
    send_text(t, "PUT /v1/kv/default/a HTTP/1.1\r\nHost: t\r\n" TESTBED_AUTH
                 "Content-Length: 1001\r\nExpect: 100-continue\r\n\r\n");
    testbed_take(t, false);
    testbed_expect_error(t, 413, "too_large");
    assert_int_equal(t->host.request_count, before);
    // A body that is of no use is read and forgotten.
    testbed_connect(t);
    assert_int_equal(testbed_ask(t, "GET /v1/kv/default/a", "", "useless"), 200);
    assert_int_equal(testbed_ask(t, "DELETE /v1/kv/default/a", "", "useless"), 204);
}

static void test_server__turns_away_who_is_too_many(void **state)
{
    struct testbed *t = *state;
    enum { OTHERS = TESTBED_CONNECTIONS_MAX };
    struct testbed others[OTHERS];
    // All are busy, with one more than there may be.
    t->host.holds = true;
    testbed_open_others(t, others, OTHERS);
    for (int i = 0; i < OTHERS; i++)
        send_text(&others[i], "GET /read/a HTTP/1.1\r\nHost: t\r\n" TESTBED_AUTH "\r\n");
    testbed_settle(t);
    assert_int_equal(t->host.held_count, OTHERS);
    // The testbed's own connection has said nothing all the while, and now is too late.
    unsigned before = t->host.request_count;
    testbed_ask(t, "DELETE /delete/a", "", NULL);
    testbed_expect_error(t, 503, "busy");
    assert_true(testbed_has_header(t, "Retry-After: 1"));
    testbed_settle(t);
    assert_int_equal(t->host.request_count, before);
    testbed_connect(t);
    testbed_take(t, false);
    testbed_expect_error(t, 503, "busy");
    // With them gone there is room.
    fake_host_release(&t->host, &(struct reply){.value = slice_of_text("late")});
    t->host.holds = false;
    for (int i = 0; i < OTHERS; i++) {
        testbed_take(&others[i], false);
        assert_int_equal(others[i].status, 200);
    }
    testbed_settle(t);
    testbed_connect(t);
    assert_int_equal(testbed_ask(t, "GET /nodes", "", NULL), 200);
    testbed_close_others(t, others, OTHERS);
}

static void expect_cut(struct testbed *t, uint64_t after_us)
{
    t->host.now_us += after_us;
    testbed_settle(t);
    http_server_run(t->server);
    testbed_settle(t);
    char byte;
    assert_int_equal(recv(t->fd, &byte, 1, 0), 0);
    testbed_connect(t);
}

static void test_server__cuts_slow_requests(void **state)
{
    struct testbed *t = *state;
    testbed_settle(t);
    assert_in_range(http_server_timeout_ms(t->server), 1, 10000);
    expect_cut(t, 10000000);
    send_text(t, "GET /read/a HTTP/1.1\r\nHost: t\r\nA: ");
    testbed_settle(t);
    expect_cut(t, 10000000);
    send_text(t, "PUT /v1/kv/default/a HTTP/1.1\r\nHost: t\r\n" TESTBED_AUTH
                 "Content-Length: 10\r\n\r\n12345");
    testbed_settle(t);
    expect_cut(t, 10000000);
    assert_int_equal(t->host.request_count, 0);
    // One that was answered may be idle for longer.
    assert_int_equal(testbed_ask(t, "GET /nodes", "", NULL), 200);
    t->host.now_us += 59000000;
    testbed_settle(t);
    http_server_run(t->server);
    assert_int_equal(testbed_ask(t, "GET /nodes", "", NULL), 200);
    expect_cut(t, 60000000);
}

static void test_server__lets_go_of_what_is_sent(void **state)
{
    struct testbed *t = *state;
    put_large(t, 1000, "", false);
    // Together far more than may be held at once.
    for (int i = 0; i < 100; i++)
        assert_int_equal(testbed_ask(t, "GET /v1/kv/default/a", "", NULL), 200);
    for (int i = 0; i < 100; i++)
        put_large(t, 1000, "", false);
    assert_int_equal(t->status, 204);
}

static void test_server__hangs_up_on_endless_bodies(void **state)
{
    struct testbed *t = *state;
    enum { PIECE = 1 << 20 };
    char *piece = calloc(1, PIECE);
    send_text(t, "PUT /v1/kv/default/a HTTP/1.1\r\nHost: t\r\n" TESTBED_AUTH
                 "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 80 && !t->closed; i++) {
        send_text(t, "100000\r\n");
        testbed_send(t, piece, PIECE);
        send_text(t, "\r\n");
    }
    free(piece);
    assert_true(t->closed);
    assert_int_equal(t->host.request_count, 0);
}

static void test_server__refuses_bad_config(void **state)
{
    struct testbed *t = *state;
    struct http_server *server = NULL;
    struct errmsg detail;
    struct http_server_config config = {
        .listen_address = "127.0.0.1:0", .token = "", .host = &t->host};
    assert_int_equal(http_server_open(&config, &server, &detail), ERR_INVALID);
    config.token = "x";
    config.listen_address = "127.0.0.1";
    assert_int_equal(http_server_open(&config, &server, &detail), ERR_INVALID);
    char taken[32];
    snprintf(taken, sizeof taken, "127.0.0.1:%u", http_server_port(t->server));
    config.listen_address = taken;
    assert_int_equal(http_server_open(&config, &server, &detail), ERR_NETWORK);
    assert_null(server);
    assert_non_null(strstr(detail.text, taken));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_server__asks_for_the_token, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_server__shows_health_without_the_token, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_server__refuses_unknown_paths_and_methods,
                                        testbed_setup, testbed_teardown),
        cmocka_unit_test_setup_teardown(test_server__answers_later, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_server__gives_up_in_time, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_server__answers_who_waits_at_the_end, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_server__survives_clients_that_leave, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_server__bounds_bodies, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_server__turns_away_who_is_too_many, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_server__cuts_slow_requests, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_server__lets_go_of_what_is_sent, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_server__hangs_up_on_endless_bodies, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_server__refuses_bad_config, testbed_setup,
                                        testbed_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
