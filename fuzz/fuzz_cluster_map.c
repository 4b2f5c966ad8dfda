// Any bytes decode to a valid map or to an error that leaves nothing behind; every map has one
// encoding, and a copy encodes to the same bytes.
#include "base/check.h"
#include "model/cluster_map.h"

static struct cluster_map map;
static struct cluster_map copy;

static void check_encoding(const struct cluster_map *decoded, struct slice expected)
{
    struct buf again;
    buf_init(&again, CLUSTER_MAP_BYTES_MAX);
    cluster_map_encode(&again, decoded);
    CHECK(slice_equal(buf_slice(&again), expected));
    buf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    cluster_map_init(&map);
    if (cluster_map_decode(slice_of(bytes, length), &map) != ERR_OK) {
        CHECK(map.node_count == 0 && map.keyspace_count == 0);
        return 0;
    }
    CHECK(cluster_map_check(&map) == ERR_OK);
    check_encoding(&map, slice_of(bytes, length));
    cluster_map_init(&copy);
    cluster_map_copy(&copy, &map);
    cluster_map_release(&map);
    check_encoding(&copy, slice_of(bytes, length));
    cluster_map_release(&copy);
    return 0;
}
