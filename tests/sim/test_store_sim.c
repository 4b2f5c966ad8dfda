#include "sim/store_sim.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

enum { REPORTS_MAX = 1000 };

struct report {
    uint64_t batch;
    enum err error;
    uint64_t at_us;
};

struct fixture {
    struct timeline *timeline;
    struct store_sim *sim;
    struct store port;
    struct report reports[REPORTS_MAX];
    uint32_t count;
    uint64_t crash_from; // the batch whose report ends the process, 0 for none
    bool reopen;         // and begins another
};

static struct fixture fixture;

static void reopen(void);

static void on_done(void *context, uint64_t batch, enum err error)
{
    struct fixture *own = context;
    assert_true(own->count < REPORTS_MAX);
    own->reports[own->count++] = (struct report){batch, error, timeline_now_us(own->timeline)};
    if (own->crash_from == 0 || batch < own->crash_from)
        return;
    store_sim_crash(own->sim, 0);
    own->crash_from = 0;
    if (own->reopen)
        reopen();
}

static void start(uint64_t seed)
{
    const struct delay sync = {.us_min = 100, .us_max = 500};
    fixture = (struct fixture){.timeline = timeline_new()};
    fixture.sim = store_sim_new(fixture.timeline, seed, &sync);
    fixture.port = store_sim_open(fixture.sim, on_done, &fixture);
}

static void reopen(void)
{
    fixture.count = 0;
    fixture.port = store_sim_open(fixture.sim, on_done, &fixture);
}

static void stop(void)
{
    store_sim_free(fixture.sim);
    assert_int_equal(timeline_waiting(fixture.timeline), 0);
    timeline_free(fixture.timeline);
}

static void put(const char *key, const char *value)
{
    fixture.port.ops->put(fixture.port.self, STORE_RECORDS, slice_of_text(key),
                          slice_of_text(value));
}

static uint64_t commit(void)
{
    return fixture.port.ops->commit(fixture.port.self);
}

static uint64_t commit_put(const char *key, const char *value)
{
    put(key, value);
    return commit();
}

static void run(void)
{
    while (timeline_step(fixture.timeline))
        continue;
}

// The value of a key; NULL for none.
static const char *value_of(const char *key)
{
    static char text[64];
    struct slice value;
    enum err error =
        fixture.port.ops->get(fixture.port.self, STORE_RECORDS, slice_of_text(key), &value);
    if (error == ERR_NOT_FOUND)
        return NULL;
    assert_int_equal(error, ERR_OK);
    assert_true(value.length < sizeof text);
    memcpy(text, value.bytes, value.length);
    text[value.length] = '\0';
    return text;
}

static void assert_value(const char *key, const char *value)
{
    const char *found = value_of(key);
    assert_int_equal(found != NULL, value != NULL);
    if (value != NULL)
        assert_string_equal(found, value);
}

static void test_store_sim__reports_in_order_and_later(void **state)
{
    (void)state;
    start(1);
    for (uint64_t i = 1; i <= 200; i++) {
        assert_int_equal(commit_put("key", "value"), i);
        assert_true(fixture.count == 0 || fixture.reports[fixture.count - 1].batch < i);
        timeline_run_until(fixture.timeline, timeline_now_us(fixture.timeline) + 50);
    }
    assert_int_equal(commit(), 201); // empty
    run();
    uint32_t groups = 0;
    for (uint32_t i = 0; i < fixture.count; i++) {
        uint64_t before = i > 0 ? fixture.reports[i - 1].batch : 0;
        assert_int_equal(fixture.reports[i].error, ERR_OK);
        assert_true(fixture.reports[i].batch > before);
        assert_true(fixture.reports[i].at_us >= 100);
        groups += fixture.reports[i].batch > before + 1;
    }
    assert_int_equal(fixture.reports[fixture.count - 1].batch, 201);
    assert_true(groups > 5);
    assert_int_equal(store_sim_unreported(fixture.sim), 0);
    assert_value("key", "value");
    stop();
}

