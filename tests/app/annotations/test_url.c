#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "app/annotations/url.h"
#include "links.h"

static const struct good_link good_links[] = {
    // Scheme, host and port.
    {"http://example.org", "http://example.org/"},
    {"HTTP://EXAMPLE.org", "http://example.org/"},
    {"http://example.org:80", "http://example.org/"},
    {"http://example.org:", "http://example.org/"},
    {"http://example.org:/", "http://example.org/"},
    {"http://example.org:0080/", "http://example.org/"},
    {"http://example.org:443/", "http://example.org:443/"},
    {"http://example.org:08080/", "http://example.org:8080/"},
    {"https://example.org:443", "https://example.org/"},
    {"https://example.org:80", "https://example.org:80/"},
    {"ftp://example.org:21/a", "ftp://example.org/a"},
    {"ftp://example.org", "ftp://example.org"},
    {"gopher://example.org:70/", "gopher://example.org:70/"},
    {"http://a:65535/", "http://a:65535/"},
    {"http://a:0/", "http://a:0/"},
    {"http://ex%61mple.o%72g/", "http://example.org/"},
    {"http://EX%41MPLE.org/", "http://example.org/"},
    {"http://f%c3%bc.org/", "http://f%C3%BC.org/"},
    {"http://192.168.0.1/", "http://192.168.0.1/"},
    {"http://user:pass%3a@Host/", "http://user:pass%3A@host/"},
    {"http://@host/", "http://@host/"},
    {"file:///etc/passwd", "file:///etc/passwd"},
    // Addresses.
    {"http://[::1]/", "http://[::1]/"},
    {"http://[::]:80/", "http://[::]/"},
    {"http://[0:0:0:0:0:0:0:1]/", "http://[::1]/"},
    {"http://[2001:DB8::A]:8080/", "http://[2001:db8::a]:8080/"},
    {"http://[2001:0db8:0000:0000:0001:0000:0000:0001]/", "http://[2001:db8::1:0:0:1]/"},
    {"http://[1:0:0:2:0:0:0:3]/", "http://[1:0:0:2::3]/"},
    {"http://[1::2:3:4:5:6:7]/", "http://[1:0:2:3:4:5:6:7]/"},
    {"http://[1:2:3:4:5:6:7::]/", "http://[1:2:3:4:5:6:7:0]/"},
    {"http://[1:2::]/", "http://[1:2::]/"},
    {"http://[::ffff:1.2.3.4]/", "http://[::ffff:102:304]/"},
    {"http://[::1.2.3.4]/", "http://[::102:304]/"},
    {"http://[v1.A:b]/", "http://[v1.a:b]/"},
    // Escapes.
    {"http://a/%7euser", "http://a/~user"},
    {"http://a/%2f%3f", "http://a/%2F%3F"},
    {"http://a/%41%5A%2d?%41=%26#%41", "http://a/AZ-?A=%26"},
    {"http://a/%00", "http://a/%00"},
    {"http://a/A%2Fb", "http://a/A%2Fb"},
    // Dot segments (RFC 3986, section 5.2.4 and 5.4).
    {"http://a/b/c/../d", "http://a/b/d"},
    {"http://a/b/c/./../../g", "http://a/g"},
    {"http://a/../../g", "http://a/g"},
    {"http://a/..", "http://a/"},
    {"http://a/.", "http://a/"},
    {"http://a/b/..", "http://a/"},
    {"http://a/b/.", "http://a/b/"},
    {"http://a/b/../", "http://a/"},
    {"http://a/b//..", "http://a/b/"},
    {"http://a//b/../..//c", "http://a//c"},
    {"http://a/...", "http://a/..."},
    {"http://a/.b/..c", "http://a/.b/..c"},
    {"http://a/b/%2e%2E/c", "http://a/c"},
    {"http://a/b?../c", "http://a/b?../c"},
    {"foo:/a/../b", "foo:/b"},
    {"foo:/.//b", "foo:/.//b"},
    {"foo:/a/..//b", "foo:/.//b"},
    {"foo://h/.//b", "foo://h//b"},
    {"foo:a/../b", "foo:a/../b"},
    // Queries stay, fragments only outside of the web.
    {"http://a?", "http://a/?"},
    {"http://a?q", "http://a/?q"},
    {"http://a/?b=c&d=/?:@", "http://a/?b=c&d=/?:@"},
    {"http://a/b#c", "http://a/b"},
    {"https://a#", "https://a/"},
    {"http://a/b?c#d?e/f", "http://a/b?c"},
    {"ftp://a/b#%63", "ftp://a/b#c"},
    {"foo:bar#", "foo:bar#"},
    // Other schemes.
    {"mailto:Someone@Example.ORG", "mailto:Someone@Example.ORG"},
    {"URN:isbn:0451450523", "urn:isbn:0451450523"},
    {"tel:+39-02-555", "tel:+39-02-555"},
    {"a+b-c.1:x", "a+b-c.1:x"},
    {"x:?", "x:?"},
    {"news:comp.infosystems.www", "news:comp.infosystems.www"},
};

