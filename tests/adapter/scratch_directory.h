// A temporary directory for one test.
#ifndef BRUSIO_TESTS_ADAPTER_SCRATCH_DIRECTORY_H
#define BRUSIO_TESTS_ADAPTER_SCRATCH_DIRECTORY_H

#include <stddef.h>

enum { SCRATCH_PATH_BYTES_MAX = 256 };

struct scratch_directory {
    char path[SCRATCH_PATH_BYTES_MAX];
};

// Ends the test program when there is no room for it.
void scratch_directory_init(struct scratch_directory *scratch);

// Removes it with the files in it and in the directories directly below.
void scratch_directory_release(struct scratch_directory *scratch);

// Writes the path of `name` inside the directory to `out`, which has SCRATCH_PATH_BYTES_MAX bytes.
void scratch_directory_path(const struct scratch_directory *scratch, const char *name, char *out);

#endif
