#include "adapter/net_outbox.h"

#include "adapter/net_frames.h"
#include "adapter/net_tcp.h"
#include "base/check.h"

// An emptied buffer that has grown past this is given back.
enum { KEPT_BYTES_MAX = 1 << 20 };

void net_outbox_init(struct net_outbox *outbox)
{
    buf_init(&outbox->bytes, NET_QUEUE_BYTES_MAX);
    outbox->messages = 0;
}

void net_outbox_release(struct net_outbox *outbox)
{
    buf_release(&outbox->bytes);
    outbox->messages = 0;
}

size_t net_outbox_cost(struct slice message)
{
    return NET_FRAME_HEAD_BYTES + message.length;
}

void net_outbox_append(struct net_outbox *outbox, struct slice message)
{
    net_frames_write(&outbox->bytes, message);
    CHECK(!outbox->bytes.overflown);
    outbox->messages++;
}

void net_outbox_clear(struct net_outbox *outbox)
{
    buf_clear(&outbox->bytes);
    if (outbox->bytes.capacity > KEPT_BYTES_MAX)
        buf_release(&outbox->bytes);
    outbox->messages = 0;
}
