#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "samples.h"

#include <stdlib.h>

static void expect_checked(const struct annotation *annotation, enum err error, const char *words)
{
    struct errmsg problem = {""};
    assert_int_equal(annotation_check(annotation, &problem), error);
    if (strstr(problem.text, words) == NULL)
        fail_msg("%s: not of %s", problem.text, words);
    assert_int_equal(annotation_check(annotation, NULL), error);
}

static void expect_text(const char *text, size_t length, enum err error, const char *words)
{
    static struct annotation annotation;
    sample_whole(&annotation);
    annotation.text = slice_of(text, length);
    expect_checked(&annotation, error, words);
}

static void test_annotation__checks_its_text(void **state)
{
    (void)state;
    static char most[ANNOTATION_TEXT_BYTES_MAX + 1];
    memset(most, 'a', sizeof most);
    expect_text("", 0, ERR_OK, "");
    expect_text("a\n\tb", 4, ERR_OK, "");
    expect_text(most, ANNOTATION_TEXT_BYTES_MAX, ERR_OK, "");
    expect_text(most, ANNOTATION_TEXT_BYTES_MAX + 1, ERR_TOO_LARGE, "at most 4096");
    expect_text("ab\rc", 4, ERR_INVALID, "text is wrong at byte 2: there is a control");
    expect_text("\0", 1, ERR_INVALID, "text is wrong at byte 0");
    expect_text("a\xff", 2, ERR_INVALID, "text is wrong at byte 1: it is not UTF-8");
    expect_text("a\xc2\x80", 3, ERR_INVALID, "text is wrong at byte 1");
}

static void test_annotation__says_something(void **state)
{
    (void)state;
    static struct annotation annotation;
    sample_bare(&annotation);
    expect_checked(&annotation, ERR_OK, "");
    annotation.has_rating = false;
    expect_checked(&annotation, ERR_INVALID, "says nothing");
    annotation.text = slice_of_text("a");
    expect_checked(&annotation, ERR_OK, "");
    annotation.text = slice_of_text("");
    annotation.tags[0] = slice_of_text("a");
    annotation.tag_count = 1;
    expect_checked(&annotation, ERR_OK, "");
}

static void test_annotation__checks_its_rating(void **state)
{
    (void)state;
    static struct annotation annotation;
    sample_whole(&annotation);
    for (unsigned rating = 0; rating < 256; rating++) {
        annotation.rating = (uint8_t)rating;
        annotation.has_rating = true;
        expect_checked(&annotation, rating <= 5 ? ERR_OK : ERR_INVALID,
                       rating <= 5 ? "" : "rating");
        annotation.has_rating = false;
        expect_checked(&annotation, rating == 0 ? ERR_OK : ERR_INVALID,
                       rating == 0 ? "" : "rating");
    }
}

static void expect_tag(struct slice tag, enum err error, const char *words)
{
    static struct annotation annotation;
    sample_whole(&annotation);
    annotation.tags[2] = tag;
    annotation.tag_count = 3;
    expect_checked(&annotation, error, words);
}

static void test_annotation__checks_its_tags(void **state)
{
    (void)state;
    static char most[ANNOTATION_TAG_BYTES_MAX + 1];
    memset(most, 'a', sizeof most);
    expect_tag(slice_of_text("a b"), ERR_OK, "");
    expect_tag(slice_of(most, ANNOTATION_TAG_BYTES_MAX), ERR_OK, "");
    expect_tag(slice_of(most, ANNOTATION_TAG_BYTES_MAX + 1), ERR_TOO_LARGE, "tag 3 is too long");
    expect_tag(slice_of_text(""), ERR_INVALID, "tag 3 is empty");
    expect_tag(slice_of_text(" a"), ERR_INVALID, "tag 3 has a space");
    expect_tag(slice_of_text("a "), ERR_INVALID, "tag 3 has a space");
    expect_tag(slice_of_text("a\nb"), ERR_INVALID, "tag 3 is wrong at byte 1");
    expect_tag(slice_of_text("a\tb"), ERR_INVALID, "tag 3 is wrong at byte 1");
    expect_tag(slice_of_text("ab\xc3"), ERR_INVALID, "tag 3 is wrong at byte 2");
    expect_tag(slice_of_text("noir"), ERR_INVALID, "tag 3 is the same as tag 1");
    expect_tag(slice_of_text("Noir"), ERR_OK, "");
}