static void test_url__has_one_normal_form(void **state)
{
    (void)state;
    links_expect_good(good_links, sizeof good_links / sizeof good_links[0]);
}

static const struct bad_link bad_links[] = {
    {"", 0, "empty"},
    {":", 0, "scheme"},
    {"//a/b", 0, "scheme"},
    {"/a", 0, "scheme"},
    {"1http://a", 0, "scheme"},
    {"example", 7, "scheme"},
    {"example.org/a", 11, "scheme"},
    {"ht_tp://a", 2, "scheme"},
    {" http://a", 0, "space"},
    {"ht\ntp://a", 2, "control"},
    {"ht\xc3\xa9:a", 2, "ASCII"},
    {"foo:", 4, "nothing"},
    {"http:", 5, "nothing"},
    {"http:a", 5, "slashes"},
    {"http:/a", 5, "slashes"},
    {"http:?a", 5, "slashes"},
    {"http://", 7, "host"},
    {"http:///a", 7, "host"},
    {"http://?q", 7, "host"},
    {"http://:80/", 7, "host"},
    {"ftp://u@/", 8, "host"},
    {"http://a b/", 8, "space"},
    {"http://a/b c", 10, "space"},
    {"http://a/b ", 10, "space"},
    {"http://a/\tb", 9, "control"},
    {"http://a/\x7f", 9, "control"},
    {"http://a/caf\xc3\xa9", 12, "ASCII"},
    {"http://a/?\xff", 10, "ASCII"},
    {"http://a/%", 9, "percent"},
    {"http://a/%2", 9, "percent"},
    {"http://a/%2?b", 9, "percent"},
    {"http://a/%g0", 9, "percent"},
    {"http://a/b%0", 10, "percent"},
    {"http://a/?%zz", 10, "percent"},
    {"http://a/#%zz", 10, "percent"},
    {"http://%zz/", 7, "percent"},
    {"http://u%4@a/", 8, "percent"},
    {"http://a/b\\c", 10, "character"},
    {"http://a/b[c", 10, "character"},
    {"http://a/?b|c", 11, "character"},
    {"http://a/#b#c", 11, "character"},
    {"http://a/<b>", 9, "character"},
    {"http://a/\"", 9, "character"},
    {"http://a/{}", 9, "character"},
    {"http://a/^`", 9, "character"},
    {"http://a@b@c/", 10, "character"},
    {"http://u[@c/", 8, "character"},
    {"http://a:8a/", 10, "number"},
    {"http://a:-1/", 9, "number"},
    {"http://a:65536/", 9, "65535"},
    {"http://a:99999999999999999999/", 9, "65535"},
    {"foo://a:b:c/", 8, "number"},
    {"http://[::1/", 7, "closed"},
    {"http://[::g]/", 8, "address"},
    {"http://[]/", 8, "address"},
    {"http://[1:2:3]/", 8, "address"},
    {"http://[1::2::3]/", 8, "address"},
    {"http://[1:2:3:4:5:6:7:8:9]/", 8, "address"},
    {"http://[12345::]/", 8, "address"},
    {"http://[::1%25eth0]/", 8, "address"},
    {"http://[1.2.3.4]/", 8, "address"},
    {"http://[v.a]/", 8, "address"},
    {"http://[v1.]/", 8, "address"},
    {"http://[v1a]/", 8, "address"},
    {"http://[v]/", 8, "address"},
    {"http://[::1]a/", 12, "port"},
    {"http://[::1]:x/", 13, "number"},
    {"C:\\a", 2, "character"},
};

