#include "cli/cluster_watch.h"

#include "base/check.h"
#include "cli/interrupt.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum { WATCH_POLL_MS = 250, HOW_BYTES = 32 };

// What was last seen of a node.
struct watched {
    bool known; // there is such a node
    struct process process;
    bool running;
};

static void tell(const struct session *session, unsigned number, const char *event, const char *how)
{
    if (session->output.json)
        output_json(json_pack("{ss si ss}", "event", event, "node_id", (int)number, "how", how));
    else
        printf("node %u %s%s%s\n", number, event, how[0] != '\0' ? ": " : "", how);
    fflush(stdout);
}

static void look_at(const struct session *session, struct watched *watched,
                    const struct cluster_file_node *node)
{
    char how[HOW_BYTES] = "";
    bool running = process_running(&node->process);
    bool same = node->process.pid == watched->process.pid &&
                node->process.start_time == watched->process.start_time;
    bool reaped = process_reap(&watched->process, how, sizeof how);
    // Of one that leaves, only that it was removed is told.
    if (watched->running && (!same || !running) && node->record != NODE_LEAVING) {
        if (node->record == NODE_RUNNING && same)
            tell(session, node->number, "ended by itself", reaped ? how : "");
        else
            tell(session, node->number, node->record == NODE_KILLED ? "was killed" : "was stopped",
                 "");
    }
    if (running && (!same || !watched->running))
        tell(session, node->number, "runs again", "");
    watched->process = node->process;
    watched->running = running;
}

// Looks at every number that a node can have.
static void look_at_all(const struct session *session, struct watched *watched,
                        const struct cluster_file *file)
{
    char how[HOW_BYTES];
    for (unsigned number = 1; number <= CLUSTER_NODES_MAX; number++) {
        struct watched *one = &watched[number];
        size_t at = cluster_file_find(file, number);
        if (at == file->node_count) {
            if (one->known) {
                process_reap(&one->process, how, sizeof how);
                tell(session, number, "was removed", "");
            }
            *one = (struct watched){0};
            continue;
        }
        if (!one->known) {
            *one = (struct watched){.known = true, .process = file->nodes[at].process};
            one->running = process_running(&one->process);
            tell(session, number, "was added", "");
        }
        look_at(session, one, &file->nodes[at]);
    }
}

// Every node was stopped in order, by another command.
static bool all_stopped(const struct cluster_file *file)
{
    for (size_t i = 0; i < file->node_count; i++) {
        enum node_record record = file->nodes[i].record;
        if ((record != NODE_STOPPED && record != NODE_LEAVING) ||
            process_running(&file->nodes[i].process))
            return false;
    }
    return true;
}

static enum err stop_all(struct cluster *cluster, const struct session *session,
                         struct errmsg *detail)
{
    bool all[CLUSTER_NODES_MAX];
    bool forced[CLUSTER_NODES_MAX] = {0};
    memset(all, true, sizeof all);
    interrupt_clear();
    if (!session->output.json)
        printf("stopping all nodes\n");
    enum err e = cluster_lock(cluster, detail);
    if (e != ERR_OK)
        return e;
    // What another command did since the last look counts; when the file is gone, what was seen
    // last does.
    struct cluster_file *latest = memory_zeroed(1, sizeof *latest);
    if (cluster_file_load(latest, cluster->directory, NULL) == ERR_OK)
        cluster->file = *latest;
    free(latest);
    e = cluster_stop_nodes(cluster, all, forced, detail);
    for (size_t i = 0; e == ERR_OK && i < cluster->file.node_count; i++)
        tell(session, cluster->file.nodes[i].number,
             forced[i] ? "was killed: it did not stop" : "stopped", "");
    cluster_unlock(cluster);
    return e;
}

enum err cluster_watch(struct cluster *cluster, const struct session *session,
                       struct errmsg *detail)
{
    struct watched watched[CLUSTER_NODES_MAX + 1] = {0}; // by number
    struct cluster_file *latest = memory_zeroed(1, sizeof *latest);
    enum err e = ERR_OK;
    // A reader of our output that goes away must not take the nodes' keeper with it.
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < cluster->file.node_count; i++)
        watched[cluster->file.nodes[i].number] = (struct watched){
            .known = true, .process = cluster->file.nodes[i].process, .running = true};
    for (;;) {
        if (interrupt_seen()) {
            e = stop_all(cluster, session, detail);
            break;
        }
        if (cluster_file_load(latest, cluster->directory, NULL) == ERR_OK)
            cluster->file = *latest;
        look_at_all(session, watched, &cluster->file);
        if (all_stopped(&cluster->file))
            break;
        interrupt_sleep(WATCH_POLL_MS);
    }
    free(latest);
    return e;
}