static void test_annotation__bounds_its_tags(void **state)
{
    (void)state;
    static struct annotation annotation;
    static char names[ANNOTATION_TAGS_MAX];
    sample_whole(&annotation);
    for (unsigned i = 0; i < ANNOTATION_TAGS_MAX; i++) {
        names[i] = (char)('a' + i);
        annotation.tags[i] = slice_of(&names[i], 1);
    }
    annotation.tag_count = ANNOTATION_TAGS_MAX;
    expect_checked(&annotation, ERR_OK, "");
    annotation.tag_count = ANNOTATION_TAGS_MAX + 1;
    expect_checked(&annotation, ERR_TOO_LARGE, "too many tags");
}

static void test_annotation__checks_its_channel(void **state)
{
    (void)state;
    static struct annotation annotation;
    static char most[ANNOTATION_CHANNEL_BYTES_MAX + 1];
    memset(most, 'a', sizeof most);
    sample_whole(&annotation);
    static const char *const good[] = {"a", "0", "a-b_c.d", "a..9", "9-0"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        annotation.channel = slice_of_text(good[i]);
        expect_checked(&annotation, ERR_OK, "");
    }
    static const char *const bad[] = {"",    ".a",  "-a",  "_",         "A",   "aB", "a b", "a/b",
                                      "a\n", "a:b", "a%b", "a\xc3\xa9", "a\0", "a-", "a."};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        annotation.channel = slice_of(bad[i], strlen(bad[i]) + (i == 12 ? 1 : 0));
        expect_checked(&annotation, ERR_INVALID, "channel");
    }
    annotation.channel = slice_of(most, ANNOTATION_CHANNEL_BYTES_MAX);
    expect_checked(&annotation, ERR_OK, "");
    annotation.channel = slice_of(most, ANNOTATION_CHANNEL_BYTES_MAX + 1);
    expect_checked(&annotation, ERR_TOO_LARGE, "channel");
}

static void test_annotation__checks_its_link(void **state)
{
    (void)state;
    static struct annotation annotation;
    struct link_fault fault;
    sample_whole(&annotation);
    assert_true(slice_equal(annotation_identity(&annotation),
                            slice_of_text("ed2k:31d6cfe0d16ae931b73c59d7e0c089c0:700")));
    assert_int_equal(annotation_set_link(&annotation, slice_of_text("http://a b"), &fault),
                     ERR_INVALID);
    assert_int_equal(fault.at, 8);
    expect_checked(&annotation, ERR_OK, ""); // as it was
    annotation.identity[10] ^= 1;
    expect_checked(&annotation, ERR_INVALID, "identity");
    annotation.identity[10] ^= 1;
    annotation.identity_length--;
    expect_checked(&annotation, ERR_INVALID, "identity");
    annotation.identity_length = LINK_IDENTITY_BYTES_MAX + 1;
    expect_checked(&annotation, ERR_INVALID, "identity");
    sample_whole(&annotation);
    annotation.link = slice_of_text("http://a b");
    expect_checked(&annotation, ERR_INVALID, "link is wrong at byte 8: a space");
    annotation.link = slice_of_text("");
    expect_checked(&annotation, ERR_INVALID, "link is wrong at byte 0");
}

static void test_annotation__checks_times_and_ids(void **state)
{
    (void)state;
    static struct annotation annotation;
    sample_whole(&annotation);
    annotation.modified_ms = ANNOTATION_TIME_MS_MAX;
    expect_checked(&annotation, ERR_OK, "");
    annotation.created_ms = ANNOTATION_TIME_MS_MAX;
    expect_checked(&annotation, ERR_OK, "");
    annotation.modified_ms--;
    expect_checked(&annotation, ERR_INVALID, "creation");
    annotation.modified_ms = ANNOTATION_TIME_MS_MAX + 1;
    expect_checked(&annotation, ERR_INVALID, "modification");
    sample_whole(&annotation);
    annotation.replies_to = annotation.id;
    expect_checked(&annotation, ERR_INVALID, "itself");
    annotation.replies_to.number[7] ^= 1;
    expect_checked(&annotation, ERR_OK, "");
    annotation.id = (struct annotation_id){.number = {0}};
    expect_checked(&annotation, ERR_INVALID, "id is missing");
    struct errmsg problem;
    assert_int_equal(annotation_check_draft(&annotation, &problem), ERR_OK);
}

