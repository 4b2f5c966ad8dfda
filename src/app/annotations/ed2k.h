// An ed2k link of a file, as eMule and its kin write them:
//
//     ed2k://|file|<name>|<size>|<hash>|
//         p=<part hash>[:<part hash>...]|     at most once
//         h=<root hash>|                      at most once
//         s=<URL>|                            any number of times
//     /[|sources,<host>:<port>[,<host>:<port>...]|/]
//
// Promise: any bytes are such a link or refused with the place. The file is its hash and its size;
// the name is what somebody called it.
//
// Invariants
//  1. Hashes are 32 hexadecimal digits, the root hash 32 digits of base32, in any case.
//  2. The size is 1 to 2^64 - 1; zeros before it do not count.
//  3. The name is not empty, and has no control character, no space, no vertical bar, no bytes that
//     are not UTF-8, and no percent sign that begins no escape. What is escaped can be any byte.
//
// The parts p=, h= and s= stand in any order. It does not take other ed2k links (servers, nodes,
// friends), and does not look whether p= fits the size. The name is not safe as a path.
#ifndef BRUSIO_APP_ANNOTATIONS_ED2K_H
#define BRUSIO_APP_ANNOTATIONS_ED2K_H

#include "app/annotations/link_fault.h"
#include "base/buf.h"

#define ED2K_HASH_BYTES 16

struct ed2k {
    struct slice name; // as written; borrows from the text
    uint64_t size_bytes;
    uint8_t hash[ED2K_HASH_BYTES];
};

// ERR_INVALID with `fault`.
WARN_UNUSED enum err ed2k_parse(struct slice text, struct ed2k *out, struct link_fault *fault);

// Appends "ed2k:<hash in lower case>:<size>".
void ed2k_identify(const struct ed2k *ed2k, struct buf *out);

// Appends the name, decoded, at most as long as it is written. False, and nothing is appended, when
// it then is not UTF-8 or has a control character.
bool ed2k_append_name(const struct ed2k *ed2k, struct buf *out);

#endif
