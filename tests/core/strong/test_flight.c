#include "core/strong/flight.h"

#include "core/strong/record_store.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { KEYSPACE = 7, SLOT = 3, NOW_US = 1000, MANY = 200 };

struct bench {
    struct flights flights;
    struct effects effects;
};

static void bench_init(struct bench *bench)
{
    flights_init(&bench->flights);
    effects_init(&bench->effects);
}

static void bench_release(struct bench *bench)
{
    flights_release(&bench->flights);
    effects_release(&bench->effects);
}

static struct record record_of(uint64_t sequence, const char *value)
{
    return (struct record){.stamp = stamp_make(1, sequence, 1), .value = slice_of_text(value)};
}

static struct flight *added(struct bench *bench, const char *key, const char *value)
{
    struct record record = record_of(1, value);
    struct flight *flight =
        flights_add(&bench->flights, KEYSPACE, SLOT, slice_of_text(key), NOW_US);
    flight_write(&bench->flights, &bench->effects, flight, &record);
    return flight;
}

static bool writes_key(const struct bench *bench, size_t at, enum store_table table, bool remove,
                       const char *key)
{
    struct store_key name;
    const struct effect_write *write = &bench->effects.writes[at];
    store_key_make(&name, KEYSPACE, SLOT, slice_of_text(key));
    return write->store == EFFECT_DATA && write->table == table && write->remove == remove &&
           slice_equal(effects_bytes(&bench->effects, write->key), store_key_slice(&name));
}

static void test_flight__is_found_by_keyspace_and_key(void **state)
{
    (void)state;
    struct bench bench;
    char key[16];
    bench_init(&bench);
    assert_null(flights_find(&bench.flights, KEYSPACE, slice_of_text("0")));
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(key, sizeof key, "%u", i);
        added(&bench, key, "v");
    }
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(key, sizeof key, "%u", i);
        const struct flight *flight = flights_find(&bench.flights, KEYSPACE, slice_of_text(key));
        assert_non_null(flight);
        assert_true(slice_equal(flight_key(flight), slice_of_text(key)));
    }
    assert_null(flights_find(&bench.flights, KEYSPACE + 1, slice_of_text("0")));
    bench_release(&bench);
}

static void test_flight__writes_its_mark_with_its_record(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    struct flight *flight = added(&bench, "k", "value");
    assert_int_equal(bench.effects.write_count, 2);
    assert_true(writes_key(&bench, 0, STORE_MARKS, false, "k"));
    assert_true(writes_key(&bench, 1, STORE_RECORDS, false, "k"));
    assert_false(flight->persisted);
    assert_int_equal(flight->token, bench.effects.tokens[EFFECT_DATA]);
    assert_true(slice_equal(flight->record.value, slice_of_text("value")));
    bench_release(&bench);
}

static void test_flight__is_persisted_by_its_token_in_order(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    struct flight *one = added(&bench, "one", "v");
    struct flight *two = added(&bench, "two", "v");
    assert_true(one->token < two->token);
    assert_null(flights_next_persisted(&bench.flights, one->token - 1));
    assert_ptr_equal(flights_next_persisted(&bench.flights, one->token), one);
    assert_true(one->persisted);
    assert_null(flights_next_persisted(&bench.flights, one->token));
    assert_ptr_equal(flights_next_persisted(&bench.flights, two->token), two);
    bench_release(&bench);
}

// A newer record of the key goes to the end of the queue: the older one's sync does not persist it.
static void test_flight__written_again_waits_for_the_later_token(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    struct flight *flight = added(&bench, "k", "a longer value");
    struct flight *other = added(&bench, "other", "v");
    uint64_t first = flight->token;
    struct record newer = record_of(2, "new");
    flight_write(&bench.flights, &bench.effects, flight, &newer);
    assert_null(flights_next_persisted(&bench.flights, first));
    assert_ptr_equal(flights_next_persisted(&bench.flights, flight->token), other);
    assert_ptr_equal(flights_next_persisted(&bench.flights, flight->token), flight);
    assert_true(slice_equal(flight->record.value, slice_of_text("new")));
    assert_int_equal(bench.flights.bytes,
                     strlen("k") + strlen("new") + strlen("other") + strlen("v"));
    bench_release(&bench);
}

