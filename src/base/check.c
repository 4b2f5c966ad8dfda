#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void check_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition);
    abort();
}

static void *not_null(void *memory)
{
    if (memory == NULL)
        check_failed("memory is left", __FILE__, __LINE__);
    return memory;
}

void *memory_new(size_t size)
{
    return not_null(malloc(size > 0 ? size : 1));
}

void *memory_zeroed(size_t count, size_t size)
{
    return not_null(calloc(count > 0 ? count : 1, size > 0 ? size : 1));
}

void *memory_resize(void *memory, size_t size)
{
    return not_null(realloc(memory, size > 0 ? size : 1));
}

void *memory_copy(const void *bytes, size_t size)
{
    void *copy = memory_new(size);
    if (size > 0)
        memcpy(copy, bytes, size);
    return copy;
}
