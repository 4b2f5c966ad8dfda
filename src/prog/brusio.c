// brusio: the command line of a brusio cluster.
//
// Everything it does goes through the HTTP API of the nodes, but `brusio cluster`, which keeps a
// cluster of processes on this machine, and `brusio recover-voters`, which works on the directories
// of stopped nodes. This file is the table of commands, and their help.
#include "base/check.h"
#include "cli/annotate_commands.h"
#include "cli/cluster_commands.h"
#include "cli/cluster_membership.h"
#include "cli/demo.h"
#include "cli/keyspace_commands.h"
#include "cli/kv_commands.h"
#include "cli/membership_commands.h"
#include "cli/menu.h"
#include "cli/node_commands.h"
#include "cli/session.h"
#include "cli/space_commands.h"
#include "recover_voters.h"

#include <stdlib.h>

#define BITS_KEY OPTION_BIT(OPTION_KEYSPACE)
#define BITS_PLACEMENT                                                                             \
    (OPTION_BIT(OPTION_STRATEGY) | OPTION_BIT(OPTION_REPLICATION_FACTOR) |                         \
     OPTION_BIT(OPTION_MIN_IN_SYNC))
#define BITS_OPTIMISTIC                                                                            \
    (OPTION_BIT(OPTION_MODE) | OPTION_BIT(OPTION_FAMILY) | OPTION_BIT(OPTION_SIGNED) |             \
     OPTION_BIT(OPTION_RUMOR_K) | OPTION_BIT(OPTION_RUMOR) | OPTION_BIT(OPTION_ANTI_ENTROPY) |     \
     OPTION_BIT(OPTION_AUDIT) | OPTION_BIT(OPTION_RETENTION) | OPTION_BIT(OPTION_STABILITY))
#define BITS_ANNOTATION                                                                            \
    (OPTION_BIT(OPTION_CHANNEL) | OPTION_BIT(OPTION_RATING) | OPTION_BIT(OPTION_TAGS))
#define BITS_FILTER                                                                                \
    (OPTION_BIT(OPTION_CHANNEL) | OPTION_BIT(OPTION_LINK) | OPTION_BIT(OPTION_AUTHOR) |            \
     OPTION_BIT(OPTION_SEARCH) | OPTION_BIT(OPTION_MUTED))
// What every command takes, whether it has a use for it or not.
#define BITS_COMMON (OPTION_BIT(OPTION_JSON) | OPTION_BIT(OPTION_HELP))

struct command {
    const char *name;     // of one or two words
    const char *operands; // as the help shows them
    const char *summary;
    const char *detail; // more for its own help, or NULL
    uint64_t options;   // without BITS_COMMON
    size_t words_min;   // after the name
    size_t words_max;
    bool connects; // it talks to a cluster's nodes
    command_run *run;
};

