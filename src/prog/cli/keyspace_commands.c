#include "cli/keyspace_commands.h"

#include "cli/keyspace_list.h"

static void add_number(struct grid *grid, uint64_t number)
{
    if (number > 0)
        grid_add(grid, COLOR_NONE, "%llu", (unsigned long long)number);
    else
        grid_add(grid, COLOR_DIM, "-");
}

static void add_strong(struct grid *grid, const struct keyspace_entry *entry)
{
    grid_add(grid, COLOR_NONE, "%s", entry->strategy);
    if (strcmp(entry->strategy, "full") == 0)
        grid_add(grid, COLOR_NONE, "all");
    else
        add_number(grid, entry->replication_factor);
    add_number(grid, entry->min_in_sync);
    for (size_t i = 0; i < 2; i++)
        grid_add(grid, COLOR_DIM, "-");
}

static void add_optimistic(struct grid *grid, const struct keyspace_entry *entry)
{
    char retention[OUTPUT_DURATION_BYTES];
    for (size_t i = 0; i < 3; i++)
        grid_add(grid, COLOR_DIM, "-");
    add_number(grid, entry->primary);
    output_duration(retention, entry->retention_ms);
    grid_add(grid, COLOR_NONE, "%s", retention);
}

static void print_list(const struct session *session, const struct keyspace_list *list)
{
    static const char *const titles[] = {"NAME",    ">ID",          "MODE",     "STRATEGY",
                                         ">COPIES", ">MIN IN SYNC", ">PRIMARY", ">RETENTION"};
    struct grid grid;
    grid_init(&grid, sizeof titles / sizeof *titles, titles);
    for (size_t i = 0; i < list->count; i++) {
        const struct keyspace_entry *entry = &list->entries[i];
        bool optimistic = strcmp(entry->mode, "optimistic") == 0;
        grid_add_bytes(&grid, slice_of_text(entry->name));
        grid_add(&grid, COLOR_NONE, "%llu", (unsigned long long)entry->id);
        grid_add(&grid, COLOR_NONE, "%s%s%s", entry->mode, entry->is_family ? ",family" : "",
                 entry->is_signed ? ",signed" : "");
        if (optimistic)
            add_optimistic(&grid, entry);
        else
            add_strong(&grid, entry);
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
    return (struct keyspace_settings){
        .strategy = options->text[OPTION_STRATEGY],
        .replication_factor = options->number[OPTION_REPLICATION_FACTOR],
        .min_in_sync = options->number[OPTION_MIN_IN_SYNC],
        .mode = options->text[OPTION_MODE],
        .is_family = options_have(options, OPTION_FAMILY),
        .is_signed = options_have(options, OPTION_SIGNED),
        .rumor_k = options->number[OPTION_RUMOR_K],
        .rumor_ms = options->number[OPTION_RUMOR],
        .anti_entropy_ms = options->number[OPTION_ANTI_ENTROPY],
        .audit_ms = options->number[OPTION_AUDIT],
        .retention_ms = options->number[OPTION_RETENTION],
        .stability_ms = options->number[OPTION_STABILITY],
    };
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
