#include "rebuild.h"

#include "adapter/file_note.h"
#include "adapter/file_os.h"
#include "adapter/store_directory.h"
#include "base/check.h"
#include "base/log.h"
#include "offline_voter.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTE "rebuild"
#define NOTE_FORMAT "brusio rebuild phase %u number %u old store %" PRIx64 "\n"
#define NOTE_SCAN "brusio rebuild phase %u number %u old store %" SCNx64 "\n"

enum { NOTE_BYTES_MAX = 128, PATH_BYTES_MAX = 4096, ASIDE_MAX = 1000, ASK_INTERVAL_MS = 1000 };

static const char *const stores[] = {"data", "voter"};

enum { STORES = sizeof stores / sizeof *stores };

// --- the file

static enum err open_directory(const struct rebuild *rebuild, struct file_os *out,
                               struct errmsg *detail)
{
    out->directory_fd = open(rebuild->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (out->directory_fd >= 0)
        return ERR_OK;
    return errmsg_set(detail, ERR_IO, "cannot open %s: %s", rebuild->directory, strerror(errno));
}

static enum err note_failure(const struct rebuild *rebuild, const char *doing, enum err error,
                             struct errmsg *detail)
{
    return errmsg_set(detail, error, "cannot %s %s/" NOTE ": %s", doing, rebuild->directory,
                      err_sentence(error));
}

static enum err write_note(struct rebuild *rebuild, enum rebuild_phase phase, struct errmsg *detail)
{
    struct file_os os;
    char text[NOTE_BYTES_MAX];
    enum err error = open_directory(rebuild, &os, detail);
    if (error != ERR_OK)
        return error;
    struct files files = file_os_port(&os);
    int length = snprintf(text, sizeof text, NOTE_FORMAT, (unsigned)phase, rebuild->number,
                          rebuild->old_store_id);
    error = file_note_replace(&files, NOTE, slice_of(text, (size_t)length));
    close(os.directory_fd);
    if (error != ERR_OK)
        return note_failure(rebuild, "write", error, detail);
    rebuild->phase = phase;
    return ERR_OK;
}

static bool parse_note(struct rebuild *rebuild, const struct buf *text)
{
    char line[NOTE_BYTES_MAX + 1] = "";
    char again[NOTE_BYTES_MAX + 1];
    unsigned phase;
    if (text->length > 0)
        memcpy(line, text->bytes, text->length);
    if (sscanf(line, NOTE_SCAN, &phase, &rebuild->number, &rebuild->old_store_id) != 3 ||
        phase <= REBUILD_NONE || phase > REBUILD_DONE)
        return false;
    snprintf(again, sizeof again, NOTE_FORMAT, phase, rebuild->number, rebuild->old_store_id);
    rebuild->phase = (enum rebuild_phase)phase;
    return strcmp(line, again) == 0;
}

// Without a file the phase stays REBUILD_NONE.
static enum err read_note(struct rebuild *rebuild, struct errmsg *detail)
{
    struct file_os os;
    struct buf text;
    enum err error = open_directory(rebuild, &os, detail);
    if (error != ERR_OK)
        return error;
    struct files files = file_os_port(&os);
    buf_init(&text, NOTE_BYTES_MAX);
    error = file_note_read(&files, NOTE, &text);
    close(os.directory_fd);
    if (error == ERR_NOT_FOUND)
        error = ERR_OK;
    else if (error == ERR_TOO_LARGE || (error == ERR_OK && !parse_note(rebuild, &text)))
        error = errmsg_set(detail, ERR_CORRUPT,
                           "%s/" NOTE " is damaged: see whether the old stores are set aside "
                           "(*.damaged-N), then remove it",
                           rebuild->directory);
    else if (error != ERR_OK)
        error = note_failure(rebuild, "read", error, detail);
    buf_release(&text);
    return error;
}

// --- setting aside

static enum err path_of(const struct rebuild *rebuild, const char *store, bool aside,
                        char out[PATH_BYTES_MAX], struct errmsg *detail)
{
    int length = aside ? snprintf(out, PATH_BYTES_MAX, "%s/%s.damaged-%u", rebuild->directory,
                                  store, rebuild->number)
                       : snprintf(out, PATH_BYTES_MAX, "%s/%s", rebuild->directory, store);
    if (length < PATH_BYTES_MAX)
        return ERR_OK;
    return errmsg_set(detail, ERR_TOO_LARGE, "the path of %.200s is too long", rebuild->directory);
}

static bool is_there(const char *path)
{
    struct stat status;
    return lstat(path, &status) == 0;
}

// The lowest number that no store set aside has.
static enum err choose_number(struct rebuild *rebuild, struct errmsg *detail)
{
    for (rebuild->number = 1; rebuild->number <= ASIDE_MAX; rebuild->number++) {
        bool taken = false;
        for (unsigned i = 0; i < STORES; i++) {
            char path[PATH_BYTES_MAX];
            enum err error = path_of(rebuild, stores[i], true, path, detail);
            if (error != ERR_OK)
                return error;
            taken |= is_there(path);
        }
        if (!taken)
            return ERR_OK;
    }
    return errmsg_set(detail, ERR_EXISTS, "%s holds too many stores that were set aside",
                      rebuild->directory);
}

// Nobody may have the store while its directory gets another name.
static enum err set_store_aside(const struct rebuild *rebuild, const char *store,
                                struct errmsg *detail)
{
    char from[PATH_BYTES_MAX];
    char to[PATH_BYTES_MAX];
    struct store_directory locked;
    enum err error = path_of(rebuild, store, false, from, detail);
    if (error == ERR_OK)
        error = path_of(rebuild, store, true, to, detail);
    if (error != ERR_OK || !is_there(from))
        return error;
    error = store_directory_open(from, &locked, detail);
    if (error != ERR_OK)
        return error;
    if (rename(from, to) != 0)
        error = errmsg_set(detail, ERR_IO, "cannot rename %.200s: %s", from, strerror(errno));
    store_directory_close(&locked);
    return error;
}

static enum err set_aside(struct rebuild *rebuild, struct errmsg *detail)
{
    struct file_os os;
    for (unsigned i = 0; i < STORES; i++) {
        enum err error = set_store_aside(rebuild, stores[i], detail);
        if (error != ERR_OK)
            return error;
    }
    enum err error = open_directory(rebuild, &os, detail);
    if (error != ERR_OK)
        return error;
    struct files files = file_os_port(&os);
    error = files.ops->sync_names(files.self);
    close(os.directory_fd);
    if (error != ERR_OK)
        return errmsg_set(detail, error, "cannot sync %s", rebuild->directory);
    return write_note(rebuild, REBUILD_REPLACING, detail);
}

// The new node is let in by a majority of the voters, of which the old one is none any more.
static enum err check_votes(const struct recovery_survivor *old, struct errmsg *detail)
{
    const struct map_node *self = cluster_map_node_of_store(&old->map, old->identity.store_id);
    unsigned voters = node_set_count(old->map.voters);
    if (self == NULL || !node_set_has(old->map.voters, self->id) || voters > 2)
        return ERR_OK;
    return errmsg_set(detail, ERR_ILLEGAL,
                      "node %u alone can admit a node to the cluster, so it cannot join anew. Stop "
                      "the other nodes, let them go on without it (`brusio recover-voters "
                      "--destroyed %u DATA_DIRECTORY...`), and start this one with --join on an "
                      "empty directory",
                      self->id, self->id);
}

// Who this node was; nobody (0) when that cannot be read, which the damage may well be the reason
// of.
static enum err read_old_node(struct rebuild *rebuild, struct errmsg *detail)
{
    struct offline_voter *voter = NULL;
    struct recovery_survivor old = {0};
    struct errmsg reason = {""};
    enum err error = offline_voter_open(rebuild->directory, &voter, &reason);
    if (error == ERR_LOCKED)
        return errmsg_set(detail, error, "%s", reason.text);
    if (error == ERR_OK)
        error = offline_voter_identity(voter, &old.identity, &reason);
    rebuild->old_store_id = error == ERR_OK ? old.identity.store_id : 0;
    if (error != ERR_OK)
        log_line(LOG_WARNING,
                 "rebuild: which node this was cannot be read (%s): once it has joined anew, "
                 "remove the old one with `brusio nodes remove NODE`",
                 reason.text);
    else if (offline_voter_read(voter, &old, &reason) == ERR_OK)
        error = check_votes(&old, detail);
    cluster_map_release(&old.map);
    offline_voter_close(voter);
    return rebuild->old_store_id != 0 ? error : ERR_OK;
}

static enum err begin(struct rebuild *rebuild, struct errmsg *detail)
{
    enum err error = read_old_node(rebuild, detail);
    if (error == ERR_OK)
        error = choose_number(rebuild, detail);
    return error == ERR_OK ? write_note(rebuild, REBUILD_SETTING_ASIDE, detail) : error;
}

enum err rebuild_begin(struct rebuild *rebuild, const char *directory, bool asked,
                       struct errmsg *detail)
{
    *rebuild = (struct rebuild){.directory = directory};
    enum err error = read_note(rebuild, detail);
    if (error != ERR_OK)
        return error;
    if (asked && rebuild->phase >= REBUILD_REPLACING)
        log_line(LOG_WARNING,
                 "rebuild: %s was rebuilt already, and stays as it is; to rebuild it once more, "
                 "remove %s/" NOTE " first",
                 directory, directory);
    if (asked && rebuild->phase == REBUILD_NONE)
        error = begin(rebuild, detail);
    if (error == ERR_OK && rebuild->phase == REBUILD_SETTING_ASIDE) {
        error = set_aside(rebuild, detail);
        if (error == ERR_OK)
            log_line(LOG_WARNING,
                     "rebuild: what was there is kept, as data.damaged-%u and voter.damaged-%u in "
                     "%s; this node joins anew and fetches its data",
                     rebuild->number, rebuild->number, directory);
    }
    return error;
}

// --- replacing the old node

// Slots that nobody but this node has in sync.
static unsigned sole_slots(const struct cluster_map *map, node_id node)
{
    unsigned count = 0;
    for (unsigned i = 0; i < map->keyspace_count; i++)
        for (unsigned slot = 0; slot < SLOTS; slot++)
            count +=
                map_keyspace_slot(&map->keyspaces[i], (uint16_t)slot)->in_sync == node_bit(node);
    return count;
}

static void on_removal(void *context, const struct reply *reply)
{
    struct rebuild *rebuild = context;
    rebuild->asking = false;
    if (reply->error != ERR_OK)
        log_line(LOG_WARNING, "rebuild: node %u, which this was, is not to be removed yet: %s",
                 rebuild->old_node, err_sentence(reply->error));
}

static void ask_removal(struct rebuild *rebuild, struct host *host, uint64_t now_ms)
{
    struct request request = {.kind = REQUEST_CHANGE,
                              .change = {.kind = CHANGE_REMOVE, .node = rebuild->old_node}};
    if (rebuild->asking || now_ms < rebuild->ask_ms)
        return;
    rebuild->asking = true;
    rebuild->ask_ms = now_ms + ASK_INTERVAL_MS;
    host_request(host, &request, on_removal, rebuild);
}

static void tell_leaving(struct rebuild *rebuild, const struct cluster_map *map)
{
    if (rebuild->leaving_told)
        return;
    rebuild->leaving_told = true;
    log_line(LOG_INFO, "rebuild: node %u, which this was, leaves the cluster", rebuild->old_node);
    unsigned sole = sole_slots(map, rebuild->old_node);
    if (sole > 0)
        log_line(LOG_ERROR,
                 "rebuild: nobody but node %u had %u slots in sync: their data is only in "
                 "%s/data.damaged-%u, and node %u stays until they are given up",
                 rebuild->old_node, sole, rebuild->directory, rebuild->number, rebuild->old_node);
}

// Without the old store's id, a node at the same address is most likely what this one was; but that
// is for the operator to say.
static void advise(const struct cluster_map *map, const struct map_node *self)
{
    for (unsigned i = 0; i < map->node_count; i++) {
        const struct map_node *node = &map->nodes[i];
        if (node->id != self->id && strcmp(node->peer_address, self->peer_address) == 0)
            log_line(LOG_WARNING,
                     "rebuild: joined as node %u; node %u has the same address: if that is what "
                     "this node was, remove it with `brusio nodes remove %u`",
                     self->id, node->id, node->id);
    }
}

static void finish(struct rebuild *rebuild, const struct cluster_map *map,
                   const struct map_node *self)
{
    struct errmsg detail = {""};
    if (write_note(rebuild, REBUILD_DONE, &detail) != ERR_OK) {
        log_line(LOG_WARNING, "rebuild: %s", detail.text);
        rebuild->phase = REBUILD_DONE;
    }
    if (rebuild->old_store_id == 0)
        advise(map, self);
    else
        log_line(LOG_INFO,
                 "rebuild: done: node %u is here, and the cluster has no trace left of "
                 "what it was",
                 self->id);
}

void rebuild_watch(struct rebuild *rebuild, struct host *host, uint64_t now_ms)
{
    const struct cluster_map *map = host_map(host);
    if (rebuild->phase != REBUILD_REPLACING || map == NULL)
        return;
    const struct map_node *self = cluster_map_node_of_store(map, host_store_id(host));
    const struct map_node *old = cluster_map_node_of_store(map, rebuild->old_store_id);
    if (self == NULL)
        return;
    if (old == NULL) {
        finish(rebuild, map, self);
        return;
    }
    rebuild->old_node = old->id;
    if (old->leaving)
        tell_leaving(rebuild, map);
    else
        ask_removal(rebuild, host, now_ms);
}
