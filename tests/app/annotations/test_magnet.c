#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "app/annotations/magnet.h"
#include "links.h"

#define HASH "0123456789abcdef0123456789abcdef01234567"
#define UPPER "0123456789ABCDEF0123456789ABCDEF01234567"
#define BASE32 "AERUKZ4JVPG66AJDIVTYTK6N54ASGRLH"
#define BASE32_LOWER "aerukz4jvpg66ajdivtytk6n54asgrlh"
#define OTHER "ffffffffffffffffffffffffffffffffffffffff"
#define HEX64 "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"
#define HEX64_LOWER "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define IDENTITY "magnet:?xt=urn:btih:" HASH

static void test_magnet__is_its_topics(void **state)
{
    (void)state;
    static const struct good_link links[] = {
        {"magnet:?xt=urn:btih:" HASH, IDENTITY},
        {"MAGNET:?XT=URN:BTIH:" UPPER, IDENTITY},
        {"magnet:?xt=urn:btih:" BASE32, IDENTITY},
        {"magnet:?xt=urn:btih:" BASE32_LOWER, IDENTITY},
        {"magnet:?xt.1=urn:btih:" HASH, IDENTITY},
        {"magnet:?xt.17=urn%3Abtih%3a" HASH, IDENTITY},
        {"magnet:?xt=urn:btih:%30123456789abcdef0123456789abcdef01234567", IDENTITY},
        {"magnet:?dn=a+name&xt=urn:btih:" HASH "&tr=http%3A%2F%2Ft%2F&&xl=5", IDENTITY},
        {"magnet:?xt=urn:btih:" HASH "#fragment", IDENTITY},
        {"magnet:?xt=urn:btih:" HASH "&xt=urn:btih:" BASE32, IDENTITY},
        {"magnet:?xts=a&xt.a=b&xt-=c&x=xt&xt=urn:btih:" HASH, IDENTITY},
        {"magnet:?xt.1=urn:btih:" OTHER "&xt.2=urn:btih:" BASE32, IDENTITY "&xt=urn:btih:" OTHER},
        {"magnet:?xt.1=urn:btih:" HASH "&xt.2=urn:btih:" OTHER, IDENTITY "&xt=urn:btih:" OTHER},
        {"magnet:?xt=urn:btmh:1220" HEX64 "&xt=urn:btih:" HASH,
         IDENTITY "&xt=urn:btmh:1220" HEX64_LOWER},
        {"magnet:?xt=urn:sha1:" BASE32, "magnet:?xt=urn:sha1:" HASH},
        {"magnet:?xt=urn:ed2khash:31D6CFE0D16AE931B73C59D7E0C089C0",
         "magnet:?xt=urn:ed2k:31d6cfe0d16ae931b73c59d7e0c089c0"},
        {"magnet:?xt=urn:ed2k:31D6CFE0D16AE931B73C59D7E0C089C0",
         "magnet:?xt=urn:ed2k:31d6cfe0d16ae931b73c59d7e0c089c0"},
        {"magnet:?xt=urn:tree:tiger:LWPNACQDBZRYXW3VHJVCJ64QBZNGHOHHHZWCLNQ",
         "magnet:?xt=urn:tree:tiger:lwpnacqdbzryxw3vhjvcj64qbznghohhhzwclnq"},
        {"magnet:?xt=urn:Other:Name%2f%41", "magnet:?xt=urn:other:Name%2FA"},
    };
    links_expect_good(links, sizeof links / sizeof links[0]);
}

