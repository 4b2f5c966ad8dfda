// A stream of bytes, in pieces of any sizes, gives the messages that a naive reading of the whole
// finds, and a bad length is found where it stands. The first byte tells how pieces are cut.
#include "adapter/net_frames.h"
#include "base/check.h"
#include "input.h"

struct reading {
    struct slice stream; // not yet read by the naive reader
    bool bad;
};

// The next whole frame of the stream, as the header's comment says.
static enum err naive_next(struct reading *reading, struct slice *message)
{
    struct cursor in = cursor_of(reading->stream);
    uint32_t length = cursor_u32_be(&in);
    if (in.failed)
        return ERR_RETRY;
    if (length == 0 || length > MESSAGE_BYTES_MAX)
        return ERR_INVALID;
    *message = cursor_bytes(&in, length);
    if (in.failed)
        return ERR_RETRY;
    reading->stream = slice_of(in.next, cursor_left(&in));
    return ERR_OK;
}

// Everything that is whole, against what the naive reader finds.
static void take_all(struct net_frames *frames, struct reading *reading)
{
    struct slice message;
    struct slice expected;
    enum err error;
    while ((error = net_frames_next(frames, &message)) == ERR_OK) {
        CHECK(naive_next(reading, &expected) == ERR_OK && slice_equal(message, expected));
    }
    reading->bad = error == ERR_INVALID;
    CHECK(!reading->bad || naive_next(reading, &expected) == ERR_INVALID);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct cursor input = cursor_of(slice_of(bytes, length));
    unsigned cut = cursor_u8(&input);
    struct slice stream = input_rest(&input);
    struct reading reading = {.stream = stream};
    struct net_frames frames;
    struct slice rest;
    net_frames_init(&frames);
    for (size_t at = 0; at < stream.length && !reading.bad;) {
        size_t piece = 1 + (at * 7 + cut) % (cut + 1);
        piece = piece < stream.length - at ? piece : stream.length - at;
        memcpy(net_frames_room(&frames, piece), stream.bytes + at, piece);
        net_frames_added(&frames, piece);
        take_all(&frames, &reading);
        at += piece;
    }
    if (!reading.bad) {
        CHECK(naive_next(&reading, &rest) == ERR_RETRY);
        CHECK(net_frames_left(&frames) == reading.stream.length);
    }
    net_frames_release(&frames);
    return 0;
}
