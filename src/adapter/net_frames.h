// The bytes that came over one connection, cut into messages without copying them.
//
// A frame is a length (32 bits, big-endian, 1 to MESSAGE_BYTES_MAX) and a message of that length.
//
// Invariants
//  1. taken <= bytes.length: before it lies what was handed out, behind it what was not.
//  2. The buffer never holds more than the greatest frame and one read; it grows with what arrives,
//     not with what a length promises.
#ifndef BRUSIO_ADAPTER_NET_FRAMES_H
#define BRUSIO_ADAPTER_NET_FRAMES_H

#include "base/buf.h"
#include "port/net.h"

#define NET_FRAME_HEAD_BYTES 4
#define NET_FRAME_BYTES_MAX (NET_FRAME_HEAD_BYTES + MESSAGE_BYTES_MAX)
// One read. libuv reads a stream at most 32 times before it turns to the next: 1 MiB.
#define NET_READ_BYTES_MAX (32u << 10)

struct net_frames {
    struct buf bytes;
    size_t taken;
};

void net_frames_init(struct net_frames *frames);
void net_frames_release(struct net_frames *frames);

// Where up to `length` (at most NET_READ_BYTES_MAX) more bytes may be written; net_frames_added
// then tells how many were. Ends what was borrowed. To be called only when net_frames_next has
// nothing more.
uint8_t *net_frames_room(struct net_frames *frames, size_t length);
void net_frames_added(struct net_frames *frames, size_t length);

// Bytes that were not handed out yet.
size_t net_frames_left(const struct net_frames *frames);

// The next `length` bytes, of which there must be so many; borrowed until net_frames_room.
struct slice net_frames_take(struct net_frames *frames, size_t length);

// The next message, borrowed until net_frames_room; ERR_RETRY when it is not all there yet,
// ERR_INVALID when its length is out of bounds.
WARN_UNUSED enum err net_frames_next(struct net_frames *frames, struct slice *message);

// Appends a frame to `out`.
void net_frames_write(struct buf *out, struct slice message);

#endif
