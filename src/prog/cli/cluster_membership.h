// Local nodes that join and leave a cluster of this machine: cluster add, cluster remove.
//
// Promise: cluster.json names a new node before its process begins, and forgets one that leaves
// only after its process has ended. While nodes move their data the directory is not locked: other
// commands work on it.
#ifndef BRUSIO_PROG_CLI_CLUSTER_MEMBERSHIP_H
#define BRUSIO_PROG_CLI_CLUSTER_MEMBERSHIP_H

#include "cli/session.h"

command_run cluster_add_command, cluster_remove_command;

#endif
