// The requests that the benchmarks make: reads and writes of random keys of a fixed set.
//
// Promise: the same seed gives the same requests. Key i is "key-" and i in six digits; every value
// has WORKLOAD_VALUE_BYTES.
#ifndef BRUSIO_BENCH_WORKLOAD_H
#define BRUSIO_BENCH_WORKLOAD_H

#include "base/buf.h"
#include "base/random.h"

enum { WORKLOAD_VALUE_BYTES = 100, WORKLOAD_KEYS_MAX = 1000000, WORKLOAD_HEAD_BYTES = 256 };

struct workload {
    struct rng rng;
    uint64_t keys; // to choose from; at most WORKLOAD_KEYS_MAX
    uint64_t filled;
    char head[WORKLOAD_HEAD_BYTES]; // the header fields that all requests have
    char value[WORKLOAD_VALUE_BYTES];
};

void workload_init(struct workload *workload, uint64_t seed, uint64_t keys, const char *token);

// Each is an http_load_next with a workload as its context.
// a put of the next key, beginning with the first
void workload_fill(void *context, struct buf *out);
void workload_put(void *context, struct buf *out);
void workload_write(void *context, struct buf *out);
void workload_read(void *context, struct buf *out);
void workload_mixed(void *context, struct buf *out); // one write for nine reads

// Any other request. `body` may be empty.
void workload_request(const struct workload *workload, struct buf *out, const char *method,
                      const char *path, const char *body);

#endif
