// What people and scripts see: aligned columns, colours, JSON, error lines.
//
// Promise: JSON goes out one value to a line. Colours appear only on a terminal, and never with
// NO_COLOR set. Whatever bytes a key or a server's message holds, a terminal gets no control
// characters.
#ifndef BRUSIO_PROG_CLI_OUTPUT_H
#define BRUSIO_PROG_CLI_OUTPUT_H

#include "base/buf.h"

#include <jansson.h>
#include <stdio.h>

enum color { COLOR_NONE, COLOR_BOLD, COLOR_DIM, COLOR_RED, COLOR_GREEN, COLOR_YELLOW };

struct output {
    bool json;
    bool terminal; // standard output is one
    bool color;    // on standard output
    bool color_errors;
};

void output_init(struct output *output, bool json);

// Codes that begin and end a colour on standard output; "" without colours.
const char *output_color(const struct output *output, enum color color);
const char *output_plain(const struct output *output);

// Takes `value`; prints it on one line.
void output_json(json_t *value);

// Text as a JSON member: `name`, or `name`_base64 when the bytes are not UTF-8.
void output_json_bytes(json_t *object, const char *name, struct slice bytes);

// Appends such a member's bytes to `out`; nothing when the object has neither, or bad base64.
void output_read_bytes(struct buf *out, const json_t *object, const char *name);

enum { OUTPUT_DURATION_BYTES = 32 };

// A time in the largest unit that leaves a number of 1 or more, rounded down: "750 ms", "12 s", "7
// d".
void output_duration(char text[OUTPUT_DURATION_BYTES], uint64_t ms);

// Prints bytes escaped for a terminal, without a line's end.
void output_printable(FILE *stream, struct slice bytes);

// "brusio: <message>" on standard error, or {"error","message"} with --json.
void output_error(const struct output *output, const char *name, const char *message);

// Everything printed has reached standard output: ERR_IO otherwise (a full disk, for one).
WARN_UNUSED enum err output_flush(struct errmsg *detail);

// Rows of cells, printed with every column as wide as its widest cell. Owns copies of the cells.
enum { GRID_COLUMNS_MAX = 12, GRID_CELLS_MAX = 16384 };

struct grid {
    size_t columns;
    bool right[GRID_COLUMNS_MAX];
    char **cells;
    enum color *colors;
    size_t count;
};

// `titles`: one for each column; a title that begins with '>' aligns its column to the right.
void grid_init(struct grid *grid, size_t columns, const char *const *titles);
void grid_release(struct grid *grid);

// The next cell, left to right, row by row. CHECKs that there are not more than GRID_CELLS_MAX.
void grid_add(struct grid *grid, enum color color, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void grid_add_bytes(struct grid *grid, struct slice bytes);
void grid_print(const struct grid *grid, const struct output *output);

#endif
