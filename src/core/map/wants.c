#include "core/map/wants.h"

enum want_kind {
    WANT_BUMP,
    WANT_ADMIT,
    WANT_CHANGE,
    WANT_SHRINK,
    WANT_PROMOTE,
    WANT_STOP,
    WANT_STUCK
};

void wants_clear(struct wants *wants)
{
    wants->bump = false;
    wants->fate = (struct wants_fate){0};
    wants->stopping = 0;
    memset(wants->stuck_by, 0, sizeof wants->stuck_by);
    wants->spared = 0;
    wants->admit_count = 0;
    wants->change_count = 0;
    wants->shrink_count = 0;
    wants->promote_count = 0;
    wants->prefixes = NULL;
}

static bool any_stuck(const struct wants *wants)
{
    node_set reporters = 0;
    for (unsigned id = 0; id <= NODES_MAX; id++)
        reporters |= wants->stuck_by[id];
    return reporters != 0;
}

bool wants_empty(const struct wants *wants)
{
    return !wants->bump && wants->stopping == 0 && !any_stuck(wants) && wants->admit_count == 0 &&
           wants->change_count == 0 && wants->shrink_count == 0 && wants->promote_count == 0;
}

void wants_add_admit(struct wants *wants, const struct want_admit *admit)
{
    unsigned at = 0;
    while (at < wants->admit_count && wants->admits[at].store_id != admit->store_id)
        at++;
    if (at == WANT_ADMITS_MAX)
        return;
    if (at == wants->admit_count)
        wants->admit_count++;
    else if (wants->admits[at].incarnation > admit->incarnation)
        return;
    wants->admits[at] = *admit;
}

static bool change_equal(const struct change *a, const struct change *b)
{
    return a->kind == b->kind && a->node == b->node && a->keyspace == b->keyspace &&
           a->strategy == b->strategy && a->replication_factor == b->replication_factor &&
           a->min_in_sync == b->min_in_sync && strcmp(a->name, b->name) == 0 &&
           strcmp(a->optimistic.name, b->optimistic.name) == 0;
}

void wants_add_change(struct wants *wants, const struct change *change)
{
    for (unsigned i = 0; i < wants->change_count; i++)
        if (change_equal(&wants->changes[i], change))
            return;
    if (wants->change_count < WANT_CHANGES_MAX)
        wants->changes[wants->change_count++] = *change;
}

// True when `to` grows.
static bool slot_set_unite(struct slot_set *to, const struct slot_set *from)
{
    uint64_t added = 0;
    for (unsigned i = 0; i < SLOTS / 64; i++) {
        added |= from->words[i] & ~to->words[i];
        to->words[i] |= from->words[i];
    }
    return added != 0;
}

bool wants_add_shrink(struct wants *wants, uint32_t keyspace, const struct slot_set *slots)
{
    unsigned at = 0;
    while (at < wants->shrink_count && wants->shrinks[at].keyspace != keyspace)
        at++;
    if (at == KEYSPACES_MAX)
        return false;
    if (at == wants->shrink_count) {
        wants->shrinks[at].keyspace = keyspace;
        slot_set_clear(&wants->shrinks[at].slots);
        wants->shrink_count++;
    }
    return slot_set_unite(&wants->shrinks[at].slots, slots);
}

void wants_add_promote(struct wants *wants, const struct want_promote *promote)
{
    unsigned at = 0;
    for (; at < wants->promote_count; at++) {
        struct want_promote *there = &wants->promotes[at];
        if (there->keyspace == promote->keyspace && there->node == promote->node &&
            there->incarnation == promote->incarnation &&
            there->join_epoch == promote->join_epoch) {
            slot_set_unite(&there->slots, &promote->slots);
            return;
        }
    }
    if (at < WANT_PROMOTES_MAX)
        wants->promotes[wants->promote_count++] = *promote;
}

void wants_add_stuck(struct wants *wants, node_id reporter, node_set nodes)
{
    for (node_id id = node_set_first(nodes); id != NODE_NONE; id = node_set_after(nodes, id))
        wants->stuck_by[id] |= node_bit(reporter);
}

static void encode_change(struct buf *out, const struct change *change)
{
    struct buf bytes;
    buf_init(&bytes, 4096);
    request_encode(&bytes, &(struct request){.kind = REQUEST_CHANGE, .change = *change});
    buf_append_counted(out, buf_slice(&bytes));
    buf_release(&bytes);
}

static void encode_promote(struct buf *out, const struct want_promote *promote)
{
    buf_append_varint(out, promote->keyspace);
    buf_append_u8(out, promote->node);
    buf_append_varint(out, promote->incarnation);
    buf_append_varint(out, promote->join_epoch);
    slot_set_encode(out, &promote->slots);
}

