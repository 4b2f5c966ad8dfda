#include "cli/cluster_membership.h"

#include "base/check.h"
#include "cli/cluster_commands.h"
#include "cli/cluster_ports.h"
#include "cli/interrupt.h"
#include "cli/moves.h"

#include <stdlib.h>
#include <unistd.h>

enum { REMOVED_END_MS = 20000 };

static void say(const struct session *session, unsigned number, const char *what)
{
    if (session->output.json)
        return;
    printf("node %u %s\n", number, what);
    fflush(stdout);
}

// The number that the cluster gives to the next node: the lowest that no member has.
static enum err next_number(const struct cluster *cluster, unsigned *number, struct errmsg *detail)
{
    struct client *client = memory_zeroed(1, sizeof *client);
    struct node_list list;
    node_list_init(&list);
    enum err e = cluster_client_of_all(cluster, cluster->file.node_count, REQUEST_TIMEOUT_MS,
                                       client, detail);
    if (e == ERR_OK)
        e = node_list_fetch(&list, client, detail);
    unsigned next = 1;
    while (e == ERR_OK && node_list_find(&list, next) != NULL)
        next++;
    if (e == ERR_OK && next > CLUSTER_NODES_MAX)
        e = errmsg_set(detail, ERR_ILLEGAL, "a cluster has at most %d nodes", CLUSTER_NODES_MAX);
    if (e == ERR_OK && cluster_file_find(&cluster->file, next) < cluster->file.node_count)
        e = errmsg_set(detail, ERR_EXISTS,
                       "node %u is no member any more: 'brusio cluster remove %u --dir %.200s' "
                       "tidies up after it",
                       next, next, cluster->directory);
    *number = next;
    node_list_release(&list);
    client_release(client);
    free(client);
    return e;
}

// Data from before would make the node remember another membership.
static enum err check_absent(const struct cluster *cluster, unsigned number, struct errmsg *detail)
{
    char path[FILE_PATH_BYTES_MAX];
    enum err e = file_path(path, detail, "%s/node-%u", cluster->directory, number);
    if (e == ERR_OK && access(path, F_OK) == 0)
        e = errmsg_set(detail, ERR_EXISTS, "%.300s exists, but belongs to no node: remove it first",
                       path);
    return e;
}

// Starts one more node and waits until it serves. On failure it stays recorded: cluster remove
// takes it out again.
static enum err add_node(struct cluster *cluster, unsigned *number, struct errmsg *detail)
{
    enum err e = next_number(cluster, number, detail);
    if (e == ERR_OK)
        e = check_absent(cluster, *number, detail);
    if (e != ERR_OK)
        return e;
    size_t at = cluster_file_insert(&cluster->file, *number);
    e = cluster_ports_add(&cluster->file, at, detail);
    if (e == ERR_OK)
        e = cluster_spawn(cluster, at, CLUSTER_JOINS, detail);
    if (e != ERR_OK) {
        cluster_file_remove(&cluster->file, at);
        return e;
    }
    struct errmsg why = {0};
    e = cluster_await(cluster, at, 0, true, &why);
    if (e != ERR_OK)
        errmsg_set(detail, e, "%.380s ('brusio cluster remove %u' takes it out again)", why.text,
                   *number);
    return e;
}

// Until every node holds what it should.
static enum err await_balance(const struct session *session, const struct cluster *cluster,
                              unsigned number, struct errmsg *detail)
{
    struct client *client = memory_zeroed(1, sizeof *client);
    struct moves_goal goal = {.kind = MOVES_BALANCED, .id = number};
    enum err e = cluster_client_of_all(cluster, cluster->file.node_count, REQUEST_TIMEOUT_MS,
                                       client, detail);
    if (e == ERR_OK)
        e = moves_await(session, client, &goal, detail);
    client_release(client);
    free(client);
    return e;
}

