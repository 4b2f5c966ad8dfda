// Queries: what is taken and refused, what matches, and in what order.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "app/annotations/annotation_query.h"
#include "samples.h"

#include <stdio.h>

static enum err set(struct annotation_query *query, const char *name, const char *value,
                    struct errmsg *problem)
{
    return annotation_query_set(query, slice_of_text(name), slice_of_text(value), problem);
}

// A query of names and values in turn, up to a NULL.
static void query_of(struct annotation_query *query, const char *const *settings)
{
    struct errmsg problem = {""};
    annotation_query_init(query);
    for (size_t i = 0; settings[i] != NULL; i += 2)
        if (set(query, settings[i], settings[i + 1], &problem) != ERR_OK)
            fail_msg("%s=%s: %s", settings[i], settings[i + 1], problem.text);
}

static void test_annotation_query__refuses_with_the_name(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *value;
        const char *words;
    } cases[] = {
        {"", "", "no such argument"},
        {"chanel", "a", "no such argument"},
        {"channel", "", "channel is missing"},
        {"channel", "A", "channel is wrong at byte 0"},
        {"channel", "a-", "channel must begin and end"},
        {"link", "", "link is wrong at byte 0"},
        {"link", "http://a b", "link is wrong at byte 8"},
        {"link", "ed2k://|file|a|0|31d6cfe0d16ae931b73c59d7e0c089c0|/", "link is wrong at byte 15"},
        {"author", "", "author must be 32"},
        {"author", "0102030405060708090A0b0c0d0e0fff", "author must be 32"},
        {"author", "0102030405060708090a0b0c0d0e0fff-a0b1c2d3e4f50607", "author must be 32"},
        {"q", "", "q is empty"},
        {"q", "\x01", "q is wrong at byte 0"},
        {"q", "a\xff", "q is wrong at byte 1"},
        {"muted", "", "muted must be"},
        {"muted", "hide", "muted must be"},
        {"sort", "", "sort must be"},
        {"sort", "Time", "sort must be"},
        {"order", "up", "order must be"},
        {"limit", "", "limit must be"},
        {"limit", "0", "limit must be"},
        {"limit", "1001", "limit must be"},
        {"limit", "10000", "limit must be"},
        {"limit", "+1", "limit must be"},
        {"limit", "1 ", "limit must be"},
        {"cursor", "", "cursor must be"},
        {"cursor", "00", "cursor must be"},
        {"cursor", "zz", "cursor must be"},
    };
    static struct annotation_query query;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct errmsg problem = {""};
        annotation_query_init(&query);
        enum err error = set(&query, cases[i].name, cases[i].value, &problem);
        if (error != ERR_INVALID || strstr(problem.text, cases[i].words) == NULL)
            fail_msg("%s=%s: %s", cases[i].name, cases[i].value, problem.text);
        annotation_query_release(&query);
    }
    char needle[ANNOTATION_NEEDLE_BYTES_MAX + 2];
    memset(needle, 'a', sizeof needle);
    struct errmsg problem = {""};
    annotation_query_init(&query);
    assert_int_equal(annotation_query_set(&query, slice_of_text("q"),
                                          slice_of(needle, ANNOTATION_NEEDLE_BYTES_MAX + 1),
                                          &problem),
                     ERR_TOO_LARGE);
    annotation_query_init(&query);
    assert_int_equal(annotation_query_set(&query, slice_of_text("q"),
                                          slice_of(needle, ANNOTATION_NEEDLE_BYTES_MAX), &problem),
                     ERR_OK);
}

static void test_annotation_query__takes_each_once(void **state)
{
    (void)state;
    static const char *const twice[] = {
        "channel", "a",    "link",  "http://a", "author", "0102030405060708090a0b0c0d0e0fff",
        "q",       "a",    "muted", "show",     "sort",   "time",
        "order",   "desc", "limit", "1",        NULL};
    static struct annotation_query query;
    query_of(&query, twice);
    for (size_t i = 0; twice[i] != NULL; i += 2) {
        struct errmsg problem = {""};
        assert_int_equal(set(&query, twice[i], twice[i + 1], &problem), ERR_INVALID);
        assert_non_null(strstr(problem.text, "given twice"));
        assert_non_null(strstr(problem.text, twice[i]));
    }
}

static void expect_match(const char *name, const char *value, bool wanted)
{
    static struct annotation_query query;
    static struct annotation annotation;
    const char *const settings[] = {name, value, NULL};
    sample_whole(&annotation);
    query_of(&query, settings);
    if (annotation_query_matches(&query, &annotation) != wanted)
        fail_msg("%s=%s", name, value);
}

