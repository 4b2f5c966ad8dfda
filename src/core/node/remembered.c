#include "core/node/remembered.h"

enum { FORMAT = 1 };

static bool has(const struct remembered *remembered, uint64_t store_id)
{
    for (unsigned i = 0; i < remembered->count; i++)
        if (remembered->peers[i].store_id == store_id)
            return true;
    return false;
}

static bool has_address(const struct remembered *remembered, const char *address)
{
    for (unsigned i = 0; i < remembered->count; i++)
        if (strcmp(remembered->peers[i].address, address) == 0)
            return true;
    return false;
}

// Nothing when it is there already, when there is no room, and for what is no address.
static void add(struct remembered *remembered, uint64_t store_id, const char *address)
{
    struct remembered_peer *peer = &remembered->peers[remembered->count];
    struct slice text = slice_of_text(address);
    if (remembered->count == REMEMBERED_MAX || has(remembered, store_id) || text.length == 0 ||
        !address_copy(peer->address, text))
        return;
    peer->store_id = store_id;
    remembered->count++;
}

static bool is_equal(const struct remembered_peer *a, const struct remembered_peer *b)
{
    return a->store_id == b->store_id && strcmp(a->address, b->address) == 0;
}

// Whether the same peers are in both, at the same addresses, in whatever order.
static bool are_equal(const struct remembered *a, const struct remembered *b)
{
    unsigned found = 0;
    for (unsigned i = 0; i < a->count; i++)
        for (unsigned j = 0; j < b->count; j++)
            found += is_equal(&a->peers[i], &b->peers[j]);
    return a->count == b->count && found == a->count;
}

static bool is_to_find(const struct peer *peer, uint64_t now_us)
{
    return !peer->is_member && peer_is_heard(peer, now_us);
}

bool remembered_revise(struct remembered *remembered, const struct peers *peers, uint64_t now_us)
{
    struct remembered next = {.count = 0};
    for (unsigned i = 0; i < remembered->count; i++) {
        const struct peer *peer = peers_find(peers, remembered->peers[i].store_id);
        if (peer != NULL && is_to_find(peer, now_us))
            add(&next, peer->store_id, peer->address);
    }
    for (uint32_t i = 0; i < peers->count && next.count < REMEMBERED_MAX; i++)
        if (is_to_find(peers->list[i], now_us))
            add(&next, peers->list[i]->store_id, peers->list[i]->address);
    for (unsigned i = 0; i < remembered->count; i++) {
        const struct remembered_peer *before = &remembered->peers[i];
        const struct peer *peer = peers_find(peers, before->store_id);
        // Who is heard at its address has come in its place.
        if ((peer == NULL || !peer->is_member) && !has_address(&next, before->address))
            add(&next, before->store_id, before->address);
    }
    bool changed = !are_equal(remembered, &next);
    *remembered = next;
    return changed;
}

void remembered_encode(struct buf *out, const struct remembered *remembered)
{
    buf_append_u8(out, FORMAT);
    for (unsigned i = 0; i < remembered->count; i++) {
        buf_append_u64_be(out, remembered->peers[i].store_id);
        buf_append_counted(out, slice_of_text(remembered->peers[i].address));
    }
}

static bool decode_one(struct cursor *in, struct remembered *out)
{
    struct remembered_peer *peer = &out->peers[out->count];
    uint64_t store_id = cursor_u64_be(in);
    struct slice address = cursor_counted(in);
    if (in->failed || store_id == 0 || has(out, store_id) || address.length == 0 ||
        !address_copy(peer->address, address))
        return false;
    peer->store_id = store_id;
    out->count++;
    return true;
}

enum err remembered_decode(struct slice bytes, struct remembered *out)
{
    struct cursor in = cursor_of(bytes);
    bool good = cursor_u8(&in) == FORMAT;
    out->count = 0;
    while (good && cursor_left(&in) > 0)
        good = out->count < REMEMBERED_MAX && decode_one(&in, out);
    if (good && !in.failed)
        return ERR_OK;
    out->count = 0;
    return ERR_INVALID;
}
