#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "adapter/store_writer.h"
#include "base/check.h"
#include "scratch_directory.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { SIZE_BYTES = 64 << 20, BACKLOG_BYTES_MAX = 4096, VALUE_BYTES = 500 };

static void count_notice(void *context)
{
    atomic_fetch_add((atomic_int *)context, 1);
}

static struct store_batch *new_batch(void)
{
    struct store_batch *batch = memory_new(sizeof *batch);
    store_batch_init(batch);
    return batch;
}

// Giving waits for the disk rather than let memory grow, and a batch over the maximum still goes
// through.
static void test_store_writer__bounds_what_waits(void **state)
{
    (void)state;
    struct scratch_directory scratch;
    struct store_directory directory;
    struct store_env env;
    atomic_int notices = 0;
    static uint8_t value[3 * BACKLOG_BYTES_MAX];
    scratch_directory_init(&scratch);
    assert_int_equal(store_directory_open(scratch.path, &directory, NULL), ERR_OK);
    assert_int_equal(store_env_open(&directory, true, SIZE_BYTES, &env, NULL), ERR_OK);
    struct store_writer_config config = {.env = &env,
                                         .size_bytes_max = SIZE_BYTES,
                                         .backlog_bytes_max = BACKLOG_BYTES_MAX,
                                         .notify = count_notice,
                                         .context = &notices};
    struct store_writer *writer;
    assert_int_equal(store_writer_start(&config, &writer, NULL), ERR_OK);
    struct store_batch *batch = new_batch();
    for (uint64_t number = 1; number <= 200; number++) {
        assert_int_equal(batch->ops.length, 0);
        batch->number = number;
        bool large = number % 50 == 0;
        store_batch_put(batch, STORE_RECORDS, slice_of(&number, sizeof number),
                        slice_of(value, large ? sizeof value : VALUE_BYTES));
        batch = store_writer_give(writer, batch);
        size_t backlog = store_writer_backlog_bytes(writer);
        assert_true(backlog <= (large ? 2 * sizeof value : BACKLOG_BYTES_MAX));
    }
    assert_int_equal(store_writer_stop(writer), ERR_OK);
    assert_true(notices > 0 && notices <= 200);
    store_batch_release(batch);
    free(batch);
    store_env_close(&env);
    store_directory_close(&directory);
    scratch_directory_release(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_store_writer__bounds_what_waits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
