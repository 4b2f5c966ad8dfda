#include "cli/cluster_commands.h"

#include "base/check.h"
#include "cli/cluster_ports.h"
#include "cli/interrupt.h"

#include <signal.h>
#include <stdlib.h>

enum { STATUS_TIMEOUT_MS = 2000, KILL_WAIT_MS = 10000 };

static const char *state_of(const struct cluster_file_node *node)
{
    if (process_running(&node->process))
        return node->record == NODE_LEAVING ? "leaving" : "running";
    return node->record == NODE_STOPPED || node->record == NODE_LEAVING ? "stopped" : "killed";
}

// What the cluster says of a node; NULL when it says nothing.
static const char *status_of(const struct node_list *list, unsigned number)
{
    const struct node_entry *entry = node_list_find(list, number);
    if (entry != NULL)
        return entry->alive ? "alive" : "dead";
    return list->count > 0 ? "absent" : NULL;
}

// Asks the running nodes, one after the other, until one answers. False when none does.
static bool ask_nodes(const struct cluster *cluster, struct node_list *list)
{
    struct client *client = memory_zeroed(1, sizeof *client);
    bool answered = false;
    for (size_t i = 0; !answered && i < cluster->file.node_count; i++) {
        if (!process_running(&cluster->file.nodes[i].process))
            continue;
        if (cluster_client(cluster, i, STATUS_TIMEOUT_MS, client, NULL) == ERR_OK)
            answered = node_list_fetch(list, client, NULL) == ERR_OK;
        client_release(client);
    }
    free(client);
    return answered;
}

static void print_json(const struct cluster *cluster, const struct node_list *list)
{
    json_t *nodes = json_array();
    for (size_t i = 0; i < cluster->file.node_count; i++) {
        const struct cluster_file_node *node = &cluster->file.nodes[i];
        const char *status = status_of(list, node->number);
        bool running = process_running(&node->process);
        json_t *object =
            json_pack("{si ss si si}", "node_id", (int)node->number, "state", state_of(node),
                      "http_port", (int)node->http_port, "peer_port", (int)node->peer_port);
        json_object_set_new(object, "pid", running ? json_integer(node->process.pid) : json_null());
        json_object_set_new(object, "endpoint",
                            json_sprintf("http://127.0.0.1:%u", node->http_port));
        json_object_set_new(object, "status", status != NULL ? json_string(status) : json_null());
        json_array_append_new(nodes, object);
    }
    json_t *answer = json_pack("{ss so}", "status", "success", "nodes", nodes);
    output_json_bytes(answer, "dir", slice_of_text(cluster->directory));
    output_json(answer);
}

static void print_table(const struct session *session, const struct cluster *cluster,
                        const struct node_list *list)
{
    static const char *const titles[] = {">NODE", "STATE", "STATUS", ">PID", "HTTP", ">PEER PORT"};
    struct grid grid;
    grid_init(&grid, sizeof titles / sizeof *titles, titles);
    for (size_t i = 0; i < cluster->file.node_count; i++) {
        const struct cluster_file_node *node = &cluster->file.nodes[i];
        const char *status = status_of(list, node->number);
        bool running = process_running(&node->process);
        enum color color = running ? COLOR_GREEN : COLOR_RED;
        if (node->record == NODE_LEAVING)
            color = COLOR_YELLOW;
        else if (!running && node->record == NODE_STOPPED)
            color = COLOR_DIM;
        grid_add(&grid, COLOR_NONE, "%u", node->number);
        grid_add(&grid, color, "%s", state_of(node));
        if (status != NULL)
            grid_add(&grid, strcmp(status, "alive") == 0 ? COLOR_GREEN : COLOR_RED, "%s", status);
        else
            grid_add(&grid, COLOR_DIM, "unknown");
        if (running)
            grid_add(&grid, COLOR_NONE, "%ld", (long)node->process.pid);
        else
            grid_add(&grid, COLOR_DIM, "-");
        grid_add(&grid, COLOR_NONE, "http://127.0.0.1:%u", node->http_port);
        grid_add(&grid, COLOR_NONE, "%u", node->peer_port);
    }
    grid_print(&grid, &session->output);
    grid_release(&grid);
}

