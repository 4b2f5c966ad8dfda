// How far something long is: a bar on a terminal, plain lines elsewhere, nothing with --json.
//
// Promise: what is drawn stays on one line of the terminal, which progress_end leaves for good; to
// files and pipes no control characters go, and at most one line for each tenth of the way. It
// grows no larger than the most that was ever left.
//
// It measures nothing itself, and does not know what it counts.
#ifndef BRUSIO_PROG_CLI_PROGRESS_H
#define BRUSIO_PROG_CLI_PROGRESS_H

#include "cli/output.h"

enum { PROGRESS_LINE_BYTES = 160 };

struct progress {
    const struct output *output; // borrowed
    const char *unit;            // what is left, as "slots"; borrowed
    uint64_t most;               // that was left at any time
    unsigned told_tenths;        // of the last plain line; 11: none yet
    bool drawn;                  // a bar stands on the terminal's line
};

void progress_init(struct progress *progress, const struct output *output, const char *unit);

// Tells that `left` units are left, if that is worth a line.
void progress_show(struct progress *progress, uint64_t left);

// Ends the line of a bar. To be called before anything else is printed.
void progress_end(struct progress *progress);

// The text of the bar for `left` of `most`, without a line's end.
void progress_format(char text[PROGRESS_LINE_BYTES], uint64_t left, uint64_t most,
                     const char *unit);

#endif
