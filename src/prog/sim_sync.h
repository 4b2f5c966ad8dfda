// `brusio-sim sync`: what it costs to bring a node in sync that was away for a while.
#ifndef BRUSIO_PROG_SIM_SYNC_H
#define BRUSIO_PROG_SIM_SYNC_H

// `arguments` are those after the word `sync`. Gives the program's exit status: 0 in sync, 1 not, 2
// unusable arguments.
int sim_sync(int count, char **arguments);

#endif
