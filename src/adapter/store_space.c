#include "adapter/store_space.h"

enum { PAGES_BASE = 8 }; // of branches, free list and root that each transaction copies

struct store_space store_space_endless(void)
{
    return (struct store_space){
        .size_bytes_max = UINT64_MAX / 2, .page_bytes = 4096, .disk_free_bytes = UINT64_MAX / 2};
}

static uint64_t less(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t minus(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

uint64_t store_space_free(const struct store_space *space)
{
    return minus(space->size_bytes_max, space->used_bytes);
}

uint64_t store_space_left(const struct store_space *space)
{
    return minus(space->size_bytes_max + space->size_bytes_max / STORE_SLACK_SHARE,
                 space->used_bytes);
}

// Each operation copies its leaf; a put may split it, a delete may merge it with its neighbour: two
// pages, but no more than twice the leaves that there are or come to be. Leaves that are split in
// unequal halves may hold but a quarter. Branches are a quarter of the leaves at most, for eight of
// the longest keys fit into a page.
uint64_t store_space_need(const struct store_space *space, const struct store_load *load)
{
    if (load->ops == 0)
        return 0;
    uint64_t page = space->page_bytes;
    uint64_t made = 4 * load->small_bytes;
    uint64_t touched = less(2 * load->ops * page, 2 * space->leaf_pages * page + made);
    uint64_t leaves = touched + made;
    return leaves + leaves / 4 + load->large_bytes + 2 * load->large * page + PAGES_BASE * page;
}

static enum store_room room_of(uint64_t left, uint64_t reserve)
{
    if (left < reserve / STORE_RESERVE_NONE_SHARE)
        return STORE_ROOM_NONE;
    return left < reserve ? STORE_ROOM_LOW : STORE_ROOM_PLENTY;
}

enum store_room store_space_room(const struct store_space *space, const struct store_load *load)
{
    uint64_t reserve = less(space->size_bytes_max / STORE_RESERVE_SHARE, STORE_RESERVE_BYTES_MAX);
    uint64_t left = minus(store_space_free(space), store_space_need(space, load));
    uint64_t disk_left = minus(space->disk_free_bytes, load->small_bytes + load->large_bytes);
    enum store_room store = room_of(left, reserve);
    enum store_room disk = room_of(disk_left, less(reserve, STORE_RESERVE_DISK_BYTES_MAX));
    return store > disk ? store : disk;
}
