// `brusio-sim epidemic`: how rumors spread among many peers.
#ifndef BRUSIO_PROG_SIM_EPIDEMIC_H
#define BRUSIO_PROG_SIM_EPIDEMIC_H

// `arguments` are those after the word `epidemic`. Gives the program's exit status: 0 done, 2
// unusable arguments.
int sim_epidemic(int count, char **arguments);

#endif
