// Operations that arrive from somebody, for tests of what becomes of them.
#ifndef BRUSIO_TESTS_CORE_EPIDEMIC_SPACE_ARRIVAL_H
#define BRUSIO_TESTS_CORE_EPIDEMIC_SPACE_ARRIVAL_H

#include "space_bench.h"

// A put of "value" at "k" by somebody; as others in what the caller changes.
struct operation arrival_put(uint64_t origin, uint64_t sequence);
// A delete of "k" that covers a dot (an origin 0: none).
struct operation arrival_delete(uint64_t origin, uint64_t sequence, struct dot covered);
// A put without its value.
struct operation arrival_bare(const struct operation *put);

// Applies to replica 0, fails the test if anything changes, and gives the outcome.
enum space_outcome arrival_in_vain(struct space_bench *bench, const struct operation *operation,
                                   enum operation_form form, enum space_source source);

#endif
