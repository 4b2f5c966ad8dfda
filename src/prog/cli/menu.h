// The numbered menu: everything a person tries first, one question at a time.
//
// Promise: on a terminal, lines can be edited and called back; from a pipe it reads the same lines
// plainly. An error is printed and the menu goes on; 9 or the end of input ends it with exit code
// 0.
#ifndef BRUSIO_PROG_CLI_MENU_H
#define BRUSIO_PROG_CLI_MENU_H

#include "cli/session.h"

command_run menu_command;

#endif