static void test_annotation_query__matches(void **state)
{
    (void)state;
    expect_match("channel", "films.2004", true);
    expect_match("channel", "films.200", false);
    expect_match("channel", "films.20045", false);
    // Another name, other letters, zeros before the size: the same file.
    expect_match("link", "ed2k://|file|other.mkv|700|31d6cfe0d16ae931b73c59d7e0c089c0|/", true);
    expect_match("link", "ed2k://|file|a%20b.avi|701|31D6CFE0D16AE931B73C59D7E0C089C0|/", false);
    expect_match("link", "http://a", false);
    expect_match("author", "0102030405060708090a0b0c0d0e0fff", true);
    expect_match("author", "0102030405060708090a0b0c0d0e0ffe", false);
    expect_match("q", "bello!", true);
    expect_match("q", "BELLO", true);
    expect_match("q", "o!\n\t", true);
    expect_match("q", "D\xc3\xa9j\xc3\xa0", true);
    expect_match("q", "d\xc3\xa9J\xc3\xa0", true);
    // Only the case of A to Z is folded.
    expect_match("q", "d\xc3\x89j\xc3\xa0", false);
    expect_match("q", "noir", true);
    expect_match("q", "RIVEDERE", true);
    // In the text or in one tag, not across.
    expect_match("q", "noirda", false);
    expect_match("q", "avi", false);
    expect_match("sort", "time", true);
}

static void test_annotation_query__matches_all_that_is_named(void **state)
{
    (void)state;
    static struct annotation_query query;
    static struct annotation annotation;
    static const char *const both[] = {"channel", "films.2004", "q", "noir", NULL};
    static const char *const one[] = {"channel", "films.2004", "q", "rosa", NULL};
    sample_whole(&annotation);
    query_of(&query, both);
    assert_true(annotation_query_matches(&query, &annotation));
    query_of(&query, one);
    assert_false(annotation_query_matches(&query, &annotation));
}

static void test_annotation_query__mutes(void **state)
{
    (void)state;
    static struct annotation_query query;
    static const char *const none[] = {NULL};
    static const char *const show[] = {"muted", "show", NULL};
    uint8_t author[ANNOTATION_AUTHOR_BYTES] = {0};
    query_of(&query, none);
    assert_false(annotation_query_is_muted(&query, author));
    // In no order.
    for (uint8_t i = 1; i <= 100; i++) {
        author[0] = (uint8_t)(i * 37);
        annotation_query_mute(&query, author);
    }
    for (uint8_t i = 1; i <= 100; i++) {
        author[0] = (uint8_t)(i * 37);
        assert_true(annotation_query_is_muted(&query, author));
        author[1] = 1;
        assert_false(annotation_query_is_muted(&query, author));
        author[1] = 0;
    }
    for (unsigned i = 0; i < 2 * ANNOTATION_MUTES_MAX; i++)
        annotation_query_mute(&query, author);
    assert_int_equal(query.mute_count, ANNOTATION_MUTES_MAX);
    annotation_query_release(&query);
    query_of(&query, show);
    annotation_query_mute(&query, author);
    assert_false(annotation_query_is_muted(&query, author));
    annotation_query_release(&query);
}

// Less than 0 when the first comes first.
static int order_of(const char *sort, const char *order, const struct annotation *a,
                    const struct annotation *b)
{
    static struct annotation_query query;
    const char *const settings[] = {"sort", sort, "order", order, NULL};
    query_of(&query, settings);
    struct annotation_place first = annotation_query_place(&query, a);
    struct annotation_place second = annotation_query_place(&query, b);
    int compared = annotation_query_compare(&query, &first, &second);
    assert_int_equal((annotation_query_compare(&query, &second, &first) > 0) -
                         (annotation_query_compare(&query, &second, &first) < 0),
                     (compared < 0) - (compared > 0));
    return compared;
}

