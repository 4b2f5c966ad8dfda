#include "daemon_options.h"

#include "adapter/beacon.h"
#include "adapter/net_address.h"
#include "base/number.h"
#include "model/node_set.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>

static const char help[] =
    "Usage: brusiod --data DIR --http HOST:PORT --listen HOST:PORT --token-file FILE --key-file "
    "FILE\n"
    "               [--init | --join HOST:PORT [--rebuild] | --peer (--join HOST:PORT | "
    "--beacon)]\n"
    "               [options]\n"
    "\n"
    "Runs one node of a brusio cluster.\n"
    "\n"
    "  --data DIR               where the node keeps its records, and its votes\n"
    "  --http HOST:PORT         where it listens for clients\n"
    "  --listen HOST:PORT       where it listens for other nodes\n"
    "  --token-file FILE        the token that clients must show\n"
    "  --key-file FILE          the cluster key that nodes must prove to know (16 bytes or more)\n"
    "  --init                   begin a new cluster (only on an empty directory)\n"
    "  --join HOST:PORT         join the cluster of the node that listens there for nodes\n"
    "  --trust-store            after a loss of power: what this node has is to count, though it\n"
    "                           may lack acknowledged writes; only when no other replica has "
    "them,\n"
    "                           and not all that lost power will come back\n"
    "  --rebuild                with --join: set the node's damaged stores aside, join anew, and "
    "fetch its\n"
    "                           data from the others, which must be most of the voters; the old "
    "node "
    "leaves\n"
    "  --peer                   be a roaming peer: in no map, keeping optimistic keyspaces only, "
    "also "
    "while it\n"
    "                           reaches nobody; --join names any node or peer, at the first "
    "start.\n"
    "                           Nobody need be able to connect to it: what it asks is answered "
    "over the\n"
    "                           connections that it makes\n"
    "  --keyspace NAME          with --peer: keep this keyspace, or channel of one "
    "(family/channel); "
    "may be\n"
    "                           repeated; without it, all keyspaces\n"
    "  --beacon [PORT]          every 5 seconds, say by a broadcast on this UDP port (default "
    "5099) "
    "where this\n"
    "                           node is, and listen for others: roaming peers of one network find "
    "each other,\n"
    "                           and a new one needs no --join. Whoever hears it can try guesses of "
    "the key:\n"
    "                           use a random one\n"
    "  --beacon-address IP      where to broadcast to (default 255.255.255.255)\n"
    "  --gossip-rate N          KiB that it sends each second of optimistic keyspaces, at most "
    "(default: no bound)\n"
    "  --advertise-http H:P     where clients reach this node, if not where it listens\n"
    "  --advertise-peer H:P     where nodes reach this node, if not where it listens; needed by a "
    "member\n"
    "                           that listens on every address (0.0.0.0 or [::])\n"
    "  --strategy S             full (default) or consistent: placement of keyspace `default`, "
    "with --init\n"
    "  --replication-factor R   replicas of each slot under `consistent` (default 1 with one "
    "node)\n"
    "  --durability D           commit (default): synced before a write is acknowledged;\n"
    "                           interval: synced every second\n"
    "  --sync-rate N            MiB that the node fetches each second, at most, to come in sync "
    "(default 64)\n"
    "  --repair-delay S         seconds that a node is down before others take its place (default "
    "60)\n"
    "  --store-bytes-max N      size limit of the store (default 64 GiB; the file grows as "
    "needed)\n"
    "  --log-level L            debug, info (default), warning or error\n"
    "  --help, --version\n"
    "\n"
    "SIGTERM or SIGINT stops it, once others have taken over (a second one: at once).\n"
    "Exit status: "
    "0 stopped; 1 it could not start or had to stop; 2 "
    "usage.\n";

enum {
    OPTION_DATA = 1,
    OPTION_HTTP,
    OPTION_LISTEN,
    OPTION_TOKEN_FILE,
    OPTION_KEY_FILE,
    OPTION_INIT,
    OPTION_JOIN,
    OPTION_TRUST_STORE,
    OPTION_REBUILD,
    OPTION_PEER,
    OPTION_KEYSPACE,
    OPTION_BEACON,
    OPTION_BEACON_ADDRESS,
    OPTION_GOSSIP_RATE,
    OPTION_ADVERTISE_HTTP,
    OPTION_ADVERTISE_PEER,
    OPTION_STRATEGY,
    OPTION_FACTOR,
    OPTION_DURABILITY,
    OPTION_SYNC_RATE,
    OPTION_REPAIR_DELAY,
    OPTION_STORE_BYTES,
    OPTION_LOG_LEVEL,
    OPTION_HELP,
    OPTION_VERSION
};

enum {
    REPAIR_DELAY_MS_DEFAULT = 60 * 1000,
    REPAIR_DELAY_S_MAX = 86400,
    SYNC_MIB_PER_S_MAX = 65536,
    GOSSIP_KIB_PER_S_MAX = 65536 * 1024
};

