#include "cli/cluster_start.h"

#include "base/check.h"
#include "cli/cluster_ports.h"
#include "cli/interrupt.h"
#include "cli/keyspace_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    NODES_DEFAULT = 3,
    HTTP_PORT_DEFAULT = 5000,
    PEER_PORT_DISTANCE = 1000,
    SECRET_BYTES = 32,
    SETTLE_MS = 20000,
    SETTLE_POLL_MS = 200,
};

bool cluster_start_exists(const struct cluster *cluster)
{
    char path[FILE_PATH_BYTES_MAX];
    return file_path(path, NULL, "%s/cluster.json", cluster->directory) == ERR_OK &&
           access(path, F_OK) == 0;
}

static uint64_t number_or(const struct options *options, enum option_id id, uint64_t otherwise)
{
    return options_have(options, id) ? options->number[id] : otherwise;
}

static const char *text_or(const struct options *options, enum option_id id, const char *otherwise)
{
    return options_have(options, id) ? options->text[id] : otherwise;
}

static enum err fill_file(struct cluster_file *file, const struct options *options,
                          struct errmsg *detail)
{
    *file = (struct cluster_file){.node_count =
                                      (size_t)number_or(options, OPTION_NODES, NODES_DEFAULT)};
    for (size_t i = 0; i < file->node_count; i++)
        file->nodes[i] =
            (struct cluster_file_node){.number = (unsigned)i + 1, .record = NODE_STOPPED};
    snprintf(file->strategy, CHOICE_BYTES, "%s", text_or(options, OPTION_STRATEGY, "full"));
    snprintf(file->durability, CHOICE_BYTES, "%s", text_or(options, OPTION_DURABILITY, "commit"));
    file->replication_factor = number_or(options, OPTION_REPLICATION_FACTOR, 0);
    if (strcmp(file->strategy, "full") == 0 && file->replication_factor > 0)
        return errmsg_set(detail, ERR_INVALID,
                          "--replication-factor goes with --strategy consistent");
    if (file->replication_factor > file->node_count)
        return errmsg_set(detail, ERR_INVALID,
                          "%llu copies of each key need as many nodes: there are %zu",
                          (unsigned long long)file->replication_factor, file->node_count);
    unsigned http_port = (unsigned)number_or(options, OPTION_HTTP_PORT, HTTP_PORT_DEFAULT);
    unsigned peer_port =
        (unsigned)number_or(options, OPTION_PEER_PORT, http_port + PEER_PORT_DISTANCE);
    if (http_port > 0)
        return cluster_ports_lay_out(file, http_port, peer_port, detail);
    if (options_have(options, OPTION_PEER_PORT))
        return errmsg_set(detail, ERR_INVALID,
                          "--http-port 0 picks the peer ports too: leave --peer-port out");
    return cluster_ports_pick(file, detail);
}

// Data from before would make the nodes remember another cluster.
static enum err check_absent(const struct cluster *cluster, struct errmsg *detail)
{
    for (size_t i = 0; i < cluster->file.node_count; i++) {
        char path[FILE_PATH_BYTES_MAX];
        enum err e = file_path(path, detail, "%s/node-%u", cluster->directory,
                               cluster->file.nodes[i].number);
        if (e != ERR_OK)
            return e;
        if (access(path, F_OK) == 0)
            return errmsg_set(detail, ERR_EXISTS,
                              "%.300s exists, but no cluster.json that tells of it: remove it or "
                              "choose another directory",
                              path);
    }
    return ERR_OK;
}

static enum err write_secret(const struct cluster *cluster, const char *name, const char *secret,
                             struct errmsg *detail)
{
    char path[FILE_PATH_BYTES_MAX];
    char line[SECRET_BYTES_MAX + 1];
    enum err e = file_path(path, detail, "%s/%s", cluster->directory, name);
    int length = snprintf(line, sizeof line, "%s\n", secret);
    return e == ERR_OK ? file_write(path, slice_of(line, (size_t)length), 0600, detail) : e;
}

// The token that the options give, or a random one.
static enum err choose_token(char token[SECRET_BYTES_MAX], const struct options *options,
                             struct errmsg *detail)
{
    enum err e;
    struct target *target = memory_zeroed(1, sizeof *target);
    if (options_have(options, OPTION_TOKEN_FILE))
        e = file_read_secret(token, options->text[OPTION_TOKEN_FILE], detail);
    else
        e = file_random_hex(token, SECRET_BYTES, detail);
    if (e == ERR_OK)
        e = target_set_token(
            target, options_have(options, OPTION_TOKEN) ? options->text[OPTION_TOKEN] : token,
            detail);
    memcpy(token, target->token, sizeof target->token);
    free(target);
    return e;
}

