// Which run of the machine this is.
//
// Promise: two runs of the machine never have the same id, and one run always has the same. What an
// earlier run had handed to the kernel without syncing may be lost.
//
// It does not say how the earlier run ended.
#ifndef BRUSIO_ADAPTER_BOOT_ID_H
#define BRUSIO_ADAPTER_BOOT_ID_H

#include "base/slice.h"

#define BOOT_ID_BYTES 36u

// Writes the present run's id to `out`; false, and zeros, which no run's id equals, when it cannot
// be read.
bool boot_id_read(uint8_t out[BOOT_ID_BYTES]);

// Whether `id` is the present run's; false when that cannot be told.
bool boot_id_is_present(struct slice id);

#endif
