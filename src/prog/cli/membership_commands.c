#include "cli/membership_commands.h"

#include "cli/membership.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum exit_code nodes_add_command(struct session *session)
{
    const char *address = session->words[0];
    if (!membership_is_address(address))
        return session_usage(session,
                             "'%s' is not where a new node could listen for others: give "
                             "HOST:PORT, with a host that they can reach",
                             address);
    struct errmsg detail = {0};
    enum err e =
        membership_add(session, address, options_have(&session->options, OPTION_NO_WAIT), &detail);
    return e == ERR_OK ? session_finish(session) : session_fail(session, e, &detail);
}

// Asks on a terminal; elsewhere whoever wrote the command meant it.
static bool confirmed(const struct session *session, uint64_t id)
{
    char line[16] = "";
    if (options_have(&session->options, OPTION_YES) || session->output.json ||
        !session->output.terminal || isatty(STDIN_FILENO) != 1)
        return true;
    printf("Remove node %llu from the cluster for good? Its process ends, and its data are of no "
           "use any more. [y/N] ",
           (unsigned long long)id);
    fflush(stdout);
    if (fgets(line, sizeof line, stdin) == NULL)
        return false;
    line[strcspn(line, "\n")] = '\0';
    return strcmp(line, "y") == 0 || strcmp(line, "Y") == 0 || strcmp(line, "yes") == 0;
}

enum exit_code nodes_remove_command(struct session *session)
{
    uint64_t id;
    struct errmsg detail = {0};
    if (!options_number(session->words[0], 0, INT64_MAX, &id))
        return session_usage(session, "'%s' is not a node's number", session->words[0]);
    if (!confirmed(session, id)) {
        printf("nothing was changed\n");
        return EXIT_CODE_FAILED;
    }
    enum err e =
        membership_remove(session, id, options_have(&session->options, OPTION_NO_WAIT), &detail);
    return e == ERR_OK ? session_finish(session) : session_fail(session, e, &detail);
}
