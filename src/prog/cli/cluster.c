#include "cli/cluster.h"

#include "base/check.h"
#include "cli/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LOCK_MS = CLUSTER_STOP_MS + 5000,
    POLL_MS = 100,
    PROBE_TIMEOUT_MS = 2000,
    LOG_LINES = 3,
    ADDRESS_BYTES = 32,
    ARGUMENTS_MAX = 20,
};

// brusiod is what BRUSIOD names, or stands beside this program.
static enum err find_daemon(char daemon[FILE_PATH_BYTES_MAX], struct errmsg *detail)
{
    const char *named = getenv("BRUSIOD");
    enum err e;
    if (named != NULL && named[0] != '\0') {
        e = file_path(daemon, detail, "%s", named);
    } else {
        char self[FILE_PATH_BYTES_MAX];
        ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
        if (length <= 0)
            return errmsg_set(detail, ERR_NOT_FOUND,
                              "cannot tell where this program is: set BRUSIOD");
        self[length] = '\0';
        *strrchr(self, '/') = '\0';
        e = file_path(daemon, detail, "%s/brusiod", self);
    }
    if (e == ERR_OK && access(daemon, X_OK) != 0)
        e = errmsg_set(detail, ERR_NOT_FOUND, "cannot run %s: %s (BRUSIOD can name another)",
                       daemon, strerror(errno));
    return e;
}

enum err cluster_init(struct cluster *cluster, const char *directory, struct errmsg *detail)
{
    *cluster = (struct cluster){.lock = -1};
    char *absolute = realpath(directory, NULL);
    if (absolute == NULL)
        return errmsg_set(detail, ERR_NOT_FOUND, "cannot open the directory %s: %s", directory,
                          strerror(errno));
    enum err e = file_path(cluster->directory, detail, "%s", absolute);
    free(absolute);
    return e == ERR_OK ? find_daemon(cluster->daemon, detail) : e;
}

