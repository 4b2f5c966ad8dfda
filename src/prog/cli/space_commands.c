#include "cli/space_commands.h"

#include "base/check.h"
#include "cli/peer_list.h"
#include "cli/space.h"

#include <stdlib.h>
#include <unistd.h>

// --- peers

static void print_names(const json_t *names)
{
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        printf("%s", i == 0 ? " " : ", ");
        output_printable(stdout, slice_of_text(name != NULL ? name : ""));
    }
    printf(json_array_size(names) == 0 ? " nothing\n" : "\n");
}

static void add_heard(struct grid *grid, const struct peer_entry *entry)
{
    char since[OUTPUT_DURATION_BYTES];
    output_duration(since, entry->heard_ms);
    if (!entry->heard)
        grid_add(grid, COLOR_DIM, "never");
    else
        grid_add(grid, entry->reachable ? COLOR_GREEN : COLOR_RED, "%s ago", since);
}

static void print_peers(const struct session *session, const struct peer_list *list)
{
    static const char *const titles[] = {"PEER", "KIND", ">NODE", "ADDRESS", "HEARD", ">KEYSPACES"};
    const char *self =
        json_string_value(json_object_get(json_object_get(list->answer, "self"), "store_id"));
    struct grid grid;
    printf("%s is asked, and keeps", self != NULL ? self : "a node");
    print_names(peer_list_kept(list));
    grid_init(&grid, sizeof titles / sizeof *titles, titles);
    for (size_t i = 0; i < list->count && i < GRID_CELLS_MAX / GRID_COLUMNS_MAX; i++) {
        const struct peer_entry *entry = &list->entries[i];
        grid_add_bytes(&grid, slice_of_text(entry->store_id));
        grid_add_bytes(&grid, slice_of_text(entry->kind));
        if (entry->node_id > 0)
            grid_add(&grid, COLOR_NONE, "%llu", (unsigned long long)entry->node_id);
        else
            grid_add(&grid, COLOR_DIM, "-");
        grid_add_bytes(&grid, slice_of_text(entry->address[0] != '\0' ? entry->address : "-"));
        add_heard(&grid, entry);
        grid_add(&grid, COLOR_NONE, "%llu", (unsigned long long)entry->keyspace_count);
    }
    grid_print(&grid, &session->output);
    grid_release(&grid);
    if (list->count > GRID_CELLS_MAX / GRID_COLUMNS_MAX)
        printf("and %zu more: --json shows all\n", list->count - GRID_CELLS_MAX / GRID_COLUMNS_MAX);
}

enum err space_commands_show_peers(struct session *session, struct errmsg *detail)
{
    struct peer_list list;
    peer_list_init(&list);
    enum err e = peer_list_fetch(&list, &session->client, detail);
    if (e == ERR_OK && session->output.json)
        output_json(json_incref(list.answer));
    else if (e == ERR_OK)
        print_peers(session, &list);
    peer_list_release(&list);
    return e;
}

enum exit_code peers_command(struct session *session)
{
    struct errmsg detail = {0};
    enum err e = space_commands_show_peers(session, &detail);
    return e == ERR_OK ? session_finish(session) : session_fail(session, e, &detail);
}

// --- stability

static unsigned long long number_at(const json_t *answer, const char *object, const char *name)
{
    const json_t *at = object != NULL ? json_object_get(answer, object) : answer;
    json_int_t value = json_integer_value(json_object_get(at, name));
    return value > 0 ? (unsigned long long)value : 0;
}

static void print_stability(const json_t *answer)
{
    unsigned long long primary = number_at(answer, NULL, "primary");
    if (primary > 0)
        printf("primary      node %llu since epoch %llu\n", primary,
               number_at(answer, NULL, "primary_epoch"));
    else
        printf("primary      none\n");
    if (json_is_object(json_object_get(answer, "number")))
        printf("newest word  %llu of epoch %llu\n", number_at(answer, "number", "sequence"),
               number_at(answer, "number", "epoch"));
    else
        printf("newest word  none yet\n");
    printf("operations   %llu known here, of %llu origins\n",
           number_at(answer, "operations", "known"), number_at(answer, "operations", "origins"));
    printf("             %llu stable, %llu of these under the horizon\n",
           number_at(answer, "operations", "stable"), number_at(answer, "operations", "horizon"));
    printf("             %llu tentative\n", number_at(answer, "operations", "tentative"));
    printf("versions     %llu live, %llu certificates, %llu covered\n",
           number_at(answer, "versions", "live"), number_at(answer, "versions", "certificates"),
           number_at(answer, "versions", "covered"));
    if (json_is_true(json_object_get(answer, "damaged")))
        printf("this node's copy is damaged: it will be mended by an audit\n");
}

enum err space_commands_show_stability(struct session *session, const char *name,
                                       struct errmsg *detail)
{
    json_t *answer = NULL;
    enum err e = space_stability(&session->client, name, &answer, detail);
    if (e == ERR_OK && session->output.json)
        output_json(json_incref(answer));
    else if (e == ERR_OK)
        print_stability(answer);
    json_decref(answer);
    return e;
}

