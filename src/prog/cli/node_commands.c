#include "cli/node_commands.h"

#include "cli/keyspace_list.h"

static enum color state_color(const struct node_entry *entry)
{
    if (node_entry_up(entry))
        return entry->leaving ? COLOR_YELLOW : COLOR_GREEN;
    return strcmp(entry->state, "failed") == 0 ? COLOR_YELLOW : COLOR_RED;
}

// "up", "down", "failed", and what becomes of the node besides.
static void add_state(struct grid *grid, const struct node_entry *entry)
{
    grid_add(grid, state_color(entry), "%s%s%s", entry->state, entry->leaving ? ",leaving" : "",
             entry->replaced ? ",replaced" : "");
}

// How much of what the node should hold it has; of one that leaves, what it still has.
static void add_progress(struct grid *grid, const struct node_entry *entry)
{
    if (entry->leaving)
        grid_add(grid, COLOR_YELLOW, "%llu to go", (unsigned long long)entry->slots_in_sync);
    else if (entry->slots_target == 0)
        grid_add(grid, COLOR_DIM, "-");
    else if (entry->slots_awaited == 0)
        grid_add(grid, COLOR_NONE, "100%%");
    else
        grid_add(grid, COLOR_YELLOW, "%llu%%",
                 (unsigned long long)((entry->slots_target - entry->slots_awaited) * 100 /
                                      entry->slots_target));
}

static void add_slots(struct grid *grid, const struct node_entry *entry)
{
    const uint64_t counts[] = {entry->slots_in_sync, entry->slots_joining, entry->slots_target};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        if (entry->has_slots)
            grid_add(grid, COLOR_NONE, "%llu", (unsigned long long)counts[i]);
        else
            grid_add(grid, COLOR_DIM, "-");
    }
}

void node_commands_print(const struct session *session, const struct node_list *list)
{
    static const char *const titles[] = {">NODE",    "STATUS",   "STATE",   "ADDRESS",  "ROLE",
                                         ">IN SYNC", ">JOINING", ">TARGET", ">PROGRESS"};
    struct grid grid;
    grid_init(&grid, sizeof titles / sizeof *titles, titles);
    for (size_t i = 0; i < list->count; i++) {
        const struct node_entry *entry = &list->entries[i];
        grid_add(&grid, COLOR_NONE, "%llu", (unsigned long long)entry->id);
        grid_add(&grid, state_color(entry), "%s", entry->alive ? "alive" : "dead");
        add_state(&grid, entry);
        grid_add_bytes(&grid, slice_of_text(entry->address));
        grid_add(&grid, entry->voter ? COLOR_NONE : COLOR_DIM, entry->voter ? "voter" : "-");
        add_slots(&grid, entry);
        add_progress(&grid, entry);
    }
    grid_print(&grid, &session->output);
    grid_release(&grid);
    uint64_t left = node_list_moves_left(list);
    if (left > 0)
        printf("%llu slots are still to be brought in sync\n", (unsigned long long)left);
}

enum exit_code nodes_command(struct session *session)
{
    struct errmsg detail = {0};
    json_t *answer = NULL;
    struct node_list list;
    node_list_init(&list);
    enum err e = client_ask_json(&session->client, METHOD_GET, "/v1/nodes", NULL, &answer, &detail);
    if (e == ERR_OK)
        e = node_list_decode(&list, answer, &detail);
    enum exit_code code;
    if (e != ERR_OK) {
        code = session_fail(session, e, &detail);
    } else {
        if (session->output.json)
            output_json(json_incref(answer));
        else
            node_commands_print(session, &list);
        code = session_finish(session);
    }
    node_list_release(&list);
    json_decref(answer);
    return code;
}

// {"status": "success", "node_id": ...} or a sentence.
static void print_node(const struct session *session, uint64_t id, const char *sentence)
{
    if (session->output.json)
        output_json(json_pack("{ss sI}", "status", "success", "node_id", (json_int_t)id));
    else
        printf("node %llu %s\n", (unsigned long long)id, sentence);
}

