#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "app/annotations/utc_time.h"
#include "base/random.h"

#include <stdio.h>
#include <time.h>

// The C library's calendar is the naive twin.
static void expect_as_library(uint64_t time_ms)
{
    char expected[64];
    struct buf text;
    struct tm parts;
    uint64_t back = 0;
    time_t seconds = (time_t)(time_ms / 1000);
    assert_non_null(gmtime_r(&seconds, &parts));
    size_t length = strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(expected + length, sizeof expected - length, ".%03uZ", (unsigned)(time_ms % 1000));
    buf_init(&text, 64);
    utc_time_append(&text, time_ms);
    if (!slice_equal(buf_slice(&text), slice_of_text(expected)))
        fail_msg("%.*s instead of %s", (int)text.length, (const char *)text.bytes, expected);
    assert_int_equal(utc_time_parse(buf_slice(&text), &back), ERR_OK);
    assert_true(back == time_ms);
    buf_release(&text);
}

static void test_utc_time__is_the_calendar_of_the_library(void **state)
{
    (void)state;
    struct rng rng;
    rng_init(&rng, 5);
    expect_as_library(0);
    expect_as_library(UTC_TIME_MS_MAX);
    // Each day until 2102 (a century that is no leap year), its first and last millisecond.
    for (uint64_t day = 0; day < 48300; day++) {
        expect_as_library(day * 86400000);
        expect_as_library(day * 86400000 + 86399999);
    }
    for (int i = 0; i < 20000; i++)
        expect_as_library(rng_below(&rng, UTC_TIME_MS_MAX + 1));
}

static void test_utc_time__takes_shorter_fractions(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t time_ms;
    } cases[] = {{"1970-01-01T00:00:00Z", 0},
                 {"1970-01-01T00:00:01.2Z", 1200},
                 {"1970-01-01T00:00:01.02Z", 1020},
                 {"1970-01-01T00:01:00.002Z", 60002},
                 {"2000-02-29T00:00:00Z", 951782400000},
                 {"2024-02-29T23:59:59.999Z", 1709251199999}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t time_ms = 1;
        assert_int_equal(utc_time_parse(slice_of_text(cases[i].text), &time_ms), ERR_OK);
        assert_true(time_ms == cases[i].time_ms);
    }
}

static void test_utc_time__refuses_other_texts(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "2024",
                                      "2024-01-01",
                                      "2024-01-01T00:00:00",
                                      "2024-01-01T00:00:00z",
                                      "2024-01-01t00:00:00Z",
                                      "2024-01-01 00:00:00Z",
                                      "2024-01-01T00:00Z",
                                      "2024-01-01T00:00:00.Z",
                                      "2024-01-01T00:00:00,1Z",
                                      "2024-01-01T00:00:00.1234Z",
                                      "2024-01-01T00:00:00+00:00",
                                      "2024-01-01T00:00:00ZZ",
                                      " 2024-01-01T00:00:00Z",
                                      "1969-12-31T23:59:59Z",
                                      "0000-01-01T00:00:00Z",
                                      "10000-01-01T00:00:00Z",
                                      "2024-00-01T00:00:00Z",
                                      "2024-13-01T00:00:00Z",
                                      "2024-01-00T00:00:00Z",
                                      "2024-01-32T00:00:00Z",
                                      "2024-04-31T00:00:00Z",
                                      "2023-02-29T00:00:00Z",
                                      "2100-02-29T00:00:00Z",
                                      "2024-01-01T24:00:00Z",
                                      "2024-01-01T00:60:00Z",
                                      "2024-01-01T00:00:60Z",
                                      "2024-1-01T00:00:00Z",
                                      "+024-01-01T00:00:00Z",
                                      "2024-01-01T00:00:0xZ"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint64_t time_ms;
        if (utc_time_parse(slice_of_text(bad[i]), &time_ms) != ERR_INVALID)
            fail_msg("%s: taken", bad[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utc_time__is_the_calendar_of_the_library),
        cmocka_unit_test(test_utc_time__takes_shorter_fractions),
        cmocka_unit_test(test_utc_time__refuses_other_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
