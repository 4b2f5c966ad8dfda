// The key by which the users of this node sign what they write into signed keyspaces.
//
// Promise: it is made on first use, from the system's randomness, and stays the same: who loses the
// file is another author from then on. Nobody but the node's own user may read it.
#ifndef BRUSIO_PROG_AUTHOR_KEY_H
#define BRUSIO_PROG_AUTHOR_KEY_H

#include "base/err.h"
#include "base/signing.h"

// Reads DIRECTORY/author.key, or makes it, durably. ERR_IO, ERR_CORRUPT (it has not the length of a
// key), with detail.
WARN_UNUSED enum err author_key_open(const char *directory, struct signing_secret *out,
                                     struct errmsg *detail);

#endif
