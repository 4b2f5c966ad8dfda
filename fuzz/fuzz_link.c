// Any bytes are a link or refused within them. The identity of a link is printable, within its
// bound, and that of what it names: of itself where it is a link, of an ed2k link of the same file
// otherwise. A name that is shown is text.
#include "app/annotations/link.h"
#include "app/annotations/text.h"
#include "base/check.h"

#include <inttypes.h>

static void check_name(const struct link *link)
{
    struct buf name;
    buf_init(&name, LINK_BYTES_MAX);
    if (link_display_name(link, &name))
        CHECK(name.length > 0 && !name.overflown &&
              text_is_clean(buf_slice(&name), "", NULL, NULL));
    else
        CHECK(name.length == 0);
    buf_release(&name);
}

static void check_identity_again(const struct link *link, struct slice identity)
{
    struct link again;
    struct link_fault fault;
    struct buf text;
    struct buf second;
    buf_init(&text, LINK_IDENTITY_BYTES_MAX + 16);
    buf_init(&second, LINK_IDENTITY_BYTES_MAX);
    if (link->kind == LINK_ED2K) {
        buf_append_format(&text, "ed2k://|file|x|%" PRIu64 "|", link->ed2k.size_bytes);
        text_append_hex(&text, slice_of(link->ed2k.hash, sizeof link->ed2k.hash));
        buf_append(&text, "|/", 2);
    } else {
        buf_append_slice(&text, identity);
    }
    if (text.length <= LINK_BYTES_MAX) {
        CHECK(link_parse(buf_slice(&text), &again, &fault) == ERR_OK && again.kind == link->kind);
        link_identity(&again, &second);
        CHECK(slice_equal(buf_slice(&second), identity));
    }
    buf_release(&text);
    buf_release(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct link link;
    struct link_fault fault = {0, NULL};
    struct buf identity;
    if (link_parse(slice_of(bytes, length), &link, &fault) != ERR_OK) {
        CHECK(fault.at <= length && fault.reason != NULL);
        return 0;
    }
    buf_init(&identity, LINK_IDENTITY_BYTES_MAX);
    link_identity(&link, &identity);
    CHECK(!identity.overflown && identity.length > 0);
    for (size_t i = 0; i < identity.length; i++)
        CHECK(identity.bytes[i] > ' ' && identity.bytes[i] < 0x7f);
    check_identity_again(&link, buf_slice(&identity));
    check_name(&link);
    buf_release(&identity);
    return 0;
}