static const struct command commands[] = {
    {"put", "KEY VALUE|-", "write a value",
     "With '-' the value is what standard input holds, with --file what FILE holds.\n"
     "With --ttl, in an optimistic keyspace, readers see it for so long, and then it is removed.",
     OPTIONS_OF_CLIENT | BITS_KEY | OPTION_BIT(OPTION_FILE) | OPTION_BIT(OPTION_IF_MATCH) |
         OPTION_BIT(OPTION_IF_ABSENT) | OPTION_BIT(OPTION_TTL),
     1, 2, true, put_command},
    {"get", "KEY", "print a value",
     "The bytes of the value as they are; on a terminal a line's end follows.\n"
     "In JSON, a value that is not UTF-8 is \"value_base64\".\n"
     "Of an optimistic keyspace, what the node has, at once. Other versions may be in conflict "
     "with "
     "it:\n"
     "then standard error says so, and --conflicts and --json show them.",
     OPTIONS_OF_CLIENT | BITS_KEY | OPTION_BIT(OPTION_LOCAL) | OPTION_BIT(OPTION_STABLE) |
         OPTION_BIT(OPTION_CONFLICTS),
     1, 1, true, get_command},
    {"delete", "KEY", "delete a key", NULL,
     OPTIONS_OF_CLIENT | BITS_KEY | OPTION_BIT(OPTION_IF_MATCH), 1, 1, true, delete_command},
    {"list", "", "list keys",
     "On a terminal a table; otherwise one key to a line, in which \\xXX stands for a byte that "
     "is\n"
     "not printable and \\\\ for a backslash. In JSON, \"complete\" is false when an error cut the "
     "list.",
     OPTIONS_OF_CLIENT | BITS_KEY | OPTION_BIT(OPTION_PREFIX) | OPTION_BIT(OPTION_LIMIT), 0, 0,
     true, list_command},
    {"nodes", "", "show the nodes",
     "IN SYNC, JOINING and TARGET count slots over all keyspaces: those that the node holds, those "
     "that\n"
     "are being brought to it, and those that it should hold. PROGRESS is how much of that it has.",
     OPTIONS_OF_CLIENT, 0, 0, true, nodes_command},
    {"nodes add", "HOST:PORT", "add a node to the cluster",
     "HOST:PORT is where the new node will listen for other nodes. Prints the command to run "
     "there, then\n"
     "waits until the node is a member and holds what it should.",
     OPTIONS_OF_CLIENT | OPTION_BIT(OPTION_NO_WAIT), 1, 1, true, nodes_add_command},
    {"nodes remove", "NODE", "remove a node from the cluster",
     "The node serves until others hold what it holds; then its process ends. Waits for that. A "
     "dead\n"
     "node can be removed too. Asks first on a terminal.",
     OPTIONS_OF_CLIENT | OPTION_BIT(OPTION_YES) | OPTION_BIT(OPTION_NO_WAIT), 1, 1, true,
     nodes_remove_command},
    {"fail", "NODE", "make a node's replicas behave as dead (a drill)", NULL, OPTIONS_OF_CLIENT, 1,
     1, true, fail_command},
    {"recover", "NODE|--all", "bring a failed node back", "Answers when the node serves again.",
     OPTIONS_OF_CLIENT | OPTION_BIT(OPTION_ALL), 0, 1, true, recover_command},
    {"strategy", "full|consistent", "set how keys are placed on nodes",
     "For the keyspace 'default'; others: brusio keyspaces change.",
     OPTIONS_OF_CLIENT | OPTION_BIT(OPTION_REPLICATION_FACTOR), 1, 1, true, strategy_command},
    {"nodes-for", "KEY", "show which nodes hold a key", "Of the keyspace 'default'.",
     OPTIONS_OF_CLIENT, 1, 1, true, nodes_for_command},
    {"keyspaces", "", "show the keyspaces", NULL, OPTIONS_OF_CLIENT, 0, 0, true, keyspaces_command},
    {"keyspaces create", "NAME", "make a keyspace",
     "A strong one takes --strategy, --replication-factor and --min-in-sync, an optimistic one the "
     "others,\n"
     "which are for ever. A family, such as 'notes', holds channels, such as 'notes/home', which "
     "come\n"
     "to be when they are first used.",
     OPTIONS_OF_CLIENT | BITS_PLACEMENT | BITS_OPTIMISTIC, 1, 1, true, keyspaces_create_command},
    {"keyspaces change", "NAME", "change how a strong keyspace is placed", NULL,
     OPTIONS_OF_CLIENT | BITS_PLACEMENT, 1, 1, true, keyspaces_change_command},
    {"peers", "", "show whom a node exchanges optimistic keyspaces with",
     "Of the node that --endpoint names, or the first that answers. HEARD is when it last heard of "
     "the\n"
     "peer; KEYSPACES counts what the peer keeps, channels too.",
     OPTIONS_OF_CLIENT, 0, 0, true, peers_command},
    {"stability", "NAME", "show how stable an optimistic keyspace is",
     "As the node that --endpoint names, or the first that answers, knows it. The primary makes\n"
     "operations stable; the others are tentative. What deletes left behind goes once it is under "
     "the\n"
     "horizon.",
     OPTIONS_OF_CLIENT, 1, 1, true, stability_command},
    {"subscribe", "NAME", "let a node keep an optimistic keyspace or channel",
     "The node that --endpoint names, or the first that answers. A member keeps every optimistic\n"
     "keyspace, and every channel that it hears of.",
     OPTIONS_OF_CLIENT, 1, 1, true, subscribe_command},
    {"unsubscribe", "NAME", "let a roaming peer keep it no more",
     "Refused while something that was written there has reached no other peer.", OPTIONS_OF_CLIENT,
     1, 1, true, unsubscribe_command},
    {"exchange", "NAME [PEER]", "exchange an optimistic keyspace now",
     "With the peer of that id ('brusio peers'), or any. Returns when it has begun.",
     OPTIONS_OF_CLIENT, 1, 2, true, exchange_command},
    {"bundle export", "FILE", "write operations to a file, to be carried",
     "Of the keyspace or channel that --keyspace names, or of the only optimistic one. '-' is "
     "standard\n"
     "output. With --since, the id of the peer that it is for ('brusio peers'), the file is small, "
     "and\n"
     "enough for that peer alone.",
     OPTIONS_OF_CLIENT | BITS_KEY | OPTION_BIT(OPTION_SINCE), 1, 1, true, bundle_export_command},
    {"bundle import", "FILE", "take in operations from a file",
     "'-' is standard input. A file that was damaged is refused as a whole; one that is imported "
     "again\n"
     "changes nothing.",
     OPTIONS_OF_CLIENT | BITS_KEY, 1, 1, true, bundle_import_command},
    {"annotate add", "LINK [TEXT|-]", "write an annotation on a link",
     "As the user of the node that is asked, in the channel of --channel. LINK is a URL, a magnet "
     "link or\n"
     "an ed2k link of a file. '-' is what standard input holds. Say a text, a rating or tags.",
     OPTIONS_OF_CLIENT | BITS_ANNOTATION | OPTION_BIT(OPTION_REPLY_TO), 1, 2, true,
     annotate_add_command},
    {"annotate edit", "ID [TEXT|-]", "change an annotation of one's own",
     "What is not named stays. Versions in conflict are replaced too.",
     OPTIONS_OF_CLIENT | BITS_ANNOTATION, 1, 2, true, annotate_edit_command},
    {"annotate rm", "ID", "delete an annotation of one's own", NULL,
     OPTIONS_OF_CLIENT | OPTION_BIT(OPTION_CHANNEL), 1, 1, true, annotate_rm_command},
    {"annotate ls", "", "list annotations",
     "Of one channel, or of all that the node keeps; at most 50, unless --limit says more.",
     OPTIONS_OF_CLIENT | BITS_FILTER | OPTION_BIT(OPTION_SORT) | OPTION_BIT(OPTION_ORDER) |
         OPTION_BIT(OPTION_LIMIT),
     0, 0, true, annotate_ls_command},
    {"annotate show", "ID", "show an annotation, with the versions in conflict", NULL,
     OPTIONS_OF_CLIENT | OPTION_BIT(OPTION_CHANNEL), 1, 1, true, annotate_show_command},
    {"annotate restore", "ID VERSION", "choose among versions in conflict",
     "VERSION, as 'annotate show' prints it, is written again in place of all.",
     OPTIONS_OF_CLIENT | OPTION_BIT(OPTION_CHANNEL), 2, 2, true, annotate_restore_command},
    {"annotate channels", "", "show the channels that the node keeps", NULL, OPTIONS_OF_CLIENT, 0,
     0, true, annotate_channels_command},
    {"annotate subscribe", "CHANNEL", "keep a channel, which comes to be by that", NULL,
     OPTIONS_OF_CLIENT, 1, 1, true, annotate_subscribe_command},
    {"annotate unsubscribe", "CHANNEL", "want a channel no more",
     "A roaming peer drops its copy; a member keeps it, for others.", OPTIONS_OF_CLIENT, 1, 1, true,
     annotate_unsubscribe_command},
    {"annotate mute", "AUTHOR", "see an author no more", "Of this node's lists and feeds only.",
     OPTIONS_OF_CLIENT, 1, 1, true, annotate_mute_command},
    {"annotate unmute", "AUTHOR", "see a muted author again", NULL, OPTIONS_OF_CLIENT, 1, 1, true,
     annotate_unmute_command},
    {"annotate muted", "", "show the muted authors", NULL, OPTIONS_OF_CLIENT, 0, 0, true,
     annotate_muted_command},
    {"annotate export", "CHANNEL", "print a channel as a Web Annotation document",
     "To standard output, or to --file.", OPTIONS_OF_CLIENT | OPTION_BIT(OPTION_FILE), 1, 1, true,
     annotate_export_command},
    {"annotate import", "FILE|-", "bring in such a document",
     "One's own annotations come back under their ids, unless what is there is as new. Those of "
     "others are\n"
     "left out, for nobody can sign for them; with --as-own they become one's own.",
     OPTIONS_OF_CLIENT | OPTION_BIT(OPTION_CHANNEL) | OPTION_BIT(OPTION_AS_OWN), 1, 1, true,
     annotate_import_command},
    {"annotate feed", "", "print annotations as they come", "Until Ctrl-C.",
     OPTIONS_OF_CLIENT | BITS_FILTER, 0, 0, true, annotate_feed_command},
    {"menu", "", "do all this from a menu", NULL, OPTIONS_OF_CLIENT | BITS_KEY, 0, 0, true,
     menu_command},
    {"demo", "", "see data stay available while a node fails",
     "Writes a few keys, fails and recovers a node under both strategies, and prints what it "
     "observes.\n"
     "Exit code 1 when anything is not as promised. Everything is put back at the end.",
     OPTIONS_OF_CLIENT, 0, 0, true, demo_command},
    {"cluster start", "--dir DIR", "start a cluster on this machine",
     "Makes a new cluster in DIR, or starts the stopped nodes of the one that it holds, with the\n"
     "settings that it was made with. Returns when every node serves.",
     OPTION_BIT(OPTION_DIR) | OPTION_BIT(OPTION_NODES) | OPTION_BIT(OPTION_HTTP_PORT) |
         OPTION_BIT(OPTION_PEER_PORT) | OPTION_BIT(OPTION_TOKEN) | OPTION_BIT(OPTION_TOKEN_FILE) |
         OPTION_BIT(OPTION_STRATEGY) | OPTION_BIT(OPTION_REPLICATION_FACTOR) |
         OPTION_BIT(OPTION_DURABILITY) | OPTION_BIT(OPTION_FOREGROUND),
     0, 0, false, cluster_start_command},
    {"cluster status", "--dir DIR", "show the processes of a cluster",
     "STATE is the process: running, leaving (it is being removed), stopped, or killed (it ended\n"
     "without being asked to stop).\n"
     "STATUS is what the cluster says of the node: alive, dead, absent (it is no member), or "
     "unknown\n"
     "when no node answers.",
     OPTION_BIT(OPTION_DIR), 0, 0, false, cluster_status_command},
    {"cluster add", "--dir DIR", "start one more node, which joins",
     "Returns when every node holds what it should.",
     OPTION_BIT(OPTION_DIR) | OPTION_BIT(OPTION_NEW_NODES), 0, 0, false, cluster_add_command},
    {"cluster remove", "--dir DIR NODE", "remove a node from the cluster",
     "The node serves until others hold what it holds; then its process ends, and its data "
     "directory\n"
     "goes. Its log stays.",
     OPTION_BIT(OPTION_DIR), 1, 1, false, cluster_remove_command},
    {"cluster stop", "--dir DIR", "stop every node",
     "SIGTERM first; SIGKILL for what still runs after 10 s.", OPTION_BIT(OPTION_DIR), 0, 0, false,
     cluster_stop_command},
    {"cluster kill", "--dir DIR NODE", "kill a node, as a crash would",
     "SIGKILL: the node has no time for anything.", OPTION_BIT(OPTION_DIR), 1, 1, false,
     cluster_kill_command},
    {"cluster restart", "--dir DIR NODE", "start a node again",
     "Stops it first if it runs. Returns when it serves.", OPTION_BIT(OPTION_DIR), 1, 1, false,
     cluster_restart_command},
    {"recover-voters", "--destroyed NODE,... DATA_DIRECTORY...",
     "go on when most voters are lost for ever",
     "On the data directories of the stopped survivors: all of them, or what they know is lost.\n"
     "Of nodes on several machines, copy each directory 'voter' (it is small) to one machine, as\n"
     "COPIES/1/voter, COPIES/2/voter and so on, run this on COPIES/1 COPIES/2 ..., and copy them "
     "back.\n"
     "Prints what it finds and will do, asks, and writes a map of a new generation in which the\n"
     "survivors go on and the destroyed nodes are gone. These must never start on their old data "
     "again.\n"
     "Slots that only destroyed nodes had are an error unless they are given up with "
     "--accept-loss.",
     OPTION_BIT(OPTION_DESTROYED) | OPTION_BIT(OPTION_ACCEPT_LOSS) | OPTION_BIT(OPTION_YES), 1,
     CLUSTER_NODES_MAX, false, recover_voters_command},
};