static void test_annotation_query__sorts(void **state)
{
    (void)state;
    static struct annotation old;
    static struct annotation new;
    sample_bare(&old);
    sample_bare(&new);
    old.id.number[0] = 9;
    old.created_ms = 3;
    old.modified_ms = 5;
    old.rating = 4;
    new.created_ms = 2;
    new.modified_ms = 6;
    new.rating = 2;
    assert_true(order_of("time", "desc", &new, &old) < 0);
    assert_true(order_of("time", "asc", &new, &old) > 0);
    assert_true(order_of("created", "desc", &new, &old) > 0);
    assert_true(order_of("rating", "desc", &new, &old) > 0);
    assert_true(order_of("rating", "asc", &new, &old) < 0);
    // Of equal rating, the newer one; without a rating, behind a rating of 0.
    old.rating = 2;
    assert_true(order_of("rating", "desc", &new, &old) < 0);
    old.rating = 0;
    new.rating = 0;
    new.has_rating = false;
    assert_true(order_of("rating", "desc", &new, &old) > 0);
    // Of equal times the ids decide; of equal ids, the channels.
    new.modified_ms = old.modified_ms;
    assert_true(order_of("time", "desc", &new, &old) != 0);
    new.id = old.id;
    assert_int_equal(order_of("time", "desc", &new, &old), 0);
    new.channel = slice_of_text("aa");
    assert_true(order_of("time", "desc", &new, &old) != 0);
}

static void test_annotation_query__goes_on_at_a_cursor(void **state)
{
    (void)state;
    static struct annotation_query first;
    static struct annotation_query second;
    static struct annotation annotation;
    static const char *const rating[] = {"sort", "rating", "order", "asc", NULL};
    struct errmsg problem = {""};
    struct buf cursor;
    buf_init(&cursor, ANNOTATION_CURSOR_BYTES_MAX);
    sample_whole(&annotation);
    static char most[ANNOTATION_CHANNEL_BYTES_MAX];
    memset(most, 'a', sizeof most);
    annotation.channel = slice_of(most, sizeof most);
    query_of(&first, rating);
    assert_false(annotation_query_goes_on(&first));
    struct annotation_place place = annotation_query_place(&first, &annotation);
    annotation_query_append_cursor(&first, &place, &cursor);
    assert_false(cursor.overflown);
    query_of(&second, rating);
    assert_int_equal(
        annotation_query_set(&second, slice_of_text("cursor"), buf_slice(&cursor), &problem),
        ERR_OK);
    assert_int_equal(annotation_query_check(&second, &problem), ERR_OK);
    assert_true(annotation_query_goes_on(&second));
    assert_int_equal(annotation_query_compare(&second, &second.after, &place), 0);
    assert_int_equal(second.after.rank, 6);
    // With another sort or order it means nothing.
    second.ascending = false;
    assert_int_equal(annotation_query_check(&second, &problem), ERR_INVALID);
    second.ascending = true;
    second.sort = ANNOTATION_SORT_TIME;
    assert_int_equal(annotation_query_check(&second, &problem), ERR_INVALID);
    // Any change of its text is refused, or leads to another place, and never further.
    for (size_t i = 0; i < cursor.length; i++) {
        uint8_t byte = cursor.bytes[i];
        for (unsigned c = 0; c < 256; c += 3) {
            cursor.bytes[i] = (uint8_t)c;
            annotation_query_init(&second);
            enum err error = annotation_query_set(&second, slice_of_text("cursor"),
                                                  buf_slice(&cursor), &problem);
            assert_true(error == ERR_OK || error == ERR_INVALID);
        }
        cursor.bytes[i] = byte;
    }
    buf_release(&cursor);
}

static void test_annotation_query__knows_mere_filters(void **state)
{
    (void)state;
    static struct annotation_query query;
    static const char *const filters[] = {
        "channel", "a", "link",  "http://a", "author", "0102030405060708090a0b0c0d0e0fff",
        "q",       "a", "muted", "show",     NULL};
    static const char *const others[] = {"sort", "time", "order", "asc", "limit", "1"};
    query_of(&query, filters);
    assert_true(annotation_query_is_filter(&query));
    for (size_t i = 0; i < sizeof others / sizeof *others; i += 2) {
        struct errmsg problem;
        annotation_query_init(&query);
        assert_int_equal(set(&query, others[i], others[i + 1], &problem), ERR_OK);
        assert_false(annotation_query_is_filter(&query));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_annotation_query__refuses_with_the_name),
        cmocka_unit_test(test_annotation_query__takes_each_once),
        cmocka_unit_test(test_annotation_query__matches),
        cmocka_unit_test(test_annotation_query__matches_all_that_is_named),
        cmocka_unit_test(test_annotation_query__mutes),
        cmocka_unit_test(test_annotation_query__sorts),
        cmocka_unit_test(test_annotation_query__goes_on_at_a_cursor),
        cmocka_unit_test(test_annotation_query__knows_mere_filters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
