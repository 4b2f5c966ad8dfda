// What a peer shows of a key is judged: each thing that it may not show is found out.

#include "epidemic_sample.h"
#include "sim/epidemic_sight.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const struct dot nothing = {0, 0};
static const struct dot put = {7, 1};
static const struct dot beside = {8, 2};
static const struct dot over = {7, 3}; // covers `put`

// A peer that knows sets, and shows a list.
struct scene {
    struct epidemic_oracle oracle;
    struct knowledge known;
    struct knowledge strays;
    struct knowledge stable;
    struct epidemic_marks marks;
    struct epidemic_sight sight;
    char text[EPIDEMIC_SIGHT_TEXT_BYTES];
};

static struct scene scene;

static int set_up(void **state)
{
    (void)state;
    memset(&scene, 0, sizeof scene);
    epidemic_oracle_init(&scene.oracle, 1);
    (void)epidemic_sample_add(&scene.oracle, put, "put", nothing);
    (void)epidemic_sample_add(&scene.oracle, beside, "beside", nothing);
    (void)epidemic_sample_add(&scene.oracle, over, "over", put);
    scene.sight.known = &scene.known;
    scene.sight.strays = &scene.strays;
    scene.sight.stable = &scene.stable;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    epidemic_oracle_release(&scene.oracle);
    knowledge_release(&scene.known);
    knowledge_release(&scene.strays);
    knowledge_release(&scene.stable);
    epidemic_marks_release(&scene.marks);
    return 0;
}

static struct epidemic_shown *show(struct dot dot)
{
    const struct oracle_operation *operation = epidemic_oracle_find(&scene.oracle, dot);
    struct epidemic_shown *shown = &scene.sight.list[scene.sight.count++];
    *shown = (struct epidemic_shown){.dot = dot,
                                     .id = operation->id,
                                     .stamp = operation->stamp,
                                     .value_hash = operation->value_hash,
                                     .is_stable = knowledge_has(&scene.stable, dot)};
    return shown;
}

static const char *judge_with(enum epidemic_rigor rigor)
{
    return epidemic_sight_judge(&scene.oracle, &scene.sight, rigor, &scene.marks, scene.text);
}

static void assert_wrong(const char *what)
{
    const char *wrong = judge_with(EPIDEMIC_RIGOR_FULL);
    assert_non_null(wrong);
    assert_non_null(strstr(wrong, what));
}

static void assert_right(void)
{
    assert_null(judge_with(EPIDEMIC_RIGOR_FULL));
}

static void test_epidemic_sight__takes_what_nothing_known_covers(void **state)
{
    (void)state;
    assert_right();
    epidemic_sample_know(&scene.known, put);
    epidemic_sample_know(&scene.known, beside);
    (void)show(beside);
    (void)show(put);
    assert_right();
}

static void test_epidemic_sight__minds_what_nobody_wrote_so(void **state)
{
    (void)state;
    epidemic_sample_know(&scene.known, put);
    struct epidemic_shown *shown = show(put);
    shown->value_hash++;
    assert_wrong("otherwise than it was written");
    shown->value_hash--;
    shown->stamp.counter++;
    assert_wrong("otherwise than it was written");
    shown->stamp.counter--;
    shown->id.bytes[0] ^= 1;
    assert_wrong("otherwise than it was written");
    shown->id.bytes[0] ^= 1;
    assert_right();
    shown->dot.sequence = 99;
    assert_wrong("nobody wrote it");
}

static void test_epidemic_sight__minds_what_is_not_known(void **state)
{
    (void)state;
    (void)show(put);
    assert_wrong("not known");
}

static void test_epidemic_sight__minds_a_wrong_mark_of_stability(void **state)
{
    (void)state;
    epidemic_sample_know(&scene.known, put);
    show(put)->is_stable = true;
    assert_wrong("mark of stability");
}

static void test_epidemic_sight__minds_the_order(void **state)
{
    (void)state;
    epidemic_sample_know(&scene.known, put);
    epidemic_sample_know(&scene.known, beside);
    (void)show(put);
    (void)show(beside);
    assert_wrong("wrong order");
}

