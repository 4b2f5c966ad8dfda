// The commands of optimistic keyspaces: peers, stability, bundles, subscriptions, exchanges.
#ifndef BRUSIO_PROG_CLI_SPACE_COMMANDS_H
#define BRUSIO_PROG_CLI_SPACE_COMMANDS_H

#include "cli/session.h"

// Print what a node says, as tables.
WARN_UNUSED enum err space_commands_show_peers(struct session *session, struct errmsg *detail);
WARN_UNUSED enum err space_commands_show_stability(struct session *session, const char *name,
                                                   struct errmsg *detail);

command_run peers_command, stability_command, subscribe_command, unsubscribe_command;
command_run exchange_command, bundle_export_command, bundle_import_command;

#endif
