#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "adapter/store_space.h"

enum { PAGE_BYTES = 4096 };

static const uint64_t mebibyte = UINT64_C(1) << 20;

// A store of 64 MiB whose reserve is 16, with much room on its disk.
static struct store_space space_with(uint64_t used_bytes)
{
    return (struct store_space){.size_bytes_max = 64 * mebibyte,
                                .page_bytes = PAGE_BYTES,
                                .used_bytes = used_bytes,
                                .leaf_pages = used_bytes / PAGE_BYTES,
                                .disk_free_bytes = 1024 * mebibyte};
}

static enum store_room room_with(uint64_t used_bytes, uint64_t disk_free_bytes)
{
    struct store_load nothing = {0};
    struct store_space space = space_with(used_bytes);
    space.disk_free_bytes = disk_free_bytes;
    return store_space_room(&space, &nothing);
}

static void test_store_space__keeps_a_reserve_of_the_limit(void **state)
{
    (void)state;
    uint64_t disk = 1024 * mebibyte;
    assert_int_equal(room_with(0, disk), STORE_ROOM_PLENTY);
    assert_int_equal(room_with(48 * mebibyte, disk), STORE_ROOM_PLENTY);
    assert_int_equal(room_with(48 * mebibyte + 1, disk), STORE_ROOM_LOW);
    assert_int_equal(room_with(60 * mebibyte, disk), STORE_ROOM_LOW);
    assert_int_equal(room_with(60 * mebibyte + 1, disk), STORE_ROOM_NONE);
    assert_int_equal(room_with(70 * mebibyte, disk), STORE_ROOM_NONE);
}

static void test_store_space__keeps_a_reserve_of_the_disk(void **state)
{
    (void)state;
    assert_int_equal(room_with(0, 16 * mebibyte), STORE_ROOM_PLENTY);
    assert_int_equal(room_with(0, 16 * mebibyte - 1), STORE_ROOM_LOW);
    assert_int_equal(room_with(0, 4 * mebibyte), STORE_ROOM_LOW);
    assert_int_equal(room_with(0, 4 * mebibyte - 1), STORE_ROOM_NONE);
}

static void test_store_space__takes_off_what_waits(void **state)
{
    (void)state;
    struct store_space space = space_with(40 * mebibyte);
    struct store_load load = {0};
    assert_int_equal(store_space_need(&space, &load), 0);
    uint64_t before = 0;
    while (store_space_room(&space, &load) == STORE_ROOM_PLENTY) {
        struct store_load one = store_load_of(20, 100);
        store_load_join(&load, &one);
        assert_true(store_space_need(&space, &load) > before);
        before = store_space_need(&space, &load);
    }
    assert_true(before > 8 * mebibyte);
    assert_true(before >= 2 * load.ops * PAGE_BYTES); // each may copy a leaf and split it
}

// However many operations there are, they touch no more leaves than there are.
static void test_store_space__is_bounded_by_the_tree(void **state)
{
    (void)state;
    struct store_space space = space_with(mebibyte);
    struct store_load load = {.ops = 1000000, .small_bytes = 1000};
    assert_true(store_space_need(&space, &load) < 4 * mebibyte);
}

static void test_store_space__counts_large_values_by_their_pages(void **state)
{
    (void)state;
    struct store_space space = space_with(mebibyte);
    struct store_load load = store_load_of(20, 8 * mebibyte);
    uint64_t need = store_space_need(&space, &load);
    assert_true(need > 8 * mebibyte && need < 9 * mebibyte);
    struct store_load same = store_load_of(20, 8 * mebibyte);
    store_load_part(&load, &same);
    assert_int_equal(store_space_need(&space, &load), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_store_space__keeps_a_reserve_of_the_limit),
        cmocka_unit_test(test_store_space__keeps_a_reserve_of_the_disk),
        cmocka_unit_test(test_store_space__takes_off_what_waits),
        cmocka_unit_test(test_store_space__is_bounded_by_the_tree),
        cmocka_unit_test(test_store_space__counts_large_values_by_their_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
