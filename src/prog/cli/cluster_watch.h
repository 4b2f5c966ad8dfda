// A local cluster in the foreground: tells what becomes of its nodes, and stops them all on Ctrl-C
// or SIGTERM.
//
// Promise: a node's end is told once, and so is its return. Other `brusio cluster` commands may
// work on the same directory meanwhile. When every node has been stopped by one, watching ends too.
#ifndef BRUSIO_PROG_CLI_CLUSTER_WATCH_H
#define BRUSIO_PROG_CLI_CLUSTER_WATCH_H

#include "cli/cluster.h"
#include "cli/session.h"

// The cluster is started, and not locked. Ends with all nodes stopped.
WARN_UNUSED enum err cluster_watch(struct cluster *cluster, const struct session *session,
                                   struct errmsg *detail);

#endif
