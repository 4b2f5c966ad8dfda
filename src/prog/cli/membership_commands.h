// The commands about members: nodes add, nodes remove.
#ifndef BRUSIO_PROG_CLI_MEMBERSHIP_COMMANDS_H
#define BRUSIO_PROG_CLI_MEMBERSHIP_COMMANDS_H

#include "cli/session.h"

command_run nodes_add_command, nodes_remove_command;

#endif
