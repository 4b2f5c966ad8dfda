// The ports of a local cluster's nodes: laid out, picked, and checked before anything is started.
#ifndef BRUSIO_PROG_CLI_CLUSTER_PORTS_H
#define BRUSIO_PROG_CLI_CLUSTER_PORTS_H

#include "cli/cluster_file.h"

// Gives node k the ports `http_port` + k - 1 and `peer_port` + k - 1. ERR_INVALID when the two
// ranges overlap or pass 65535.
WARN_UNUSED enum err cluster_ports_lay_out(struct cluster_file *file, unsigned http_port,
                                           unsigned peer_port, struct errmsg *detail);

// Gives every node two ports that are free now, below those that the system hands to outgoing
// connections.
WARN_UNUSED enum err cluster_ports_pick(struct cluster_file *file, struct errmsg *detail);

// Gives the node at place `at` ports: those after the highest that the others have, or free ones.
WARN_UNUSED enum err cluster_ports_add(struct cluster_file *file, size_t at, struct errmsg *detail);

// ERR_EXISTS when another process listens on one of the node's ports; the detail says which, and
// what to do.
WARN_UNUSED enum err cluster_ports_check(const struct cluster_file_node *node,
                                         struct errmsg *detail);

#endif
