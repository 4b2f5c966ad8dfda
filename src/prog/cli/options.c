#include "cli/options.h"

#include <string.h>

#define FLAG(option, sentence)                                                                     \
    {                                                                                              \
        .name = (option), .kind = OPTION_KIND_FLAG, .help = (sentence)                             \
    }
#define TEXT(option, value, sentence)                                                              \
    {                                                                                              \
        .name = (option), .kind = OPTION_KIND_TEXT, .value_name = (value), .help = (sentence)      \
    }
#define CHOICE(option, values, sentence)                                                           \
    {                                                                                              \
        .name = (option), .kind = OPTION_KIND_CHOICE, .value_name = (values), .help = (sentence)   \
    }
#define NUMBER(option, value, low, high, sentence)                                                 \
    {                                                                                              \
        .name = (option), .kind = OPTION_KIND_NUMBER, .value_name = (value), .help = (sentence),   \
        .least = (low), .most = (high)                                                             \
    }
#define DURATION(option, sentence)                                                                 \
    {                                                                                              \
        .name = (option), .kind = OPTION_KIND_DURATION, .value_name = "TIME", .help = (sentence),  \
        .least = PACE_MS_MIN, .most = PACE_MS_MAX                                                  \
    }

// Those of an optimistic keyspace: 20 ms to 10 years.
#define PACE_MS_MIN 20u
#define PACE_MS_MAX (UINT64_C(10) * 366 * 24 * 3600 * 1000)
// Of what expires: 10 years.
#define TTL_S_MAX (10u * 366 * 24 * 3600)

