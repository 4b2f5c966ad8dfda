#include "app/annotations/link.h"

#include "app/annotations/text.h"

enum err link_parse(struct slice text, struct link *out, struct link_fault *fault)
{
    *out = (struct link){.kind = LINK_URL};
    if (text.length == 0)
        return link_fault_set(fault, 0, "the link is empty");
    if (text.length > LINK_BYTES_MAX) {
        (void)link_fault_set(fault, LINK_BYTES_MAX, "a link has at most 4096 bytes");
        return ERR_TOO_LARGE;
    }
    if (text_begins(text, "ed2k:")) {
        out->kind = LINK_ED2K;
        return ed2k_parse(text, &out->ed2k, fault);
    }
    if (text_begins(text, "magnet:")) {
        out->kind = LINK_MAGNET;
        return magnet_parse(text, &out->magnet, fault);
    }
    return url_parse(text, &out->url, fault);
}

void link_identity(const struct link *link, struct buf *out)
{
    if (link->kind == LINK_ED2K) {
        ed2k_identify(&link->ed2k, out);
    } else if (link->kind == LINK_MAGNET) {
        magnet_identify(&link->magnet, out);
    } else {
        struct url url = link->url;
        if (url_is_http(&url))
            url.fragment = slice_of(NULL, 0);
        url_normalize(&url, out);
    }
}

bool link_display_name(const struct link *link, struct buf *out)
{
    return link->kind == LINK_ED2K && ed2k_append_name(&link->ed2k, out);
}
