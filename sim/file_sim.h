// The port of files on a simulated disk, which fails, tears and forgets as disks do.
//
// Promise
//  1. Everything is as port/file.h says, and no better: after a loss of power, changes that were
//     not synced are there in part: a prefix, torn in the middle, or some sectors of them, with
//     zeros or garbage where a file grew; renames, new names and removals each happened or not.
//  2. What a failed sync covered may be lost in a loss of power even if a later sync succeeds.
//  3. The same calls with the same seed give the same results.
//
// Invariants
//  1. A file's stable content is what a loss of power keeps at least; `changes` are what came
//     since.
//
// It has one directory and no capacity: a full disk is an operation that is made to fail.
#ifndef BRUSIO_SIM_FILE_SIM_H
#define BRUSIO_SIM_FILE_SIM_H

#include "port/file.h"

// Checked: files that ever were at one time, changes of names since the last sync of them, and the
// bytes of a file.
#define FILE_SIM_FILES_MAX 64
#define FILE_SIM_NAME_CHANGES_MAX 256
#define FILE_SIM_BYTES_MAX ((size_t)16 << 20)

struct file_sim;

// Gives an empty disk, to be ended by file_sim_free.
struct file_sim *file_sim_new(uint64_t seed);
void file_sim_free(struct file_sim *sim);

// The port; it lives as long as the disk.
struct files file_sim_port(struct file_sim *sim);

// The operation after `skipped` more fails with `error` (ERR_FULL or ERR_IO); a write leaves any
// part of itself. Reading and closing do not count and do not fail.
void file_sim_fail(struct file_sim *sim, uint64_t skipped, enum err error);

// As if the process died after `skipped` more operations: that one, and all after it until the next
// call of file_sim_process_died or file_sim_power_lost, has no effect and answers ERR_IO. A write
// may be cut short by it.
void file_sim_halt(struct file_sim *sim, uint64_t skipped);

// Ends the process: its open files are closed, a fault that did not come will not come.
void file_sim_process_died(struct file_sim *sim);

// The same for the machine.
void file_sim_power_lost(struct file_sim *sim);

// Changes a bit of the file `name`, at `offset`, which it must have (checked).
void file_sim_rot(struct file_sim *sim, const char *name, size_t offset);

// The bytes of the file `name`, or SIZE_MAX when there is none.
size_t file_sim_length(const struct file_sim *sim, const char *name);

#endif