static void test_store_sim__never_shows_the_open_batch(void **state)
{
    (void)state;
    for (int sight = 0; sight < STORE_SIM_SIGHT_COUNT; sight++) {
        start(2);
        store_sim_set_sight(fixture.sim, (enum store_sim_sight)sight);
        put("key", "value");
        assert_value("key", NULL);
        stop();
    }
}

static void test_store_sim__shows_committed_batches_as_its_sight_says(void **state)
{
    (void)state;
    start(3);
    store_sim_set_sight(fixture.sim, STORE_SIM_SEES_REPORTED);
    commit_put("key", "one");
    assert_value("key", NULL);
    run();
    assert_value("key", "one");
    store_sim_set_sight(fixture.sim, STORE_SIM_SEES_COMMITTED);
    commit_put("key", "two");
    assert_value("key", "two");
    run();
    assert_value("key", "two");
    store_sim_set_sight(fixture.sim, STORE_SIM_SEES_SOME);
    uint32_t seen = 0;
    for (int i = 0; i < 100; i++) {
        commit_put("other", "x");
        seen += value_of("other") != NULL;
        run();
        assert_value("other", "x");
        fixture.port.ops->remove(fixture.port.self, STORE_RECORDS, slice_of_text("other"));
        commit();
        run();
        assert_value("other", NULL);
    }
    assert_in_range(seen, 20, 80);
    stop();
}

static void test_store_sim__draws_its_sight_from_the_seed(void **state)
{
    (void)state;
    uint32_t seen = 0;
    for (uint64_t seed = 0; seed < 60; seed++) {
        start(seed);
        commit_put("key", "value");
        seen += value_of("key") != NULL;
        stop();
    }
    assert_in_range(seen, 15, 45);
}

static void test_store_sim__keeps_what_survives_a_crash(void **state)
{
    (void)state;
    static const char *const names[] = {"0", "1", "2", "3", "4", "5"};
    for (uint64_t survivors = 0; survivors < 5; survivors++) {
        start(4 + survivors);
        commit_put("reported", "x");
        run();
        for (int i = 1; i <= 3; i++)
            commit_put("key", names[i]);
        put("open", "x");
        assert_int_equal(store_sim_unreported(fixture.sim), 3);
        store_sim_crash(fixture.sim, survivors);
        assert_false(store_sim_is_open(fixture.sim));
        run();
        assert_int_equal(fixture.count, 1);
        reopen();
        assert_value("reported", "x");
        assert_value("open", NULL);
        assert_value("key", survivors == 0 ? NULL : names[survivors < 3 ? survivors : 3]);
        assert_int_equal(store_sim_pairs(fixture.sim, STORE_RECORDS), survivors > 0 ? 2 : 1);
        assert_int_equal(commit_put("key", "new"), 1);
        run();
        assert_int_equal(fixture.count, 1);
        assert_value("key", "new");
        stop();
    }
}

static void start_steady(uint64_t seed)
{
    const struct delay sync = {.us_min = 100, .us_max = 500};
    fixture = (struct fixture){.timeline = timeline_new()};
    fixture.sim = store_sim_new(fixture.timeline, seed, &sync);
    store_sim_make_steady(fixture.sim);
    fixture.port = store_sim_open(fixture.sim, on_done, &fixture);
}

static void run_until_reported(uint32_t count)
{
    while (fixture.count < count)
        assert_true(timeline_step(fixture.timeline));
}

static void test_store_sim__a_steady_store_loses_with_the_power_what_no_sync_took(void **state)
{
    (void)state;
    static const char *const names[] = {NULL, "1", "2", "3"};
    for (uint64_t survivors = 0; survivors < 5; survivors++) {
        start_steady(20 + survivors);
        commit_put("synced", "x");
        run(); // the sync of the second, too
        fixture.count = 0;
        for (int i = 1; i <= 3; i++) {
            commit_put("key", names[i]);
            run_until_reported((uint32_t)i);
        }
        commit_put("unreported", "x");
        assert_int_equal(store_sim_unsynced(fixture.sim), 3);
        store_sim_lose_power(fixture.sim, survivors);
        assert_true(store_sim_is_suspect(fixture.sim));
        run();
        reopen();
        assert_value("synced", "x");
        assert_value("unreported", NULL);
        assert_value("key", names[survivors < 3 ? survivors : 3]);
        store_sim_trust(fixture.sim);
        assert_false(store_sim_is_suspect(fixture.sim));
        stop();
    }
}

