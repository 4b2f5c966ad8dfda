// The command `brusio recover-voters`: what to do when a majority of the voters is lost for ever.
//
// Promise: it works on the data directories of stopped nodes, all of which it keeps locked. Nothing
// is written before all of them were read, the plan is legal (core/map/recovery.h) and the operator
// has agreed to it.
//
// Several stores cannot be written at once: when writing fails at one, the command says that no
// node may be started before it was run again.
#ifndef BRUSIO_PROG_RECOVER_VOTERS_H
#define BRUSIO_PROG_RECOVER_VOTERS_H

#include "cli/session.h"

enum exit_code recover_voters_command(struct session *session);

#endif
