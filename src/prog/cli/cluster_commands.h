// The commands about a local cluster: cluster start, status, stop, kill, restart.
#ifndef BRUSIO_PROG_CLI_CLUSTER_COMMANDS_H
#define BRUSIO_PROG_CLI_CLUSTER_COMMANDS_H

#include "cli/cluster.h"
#include "cli/session.h"

command_run cluster_start_command, cluster_status_command, cluster_stop_command,
    cluster_kill_command, cluster_restart_command;

// The table of nodes, or the JSON of it: process and ports, and whether the cluster itself counts a
// node as alive.
void cluster_commands_print(const struct session *session, const struct cluster *cluster);

#endif