static void expect_back(const struct annotation *annotation)
{
    static struct annotation back;
    struct buf value;
    buf_init(&value, ANNOTATION_VALUE_BYTES_MAX);
    annotation_encode(&value, annotation);
    assert_false(value.overflown);
    assert_int_equal(annotation_decode(&annotation->id, buf_slice(&value), &back), ERR_OK);
    sample_expect_equal(&back, annotation);
    buf_release(&value);
}

static void test_annotation__comes_back(void **state)
{
    (void)state;
    static struct annotation annotation;
    struct rng rng;
    struct buf room;
    rng_init(&rng, 11);
    buf_init(&room, SAMPLE_ROOM_BYTES);
    sample_bare(&annotation);
    expect_back(&annotation);
    sample_whole(&annotation);
    expect_back(&annotation);
    for (int i = 0; i < 3000; i++) {
        sample_random(&rng, &room, &annotation);
        expect_checked(&annotation, ERR_OK, "");
        expect_back(&annotation);
    }
    buf_release(&room);
}

static void test_annotation__fits_its_bound(void **state)
{
    (void)state;
    static struct annotation annotation;
    static char link[LINK_BYTES_MAX + 1];
    static char filler[ANNOTATION_TEXT_BYTES_MAX];
    static char tags[ANNOTATION_TAGS_MAX][ANNOTATION_TAG_BYTES_MAX];
    sample_whole(&annotation);
    memset(link, 'a', LINK_BYTES_MAX);
    link[1] = ':';
    sample_set_link(&annotation, link);
    memset(filler, 'a', sizeof filler);
    annotation.text = slice_of(filler, sizeof filler);
    annotation.channel = slice_of(filler, ANNOTATION_CHANNEL_BYTES_MAX);
    annotation.tag_count = ANNOTATION_TAGS_MAX;
    for (unsigned i = 0; i < ANNOTATION_TAGS_MAX; i++) {
        memset(tags[i], 'a' + (int)i, sizeof tags[i]);
        annotation.tags[i] = slice_of(tags[i], sizeof tags[i]);
    }
    annotation.created_ms = 1;
    annotation.modified_ms = ANNOTATION_TIME_MS_MAX;
    expect_checked(&annotation, ERR_OK, "");
    expect_back(&annotation);
}

// A value of `head`, then a channel "a", a link "x:y", a text "t", and `tags`.
static enum err decode(const char *head, size_t head_length, const char *tags, size_t tags_length)
{
    static struct annotation annotation;
    static const struct annotation_id id = {.number = {9}};
    struct buf value;
    buf_init(&value, 200);
    buf_append(&value, head, head_length);
    buf_append_slice(&value, slice_of("\1a\3x:y\1t", 8));
    buf_append(&value, tags, tags_length);
    enum err error = annotation_decode(&id, buf_slice(&value), &annotation);
    buf_release(&value);
    return error;
}

#define DECODE(head, tags) decode("" head, sizeof(head) - 1, "" tags, sizeof(tags) - 1)
#define ZEROS16 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"

