// Slots: the unit of placement, sync and digest.
//
// CRC16 (XMODEM: polynomial 0x1021, initial value 0) of the key modulo 16384. When the key holds
// `{...}` with something between the first `{` and the first `}` after it, only that hash tag
// counts, so that keys can be kept together. This is how the Redis Cluster specification defines
// it.
#ifndef BRUSIO_MODEL_SLOT_H
#define BRUSIO_MODEL_SLOT_H

#include "base/slice.h"

#define SLOTS 16384

uint16_t slot_of_key(struct slice key);

#endif