enum { COMMAND_COUNT = sizeof commands / sizeof *commands, HELP_COLUMN = 36 };

static const char environment_help[] =
    "Environment:\n"
    "  BRUSIO_ENDPOINT    as --endpoint; several are separated by commas\n"
    "  BRUSIO_TOKEN       as --token\n"
    "  BRUSIO_DIR         as --dir\n"
    "  BRUSIOD            the path of brusiod, for 'brusio cluster'; else it stands beside brusio\n"
    "  NO_COLOR           no colours\n"
    "\n"
    "Without any of these the endpoint is http://127.0.0.1:5000. Options go before the "
    "environment. When\n"
    "an endpoint cannot be reached the next is asked; a change is never sent twice.\n";

static const char exit_code_help[] =
    "Exit codes:\n"
    "  0  success\n"
    "  1  the operation failed; standard error says why\n"
    "  2  the command line cannot be understood\n"
    "  3  get, delete: there is no such key; annotate show, edit, rm: no such annotation\n"
    "  4  the condition of --if-match or --if-absent does not hold\n"
    "  5  unavailable: no connection, no answer in time, no replica to answer, or an unknown "
    "outcome\n"
    "     (the change may or may not have taken effect)\n";

// How many words of the command line are the command's name: 0 when it is another one.
static size_t name_words(const struct command *command, const char *const *words, size_t count)
{
    const char *blank = strchr(command->name, ' ');
    size_t first = blank != NULL ? (size_t)(blank - command->name) : strlen(command->name);
    if (count == 0 || strlen(words[0]) != first || memcmp(words[0], command->name, first) != 0)
        return 0;
    if (blank == NULL)
        return 1;
    return count > 1 && strcmp(words[1], blank + 1) == 0 ? 2 : 0;
}

