#include "cli/membership.h"

#include "base/check.h"
#include "cli/interrupt.h"
#include "cli/moves.h"

#include <stdio.h>
#include <stdlib.h>

enum { PORT_MAX = 65535, HTTP_PORT_DEFAULT = 5000, COMMAND_TEXT_BYTES_MAX = 128 * 1024 };

// The port of "host:port", 0 when there is none.
static uint64_t port_of(const char *address)
{
    const char *colon = strrchr(address, ':');
    uint64_t port;
    return colon != NULL && options_number(colon + 1, 1, PORT_MAX, &port) ? port : 0;
}

bool membership_is_address(const char *text)
{
    if (port_of(text) == 0 || strlen(text) >= NODE_ADDRESS_BYTES)
        return false;
    size_t host = (size_t)(strrchr(text, ':') - text);
    bool bracketed = host > 2 && text[0] == '[' && text[host - 1] == ']';
    for (size_t i = 0; i < host; i++) {
        if (text[i] <= ' ' || text[i] > '~' || text[i] == '/' || (text[i] == ':' && !bracketed))
            return false;
    }
    // Where one listens on every interface is not where one is reached.
    bool any = (host == 7 && memcmp(text, "0.0.0.0", host) == 0) ||
               (host == 4 && memcmp(text, "[::]", host) == 0);
    return host > 0 && !any;
}

static bool has_http_address(const struct node_list *list, const char *address)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->entries[i].address, address) == 0)
            return true;
    }
    return false;
}

// As far from the peer port as `like` has it, when that gives a free address.
static void choose_http(char *out, size_t out_bytes, const struct node_list *list,
                        const struct node_entry *like, const char *peer_address)
{
    int host = (int)(strrchr(peer_address, ':') - peer_address);
    int64_t port = (int64_t)port_of(peer_address) + (int64_t)port_of(like->address) -
                   (int64_t)port_of(like->peer_address);
    snprintf(out, out_bytes, "%.*s:%lld", host, peer_address, (long long)port);
    if (port < 1 || port > PORT_MAX || strcmp(out, peer_address) == 0 ||
        has_http_address(list, out))
        snprintf(out, out_bytes, "%.*s:%d", host, peer_address, HTTP_PORT_DEFAULT);
}

static void add_word(struct join_command *command, const char *word)
{
    CHECK(command->count < MEMBERSHIP_WORDS_MAX);
    snprintf(command->words[command->count++], MEMBERSHIP_WORD_BYTES, "%s", word);
}

// The file `name` of a local cluster's directory, as an absolute path; just the name without one.
static void add_file(struct join_command *command, const struct session *session, const char *name)
{
    const char *directory = session->options.text[OPTION_DIR];
    directory = directory != NULL ? directory : getenv("BRUSIO_DIR");
    char *absolute = directory != NULL ? realpath(directory, NULL) : NULL;
    char path[FILE_PATH_BYTES_MAX];
    if (absolute != NULL && file_path(path, NULL, "%s/%s", absolute, name) == ERR_OK)
        add_word(command, path);
    else
        add_word(command, name);
    free(absolute);
}

static bool may_be_joined(const struct node_entry *entry)
{
    return node_entry_up(entry) && !entry->leaving && entry->peer_address[0] != '\0';
}

enum err membership_command(struct join_command *command, const struct session *session,
                            const struct node_list *list, const char *peer_address,
                            struct errmsg *detail)
{
    command->count = 0;
    const struct node_entry *through = NULL;
    for (size_t i = 0; through == NULL && i < list->count; i++)
        through = may_be_joined(&list->entries[i]) ? &list->entries[i] : NULL;
    if (through == NULL)
        return errmsg_set(detail, ERR_UNAVAILABLE, "no node is up that another could join through");
    char http[NODE_ADDRESS_BYTES + 8];
    char data[32];
    choose_http(http, sizeof http, list, through, peer_address);
    snprintf(data, sizeof data, "brusio-data-%llu", (unsigned long long)port_of(peer_address));
    add_word(command, "brusiod");
    add_word(command, "--data");
    add_word(command, data);
    add_word(command, "--http");
    add_word(command, http);
    add_word(command, "--listen");
    add_word(command, peer_address);
    add_word(command, "--token-file");
    if (options_have(&session->options, OPTION_TOKEN_FILE))
        add_word(command, session->options.text[OPTION_TOKEN_FILE]);
    else
        add_file(command, session, "token");
    add_word(command, "--key-file");
    add_file(command, session, "key");
    add_word(command, "--join");
    add_word(command, through->peer_address);
    return ERR_OK;
}

void membership_quote(struct buf *out, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-./:,=+@%[]";
    if (word[0] != '\0' && word[strspn(word, plain)] == '\0' && strpbrk(word, "[]") == NULL) {
        buf_append_slice(out, slice_of_text(word));
        return;
    }
    buf_append_u8(out, '\'');
    for (const char *c = word; *c != '\0'; c++) {
        if (*c == '\'')
            buf_append_slice(out, slice_of_text("'\\''"));
        else
            buf_append_u8(out, (uint8_t)*c);
    }
    buf_append_u8(out, '\'');
}

