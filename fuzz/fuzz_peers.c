// What one peer says of others is taken as a whole or not at all, and is what the same list says
// when it is written again. What it says that it keeps becomes a set, whatever the bytes.
#include "base/check.h"
#include "core/epidemic/peers.h"

enum { SELF = 1, PEERS = 8 };

struct hearing {
    struct peers peers;
    struct buf again;
    unsigned count;
};

static void on_heard(void *context, uint64_t store_id, struct slice address)
{
    struct hearing *hearing = context;
    bool changed;
    CHECK(++hearing->count <= PEERS_TOLD_MAX);
    buf_append_u64_be(&hearing->again, store_id);
    buf_append_counted(&hearing->again, address);
    struct peer *peer = peers_add(&hearing->peers, store_id, address, store_id % 4 == 0, &changed);
    if (peer != NULL)
        peer->heard_us = store_id % 8;
    peers_invariants(&hearing->peers);
}

static void check_hearing(struct slice bytes)
{
    struct hearing hearing = {.count = 0};
    peers_init(&hearing.peers, SELF, PEERS, 1);
    buf_init(&hearing.again, bytes.length);
    if (peers_hear(bytes, on_heard, &hearing) == ERR_OK)
        CHECK(slice_equal(buf_slice(&hearing.again), bytes));
    else
        CHECK(hearing.count == 0);
    buf_release(&hearing.again);
    peers_release(&hearing.peers);
}

static void check_spaces(struct slice bytes)
{
    struct peers peers;
    bool changed;
    peers_init(&peers, SELF, PEERS, 1);
    struct peer *peer = peers_add(&peers, 2, slice_of_text("a:2"), false, &changed);
    enum err error = peer_set_spaces(peer, bytes);
    CHECK((error == ERR_INVALID) == (bytes.length % 8 != 0));
    CHECK((error == ERR_TOO_LARGE) == (error != ERR_INVALID && bytes.length / 8 > PEER_SPACES_MAX));
    peers_invariants(&peers);
    struct cursor in = cursor_of(bytes);
    while (error == ERR_OK && cursor_left(&in) > 0)
        CHECK(peer_keeps(peer, cursor_u64_be(&in)));
    CHECK(peer->space_count <= bytes.length / 8);
    peers_release(&peers);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    check_hearing(slice_of(bytes, length));
    check_spaces(slice_of(bytes, length));
    return 0;
}
