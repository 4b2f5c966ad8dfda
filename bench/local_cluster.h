// A cluster of processes on this machine, made with the command line and its defaults.
//
// Promise: between a start that succeeded and local_cluster_stop, the nodes run, and `ports` and
// `token` reach them. It does not watch them, and leaves their directory to its caller.
#ifndef BRUSIO_BENCH_LOCAL_CLUSTER_H
#define BRUSIO_BENCH_LOCAL_CLUSTER_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum { LOCAL_CLUSTER_NODES = 3, LOCAL_CLUSTER_TOKEN_BYTES_MAX = 127 };

struct local_cluster {
    const char *program; // the path of `brusio`
    const char *directory;
    uint16_t ports[LOCAL_CLUSTER_NODES];
    char token[LOCAL_CLUSTER_TOKEN_BYTES_MAX + 1];
};

// Borrows `program` and `directory`; `durability` is "commit" or "interval".
WARN_UNUSED enum err local_cluster_start(struct local_cluster *cluster, const char *program,
                                         const char *directory, const char *durability,
                                         struct errmsg *detail);

void local_cluster_stop(const struct local_cluster *cluster);

#endif