// The command with the longest matching name, or NULL.
static const struct command *find_command(const char *const *words, size_t count,
                                          size_t *name_count)
{
    const struct command *found = NULL;
    *name_count = 0;
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        size_t length = name_words(&commands[i], words, count);
        if (length > *name_count) {
            found = &commands[i];
            *name_count = length;
        }
    }
    return found;
}

static void print_option(enum option_id id)
{
    const struct option_spec *spec = option_spec_of(id);
    int width = spec->value_name != NULL ? printf("  --%s %s", spec->name, spec->value_name)
                                         : printf("  --%s", spec->name);
    for (const char *line = spec->help; line != NULL;) {
        const char *end = strchr(line, '\n');
        int length = end != NULL ? (int)(end - line) : (int)strlen(line);
        int padding = width < HELP_COLUMN ? HELP_COLUMN - width : 1;
        printf("%*s%.*s\n", padding, "", length, line);
        width = 0;
        line = end != NULL ? end + 1 : NULL;
    }
}

static void print_options(uint64_t options)
{
    for (size_t id = 0; id < OPTION_COUNT; id++) {
        if ((options & OPTION_BIT(id)) != 0)
            print_option((enum option_id)id);
    }
}

static void print_summary(const struct command *command)
{
    int width = printf("  %s %s", command->name, command->operands);
    printf("%*s%s\n", width < HELP_COLUMN ? HELP_COLUMN - width : 1, "", command->summary);
}

