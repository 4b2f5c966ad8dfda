// One run of the program: its options, its output, and the client of the cluster it was pointed at.
//
// Promise: endpoints and token are found in this order: options, then the environment; see
// session_connect.
#ifndef BRUSIO_PROG_CLI_SESSION_H
#define BRUSIO_PROG_CLI_SESSION_H

#include "cli/client.h"
#include "cli/exit_code.h"
#include "cli/options.h"
#include "cli/output.h"

struct session {
    struct options options;
    struct output output;
    struct client client;     // after session_connect
    const char *const *words; // the operands, borrowed from the options
    size_t word_count;
};

// A command of the program. The table of all is in brusio.c; each noun's file holds the functions.
typedef enum exit_code command_run(struct session *session);

// The options of every command that talks to a cluster.
#define OPTIONS_OF_CLIENT                                                                          \
    (OPTION_BIT(OPTION_ENDPOINT) | OPTION_BIT(OPTION_TOKEN) | OPTION_BIT(OPTION_TOKEN_FILE) |      \
     OPTION_BIT(OPTION_DIR) | OPTION_BIT(OPTION_TIMEOUT))

// Endpoints: --endpoint, the nodes of --dir, BRUSIO_ENDPOINT (several separated by commas), the
// nodes of BRUSIO_DIR, http://127.0.0.1:5000. Token: --token, --token-file, --dir, BRUSIO_TOKEN,
// BRUSIO_DIR. On failure it has printed why; release with session_release in any case.
WARN_UNUSED enum exit_code session_connect(struct session *session);
void session_release(struct session *session);

// Prints the error and gives its exit code. ERR_NOT_FOUND counts as a failure here: commands for
// which the absence of a key is an answer say so themselves.
enum exit_code session_fail(const struct session *session, enum err e, const struct errmsg *detail);
enum exit_code session_usage(const struct session *session, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// EXIT_CODE_OK once everything printed has been written out.
enum exit_code session_finish(const struct session *session);

// The keyspace of this run: --keyspace, or "default".
const char *session_keyspace(const struct session *session);

#endif
