#include "adapter/net_address.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void test_net_address__parses_host_and_port(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *host; // NULL: not an address
        uint16_t port;
    } rows[] = {
        {"127.0.0.1:0", "127.0.0.1", 0},
        {"node-1.example:65535", "node-1.example", 65535},
        {"[::1]:5100", "::1", 5100},
        {"[10.0.0.1]:1", "10.0.0.1", 1},
        {"", NULL, 0},
        {":5100", NULL, 0},
        {"host", NULL, 0},
        {"host:", NULL, 0},
        {"host:65536", NULL, 0},
        {"host:123456", NULL, 0},
        {"host:+1", NULL, 0},
        {"host:1 ", NULL, 0},
        {"::1:5100", NULL, 0},
        {"[::1]", NULL, 0},
        {"[::1]5100", NULL, 0},
        {"[::1", NULL, 0},
        {"[]:1", NULL, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct net_address address;
        enum err e = net_address_parse(rows[i].text, &address);
        assert_int_equal(e, rows[i].host != NULL ? ERR_OK : ERR_INVALID);
        if (e == ERR_OK) {
            assert_string_equal(address.host, rows[i].host);
            assert_int_equal(address.port, rows[i].port);
        }
    }
}

static void test_net_address__bounds_the_host(void **state)
{
    (void)state;
    struct net_address address;
    char text[NET_HOST_BYTES_MAX + 16];
    memset(text, 'h', sizeof text);
    snprintf(text + NET_HOST_BYTES_MAX, 8, ":1");
    assert_int_equal(net_address_parse(text, &address), ERR_OK);
    memset(text, 'h', sizeof text);
    snprintf(text + NET_HOST_BYTES_MAX + 1, 8, ":1");
    assert_int_equal(net_address_parse(text, &address), ERR_INVALID);
}

static void test_net_address__knows_literals(void **state)
{
    (void)state;
    struct sockaddr_storage out;
    char text[NET_ADDRESS_TEXT_BYTES];
    struct net_address v4 = {.host = "10.1.2.3", .port = 80};
    struct net_address v6 = {.host = "2001:db8::7", .port = 81};
    struct net_address name = {.host = "localhost", .port = 82};
    assert_true(net_address_is_literal(&v4, &out));
    net_address_format((const struct sockaddr *)&out, text);
    assert_string_equal(text, "10.1.2.3:80");
    assert_true(net_address_is_literal(&v6, &out));
    net_address_format((const struct sockaddr *)&out, text);
    assert_string_equal(text, "[2001:db8::7]:81");
    assert_false(net_address_is_literal(&name, &out));
}

static void expect_wildcard(const char *text, bool wanted)
{
    struct net_address address;
    assert_int_equal(net_address_parse(text, &address), ERR_OK);
    assert_int_equal(net_address_is_wildcard(&address), wanted);
}

static void test_net_address__knows_what_stands_for_every_address(void **state)
{
    (void)state;
    expect_wildcard("0.0.0.0:5100", true);
    expect_wildcard("[::]:5100", true);
    expect_wildcard("[0:0::0]:5100", true);
    expect_wildcard("127.0.0.1:5100", false);
    expect_wildcard("0.0.0.1:5100", false);
    expect_wildcard("[::1]:5100", false);
    expect_wildcard("localhost:5100", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_net_address__parses_host_and_port),
        cmocka_unit_test(test_net_address__bounds_the_host),
        cmocka_unit_test(test_net_address__knows_literals),
        cmocka_unit_test(test_net_address__knows_what_stands_for_every_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
