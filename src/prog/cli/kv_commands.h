// The commands that read and change keys: put, get, delete, list.
#ifndef BRUSIO_PROG_CLI_KV_COMMANDS_H
#define BRUSIO_PROG_CLI_KV_COMMANDS_H

#include "cli/session.h"

// What people should know of a value of an optimistic keyspace: its state, on a terminal, and, on
// standard error, how many versions are in conflict with it. Nothing of a strong one.
void kv_commands_note(const struct session *session, const struct answer *answer);

command_run put_command, get_command, delete_command, list_command;

#endif
