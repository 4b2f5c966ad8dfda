#include "recover_voters.h"

#include "base/check.h"
#include "offline_voter.h"

#include <stdlib.h>
#include <unistd.h>

enum { NODES_TEXT_BYTES = 256, LOSSES_TEXT_BYTES = 300, ANSWER_BYTES = 16, NODE_ID_DIGITS = 3 };

struct rescue {
    const struct session *session;
    struct recovery_request request;
    struct recovery_survivor *survivors;
    struct offline_voter *voters[NODES_MAX];
    struct recovery recovery;
};

// "1, 2 and 5"; "none" for nobody.
static const char *nodes_text(node_set nodes, char out[NODES_TEXT_BYTES])
{
    size_t length = 0;
    unsigned left = node_set_count(nodes);
    snprintf(out, NODES_TEXT_BYTES, "none");
    for (node_id id = node_set_first(nodes); id != NODE_NONE; id = node_set_after(nodes, id)) {
        left--;
        length += (size_t)snprintf(out + length, NODES_TEXT_BYTES - length, "%u%s", id,
                                   left > 1    ? ", "
                                   : left == 1 ? " and "
                                               : "");
        CHECK(length < NODES_TEXT_BYTES);
    }
    return out;
}

// "1,2,5" as a set of nodes.
static bool parse_nodes(const char *text, node_set *out)
{
    *out = 0;
    for (;;) {
        char number[NODE_ID_DIGITS + 1] = "";
        uint64_t id;
        size_t length = strcspn(text, ",");
        if (length > NODE_ID_DIGITS)
            return false;
        memcpy(number, text, length);
        if (!options_number(number, 1, NODES_MAX, &id))
            return false;
        *out |= node_bit((node_id)id);
        if (text[length] == '\0')
            return true;
        text += length + 1;
    }
}

static enum err open_survivors(struct rescue *rescue, struct errmsg *detail)
{
    const struct session *session = rescue->session;
    for (unsigned i = 0; i < session->word_count; i++) {
        enum err error = offline_voter_open(session->words[i], &rescue->voters[i], detail);
        if (error == ERR_OK)
            error = offline_voter_read(rescue->voters[i], &rescue->survivors[i], detail);
        if (error != ERR_OK)
            return error;
        rescue->request.survivor_count++;
    }
    return ERR_OK;
}

// --- what cannot be done

static const char *losses_text(const struct recovery *recovery, char out[LOSSES_TEXT_BYTES])
{
    size_t length = 0;
    out[0] = '\0';
    for (unsigned i = 0; i < recovery->map.keyspace_count && length < LOSSES_TEXT_BYTES; i++)
        if (recovery->lost_slots[i] > 0)
            length += (size_t)snprintf(out + length, LOSSES_TEXT_BYTES - length,
                                       "%s%u of %u in keyspace '%s'", length > 0 ? ", " : "",
                                       recovery->lost_slots[i], SLOTS,
                                       recovery->map.keyspaces[i].keyspace.name);
    return out;
}

static enum err describe_survivor(const struct rescue *rescue, struct errmsg *detail)
{
    const char *directory = rescue->session->words[rescue->recovery.survivor];
    switch (rescue->recovery.verdict) {
    case RECOVERY_FOREIGN:
        return errmsg_set(detail, ERR_FOREIGN, "%.200s is of another cluster than the others",
                          directory);
    case RECOVERY_REPEATED:
        return errmsg_set(detail, ERR_INVALID,
                          "%.200s is a copy of another directory that was given: give each node "
                          "once",
                          directory);
    case RECOVERY_DIVIDED:
        return errmsg_set(detail, ERR_FOREIGN,
                          "%.200s has another map of the same epoch than a directory before it: "
                          "two parts of the cluster were recovered apart. Choose one part, and let "
                          "the nodes of the other join it anew",
                          directory);
    case RECOVERY_STRANGER:
        return errmsg_set(detail, ERR_FOREIGN,
                          "the node in %.200s is no member of the cluster by its newest map: leave "
                          "it out",
                          directory);
    default:
        return errmsg_set(detail, ERR_FOREIGN,
                          "%.200s is an old copy: the node was started again since. Give its own "
                          "directory, or attest that the node is destroyed",
                          directory);
    }
}