static void
test_store_sim__a_steady_store_keeps_what_was_reported_when_its_process_dies(void **state)
{
    (void)state;
    start_steady(30);
    commit_put("key", "1");
    run_until_reported(1);
    store_sim_crash(fixture.sim, 0);
    assert_false(store_sim_is_suspect(fixture.sim));
    reopen();
    assert_value("key", "1");
    // The next process's machine loses power before anything was synced.
    store_sim_lose_power(fixture.sim, 0);
    reopen();
    assert_value("key", NULL);
    stop();
}

static void test_store_sim__other_stores_lose_nothing_with_the_power(void **state)
{
    (void)state;
    start(31);
    commit_put("key", "1");
    run();
    store_sim_lose_power(fixture.sim, 0);
    assert_false(store_sim_is_suspect(fixture.sim));
    reopen();
    assert_value("key", "1");
    stop();
}

static void test_store_sim__fails_from_the_batch_it_is_told(void **state)
{
    (void)state;
    for (int sight = 0; sight < STORE_SIM_SIGHT_COUNT; sight++) {
        start(20);
        store_sim_set_sight(fixture.sim, (enum store_sim_sight)sight);
        store_sim_fail_batch(fixture.sim, 3, ERR_FULL);
        commit_put("one", "x");
        commit_put("two", "x");
        commit_put("three", "x");
        commit_put("four", "x");
        assert_value("three", NULL);
        run();
        bool failed = false;
        for (uint32_t i = 0; i < fixture.count; i++) {
            assert_int_equal(fixture.reports[i].error,
                             fixture.reports[i].batch < 3 ? ERR_OK : ERR_FULL);
            failed = failed || fixture.reports[i].error != ERR_OK;
        }
        assert_true(failed);
        assert_int_equal(fixture.reports[fixture.count - 1].batch, 4);
        assert_int_equal(commit_put("five", "x"), 5); // it stays failed
        run();
        assert_int_equal(fixture.reports[fixture.count - 1].batch, 5);
        assert_int_equal(fixture.reports[fixture.count - 1].error, ERR_FULL);
        assert_value("two", "x");
        assert_value("four", NULL);
        commit_put("six", "x");
        store_sim_crash(fixture.sim, UINT64_MAX);
        reopen();
        assert_value("six", NULL);
        commit_put("seven", "x");
        run();
        assert_value("seven", "x");
        stop();
    }
}

static void test_store_sim__reports_both_ends_of_a_failed_group(void **state)
{
    (void)state;
    uint32_t groups = 0;
    for (uint64_t seed = 0; seed < 40; seed++) {
        start(seed);
        store_sim_fail_batch(fixture.sim, 4, ERR_IO);
        for (int i = 0; i < 6; i++)
            commit_put("key", "x");
        run();
        for (uint32_t i = 0; i + 1 < fixture.count; i++) {
            if (fixture.reports[i].at_us != fixture.reports[i + 1].at_us)
                continue;
            groups++;
            assert_int_equal(fixture.reports[i].batch, 3);
            assert_int_equal(fixture.reports[i].error, ERR_OK);
            assert_int_equal(fixture.reports[i + 1].error, ERR_IO);
        }
        stop();
    }
    assert_true(groups > 0);
}

static void test_store_sim__can_crash_inside_a_report(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 40; seed++) {
        start(seed);
        fixture.crash_from = 2;
        fixture.reopen = seed % 2 == 1;
        store_sim_fail_batch(fixture.sim, 4, ERR_IO);
        for (int i = 0; i < 6; i++)
            commit_put("key", "x");
        run();
        assert_int_equal(store_sim_is_open(fixture.sim), fixture.reopen);
        if (fixture.reopen)
            assert_int_equal(fixture.count, 0);
        else
            assert_int_equal(fixture.count, 2); // batch 1, and the report of the crash
        stop();
    }
}

