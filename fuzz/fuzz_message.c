// Any bytes decode to a message or to an error, and every message has one encoding.
#include "base/check.h"
#include "wire/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct message message;
    if (message_decode(slice_of(bytes, length), &message) != ERR_OK)
        return 0;
    CHECK((unsigned)message.kind < MESSAGE_KIND_COUNT);
    struct buf again;
    buf_init(&again, length);
    message_encode(&again, &message);
    CHECK(slice_equal(buf_slice(&again), slice_of(bytes, length)));
    buf_release(&again);
    return 0;
}
