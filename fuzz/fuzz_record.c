// Any bytes decode to a record or to an error, and every record has one encoding.
#include "base/check.h"
#include "model/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct record record;
    if (record_decode(slice_of(bytes, length), &record) != ERR_OK)
        return 0;
    struct buf again;
    buf_init(&again, VALUE_BYTES_MAX + RECORD_OVERHEAD_MAX);
    record_encode(&again, &record);
    CHECK(slice_equal(buf_slice(&again), slice_of(bytes, length)));
    buf_release(&again);
    return 0;
}