static const struct option long_options[] = {
    {"data", required_argument, NULL, OPTION_DATA},
    {"http", required_argument, NULL, OPTION_HTTP},
    {"listen", required_argument, NULL, OPTION_LISTEN},
    {"token-file", required_argument, NULL, OPTION_TOKEN_FILE},
    {"key-file", required_argument, NULL, OPTION_KEY_FILE},
    {"init", no_argument, NULL, OPTION_INIT},
    {"join", required_argument, NULL, OPTION_JOIN},
    {"trust-store", no_argument, NULL, OPTION_TRUST_STORE},
    {"rebuild", no_argument, NULL, OPTION_REBUILD},
    {"peer", no_argument, NULL, OPTION_PEER},
    {"keyspace", required_argument, NULL, OPTION_KEYSPACE},
    {"beacon", optional_argument, NULL, OPTION_BEACON},
    {"beacon-address", required_argument, NULL, OPTION_BEACON_ADDRESS},
    {"gossip-rate", required_argument, NULL, OPTION_GOSSIP_RATE},
    {"advertise-http", required_argument, NULL, OPTION_ADVERTISE_HTTP},
    {"advertise-peer", required_argument, NULL, OPTION_ADVERTISE_PEER},
    {"strategy", required_argument, NULL, OPTION_STRATEGY},
    {"replication-factor", required_argument, NULL, OPTION_FACTOR},
    {"durability", required_argument, NULL, OPTION_DURABILITY},
    {"sync-rate", required_argument, NULL, OPTION_SYNC_RATE},
    {"repair-delay", required_argument, NULL, OPTION_REPAIR_DELAY},
    {"store-bytes-max", required_argument, NULL, OPTION_STORE_BYTES},
    {"log-level", required_argument, NULL, OPTION_LOG_LEVEL},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {0},
};

static bool bad(const char *what, const char *value)
{
    fprintf(stderr, "brusiod: %s: %s; see brusiod --help\n", what, value);
    return false;
}

// The first line of a file, without white space at its end.
static bool read_secret(const char *path, char out[SECRET_BYTES_MAX + 1])
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        fprintf(stderr, "brusiod: cannot read %s: %s\n", path, strerror(errno));
        return false;
    }
    size_t length = fread(out, 1, SECRET_BYTES_MAX, file);
    fclose(file);
    out[length] = '\0';
    length = strcspn(out, "\r\n");
    while (length > 0 && (out[length - 1] == ' ' || out[length - 1] == '\t'))
        length--;
    out[length] = '\0';
    return length > 0 ? true : bad("the file is empty", path);
}

