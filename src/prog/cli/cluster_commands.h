// The commands about a local cluster: cluster start, status, stop, kill, restart
// (cluster_membership.h has add and remove).
#ifndef BRUSIO_PROG_CLI_CLUSTER_COMMANDS_H
#define BRUSIO_PROG_CLI_CLUSTER_COMMANDS_H

#include "cli/cluster.h"
#include "cli/session.h"

command_run cluster_start_command, cluster_status_command, cluster_stop_command,
    cluster_kill_command, cluster_restart_command;

// The cluster of --dir or BRUSIO_DIR, locked if `lock`, to be given back to cluster_commands_close;
// NULL, with the exit code in `code`, when that fails.
struct cluster *cluster_commands_open(const struct session *session, bool lock,
                                      enum exit_code *code);
void cluster_commands_close(struct cluster *cluster);

// The same, locked, with the place of the node that the command's operand names in `at`; NULL also
// after a printed usage error.
struct cluster *cluster_commands_open_at(const struct session *session, size_t *at,
                                         enum exit_code *code);

// The table of nodes, or the JSON of it: process and ports, and whether the cluster itself counts a
// node as alive.
void cluster_commands_print(const struct session *session, const struct cluster *cluster);

#endif
