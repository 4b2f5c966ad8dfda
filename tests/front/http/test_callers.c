#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "front/http/callers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SERVED_MAX = 4, CALLERS_MADE_MAX = 600, SECOND_US = 1000000, IDLE_S = 60 };

struct fixture {
    struct callers callers;
    uint64_t now_us;
    struct caller *made[CALLERS_MADE_MAX];
    int ends[CALLERS_MADE_MAX]; // of the clients
    unsigned count;
};

static uint64_t read_now(void *self)
{
    const struct fixture *fixture = self;
    return fixture->now_us;
}

static const struct clock_ops clock_ops = {.now_us = read_now};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture->now_us = 7;
    callers_init(&fixture->callers, (struct clock){.ops = &clock_ops, .self = fixture}, SERVED_MAX,
                 IDLE_S * 1000);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    for (unsigned i = 0; i < fixture->count; i++) {
        close(fixture->made[i]->socket);
        close(fixture->ends[i]);
        caller_end(fixture->made[i]);
    }
    free(fixture);
    return 0;
}

static void pass(struct fixture *fixture, uint64_t us)
{
    fixture->now_us += us;
    callers_expire(&fixture->callers);
}

// One more comes, a millisecond after the one before.
static struct caller *come(struct fixture *fixture)
{
    int pair[2];
    assert_true(fixture->count < CALLERS_MADE_MAX);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    pass(fixture, 1000);
    fixture->ends[fixture->count] = pair[1];
    fixture->made[fixture->count] = caller_new(&fixture->callers, pair[0]);
    return fixture->made[fixture->count++];
}

static struct caller *come_to(struct fixture *fixture, enum caller_state state)
{
    struct caller *caller = come(fixture);
    caller_enter(caller, state);
    return caller;
}

// What a client has been sent; its end is marked.
static const char *heard(const struct fixture *fixture, unsigned client)
{
    static char text[1024];
    ssize_t length = recv(fixture->ends[client], text, sizeof text - 5, MSG_DONTWAIT);
    if (length < 0)
        return "";
    char byte;
    bool ended = length == 0 || recv(fixture->ends[client], &byte, 1, MSG_DONTWAIT) == 0;
    memcpy(text + length, ended ? "END" : "", ended ? sizeof "END" : 1);
    return text;
}

static void expect_refusal(const struct fixture *fixture, unsigned client)
{
    const char *text = heard(fixture, client);
    const char *body = strstr(text, "\r\n\r\n");
    assert_int_equal(strncmp(text, "HTTP/1.1 503 ", 13), 0);
    assert_non_null(strstr(text, "\r\nRetry-After: 1\r\n"));
    assert_non_null(strstr(text, "\r\nConnection: close\r\n"));
    assert_non_null(body);
    const char *length = strstr(text, "Content-Length: ");
    assert_non_null(length);
    assert_int_equal(strtoul(length + 16, NULL, 10) + strlen("END"), strlen(body + 4));
    assert_int_equal(strncmp(body + 4, "{\"error\":\"busy\",\"message\":", 25), 0);
    assert_string_equal(body + strlen(body) - 5, "\"}END");
}

static void test_callers__turn_away_who_is_silent_for_the_longest(void **state)
{
    struct fixture *f = *state;
    struct caller *working = come_to(f, CALLER_WORKING);
    struct caller *idle = come_to(f, CALLER_IDLE);
    struct caller *silent = come(f);
    struct caller *asking = come_to(f, CALLER_RECEIVING);
    assert_false(caller_is_refused(idle));
    struct caller *newcomer = come(f);
    assert_true(caller_is_refused(idle));
    expect_refusal(f, 1);
    struct caller *another = come(f);
    assert_true(caller_is_refused(silent));
    expect_refusal(f, 2);
    assert_false(caller_is_refused(working) || caller_is_refused(asking));
    assert_false(caller_is_refused(newcomer) || caller_is_refused(another));
    // Whatever it sends now changes nothing.
    caller_enter(idle, CALLER_RECEIVING);
    caller_enter(idle, CALLER_IDLE);
    assert_true(caller_is_refused(idle));
}

static void test_callers__turn_the_newcomer_away_when_all_are_busy(void **state)
{
    struct fixture *f = *state;
    come_to(f, CALLER_WORKING);
    come_to(f, CALLER_WORKING);
    come_to(f, CALLER_SENDING);
    come_to(f, CALLER_RECEIVING);
    assert_true(caller_is_refused(come(f)));
    expect_refusal(f, 4);
    for (unsigned i = 0; i < SERVED_MAX; i++)
        assert_false(caller_is_refused(f->made[i]));
    // When one has ended there is room.
    caller_enter(f->made[0], CALLER_SENDING);
    caller_enter(f->made[0], CALLER_IDLE);
    assert_false(caller_is_refused(come(f)));
    expect_refusal(f, 0);
}

