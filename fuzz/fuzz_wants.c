// Any bytes decode to wishes within their bounds. What was taken, even of bytes that ended badly,
// encodes to bytes that decode to the same wishes.
#include "base/check.h"
#include "core/map/wants.h"

enum { WANTS_BYTES_MAX = 64 << 20 };

static void check_bounds(const struct wants *wants)
{
    CHECK(wants->admit_count <= WANT_ADMITS_MAX);
    CHECK(wants->change_count <= WANT_CHANGES_MAX);
    CHECK(wants->shrink_count <= KEYSPACES_MAX);
    CHECK(wants->promote_count <= WANT_PROMOTES_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static struct wants wants;
    struct buf first;
    struct buf second;
    wants_clear(&wants);
    if (wants_decode(slice_of(bytes, length), &wants) == ERR_OK && length == 0)
        CHECK(wants_empty(&wants));
    check_bounds(&wants);
    buf_init(&first, WANTS_BYTES_MAX);
    buf_init(&second, WANTS_BYTES_MAX);
    wants_encode(&first, &wants);
    wants_clear(&wants);
    CHECK(wants_decode(buf_slice(&first), &wants) == ERR_OK);
    check_bounds(&wants);
    wants_encode(&second, &wants);
    CHECK(slice_equal(buf_slice(&first), buf_slice(&second)));
    buf_release(&first);
    buf_release(&second);
    return 0;
}
