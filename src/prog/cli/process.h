// A process of this machine that outlives the program that started it.
//
// Promise: a process is known by its pid, the time that it started and the boot in which it did; a
// pid that was given to another process since is never signalled.
//
// Invariants
//  1. A zombie counts as ended.
//  2. A spawned process has its own session, /dev/null as its standard input, a log file as its
//     outputs, no other descriptor, and default signal handling.
#ifndef BRUSIO_PROG_CLI_PROCESS_H
#define BRUSIO_PROG_CLI_PROCESS_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { BOOT_ID_BYTES = 40 };

struct process {
    pid_t pid;           // 0 for none
    uint64_t start_time; // in clock ticks since boot, field 22 of /proc/PID/stat
    char boot_id[BOOT_ID_BYTES];
};

// `arguments` ends with NULL; its first is the path of the program. Output is appended to the file
// at `log_path`. ERR_IO when the program cannot be started.
WARN_UNUSED enum err process_spawn(struct process *process, char *const *arguments,
                                   const char *log_path, struct errmsg *detail);

bool process_running(const struct process *process);

// Sends a signal if the process still runs.
void process_signal(const struct process *process, int signal);

// True once it has ended, false after `limit_ms`.
bool process_wait(const struct process *process, uint64_t limit_ms);

// SIGTERM, and SIGKILL when it still runs after `grace_ms`. `forced` (may be NULL): it took
// SIGKILL. ERR_TIMEOUT when even that does not end it.
WARN_UNUSED enum err process_stop(const struct process *process, uint64_t grace_ms, bool *forced,
                                  struct errmsg *detail);

// How a child of this program ended, in words ("exit code 1", "signal 9"): true if it was one and
// has ended.
bool process_reap(const struct process *process, char *how, size_t how_bytes);

// Finds state letter and start time in the text of /proc/PID/stat.
bool process_parse_stat(const char *stat, char *state, uint64_t *start_time);

#endif