void wants_encode(struct buf *out, const struct wants *wants)
{
    if (wants->bump)
        buf_append_u8(out, WANT_BUMP);
    if (wants->stopping != 0) {
        buf_append_u8(out, WANT_STOP);
        buf_append_varint(out, wants->stopping);
    }
    for (unsigned id = 1; id <= NODES_MAX; id++) {
        if (wants->stuck_by[id] == 0)
            continue;
        buf_append_u8(out, WANT_STUCK);
        buf_append_u8(out, (uint8_t)id);
        buf_append_varint(out, wants->stuck_by[id]);
    }
    for (unsigned i = 0; i < wants->admit_count; i++) {
        const struct want_admit *admit = &wants->admits[i];
        buf_append_u8(out, WANT_ADMIT);
        buf_append_u64_be(out, admit->store_id);
        buf_append_varint(out, admit->incarnation);
        buf_append_u8(out, admit->fresh);
        buf_append_u8(out, (uint8_t)admit->claim);
        buf_append_counted(out, slice_of_text(admit->peer_address));
        buf_append_counted(out, slice_of_text(admit->http_address));
        buf_append(out, admit->key, NODE_KEY_BYTES);
    }
    for (unsigned i = 0; i < wants->change_count; i++) {
        buf_append_u8(out, WANT_CHANGE);
        encode_change(out, &wants->changes[i]);
    }
    for (unsigned i = 0; i < wants->shrink_count; i++) {
        buf_append_u8(out, WANT_SHRINK);
        buf_append_varint(out, wants->shrinks[i].keyspace);
        slot_set_encode(out, &wants->shrinks[i].slots);
    }
    for (unsigned i = 0; i < wants->promote_count; i++) {
        buf_append_u8(out, WANT_PROMOTE);
        encode_promote(out, &wants->promotes[i]);
    }
}

static void decode_admit(struct cursor *in, struct wants *out)
{
    struct want_admit admit = {.store_id = cursor_u64_be(in)};
    admit.incarnation = cursor_varint(in);
    uint8_t fresh = cursor_u8(in);
    in->failed |= fresh > 1;
    admit.fresh = fresh == 1;
    uint8_t claim = cursor_u8(in);
    in->failed |= claim >= CLAIM_COUNT;
    admit.claim = in->failed ? CLAIM_WHOLE : (enum claim)claim;
    in->failed |= !address_copy(admit.peer_address, cursor_counted(in));
    in->failed |= !address_copy(admit.http_address, cursor_counted(in));
    struct slice key = cursor_bytes(in, NODE_KEY_BYTES);
    if (!in->failed)
        memcpy(admit.key, key.bytes, NODE_KEY_BYTES);
    if (!in->failed && admit.store_id != 0)
        wants_add_admit(out, &admit);
}

static void decode_change(struct cursor *in, struct wants *out)
{
    struct request request;
    if (request_decode(cursor_counted(in), &request) == ERR_OK && request.kind == REQUEST_CHANGE)
        wants_add_change(out, &request.change);
    else
        in->failed = true;
}

static void decode_shrink(struct cursor *in, struct wants *out)
{
    struct slot_set slots;
    uint32_t keyspace = (uint32_t)cursor_varint_max(in, UINT32_MAX);
    slot_set_decode(in, &slots);
    if (!in->failed)
        wants_add_shrink(out, keyspace, &slots);
}

static void decode_promote(struct cursor *in, struct wants *out)
{
    struct want_promote promote = {.keyspace = (uint32_t)cursor_varint_max(in, UINT32_MAX)};
    promote.node = cursor_u8(in);
    promote.incarnation = cursor_varint(in);
    promote.join_epoch = cursor_varint(in);
    slot_set_decode(in, &promote.slots);
    if (!in->failed)
        wants_add_promote(out, &promote);
}

static void decode_stuck(struct cursor *in, struct wants *out)
{
    uint8_t id = cursor_u8(in);
    node_set reporters = cursor_varint(in);
    in->failed |= id == NODE_NONE || id > NODES_MAX;
    if (!in->failed)
        out->stuck_by[id] |= reporters;
}

enum err wants_decode(struct slice bytes, struct wants *out)
{
    struct cursor in = cursor_of(bytes);
    while (cursor_left(&in) > 0) {
        uint8_t kind = cursor_u8(&in);
        if (kind == WANT_BUMP)
            out->bump = true;
        else if (kind == WANT_STOP)
            out->stopping |= cursor_varint(&in);
        else if (kind == WANT_STUCK)
            decode_stuck(&in, out);
        else if (kind == WANT_ADMIT)
            decode_admit(&in, out);
        else if (kind == WANT_CHANGE)
            decode_change(&in, out);
        else if (kind == WANT_SHRINK)
            decode_shrink(&in, out);
        else if (kind == WANT_PROMOTE)
            decode_promote(&in, out);
        else
            in.failed = true;
    }
    return cursor_finish(&in);
}