static enum err write_secrets(const struct cluster *cluster, const struct options *options,
                              struct errmsg *detail)
{
    char token[SECRET_BYTES_MAX];
    char key[2 * SECRET_BYTES + 1];
    enum err e = choose_token(token, options, detail);
    if (e == ERR_OK)
        e = write_secret(cluster, "token", token, detail);
    if (e == ERR_OK)
        e = file_random_hex(key, SECRET_BYTES, detail);
    return e == ERR_OK ? write_secret(cluster, "key", key, detail) : e;
}

static void progress(const struct session *session, const struct cluster_file_node *node,
                     const char *what)
{
    if (session->output.json)
        return;
    printf("node %u %s\n", node->number, what);
    fflush(stdout);
}

// Waits a while for slots that are being brought in sync; a cluster that needs longer serves all
// the same.
static void settle(const struct cluster *cluster)
{
    struct client *client = memory_zeroed(1, sizeof *client);
    struct node_list list;
    node_list_init(&list);
    uint64_t end_ms = interrupt_now_ms() + SETTLE_MS;
    if (cluster_client(cluster, 0, REQUEST_TIMEOUT_MS, client, NULL) == ERR_OK) {
        while (node_list_fetch(&list, client, NULL) == ERR_OK && !node_list_settled(&list) &&
               interrupt_now_ms() < end_ms && !interrupt_seen())
            interrupt_sleep(SETTLE_POLL_MS);
    }
    node_list_release(&list);
    client_release(client);
    free(client);
}

static enum err set_strategy(const struct cluster *cluster, struct errmsg *detail)
{
    if (strcmp(cluster->file.strategy, "full") == 0)
        return ERR_OK;
    struct client *client = memory_zeroed(1, sizeof *client);
    enum err e = cluster_client(cluster, 0, REQUEST_TIMEOUT_MS, client, detail);
    if (e == ERR_OK)
        e = strategy_set(client, cluster->file.strategy, cluster->file.replication_factor, detail);
    client_release(client);
    free(client);
    return e;
}

// One after the other, so that the cluster gives them the numbers 1, 2, 3 and on.
static enum err make_nodes(struct cluster *cluster, const struct session *session,
                           struct errmsg *detail)
{
    size_t count = cluster->file.node_count;
    enum err e = ERR_OK;
    for (size_t i = 0; e == ERR_OK && i < count; i++) {
        e = cluster_spawn(cluster, i, i == 0 ? CLUSTER_FIRST : CLUSTER_JOINS, detail);
        if (e == ERR_OK)
            e = cluster_await(cluster, i, i + 1, false, detail);
        if (e == ERR_OK)
            progress(session, &cluster->file.nodes[i], "serves");
    }
    for (size_t i = 0; e == ERR_OK && i < count; i++)
        e = cluster_await(cluster, i, count, false, detail);
    if (e == ERR_OK)
        e = set_strategy(cluster, detail);
    if (e != ERR_OK)
        return e;
    settle(cluster);
    cluster->file.complete = true;
    return cluster_save(cluster, detail);
}

// Undoes a start that failed: its processes, their data and the secrets go, the logs stay.
static void undo(struct cluster *cluster)
{
    static const char *const names[] = {"cluster.json", "token", "key"};
    bool all[CLUSTER_NODES_MAX];
    char path[FILE_PATH_BYTES_MAX];
    struct errmsg why = {0};
    memset(all, true, sizeof all);
    interrupt_clear();
    enum err e = cluster_stop_nodes(cluster, all, NULL, &why);
    for (size_t i = 0; e == ERR_OK && i < cluster->file.node_count; i++) {
        e = file_path(path, &why, "%s/node-%u", cluster->directory, cluster->file.nodes[i].number);
        if (e == ERR_OK)
            e = file_remove_tree(path, &why);
    }
    // cluster.json goes last: as long as there is anything else, it tells what.
    for (size_t i = sizeof names / sizeof *names; e == ERR_OK && i-- > 0;) {
        e = file_path(path, &why, "%s/%s", cluster->directory, names[i]);
        if (e == ERR_OK)
            e = file_remove_tree(path, &why);
    }
    if (e != ERR_OK)
        fprintf(stderr, "brusio: what was begun could not be removed: %s\n", why.text);
}

enum err cluster_start_new(struct cluster *cluster, const struct session *session,
                           struct errmsg *detail)
{
    enum err e = fill_file(&cluster->file, &session->options, detail);
    if (e == ERR_OK)
        e = check_absent(cluster, detail);
    for (size_t i = 0; e == ERR_OK && i < cluster->file.node_count; i++)
        e = cluster_ports_check(&cluster->file.nodes[i], detail);
    if (e != ERR_OK)
        return e;
    e = write_secrets(cluster, &session->options, detail);
    if (e == ERR_OK)
        e = cluster_save(cluster, detail);
    if (e == ERR_OK)
        e = make_nodes(cluster, session, detail);
    if (e != ERR_OK)
        undo(cluster);
    return e;
}