void cluster_commands_print(const struct session *session, const struct cluster *cluster)
{
    struct node_list list;
    node_list_init(&list);
    if (!ask_nodes(cluster, &list))
        node_list_release(&list);
    if (session->output.json)
        print_json(cluster, &list);
    else
        print_table(session, cluster, &list);
    node_list_release(&list);
}

struct cluster *cluster_commands_open(const struct session *session, bool lock,
                                      enum exit_code *code)
{
    const char *directory = session->options.text[OPTION_DIR];
    directory = directory != NULL ? directory : getenv("BRUSIO_DIR");
    if (directory == NULL || directory[0] == '\0') {
        *code = session_usage(session, "name the cluster's directory with --dir DIR");
        return NULL;
    }
    struct cluster *cluster = memory_zeroed(1, sizeof *cluster);
    struct errmsg detail = {0};
    enum err e = cluster_init(cluster, directory, &detail);
    if (e == ERR_OK && lock)
        e = cluster_lock(cluster, &detail);
    if (e == ERR_OK)
        e = cluster_load(cluster, &detail);
    if (e == ERR_OK)
        return cluster;
    *code = session_fail(session, e, &detail);
    cluster_unlock(cluster);
    free(cluster);
    return NULL;
}

void cluster_commands_close(struct cluster *cluster)
{
    cluster_unlock(cluster);
    free(cluster);
}

enum exit_code cluster_status_command(struct session *session)
{
    enum exit_code code;
    struct cluster *cluster = cluster_commands_open(session, false, &code);
    if (cluster == NULL)
        return code;
    cluster_commands_print(session, cluster);
    cluster_commands_close(cluster);
    return session_finish(session);
}

static void print_stopped(const struct session *session, const struct cluster *cluster,
                          const bool *chosen, const bool *forced)
{
    json_t *nodes = json_array();
    size_t count = 0;
    for (size_t i = 0; i < cluster->file.node_count; i++) {
        if (!chosen[i])
            continue;
        unsigned number = cluster->file.nodes[i].number;
        json_array_append_new(
            nodes, json_pack("{si sb}", "node_id", (int)number, "forced", (int)forced[i]));
        count++;
        if (!session->output.json)
            printf(forced[i] ? "node %u did not stop within %d s: killed\n" : "node %u stopped\n",
                   number, CLUSTER_STOP_MS / 1000);
    }
    if (session->output.json)
        output_json(json_pack("{ss sO}", "status", "success", "stopped", nodes));
    else if (count == 0)
        printf("no node was running\n");
    json_decref(nodes);
}

enum exit_code cluster_stop_command(struct session *session)
{
    enum exit_code code;
    struct cluster *cluster = cluster_commands_open(session, true, &code);
    if (cluster == NULL)
        return code;
    bool running[CLUSTER_NODES_MAX] = {0};
    bool all[CLUSTER_NODES_MAX] = {0};
    bool forced[CLUSTER_NODES_MAX] = {0};
    for (size_t i = 0; i < cluster->file.node_count; i++) {
        all[i] = true;
        running[i] = process_running(&cluster->file.nodes[i].process);
    }
    struct errmsg detail = {0};
    enum err e = cluster_stop_nodes(cluster, all, forced, &detail);
    if (e == ERR_OK) {
        print_stopped(session, cluster, running, forced);
        code = session_finish(session);
    } else {
        code = session_fail(session, e, &detail);
    }
    cluster_commands_close(cluster);
    return code;
}

