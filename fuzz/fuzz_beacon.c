// Any datagram is a beacon or none: what passes was made with the key, is encoded to the same
// bytes, and names somebody at an address. What was made right passes exactly when nothing was
// changed.
#include "adapter/beacon_datagram.h"
#include "adapter/net_address.h"
#include "base/check.h"
#include "input.h"

static const uint8_t key[] = "the key of a cluster";

static bool passes(struct slice bytes, struct beacon_datagram *out)
{
    return beacon_datagram_decode(bytes, slice_of(key, sizeof key), out) == ERR_OK;
}

static void check_passed(struct slice bytes, const struct beacon_datagram *datagram)
{
    struct net_address address;
    struct buf again;
    CHECK(datagram->store_id != 0);
    CHECK(net_address_parse(datagram->address, &address) == ERR_OK && address.port != 0);
    buf_init(&again, BEACON_BYTES_MAX);
    CHECK(beacon_datagram_encode(&again, slice_of(key, sizeof key), datagram) == ERR_OK);
    CHECK(slice_equal(buf_slice(&again), bytes));
    buf_release(&again);
}

static void try_any(struct slice bytes)
{
    struct beacon_datagram datagram;
    if (passes(bytes, &datagram))
        check_passed(bytes, &datagram);
}

// A datagram that says what the input says, with one byte changed, or the end cut off, if it says
// so.
static void try_made(struct cursor *input)
{
    struct beacon_datagram datagram = {.store_id = cursor_u64_be(input)};
    struct buf bytes;
    uint8_t place = cursor_u8(input);
    uint8_t flip = cursor_u8(input);
    uint8_t cut = cursor_u8(input);
    struct slice address = input_run(input, BEACON_ADDRESS_BYTES_MAX);
    if (address.length > 0)
        memcpy(datagram.address, address.bytes, address.length);
    buf_init(&bytes, BEACON_BYTES_MAX);
    if (beacon_datagram_encode(&bytes, slice_of(key, sizeof key), &datagram) == ERR_OK) {
        struct slice sent = slice_of(bytes.bytes, bytes.length - cut % bytes.length);
        bytes.bytes[place % bytes.length] ^= flip;
        CHECK(passes(sent, &datagram) == (flip == 0 && sent.length == bytes.length));
    }
    buf_release(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct cursor input = cursor_of(slice_of(bytes, length));
    if (input_below(&input, 2) == 0)
        try_any(input_rest(&input));
    else
        try_made(&input);
    return 0;
}
