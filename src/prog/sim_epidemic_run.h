// `brusio-sim epidemic run`: peers of an optimistic keyspace amid faults, seed after seed.
#ifndef BRUSIO_PROG_SIM_EPIDEMIC_RUN_H
#define BRUSIO_PROG_SIM_EPIDEMIC_RUN_H

// `arguments` are those after the word `run`. Gives the program's exit status: 0 all seeds passed,
// 1 one failed, 2 unusable arguments.
int sim_epidemic_run(int count, char **arguments);

#endif
