#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "front/http/listener.h"

#include <stdio.h>
#include <unistd.h>

static void test_listener__picks_a_free_port(void **state)
{
    (void)state;
    static const char *const addresses[] = {"127.0.0.1:0", "localhost:0", ":0"};
    for (size_t i = 0; i < sizeof addresses / sizeof addresses[0]; i++) {
        int fd = -1;
        uint16_t port = 0;
        struct errmsg detail;
        assert_int_equal(listener_open(addresses[i], &fd, &port, &detail), ERR_OK);
        assert_true(fd >= 0);
        assert_int_not_equal(port, 0);
        char again[32];
        snprintf(again, sizeof again, "127.0.0.1:%u", port);
        int second = -1;
        if (addresses[i][0] == '1')
            assert_int_equal(listener_open(again, &second, &port, &detail), ERR_NETWORK);
        assert_int_equal(second, -1);
        close(fd);
    }
}

static void test_listener__refuses_other_texts(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "127.0.0.1", "127.0.0.1:", "5000"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int fd = -1;
        uint16_t port = 0;
        struct errmsg detail;
        assert_int_equal(listener_open(texts[i], &fd, &port, &detail), ERR_INVALID);
        assert_int_equal(fd, -1);
    }
    int fd = -1;
    uint16_t port = 0;
    struct errmsg detail;
    assert_int_equal(listener_open("127.0.0.1:http", &fd, &port, &detail), ERR_NETWORK);
    assert_int_equal(listener_open("127.0.0.1:99999x", &fd, &port, &detail), ERR_NETWORK);
    assert_int_equal(fd, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listener__picks_a_free_port),
        cmocka_unit_test(test_listener__refuses_other_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
