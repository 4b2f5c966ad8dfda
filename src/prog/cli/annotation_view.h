// Annotations as people read them.
//
//     4/5  2026-03-01 12:30  films  by 3ee0faef...  stable, 1 conflict
//       a b.avi
//       ed2k://|file|a%20b.avi|...|/
//       Worth seeing twice.
//       tags: noir, heist
//       3ee0faef5ac7cc4172252bf5abd18563-3b323fff292bbde4
//
// Promise: whatever the JSON of the server holds, a terminal gets no control characters of it.
#ifndef BRUSIO_PROG_CLI_ANNOTATION_VIEW_H
#define BRUSIO_PROG_CLI_ANNOTATION_VIEW_H

#include "cli/output.h"

// Prints an annotation; with its versions in conflict, if `whole`.
void annotation_view_print(const struct output *output, const json_t *annotation, bool whole);

// Prints a text of the server.
void annotation_view_print_text(const json_t *text);

#endif
