#include "base/sha256.h"

#include <nettle/sha2.h>

struct sha256 sha256_of_pieces(const struct slice *pieces, size_t count)
{
    struct sha256_ctx context;
    struct sha256 sum;
    sha256_init(&context);
    for (size_t i = 0; i < count; i++)
        sha256_update(&context, pieces[i].length, pieces[i].bytes);
    sha256_digest(&context, SHA256_BYTES, sum.bytes);
    return sum;
}

struct sha256 sha256_of(struct slice bytes)
{
    return sha256_of_pieces(&bytes, 1);
}

int sha256_compare(const struct sha256 *a, const struct sha256 *b)
{
    return memcmp(a->bytes, b->bytes, SHA256_BYTES);
}

uint64_t sha256_head(const struct sha256 *sum)
{
    uint64_t head = 0;
    for (unsigned i = 0; i < 8; i++)
        head = head << 8 | sum->bytes[i];
    return head;
}
