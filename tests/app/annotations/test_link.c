#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/random.h"
#include "links.h"

#define HASH "31d6cfe0d16ae931b73c59d7e0c089c0"

static void test_link__knows_its_kind(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum link_kind kind;
    } cases[] = {{"http://a/", LINK_URL},
                 {"magnets:a", LINK_URL},
                 {"ed2kk:a", LINK_URL},
                 {"Magnet:?xt=urn:a:b", LINK_MAGNET},
                 {"eD2k://|file|a|1|" HASH "|/", LINK_ED2K}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct link link;
        struct link_fault fault;
        assert_int_equal(link_parse(slice_of_text(cases[i].text), &link, &fault), ERR_OK);
        assert_int_equal(link.kind, cases[i].kind);
    }
}

static void test_link__is_one_file_under_two_names(void **state)
{
    (void)state;
    struct buf one;
    struct buf other;
    buf_init(&one, LINK_IDENTITY_BYTES_MAX);
    buf_init(&other, LINK_IDENTITY_BYTES_MAX);
    links_identify(slice_of_text("ed2k://|file|film.avi|700|" HASH "|/"), &one);
    links_identify(slice_of_text("ED2K://|file|Il%20film.avi|0700|31D6CFE0D16AE931B73C59D7E0C089C0|"
                                 "h=ABCDEFGHIJKLMNOPQRSTUVWXYZ234567|/|sources,a:1|/"),
                   &other);
    assert_true(slice_equal(buf_slice(&one), buf_slice(&other)));
    buf_clear(&other);
    links_identify(slice_of_text("ed2k://|file|film.avi|701|" HASH "|/"), &other);
    assert_false(slice_equal(buf_slice(&one), buf_slice(&other)));
    buf_clear(&other);
    links_identify(slice_of_text("ed2k://|file|film.avi|700|41d6cfe0d16ae931b73c59d7e0c089c0|/"),
                   &other);
    assert_false(slice_equal(buf_slice(&one), buf_slice(&other)));
    buf_release(&one);
    buf_release(&other);
}

static void expect_bounds(const char *begin, const char *end, uint8_t filler)
{
    struct link link;
    struct link_fault fault;
    uint8_t text[LINK_BYTES_MAX + 1];
    struct buf identity;
    buf_init(&identity, LINK_IDENTITY_BYTES_MAX);
    for (size_t length = LINK_BYTES_MAX; length <= LINK_BYTES_MAX + 1; length++) {
        memset(text, filler, length);
        memcpy(text, begin, strlen(begin));
        memcpy(text + length - strlen(end), end, strlen(end));
        bool fits = length <= LINK_BYTES_MAX;
        assert_int_equal(link_parse(slice_of(text, length), &link, &fault),
                         fits ? ERR_OK : ERR_TOO_LARGE);
        if (fits)
            link_identity(&link, &identity);
        else
            assert_int_equal(fault.at, LINK_BYTES_MAX);
    }
    assert_false(identity.overflown);
    assert_true(identity.length > 0);
    buf_release(&identity);
}

static void test_link__is_bounded(void **state)
{
    (void)state;
    expect_bounds("http://a/", "", 'a');
    expect_bounds("http://", "", 'a');
    expect_bounds("foo:/.", "", '/');
    expect_bounds("magnet:?xt=urn:a:", "", 'a');
    expect_bounds("magnet:?xt=urn:a:b", "", '&');
    expect_bounds("ed2k://|file|", "|1|" HASH "|/", 'a');
}

// What a link is made of, put together at random: whatever is a link has an identity that is its
// own.
static void test_link__has_a_stable_identity(void **state)
{
    (void)state;
    static const char *const pieces[] = {"http://",
                                         "HTTPS://",
                                         "ftp:",
                                         "foo:",
                                         "//",
                                         "/",
                                         ".",
                                         "..",
                                         "%2e",
                                         "%2F",
                                         "%41",
                                         "%7e",
                                         "a",
                                         "B.c",
                                         ":80",
                                         ":",
                                         "?",
                                         "#",
                                         "@",
                                         "[",
                                         "]",
                                         "[::1]",
                                         "[1::]",
                                         "&",
                                         "=",
                                         "xt",
                                         "xt=",
                                         ".1",
                                         "urn:",
                                         "btih",
                                         "+",
                                         "%3A",
                                         "magnet:?",
                                         "magnet:?xt=urn:",
                                         "btih:0123456789abcdef0123456789abcdef01234567",
                                         "tree:A%2f"};
    struct rng rng;
    unsigned taken = 0;
    struct buf text;
    struct buf first;
    struct buf second;
    rng_init(&rng, 7);
    buf_init(&text, LINK_BYTES_MAX);
    buf_init(&first, LINK_IDENTITY_BYTES_MAX);
    buf_init(&second, LINK_IDENTITY_BYTES_MAX);
    for (int i = 0; i < 200000; i++) {
        struct link link;
        struct link_fault fault;
        buf_clear(&text);
        for (uint64_t left = 1 + rng_below(&rng, 8); left > 0; left--)
            buf_append_slice(
                &text, slice_of_text(pieces[rng_below(&rng, sizeof pieces / sizeof pieces[0])]));
        if (link_parse(buf_slice(&text), &link, &fault) != ERR_OK) {
            assert_true(fault.at <= text.length);
            continue;
        }
        taken++;
        buf_clear(&first);
        buf_clear(&second);
        link_identity(&link, &first);
        links_identify(buf_slice(&first), &second);
        assert_true(slice_equal(buf_slice(&first), buf_slice(&second)));
    }
    assert_true(taken > 10000);
    buf_release(&text);
    buf_release(&first);
    buf_release(&second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_link__knows_its_kind),
        cmocka_unit_test(test_link__is_one_file_under_two_names),
        cmocka_unit_test(test_link__is_bounded),
        cmocka_unit_test(test_link__has_a_stable_identity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