static void test_url__refuses_at_the_place(void **state)
{
    (void)state;
    links_expect_bad(bad_links, sizeof bad_links / sizeof bad_links[0]);
}

static void test_url__takes_no_text_that_goes_on_after_a_nul(void **state)
{
    (void)state;
    static const char *const texts[] = {"http://a/\0b", "http://[::1\0]/", "htt\0://a/ccccc"};
    static const size_t places[] = {9, 8, 3};
    for (size_t i = 0; i < 3; i++) {
        struct url url;
        struct link_fault fault;
        assert_int_equal(url_parse(slice_of(texts[i], i == 1 ? 14 : 11), &url, &fault),
                         ERR_INVALID);
        assert_int_equal(fault.at, places[i]);
    }
}

static void test_url__keeps_its_parts(void **state)
{
    (void)state;
    struct url url;
    struct link_fault fault;
    assert_int_equal(
        url_parse(slice_of_text("foo://user@example.com:8042/over/there?name=ferret#nose"), &url,
                  &fault),
        ERR_OK);
    assert_true(slice_equal(url.scheme, slice_of_text("foo")));
    assert_true(slice_equal(url.userinfo, slice_of_text("user")));
    assert_true(slice_equal(url.host, slice_of_text("example.com")));
    assert_true(slice_equal(url.port, slice_of_text("8042")));
    assert_true(slice_equal(url.path, slice_of_text("/over/there")));
    assert_true(slice_equal(url.query, slice_of_text("name=ferret")));
    assert_true(slice_equal(url.fragment, slice_of_text("nose")));
    assert_int_equal(url_parse(slice_of_text("urn:example:animal"), &url, &fault), ERR_OK);
    assert_null(url.host.bytes);
    assert_null(url.userinfo.bytes);
    assert_null(url.port.bytes);
    assert_null(url.query.bytes);
    assert_null(url.fragment.bytes);
    assert_true(slice_equal(url.path, slice_of_text("example:animal")));
}

static void test_url__checks_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t at;
    } bad[] = {{"", 0},     {"a", 1},     {"a:", 2},   {":1", 0},    {"a:0", 2},   {"a:65536", 2},
               {"a:1b", 3}, {"[::1]", 5}, {"[::1", 0}, {"[x]:1", 1}, {"a b:1", 1}, {"a:1:2", 3}};
    struct link_fault fault;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(
            url_check_address(slice_of_text(bad[i].text), 0, strlen(bad[i].text), &fault),
            ERR_INVALID);
        assert_int_equal(fault.at, bad[i].at);
    }
    static const char *const good[] = {"a:1", "1.2.3.4:4662", "[::1]:65535", "a-b.c:00080"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_int_equal(url_check_address(slice_of_text(good[i]), 0, strlen(good[i]), &fault),
                         ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_url__has_one_normal_form),
        cmocka_unit_test(test_url__refuses_at_the_place),
        cmocka_unit_test(test_url__takes_no_text_that_goes_on_after_a_nul),
        cmocka_unit_test(test_url__keeps_its_parts),
        cmocka_unit_test(test_url__checks_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
