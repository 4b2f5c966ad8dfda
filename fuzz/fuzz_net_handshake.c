// A handshake with whoever sends any bytes ends in an error; with one who does it right, but for
// the changes that the input makes to what passes, both sides finish exactly when nothing was
// changed.
#include "adapter/net_handshake.h"
#include "base/check.h"
#include "input.h"

enum { OUT_BYTES_MAX = 256, STEPS_MAX = 8 };

static const uint8_t key[] = "the key of a cluster";

struct side {
    struct net_handshake handshake;
    struct buf out; // sent, not yet taken by the other
    bool failed;
};

static void begin(struct side *side, enum net_role role, enum net_lane lane, uint64_t store_id,
                  uint64_t expected)
{
    buf_init(&side->out, OUT_BYTES_MAX);
    side->failed = false;
    CHECK(net_handshake_begin(&side->handshake, role, lane, store_id, expected,
                              slice_of(key, sizeof key), &side->out) == ERR_OK);
}

static bool is_done(const struct side *side)
{
    return side->handshake.state == NET_HANDSHAKE_DONE;
}

// One step with `bytes`, if they suffice; false when nothing can be done any more.
static bool step(struct side *side, struct buf *bytes)
{
    uint8_t wanted[NET_HELLO_BYTES];
    struct errmsg detail;
    size_t length = net_handshake_wanted(&side->handshake);
    if (side->failed || length == 0 || bytes->length < length)
        return false;
    CHECK(length <= sizeof wanted);
    memcpy(wanted, bytes->bytes, length);
    buf_consume(bytes, length);
    side->failed = net_handshake_step(&side->handshake, slice_of(wanted, length), &side->out,
                                      &detail) != ERR_OK;
    CHECK(!side->out.overflown);
    return true;
}

static void try_stranger(struct cursor *input)
{
    struct side side;
    struct buf bytes;
    enum net_role role = input_below(input, 2) == 0 ? NET_INITIATOR : NET_ACCEPTOR;
    begin(&side, role, NET_LANE_BULK, 1, cursor_u8(input));
    buf_init(&bytes, OUT_BYTES_MAX);
    buf_append_slice(&bytes, input_run(input, 255));
    while (step(&side, &bytes))
        CHECK(!is_done(&side));
    buf_release(&bytes);
    buf_release(&side.out);
}

// Changes one byte of what was sent, if the input says so.
static bool change(struct cursor *input, struct buf *bytes)
{
    unsigned place = cursor_u8(input);
    unsigned flip = cursor_u8(input);
    if (bytes->length == 0 || flip == 0)
        return false;
    bytes->bytes[place % bytes->length] ^= (uint8_t)flip;
    return true;
}

static void try_pair(struct cursor *input)
{
    struct side initiator;
    struct side acceptor;
    bool changed = false;
    enum net_lane lane = (enum net_lane)input_below(input, NET_LANE_COUNT);
    begin(&initiator, NET_INITIATOR, lane, 1, 2);
    begin(&acceptor, NET_ACCEPTOR, NET_LANE_BULK, 2, 0);
    for (unsigned i = 0; i < STEPS_MAX; i++) {
        changed = change(input, &initiator.out) || changed;
        (void)step(&acceptor, &initiator.out);
        changed = change(input, &acceptor.out) || changed;
        (void)step(&initiator, &acceptor.out);
    }
    CHECK(is_done(&initiator) == !changed && (!is_done(&acceptor) || !initiator.failed || changed));
    CHECK(changed || (is_done(&acceptor) && net_handshake_lane(&acceptor.handshake) == lane));
    buf_release(&initiator.out);
    buf_release(&acceptor.out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct cursor input = cursor_of(slice_of(bytes, length));
    if (input_below(&input, 2) == 0)
        try_stranger(&input);
    else
        try_pair(&input);
    return 0;
}
