#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "http_testbed.h"

#include "base/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PATIENCE_MS = 10000 };

void testbed_connect(struct testbed *testbed)
{
    if (testbed->fd >= 0)
        close(testbed->fd);
    testbed->closed = false;
    testbed->ended = false;
    buf_clear(&testbed->in);
    testbed->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in place = {.sin_family = AF_INET,
                                .sin_port = htons(http_server_port(testbed->server)),
                                .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    assert_int_equal(connect(testbed->fd, (struct sockaddr *)&place, sizeof place), 0);
    assert_int_equal(fcntl(testbed->fd, F_SETFL, O_NONBLOCK), 0);
}

void testbed_open(struct testbed *testbed)
{
    *testbed = (struct testbed){.fd = -1};
    fake_host_init(&testbed->host);
    buf_init(&testbed->in, 16u << 20);
    struct http_server_config config = {.listen_address = "127.0.0.1:0",
                                        .token = TESTBED_TOKEN,
                                        .host = &testbed->host,
                                        .clock = fake_host_clock(&testbed->host),
                                        .request_timeout_ms = 1000,
                                        .change_timeout_ms = 5000,
                                        .connections_max = TESTBED_CONNECTIONS_MAX,
                                        .value_bytes_max = 1000,
                                        .held_bytes_max = 64 << 10,
                                        .intake_bytes_max = 64 << 10};
    struct errmsg detail;
    assert_int_equal(http_server_open(&config, &testbed->server, &detail), ERR_OK);
    testbed_connect(testbed);
}

void testbed_close(struct testbed *testbed)
{
    http_server_close(testbed->server);
    close(testbed->fd);
    buf_release(&testbed->in);
    free(testbed->body);
    fake_host_clear(&testbed->host);
}

int testbed_setup(void **state)
{
    struct testbed *testbed = memory_new(sizeof *testbed);
    testbed_open(testbed);
    *state = testbed;
    return 0;
}

int testbed_teardown(void **state)
{
    testbed_close(*state);
    free(*state);
    return 0;
}

static void wait_and_run(struct testbed *testbed, short events)
{
    struct pollfd fds[2] = {{.fd = http_server_fd(testbed->server), .events = POLLIN},
                            {.fd = testbed->fd, .events = events}};
    int timeout_ms = http_server_wants_run(testbed->server) ? 0 : PATIENCE_MS;
    int ready = poll(fds, 2, timeout_ms);
    assert_true(ready > 0 || timeout_ms == 0);
    http_server_run(testbed->server);
}

void testbed_settle(struct testbed *testbed)
{
    struct pollfd fd = {.fd = http_server_fd(testbed->server), .events = POLLIN};
    while (http_server_wants_run(testbed->server) || poll(&fd, 1, 20) > 0)
        http_server_run(testbed->server);
}

void testbed_send(struct testbed *testbed, const void *bytes, size_t length)
{
    size_t sent = 0;
    while (sent < length) {
        ssize_t count = send(testbed->fd, (const char *)bytes + sent, length - sent, MSG_NOSIGNAL);
        if (count > 0)
            sent += (size_t)count;
        else if (count < 0 && errno != EAGAIN)
            break; // The server has closed early; its answer can still be read.
        else
            wait_and_run(testbed, POLLOUT);
    }
    testbed->closed = sent < length;
}

static void receive(struct testbed *testbed)
{
    uint8_t bytes[65536];
    ssize_t count = recv(testbed->fd, bytes, sizeof bytes, 0);
    if (count > 0)
        buf_append(&testbed->in, bytes, (size_t)count);
    else if (count == 0 || errno != EAGAIN)
        testbed->ended = true;
    else
        wait_and_run(testbed, POLLIN);
}

static size_t content_length(const char *head)
{
    const char *line = strcasestr(head, "\r\ncontent-length:");
    return line == NULL ? 0 : strtoul(line + 17, NULL, 10);
}

void testbed_take(struct testbed *testbed, bool without_body)
{
    const uint8_t *end = NULL;
    while (end == NULL) {
        if (testbed->in.length > 0)
            end = memmem(testbed->in.bytes, testbed->in.length, "\r\n\r\n", 4);
        if (end == NULL) {
            assert_false(testbed->ended);
            receive(testbed);
        }
    }
    size_t head_bytes = (size_t)(end - testbed->in.bytes) + 2;
    assert_true(head_bytes < sizeof testbed->head);
    memcpy(testbed->head, testbed->in.bytes, head_bytes);
    testbed->head[head_bytes] = 0;
    assert_memory_equal(testbed->head, "HTTP/1.1 ", 9);
    testbed->status = (unsigned)strtoul(testbed->head + 9, NULL, 10);
    if (testbed->status == 100) {
        buf_consume(&testbed->in, head_bytes + 2);
        testbed_take(testbed, without_body);
        return;
    }
    testbed->body_bytes = without_body ? 0 : content_length(testbed->head);
    while (testbed->in.length < head_bytes + 2 + testbed->body_bytes) {
        assert_false(testbed->ended);
        receive(testbed);
    }
    free(testbed->body);
    testbed->body = memory_zeroed(1, testbed->body_bytes + 1);
    memcpy(testbed->body, testbed->in.bytes + head_bytes + 2, testbed->body_bytes);
    buf_consume(&testbed->in, head_bytes + 2 + testbed->body_bytes);
}

unsigned testbed_ask(struct testbed *testbed, const char *target, const char *headers,
                     const char *body)
{
    struct buf out;
    buf_init(&out, 1u << 20);
    const char *const parts[] = {target, " HTTP/1.1\r\nHost: test\r\n" TESTBED_AUTH, headers};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        buf_append_slice(&out, slice_of_text(parts[i]));
    if (body != NULL)
        buf_append_format(&out, "Content-Length: %zu\r\n", strlen(body));
    buf_append_slice(&out, slice_of_text("\r\n"));
    buf_append_slice(&out, slice_of_text(body == NULL ? "" : body));
    testbed_send(testbed, out.bytes, out.length);
    buf_release(&out);
    testbed_take(testbed, strncmp(target, "HEAD ", 5) == 0);
    return testbed->status;
}

bool testbed_has_header(const struct testbed *testbed, const char *line)
{
    char wanted[256];
    snprintf(wanted, sizeof wanted, "\r\n%s\r\n", line);
    return strstr(testbed->head, wanted) != NULL;
}

void testbed_expect_error(const struct testbed *testbed, unsigned status, const char *name)
{
    json_t *json = json_loadb(testbed->body, testbed->body_bytes, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    const char *error = json_string_value(json_object_get(json, "error"));
    const char *message = json_string_value(json_object_get(json, "message"));
    assert_non_null(error);
    assert_non_null(message);
    if (testbed->status != status)
        print_error("%u %s\n", testbed->status, testbed->body);
    assert_int_equal(testbed->status, status);
    assert_string_equal(error, name);
    assert_true(strlen(message) > 10);
    json_decref(json);
}

void testbed_open_others(struct testbed *t, struct testbed *others, int count)
{
    for (int i = 0; i < count; i++) {
        others[i] = (struct testbed){.server = t->server, .fd = -1};
        buf_init(&others[i].in, 1 << 20);
        testbed_connect(&others[i]);
    }
}

void testbed_close_others(struct testbed *t, struct testbed *others, int count)
{
    for (int i = 0; i < count; i++) {
        close(others[i].fd);
        free(others[i].body);
        buf_release(&others[i].in);
    }
    testbed_settle(t);
}
