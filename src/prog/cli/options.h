// The words of a command line, sorted into options and operands.
//
// Promise: any argument vector gives either valid options or ERR_INVALID with a sentence that names
// the word at fault. Options may stand before, between and after operands, as `--name value` or
// `--name=value`; `--` ends them. `-` alone is an operand.
//
// Invariants
//  1. The value of a number or duration option is in the range of its specification, of a choice
//     one of its choices.
//  2. An option is given at most once, --endpoint at most OPTION_ENDPOINTS_MAX times.
//
// All strings are borrowed from the argument vector. It does not know which command takes which
// option.
#ifndef BRUSIO_PROG_CLI_OPTIONS_H
#define BRUSIO_PROG_CLI_OPTIONS_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A command takes one word for each node at most, beside its name.
enum {
    OPTION_ENDPOINTS_MAX = 64,
    CLUSTER_NODES_MAX = 64,
    OPTION_WORDS_MAX = CLUSTER_NODES_MAX + 2
};

enum option_id {
    OPTION_ENDPOINT,
    OPTION_TOKEN,
    OPTION_TOKEN_FILE,
    OPTION_DIR,
    OPTION_TIMEOUT,
    OPTION_JSON,
    OPTION_HELP,
    OPTION_KEYSPACE,
    OPTION_FILE,
    OPTION_LOCAL,
    OPTION_IF_MATCH,
    OPTION_IF_ABSENT,
    OPTION_PREFIX,
    OPTION_LIMIT,
    OPTION_ALL,
    OPTION_STRATEGY,
    OPTION_REPLICATION_FACTOR,
    OPTION_MIN_IN_SYNC,
    OPTION_NODES,
    OPTION_HTTP_PORT,
    OPTION_PEER_PORT,
    OPTION_DURABILITY,
    OPTION_FOREGROUND,
    OPTION_YES,
    OPTION_NO_WAIT,
    OPTION_NEW_NODES,
    OPTION_DESTROYED,
    OPTION_ACCEPT_LOSS,
    OPTION_MODE,
    OPTION_FAMILY,
    OPTION_SIGNED,
    OPTION_RUMOR_K,
    OPTION_RUMOR,
    OPTION_ANTI_ENTROPY,
    OPTION_AUDIT,
    OPTION_RETENTION,
    OPTION_STABILITY,
    OPTION_STABLE,
    OPTION_CONFLICTS,
    OPTION_SINCE,
    OPTION_CHANNEL,
    OPTION_LINK,
    OPTION_AUTHOR,
    OPTION_SEARCH,
    OPTION_MUTED,
    OPTION_SORT,
    OPTION_ORDER,
    OPTION_RATING,
    OPTION_TAGS,
    OPTION_REPLY_TO,
    OPTION_AS_OWN,
    OPTION_TTL,
    OPTION_COUNT
};

#define OPTION_BIT(id) ((uint64_t)1 << (id))
_Static_assert(OPTION_COUNT <= 64, "each option has a bit");

enum option_kind {
    OPTION_KIND_FLAG,
    OPTION_KIND_TEXT,
    OPTION_KIND_NUMBER,
    OPTION_KIND_CHOICE,
    OPTION_KIND_DURATION // as "500ms", "10s", "5m", "12h", "7d": a number of milliseconds
};

struct option_spec {
    const char *name; // without the dashes
    enum option_kind kind;
    const char *value_name; // for the help; of a choice "one|two"
    const char *help;
    uint64_t least;
    uint64_t most;
};

struct options {
    uint64_t given;                 // OPTION_BIT of each
    const char *text[OPTION_COUNT]; // as written, NULL for flags
    uint64_t number[OPTION_COUNT];
    const char *endpoints[OPTION_ENDPOINTS_MAX];
    size_t endpoint_count;
    const char *words[OPTION_WORDS_MAX]; // the command's name and its operands
    size_t word_count;
};

const struct option_spec *option_spec_of(enum option_id id);

// `arguments` without the program's name.
WARN_UNUSED enum err options_parse(struct options *options, int count, char *const *arguments,
                                   struct errmsg *detail);

static inline bool options_have(const struct options *options, enum option_id id)
{
    return (options->given & OPTION_BIT(id)) != 0;
}

// A decimal number without sign, in [least, most]; the whole text.
bool options_number(const char *text, uint64_t least, uint64_t most, uint64_t *number);

// Such a number and its unit, ms, s, m, h or d, in milliseconds, in [least, most].
bool options_duration(const char *text, uint64_t least, uint64_t most, uint64_t *ms);

#endif
