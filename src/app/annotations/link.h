// What an annotation is about: a URL, a magnet link or an ed2k link, and the identity of that.
//
// Promise: any bytes are a link or refused with the place and the reason. Links that mean the same
// have one identity, so that they share their annotations.
//
// Invariants
//  1. A link is 1 to LINK_BYTES_MAX bytes, without spaces and control characters.
//  2. The identity of an ed2k link is the hash and the size, never the name: "ed2k:<hash>:<size>".
//     That of a magnet link is its topics: "magnet:?xt=...". That of any other URL is its normal
//     form (url.h), of http and https without the fragment, which names a place in the thing and
//     is never sent to a server. A fragment of another scheme is part of the identity.
//  3. No two kinds share an identity, and the identity of a URL or of a magnet link is itself a
//     link (if not over LINK_BYTES_MAX) with the same identity.
//
// It does not follow links, and does not know that a magnet link and an ed2k link name one file.
#ifndef BRUSIO_APP_ANNOTATIONS_LINK_H
#define BRUSIO_APP_ANNOTATIONS_LINK_H

#include "app/annotations/ed2k.h"
#include "app/annotations/magnet.h"
#include "app/annotations/url.h"

#define LINK_BYTES_MAX 4096
#define LINK_IDENTITY_BYTES_MAX (LINK_BYTES_MAX + MAGNET_GROWTH_MAX + URL_GROWTH_MAX)

enum link_kind { LINK_URL, LINK_MAGNET, LINK_ED2K };

struct link {
    enum link_kind kind;
    union {
        struct url url;
        struct magnet magnet;
        struct ed2k ed2k;
    };
};

// `out` borrows from `text`. ERR_INVALID with `fault`; ERR_TOO_LARGE, with `fault` too, when the
// text is over LINK_BYTES_MAX.
WARN_UNUSED enum err link_parse(struct slice text, struct link *out, struct link_fault *fault);

// Appends the identity of a parsed link: ASCII, at most LINK_IDENTITY_BYTES_MAX bytes.
void link_identity(const struct link *link, struct buf *out);

// Appends the name that an ed2k link gives its file, for people: UTF-8 without control characters,
// at most LINK_BYTES_MAX bytes. False, and nothing is appended, when there is no such name, as in
// any other link.
bool link_display_name(const struct link *link, struct buf *out);

#endif
