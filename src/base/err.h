// Error codes of the whole program, from one table.
//
// Promise: every fallible function returns an `enum err`, and every code has a short stable name
// (for JSON bodies and scripts) and a sentence for people. Cores return codes only; adapters add
// detail in a caller's `struct errmsg`.
#ifndef BRUSIO_BASE_ERR_H
#define BRUSIO_BASE_ERR_H

#define ERR_TABLE(X)                                                                               \
    X(OK, "ok", "done")                                                                            \
    X(INVALID, "invalid", "the input is malformed")                                                \
    X(TOO_LARGE, "too_large", "the input is over a limit")                                         \
    X(NOT_FOUND, "not_found", "there is no such thing")                                            \
    X(EXISTS, "exists", "it is there already")                                                     \
    X(MISMATCH, "mismatch", "the condition does not hold")                                         \
    X(ILLEGAL, "illegal", "the cluster map does not allow this step")                              \
    X(UNAVAILABLE, "unavailable", "no replica can answer now")                                     \
    X(CUT_OFF, "cut_off", "this node cannot reach a majority of the voters")                       \
    X(RETRY, "retry", "not taken: ask again, elsewhere or later")                                  \
    X(UNDECIDED, "undecided",                                                                      \
      "taken, but its primary changed: ask the next one what became of it")                        \
    X(UNKNOWN, "outcome_unknown", "the operation may or may not have taken effect")                \
    X(TIMEOUT, "timeout", "no answer in time")                                                     \
    X(BUSY, "busy", "a queue is full: slow down and ask again")                                    \
    X(FULL, "full", "the disk or the store is full")                                               \
    X(IO, "io", "the disk reported an error")                                                      \
    X(CORRUPT, "corrupt", "stored bytes are damaged")                                              \
    X(LOCKED, "locked", "another process holds the data directory")                                \
    X(FOREIGN, "foreign", "the data belongs to another cluster or store")                          \
    X(REMOVED, "removed", "this node was removed from the cluster")                                \
    X(VERSION, "version", "the data was written by a newer version")                               \
    X(ROAMING, "roaming", "this node is a roaming peer: ask a member of the cluster")              \
    X(NETWORK, "network", "a connection failed")                                                   \
    X(DENIED, "denied", "the peer did not prove that it knows the cluster key")

enum err {
#define X(name, text, sentence) ERR_##name,
    ERR_TABLE(X)
#undef X
        ERR_COUNT
};

#define ERRMSG_BYTES_MAX 512

// Human detail that an adapter adds to a code; the caller owns it.
struct errmsg {
    char text[ERRMSG_BYTES_MAX];
};

#define WARN_UNUSED __attribute__((warn_unused_result))

// The short name of a code, such as "not_found"; never NULL.
const char *err_name(enum err e);

// A sentence for people; never NULL.
const char *err_sentence(enum err e);

// Formats `detail` (may be NULL, then nothing happens) and returns `e`, so that a function can end
// in `return errmsg_set(detail, ERR_IO, ...)`. Text past ERRMSG_BYTES_MAX - 1 bytes is cut.
enum err errmsg_set(struct errmsg *detail, enum err e, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