static bool has_first_word(const struct command *command, const char *word)
{
    size_t length = strlen(word);
    return strncmp(command->name, word, length) == 0 &&
           (command->name[length] == ' ' || command->name[length] == '\0');
}

// A word with which a command begins.
static bool is_group(const char *word)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (has_first_word(&commands[i], word))
            return true;
    }
    return false;
}

// The commands whose first word is `group`, or all for NULL.
static void print_summaries(const char *group)
{
    printf("Commands:\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (group == NULL || has_first_word(&commands[i], group))
            print_summary(&commands[i]);
    }
}

// The commands whose name begins with the whole of this one's.
static void print_related(const struct command *command)
{
    const char *before = "\nSee also:";
    size_t length = strlen(command->name);
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        const char *name = commands[i].name;
        if (strncmp(name, command->name, length) != 0 || name[length] != ' ')
            continue;
        printf("%s brusio %s", before, name);
        before = ",";
    }
    if (before[0] == ',')
        printf("\n");
}

static void print_command_help(const struct command *command)
{
    printf("Usage: brusio %s%s%s [options]\n\n%c%s.\n", command->name,
           command->operands[0] != '\0' ? " " : "", command->operands,
           command->summary[0] - 'a' + 'A', command->summary + 1);
    if (command->detail != NULL)
        printf("%s\n", command->detail);
    printf("\nOptions:\n");
    print_options((command->options & ~OPTIONS_OF_CLIENT) |
                  (command->connects ? 0 : command->options & OPTIONS_OF_CLIENT) | BITS_COMMON);
    if (command->connects) {
        printf("\nWhich cluster:\n");
        print_options(command->options & OPTIONS_OF_CLIENT);
    }
    print_related(command);
    printf("\n%s", exit_code_help);
}

