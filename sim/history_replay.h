// The recorded operations of one key, given to the linearizability checker in the order of time, as
// a whole or cut off early.
//
// Promise
//  1. Times that are equal count as simultaneous: an operation that starts when another ends may
//     come before it. What is told to be a violation is one whatever the true order was.
//  2. The explanation is of the shortest beginning of the history that is a violation by itself. In
//     it, what had not ended is of unknown outcome: what clients saw later is not needed to show
//     that something is wrong.
//
// It does not read files (history_file.h), and does not search (linear.h).
#ifndef BRUSIO_SIM_HISTORY_REPLAY_H
#define BRUSIO_SIM_HISTORY_REPLAY_H

#include "sim/history_file.h"

// Judges `count` operations (at least one) of one key. Unless they are linearizable, it names the
// key and explains itself to `out` (NULL: says nothing). Times are shown in seconds since
// `origin_ns`, which no start may be before.
enum linear_answer history_replay_judge(const struct history_operation *operations, uint32_t count,
                                        uint64_t origin_ns, FILE *out);

#endif
