// Making an LMDB store of a store that may have a log before it.
//
// Promise: afterwards the directory holds no log, and LMDB all that the log held. A directory
// without a log, or one that is not there, is left as it is.
//
// It keeps nothing open, and takes no directory that another process has.
#ifndef BRUSIO_ADAPTER_STORE_SETTLE_H
#define BRUSIO_ADAPTER_STORE_SETTLE_H

#include "base/err.h"

#include <stdint.h>

// `size_bytes_max` as in store_logged_config. Errors as of store_logged_open. `detail` may be NULL.
WARN_UNUSED enum err store_settle(const char *directory, uint64_t size_bytes_max,
                                  struct errmsg *detail);

#endif
