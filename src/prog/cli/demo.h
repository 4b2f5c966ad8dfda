// A demonstration that observes: data stays available while a node fails and comes back, in both
// strategies.
//
// Promise: everything printed was seen, not supposed. The exit code is 0 only when all of it was as
// promised. At the end, even after Ctrl-C or an error, the keys are deleted, the node is recovered
// and the strategy is what it was; what could not be put back is told.
#ifndef BRUSIO_PROG_CLI_DEMO_H
#define BRUSIO_PROG_CLI_DEMO_H

#include "cli/session.h"

command_run demo_command;

#endif
