#include "model/slot.h"

static uint16_t crc16(struct slice bytes)
{
    uint16_t crc = 0;
    for (size_t i = 0; i < bytes.length; i++) {
        crc = (uint16_t)(crc ^ (unsigned)bytes.bytes[i] << 8);
        for (int bit = 0; bit < 8; bit++)
            crc =
                (uint16_t)((crc & 0x8000) != 0 ? (unsigned)crc << 1 ^ 0x1021u : (unsigned)crc << 1);
    }
    return crc;
}

static struct slice hash_tag(struct slice key)
{
    const uint8_t *open = key.length > 0 ? memchr(key.bytes, '{', key.length) : NULL;
    if (open == NULL)
        return key;
    size_t left = key.length - (size_t)(open + 1 - key.bytes);
    const uint8_t *close = left > 0 ? memchr(open + 1, '}', left) : NULL;
    if (close == NULL || close == open + 1)
        return key;
    return slice_of(open + 1, (size_t)(close - open - 1));
}

uint16_t slot_of_key(struct slice key)
{
    return crc16(hash_tag(key)) % SLOTS;
}
