// Assertions that stay on in release builds.
//
// CHECK is for what only our own mistake can break. Bytes from peers, disk and users are validated
// and answered with an error, never CHECKed. A failed check prints the place and aborts: a node
// that has lost its own invariants must not acknowledge anything more.
#ifndef BRUSIO_BASE_CHECK_H
#define BRUSIO_BASE_CHECK_H

#include <stddef.h>

_Noreturn void check_failed(const char *condition, const char *file, int line);

#define CHECK(condition) ((condition) ? (void)0 : check_failed(#condition, __FILE__, __LINE__))

// Allocation that cannot fail: out of memory ends the process, which every protocol rule allows (a
// crash). Sizes that come from outside are bounded by their named maximum before they get here.
// Gives memory to be given to free(). `size` may be 0.
void *memory_new(size_t size);
void *memory_zeroed(size_t count, size_t size);
void *memory_resize(void *memory, size_t size);
void *memory_copy(const void *bytes, size_t size);

#endif
