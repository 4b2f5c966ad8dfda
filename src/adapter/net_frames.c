#include "adapter/net_frames.h"

#include "base/check.h"

// An emptied buffer that has grown past this is given back.
enum { KEPT_BYTES_MAX = 256 << 10 };

void net_frames_init(struct net_frames *frames)
{
    buf_init(&frames->bytes, NET_FRAME_BYTES_MAX + NET_READ_BYTES_MAX);
    frames->taken = 0;
}

void net_frames_release(struct net_frames *frames)
{
    buf_release(&frames->bytes);
    frames->taken = 0;
}

size_t net_frames_left(const struct net_frames *frames)
{
    CHECK(frames->taken <= frames->bytes.length);
    return frames->bytes.length - frames->taken;
}

uint8_t *net_frames_room(struct net_frames *frames, size_t length)
{
    CHECK(length > 0 && length <= NET_READ_BYTES_MAX);
    struct buf *bytes = &frames->bytes;
    bool empty = net_frames_left(frames) == 0;
    // A part of a frame moves to the front at most once: after that nothing is taken until it is
    // whole.
    if (frames->taken > 0 && (empty || bytes->capacity - bytes->length < length)) {
        buf_consume(bytes, frames->taken);
        frames->taken = 0;
    }
    if (empty && bytes->capacity > KEPT_BYTES_MAX)
        buf_release(bytes);
    uint8_t *room = buf_extend(bytes, length);
    CHECK(room != NULL);
    bytes->length -= length;
    return room;
}

void net_frames_added(struct net_frames *frames, size_t length)
{
    CHECK(length <= frames->bytes.capacity - frames->bytes.length);
    frames->bytes.length += length;
}

struct slice net_frames_take(struct net_frames *frames, size_t length)
{
    CHECK(length <= net_frames_left(frames));
    struct slice taken = slice_of(frames->bytes.bytes + frames->taken, length);
    frames->taken += length;
    return taken;
}

enum err net_frames_next(struct net_frames *frames, struct slice *message)
{
    size_t left = net_frames_left(frames);
    if (left < NET_FRAME_HEAD_BYTES)
        return ERR_RETRY;
    struct cursor head =
        cursor_of(slice_of(frames->bytes.bytes + frames->taken, NET_FRAME_HEAD_BYTES));
    uint32_t length = cursor_u32_be(&head);
    if (length == 0 || length > MESSAGE_BYTES_MAX)
        return ERR_INVALID;
    if (left - NET_FRAME_HEAD_BYTES < length)
        return ERR_RETRY;
    (void)net_frames_take(frames, NET_FRAME_HEAD_BYTES);
    *message = net_frames_take(frames, length);
    return ERR_OK;
}

void net_frames_write(struct buf *out, struct slice message)
{
    buf_append_u32_be(out, (uint32_t)message.length);
    buf_append_slice(out, message);
}
