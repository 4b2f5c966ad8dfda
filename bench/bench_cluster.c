// What the whole product does, on three nodes of this machine over loopback: one JSON line for each
// measurement on standard output, and a table of all at the end on standard error.
//
//   bench_cluster DIRECTORY
//
// Each number is the median of several runs of a fixed number of operations. The nodes, and the
// load, share this machine's processors.
#include "base/check.h"
#include "http_load.h"
#include "local_cluster.h"
#include "workload.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

enum {
    CLIENTS = 8,
    RUNS = 5, // odd, so that there is a median
    MOVED_KEYS = 10000,
    MISSED_WRITES = 1000,
    MISSING_NODE = 3,
    ROWS_MAX = 32,
    PATH_BYTES_MAX = 4096,
    SETTLE_POLLS_MAX = 6000,
    SETTLE_POLL_MS = 5,
};

// One durability, and how much is done in it.
struct plan {
    const char *durability;
    uint64_t keys;
    uint64_t reads;
    uint64_t writes;
};

static const struct plan plans[] = {
    {.durability = "interval", .keys = 100000, .reads = 40000, .writes = 15000},
    {.durability = "commit", .keys = MOVED_KEYS, .reads = 20000, .writes = 4000},
};

struct row {
    const char *durability;
    const char *what;
    char text[64];
};

