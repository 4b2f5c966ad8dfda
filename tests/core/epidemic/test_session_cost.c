// What a session costs beside the operations that it brings: bytes, and round trips.

#include "session_damage.h"

#include <stdio.h>
#include <stdlib.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

enum { A, B };

enum {
    RECORDS = 20000,
    // Half round trips until both are equal.
    FLIGHTS_MAX = 6,
    CONTROL_BYTES_MAX = 80 // for each difference
};

// One peer's disk, so that it need not be filled again.
static struct space_disk disk;

static void put_record(struct session_bench *bench, unsigned replica, uint64_t number,
                       const char *value)
{
    char key[32];
    snprintf(key, sizeof key, "record%llu", (unsigned long long)number);
    bench_put(bench->spaces, replica, key, value);
    if (overlay_bytes(&bench->spaces->replicas[replica].overlay) > OVERLAY_BYTES_MAX / 2)
        session_bench_sync_much(bench, replica);
}

static int fill_disk(void **state)
{
    (void)state;
    struct session_bench *bench = session_bench_new(1, NULL);
    for (unsigned i = 0; i < RECORDS; i++)
        put_record(bench, 0, i, "a value of some length, as they are");
    session_bench_sync_much(bench, 0);
    space_disk_init(&disk);
    space_disk_copy(&disk, &bench->spaces->replicas[0].disk);
    session_bench_free(bench);
    return 0;
}

static int release_disk(void **state)
{
    (void)state;
    space_disk_release(&disk);
    return 0;
}

static struct session_bench *bench_with_records(void)
{
    struct session_bench *bench = session_bench_new(2, NULL);
    session_bench_restore(bench, A, &disk);
    session_bench_restore(bench, B, &disk);
    assert_true(bench_equal(bench->spaces, A, B));
    return bench;
}

// Half of them at either peer: some replace records, some are new.
static void differ(struct session_bench *bench, struct rng *rng, unsigned differences)
{
    for (unsigned i = 0; i < differences; i++)
        put_record(bench, i % 2, rng_below(rng, 2 * RECORDS), "another");
    for (unsigned i = A; i <= B; i++)
        session_bench_sync_much(bench, i);
}

static void test_session__costs_little_for_each_difference(void **state)
{
    static const unsigned differences[] = {100, 1000, 5000};
    struct rng rng;
    (void)state;
    rng_init(&rng, 1);
    for (unsigned i = 0; i < sizeof differences / sizeof differences[0]; i++) {
        struct session_bench *bench = bench_with_records();
        uint64_t flights = 0;
        differ(bench, &rng, differences[i]);
        memset(&bench->sent, 0, sizeof bench->sent);
        session_bench_open(bench, A, B, false);
        while (session_bench_fly(bench))
            if (flights == 0 && bench_equal(bench->spaces, A, B))
                flights = bench->sent.flights;
        uint64_t control = bench->sent.bytes - bench->sent.operation_bytes;
        print_message("%u differences of %u: %llu control bytes, %llu half round trips (%llu to "
                      "the end), %llu messages\n",
                      differences[i], (unsigned)RECORDS, (unsigned long long)control,
                      (unsigned long long)flights, (unsigned long long)bench->sent.flights,
                      (unsigned long long)bench->sent.messages);
        assert_true(flights > 0 && flights <= FLIGHTS_MAX);
        assert_true(control <= (uint64_t)CONTROL_BYTES_MAX * differences[i]);
        session_bench_free(bench);
    }
}

// Of a store that has lost some: what knowledge does not tell, lists do.
static void test_session__finds_what_is_lost_without_sending_all(void **state)
{
    static const unsigned lost[] = {1, 100};
    (void)state;
    for (unsigned i = 0; i < sizeof lost / sizeof lost[0]; i++) {
        struct session_bench *bench = bench_with_records();
        for (unsigned j = 0; j < lost[i]; j++) {
            char key[32];
            snprintf(key, sizeof key, "record%u", j * (RECORDS / lost[i]));
            session_damage_lose_key(bench, B, key);
        }
        session_damage_find(bench, B);
        memset(&bench->sent, 0, sizeof bench->sent);
        struct session_outcome outcome = session_bench_exchange(bench, A, B, false);
        uint64_t control = bench->sent.bytes - bench->sent.operation_bytes;
        print_message("%u lost of %u: %llu control bytes, %llu half round trips\n", lost[i],
                      (unsigned)RECORDS, (unsigned long long)control,
                      (unsigned long long)bench->sent.flights);
        assert_true(outcome.compared && bench_equal(bench->spaces, A, B));
        assert_int_equal(bench->peers[A].operations_sent, lost[i]);
        assert_true(control < (uint64_t)RECORDS * 10);
        session_bench_free(bench);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_session__costs_little_for_each_difference),
        cmocka_unit_test(test_session__finds_what_is_lost_without_sending_all),
    };
    return cmocka_run_group_tests(tests, fill_disk, release_disk);
}
