#include "cli/keyspace_commands.h"

#include "cli/keyspace_list.h"

static void add_number(struct grid *grid, uint64_t number)
{
    if (number > 0)
        grid_add(grid, COLOR_NONE, "%llu", (unsigned long long)number);
    else
        grid_add(grid, COLOR_DIM, "-");
}

static void print_list(const struct session *session, const struct keyspace_list *list)
{
    static const char *const titles[] = {"NAME", ">ID", "STRATEGY", ">COPIES", ">MIN IN SYNC"};
    struct grid grid;
    grid_init(&grid, sizeof titles / sizeof *titles, titles);
    for (size_t i = 0; i < list->count; i++) {
        const struct keyspace_entry *entry = &list->entries[i];
        bool full = strcmp(entry->strategy, "full") == 0;
        grid_add_bytes(&grid, slice_of_text(entry->name));
        grid_add(&grid, COLOR_NONE, "%llu", (unsigned long long)entry->id);
        grid_add(&grid, COLOR_NONE, "%s", entry->strategy);
        if (full)
            grid_add(&grid, COLOR_NONE, "all");
        else
            add_number(&grid, entry->replication_factor);
        add_number(&grid, entry->min_in_sync);
    }
    grid_print(&grid, &session->output);
    grid_release(&grid);
}

// What the server answered, as it is.
static enum exit_code print_json(struct session *session)
{
    struct errmsg detail = {0};
    json_t *answer = NULL;
    enum err e =
        client_ask_json(&session->client, METHOD_GET, "/v1/keyspaces", NULL, &answer, &detail);
    if (e != ERR_OK)
        return session_fail(session, e, &detail);
    output_json(answer);
    return session_finish(session);
}

enum exit_code keyspaces_command(struct session *session)
{
    if (session->output.json)
        return print_json(session);
    struct errmsg detail = {0};
    struct keyspace_list list;
    keyspace_list_init(&list);
    enum err e = keyspace_list_fetch(&list, &session->client, &detail);
    enum exit_code code;
    if (e != ERR_OK) {
        code = session_fail(session, e, &detail);
    } else {
        print_list(session, &list);
        code = session_finish(session);
    }
    keyspace_list_release(&list);
    return code;
}

static struct keyspace_settings settings_of(const struct session *session)
{
    const struct options *options = &session->options;
    return (struct keyspace_settings){.strategy = options->text[OPTION_STRATEGY],
                                      .replication_factor =
                                          options->number[OPTION_REPLICATION_FACTOR],
                                      .min_in_sync = options->number[OPTION_MIN_IN_SYNC]};
}

static enum exit_code finish(const struct session *session, enum err e, const char *done,
                             const struct errmsg *detail)
{
    if (e != ERR_OK)
        return session_fail(session, e, detail);
    if (session->output.json) {
        json_t *object = json_pack("{ss}", "status", "success");
        output_json_bytes(object, "name", slice_of_text(session->words[0]));
        output_json(object);
    } else {
        printf("%s keyspace ", done);
        output_printable(stdout, slice_of_text(session->words[0]));
        putchar('\n');
    }
    return session_finish(session);
}

enum exit_code keyspaces_create_command(struct session *session)
{
    struct errmsg detail = {0};
    struct keyspace_settings settings = settings_of(session);
    enum err e = keyspace_create(&session->client, session->words[0], &settings, &detail);
    return finish(session, e, "created", &detail);
}

enum exit_code keyspaces_change_command(struct session *session)
{
    struct errmsg detail = {0};
    struct keyspace_settings settings = settings_of(session);
    if (settings.strategy == NULL && settings.replication_factor == 0 && settings.min_in_sync == 0)
        return session_usage(
            session, "say what to change: --strategy, --replication-factor or --min-in-sync");
    enum err e = keyspace_change(&session->client, session->words[0], &settings, &detail);
    return finish(session, e, "changed", &detail);
}
