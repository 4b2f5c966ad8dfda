// Any text is an address or none. What was parsed fits its bounds; a literal is written as a text
// that is parsed to the same. Numbers in text are those that a naive reader finds.
#include "adapter/net_address.h"
#include "base/check.h"
#include "base/number.h"
#include "base/slice.h"

#include <stdlib.h>

static void try_address(const char *text)
{
    struct net_address address;
    struct net_address again;
    struct sockaddr_storage place;
    char written[NET_ADDRESS_TEXT_BYTES];
    if (net_address_parse(text, &address) != ERR_OK)
        return;
    size_t host_bytes = strnlen(address.host, sizeof address.host);
    CHECK(host_bytes >= 1 && host_bytes <= NET_HOST_BYTES_MAX);
    if (!net_address_is_literal(&address, &place))
        return;
    net_address_format((const struct sockaddr *)&place, written);
    CHECK(net_address_parse(written, &again) == ERR_OK);
    CHECK(again.port == address.port);
}

static void try_number(const char *text)
{
    uint64_t found = 0;
    uint64_t naive = 0;
    size_t digits = 0;
    for (; text[digits] >= '0' && text[digits] <= '9' && digits < 19; digits++)
        naive = naive * 10 + (uint64_t)(text[digits] - '0');
    bool plain = digits > 0 && digits < 19 && text[digits] == '\0';
    bool parsed = number_parse(text, 1, 65535, &found);
    if (plain)
        CHECK(parsed == (naive >= 1 && naive <= 65535));
    CHECK(!parsed || (found >= 1 && found <= 65535));
    CHECK(!parsed || !plain || found == naive);
    parsed = number_parse(text, 0, UINT64_MAX, &found);
    CHECK(!plain || (parsed && found == naive));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    char *text = memory_new(length + 1);
    if (length > 0)
        memcpy(text, bytes, length);
    text[length] = '\0';
    try_address(text);
    try_number(text);
    free(text);
    return 0;
}
