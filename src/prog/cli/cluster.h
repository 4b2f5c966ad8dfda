// A cluster of brusiod processes on this machine, kept in one directory.
//
// Promise: cluster.json names every process before anything else is done with it, so that a later
// run of the program can always find and stop it.
//
// Invariants
//  1. Only the holder of the directory's lock starts or stops processes, or writes cluster.json.
//  2. Only processes that cluster.json names, and that are still the same, are signalled.
#ifndef BRUSIO_PROG_CLI_CLUSTER_H
#define BRUSIO_PROG_CLI_CLUSTER_H

#include "cli/client.h"
#include "cli/cluster_file.h"
#include "cli/file.h"
#include "cli/node_list.h"

enum { CLUSTER_STOP_MS = 10000, CLUSTER_READY_MS = 60000 };

struct cluster {
    char directory[FILE_PATH_BYTES_MAX]; // absolute
    char daemon[FILE_PATH_BYTES_MAX];    // the path of brusiod
    int lock;                            // -1 when not held
    struct cluster_file file;
};

enum cluster_role { CLUSTER_FIRST, CLUSTER_JOINS, CLUSTER_RETURNS };

// Finds the directory and brusiod; takes no lock, loads nothing. ERR_NOT_FOUND.
WARN_UNUSED enum err cluster_init(struct cluster *cluster, const char *directory,
                                  struct errmsg *detail);

// ERR_LOCKED when another command holds the directory for longer than a stop takes.
WARN_UNUSED enum err cluster_lock(struct cluster *cluster, struct errmsg *detail);
void cluster_unlock(struct cluster *cluster);

WARN_UNUSED enum err cluster_load(struct cluster *cluster, struct errmsg *detail);
WARN_UNUSED enum err cluster_save(const struct cluster *cluster, struct errmsg *detail);

// Starts the process of node `at` (from 0) and records it. A node that does not return makes an
// empty data directory.
WARN_UNUSED enum err cluster_spawn(struct cluster *cluster, size_t at, enum cluster_role role,
                                   struct errmsg *detail);

// Waits until node `at` is ready and lists itself, and those of the first `count` nodes that are
// not leaving, as up (failed by a drill counts as up with `drills`). ERR_IO when its process ends
// meanwhile, ERR_TIMEOUT, ERR_RETRY when interrupted.
WARN_UNUSED enum err cluster_await(struct cluster *cluster, size_t at, size_t count, bool drills,
                                   struct errmsg *detail);

// Sends SIGTERM to all nodes of `chosen` (one bool for each) that run, and SIGKILL to those that
// still do after CLUSTER_STOP_MS; records them as stopped, but for those that leave. `forced` (may
// be NULL): which took SIGKILL.
WARN_UNUSED enum err cluster_stop_nodes(struct cluster *cluster, const bool *chosen, bool *forced,
                                        struct errmsg *detail);

// A client of all nodes that run, of node `last` (node_count: of none) only when no other answers.
// Give it to client_release. ERR_UNAVAILABLE when none runs.
WARN_UNUSED enum err cluster_client_of_all(const struct cluster *cluster, size_t last,
                                           long timeout_ms, struct client *client,
                                           struct errmsg *detail);

// A client of node `at` alone; give it to client_release.
WARN_UNUSED enum err cluster_client(const struct cluster *cluster, size_t at, long timeout_ms,
                                    struct client *client, struct errmsg *detail);

#endif