enum exit_code fail_command(struct session *session)
{
    uint64_t id;
    if (!options_number(session->words[0], 0, INT64_MAX, &id))
        return session_usage(session, "'%s' is not a node's number", session->words[0]);
    struct errmsg detail = {0};
    enum err e = node_fail(&session->client, id, &detail);
    if (e != ERR_OK)
        return session_fail(session, e, &detail);
    print_node(session, id, "is failed: its replicas behave as dead until 'brusio recover'");
    return session_finish(session);
}

enum err node_commands_recover_all(struct session *session, size_t *recovered,
                                   struct errmsg *detail)
{
    struct node_list list;
    node_list_init(&list);
    *recovered = 0;
    enum err e = node_list_fetch(&list, &session->client, detail);
    for (size_t i = 0; e == ERR_OK && i < list.count; i++) {
        const struct node_entry *entry = &list.entries[i];
        if (node_entry_up(entry))
            continue;
        if (strcmp(entry->state, "failed") != 0) {
            fprintf(stderr, "node %llu is down: it comes back when its process is started\n",
                    (unsigned long long)entry->id);
            continue;
        }
        e = node_recover(&session->client, entry->id, detail);
        if (e == ERR_OK)
            *recovered += 1;
        if (e == ERR_OK && !session->output.json)
            printf("node %llu is recovered\n", (unsigned long long)entry->id);
    }
    node_list_release(&list);
    return e;
}

static enum exit_code recover_all(struct session *session)
{
    struct errmsg detail = {0};
    size_t recovered;
    enum err e = node_commands_recover_all(session, &recovered, &detail);
    if (e != ERR_OK)
        return session_fail(session, e, &detail);
    if (session->output.json)
        output_json(json_pack("{ss sI}", "status", "success", "recovered", (json_int_t)recovered));
    else if (recovered == 0)
        printf("no node was failed\n");
    return session_finish(session);
}

enum exit_code recover_command(struct session *session)
{
    bool all = options_have(&session->options, OPTION_ALL);
    if (all == (session->word_count == 1))
        return session_usage(session, "give either a node's number or --all");
    if (all)
        return recover_all(session);
    uint64_t id;
    if (!options_number(session->words[0], 0, INT64_MAX, &id))
        return session_usage(session, "'%s' is not a node's number", session->words[0]);
    struct errmsg detail = {0};
    enum err e = node_recover(&session->client, id, &detail);
    if (e != ERR_OK)
        return session_fail(session, e, &detail);
    print_node(session, id, "is recovered");
    return session_finish(session);
}

enum exit_code strategy_command(struct session *session)
{
    const char *strategy = session->words[0];
    bool full = strcmp(strategy, "full") == 0;
    uint64_t factor = session->options.number[OPTION_REPLICATION_FACTOR];
    if (!full && strcmp(strategy, "consistent") != 0)
        return session_usage(session, "the strategy is full or consistent, not '%s'", strategy);
    if (full && factor > 0)
        return session_usage(session,
                             "--replication-factor goes with consistent: full is on every node");
    struct errmsg detail = {0};
    enum err e = strategy_set(&session->client, strategy, factor, &detail);
    if (e != ERR_OK)
        return session_fail(session, e, &detail);
    if (session->output.json)
        output_json(json_pack("{ss ss}", "status", "success", "strategy", strategy));
    else if (factor > 0)
        printf("strategy %s, replication factor %llu\n", strategy, (unsigned long long)factor);
    else
        printf("strategy %s\n", strategy);
    return session_finish(session);
}

enum exit_code nodes_for_command(struct session *session)
{
    json_t *answer = NULL;
    struct errmsg detail = {0};
    enum err e =
        nodes_for_key(&session->client, slice_of_text(session->words[0]), &answer, &detail);
    if (e != ERR_OK)
        return session_fail(session, e, &detail);
    if (session->output.json) {
        output_json(answer);
        return session_finish(session);
    }
    const json_t *nodes = json_object_get(answer, "nodes");
    for (size_t i = 0; i < json_array_size(nodes); i++)
        printf("%s%lld", i > 0 ? " " : "", (long long)json_integer_value(json_array_get(nodes, i)));
    putchar('\n');
    json_decref(answer);
    return session_finish(session);
}