static void print_command(const struct join_command *command, const struct node_list *list)
{
    struct buf text;
    buf_init(&text, COMMAND_TEXT_BYTES_MAX);
    for (size_t i = 0; i < command->count; i++) {
        // An option and its value to a line.
        if (i > 0)
            buf_append_slice(&text, slice_of_text(i % 2 == 1 ? " \\\n      " : " "));
        membership_quote(&text, command->words[i]);
    }
    printf("Run this where the new node is to live:\n\n  %.*s\n\n", (int)text.length,
           text.length > 0 ? (const char *)text.bytes : "");
    buf_release(&text);
    printf("It needs the cluster's token and key in these files, and an empty or absent data "
           "directory.\n");
    const char *through = command->words[command->count - 1];
    const char *before = "It can join as well through";
    for (size_t i = 0; i < list->count; i++) {
        const struct node_entry *entry = &list->entries[i];
        if (!may_be_joined(entry) || strcmp(entry->peer_address, through) == 0)
            continue;
        printf("%s %s", before, entry->peer_address);
        before = ",";
    }
    if (before[0] == ',')
        printf(".\n");
    fflush(stdout);
}

// {"status", "command", "peer_address", "node_id"}: a null id when nobody waited for it.
static void print_added(const struct join_command *command, const char *peer_address, uint64_t id)
{
    json_t *words = json_array();
    for (size_t i = 0; i < command->count; i++)
        json_array_append_new(words, json_string(command->words[i]));
    json_t *answer = json_pack("{ss so}", "status", "success", "command", words);
    output_json_bytes(answer, "peer_address", slice_of_text(peer_address));
    json_object_set_new(answer, "node_id", id > 0 ? json_integer((json_int_t)id) : json_null());
    output_json(answer);
}

// Until the node is a member, and then until the slots are where they should be.
static enum err await_member(const struct session *session, struct client *client,
                             struct moves_goal *goal, struct errmsg *detail)
{
    bool speaks = !session->output.json;
    if (speaks)
        printf("Waiting for it to join (Ctrl-C ends the waiting).\n");
    fflush(stdout);
    enum err e = moves_await(session, client, goal, detail);
    if (e != ERR_OK)
        return e;
    if (speaks)
        printf("It is node %llu.\n", (unsigned long long)goal->id);
    goal->kind = MOVES_BALANCED;
    e = moves_await(session, client, goal, detail);
    if (e == ERR_OK && speaks)
        printf("node %llu is a member, and every slot is where it should be\n",
               (unsigned long long)goal->id);
    return e;
}

enum err membership_add(struct session *session, const char *peer_address, bool no_wait,
                        struct errmsg *detail)
{
    struct join_command *command = memory_zeroed(1, sizeof *command);
    struct moves_goal goal = {.kind = MOVES_MEMBER, .peer_address = peer_address};
    struct node_list list;
    node_list_init(&list);
    enum err e = node_list_fetch(&list, &session->client, detail);
    if (e == ERR_OK)
        e = membership_command(command, session, &list, peer_address, detail);
    if (e != ERR_OK)
        goto done;
    bool member = node_list_find_peer(&list, peer_address) != NULL;
    if (!session->output.json && member)
        printf("There is a member at %s already.\n", peer_address);
    else if (!session->output.json)
        print_command(command, &list);
    interrupt_clear();
    interrupt_init();
    if (!no_wait)
        e = await_member(session, &session->client, &goal, detail);
    if (e == ERR_OK && session->output.json)
        print_added(command, peer_address, goal.id);
done:
    node_list_release(&list);
    free(command);
    return e;
}

// The node that was asked may be the one that goes: the other members are asked then.
static void learn_endpoints(struct client *client, const struct node_list *list, uint64_t leaving)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct node_entry *entry = &list->entries[i];
        if (entry->id != leaving && node_entry_up(entry) && entry->address[0] != '\0' &&
            target_add(&client->target, entry->address, NULL) != ERR_OK)
            break;
    }
}

static void print_removed(const struct session *session, uint64_t id, bool gone)
{
    if (session->output.json)
        output_json(json_pack("{ss sI sb}", "status", "success", "node_id", (json_int_t)id, "gone",
                              (int)gone));
    else
        printf(gone ? "node %llu is removed\n"
                    : "node %llu leaves once others hold what it holds ('brusio nodes' shows it)\n",
               (unsigned long long)id);
}

enum err membership_remove(struct session *session, uint64_t id, bool no_wait,
                           struct errmsg *detail)
{
    struct moves_goal goal = {.kind = MOVES_GONE, .id = id};
    struct node_list list;
    node_list_init(&list);
    enum err e = node_list_fetch(&list, &session->client, detail);
    if (e == ERR_OK) {
        learn_endpoints(&session->client, &list, id);
        e = node_remove(&session->client, id, detail);
    }
    interrupt_clear();
    interrupt_init();
    if (e == ERR_OK && !no_wait && !session->output.json) {
        printf("node %llu leaves; others take what it holds\n", (unsigned long long)id);
        fflush(stdout);
    }
    if (e == ERR_OK && !no_wait)
        e = moves_await(session, &session->client, &goal, detail);
    if (e == ERR_OK)
        print_removed(session, id, !no_wait);
    node_list_release(&list);
    return e;
}
