// Operations of an optimistic keyspace, made by hand, for tests of what judges peers.
#ifndef BRUSIO_TESTS_SIM_EPIDEMIC_SAMPLE_H
#define BRUSIO_TESTS_SIM_EPIDEMIC_SAMPLE_H

#include "sim/epidemic_oracle.h"

// A put (or, without a value, a delete) that replaces `replaces` (an origin 0: nothing).
struct operation epidemic_sample(struct dot dot, const char *value, struct dot replaces);

// The same, noted by the oracle as one of key 0 by peer 0; it must be new to it.
struct oracle_operation *epidemic_sample_add(struct epidemic_oracle *oracle, struct dot dot,
                                             const char *value, struct dot replaces);

void epidemic_sample_know(struct knowledge *knowledge, struct dot dot);

#endif