static void print_program_help(void)
{
    printf("brusio: the command line of a brusio cluster, a replicated key-value store.\n\n"
           "Usage: brusio COMMAND [options]\n"
           "       brusio COMMAND --help\n\n");
    print_summaries(NULL);
    printf("\nWhich cluster, for the commands that talk to one:\n");
    print_options(OPTIONS_OF_CLIENT);
    printf("\nAll commands:\n");
    print_options(BITS_COMMON);
    printf("\n%s\n%s", environment_help, exit_code_help);
}

// Help for the words after `help`, or before --help.
static enum exit_code help(const struct session *session, const char *const *words, size_t count)
{
    size_t name_count;
    const struct command *command = find_command(words, count, &name_count);
    if (count == 0)
        print_program_help();
    else if (command != NULL)
        print_command_help(command);
    else if (is_group(words[0]))
        print_summaries(words[0]);
    else
        return session_usage(session, "there is no command '%s': see 'brusio --help'", words[0]);
    return session_finish(session);
}

// The words and options fit the command; otherwise says what does not, and gives EXIT_CODE_USAGE.
static enum exit_code check_command(const struct session *session, const struct command *command)
{
    uint64_t extra = session->options.given & ~(command->options | BITS_COMMON);
    for (size_t id = 0; id < OPTION_COUNT; id++) {
        if ((extra & OPTION_BIT(id)) != 0)
            return session_usage(session, "'brusio %s' takes no --%s: see 'brusio %s --help'",
                                 command->name, option_spec_of((enum option_id)id)->name,
                                 command->name);
    }
    if (session->word_count < command->words_min || session->word_count > command->words_max)
        return session_usage(session, "too %s words: brusio %s %s (see 'brusio %s --help')",
                             session->word_count < command->words_min ? "few" : "many",
                             command->name, command->operands, command->name);
    return EXIT_CODE_OK;
}

static enum exit_code run(struct session *session)
{
    const struct options *options = &session->options;
    const char *const *words = options->words;
    size_t count = options->word_count;
    if (count > 0 && strcmp(words[0], "help") == 0)
        return help(session, words + 1, count - 1);
    if (options_have(options, OPTION_HELP))
        return help(session, words, count);
    if (count == 0)
        return session_usage(session, "no command is given: see 'brusio --help'");
    size_t name_count;
    const struct command *command = find_command(words, count, &name_count);
    if (command == NULL && is_group(words[0]))
        return session_usage(session, "'brusio %s' needs another word: see 'brusio %s --help'",
                             words[0], words[0]);
    if (command == NULL)
        return session_usage(session, "there is no command '%s': see 'brusio --help'", words[0]);
    session->words = words + name_count;
    session->word_count = count - name_count;
    enum exit_code code = check_command(session, command);
    if (code == EXIT_CODE_OK && command->connects)
        code = session_connect(session);
    return code == EXIT_CODE_OK ? command->run(session) : code;
}

int main(int argc, char **argv)
{
    struct session *session = memory_zeroed(1, sizeof *session);
    struct errmsg detail = {0};
    enum err e = options_parse(&session->options, argc > 0 ? argc - 1 : 0, argv + 1, &detail);
    output_init(&session->output, options_have(&session->options, OPTION_JSON));
    enum exit_code code = e == ERR_OK ? run(session) : session_usage(session, "%s", detail.text);
    session_release(session);
    free(session);
    return (int)code;
}
