// Any bytes decode to a digest or fail the cursor and give the digest of nothing; every digest has
// one encoding.
#include "base/check.h"
#include "core/reconcile/digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    const struct digest nothing = {0};
    struct digest digest;
    struct buf again;
    struct cursor in = cursor_of(slice_of(bytes, length));
    digest_decode(&in, &digest);
    if (in.failed) {
        CHECK(digest_equal(&digest, &nothing));
        return 0;
    }
    buf_init(&again, DIGEST_BYTES_MAX);
    digest_encode(&again, &digest);
    CHECK(slice_equal(buf_slice(&again), slice_of(bytes, length - cursor_left(&in))));
    buf_release(&again);
    if (digest.count < DIGEST_COUNT_MAX) {
        struct digest changed = digest;
        struct hash128 item = hash128(slice_of(bytes, length), 0);
        digest_add(&changed, item);
        CHECK(changed.count == digest.count + 1);
        digest_remove(&changed, item);
        CHECK(digest_equal(&changed, &digest));
    }
    return 0;
}