static void test_callers__let_the_slow_give_way(void **state)
{
    struct fixture *f = *state;
    come_to(f, CALLER_WORKING);
    come_to(f, CALLER_SENDING);
    come_to(f, CALLER_RECEIVING);
    come_to(f, CALLER_WORKING);
    pass(f, 2 * SECOND_US);
    caller_received(f->made[2], 1 << 20);
    assert_false(caller_is_refused(come(f)));
    assert_int_equal(f->made[1]->state, CALLER_CUT);
    assert_string_equal(heard(f, 1), "END");
    // The other one gets on.
    assert_int_equal(f->made[2]->state, CALLER_RECEIVING);
    callers_relieve(&f->callers);
    assert_int_equal(f->made[2]->state, CALLER_RECEIVING);
    pass(f, 2 * SECOND_US);
    callers_relieve(&f->callers);
    assert_int_equal(f->made[2]->state, CALLER_CUT);
    callers_relieve(&f->callers);
}

static void test_callers__cut_who_makes_no_progress(void **state)
{
    static const struct {
        enum caller_state state;
        unsigned seconds;
    } cases[] = {{CALLER_NEW, 10},
                 {CALLER_IDLE, IDLE_S},
                 {CALLER_RECEIVING, 10},
                 // A first look, and a second one.
                 {CALLER_SENDING, 5}};
    struct fixture *f = *state;
    assert_int_equal(callers_expiry_ms(&f->callers), UINT64_MAX);
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        come_to(f, cases[i].state);
        f->now_us -= 1000;
        assert_int_equal(callers_expiry_ms(&f->callers), cases[i].seconds * 1000 + 1);
        f->now_us += 1000;
        if (cases[i].state == CALLER_SENDING)
            pass(f, cases[i].seconds * (uint64_t)SECOND_US);
        pass(f, cases[i].seconds * (uint64_t)SECOND_US - 1);
        assert_int_equal(f->made[i]->state, cases[i].state);
        assert_int_equal(callers_expiry_ms(&f->callers), 1);
        pass(f, 1);
        assert_int_equal(f->made[i]->state, CALLER_CUT);
        assert_string_equal(heard(f, i), "END");
        assert_int_equal(callers_expiry_ms(&f->callers), UINT64_MAX);
    }
    // Who waits for this node is not to blame.
    come_to(f, CALLER_WORKING);
    pass(f, 1000 * (uint64_t)SECOND_US);
    assert_int_equal(f->made[f->count - 1]->state, CALLER_WORKING);
}

static void test_callers__let_bodies_take_time_that_get_on(void **state)
{
    struct fixture *f = *state;
    struct caller *caller = come_to(f, CALLER_RECEIVING);
    uint64_t bytes = 0;
    for (int i = 0; i < 10; i++) {
        pass(f, 9 * SECOND_US);
        bytes += 64 << 10;
        caller_received(caller, bytes);
    }
    assert_int_equal(caller->state, CALLER_RECEIVING);
    // A few bytes now and then are not enough.
    for (int i = 0; i < 10; i++) {
        pass(f, SECOND_US);
        caller_received(caller, ++bytes);
    }
    assert_int_equal(caller->state, CALLER_CUT);
}

static void test_callers__bound_who_was_turned_away(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < SERVED_MAX; i++)
        come_to(f, CALLER_WORKING);
    for (unsigned i = 0; i < CALLERS_TURNED_AWAY_MAX; i++)
        come(f);
    struct caller *first = f->made[SERVED_MAX];
    assert_int_equal(first->state, CALLER_TURNED_AWAY);
    come(f);
    assert_int_equal(first->state, CALLER_CUT);
    assert_int_equal(f->callers.counts[CALLER_TURNED_AWAY], CALLERS_TURNED_AWAY_MAX);
    expect_refusal(f, SERVED_MAX);
    pass(f, SECOND_US);
    assert_int_equal(f->callers.counts[CALLER_TURNED_AWAY], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_callers__turn_away_who_is_silent_for_the_longest,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_callers__turn_the_newcomer_away_when_all_are_busy,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_callers__let_the_slow_give_way, setup, teardown),
        cmocka_unit_test_setup_teardown(test_callers__cut_who_makes_no_progress, setup, teardown),
        cmocka_unit_test_setup_teardown(test_callers__let_bodies_take_time_that_get_on, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_callers__bound_who_was_turned_away, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
