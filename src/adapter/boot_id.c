#include "adapter/boot_id.h"

#include <fcntl.h>
#include <unistd.h>

#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"

bool boot_id_read(uint8_t out[BOOT_ID_BYTES])
{
    memset(out, 0, BOOT_ID_BYTES);
    int fd = open(BOOT_ID_FILE, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t length = read(fd, out, BOOT_ID_BYTES);
    close(fd);
    if (length == (ssize_t)BOOT_ID_BYTES)
        return true;
    memset(out, 0, BOOT_ID_BYTES);
    return false;
}

bool boot_id_is_present(struct slice id)
{
    uint8_t present[BOOT_ID_BYTES];
    return boot_id_read(present) && slice_equal(id, slice_of(present, sizeof present));
}
