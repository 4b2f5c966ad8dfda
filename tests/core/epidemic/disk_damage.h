// A disk that loses what it had, behind the back of the space that is kept on it.
#ifndef BRUSIO_TESTS_CORE_EPIDEMIC_DISK_DAMAGE_H
#define BRUSIO_TESTS_CORE_EPIDEMIC_DISK_DAMAGE_H

#include "space_disk.h"

// Every header of the key in this space is gone.
void disk_damage_lose_key(struct space_disk *disk, uint64_t space, const char *key);

#endif
