#include "adapter/store_sum.h"

#include "base/hash.h"

static uint64_t sum_of(enum store_table table, struct slice key, struct slice value)
{
    return hash64(value, hash64(key, (uint64_t)table + 1));
}

void store_sum_seal(enum store_table table, struct slice key, struct slice value, uint8_t *out)
{
    uint64_t sum = sum_of(table, key, value);
    if (value.length > 0)
        memcpy(out, value.bytes, value.length);
    memcpy(out + value.length, &sum, sizeof sum);
}

enum err store_sum_open(enum store_table table, struct slice key, struct slice sealed,
                        struct slice *out)
{
    uint64_t sum = 0;
    *out = slice_of(NULL, 0);
    if (sealed.length < sizeof sum)
        return ERR_CORRUPT;
    struct slice value = slice_of(sealed.bytes, sealed.length - sizeof sum);
    memcpy(&sum, sealed.bytes + value.length, sizeof sum);
    if (sum != sum_of(table, key, value))
        return ERR_CORRUPT;
    *out = value;
    return ERR_OK;
}