static void test_magnet__refuses_at_the_place(void **state)
{
    (void)state;
    static const struct bad_link links[] = {
        {"magnet:", 7, "nothing"},
        {"magnet:xt=urn:btih:" HASH, 7, "question mark"},
        {"magnet://h?xt=urn:btih:" HASH, 7, "question mark"},
        {"magnet:#?xt=urn:btih:" HASH, 7, "question mark"},
        {"magnet:?", 8, "has an xt"},
        {"magnet:?xt", 10, "begins with urn:"},
        {"magnet:?xt=", 11, "begins with urn:"},
        {"magnet:?dn=xt", 8, "has an xt"},
        {"magnet:?xt.=urn:btih:" HASH, 8, "has an xt"},
        {"magnet:?xt.1a=urn:btih:" HASH, 8, "has an xt"},
        {"magnet:?xt=btih:" HASH, 11, "begins with urn:"},
        {"magnet:?xt=urn:", 11, "urn:<kind>"},
        {"magnet:?xt=urn::" HASH, 11, "urn:<kind>"},
        {"magnet:?xt=urn:btih", 11, "urn:<kind>"},
        {"magnet:?xt=urn:btih:", 11, "urn:<kind>"},
        {"magnet:?xt=urn:b_h:" HASH, 11, "kind"},
        {"magnet:?xt=urn:a2345678901234567890123456789012:b", 11, "kind"},
        {"magnet:?xt=urn:btih:0123", 11, "hash"},
        {"magnet:?xt=urn:btih:" HASH "0", 11, "hash"},
        {"magnet:?xt=urn:btih:g123456789abcdef0123456789abcdef01234567", 11, "hash"},
        {"magnet:?xt=urn:btih:1ERUKZ4JVPG66AJDIVTYTK6N54ASGRLH", 11, "hash"},
        {"magnet:?xt=urn:btih:8ERUKZ4JVPG66AJDIVTYTK6N54ASGRLH", 11, "hash"},
        {"magnet:?xt=urn:btih:" BASE32 "A", 11, "hash"},
        {"magnet:?xt=urn:btmh:1220" HASH, 11, "hash"},
        {"magnet:?xt=urn:md5:" BASE32 "AA", 11, "hash"},
        {"magnet:?xt=urn:ed2k:" BASE32, 11, "hash"},
        {"magnet:?dn=a&xt=urn:btih:" HASH "&xt=urn:btih:x", 69, "hash"},
        {"magnet:?dn=a b&xt=urn:btih:" HASH, 12, "space"},
        {"magnet:?dn=%&xt=urn:btih:" HASH, 11, "percent"},
        {"magnet:?dn=[a]&xt=urn:btih:" HASH, 11, "character"},
        {"magnet:?dn=\xc3\xa9&xt=urn:btih:" HASH, 11, "ASCII"},
    };
    links_expect_bad(links, sizeof links / sizeof links[0]);
}

static void test_magnet__bounds_its_topics(void **state)
{
    (void)state;
    struct buf text;
    struct link link;
    struct link_fault fault;
    struct buf identity;
    buf_init(&text, LINK_BYTES_MAX);
    buf_init(&identity, LINK_IDENTITY_BYTES_MAX);
    buf_append_slice(&text, slice_of_text("magnet:?"));
    // In base32, each different, the greatest first: as much as an identity can grow.
    for (int i = 0; i < MAGNET_TOPICS_MAX; i++)
        buf_append_format(&text, "&xt=urn:btih:%c%s", 'P' - i, &BASE32[1]);
    links_identify(buf_slice(&text), &identity);
    assert_true(identity.length <= text.length + MAGNET_GROWTH_MAX);
    assert_true(identity.length + 1 == text.length + MAGNET_GROWTH_MAX);
    size_t end = text.length;
    buf_append_format(&text, "&xt=urn:btih:%s", BASE32);
    assert_int_equal(link_parse(buf_slice(&text), &link, &fault), ERR_INVALID);
    assert_int_equal(fault.at, end + 4);
    assert_non_null(strstr(fault.reason, "16"));
    buf_release(&text);
    buf_release(&identity);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_magnet__is_its_topics),
        cmocka_unit_test(test_magnet__refuses_at_the_place),
        cmocka_unit_test(test_magnet__bounds_its_topics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