static void test_flight__clears_its_mark_at_the_end(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    struct flight *flight = added(&bench, "k", "v");
    effects_clear(&bench.effects);
    flight_end(&bench.flights, &bench.effects, flight);
    assert_int_equal(bench.effects.write_count, 1);
    assert_true(writes_key(&bench, 0, STORE_MARKS, true, "k"));
    assert_int_equal(bench.flights.table.count, 0);
    assert_int_equal(bench.flights.bytes, 0);
    assert_null(flights_next_persisted(&bench.flights, UINT64_MAX));
    bench_release(&bench);
}

static void test_flight__is_kept_without_its_value(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    struct flight *flight = added(&bench, "k", "value");
    assert_ptr_equal(flights_next_persisted(&bench.flights, flight->token), flight);
    flight->committed = true;
    effects_clear(&bench.effects);
    flight_keep(&bench.flights, &bench.effects, flight);
    assert_true(writes_key(&bench, 0, STORE_MARKS, true, "k"));
    assert_ptr_equal(flights_find(&bench.flights, KEYSPACE, slice_of_text("k")), flight);
    assert_int_equal(bench.flights.kept_count, 1);
    assert_int_equal(bench.flights.bytes, strlen("k"));
    assert_true(list_empty(&bench.flights.by_age));
    effects_clear(&bench.effects);
    flight_end(&bench.flights, &bench.effects, flight);
    assert_int_equal(bench.effects.write_count, 0);
    assert_int_equal(bench.flights.kept_count, 0);
    bench_release(&bench);
}

static void test_flight__restored_is_persisted_already(void **state)
{
    (void)state;
    struct bench bench;
    struct record record = record_of(9, "value");
    bench_init(&bench);
    struct flight *flight = flights_add(&bench.flights, KEYSPACE, SLOT, slice_of_text("k"), NOW_US);
    flight_restore(&bench.flights, flight, &record);
    assert_true(flight->persisted);
    assert_int_equal(bench.effects.write_count, 0);
    assert_int_equal(stamp_compare(flight->record.stamp, record.stamp), 0);
    flights_invariants(&bench.flights);
    bench_release(&bench);
}

static void test_flight__touched_is_the_youngest(void **state)
{
    (void)state;
    struct bench bench;
    bench_init(&bench);
    struct flight *one = added(&bench, "one", "v");
    struct flight *two = added(&bench, "two", "v");
    assert_ptr_equal(bench.flights.by_age.next, &one->age_link);
    flight_touch(&bench.flights, one, NOW_US + 1);
    assert_ptr_equal(bench.flights.by_age.next, &two->age_link);
    assert_int_equal(one->touched_us, NOW_US + 1);
    bench_release(&bench);
}

static void test_flight__all_are_passed_while_they_end(void **state)
{
    (void)state;
    struct bench bench;
    char key[16];
    unsigned passed = 0;
    bench_init(&bench);
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(key, sizeof key, "%u", i);
        added(&bench, key, "v");
    }
    struct flight *next;
    for (struct flight *flight = flights_next(&bench.flights, NULL); flight != NULL;
         flight = next) {
        next = flights_next(&bench.flights, flight);
        flight_end(&bench.flights, &bench.effects, flight);
        passed++;
    }
    assert_int_equal(passed, MANY);
    assert_int_equal(bench.flights.table.count, 0);
    bench_release(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flight__is_found_by_keyspace_and_key),
        cmocka_unit_test(test_flight__writes_its_mark_with_its_record),
        cmocka_unit_test(test_flight__is_persisted_by_its_token_in_order),
        cmocka_unit_test(test_flight__written_again_waits_for_the_later_token),
        cmocka_unit_test(test_flight__clears_its_mark_at_the_end),
        cmocka_unit_test(test_flight__is_kept_without_its_value),
        cmocka_unit_test(test_flight__restored_is_persisted_already),
        cmocka_unit_test(test_flight__touched_is_the_youngest),
        cmocka_unit_test(test_flight__all_are_passed_while_they_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