static void test_store_sim__can_fail_to_read(void **state)
{
    (void)state;
    start(5);
    commit_put("key", "x");
    run();
    struct slice value;
    store_sim_fail_reads(fixture.sim, ERR_CORRUPT);
    assert_int_equal(
        fixture.port.ops->get(fixture.port.self, STORE_RECORDS, slice_of_text("key"), &value),
        ERR_CORRUPT);
    store_sim_fail_reads(fixture.sim, ERR_OK);
    assert_value("key", "x");
    stop();
}

struct walk {
    char keys[64];
    size_t length;
    size_t stop_after;
};

static bool visit(void *context, struct slice key, struct slice value)
{
    struct walk *walk = context;
    assert_true(slice_equal(key, value));
    assert_true(walk->length + key.length < sizeof walk->keys);
    memcpy(walk->keys + walk->length, key.bytes, key.length);
    walk->length += key.length;
    walk->keys[walk->length] = '\0';
    return walk->length < walk->stop_after;
}

static const char *scan(const char *first, const char *end, size_t stop_after)
{
    static struct walk walk;
    walk = (struct walk){.stop_after = stop_after};
    assert_int_equal(fixture.port.ops->scan(fixture.port.self, STORE_RECORDS, slice_of_text(first),
                                            slice_of_text(end), visit, &walk),
                     ERR_OK);
    return walk.keys;
}

static void test_store_sim__scans_a_range_of_one_table(void **state)
{
    (void)state;
    static const char *const keys[] = {"d", "b", "a", "c", "e"};
    start(6);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        put(keys[i], keys[i]);
    fixture.port.ops->put(fixture.port.self, STORE_META, slice_of_text("cc"), slice_of_text("x"));
    commit();
    run();
    assert_string_equal(scan("", "", 64), "abcde");
    assert_string_equal(scan("b", "d", 64), "bc");
    assert_string_equal(scan("bb", "", 64), "cde");
    assert_string_equal(scan("b", "", 2), "bc");
    assert_string_equal(scan("f", "", 64), "");
    assert_int_equal(store_sim_pairs(fixture.sim, STORE_META), 1);
    stop();
}

static void test_store_sim__is_repeatable(void **state)
{
    (void)state;
    static struct report first[REPORTS_MAX];
    uint32_t count = 0;
    for (int again = 0; again < 2; again++) {
        start(77);
        for (int i = 0; i < 100; i++) {
            commit_put("key", "x");
            timeline_run_until(fixture.timeline, timeline_now_us(fixture.timeline) + 90);
        }
        run();
        if (again == 1) {
            assert_int_equal(count, fixture.count);
            for (uint32_t i = 0; i < count; i++) {
                assert_int_equal(first[i].batch, fixture.reports[i].batch);
                assert_int_equal(first[i].at_us, fixture.reports[i].at_us);
            }
        }
        memcpy(first, fixture.reports, sizeof first);
        count = fixture.count;
        stop();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_store_sim__reports_in_order_and_later),
        cmocka_unit_test(test_store_sim__never_shows_the_open_batch),
        cmocka_unit_test(test_store_sim__shows_committed_batches_as_its_sight_says),
        cmocka_unit_test(test_store_sim__draws_its_sight_from_the_seed),
        cmocka_unit_test(test_store_sim__keeps_what_survives_a_crash),
        cmocka_unit_test(test_store_sim__a_steady_store_loses_with_the_power_what_no_sync_took),
        cmocka_unit_test(
            test_store_sim__a_steady_store_keeps_what_was_reported_when_its_process_dies),
        cmocka_unit_test(test_store_sim__other_stores_lose_nothing_with_the_power),
        cmocka_unit_test(test_store_sim__fails_from_the_batch_it_is_told),
        cmocka_unit_test(test_store_sim__reports_both_ends_of_a_failed_group),
        cmocka_unit_test(test_store_sim__can_crash_inside_a_report),
        cmocka_unit_test(test_store_sim__can_fail_to_read),
        cmocka_unit_test(test_store_sim__scans_a_range_of_one_table),
        cmocka_unit_test(test_store_sim__is_repeatable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
