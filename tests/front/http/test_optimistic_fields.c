#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "http_testbed.h"

#include <stdio.h>

static const char CREATE[] = "POST /v1/keyspaces";

static void test_optimistic_fields__have_defaults(void **state)
{
    struct testbed *t = *state;
    const struct change *change = &t->host.last.change;
    assert_int_equal(testbed_ask(t, CREATE, "", "{\"name\":\"log/one\",\"mode\":\"optimistic\"}"),
                     201);
    assert_non_null(strstr(t->body, "\"name\":\"log/one\""));
    assert_int_equal(change->kind, CHANGE_OPTIMISTIC_CREATE);
    struct optimistic wanted = optimistic_default();
    snprintf(wanted.name, sizeof wanted.name, "log/one");
    wanted.secret = change->optimistic.secret;
    struct buf bytes[2];
    for (int i = 0; i < 2; i++) {
        buf_init(&bytes[i], 1024);
        optimistic_encode(&bytes[i], i == 0 ? &wanted : &change->optimistic);
    }
    assert_true(slice_equal(buf_slice(&bytes[0]), buf_slice(&bytes[1])));
    buf_release(&bytes[0]);
    buf_release(&bytes[1]);
    assert_true(optimistic_is_valid(&change->optimistic));
}

static void test_optimistic_fields__draw_a_secret(void **state)
{
    struct testbed *t = *state;
    uint64_t secrets[2];
    for (int i = 0; i < 2; i++) {
        testbed_ask(t, CREATE, "", "{\"name\":\"log\",\"mode\":\"optimistic\"}");
        secrets[i] = t->host.last.change.optimistic.secret;
    }
    assert_int_not_equal(secrets[0], 0);
    assert_int_not_equal(secrets[0], secrets[1]);
}

static void test_optimistic_fields__are_taken(void **state)
{
    struct testbed *t = *state;
    const struct optimistic *made = &t->host.last.change.optimistic;
    assert_int_equal(
        testbed_ask(t, CREATE, "",
                    "{\"name\":\"a\",\"mode\":\"optimistic\",\"family\":true,\"signed\":true,"
                    "\"rumor_k\":64,\"rumor_ms\":20,\"anti_entropy_ms\":30,\"audit_ms\":40,"
                    "\"retention_ms\":316224000000,\"stability_ms\":50}"),
        201);
    assert_true(made->is_family);
    assert_true(made->is_signed);
    assert_int_equal(made->rumor_k, OPTIMISTIC_RUMOR_K_MAX);
    assert_int_equal(made->rumor_ms, OPTIMISTIC_MS_MIN);
    assert_int_equal(made->anti_entropy_ms, 30);
    assert_int_equal(made->audit_ms, 40);
    assert_int_equal(made->retention_ms, OPTIMISTIC_MS_MAX);
    assert_int_equal(made->stability_ms, 50);
}

static void test_optimistic_fields__are_refused(void **state)
{
    struct testbed *t = *state;
    static const char *const bad[][2] = {
        {"{\"name\":\"a\",\"mode\":\"eventual\"}", "strong or optimistic"},
        {"{\"name\":\"a\",\"mode\":1}", "mode"},
        {"{\"mode\":\"optimistic\"}", "name"},
        {"{\"name\":\"A\",\"mode\":\"optimistic\"}", "name"},
        {"{\"name\":\"a\",\"mode\":\"optimistic\",\"min_in_sync\":1}", "for strong keyspaces"},
        {"{\"name\":\"a\",\"mode\":\"optimistic\",\"strategy\":\"full\"}", "for strong keyspaces"},
        {"{\"name\":\"a\",\"mode\":\"optimistic\",\"replication_factor\":1}",
         "for strong keyspaces"},
        {"{\"name\":\"a\",\"mode\":\"optimistic\",\"secret\":1}", "no field \\\"secret"},
        {"{\"name\":\"a\",\"mode\":\"optimistic\",\"family\":1}", "true or false"},
        {"{\"name\":\"a\",\"mode\":\"optimistic\",\"signed\":\"yes\"}", "true or false"},
        {"{\"name\":\"a\",\"mode\":\"optimistic\",\"rumor_k\":0}", "from 1 to 64"},
        {"{\"name\":\"a\",\"mode\":\"optimistic\",\"rumor_k\":65}", "from 1 to 64"},
        {"{\"name\":\"a\",\"mode\":\"optimistic\",\"rumor_ms\":19}", "from 20 to 316224000000"},
        {"{\"name\":\"a\",\"mode\":\"optimistic\",\"audit_ms\":316224000001}", "from 20"},
        {"{\"name\":\"a\",\"mode\":\"optimistic\",\"retention_ms\":\"7d\"}", "an integer"},
        {"{\"name\":\"a\",\"mode\":\"optimistic\",\"stability_ms\":1e3}", "an integer"},
        {"{\"name\":\"a\",\"mode\":\"optimistic\",\"anti_entropy_ms\":-1}", "from 20"},
        {"{\"name\":\"a\",\"family\":false}", "for optimistic keyspaces"},
        {"{\"name\":\"a\",\"mode\":\"strong\",\"rumor_k\":4}", "for optimistic keyspaces"},
        {"{\"name\":\"a\",\"retention_ms\":1000}", "for optimistic keyspaces"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        testbed_ask(t, CREATE, "", bad[i][0]);
        testbed_expect_error(t, 400, "invalid");
        if (strstr(t->body, bad[i][1]) == NULL)
            fail_msg("%s does not say %s", t->body, bad[i][1]);
    }
    assert_int_equal(t->host.request_count, 0);
}

static void test_optimistic_fields__need_a_free_name(void **state)
{
    struct testbed *t = *state;
    static const char *const taken[] = {
        "{\"name\":\"diary\",\"mode\":\"optimistic\"}", "{\"name\":\"diary\"}",
        "{\"name\":\"default\",\"mode\":\"optimistic\"}",
        // It would hide a channel of the family `team`.
        "{\"name\":\"team/other\",\"mode\":\"optimistic\"}", "{\"name\":\"team/other\"}"};
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        testbed_ask(t, CREATE, "", taken[i]);
        testbed_expect_error(t, 409, "exists");
    }
    assert_int_equal(t->host.request_count, 0);
    assert_int_equal(testbed_ask(t, CREATE, "", "{\"name\":\"teams\"}"), 201);
    assert_int_equal(testbed_ask(t, CREATE, "", "{\"name\":\"diary/one\"}"), 201);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_optimistic_fields__have_defaults, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_optimistic_fields__draw_a_secret, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_optimistic_fields__are_taken, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_optimistic_fields__are_refused, testbed_setup,
                                        testbed_teardown),
        cmocka_unit_test_setup_teardown(test_optimistic_fields__need_a_free_name, testbed_setup,
                                        testbed_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
