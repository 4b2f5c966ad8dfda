// What a put and a get cost, by adapter: one JSON line for each measurement.
//
//   bench_store DIRECTORY [RECORDS]
//
// DIRECTORY is made, and the store left in it for a look with the tools of LMDB.
#include "adapter/store_lmdb.h"
#include "adapter/store_memory.h"
#include "base/check.h"
#include "base/random.h"

#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { RECORDS_DEFAULT = 1000000, VALUE_BYTES = 100, BATCHES_AHEAD_MAX = 8 };

struct bench {
    struct store port;
    struct store_lmdb *lmdb;
    struct store_memory *memory;
    const char *name;
    uint64_t records;
    uint64_t reported;
    sem_t notified;
};

static void notify(void *context)
{
    struct bench *bench = context;
    CHECK(sem_post(&bench->notified) == 0);
}

static void done(void *context, uint64_t batch, enum err error)
{
    struct bench *bench = context;
    CHECK(error == ERR_OK);
    bench->reported = batch;
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    CHECK(clock_gettime(clock, &now) == 0);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void wait_for(struct bench *bench, uint64_t batch)
{
    while (bench->reported < batch) {
        CHECK(sem_wait(&bench->notified) == 0);
        if (bench->lmdb != NULL)
            store_lmdb_poll(bench->lmdb);
        else
            store_memory_poll(bench->memory);
    }
}

// As records are keyed: keyspace, slot, then what the user named; `i` spread over all slots.
static struct slice key_of(uint64_t i, uint8_t bytes[32])
{
    uint64_t spread = i * UINT64_C(0x9e3779b97f4a7c15);
    int length = snprintf((char *)bytes, 32, "%c%c%c%c%c%ckey-%llu", 0, 0, 0, 1,
                          (int)(spread >> 58), (int)(spread >> 50) & 0xff, (unsigned long long)i);
    return slice_of(bytes, (size_t)length);
}

static void report(const struct bench *bench, const char *what, uint64_t batch_puts, uint64_t count,
                   uint64_t wall_ns, uint64_t processor_ns)
{
    printf("{\"bench\":\"store\",\"store\":\"%s\",\"what\":\"%s\",\"records\":%llu,\"batch\":%llu,"
           "\"count\":%llu,\"ns_per_op\":%.1f,\"cpu_ns_per_op\":%.1f}\n",
           bench->name, what, (unsigned long long)bench->records, (unsigned long long)batch_puts,
           (unsigned long long)count, (double)wall_ns / (double)count,
           (double)processor_ns / (double)count);
    fflush(stdout);
}

static void bench_puts(struct bench *bench, const char *what, uint64_t batch_puts, uint64_t count,
                       bool fill)
{
    struct rng rng;
    rng_init(&rng, 1);
    uint8_t key[32];
    uint8_t value[VALUE_BYTES] = {1};
    uint64_t wall_ns = clock_ns(CLOCK_MONOTONIC);
    uint64_t processor_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    uint64_t batch = bench->reported;
    for (uint64_t i = 0; i < count; i++) {
        struct slice name = key_of(fill ? i : rng_below(&rng, bench->records), key);
        bench->port.ops->put(bench->port.self, STORE_RECORDS, name, slice_of(value, sizeof value));
        if ((i + 1) % batch_puts == 0 || i + 1 == count) {
            batch = bench->port.ops->commit(bench->port.self);
            wait_for(bench, batch > BATCHES_AHEAD_MAX ? batch - BATCHES_AHEAD_MAX : 0);
        }
    }
    wait_for(bench, batch);
    report(bench, what, batch_puts, count, clock_ns(CLOCK_MONOTONIC) - wall_ns,
           clock_ns(CLOCK_PROCESS_CPUTIME_ID) - processor_ns);
}

static void bench_gets(struct bench *bench, uint64_t count)
{
    struct rng rng;
    rng_init(&rng, 2);
    uint8_t key[32];
    uint64_t wall_ns = clock_ns(CLOCK_MONOTONIC);
    uint64_t processor_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (uint64_t i = 0; i < count; i++) {
        struct slice found;
        struct slice name = key_of(rng_below(&rng, bench->records), key);
        CHECK(bench->port.ops->get(bench->port.self, STORE_RECORDS, name, &found) == ERR_OK);
        CHECK(found.length == VALUE_BYTES);
    }
    report(bench, "get", 0, count, clock_ns(CLOCK_MONOTONIC) - wall_ns,
           clock_ns(CLOCK_PROCESS_CPUTIME_ID) - processor_ns);
}

static bool count_pair(void *context, struct slice key, struct slice value)
{
    (void)key;
    (void)value;
    (*(uint64_t *)context)++;
    return true;
}

static void bench_scan(struct bench *bench)
{
    uint64_t count = 0;
    struct slice nothing = slice_of(NULL, 0);
    uint64_t wall_ns = clock_ns(CLOCK_MONOTONIC);
    uint64_t processor_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    CHECK(bench->port.ops->scan(bench->port.self, STORE_RECORDS, nothing, nothing, count_pair,
                                &count) == ERR_OK);
    CHECK(count == bench->records);
    report(bench, "scan", 0, count, clock_ns(CLOCK_MONOTONIC) - wall_ns,
           clock_ns(CLOCK_PROCESS_CPUTIME_ID) - processor_ns);
}

static void run(struct bench *bench)
{
    static const uint64_t batch_puts[] = {10, 100, 1000, 10000};
    bench_puts(bench, "fill", 10000, bench->records, true);
    for (size_t i = 0; i < sizeof batch_puts / sizeof batch_puts[0]; i++) {
        uint64_t count =
            batch_puts[i] * 200 < bench->records ? batch_puts[i] * 200 : bench->records;
        bench_puts(bench, "put", batch_puts[i], count, false);
    }
    bench_gets(bench, bench->records);
    bench_scan(bench);
}

static void run_memory(uint64_t records)
{
    struct bench bench = {.name = "memory", .records = records};
    struct store_memory_config config = {.notify = notify, .done = done, .context = &bench};
    CHECK(sem_init(&bench.notified, 0, 0) == 0);
    bench.memory = store_memory_new(&config);
    bench.port = store_memory_port(bench.memory);
    run(&bench);
    store_memory_close(bench.memory);
    sem_destroy(&bench.notified);
}

static int run_lmdb(const char *directory, enum durability durability, const char *name,
                    uint64_t records)
{
    struct bench bench = {.name = name, .records = records};
    struct errmsg detail = {0};
    struct store_lmdb_config config = {.directory = directory,
                                       .durability = durability,
                                       .notify = notify,
                                       .done = done,
                                       .context = &bench};
    CHECK(sem_init(&bench.notified, 0, 0) == 0);
    if (store_lmdb_open(&config, &bench.lmdb, &detail) != ERR_OK) {
        fprintf(stderr, "%s\n", detail.text);
        return EXIT_FAILURE;
    }
    bench.port = store_lmdb_port(bench.lmdb);
    run(&bench);
    store_lmdb_close(bench.lmdb);
    sem_destroy(&bench.notified);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc < 2 || argv[1][0] == '-') {
        fprintf(stderr, "usage: bench_store DIRECTORY [RECORDS]\n");
        return 2;
    }
    uint64_t records = argc > 2 ? strtoull(argv[2], NULL, 10) : RECORDS_DEFAULT;
    if (records == 0) {
        fprintf(stderr, "RECORDS is at least 1\n");
        return 2;
    }
    run_memory(records);
    int status = run_lmdb(argv[1], DURABILITY_COMMIT, "lmdb, commit", records);
    return status == EXIT_SUCCESS
               ? run_lmdb(argv[1], DURABILITY_INTERVAL, "lmdb, interval", records)
               : status;
}
