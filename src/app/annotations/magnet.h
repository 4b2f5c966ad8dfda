// A magnet link: what it is about, and the identity of that.
//
// Promise: any bytes are a magnet link or refused with the place. Two links that name the same set
// of topics have one identity, whatever their order, spelling and other parameters.
//
// Invariants
//  1. A parsed magnet link has 1 to MAGNET_TOPICS_MAX topics: parameters "xt" or "xt.<number>" of
//     the form "urn:<kind>:<name>".
//  2. The topics of an identity are sorted and distinct; "urn" and the kind are in lower case, a
//     hash of 20 bytes (btih, sha1, aich) is in hexadecimal whether it was so or in base32, other
//     hashes of a known kind are in lower case, and what is of an unknown kind is kept, escapes
//     normalised.
//  3. The identity of an identity is itself.
//
// A link with one topic of a hybrid torrent and a link with both are two identities. It does not
// look at names, trackers and sources ("dn", "tr", "xs").
#ifndef BRUSIO_APP_ANNOTATIONS_MAGNET_H
#define BRUSIO_APP_ANNOTATIONS_MAGNET_H

#include "app/annotations/url.h"

#define MAGNET_TOPICS_MAX 16
// What a topic's identity can be longer than the topic: base32 turned into hexadecimal.
#define MAGNET_GROWTH_MAX (MAGNET_TOPICS_MAX * 8)

// Borrows from the text.
struct magnet {
    struct slice parameters;
};

// ERR_INVALID with `fault`: of a topic, where its value begins.
WARN_UNUSED enum err magnet_parse(struct slice text, struct magnet *out, struct link_fault *fault);

// Appends "magnet:?xt=<topic>&xt=<topic>...", at most MAGNET_GROWTH_MAX bytes more than the link.
void magnet_identify(const struct magnet *magnet, struct buf *out);

#endif
