#include "peer_maker.h"

#include "base/check.h"

#include <inttypes.h>
#include <stdio.h>

struct peer *peer_maker_add_at(struct peers *peers, uint64_t id, const char *address,
                               bool is_member)
{
    bool changed;
    struct peer *peer = peers_add(peers, id, slice_of_text(address), is_member, &changed);
    peers_invariants(peers);
    return peer;
}

struct peer *peer_maker_add(struct peers *peers, uint64_t id)
{
    char address[32];
    snprintf(address, sizeof address, "host%" PRIu64 ":7000", id);
    return peer_maker_add_at(peers, id, address, false);
}

struct peer *peer_maker_add_here(struct peers *peers, uint64_t id, uint64_t space)
{
    struct peer *peer = peer_maker_add(peers, id);
    peer->greeted = true;
    peer->heard_us = PEER_MAKER_NOW_US;
    peer_maker_keep(peer, &space, 1);
    return peer;
}

struct peer *peer_maker_add_silent(struct peers *peers, uint64_t id, uint64_t space)
{
    struct peer *peer = peer_maker_add_here(peers, id, space);
    peer->heard_us = PEER_MAKER_NOW_US - PEER_SILENT_US;
    return peer;
}

void peer_maker_keep(struct peer *peer, const uint64_t *spaces, size_t count)
{
    struct buf bytes;
    buf_init(&bytes, PEER_SPACES_MAX * sizeof(uint64_t));
    for (size_t i = 0; i < count; i++)
        buf_append_u64_be(&bytes, spaces[i]);
    CHECK(peer_set_spaces(peer, buf_slice(&bytes)) == ERR_OK);
    buf_release(&bytes);
}