enum err cluster_lock(struct cluster *cluster, struct errmsg *detail)
{
    CHECK(cluster->lock < 0);
    int descriptor = open(cluster->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return errmsg_set(detail, ERR_IO, "cannot open %s: %s", cluster->directory,
                          strerror(errno));
    uint64_t end_ms = interrupt_now_ms() + LOCK_MS;
    while (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
        if (interrupt_now_ms() >= end_ms) {
            close(descriptor);
            return errmsg_set(detail, ERR_LOCKED,
                              "another 'brusio cluster' command is at work in %s",
                              cluster->directory);
        }
        interrupt_sleep(POLL_MS);
    }
    cluster->lock = descriptor;
    return ERR_OK;
}

void cluster_unlock(struct cluster *cluster)
{
    if (cluster->lock >= 0)
        close(cluster->lock);
    cluster->lock = -1;
}

enum err cluster_load(struct cluster *cluster, struct errmsg *detail)
{
    return cluster_file_load(&cluster->file, cluster->directory, detail);
}

enum err cluster_save(const struct cluster *cluster, struct errmsg *detail)
{
    CHECK(cluster->lock >= 0);
    return cluster_file_save(&cluster->file, cluster->directory, detail);
}

// The paths and addresses of one daemon's command line.
struct command_line {
    char data[FILE_PATH_BYTES_MAX];
    char log[FILE_PATH_BYTES_MAX];
    char token[FILE_PATH_BYTES_MAX];
    char key[FILE_PATH_BYTES_MAX];
    char http[ADDRESS_BYTES];
    char peer[ADDRESS_BYTES];
    char join[ADDRESS_BYTES];
    char *arguments[ARGUMENTS_MAX];
};

// The node through which node `at` joins: one that runs and stays, if there is any.
static size_t join_through(const struct cluster *cluster, size_t at)
{
    for (size_t i = 0; i < cluster->file.node_count; i++) {
        const struct cluster_file_node *node = &cluster->file.nodes[i];
        if (i != at && node->record == NODE_RUNNING && process_running(&node->process))
            return i;
    }
    return 0;
}

static enum err command_line_fill(struct command_line *line, const struct cluster *cluster,
                                  size_t at, struct errmsg *detail)
{
    const struct cluster_file_node *node = &cluster->file.nodes[at];
    const char *directory = cluster->directory;
    snprintf(line->http, ADDRESS_BYTES, "127.0.0.1:%u", node->http_port);
    snprintf(line->peer, ADDRESS_BYTES, "127.0.0.1:%u", node->peer_port);
    snprintf(line->join, ADDRESS_BYTES, "127.0.0.1:%u",
             cluster->file.nodes[join_through(cluster, at)].peer_port);
    enum err e = file_path(line->data, detail, "%s/node-%u", directory, node->number);
    if (e == ERR_OK)
        e = file_path(line->log, detail, "%s/node-%u.log", directory, node->number);
    if (e == ERR_OK)
        e = file_path(line->token, detail, "%s/token", directory);
    if (e == ERR_OK)
        e = file_path(line->key, detail, "%s/key", directory);
    return e;
}

enum err cluster_spawn(struct cluster *cluster, size_t at, enum cluster_role role,
                       struct errmsg *detail)
{
    CHECK(cluster->lock >= 0);
    struct cluster_file_node *node = &cluster->file.nodes[at];
    struct command_line *line = memory_zeroed(1, sizeof *line);
    enum err e = command_line_fill(line, cluster, at, detail);
    if (e != ERR_OK)
        goto done;
    if (role != CLUSTER_RETURNS && mkdir(line->data, 0700) != 0) {
        e = errmsg_set(detail, ERR_IO, "cannot make %s: %s", line->data, strerror(errno));
        goto done;
    }
    char *const common[] = {cluster->daemon,
                            "--data",
                            line->data,
                            "--http",
                            line->http,
                            "--listen",
                            line->peer,
                            "--token-file",
                            line->token,
                            "--key-file",
                            line->key,
                            "--durability",
                            cluster->file.durability};
    memcpy(line->arguments, common, sizeof common);
    size_t count = sizeof common / sizeof *common;
    if (role == CLUSTER_FIRST) {
        line->arguments[count++] = "--init";
    } else if (role == CLUSTER_JOINS) {
        line->arguments[count++] = "--join";
        line->arguments[count++] = line->join;
    }
    CHECK(count < ARGUMENTS_MAX);
    e = process_spawn(&node->process, line->arguments, line->log, detail);
    if (e != ERR_OK)
        goto done;
    enum node_record before = node->record;
    node->record = before == NODE_LEAVING ? NODE_LEAVING : NODE_RUNNING;
    e = cluster_save(cluster, detail);
    if (e != ERR_OK && process_stop(&node->process, 0, NULL, NULL) == ERR_OK)
        node->record = before; // a process that no file names could not be found again
done:
    free(line);
    return e;
}

static enum err add_node(struct target *target, const struct cluster *cluster, size_t at,
                         struct errmsg *detail)
{
    char text[ADDRESS_BYTES];
    snprintf(text, sizeof text, "http://127.0.0.1:%u", cluster->file.nodes[at].http_port);
    return target_add(target, text, detail);
}

// Begins a client of the endpoints that `target` has, with the cluster's token.
static enum err begin_client(const struct cluster *cluster, struct target *target, long timeout_ms,
                             struct client *client, struct errmsg *detail)
{
    char path[FILE_PATH_BYTES_MAX];
    char text[SECRET_BYTES_MAX];
    enum err e = file_path(path, detail, "%s/token", cluster->directory);
    if (e == ERR_OK)
        e = file_read_secret(text, path, detail);
    if (e == ERR_OK)
        e = target_set_token(target, text, detail);
    return e == ERR_OK ? client_init(client, target, timeout_ms, detail) : e;
}

enum err cluster_client(const struct cluster *cluster, size_t at, long timeout_ms,
                        struct client *client, struct errmsg *detail)
{
    struct target *target = memory_zeroed(1, sizeof *target);
    enum err e = add_node(target, cluster, at, detail);
    if (e == ERR_OK)
        e = begin_client(cluster, target, timeout_ms, client, detail);
    free(target);
    return e;
}

enum err cluster_client_of_all(const struct cluster *cluster, size_t last, long timeout_ms,
                               struct client *client, struct errmsg *detail)
{
    struct target *target = memory_zeroed(1, sizeof *target);
    size_t count = cluster->file.node_count;
    enum err e = ERR_OK;
    for (size_t i = 0; e == ERR_OK && i < count; i++) {
        if (i != last && process_running(&cluster->file.nodes[i].process))
            e = add_node(target, cluster, i, detail);
    }
    if (e == ERR_OK && last < count && process_running(&cluster->file.nodes[last].process))
        e = add_node(target, cluster, last, detail);
    if (e == ERR_OK && target->endpoint_count == 0)
        e = errmsg_set(detail, ERR_UNAVAILABLE,
                       "no node of this cluster runs: 'brusio cluster start --dir %.300s' first",
                       cluster->directory);
    if (e == ERR_OK)
        e = begin_client(cluster, target, timeout_ms, client, detail);
    free(target);
    return e;
}

static enum err check_listed(const struct node_list *list, size_t id, bool drills,
                             struct errmsg *detail)
{
    const struct node_entry *entry = node_list_find(list, id);
    if (entry == NULL)
        return errmsg_set(detail, ERR_UNAVAILABLE, "node %zu is not listed yet", id);
    if (!node_entry_up(entry) && !(drills && strcmp(entry->state, "failed") == 0))
        return errmsg_set(detail, ERR_UNAVAILABLE, "node %zu is listed as %s", id, entry->state);
    return ERR_OK;
}

static enum err check_ready(struct client *client, struct errmsg *detail)
{
    struct answer answer;
    answer_init(&answer);
    struct request request = {.method = METHOD_GET, .path = "/readyz"};
    enum err e = client_send(client, &request, &answer, detail);
    if (e == ERR_OK && answer.status != 200)
        e = errmsg_set(detail, ERR_UNAVAILABLE, "/readyz answers %ld", answer.status);
    answer_release(&answer);
    return e;
}

// ERR_OK once the node is as cluster_await wants it, otherwise what is still missing.
static enum err probe(struct client *client, const struct cluster_file *file, size_t at,
                      size_t count, bool drills, struct errmsg *detail)
{
    size_t number = file->nodes[at].number;
    struct node_list list;
    node_list_init(&list);
    enum err e = node_list_fetch(&list, client, detail);
    if (e == ERR_OK && list.answered_by > 0 && list.answered_by != number)
        e = errmsg_set(detail, ERR_FOREIGN, "node %llu answers where node %zu should",
                       (unsigned long long)list.answered_by, number);
    if (e == ERR_OK)
        e = check_listed(&list, number, drills, detail);
    for (size_t i = 0; e == ERR_OK && i < count; i++) {
        if (file->nodes[i].record != NODE_LEAVING)
            e = check_listed(&list, file->nodes[i].number, drills, detail);
    }
    // A node that a drill made fail runs, but is not ready before it is recovered.
    bool drilled = e == ERR_OK && !node_entry_up(node_list_find(&list, number));
    node_list_release(&list);
    return e == ERR_OK && !drilled ? check_ready(client, detail) : e;
}

// Why a node's process ended: the last lines that it logged.
static enum err explain_end(const struct cluster *cluster, const struct cluster_file_node *node,
                            struct errmsg *detail)
{
    char path[FILE_PATH_BYTES_MAX];
    struct buf tail;
    buf_init(&tail, ERRMSG_BYTES_MAX * 8);
    enum err e = file_path(path, detail, "%s/node-%u.log", cluster->directory, node->number);
    if (e == ERR_OK) {
        file_tail(&tail, path, 0, LOG_LINES);
        e = errmsg_set(detail, ERR_IO, "node %u ended instead of serving; %s ends with:\n%.*s",
                       node->number, path, (int)tail.length,
                       tail.length > 0 ? (const char *)tail.bytes : "");
    }
    buf_release(&tail);
    return e;
}

enum err cluster_await(struct cluster *cluster, size_t at, size_t count, bool drills,
                       struct errmsg *detail)
{
    const struct cluster_file_node *node = &cluster->file.nodes[at];
    struct client *client = memory_zeroed(1, sizeof *client);
    struct errmsg missing = {0};
    uint64_t end_ms = interrupt_now_ms() + CLUSTER_READY_MS;
    enum err e = cluster_client(cluster, at, PROBE_TIMEOUT_MS, client, detail);
    while (e == ERR_OK) {
        if (interrupt_seen()) {
            e = errmsg_set(detail, ERR_RETRY, "interrupted");
        } else if (!process_running(&node->process)) {
            e = explain_end(cluster, node, detail);
        } else {
            enum err probed = probe(client, &cluster->file, at, count, drills, &missing);
            if (probed == ERR_OK)
                break;
            // Neither gets better by waiting.
            if (probed == ERR_DENIED || probed == ERR_FOREIGN)
                e = errmsg_set(detail, probed, "node %u: %s", node->number, missing.text);
            else if (interrupt_now_ms() >= end_ms)
                e = errmsg_set(detail, ERR_TIMEOUT,
                               "node %u is not ready after %d s: %s (see %.200s/node-%u.log)",
                               node->number, CLUSTER_READY_MS / 1000, missing.text,
                               cluster->directory, node->number);
            else
                interrupt_sleep(POLL_MS);
        }
    }
    client_release(client);
    free(client);
    return e;
}

enum err cluster_stop_nodes(struct cluster *cluster, const bool *chosen, bool *forced,
                            struct errmsg *detail)
{
    CHECK(cluster->lock >= 0);
    uint64_t end_ms = interrupt_now_ms() + CLUSTER_STOP_MS;
    enum err e = ERR_OK;
    for (size_t i = 0; i < cluster->file.node_count; i++) {
        if (chosen[i] && cluster->file.nodes[i].record != NODE_LEAVING)
            cluster->file.nodes[i].record = NODE_STOPPED;
    }
    // Recorded first, so that whoever watches sees an orderly stop and no death.
    enum err saved = cluster_save(cluster, detail);
    for (size_t i = 0; i < cluster->file.node_count; i++) {
        if (chosen[i])
            process_signal(&cluster->file.nodes[i].process, SIGTERM);
    }
    for (size_t i = 0; i < cluster->file.node_count; i++) {
        if (!chosen[i])
            continue;
        uint64_t now_ms = interrupt_now_ms();
        const struct process *process = &cluster->file.nodes[i].process;
        bool ended = process_wait(process, now_ms < end_ms ? end_ms - now_ms : 0);
        if (forced != NULL)
            forced[i] = !ended;
        enum err stopped = ended ? ERR_OK : process_stop(process, 0, NULL, detail);
        e = e == ERR_OK ? stopped : e;
    }
    return e == ERR_OK ? saved : e;
}