enum exit_code stability_command(struct session *session)
{
    struct errmsg detail = {0};
    enum err e = space_commands_show_stability(session, session->words[0], &detail);
    return e == ERR_OK ? session_finish(session) : session_fail(session, e, &detail);
}

// --- subscriptions and exchanges

static enum exit_code finish(const struct session *session, enum err e, const char *done,
                             const struct errmsg *detail)
{
    struct slice name = slice_of_text(session->words[0]);
    if (e != ERR_OK)
        return session_fail(session, e, detail);
    if (session->output.json) {
        json_t *object = json_pack("{ss}", "status", "success");
        output_json_bytes(object, "name", name);
        output_json(object);
    } else {
        printf("%s ", done);
        output_printable(stdout, name);
        putchar('\n');
    }
    return session_finish(session);
}

enum exit_code subscribe_command(struct session *session)
{
    struct errmsg detail = {0};
    enum err e = space_subscribe(&session->client, session->words[0], &detail);
    return finish(session, e, "subscribed to", &detail);
}

enum exit_code unsubscribe_command(struct session *session)
{
    struct errmsg detail = {0};
    enum err e = space_unsubscribe(&session->client, session->words[0], &detail);
    return finish(session, e, "unsubscribed from", &detail);
}

enum exit_code exchange_command(struct session *session)
{
    struct errmsg detail = {0};
    const char *peer = session->word_count > 1 ? session->words[1] : NULL;
    enum err e = space_exchange(&session->client, session->words[0], peer, &detail);
    return finish(session, e, "began an exchange of", &detail);
}

// --- bundles

// --keyspace, or the only one that the node keeps; to be freed.
static enum err choose_keyspace(struct session *session, char **name, struct errmsg *detail)
{
    const char *given = session->options.text[OPTION_KEYSPACE];
    if (given == NULL)
        return space_only(&session->client, name, detail);
    *name = memory_copy(given, strlen(given) + 1);
    return ERR_OK;
}

static bool is_stream(const struct session *session)
{
    return strcmp(session->words[0], "-") == 0;
}

static enum err write_bundle(const struct session *session, struct slice bytes,
                             struct errmsg *detail)
{
    if (!is_stream(session))
        return file_write(session->words[0], bytes, 0600, detail);
    fwrite(bytes.bytes, 1, bytes.length, stdout);
    return ERR_OK;
}

static void print_export(const struct session *session, const char *name, size_t bytes)
{
    if (is_stream(session))
        return;
    if (session->output.json) {
        json_t *object = json_pack("{ss sI}", "status", "success", "bytes", (json_int_t)bytes);
        output_json_bytes(object, "name", slice_of_text(name));
        output_json_bytes(object, "file", slice_of_text(session->words[0]));
        output_json(object);
        return;
    }
    printf("exported ");
    output_printable(stdout, slice_of_text(name));
    printf(": %zu bytes\n", bytes);
}

enum exit_code bundle_export_command(struct session *session)
{
    struct errmsg detail = {0};
    struct answer answer;
    char *name = NULL;
    const char *since = session->options.text[OPTION_SINCE];
    answer_init(&answer);
    enum err e = choose_keyspace(session, &name, &detail);
    if (e == ERR_OK)
        e = space_export(&session->client, name, since != NULL ? since : "all", &answer, &detail);
    if (e == ERR_OK)
        e = write_bundle(session, buf_slice(&answer.body), &detail);
    if (e == ERR_OK)
        print_export(session, name, answer.body.length);
    answer_release(&answer);
    free(name);
    return e == ERR_OK ? session_finish(session) : session_fail(session, e, &detail);
}

static void print_import(const json_t *answer)
{
    printf("imported %llu operations, %llu of them new\n", number_at(answer, NULL, "operations"),
           number_at(answer, NULL, "news"));
    fflush(stdout);
    if (!json_is_true(json_object_get(answer, "closed")))
        fprintf(stderr,
                "something is missing that the bundle rests on, or was refused: let the node "
                "exchange, or import an older bundle too\n");
}

enum exit_code bundle_import_command(struct session *session)
{
    struct errmsg detail = {0};
    struct buf bundle;
    json_t *answer = NULL;
    char *name = NULL;
    buf_init(&bundle, ANSWER_BYTES_MAX);
    enum err e = is_stream(session)
                     ? file_read_descriptor(&bundle, STDIN_FILENO, "standard input", &detail)
                     : file_read(&bundle, session->words[0], &detail);
    if (e == ERR_OK)
        e = choose_keyspace(session, &name, &detail);
    if (e == ERR_OK)
        e = space_import(&session->client, name, buf_slice(&bundle), &answer, &detail);
    if (e == ERR_OK && session->output.json)
        output_json(json_incref(answer));
    else if (e == ERR_OK)
        print_import(answer);
    json_decref(answer);
    buf_release(&bundle);
    free(name);
    return e == ERR_OK ? session_finish(session) : session_fail(session, e, &detail);
}