static void test_annotation__refuses_other_values(void **state)
{
    (void)state;
    assert_int_equal(DECODE("\1\0\0\0", "\0"), ERR_OK);
    assert_int_equal(DECODE("\1\1\5\0\0", "\1\1b"), ERR_OK);
    assert_int_equal(DECODE("\1\2" ZEROS16 "\0\0\0\0\0\0\0\1\0\0", "\0"), ERR_OK);
    assert_int_equal(DECODE("\2\0\0\0", "\0"), ERR_VERSION);
    assert_int_equal(DECODE("\0\0\0\0", "\0"), ERR_INVALID);
    assert_int_equal(DECODE("\1\4\0\0", "\0"), ERR_INVALID);     // an unknown flag
    assert_int_equal(DECODE("\1\1\6\0\0", "\0"), ERR_INVALID);   // a rating of 6
    assert_int_equal(DECODE("\1\0\200\0\0", "\0"), ERR_INVALID); // an overlong number
    assert_int_equal(DECODE("\1\0\0\0", "\0\0"), ERR_INVALID);   // more behind it
    assert_int_equal(DECODE("\1\0\0\0", ""), ERR_INVALID);       // cut off
    assert_int_equal(DECODE("\1\0\0\0", "\1"), ERR_INVALID);
    assert_int_equal(DECODE("\1\0\0\0", "\1\1"), ERR_INVALID);
    assert_int_equal(DECODE("\1\0\0\0", "\1\0"), ERR_INVALID);             // an empty tag
    assert_int_equal(DECODE("\1\0\0\0", "\2\1b\1b"), ERR_INVALID);         // twice the same
    assert_int_equal(DECODE("\1\0\0\0", "\1\2 b"), ERR_INVALID);           // not trimmed
    assert_int_equal(DECODE("\1\0\0\0", "\21" ZEROS16 "\0"), ERR_INVALID); // 17 tags
    // A reply to nothing, and to itself.
    assert_int_equal(DECODE("\1\2" ZEROS16 "\0\0\0\0\0\0\0\0\0\0", "\0"), ERR_INVALID);
    assert_int_equal(DECODE("\1\2" ZEROS16 "\11\0\0\0\0\0\0\0\0\0", "\0"), ERR_INVALID);
    // Times after the year 9999.
    assert_int_equal(DECODE("\1\0\377\267\377\220\375\316\71\0", "\0"), ERR_OK);
    assert_int_equal(DECODE("\1\0\200\270\377\220\375\316\71\0", "\0"), ERR_INVALID);
    assert_int_equal(DECODE("\1\0\377\267\377\220\375\316\71\1", "\0"), ERR_INVALID);
    assert_int_equal(DECODE("\1\0\0\377\377\377\377\377\377\377\377\377\1", "\0"), ERR_INVALID);
}

static void test_annotation__refuses_each_beginning_of_a_value(void **state)
{
    (void)state;
    static struct annotation annotation;
    static struct annotation back;
    struct buf value;
    sample_whole(&annotation);
    buf_init(&value, ANNOTATION_VALUE_BYTES_MAX);
    annotation_encode(&value, &annotation);
    for (size_t length = 0; length < value.length; length++) {
        uint8_t *copy = malloc(length + 1);
        assert_non_null(copy);
        memcpy(copy, value.bytes, length);
        assert_int_equal(annotation_decode(&annotation.id, slice_of(copy, length), &back),
                         ERR_INVALID);
        free(copy);
    }
    assert_int_equal(annotation_decode(&annotation.id, slice_of(NULL, 0), &back), ERR_INVALID);
    buf_release(&value);
}

// Whatever a changed byte makes of a value: it is refused, or is the one encoding of what it says.
static void test_annotation__has_one_value(void **state)
{
    (void)state;
    static struct annotation annotation;
    static struct annotation back;
    struct buf value;
    struct buf again;
    unsigned taken = 0;
    sample_whole(&annotation);
    buf_init(&value, ANNOTATION_VALUE_BYTES_MAX);
    buf_init(&again, ANNOTATION_VALUE_BYTES_MAX);
    annotation_encode(&value, &annotation);
    for (size_t at = 0; at < value.length; at++) {
        for (unsigned change = 1; change < 256; change++) {
            value.bytes[at] ^= (uint8_t)change;
            if (annotation_decode(&annotation.id, buf_slice(&value), &back) == ERR_OK) {
                buf_clear(&again);
                annotation_encode(&again, &back);
                assert_true(slice_equal(buf_slice(&again), buf_slice(&value)));
                taken++;
            }
            value.bytes[at] ^= (uint8_t)change;
        }
    }
    assert_true(taken > 1000);
    buf_release(&value);
    buf_release(&again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_annotation__checks_its_text),
        cmocka_unit_test(test_annotation__says_something),
        cmocka_unit_test(test_annotation__checks_its_rating),
        cmocka_unit_test(test_annotation__checks_its_tags),
        cmocka_unit_test(test_annotation__bounds_its_tags),
        cmocka_unit_test(test_annotation__checks_its_channel),
        cmocka_unit_test(test_annotation__checks_its_link),
        cmocka_unit_test(test_annotation__checks_times_and_ids),
        cmocka_unit_test(test_annotation__comes_back),
        cmocka_unit_test(test_annotation__fits_its_bound),
        cmocka_unit_test(test_annotation__refuses_other_values),
        cmocka_unit_test(test_annotation__refuses_each_beginning_of_a_value),
        cmocka_unit_test(test_annotation__has_one_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