enum exit_code cluster_add_command(struct session *session)
{
    enum exit_code code;
    struct cluster *cluster = cluster_commands_open(session, true, &code);
    if (cluster == NULL)
        return code;
    uint64_t count = options_have(&session->options, OPTION_NEW_NODES)
                         ? session->options.number[OPTION_NEW_NODES]
                         : 1;
    struct errmsg detail = {0};
    enum err e = ERR_OK;
    unsigned number = 0;
    interrupt_init();
    for (uint64_t i = 0; e == ERR_OK && i < count; i++) {
        e = add_node(cluster, &number, &detail);
        if (e == ERR_OK)
            say(session, number, "serves; others hand over what it is to hold");
    }
    cluster_unlock(cluster);
    if (e == ERR_OK)
        e = await_balance(session, cluster, number, &detail);
    if (e == ERR_OK) {
        cluster_commands_print(session, cluster);
        code = session_finish(session);
    } else {
        code = session_fail(session, e, &detail);
    }
    cluster_commands_close(cluster);
    return code;
}

// Asks for the removal, records that it goes on, and waits for its end without the lock.
static enum err drain(const struct session *session, struct cluster *cluster, size_t at,
                      struct errmsg *detail)
{
    unsigned number = cluster->file.nodes[at].number;
    struct client *client = memory_zeroed(1, sizeof *client);
    struct moves_goal goal = {.kind = MOVES_GONE, .id = number};
    enum err e = cluster_client_of_all(cluster, at, REQUEST_TIMEOUT_MS, client, detail);
    if (e == ERR_OK) {
        e = node_remove(client, number, detail);
        // It may have been removed without this program.
        e = e == ERR_NOT_FOUND ? ERR_OK : e;
    }
    if (e == ERR_OK) {
        cluster->file.nodes[at].record = NODE_LEAVING;
        e = cluster_save(cluster, detail);
    }
    cluster_unlock(cluster);
    if (e == ERR_OK) {
        say(session, number, "leaves; others take what it holds");
        e = moves_await(session, client, &goal, detail);
    }
    client_release(client);
    free(client);
    return e;
}

// The node is no member any more: its process ends by itself, and its place goes.
static enum err drop(struct cluster *cluster, unsigned number, struct errmsg *detail)
{
    char path[FILE_PATH_BYTES_MAX];
    enum err e = cluster_lock(cluster, detail);
    if (e == ERR_OK)
        e = cluster_load(cluster, detail);
    size_t at = e == ERR_OK ? cluster_file_find(&cluster->file, number) : 0;
    if (e != ERR_OK || at == cluster->file.node_count)
        return e;
    const struct process process = cluster->file.nodes[at].process;
    if (!process_wait(&process, REMOVED_END_MS))
        e = process_stop(&process, CLUSTER_STOP_MS, NULL, detail);
    if (e == ERR_OK)
        e = file_path(path, detail, "%s/node-%u", cluster->directory, number);
    if (e == ERR_OK)
        e = file_remove_tree(path, detail);
    if (e != ERR_OK)
        return e;
    cluster_file_remove(&cluster->file, at);
    return cluster_save(cluster, detail);
}

enum exit_code cluster_remove_command(struct session *session)
{
    enum exit_code code;
    size_t at;
    struct cluster *cluster = cluster_commands_open_at(session, &at, &code);
    if (cluster == NULL)
        return code;
    unsigned number = cluster->file.nodes[at].number;
    struct errmsg detail = {0};
    interrupt_init();
    enum err e = drain(session, cluster, at, &detail);
    if (e == ERR_OK)
        e = drop(cluster, number, &detail);
    if (e == ERR_OK) {
        if (session->output.json)
            output_json(json_pack("{ss si}", "status", "success", "node_id", (int)number));
        say(session, number, "is removed");
        code = session_finish(session);
    } else {
        code = session_fail(session, e, &detail);
    }
    cluster_commands_close(cluster);
    return code;
}