static enum err differs(const char *option, const char *recorded, struct errmsg *detail)
{
    return errmsg_set(
        detail, ERR_MISMATCH,
        "this cluster was made with --%s %s: leave --%s out to start it again, or choose another "
        "directory for another cluster",
        option, recorded, option);
}

static enum err compare_number(const struct options *options, enum option_id id, uint64_t recorded,
                               struct errmsg *detail)
{
    if (!options_have(options, id) || options->number[id] == recorded)
        return ERR_OK;
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)recorded);
    return differs(option_spec_of(id)->name, text, detail);
}

static enum err compare_text(const struct options *options, enum option_id id, const char *recorded,
                             struct errmsg *detail)
{
    if (!options_have(options, id) || strcmp(options->text[id], recorded) == 0)
        return ERR_OK;
    return differs(option_spec_of(id)->name, recorded, detail);
}

static enum err compare_token(const struct cluster *cluster, const struct options *options,
                              struct errmsg *detail)
{
    char path[FILE_PATH_BYTES_MAX];
    char recorded[SECRET_BYTES_MAX];
    char given[SECRET_BYTES_MAX] = "";
    if (!options_have(options, OPTION_TOKEN) && !options_have(options, OPTION_TOKEN_FILE))
        return ERR_OK;
    enum err e = file_path(path, detail, "%s/token", cluster->directory);
    if (e == ERR_OK)
        e = file_read_secret(recorded, path, detail);
    if (e == ERR_OK && options_have(options, OPTION_TOKEN_FILE))
        e = file_read_secret(given, options->text[OPTION_TOKEN_FILE], detail);
    if (e != ERR_OK)
        return e;
    const char *token = options_have(options, OPTION_TOKEN) ? options->text[OPTION_TOKEN] : given;
    return strcmp(token, recorded) == 0
               ? ERR_OK
               : errmsg_set(detail, ERR_MISMATCH,
                            "this cluster has another token, the one in %.300s", path);
}

enum err cluster_start_compare(const struct cluster *cluster, const struct options *options,
                               struct errmsg *detail)
{
    const struct cluster_file *file = &cluster->file;
    bool any_port =
        options_have(options, OPTION_HTTP_PORT) && options->number[OPTION_HTTP_PORT] == 0;
    enum err e = compare_number(options, OPTION_NODES, file->node_count, detail);
    if (e == ERR_OK && !any_port)
        e = compare_number(options, OPTION_HTTP_PORT, file->nodes[0].http_port, detail);
    if (e == ERR_OK)
        e = compare_number(options, OPTION_PEER_PORT, file->nodes[0].peer_port, detail);
    if (e == ERR_OK)
        e = compare_text(options, OPTION_STRATEGY, file->strategy, detail);
    if (e == ERR_OK)
        e = compare_number(options, OPTION_REPLICATION_FACTOR, file->replication_factor, detail);
    if (e == ERR_OK)
        e = compare_text(options, OPTION_DURABILITY, file->durability, detail);
    return e == ERR_OK ? compare_token(cluster, options, detail) : e;
}

enum err cluster_start_again(struct cluster *cluster, const struct session *session,
                             struct errmsg *detail)
{
    bool begun[CLUSTER_NODES_MAX] = {0};
    bool any = false;
    size_t count = cluster->file.node_count;
    if (!cluster->file.complete)
        return errmsg_set(detail, ERR_ILLEGAL,
                          "the first start of this cluster did not finish: 'brusio cluster stop "
                          "--dir %.200s', remove "
                          "that directory, and start anew",
                          cluster->directory);
    enum err e = ERR_OK;
    for (size_t i = 0; e == ERR_OK && i < count; i++) {
        if (!process_running(&cluster->file.nodes[i].process))
            e = cluster_ports_check(&cluster->file.nodes[i], detail);
    }
    for (size_t i = 0; e == ERR_OK && i < count; i++) {
        if (process_running(&cluster->file.nodes[i].process))
            continue;
        e = cluster_spawn(cluster, i, CLUSTER_RETURNS, detail);
        begun[i] = e == ERR_OK;
        any = any || begun[i];
    }
    for (size_t i = 0; e == ERR_OK && i < count; i++) {
        if (cluster->file.nodes[i].record == NODE_LEAVING) {
            // It ends by itself, perhaps at once.
            progress(session, &cluster->file.nodes[i], "leaves");
            continue;
        }
        e = cluster_await(cluster, i, count, true, detail);
        if (e == ERR_OK)
            progress(session, &cluster->file.nodes[i], begun[i] ? "serves again" : "was running");
    }
    if (e != ERR_OK && any) {
        struct errmsg why = {0};
        interrupt_clear();
        if (cluster_stop_nodes(cluster, begun, NULL, &why) != ERR_OK)
            fprintf(stderr, "brusio: a node that was begun could not be stopped: %s\n", why.text);
    }
    return e;
}
