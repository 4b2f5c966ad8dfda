// Ctrl-C, SIGTERM and SIGHUP as a question that loops ask, and time to wait.
//
// Promise: after interrupt_init these signals end no wait loop in the middle of a step: the loop
// sees them and leaves things tidy. Signal dispositions are the process's, so this is the one place
// that keeps global state. A SIGHUP that is ignored (nohup) stays ignored.
#ifndef BRUSIO_PROG_CLI_INTERRUPT_H
#define BRUSIO_PROG_CLI_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

void interrupt_init(void);

// One of the signals has come since interrupt_init or interrupt_clear.
bool interrupt_seen(void);

// Forgets a signal that was seen, for the work of leaving things tidy.
void interrupt_clear(void);

// Milliseconds of a clock that only goes forward.
uint64_t interrupt_now_ms(void);

// Waits; a signal ends it early.
void interrupt_sleep(uint64_t duration_ms);

#endif