struct bench {
    const struct plan *plan;
    struct local_cluster cluster;
    struct http_load load;
    struct workload workload;
    struct row rows[ROWS_MAX];
    size_t row_count;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

// --- results

static int compare_numbers(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double numbers[RUNS])
{
    qsort(numbers, RUNS, sizeof *numbers, compare_numbers);
    return numbers[RUNS / 2];
}

static struct row *add_row(struct bench *bench, const char *what)
{
    CHECK(bench->row_count < ROWS_MAX);
    struct row *row = &bench->rows[bench->row_count++];
    row->durability = bench->plan->durability;
    row->what = what;
    return row;
}

static void report_rate(struct bench *bench, const char *what, uint64_t operations,
                        double rates[RUNS], double p50s_us[RUNS], double p99s_us[RUNS])
{
    double rate = median(rates);
    double p50_us = median(p50s_us);
    double p99_us = median(p99s_us);
    printf(
        "{\"bench\":\"cluster\",\"durability\":\"%s\",\"what\":\"%s\",\"nodes\":%d,\"clients\":%d,"
        "\"runs\":%d,\"operations\":%llu,\"per_second\":%.0f,\"per_second_least\":%.0f,"
        "\"per_second_most\":%.0f,\"p50_us\":%.0f,\"p99_us\":%.0f}\n",
        bench->plan->durability, what, LOCAL_CLUSTER_NODES, CLIENTS, RUNS,
        (unsigned long long)operations, rate, rates[0], rates[RUNS - 1], p50_us, p99_us);
    fflush(stdout);
    struct row *row = add_row(bench, what);
    snprintf(row->text, sizeof row->text, "%10.0f/s %10.0f us %10.0f us", rate, p50_us, p99_us);
}

static void report_time(struct bench *bench, const char *what, double times_ms[RUNS])
{
    double time_ms = median(times_ms);
    printf("{\"bench\":\"cluster\",\"durability\":\"%s\",\"what\":\"%s\",\"nodes\":%d,\"runs\":%d,"
           "\"ms\":%.1f,\"ms_least\":%.1f,\"ms_most\":%.1f}\n",
           bench->plan->durability, what, LOCAL_CLUSTER_NODES, RUNS, time_ms, times_ms[0],
           times_ms[RUNS - 1]);
    fflush(stdout);
    struct row *row = add_row(bench, what);
    snprintf(row->text, sizeof row->text, "%10.1f ms", time_ms);
}

static void print_table(const struct bench *bench)
{
    fprintf(stderr, "\n%-9s %-38s %12s %13s %13s\n", "", "3 nodes, 8 clients", "median", "p50",
            "p99");
    for (size_t i = 0; i < bench->row_count; i++) {
        const struct row *row = &bench->rows[i];
        fprintf(stderr, "%-9s %-38s %s\n", row->durability, row->what, row->text);
    }
}

// --- measurements

static enum err measure_rate(struct bench *bench, const char *what, uint64_t operations,
                             http_load_next *next, struct errmsg *detail)
{
    double rates[RUNS];
    double p50s_us[RUNS];
    double p99s_us[RUNS];
    for (size_t i = 0; i < RUNS; i++) {
        struct http_load_result result;
        enum err error =
            http_load_run(&bench->load, operations, next, &bench->workload, &result, detail);
        if (error != ERR_OK)
            return error;
        rates[i] = (double)operations * 1e9 / (double)result.wall_ns;
        p50s_us[i] = (double)result.p50_ns / 1e3;
        p99s_us[i] = (double)result.p99_ns / 1e3;
    }
    report_rate(bench, what, operations, rates, p50s_us, p99s_us);
    return ERR_OK;
}

static enum err ask(struct bench *bench, const char *method, const char *path, const char *body,
                    struct slice *answer, struct errmsg *detail)
{
    struct buf request;
    buf_init(&request, HTTP_LOAD_REQUEST_BYTES_MAX);
    workload_request(&bench->workload, &request, method, path, body);
    CHECK(!request.overflown);
    enum err error = http_load_ask(&bench->load, buf_slice(&request), answer, detail);
    buf_release(&request);
    return error;
}

// Does any node still bring slots in sync?
static bool any_joining(struct slice answer)
{
    static const char name[] = "\"slots_joining\":";
    const uint8_t *next = answer.bytes;
    const uint8_t *end = answer.bytes + answer.length;
    while ((next = memmem(next, (size_t)(end - next), name, sizeof name - 1)) != NULL) {
        next += sizeof name - 1;
        if (next < end && *next != '0')
            return true;
    }
    return false;
}

static enum err settle(struct bench *bench, struct errmsg *detail)
{
    const struct timespec pause = {.tv_nsec = SETTLE_POLL_MS * 1000000};
    for (int i = 0; i < SETTLE_POLLS_MAX; i++) {
        struct slice answer;
        enum err error = ask(bench, "GET", "/v1/nodes", "", &answer, detail);
        if (error != ERR_OK || !any_joining(answer))
            return error;
        nanosleep(&pause, NULL);
    }
    return errmsg_set(detail, ERR_TIMEOUT, "slots are still being brought in sync after %d s",
                      SETTLE_POLLS_MAX * SETTLE_POLL_MS / 1000);
}

static enum err recover_once(struct bench *bench, double *time_ms, struct errmsg *detail)
{
    char path[32];
    struct slice answer;
    struct http_load_result result;
    snprintf(path, sizeof path, "/fail/%d", MISSING_NODE);
    enum err error = ask(bench, "POST", path, "", &answer, detail);
    if (error == ERR_OK)
        error = http_load_run(&bench->load, MISSED_WRITES, workload_put, &bench->workload, &result,
                              detail);
    if (error != ERR_OK)
        return error;
    snprintf(path, sizeof path, "/recover/%d", MISSING_NODE);
    uint64_t begun_ns = now_ns();
    error = ask(bench, "POST", path, "", &answer, detail);
    *time_ms = (double)(now_ns() - begun_ns) / 1e6;
    return error == ERR_OK ? settle(bench, detail) : error;
}

static enum err measure_recovery(struct bench *bench, struct errmsg *detail)
{
    double times_ms[RUNS];
    for (size_t i = 0; i < RUNS; i++) {
        enum err error = recover_once(bench, &times_ms[i], detail);
        if (error != ERR_OK)
            return error;
    }
    report_time(bench, "recover after 1000 missed writes", times_ms);
    return ERR_OK;
}

// The time until the change is agreed, and until the keys have moved.
static enum err switch_once(struct bench *bench, const char *body, double *agreed_ms,
                            double *moved_ms, struct errmsg *detail)
{
    struct slice answer;
    uint64_t begun_ns = now_ns();
    enum err error = ask(bench, "POST", "/set_replication_strategy", body, &answer, detail);
    *agreed_ms = (double)(now_ns() - begun_ns) / 1e6;
    if (error == ERR_OK)
        error = settle(bench, detail);
    *moved_ms = (double)(now_ns() - begun_ns) / 1e6;
    return error;
}

static enum err measure_switch(struct bench *bench, struct errmsg *detail)
{
    static const char consistent[] = "{\"strategy\":\"consistent\",\"replication_factor\":2}";
    static const char full[] = "{\"strategy\":\"full\"}";
    double agreed_ms[2][RUNS];
    double moved_ms[2][RUNS];
    for (size_t i = 0; i < RUNS; i++) {
        enum err error = switch_once(bench, consistent, &agreed_ms[0][i], &moved_ms[0][i], detail);
        if (error == ERR_OK)
            error = switch_once(bench, full, &agreed_ms[1][i], &moved_ms[1][i], detail);
        if (error != ERR_OK)
            return error;
    }
    report_time(bench, "full to consistent r=2: agreed", agreed_ms[0]);
    report_time(bench, "full to consistent r=2: in sync", moved_ms[0]);
    report_time(bench, "consistent r=2 to full: agreed", agreed_ms[1]);
    report_time(bench, "consistent r=2 to full: in sync", moved_ms[1]);
    return ERR_OK;
}

static enum err fill(struct bench *bench, uint64_t keys, struct errmsg *detail)
{
    struct http_load_result result;
    workload_init(&bench->workload, 1, keys, bench->cluster.token);
    return http_load_run(&bench->load, keys, workload_fill, &bench->workload, &result, detail);
}

// --- all of it

// First what needs few keys, then the rates.
static enum err measure_all(struct bench *bench, struct errmsg *detail)
{
    const struct plan *plan = bench->plan;
    enum err error = fill(bench, MOVED_KEYS, detail);
    if (error == ERR_OK)
        error = measure_recovery(bench, detail);
    if (error == ERR_OK)
        error = measure_switch(bench, detail);
    if (error == ERR_OK)
        error = fill(bench, plan->keys, detail);
    if (error == ERR_OK)
        error = measure_rate(bench, "POST /write", plan->writes, workload_write, detail);
    if (error == ERR_OK)
        error = measure_rate(bench, "PUT /v1/kv", plan->writes, workload_put, detail);
    if (error == ERR_OK)
        error = measure_rate(bench, "GET /read", plan->reads, workload_read, detail);
    if (error == ERR_OK)
        error = measure_rate(bench, "GET /read 90%, POST /write 10%", plan->reads, workload_mixed,
                             detail);
    return error;
}

static enum err run_plan(struct bench *bench, const char *directory, struct errmsg *detail)
{
    char path[PATH_BYTES_MAX];
    if ((size_t)snprintf(path, sizeof path, "%s/%s", directory, bench->plan->durability) >=
        sizeof path)
        return errmsg_set(detail, ERR_TOO_LARGE, "the path of %.300s is too long", directory);
    enum err error =
        local_cluster_start(&bench->cluster, BRUSIO_PROGRAM, path, bench->plan->durability, detail);
    if (error != ERR_OK)
        return error;
    error =
        http_load_open(&bench->load, bench->cluster.ports, LOCAL_CLUSTER_NODES, CLIENTS, detail);
    if (error == ERR_OK) {
        error = measure_all(bench, detail);
        http_load_close(&bench->load);
    }
    local_cluster_stop(&bench->cluster);
    return error;
}

// Only ends a wait for answers, so that the nodes are stopped before this process ends.
static void on_signal(int number)
{
    (void)number;
}

int main(int argc, char **argv)
{
    if (argc != 2 || argv[1][0] == '-') {
        fprintf(stderr, "usage: bench_cluster DIRECTORY\n");
        return 2;
    }
    if (mkdir(argv[1], 0700) != 0 && errno != EEXIST) {
        fprintf(stderr, "cannot make %s: %s\n", argv[1], strerror(errno));
        return EXIT_FAILURE;
    }
    struct sigaction action = {.sa_handler = on_signal};
    // A reader that leaves early ends the output, not the program: its nodes are still to be
    // stopped.
    struct sigaction ignored = {.sa_handler = SIG_IGN};
    CHECK(sigaction(SIGINT, &action, NULL) == 0 && sigaction(SIGTERM, &action, NULL) == 0 &&
          sigaction(SIGPIPE, &ignored, NULL) == 0);
    struct bench *bench = memory_zeroed(1, sizeof *bench);
    struct errmsg detail = {""};
    enum err error = ERR_OK;
    for (size_t i = 0; i < sizeof plans / sizeof plans[0] && error == ERR_OK; i++) {
        bench->plan = &plans[i];
        error = run_plan(bench, argv[1], &detail);
    }
    print_table(bench);
    if (error != ERR_OK)
        fprintf(stderr, "bench_cluster: %s\n", detail.text);
    free(bench);
    return error == ERR_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
