#include "base/check.h"
#include "cli/cluster_commands.h"
#include "cli/cluster_start.h"
#include "cli/cluster_watch.h"
#include "cli/interrupt.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void print_started(const struct session *session, const struct cluster *cluster)
{
    cluster_commands_print(session, cluster);
    if (session->output.json)
        return;
    printf("\nEvery node serves. The token is in ");
    output_printable(stdout, slice_of_text(cluster->directory));
    printf("/token; try:\n  brusio --dir ");
    output_printable(stdout, slice_of_text(cluster->directory));
    printf(" put greeting hello\n");
}

// New or again: whichever the directory holds. The lock is held.
static enum exit_code start_locked(const struct session *session, struct cluster *cluster)
{
    struct errmsg detail = {0};
    enum err e;
    if (cluster_start_exists(cluster)) {
        e = cluster_load(cluster, &detail);
        if (e == ERR_OK) {
            e = cluster_start_compare(cluster, &session->options, &detail);
            if (e == ERR_MISMATCH)
                return session_usage(session, "%s", detail.text);
        }
        if (e == ERR_OK)
            e = cluster_start_again(cluster, session, &detail);
    } else {
        e = cluster_start_new(cluster, session, &detail);
        if (e == ERR_INVALID)
            return session_usage(session, "%s", detail.text);
    }
    return e == ERR_OK ? EXIT_CODE_OK : session_fail(session, e, &detail);
}

static enum exit_code run(const struct session *session, struct cluster *cluster)
{
    struct errmsg detail = {0};
    enum err e = cluster_lock(cluster, &detail);
    if (e != ERR_OK)
        return session_fail(session, e, &detail);
    enum exit_code code = start_locked(session, cluster);
    cluster_unlock(cluster);
    if (code != EXIT_CODE_OK)
        return code;
    print_started(session, cluster);
    if (!options_have(&session->options, OPTION_FOREGROUND))
        return session_finish(session);
    if (!session->output.json)
        printf("Ctrl-C stops all nodes.\n");
    fflush(stdout);
    e = cluster_watch(cluster, session, &detail);
    return e == ERR_OK ? EXIT_CODE_OK : session_fail(session, e, &detail);
}

enum exit_code cluster_start_command(struct session *session)
{
    const char *directory = session->options.text[OPTION_DIR];
    directory = directory != NULL ? directory : getenv("BRUSIO_DIR");
    if (directory == NULL || directory[0] == '\0')
        return session_usage(session, "name the cluster's directory with --dir DIR");
    bool made = mkdir(directory, 0700) == 0;
    struct errmsg detail = {0};
    if (!made && errno != EEXIST) {
        errmsg_set(&detail, ERR_IO, "cannot make the directory %.300s: %s", directory,
                   strerror(errno));
        return session_fail(session, ERR_IO, &detail);
    }
    interrupt_init();
    struct cluster *cluster = memory_zeroed(1, sizeof *cluster);
    enum err e = cluster_init(cluster, directory, &detail);
    enum exit_code code = e == ERR_OK ? run(session, cluster) : session_fail(session, e, &detail);
    free(cluster);
    // Only an empty one goes: a start that came to nothing leaves nothing but logs.
    if (made && code != EXIT_CODE_OK)
        rmdir(directory);
    return code;
}
