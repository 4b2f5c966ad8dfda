// `brusio-sim check`: judges a history that clients of a real cluster recorded.
#ifndef BRUSIO_PROG_SIM_CHECK_H
#define BRUSIO_PROG_SIM_CHECK_H

// `arguments` are those after the word `check`. Gives the program's exit status: 0 every key's
// history is linearizable; 1 one is not; 2 unusable arguments or file; 3 one could not be decided.
int sim_check(int count, char **arguments);

#endif
