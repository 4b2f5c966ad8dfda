// The commands that read and change keys: put, get, delete, list.
#ifndef BRUSIO_PROG_CLI_KV_COMMANDS_H
#define BRUSIO_PROG_CLI_KV_COMMANDS_H

#include "cli/session.h"

command_run put_command, get_command, delete_command, list_command;

#endif
