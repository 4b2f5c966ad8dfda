// The command that starts a new node, and the addresses it is given.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/membership.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_membership__knows_an_address(void **state)
{
    (void)state;
    static const char *const good[] = {"host:6000", "10.0.0.7:1", "[::1]:65535", "a-b.example:80",
                                       "127.0.0.1:6003"};
    static const char *const bad[] = {
        "",           "host",   ":6000",      "host:",   "host:0",
        "host:65536", "host:x", "host:60 ",   "ho st:1", "0.0.0.0:6000",
        "[::]:6000",  "a:b:1",  "http://a:1", "host:-1", "h\xc3\xa4:1"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (!membership_is_address(good[i]))
            fail_msg("%s was refused", good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (membership_is_address(bad[i]))
            fail_msg("%s was taken", bad[i]);
    }
    char *longest = calloc(1, 400);
    memset(longest, 'h', 300);
    memcpy(longest + 300, ":1", 2);
    assert_false(membership_is_address(longest));
    free(longest);
}

static void test_membership__quotes_for_a_shell(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"plain-1.0/_:x", "plain-1.0/_:x"},
                                           {"", "''"},
                                           {"two words", "'two words'"},
                                           {"it's", "'it'\\''s'"},
                                           {"$HOME", "'$HOME'"},
                                           {"[::1]:6000", "'[::1]:6000'"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out;
        buf_init(&out, 256);
        membership_quote(&out, cases[i][0]);
        buf_append_u8(&out, 0);
        assert_string_equal((const char *)out.bytes, cases[i][1]);
        buf_release(&out);
    }
}

static struct node_entry entry(uint64_t id, const char *state, const char *http, const char *peer)
{
    struct node_entry entry = {.id = id, .alive = strcmp(state, "up") == 0};
    snprintf(entry.state, sizeof entry.state, "%s", state);
    snprintf(entry.address, sizeof entry.address, "%s", http);
    snprintf(entry.peer_address, sizeof entry.peer_address, "%s", peer);
    return entry;
}

// The word after `option`.
static const char *value_of(const struct join_command *command, const char *option)
{
    for (size_t i = 0; i + 1 < command->count; i++) {
        if (strcmp(command->words[i], option) == 0)
            return command->words[i + 1];
    }
    fail_msg("no %s", option);
    return NULL;
}

static void test_membership__tells_how_to_start_a_node(void **state)
{
    (void)state;
    unsetenv("BRUSIO_DIR");
    struct session *session = calloc(1, sizeof *session);
    struct join_command *command = calloc(1, sizeof *command);
    struct node_entry entries[] = {entry(1, "down", "a:5000", "a:6000"),
                                   entry(2, "up", "b:5000", "b:6000"),
                                   entry(3, "up", "c:5000", "c:6000")};
    struct node_list list = {.count = 3, .entries = entries};
    entries[1].leaving = true;
    struct errmsg detail = {0};
    assert_int_equal(membership_command(command, session, &list, "d:6003", &detail), ERR_OK);
    assert_string_equal(command->words[0], "brusiod");
    assert_string_equal(value_of(command, "--http"), "d:5003");
    assert_string_equal(value_of(command, "--listen"), "d:6003");
    assert_string_equal(value_of(command, "--join"), "c:6000");
    assert_string_equal(value_of(command, "--token-file"), "token");
    assert_string_equal(value_of(command, "--key-file"), "key");
    // A port that there is not, and one that is taken.
    assert_int_equal(membership_command(command, session, &list, "d:900", &detail), ERR_OK);
    assert_string_equal(value_of(command, "--http"), "d:5000");
    snprintf(entries[0].address, sizeof entries[0].address, "d:5003");
    assert_int_equal(membership_command(command, session, &list, "d:6003", &detail), ERR_OK);
    assert_string_equal(value_of(command, "--http"), "d:5000");
    session->options.text[OPTION_TOKEN_FILE] = "/etc/token";
    session->options.given = OPTION_BIT(OPTION_TOKEN_FILE);
    session->options.text[OPTION_DIR] = "/";
    assert_int_equal(membership_command(command, session, &list, "d:6003", &detail), ERR_OK);
    assert_string_equal(value_of(command, "--token-file"), "/etc/token");
    assert_string_equal(value_of(command, "--key-file"), "//key");
    entries[2].alive = false;
    assert_int_equal(membership_command(command, session, &list, "d:6003", &detail),
                     ERR_UNAVAILABLE);
    free(command);
    free(session);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_membership__knows_an_address),
        cmocka_unit_test(test_membership__quotes_for_a_shell),
        cmocka_unit_test(test_membership__tells_how_to_start_a_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
