#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "app/annotations/ed2k.h"
#include "links.h"

#define HASH "31d6cfe0d16ae931b73c59d7e0c089c0"
#define UPPER "31D6CFE0D16AE931B73C59D7E0C089C0"
#define ROOT "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
#define BEGIN "ed2k://|file|a|1|" HASH "|"
#define IDENTITY "ed2k:" HASH ":1"

static void test_ed2k__is_its_hash_and_size(void **state)
{
    (void)state;
    static const struct good_link links[] = {
        {"ed2k://|file|a|1|" HASH "|/", IDENTITY},
        {"ED2K://|FILE|b%20c|0001|" UPPER "|/", IDENTITY},
        {"ed2k://|file|The.Name.[Group]!(2004)'s~$&+,;=@#^`{}<>\"\\?*:/.avi|1|" HASH "|/",
         IDENTITY},
        {"ed2k://|file|caf\xc3\xa9|1|" HASH "|/", IDENTITY},
        {"ed2k://|file|%ff%00%0a|1|" HASH "|/", IDENTITY},
        {"ed2k://|file|a|18446744073709551615|" HASH "|/", "ed2k:" HASH ":18446744073709551615"},
        {"ed2k://|file|a|00018446744073709551615|" HASH "|/", "ed2k:" HASH ":18446744073709551615"},
        {BEGIN "p=" HASH "|/", IDENTITY},
        {BEGIN "p=" HASH ":" UPPER ":" HASH "|/", IDENTITY},
        {BEGIN "h=" ROOT "|/", IDENTITY},
        {BEGIN "H=abcdefghijklmnopqrstuvwxyz234567|/", IDENTITY},
        {BEGIN "s=http://a.org/b%20c|/", IDENTITY},
        {BEGIN "s=http://a.org/|s=ftp://b.org/|s=https://[::1]:80/|/", IDENTITY},
        {BEGIN "h=" ROOT "|s=http://a/|p=" HASH "|s=http://b/|/", IDENTITY},
        {BEGIN "/|sources,1.2.3.4:4662|/", IDENTITY},
        {BEGIN "/|sources,a.example.org:1,[::1]:65535,1.2.3.4:4662|/", IDENTITY},
        {BEGIN "h=" ROOT "|/|SOURCES,a:1|/", IDENTITY},
    };
    links_expect_good(links, sizeof links / sizeof links[0]);
}

static const struct bad_link bad_links[] = {
    {"ed2k:", 5, "begins with"},
    {"ed2k:/", 6, "begins with"},
    {"ed2k://file|a|1|" HASH "|/", 7, "begins with"},
    {"ed2k://|server|1.2.3.4|4661|/", 8, "begins with"},
    {"ed2k://|fil", 11, "begins with"},
    {"ed2k://%7Cfile%7Ca%7C1%7C" HASH "%7C/", 7, "begins with"},
    // The name.
    {"ed2k://|file|", 13, "name is missing"},
    {"ed2k://|file||1|" HASH "|/", 13, "name is missing"},
    {"ed2k://|file|name", 17, "cut off"},
    {"ed2k://|file|a b|1|" HASH "|/", 14, "space"},
    {"ed2k://|file|a\nb|1|" HASH "|/", 14, "control"},
    {"ed2k://|file|a\x7f|1|" HASH "|/", 14, "control"},
    {"ed2k://|file|a%|1|" HASH "|/", 14, "percent"},
    {"ed2k://|file|a%2|1|" HASH "|/", 14, "percent"},
    {"ed2k://|file|a%xy|1|" HASH "|/", 14, "percent"},
    {"ed2k://|file|a\xff|1|" HASH "|/", 14, "UTF-8"},
    {"ed2k://|file|a\xc2\x85|1|" HASH "|/", 14, "control"},
    // The size.
    {"ed2k://|file|a||" HASH "|/", 15, "size is missing"},
    {"ed2k://|file|a|", 15, "size"},
    {"ed2k://|file|a|1", 16, "size"},
    {"ed2k://|file|a|x|" HASH "|/", 15, "size"},
    {"ed2k://|file|a|-1|" HASH "|/", 15, "size"},
    {"ed2k://|file|a|1.5|" HASH "|/", 16, "size"},
    {"ed2k://|file|a|0|" HASH "|/", 15, "at least 1"},
    {"ed2k://|file|a|000|" HASH "|/", 15, "at least 1"},
    {"ed2k://|file|a|18446744073709551616|" HASH "|/", 15, "18446744073709551615"},
    {"ed2k://|file|a|99999999999999999999999999|" HASH "|/", 15, "18446744073709551615"},
    // The hash.
    {"ed2k://|file|a|1|", 17, "32 hexadecimal"},
    {"ed2k://|file|a|1|" HASH, 49, "32 hexadecimal"},
    {"ed2k://|file|a|1|" HASH "0|/", 49, "32 hexadecimal"},
    {"ed2k://|file|a|1|31d6|/", 21, "32 hexadecimal"},
    {"ed2k://|file|a|1|g1d6cfe0d16ae931b73c59d7e0c089c0|/", 17, "32 hexadecimal"},
    // The end, and what may stand before it.
    {BEGIN, 50, "/"},
    {BEGIN "|", 50, "/"},
    {BEGIN "x=1|/", 50, "p=, h= and s="},
    {BEGIN "p=|/", 52, "32 hexadecimal"},
    {BEGIN "p=" HASH ":|/", 85, "32 hexadecimal"},
    {BEGIN "p=" HASH, 84, "32 hexadecimal"},
    {BEGIN "p=" HASH "|p=" HASH "|/", 85, "twice"},
    {BEGIN "h=ABC|/", 55, "base32"},
    {BEGIN "h=1BCDEFGHIJKLMNOPQRSTUVWXYZ234567|/", 52, "base32"},
    {BEGIN "h=" ROOT "A|/", 84, "base32"},
    {BEGIN "h=" ROOT "|h=" ROOT "|/", 85, "twice"},
    {BEGIN "s=|/", 52, "scheme"},
    {BEGIN "s=a.org|/", 57, "scheme"},
    {BEGIN "s=http://a b|/", 60, "space"},
    {BEGIN "s=http://a/", 61, "cut off"},
    {BEGIN "/x", 51, "sources"},
    {BEGIN "/|", 52, "sources"},
    {BEGIN "//", 51, "sources"},
    {BEGIN "/|sources|/", 59, "comma"},
    {BEGIN "/|sources,|/", 60, "host"},
    {BEGIN "/|sources,a|/", 61, "port"},
    {BEGIN "/|sources,a:|/", 62, "port"},
    {BEGIN "/|sources,a:0|/", 62, "port"},
    {BEGIN "/|sources,a:65536|/", 62, "port"},
    {BEGIN "/|sources,a:x|/", 62, "port"},
    {BEGIN "/|sources,a:1,|/", 64, "host"},
    {BEGIN "/|sources,a:1,b|/", 65, "port"},
    {BEGIN "/|sources,a b:1|/", 61, "space"},
    {BEGIN "/|sources,a:1", 63, "end with"},
    {BEGIN "/|sources,a:1|", 64, "end with"},
    {BEGIN "/|sources,a:1|/x", 65, "over"},
    {BEGIN "/ ", 51, "sources"},
    {BEGIN "/\n", 51, "sources"},
};