static enum err describe(const struct rescue *rescue, struct errmsg *detail)
{
    const struct recovery *recovery = &rescue->recovery;
    char nodes[NODES_TEXT_BYTES];
    char losses[LOSSES_TEXT_BYTES];
    nodes_text(recovery->nodes, nodes);
    switch (recovery->verdict) {
    case RECOVERY_UNKNOWN:
        return errmsg_set(detail, ERR_NOT_FOUND, "the cluster has no node %s", nodes);
    case RECOVERY_PRESENT:
        return errmsg_set(detail, ERR_INVALID,
                          "node %s cannot be destroyed: its data directory was given", nodes);
    case RECOVERY_MISSING:
        return errmsg_set(
            detail, ERR_ILLEGAL,
            "a voter is missing: node %s. Give its data directory, or attest with --destroyed "
            "that it is lost for ever",
            nodes);
    case RECOVERY_LOSS:
        return errmsg_set(detail, ERR_ILLEGAL,
                          "no survivor has the data of these slots: %s. Bring back one of the "
                          "nodes that had them, or give them up with --accept-loss",
                          losses_text(recovery, losses));
    case RECOVERY_EXHAUSTED:
        return errmsg_set(detail, ERR_TOO_LARGE, "the cluster's epochs are used up");
    default:
        return describe_survivor(rescue, detail);
    }
}

// --- what was found, and the plan

static void print_found(const struct rescue *rescue)
{
    static const char *const titles[] = {">NODE",  "DIRECTORY", ">GENERATION",
                                         ">EPOCH", "VOTER",     "HAS ACCEPTED"};
    const struct cluster_map *taken = &rescue->recovery.taken;
    struct grid grid;
    grid_init(&grid, sizeof titles / sizeof *titles, titles);
    for (unsigned i = 0; i < rescue->request.survivor_count; i++) {
        const struct recovery_survivor *survivor = &rescue->survivors[i];
        const struct map_node *node = cluster_map_node_of_store(taken, survivor->identity.store_id);
        bool accepted = survivor->acceptor.accepted.counter != 0 &&
                        survivor->acceptor.base_epoch == survivor->map.epoch;
        grid_add(&grid, COLOR_NONE, "%u", node->id);
        grid_add_bytes(&grid, slice_of_text(rescue->session->words[i]));
        grid_add(&grid, COLOR_NONE, "%llu", (unsigned long long)survivor->map.generation);
        grid_add(&grid, COLOR_NONE, "%llu", (unsigned long long)survivor->map.epoch);
        grid_add(&grid, COLOR_NONE, "%s", node_set_has(taken->voters, node->id) ? "yes" : "no");
        if (accepted)
            grid_add(&grid, COLOR_NONE, "epoch %llu",
                     (unsigned long long)survivor->acceptor.base_epoch + 1);
        else
            grid_add(&grid, COLOR_DIM, "nothing");
    }
    grid_print(&grid, &rescue->session->output);
    grid_release(&grid);
}

static void print_plan(const struct rescue *rescue)
{
    const struct recovery *recovery = &rescue->recovery;
    const struct cluster_map *taken = &recovery->taken;
    const struct cluster_map *map = &recovery->map;
    char nodes[NODES_TEXT_BYTES];
    printf("\nNewest map: generation %llu, epoch %llu%s; voters: %s.\n",
           (unsigned long long)taken->generation, (unsigned long long)taken->epoch,
           recovery->taken_was_accepted ? " (accepted by a survivor)" : "",
           nodes_text(taken->voters, nodes));
    printf("Destroyed, as you attest: %s.\n", nodes_text(rescue->request.destroyed, nodes));
    printf("New map: generation %llu, epoch %llu; ", (unsigned long long)map->generation,
           (unsigned long long)map->epoch);
    printf("nodes: %s; ", nodes_text(cluster_map_members(map), nodes));
    printf("voters: %s.\n", nodes_text(map->voters, nodes));
    if (recovery->absent != 0)
        printf("Not given, and not destroyed: node %s. If it knows of a newer map, writes of that "
               "time are lost.\n",
               nodes_text(recovery->absent, nodes));
    printf("A write is lost if only destroyed nodes had acknowledged it. A destroyed node must "
           "never be started on its old data again.\n");
}

// A loss is said wherever people look, whether they asked for JSON or not.
static void warn_of_loss(const struct rescue *rescue)
{
    char losses[LOSSES_TEXT_BYTES];
    if (rescue->recovery.lost_total > 0)
        fprintf(stderr, "brusio: LOSS ACCEPTED: no survivor has the data of these slots: %s\n",
                losses_text(&rescue->recovery, losses));
}