static bool parse_level(const char *text, enum log_level *out)
{
    static const char *const names[] = {"debug", "info", "warning", "error"};
    for (unsigned i = 0; i < 4; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return bad("unknown log level", text);
}

static bool parse_durability(const char *text, enum durability *out)
{
    if (strcmp(text, "commit") != 0 && strcmp(text, "interval") != 0)
        return bad("durability is commit or interval, not", text);
    *out = strcmp(text, "commit") == 0 ? DURABILITY_COMMIT : DURABILITY_INTERVAL;
    return true;
}

static bool take_keyspace(struct daemon_options *out)
{
    if (!keyspace_name_is_valid(slice_of_text(optarg)))
        return bad("no name of a keyspace", optarg);
    if (out->keyspace_count == DAEMON_KEYSPACES_MAX)
        return bad("too many keyspaces", optarg);
    out->keyspaces[out->keyspace_count++] = optarg;
    return true;
}

// Without a number, the usual port.
static bool take_beacon(struct daemon_options *out)
{
    uint64_t number = BEACON_PORT_DEFAULT;
    if (optarg != NULL && !number_parse(optarg, 1, UINT16_MAX, &number))
        return bad("a port is 1 to 65535, not", optarg);
    out->beacon_port = (uint16_t)number;
    return true;
}

static bool take_addresses(int option, struct daemon_options *out)
{
    switch (option) {
    case OPTION_HTTP:
        out->http_listen = optarg;
        return true;
    case OPTION_LISTEN:
        out->peer_listen = optarg;
        return true;
    case OPTION_JOIN:
        out->join = optarg;
        return true;
    case OPTION_BEACON_ADDRESS:
        out->beacon_address = optarg;
        return true;
    case OPTION_ADVERTISE_HTTP:
        out->http_advertised = optarg;
        return true;
    default:
        out->peer_advertised = optarg;
        return true;
    }
}

// What optimistic keyspaces ask for; anything else is an address.
static bool take_roaming(int option, struct daemon_options *out)
{
    uint64_t number;
    switch (option) {
    case OPTION_PEER:
        out->roams = true;
        return true;
    case OPTION_KEYSPACE:
        return take_keyspace(out);
    case OPTION_BEACON:
        return take_beacon(out);
    case OPTION_GOSSIP_RATE:
        if (!number_parse(optarg, 1, GOSSIP_KIB_PER_S_MAX, &number))
            return bad("a gossip rate is 1 KiB to 64 GiB each second, not", optarg);
        out->gossip_bytes_per_s = number << 10;
        return true;
    default:
        return take_addresses(option, out);
    }
}

static bool take(int option, struct daemon_options *out)
{
    uint64_t number;
    switch (option) {
    case OPTION_DATA:
        out->data_directory = optarg;
        return true;
    case OPTION_TOKEN_FILE:
        return read_secret(optarg, out->token);
    case OPTION_KEY_FILE:
        return read_secret(optarg, out->key);
    case OPTION_INIT:
        out->init = true;
        return true;
    case OPTION_REBUILD:
        out->rebuild = true;
        return true;
    case OPTION_TRUST_STORE:
        out->trust_store = true;
        return true;
    case OPTION_STRATEGY:
        return strategy_parse(slice_of_text(optarg), &out->strategy) == ERR_OK ||
               bad("strategy is full or consistent, not", optarg);
    case OPTION_FACTOR:
        if (!number_parse(optarg, 1, NODES_MAX, &number))
            return bad("a replication factor is 1 to 64, not", optarg);
        out->replication_factor = (uint8_t)number;
        return true;
    case OPTION_DURABILITY:
        return parse_durability(optarg, &out->durability);
    case OPTION_SYNC_RATE:
        if (!number_parse(optarg, 1, SYNC_MIB_PER_S_MAX, &number))
            return bad("a sync rate is 1 to 65536 MiB, not", optarg);
        out->sync_bytes_per_s = number << 20;
        return true;
    case OPTION_REPAIR_DELAY:
        if (!number_parse(optarg, 1, REPAIR_DELAY_S_MAX, &number))
            return bad("a repair delay is 1 to 86400 seconds, not", optarg);
        out->repair_delay_ms = number * 1000;
        return true;
    case OPTION_STORE_BYTES:
        return number_parse(optarg, 1u << 20, UINT64_C(1) << 46, &out->store_bytes_max) ||
               bad("a store is 1 MiB to 64 TiB, not", optarg);
    case OPTION_LOG_LEVEL:
        return parse_level(optarg, &out->log_level);
    default:
        return take_roaming(option, out);
    }
}

static bool is_wildcard(const char *text)
{
    struct net_address address;
    return text != NULL && net_address_parse(text, &address) == ERR_OK &&
           net_address_is_wildcard(&address);
}

// Whether the address that a member says of itself, and that stands in the map, can be one. A
// roaming peer needs none: it connects to others.
static bool is_found(const struct daemon_options *options)
{
    if (options->roams || !is_wildcard(options->peer_advertised))
        return true;
    fprintf(stderr,
            "brusiod: no other node can reach this one at %s: add --advertise-peer HOST:PORT, with "
            "an address of this machine; see brusiod --help\n",
            options->peer_advertised);
    return false;
}

static bool is_whole(const struct daemon_options *options)
{
    if (options->data_directory == NULL || options->http_listen == NULL ||
        options->peer_listen == NULL || options->token[0] == '\0' || options->key[0] == '\0')
        return bad("missing", "--data, --http, --listen, --token-file and --key-file are needed");
    if (options->init && options->join != NULL)
        return bad("not both", "--init and --join");
    if (options->roams && (options->init || options->rebuild || options->trust_store))
        return bad("not with --peer", "--init, --rebuild and --trust-store are of members");
    if (!options->roams && options->keyspace_count > 0)
        return bad("only with --peer", "--keyspace: a member keeps every keyspace");
    if (options->beacon_address != NULL && options->beacon_port == 0)
        return bad("only with --beacon", "--beacon-address");
    if (options->rebuild && options->join == NULL)
        return bad("missing", "--rebuild needs --join HOST:PORT, of a node of the same cluster");
    if (strlen(options->key) < 16)
        return bad("the cluster key is too short", "16 bytes at least");
    return is_found(options);
}

// What follows from other options where it was not given.
static void fill_in(struct daemon_options *out)
{
    if (out->http_advertised == NULL)
        out->http_advertised = out->http_listen;
    if (out->peer_advertised == NULL)
        out->peer_advertised = out->peer_listen;
    out->peer_named = out->roams && is_wildcard(out->peer_advertised) ? "" : out->peer_advertised;
}

enum options_outcome daemon_options_read(int count, char **arguments, struct daemon_options *out)
{
    *out = (struct daemon_options){.replication_factor = 1,
                                   .sync_bytes_per_s = 64u << 20,
                                   .repair_delay_ms = REPAIR_DELAY_MS_DEFAULT,
                                   .log_level = LOG_INFO};
    int option;
    while ((option = getopt_long(count, arguments, "", long_options, NULL)) != -1) {
        if (option == OPTION_HELP || option == OPTION_VERSION) {
            fputs(option == OPTION_HELP ? help : "brusiod " BRUSIO_VERSION "\n", stdout);
            return OPTIONS_DONE;
        }
        if (option == OPTION_BEACON && optarg == NULL && optind < count &&
            isdigit((unsigned char)arguments[optind][0]))
            optarg = arguments[optind++]; // the port, as a word of its own
        if (option == '?' || !take(option, out))
            return OPTIONS_BAD;
    }
    if (optind < count) {
        bad("unexpected", arguments[optind]);
        return OPTIONS_BAD;
    }
    fill_in(out);
    return is_whole(out) ? OPTIONS_RUN : OPTIONS_BAD;
}
