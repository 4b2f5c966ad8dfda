// The commands about nodes and where keys are placed: nodes, fail, recover, strategy, nodes-for.
#ifndef BRUSIO_PROG_CLI_NODE_COMMANDS_H
#define BRUSIO_PROG_CLI_NODE_COMMANDS_H

#include "cli/node_list.h"
#include "cli/session.h"

command_run nodes_command, fail_command, recover_command, strategy_command, nodes_for_command;

// The table of nodes, for people.
void node_commands_print(const struct session *session, const struct node_list *list);

// Recovers every node that was failed; prints each. `recovered` counts them. Stops at the first
// error.
WARN_UNUSED enum err node_commands_recover_all(struct session *session, size_t *recovered,
                                               struct errmsg *detail);

#endif