static bool is_agreed(const struct rescue *rescue)
{
    const struct session *session = rescue->session;
    char answer[ANSWER_BYTES] = "";
    if (options_have(&session->options, OPTION_YES))
        return true;
    if (session->output.json || isatty(STDIN_FILENO) != 1)
        return false;
    printf("Write the new map (voter stores: %u)? Type 'yes': ", rescue->request.survivor_count);
    fflush(stdout);
    return fgets(answer, sizeof answer, stdin) != NULL && strcmp(answer, "yes\n") == 0;
}

// --- doing it

static enum err write_all(struct rescue *rescue, struct errmsg *detail)
{
    for (unsigned i = 0; i < rescue->request.survivor_count; i++) {
        struct errmsg reason = {""};
        enum err error = offline_voter_write(rescue->voters[i], &rescue->recovery.map, &reason);
        if (error != ERR_OK)
            return errmsg_set(detail, error,
                              "%.350s. Start NO node before this command has "
                              "succeeded: mend it, and run it again",
                              reason.text);
    }
    return ERR_OK;
}

static json_t *nodes_json(node_set nodes)
{
    json_t *array = json_array();
    for (node_id id = node_set_first(nodes); id != NODE_NONE; id = node_set_after(nodes, id))
        json_array_append_new(array, json_integer(id));
    return array;
}

static void print_done(const struct rescue *rescue)
{
    const struct recovery *recovery = &rescue->recovery;
    const struct cluster_map *map = &recovery->map;
    if (rescue->session->output.json) {
        output_json(json_pack(
            "{ss sI sI so so sI}", "status", "success", "generation", (json_int_t)map->generation,
            "epoch", (json_int_t)map->epoch, "voters", nodes_json(map->voters), "nodes",
            nodes_json(cluster_map_members(map)), "lost_slots", (json_int_t)recovery->lost_total));
        return;
    }
    printf("\nWritten (voter stores: %u). Copies belong back in their data directories.\n"
           "Now start these nodes as ever; they serve once a lease of %u ms is over. New nodes can "
           "then join, on empty directories.\n",
           rescue->request.survivor_count, map->lease_ms);
}

static enum exit_code plan_and_write(struct rescue *rescue)
{
    const struct session *session = rescue->session;
    struct errmsg detail = {""};
    enum err error = open_survivors(rescue, &detail);
    if (error != ERR_OK)
        return session_fail(session, error, &detail);
    recovery_compute(&rescue->request, &rescue->recovery);
    if (rescue->recovery.present != 0 && rescue->recovery.map.epoch != 0 && !session->output.json) {
        print_found(rescue);
        print_plan(rescue);
    }
    if (rescue->recovery.verdict != RECOVERY_OK)
        return session_fail(session, describe(rescue, &detail), &detail);
    warn_of_loss(rescue);
    if (!is_agreed(rescue))
        return session_fail(session, ERR_INVALID,
                            &(struct errmsg){"nothing was written: it takes your 'yes', or --yes"});
    error = write_all(rescue, &detail);
    if (error != ERR_OK)
        return session_fail(session, error, &detail);
    print_done(rescue);
    return session_finish(session);
}

enum exit_code recover_voters_command(struct session *session)
{
    const struct options *options = &session->options;
    node_set destroyed;
    if (!options_have(options, OPTION_DESTROYED))
        return session_usage(session, "--destroyed must name the nodes that are lost for ever");
    if (!parse_nodes(options->text[OPTION_DESTROYED], &destroyed))
        return session_usage(session, "--destroyed takes node numbers, such as 2,3: not '%s'",
                             options->text[OPTION_DESTROYED]);
    struct rescue *rescue = memory_zeroed(1, sizeof *rescue);
    rescue->session = session;
    rescue->survivors = memory_zeroed(session->word_count, sizeof *rescue->survivors);
    rescue->request =
        (struct recovery_request){.survivors = rescue->survivors,
                                  .destroyed = destroyed,
                                  .accept_loss = options_have(options, OPTION_ACCEPT_LOSS)};
    enum exit_code code = plan_and_write(rescue);
    recovery_release(&rescue->recovery);
    for (unsigned i = 0; i < session->word_count; i++) {
        cluster_map_release(&rescue->survivors[i].map);
        offline_voter_close(rescue->voters[i]);
    }
    free(rescue->survivors);
    free(rescue);
    return code;
}
