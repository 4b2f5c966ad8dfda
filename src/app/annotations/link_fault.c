#include "app/annotations/link_fault.h"

#include "app/annotations/text.h"

enum err link_fault_set(struct link_fault *fault, size_t at, const char *reason)
{
    *fault = (struct link_fault){.at = at, .reason = reason};
    return ERR_INVALID;
}

enum err link_fault_byte(struct link_fault *fault, size_t at, uint8_t byte)
{
    if (byte < ' ' || byte == 0x7f)
        return link_fault_set(fault, at, "a control character");
    if (byte == ' ')
        return link_fault_set(fault, at, "a space: write %20");
    if (byte == '%')
        return link_fault_set(fault, at, "a percent sign without two hexadecimal digits after it");
    if (byte >= 0x80)
        return link_fault_set(fault, at, "a byte that is not ASCII: percent-encode it");
    return link_fault_set(fault, at, "a character that may not stand here");
}

enum err link_fault_find(struct slice text, size_t at, size_t end, bool (*fits)(uint8_t byte),
                         struct link_fault *fault)
{
    while (at < end) {
        if (text_escape_value(slice_of(text.bytes, end), at) >= 0)
            at += 3;
        else if (text.bytes[at] != '%' && fits(text.bytes[at]))
            at++;
        else
            return link_fault_byte(fault, at, text.bytes[at]);
    }
    return ERR_OK;
}
