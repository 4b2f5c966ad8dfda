// The note that a store may have lost batches that it had reported.
//
// A loss of power may take what durability `interval` had reported. The node must not count on such
// a store before it was brought in sync, however often it is opened, and by whichever adapter,
// until then: so the suspicion is a file in the store's directory.
//
// Promise: once raised it stays, synced, until it is dropped.
//
// It does not judge: whoever opens a store does.
#ifndef BRUSIO_ADAPTER_STORE_SUSPICION_H
#define BRUSIO_ADAPTER_STORE_SUSPICION_H

#include "port/file.h"

#define STORE_SUSPICION_FILE "brusio.suspect"

// Whether the note is there. ERR_FULL or ERR_IO, as all here.
WARN_UNUSED enum err store_suspicion_read(const struct files *files, bool *out);
WARN_UNUSED enum err store_suspicion_raise(const struct files *files);
WARN_UNUSED enum err store_suspicion_drop(const struct files *files);

#endif
