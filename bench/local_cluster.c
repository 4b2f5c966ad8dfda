#include "local_cluster.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_BYTES_MAX = 4096 };

extern char **environ;

static bool wait_for(pid_t process)
{
    int status;
    pid_t ended;
    do
        ended = waitpid(process, &status, 0);
    while (ended < 0 && errno == EINTR);
    return ended == process && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// Runs a command and waits for its end. What it reports of progress is not shown, its errors are.
static bool run(const char *const *arguments)
{
    pid_t process;
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions) != 0)
        return false;
    bool spawned =
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0) == 0 &&
        posix_spawn(&process, arguments[0], &actions, NULL, (char *const *)(uintptr_t)arguments,
                    environ) == 0;
    posix_spawn_file_actions_destroy(&actions);
    return spawned && wait_for(process);
}

static enum err read_token(struct local_cluster *cluster, struct errmsg *detail)
{
    char path[PATH_BYTES_MAX];
    snprintf(path, sizeof path, "%s/token", cluster->directory);
    FILE *file = fopen(path, "re");
    bool read = file != NULL && fgets(cluster->token, sizeof cluster->token, file) != NULL;
    if (file != NULL)
        fclose(file);
    cluster->token[strcspn(cluster->token, "\n")] = '\0';
    return read ? ERR_OK : errmsg_set(detail, ERR_IO, "cannot read %.300s", path);
}

static enum err read_ports(struct local_cluster *cluster, struct errmsg *detail)
{
    char path[PATH_BYTES_MAX];
    snprintf(path, sizeof path, "%s/cluster.json", cluster->directory);
    json_t *file = json_load_file(path, 0, NULL);
    const json_t *nodes = json_object_get(file, "nodes");
    bool whole = json_array_size(nodes) == LOCAL_CLUSTER_NODES;
    for (size_t i = 0; i < LOCAL_CLUSTER_NODES && whole; i++) {
        const json_t *port = json_object_get(json_array_get(nodes, i), "http_port");
        cluster->ports[i] = (uint16_t)json_integer_value(port);
        whole = cluster->ports[i] > 0;
    }
    json_decref(file);
    return whole ? ERR_OK : errmsg_set(detail, ERR_CORRUPT, "%.300s does not tell the ports", path);
}

enum err local_cluster_start(struct local_cluster *cluster, const char *program,
                             const char *directory, const char *durability, struct errmsg *detail)
{
    char nodes[8];
    snprintf(nodes, sizeof nodes, "%d", LOCAL_CLUSTER_NODES);
    const char *const arguments[] = {program, "cluster",      "start",    "--nodes",
                                     nodes,   "--dir",        directory,  "--http-port",
                                     "0",     "--durability", durability, NULL};
    *cluster = (struct local_cluster){.program = program, .directory = directory};
    if (!run(arguments))
        return errmsg_set(detail, ERR_UNAVAILABLE, "the cluster did not start");
    enum err error = read_token(cluster, detail);
    if (error == ERR_OK)
        error = read_ports(cluster, detail);
    if (error != ERR_OK)
        local_cluster_stop(cluster);
    return error;
}

void local_cluster_stop(const struct local_cluster *cluster)
{
    const char *const arguments[] = {cluster->program, "cluster",          "stop",
                                     "--dir",          cluster->directory, NULL};
    if (!run(arguments))
        fprintf(stderr, "the cluster in %s did not stop\n", cluster->directory);
}