static const struct option_spec specs[OPTION_COUNT] = {
    [OPTION_ENDPOINT] = TEXT("endpoint", "URL", "a node's address; repeat it to name more nodes"),
    [OPTION_TOKEN] = TEXT("token", "TOKEN", "the cluster's bearer token"),
    [OPTION_TOKEN_FILE] = TEXT("token-file", "FILE", "read the token from FILE"),
    [OPTION_DIR] = TEXT("dir", "DIR", "the directory of a local cluster"),
    [OPTION_TIMEOUT] = NUMBER("timeout", "SECONDS", 1, 3600, "how long to wait for an answer (30)"),
    [OPTION_JSON] = FLAG("json", "answer, and report errors, in JSON"),
    [OPTION_HELP] = FLAG("help", "show help"),
    [OPTION_KEYSPACE] = TEXT("keyspace", "NAME", "the keyspace (default)"),
    [OPTION_FILE] = TEXT("file", "FILE", "the value is what FILE holds"),
    [OPTION_LOCAL] =
        FLAG("local", "whatever the node has, which may be old;\nanswers even without a majority"),
    [OPTION_IF_MATCH] = TEXT("if-match", "ETAG", "only if the key still has this ETag"),
    [OPTION_IF_ABSENT] = FLAG("if-absent", "only if there is no such key"),
    [OPTION_TTL] = NUMBER("ttl", "SECONDS", 1, TTL_S_MAX,
                          "readers see it for SECONDS; in optimistic keyspaces"),
    [OPTION_PREFIX] = TEXT("prefix", "PREFIX", "only keys that begin with PREFIX"),
    [OPTION_LIMIT] = NUMBER("limit", "COUNT", 1, UINT32_MAX, "at most COUNT of them"),
    [OPTION_ALL] = FLAG("all", "every node that was failed"),
    [OPTION_STRATEGY] = CHOICE("strategy", "full|consistent",
                               "full: every node holds every key;\n"
                               "consistent: each key is on R nodes"),
    [OPTION_REPLICATION_FACTOR] =
        NUMBER("replication-factor", "R", 1, 255, "copies of each key, with strategy consistent"),
    [OPTION_MIN_IN_SYNC] =
        NUMBER("min-in-sync", "COUNT", 1, 255, "refuse writes with fewer live replicas"),
    [OPTION_NODES] = NUMBER("nodes", "COUNT", 1, CLUSTER_NODES_MAX, "how many nodes (3)"),
    [OPTION_HTTP_PORT] = NUMBER("http-port", "PORT", 0, 65535,
                                "HTTP port of node 1, the others follow (5000);\n0: free ones"),
    [OPTION_PEER_PORT] =
        NUMBER("peer-port", "PORT", 1, 65535, "port of node 1 for other nodes (HTTP port + 1000)"),
    [OPTION_DURABILITY] = CHOICE("durability", "commit|interval",
                                 "commit: synced before each answer (default);\n"
                                 "interval: synced every second"),
    [OPTION_FOREGROUND] = FLAG("foreground", "stay; Ctrl-C stops all nodes"),
    [OPTION_YES] = FLAG("yes", "do not ask first"),
    [OPTION_NO_WAIT] = FLAG("no-wait", "do not wait for what follows"),
    [OPTION_NEW_NODES] = NUMBER("count", "COUNT", 1, CLUSTER_NODES_MAX, "how many nodes (1)"),
    [OPTION_DESTROYED] =
        TEXT("destroyed", "NODE,...", "nodes that are lost for ever, with their data"),
    [OPTION_ACCEPT_LOSS] = FLAG("accept-loss", "give up what only destroyed nodes had"),
    [OPTION_MODE] = CHOICE("mode", "strong|optimistic",
                           "strong: reads see the latest write (default);\n"
                           "optimistic: every peer reads and writes at once"),
    [OPTION_FAMILY] = FLAG("family", "it holds channels, as FAMILY/CHANNEL, and no keys"),
    [OPTION_SIGNED] = FLAG("signed", "only what its authors signed counts"),
    [OPTION_RUMOR_K] =
        NUMBER("rumor-k", "COUNT", 1, 64, "rounds in vain after which a rumor ends (4)"),
    [OPTION_RUMOR] = DURATION("rumor", "between two rounds of rumors (1s)"),
    [OPTION_ANTI_ENTROPY] = DURATION("anti-entropy", "between two exchanges with a peer (10s)"),
    [OPTION_AUDIT] = DURATION("audit", "between two exchanges that compare all (1d)"),
    [OPTION_RETENTION] = DURATION("retention", "how long what deletes leave behind is kept (7d);\n"
                                               "a peer that is away for longer compares all"),
    [OPTION_STABILITY] = DURATION("stability", "how often is said what is stable (1s)"),
    [OPTION_STABLE] = FLAG("stable", "only what the primary has made stable"),
    [OPTION_CONFLICTS] = FLAG("conflicts", "every version, the winner first"),
    [OPTION_CHANNEL] = TEXT("channel", "NAME", "the channel of annotations"),
    [OPTION_LINK] = TEXT("link", "LINK", "only about what this URL, magnet or ed2k link names"),
    [OPTION_AUTHOR] = TEXT("author", "AUTHOR", "only of this author: 32 hexadecimal digits"),
    [OPTION_SEARCH] = TEXT("search", "TEXT", "only with this in the text or in a tag"),
    [OPTION_MUTED] = FLAG("muted", "those of muted authors too"),
    [OPTION_SORT] = CHOICE("sort", "time|created|rating",
                           "by the last change (default), by creation,\n"
                           "or by rating"),
    [OPTION_ORDER] = CHOICE("order", "desc|asc", "the newest or best first (default), or last"),
    [OPTION_RATING] = TEXT("rating", "0-5", "how good it is; none: no rating any more"),
    [OPTION_TAGS] = TEXT("tags", "TAG,...", "words to find it by; '': no tags any more"),
    [OPTION_REPLY_TO] = TEXT("reply-to", "ID", "the annotation that this one answers"),
    [OPTION_AS_OWN] = FLAG("as-own", "what others wrote becomes one's own"),
    [OPTION_SINCE] = TEXT("since", "PEER|all", "leave out what PEER has; all: nothing (all)"),
};

const struct option_spec *option_spec_of(enum option_id id)
{
    return &specs[id];
}

bool options_number(const char *text, uint64_t least, uint64_t most, uint64_t *number)
{
    uint64_t value = 0;
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        uint64_t digit = (uint64_t)(*text - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *number = value;
    return value >= least && value <= most;
}

bool options_duration(const char *text, uint64_t least, uint64_t most, uint64_t *ms)
{
    static const struct {
        const char *name;
        uint64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    char digits[24];
    size_t length = strspn(text, "0123456789");
    if (length == 0 || length >= sizeof digits)
        return false;
    memcpy(digits, text, length);
    digits[length] = '\0';
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(text + length, units[i].name) != 0)
            continue;
        if (!options_number(digits, 0, most / units[i].ms, ms))
            return false;
        *ms *= units[i].ms;
        return *ms >= least;
    }
    return false;
}