// The place of the node that the command's operand names, or node_count after a printed usage
// error.
static size_t named(const struct session *session, const struct cluster *cluster)
{
    uint64_t number;
    size_t at = cluster->file.node_count;
    if (options_number(session->words[0], 1, CLUSTER_NODES_MAX, &number))
        at = cluster_file_find(&cluster->file, (unsigned)number);
    if (at == cluster->file.node_count)
        session_usage(session,
                      "'%s' is not one of this cluster's %zu nodes: see 'brusio cluster status'",
                      session->words[0], cluster->file.node_count);
    return at;
}

struct cluster *cluster_commands_open_at(const struct session *session, size_t *at,
                                         enum exit_code *code)
{
    struct cluster *cluster = cluster_commands_open(session, true, code);
    if (cluster == NULL)
        return NULL;
    *at = named(session, cluster);
    if (*at < cluster->file.node_count)
        return cluster;
    cluster_commands_close(cluster);
    *code = EXIT_CODE_USAGE;
    return NULL;
}

static void print_node(const struct session *session, const struct cluster_file_node *node,
                       const char *sentence)
{
    if (session->output.json)
        output_json(json_pack("{ss si ss}", "status", "success", "node_id", (int)node->number,
                              "state", state_of(node)));
    else
        printf("node %u %s\n", node->number, sentence);
}

static enum err kill_node(struct cluster *cluster, size_t at, struct errmsg *detail)
{
    struct cluster_file_node *node = &cluster->file.nodes[at];
    if (!process_running(&node->process))
        return errmsg_set(detail, ERR_NOT_FOUND, "node %u does not run", node->number);
    if (node->record != NODE_LEAVING)
        node->record = NODE_KILLED;
    enum err e = cluster_save(cluster, detail);
    if (e != ERR_OK)
        return e;
    process_signal(&node->process, SIGKILL);
    return process_wait(&node->process, KILL_WAIT_MS)
               ? ERR_OK
               : errmsg_set(detail, ERR_TIMEOUT, "node %u does not end", node->number);
}

enum exit_code cluster_kill_command(struct session *session)
{
    enum exit_code code;
    size_t at;
    struct cluster *cluster = cluster_commands_open_at(session, &at, &code);
    if (cluster == NULL)
        return code;
    struct errmsg detail = {0};
    enum err e = kill_node(cluster, at, &detail);
    if (e == ERR_OK) {
        print_node(session, &cluster->file.nodes[at],
                   "is killed; 'brusio cluster restart' starts it again");
        code = session_finish(session);
    } else {
        code = session_fail(session, e, &detail);
    }
    cluster_commands_close(cluster);
    return code;
}

static enum err restart_node(struct cluster *cluster, size_t at, struct errmsg *detail)
{
    bool chosen[CLUSTER_NODES_MAX] = {0};
    chosen[at] = true;
    if (!cluster->file.complete)
        return errmsg_set(detail, ERR_ILLEGAL,
                          "the start of this cluster did not finish: stop it and remove %.300s",
                          cluster->directory);
    enum err e = cluster_stop_nodes(cluster, chosen, NULL, detail);
    if (e == ERR_OK)
        e = cluster_ports_check(&cluster->file.nodes[at], detail);
    if (e == ERR_OK)
        e = cluster_spawn(cluster, at, CLUSTER_RETURNS, detail);
    // Other nodes may be stopped meanwhile: that this one serves is all that is waited for.
    return e == ERR_OK ? cluster_await(cluster, at, 0, true, detail) : e;
}

enum exit_code cluster_restart_command(struct session *session)
{
    enum exit_code code;
    size_t at;
    struct cluster *cluster = cluster_commands_open_at(session, &at, &code);
    if (cluster == NULL)
        return code;
    interrupt_init();
    struct errmsg detail = {0};
    enum err e = restart_node(cluster, at, &detail);
    if (e == ERR_OK) {
        print_node(session, &cluster->file.nodes[at], "serves again");
        code = session_finish(session);
    } else {
        code = session_fail(session, e, &detail);
    }
    cluster_commands_close(cluster);
    return code;
}
