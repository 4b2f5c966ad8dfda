#include "front/http/percent.h"

int hex_digit_value(uint8_t digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

enum err percent_decode(struct slice text, uint8_t *out, size_t max, size_t *length)
{
    size_t written = 0;
    for (size_t i = 0; i < text.length; i++) {
        uint8_t byte = text.bytes[i];
        if (byte == '%') {
            int high = text.length - i > 2 ? hex_digit_value(text.bytes[i + 1]) : -1;
            int low = text.length - i > 2 ? hex_digit_value(text.bytes[i + 2]) : -1;
            if (high < 0 || low < 0)
                return ERR_INVALID;
            byte = (uint8_t)(high << 4 | low);
            i += 2;
        }
        if (written == max)
            return ERR_TOO_LARGE;
        out[written++] = byte;
    }
    *length = written;
    return ERR_OK;
}
