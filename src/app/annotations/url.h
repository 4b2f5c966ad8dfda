// A URL of any scheme: its parts by RFC 3986, and its normal form.
//
// Promise: any bytes are a URL or refused with the place; two URLs that RFC 3986, section 6.2.2 and
// 6.2.3, calls equivalent for the reasons listed below have one normal form.
//
// Invariants
//  1. A parsed URL holds ASCII only, no space and no control character; each percent sign begins an
//     escape; what section 3 of the RFC does not allow in a part is not in it.
//  2. The normal form of a normal form is itself, and is a URL.
//  3. Normal: scheme and host in lower case; escapes in upper case, none for an unreserved
//     character; no dot segments; an IPv6 address as RFC 5952, section 4, writes it; no port that
//     is empty or the scheme's own (http 80, https 443, ftp 21), no zeros before it; and for http
//     and https a path of "/" instead of none.
//
// http, https and ftp need a host. It does not know other schemes, does not order queries, does not
// take names in other scripts (RFC 3987), and does not judge whether a scheme is safe to follow:
// "javascript:" is one of many. Whoever makes a link clickable keeps a list of schemes.
#ifndef BRUSIO_APP_ANNOTATIONS_URL_H
#define BRUSIO_APP_ANNOTATIONS_URL_H

#include "app/annotations/link_fault.h"
#include "base/buf.h"

// What the normal form can be longer than the URL: its path begins with a slash, or with a dot.
#define URL_GROWTH_MAX 4

// Borrows from the text. A part that is not there has no bytes (NULL); one that is there and empty
// has. The path is always there.
struct url {
    struct slice scheme; // without the colon
    struct slice userinfo;
    struct slice host; // with the brackets around an address
    struct slice port;
    struct slice path;
    struct slice query;    // without the question mark
    struct slice fragment; // without the hash
};

// ERR_INVALID with `fault`.
WARN_UNUSED enum err url_parse(struct slice text, struct url *out, struct link_fault *fault);

// Appends the normal form of a parsed URL, at most its length and URL_GROWTH_MAX bytes.
void url_normalize(const struct url *url, struct buf *out);

// Appends `text`, parsed, with its escapes as invariant 3 has them; those of bytes in `plain` too
// are decoded.
void url_append_escaped(struct buf *out, struct slice text, const char *plain);

// Is this a URL of the web, of which a server never sees the fragment?
bool url_is_http(const struct url *url);

// A name or an address, with a colon and a port from 1 to 65535: the rest of `text` from `at` up to
// `end` and nothing else.
WARN_UNUSED enum err url_check_address(struct slice text, size_t at, size_t end,
                                       struct link_fault *fault);

#endif
