#include "join_bench.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

void join_map(struct strong_bench *bench, node_set in_sync, node_set joining)
{
    uint64_t epoch = bench->map.epoch + 1;
    struct replica_set set = bench_set(in_sync, joining, joining != 0 ? epoch : 0, A);
    bench_map(bench, ALL, &set);
}

void join_map_behind(struct strong_bench *bench, node_set in_sync)
{
    struct replica_set set = bench_set(in_sync, 0, 0, A);
    bench_make_map(bench, ALL, &set);
    bench_tell(bench, A);
    bench_tell(bench, C);
}

struct strong_bench *join_with_old(node_set in_sync)
{
    struct strong_bench *bench = bench_new(3);
    join_map(bench, in_sync, 0);
    bench_run(bench);
    uint64_t put = bench_put(bench, A, KEY, "old");
    bench_run(bench);
    assert_int_equal(bench_error(bench, put), ERR_OK);
    return bench;
}

void join_take_over(struct strong_bench *bench)
{
    bench_deliver_kind(bench, A, C, MESSAGE_TAKEOVER_WANT);
    bench_deliver_kind(bench, C, A, MESSAGE_TAKEOVER);
    if (bench_count(bench, A, J, MESSAGE_TAKEOVER_WANT) == 0)
        return;
    bench_deliver_kind(bench, A, J, MESSAGE_TAKEOVER_WANT);
    bench_deliver_kind(bench, J, A, MESSAGE_TAKEOVER);
}
