// A local cluster's beginning: made node by node, or started again with what was recorded.
//
// Promise: on success every node serves. On failure nothing that this start began is left running,
// and a cluster that was being made leaves only its logs.
#ifndef BRUSIO_PROG_CLI_CLUSTER_START_H
#define BRUSIO_PROG_CLI_CLUSTER_START_H

#include "cli/cluster.h"
#include "cli/session.h"

// The directory holds cluster.json.
bool cluster_start_exists(const struct cluster *cluster);

// Makes a new cluster in the locked directory, as the options say. ERR_INVALID when they cannot be.
WARN_UNUSED enum err cluster_start_new(struct cluster *cluster, const struct session *session,
                                       struct errmsg *detail);

// ERR_MISMATCH when an option contradicts what the loaded cluster was made with.
WARN_UNUSED enum err cluster_start_compare(const struct cluster *cluster,
                                           const struct options *options, struct errmsg *detail);

// Starts the nodes of the loaded cluster that do not run.
WARN_UNUSED enum err cluster_start_again(struct cluster *cluster, const struct session *session,
                                         struct errmsg *detail);

#endif
