// The commands about keyspaces: keyspaces, keyspaces create, keyspaces change.
#ifndef BRUSIO_PROG_CLI_KEYSPACE_COMMANDS_H
#define BRUSIO_PROG_CLI_KEYSPACE_COMMANDS_H

#include "cli/session.h"

command_run keyspaces_command, keyspaces_create_command, keyspaces_change_command;

#endif
