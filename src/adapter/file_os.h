// The port of files, on a directory of the operating system.
//
// Promise: what port/file.h promises, as far as the kernel and the disk keep theirs. Every system
// call's result is looked at; one that a signal cut short is taken up again.
//
// It locks nothing and holds no path: names are resolved in the open directory.
#ifndef BRUSIO_ADAPTER_FILE_OS_H
#define BRUSIO_ADAPTER_FILE_OS_H

#include "port/file.h"

struct file_os {
    int directory_fd; // borrowed
};

// The port; it borrows `directory`, which must stay where it is.
struct files file_os_port(struct file_os *directory);

// What a number of errno means: ERR_FULL (no space, over a quota or over the greatest size that the
// process may write) or ERR_IO.
enum err file_os_error(int number);

#endif
