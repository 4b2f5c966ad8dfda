// Any bytes are a list of remembered peers or none; one that is read back is within its bounds and
// encoded to what is read the same again.
#include "base/check.h"
#include "core/node/remembered.h"

static void check_list(const struct remembered *remembered)
{
    CHECK(remembered->count <= REMEMBERED_MAX);
    for (unsigned i = 0; i < remembered->count; i++) {
        const struct remembered_peer *peer = &remembered->peers[i];
        CHECK(peer->store_id != 0 && peer->address[0] != '\0');
        CHECK(memchr(peer->address, 0, sizeof peer->address) != NULL);
        for (unsigned j = 0; j < i; j++)
            CHECK(remembered->peers[j].store_id != peer->store_id);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static struct remembered remembered;
    struct slice given = slice_of(bytes, length);
    struct buf again;
    if (remembered_decode(given, &remembered) != ERR_OK) {
        CHECK(remembered.count == 0);
        return 0;
    }
    check_list(&remembered);
    buf_init(&again, REMEMBERED_BYTES_MAX);
    remembered_encode(&again, &remembered);
    CHECK(slice_equal(buf_slice(&again), given));
    buf_release(&again);
    return 0;
}
