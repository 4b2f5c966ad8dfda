// Adds an interval to a set of a test.
#ifndef BRUSIO_TESTS_CORE_EPIDEMIC_KNOW_H
#define BRUSIO_TESTS_CORE_EPIDEMIC_KNOW_H

#include "base/check.h"
#include "core/epidemic/knowledge.h"

static inline void know(struct knowledge *knowledge, uint64_t origin, uint64_t first, uint64_t last)
{
    struct interval interval = {.first = first, .last = last};
    CHECK(knowledge_add_interval(knowledge, origin, interval) == ERR_OK);
}

#endif