static bool is_choice(const char *choices, const char *text)
{
    size_t length = strlen(text);
    for (const char *choice = choices; choice != NULL;) {
        const char *end = strchr(choice, '|');
        size_t choice_length = end != NULL ? (size_t)(end - choice) : strlen(choice);
        if (length == choice_length && memcmp(choice, text, length) == 0)
            return true;
        choice = end != NULL ? end + 1 : NULL;
    }
    return false;
}

// The option that `word` (after its dashes, up to `length`) names, or OPTION_COUNT.
static enum option_id find(const char *word, size_t length)
{
    for (size_t id = 0; id < OPTION_COUNT; id++) {
        if (strlen(specs[id].name) == length && memcmp(specs[id].name, word, length) == 0)
            return (enum option_id)id;
    }
    return OPTION_COUNT;
}

static enum err take_value(struct options *options, enum option_id id, const char *value,
                           struct errmsg *detail)
{
    const struct option_spec *spec = &specs[id];
    if (id == OPTION_ENDPOINT) {
        if (options->endpoint_count == OPTION_ENDPOINTS_MAX)
            return errmsg_set(detail, ERR_INVALID, "more than %d endpoints", OPTION_ENDPOINTS_MAX);
        options->endpoints[options->endpoint_count++] = value;
    } else if (options_have(options, id)) {
        return errmsg_set(detail, ERR_INVALID, "--%s is given twice", spec->name);
    }
    if (spec->kind == OPTION_KIND_CHOICE && !is_choice(spec->value_name, value))
        return errmsg_set(detail, ERR_INVALID, "--%s is one of %s, not '%s'", spec->name,
                          spec->value_name, value);
    if (spec->kind == OPTION_KIND_NUMBER &&
        !options_number(value, spec->least, spec->most, &options->number[id]))
        return errmsg_set(detail, ERR_INVALID, "--%s is a number from %llu to %llu, not '%s'",
                          spec->name, (unsigned long long)spec->least,
                          (unsigned long long)spec->most, value);
    if (spec->kind == OPTION_KIND_DURATION &&
        !options_duration(value, spec->least, spec->most, &options->number[id]))
        return errmsg_set(detail, ERR_INVALID,
                          "--%s is a time such as 500ms, 10s, 5m, 12h or 7d, from %llums to %llud, "
                          "not '%s'",
                          spec->name, (unsigned long long)spec->least,
                          (unsigned long long)(spec->most / 86400000), value);
    options->text[id] = value;
    options->given |= OPTION_BIT(id);
    return ERR_OK;
}

// Takes the option at `arguments[*at]`, and its value, which may be the next argument.
static enum err take_option(struct options *options, int count, char *const *arguments, int *at,
                            struct errmsg *detail)
{
    const char *word = arguments[*at];
    const char *name = strcmp(word, "-h") == 0 ? "help" : word + 2;
    if (word[1] != '-' && name == word + 2)
        return errmsg_set(detail, ERR_INVALID,
                          "unknown option '%s' (a word that begins with '-' can follow '--')",
                          word);
    const char *equals = strchr(name, '=');
    enum option_id id = find(name, equals != NULL ? (size_t)(equals - name) : strlen(name));
    if (id == OPTION_COUNT)
        return errmsg_set(detail, ERR_INVALID, "unknown option '%s'", word);
    if (specs[id].kind == OPTION_KIND_FLAG) {
        if (equals != NULL)
            return errmsg_set(detail, ERR_INVALID, "--%s takes no value", specs[id].name);
        options->given |= OPTION_BIT(id);
        return ERR_OK;
    }
    if (equals == NULL && *at + 1 == count)
        return errmsg_set(detail, ERR_INVALID, "--%s needs a value: %s", specs[id].name,
                          specs[id].value_name);
    return take_value(options, id, equals != NULL ? equals + 1 : arguments[++*at], detail);
}

enum err options_parse(struct options *options, int count, char *const *arguments,
                       struct errmsg *detail)
{
    *options = (struct options){0};
    bool options_over = false;
    for (int at = 0; at < count; at++) {
        const char *word = arguments[at];
        if (!options_over && strcmp(word, "--") == 0) {
            options_over = true;
        } else if (!options_over && word[0] == '-' && word[1] != '\0') {
            enum err e = take_option(options, count, arguments, &at, detail);
            if (e != ERR_OK)
                return e;
        } else if (options->word_count == OPTION_WORDS_MAX) {
            return errmsg_set(detail, ERR_INVALID, "too many words: '%s' is not expected", word);
        } else {
            options->words[options->word_count++] = word;
        }
    }
    return ERR_OK;
}
