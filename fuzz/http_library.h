// What the HTTP server needs of its library, without sockets: requests come from a fuzz target.
//
// It stands in for libmicrohttpd (whose functions it defines) in the order of calls that it keeps:
// the handler hears of the headers, of each piece of the body, of the end, and once more after a
// suspended connection was resumed; the completion callback comes last. An answer that goes on is
// read until it suspends its connection, and again each time that was resumed.
//
// Invariants (checked)
//  1. A request is answered at most once, and never while a piece of its body is handed over.
//  2. Only a connection whose request is complete is suspended; only a suspended one is resumed.
//  3. No connection is suspended when the library stops.
//
// It does not read HTTP: a request is already taken apart.
#ifndef BRUSIO_FUZZ_HTTP_LIBRARY_H
#define BRUSIO_FUZZ_HTTP_LIBRARY_H

#include "base/buf.h"

#include <microhttpd.h>

enum { LIBRARY_FIELDS_MAX = 16, LIBRARY_CONNECTIONS_MAX = 16, LIBRARY_HEADERS_MAX = 16 };

// A header or an argument; its strings are owned. `value` may be NULL.
struct library_field {
    enum MHD_ValueKind kind;
    char *name;
    char *value;
};

struct MHD_Response {
    unsigned references;
    void *body; // owned
    size_t body_bytes;
    MHD_ContentReaderCallback reader; // of an answer that goes on; NULL for all others
    void *reader_context;
    unsigned header_count;
    struct library_field headers[LIBRARY_HEADERS_MAX]; // `kind` is not used
};

struct MHD_Connection {
    char *method; // owned
    char *path;   // owned, without arguments
    struct library_field fields[LIBRARY_FIELDS_MAX];
    unsigned field_count;
    void *state;
    void *socket_state; // of the connection itself
    union MHD_ConnectionInfo info;
    bool in_piece;
    bool complete;
    bool suspended;
    bool resumed;
    bool drops; // the client goes away before the body's end, or while it waits
    bool ended;
    unsigned status;
    struct MHD_Response *response;
    uint64_t given; // bytes of an answer that goes on
};

// Called with each connection whose answer is there, before it ends.
typedef void library_answered(const struct MHD_Connection *connection);
void library_on_answer(library_answered *answered);

// Adds a connection with a request to the daemon that was started last. Both texts are copied;
// `target` has the arguments. NULL when there are too many.
struct MHD_Connection *library_connect(struct slice method, struct slice target);

// What is past LIBRARY_FIELDS_MAX is left out.
void library_add_header(struct MHD_Connection *connection, struct slice name, struct slice value);

bool library_has_header(const struct MHD_Connection *connection, const char *name);

// Hands the request to the handler, its body in pieces of at most `piece` bytes (1 or more).
void library_request(struct MHD_Connection *connection, struct slice body, size_t piece);

// A header of an answer, NULL when it is absent.
const char *library_answer_header(const struct MHD_Connection *connection, const char *name);

#endif