static void test_ed2k__refuses_at_the_place(void **state)
{
    (void)state;
    links_expect_bad(bad_links, sizeof bad_links / sizeof bad_links[0]);
}

static void expect_name(const char *text, const char *name)
{
    struct link link;
    struct link_fault fault;
    struct buf out;
    buf_init(&out, LINK_BYTES_MAX);
    buf_append_u8(&out, '>');
    assert_int_equal(link_parse(slice_of_text(text), &link, &fault), ERR_OK);
    assert_int_equal(link_display_name(&link, &out), name != NULL);
    assert_int_equal(out.bytes[0], '>');
    assert_true(slice_equal(slice_of(out.bytes + 1, out.length - 1),
                            slice_of_text(name != NULL ? name : "")));
    buf_release(&out);
}

static void test_ed2k__shows_a_name_that_can_be_shown(void **state)
{
    (void)state;
    expect_name("ed2k://|file|a|1|" HASH "|/", "a");
    expect_name("ed2k://|file|The%20Film%20%5B1%5d.avi|1|" HASH "|/", "The Film [1].avi");
    expect_name("ed2k://|file|caf%C3%A9+\xc3\xa9%25|1|" HASH "|/", "caf\xc3\xa9+\xc3\xa9%");
    expect_name("ed2k://|file|a%7Cb%2Fc|1|" HASH "|/", "a|b/c");
    expect_name("ed2k://|file|%ff|1|" HASH "|/", NULL);
    expect_name("ed2k://|file|a%C3|1|" HASH "|/", NULL);
    expect_name("ed2k://|file|a%0Ab|1|" HASH "|/", NULL);
    expect_name("ed2k://|file|a%00b|1|" HASH "|/", NULL);
    expect_name("ed2k://|file|a%1b[2J|1|" HASH "|/", NULL);
    expect_name("ed2k://|file|a%C2%9b|1|" HASH "|/", NULL);
    expect_name("http://a/b", NULL);
    expect_name("magnet:?dn=a&xt=urn:other:b", NULL);
}

static void test_ed2k__refuses_each_beginning_of_a_link(void **state)
{
    (void)state;
    static const char whole[] = BEGIN "h=" ROOT "|s=http://a/|p=" HASH "|/|sources,a:1|/";
    static const char parts[] = BEGIN "h=" ROOT "|s=http://a/|p=" HASH "|/";
    struct link link;
    struct link_fault fault;
    for (size_t length = 1; length < sizeof whole - 1; length++) {
        enum err expected = length == sizeof parts - 1 ? ERR_OK : ERR_INVALID;
        assert_int_equal(link_parse(slice_of(whole, length), &link, &fault), expected);
        assert_true(expected == ERR_OK || fault.at <= length);
    }
    assert_int_equal(link_parse(slice_of_text(whole), &link, &fault), ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ed2k__is_its_hash_and_size),
        cmocka_unit_test(test_ed2k__refuses_at_the_place),
        cmocka_unit_test(test_ed2k__shows_a_name_that_can_be_shown),
        cmocka_unit_test(test_ed2k__refuses_each_beginning_of_a_link),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