static void test_epidemic_sight__minds_what_a_known_operation_covers(void **state)
{
    (void)state;
    epidemic_sample_know(&scene.known, put);
    epidemic_sample_know(&scene.known, over);
    (void)show(over);
    (void)show(put);
    assert_wrong("covers it");
}

static void test_epidemic_sight__minds_what_a_stray_header_covers(void **state)
{
    (void)state;
    epidemic_sample_know(&scene.known, put);
    (void)show(put);
    assert_right();
    epidemic_sample_know(&scene.strays, over);
    assert_wrong("covers it");
}

static void test_epidemic_sight__minds_what_is_missing(void **state)
{
    (void)state;
    epidemic_sample_know(&scene.known, put);
    assert_wrong("known and not shown");
    assert_null(judge_with(EPIDEMIC_RIGOR_WRITTEN));
}

static void test_epidemic_sight__takes_what_was_dropped_under_the_horizon(void **state)
{
    (void)state;
    epidemic_sample_know(&scene.known, put);
    epidemic_sample_know(&scene.oracle.horizon, put);
    assert_right();
    // What nobody ever replaced may not be dropped.
    epidemic_sample_know(&scene.known, beside);
    epidemic_sample_know(&scene.oracle.horizon, beside);
    assert_wrong("known and not shown");
}

static void test_epidemic_sight__minds_what_comes_back(void **state)
{
    (void)state;
    epidemic_sample_know(&scene.known, put);
    epidemic_sample_know(&scene.strays, over);
    assert_right();
    // The header that covered it is gone, and it is shown again.
    knowledge_clear(&scene.strays);
    (void)show(put);
    assert_wrong("shown again");
}

static void test_epidemic_sight__forgets_marks_with_a_copy_of_older_ones(void **state)
{
    (void)state;
    struct epidemic_marks before = {0};
    epidemic_marks_copy(&before, &scene.marks);
    epidemic_marks_set(&scene.marks, 130);
    assert_true(epidemic_marks_have(&scene.marks, 130));
    assert_false(epidemic_marks_have(&scene.marks, 129));
    assert_false(epidemic_marks_have(&scene.marks, 1000));
    epidemic_marks_copy(&scene.marks, &before);
    assert_false(epidemic_marks_have(&scene.marks, 130));
    epidemic_marks_release(&before);
}

static const char *judge_stable(const struct epidemic_shown *shown)
{
    return epidemic_sight_judge_stable(&scene.oracle, &scene.sight, shown, &scene.marks,
                                       scene.text);
}

static void test_epidemic_sight__minds_what_is_shown_as_stable(void **state)
{
    (void)state;
    struct epidemic_shown first = *show(put);
    struct epidemic_shown second = *show(over);
    assert_non_null(strstr(judge_stable(&first), "is not"));
    epidemic_sample_know(&scene.stable, put);
    assert_null(judge_stable(&first));
    epidemic_sample_know(&scene.stable, over);
    assert_null(judge_stable(&second));
    assert_non_null(strstr(judge_stable(&first), "after what covers it"));
    second.value_hash++;
    assert_non_null(strstr(judge_stable(&second), "nobody wrote it so"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_epidemic_sight__takes_what_nothing_known_covers),
        TEST(test_epidemic_sight__minds_what_nobody_wrote_so),
        TEST(test_epidemic_sight__minds_what_is_not_known),
        TEST(test_epidemic_sight__minds_a_wrong_mark_of_stability),
        TEST(test_epidemic_sight__minds_the_order),
        TEST(test_epidemic_sight__minds_what_a_known_operation_covers),
        TEST(test_epidemic_sight__minds_what_a_stray_header_covers),
        TEST(test_epidemic_sight__minds_what_is_missing),
        TEST(test_epidemic_sight__takes_what_was_dropped_under_the_horizon),
        TEST(test_epidemic_sight__minds_what_comes_back),
        TEST(test_epidemic_sight__forgets_marks_with_a_copy_of_older_ones),
        TEST(test_epidemic_sight__minds_what_is_shown_as_stable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
