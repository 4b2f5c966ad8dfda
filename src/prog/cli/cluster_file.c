#include "cli/cluster_file.h"

#include "base/check.h"
#include "cli/file.h"

#include <stdlib.h>

enum { CLUSTER_FILE_VERSION = 1, CLUSTER_FILE_BYTES_MAX = 256 * 1024, PORT_MAX = 65535 };

static const char *const record_names[] = {"running", "stopped", "killed", "leaving"};

static json_t *encode_node(const struct cluster_file_node *node)
{
    return json_pack("{si sI ss sI si si ss}", "node_id", (int)node->number, "pid",
                     (json_int_t)node->process.pid, "boot_id", node->process.boot_id, "start_time",
                     (json_int_t)node->process.start_time, "http_port", (int)node->http_port,
                     "peer_port", (int)node->peer_port, "state", record_names[node->record]);
}

size_t cluster_file_find(const struct cluster_file *file, unsigned number)
{
    size_t at = 0;
    while (at < file->node_count && file->nodes[at].number != number)
        at++;
    return at;
}

size_t cluster_file_insert(struct cluster_file *file, unsigned number)
{
    CHECK(file->node_count < CLUSTER_NODES_MAX);
    size_t at = file->node_count;
    for (; at > 0 && file->nodes[at - 1].number > number; at--)
        file->nodes[at] = file->nodes[at - 1];
    file->nodes[at] = (struct cluster_file_node){.number = number, .record = NODE_STOPPED};
    file->node_count++;
    return at;
}

void cluster_file_remove(struct cluster_file *file, size_t at)
{
    CHECK(at < file->node_count);
    file->node_count--;
    for (; at < file->node_count; at++)
        file->nodes[at] = file->nodes[at + 1];
}

json_t *cluster_file_encode(const struct cluster_file *file)
{
    json_t *nodes = json_array();
    for (size_t i = 0; i < file->node_count; i++)
        json_array_append_new(nodes, encode_node(&file->nodes[i]));
    return json_pack("{si sb ss sI ss so}", "version", CLUSTER_FILE_VERSION, "complete",
                     (int)file->complete, "strategy", file->strategy, "replication_factor",
                     (json_int_t)file->replication_factor, "durability", file->durability, "nodes",
                     nodes);
}

// A string member that fits `text` with its NUL.
static bool get_text(const json_t *object, const char *name, char *text, size_t text_bytes)
{
    const char *value = json_string_value(json_object_get(object, name));
    if (value == NULL || strlen(value) >= text_bytes)
        return false;
    memcpy(text, value, strlen(value) + 1);
    return true;
}

static bool get_number(const json_t *object, const char *name, uint64_t least, uint64_t most,
                       uint64_t *number)
{
    const json_t *value = json_object_get(object, name);
    json_int_t integer = json_integer_value(value);
    if (!json_is_integer(value) || integer < 0 || (uint64_t)integer < least ||
        (uint64_t)integer > most)
        return false;
    *number = (uint64_t)integer;
    return true;
}

static bool decode_node(struct cluster_file_node *node, const json_t *object, unsigned least)
{
    uint64_t id, pid, http_port, peer_port;
    char record[CHOICE_BYTES];
    bool valid = get_number(object, "node_id", least, CLUSTER_NODES_MAX, &id) &&
                 get_number(object, "pid", 0, INT32_MAX, &pid) &&
                 get_number(object, "start_time", 0, INT64_MAX, &node->process.start_time) &&
                 get_text(object, "boot_id", node->process.boot_id, sizeof node->process.boot_id) &&
                 get_number(object, "http_port", 1, PORT_MAX, &http_port) &&
                 get_number(object, "peer_port", 1, PORT_MAX, &peer_port) &&
                 get_text(object, "state", record, sizeof record);
    if (!valid)
        return false;
    node->number = (unsigned)id;
    node->process.pid = (pid_t)pid;
    node->http_port = (unsigned)http_port;
    node->peer_port = (unsigned)peer_port;
    for (size_t i = 0; i < sizeof record_names / sizeof *record_names; i++) {
        if (strcmp(record, record_names[i]) == 0) {
            node->record = (enum node_record)i;
            return true;
        }
    }
    return false;
}

static bool ports_differ(const struct cluster_file *file)
{
    uint8_t *used = memory_zeroed(PORT_MAX + 1, 1);
    bool differ = true;
    for (size_t i = 0; i < file->node_count; i++) {
        differ = differ && used[file->nodes[i].http_port]++ == 0;
        differ = differ && used[file->nodes[i].peer_port]++ == 0;
    }
    free(used);
    return differ;
}

enum err cluster_file_decode(struct cluster_file *file, const json_t *object, struct errmsg *detail)
{
    *file = (struct cluster_file){0};
    uint64_t version;
    const json_t *nodes = json_object_get(object, "nodes");
    if (!get_number(object, "version", 1, INT64_MAX, &version))
        return errmsg_set(detail, ERR_CORRUPT, "it has no version");
    if (version > CLUSTER_FILE_VERSION)
        return errmsg_set(detail, ERR_VERSION, "it was written by a newer version of brusio");
    bool valid =
        get_text(object, "strategy", file->strategy, sizeof file->strategy) &&
        get_text(object, "durability", file->durability, sizeof file->durability) &&
        get_number(object, "replication_factor", 0, UINT32_MAX, &file->replication_factor) &&
        json_array_size(nodes) >= 1 && json_array_size(nodes) <= CLUSTER_NODES_MAX;
    if (!valid)
        return errmsg_set(detail, ERR_CORRUPT, "its settings are damaged");
    file->complete = json_is_true(json_object_get(object, "complete"));
    file->node_count = json_array_size(nodes);
    for (size_t i = 0; i < file->node_count; i++) {
        unsigned least = i > 0 ? file->nodes[i - 1].number + 1 : 1;
        if (!decode_node(&file->nodes[i], json_array_get(nodes, i), least))
            return errmsg_set(detail, ERR_CORRUPT, "its node %zu is damaged", i + 1);
    }
    return ports_differ(file) ? ERR_OK
                              : errmsg_set(detail, ERR_CORRUPT, "two of its ports are equal");
}

enum err cluster_file_load(struct cluster_file *file, const char *directory, struct errmsg *detail)
{
    char path[FILE_PATH_BYTES_MAX];
    struct buf bytes;
    buf_init(&bytes, CLUSTER_FILE_BYTES_MAX);
    json_t *object = NULL;
    enum err e = file_path(path, detail, "%s/cluster.json", directory);
    if (e != ERR_OK)
        goto done;
    e = file_read(&bytes, path, detail);
    if (e == ERR_NOT_FOUND)
        errmsg_set(detail, e,
                   "%s holds no cluster (make one: brusio cluster start --nodes 3 --dir %s)",
                   directory, directory);
    if (e != ERR_OK)
        goto done;
    object = json_loadb((const char *)bytes.bytes, bytes.length, 0, NULL);
    struct errmsg why = {"it is not JSON"};
    e = object != NULL ? cluster_file_decode(file, object, &why) : ERR_CORRUPT;
    if (e != ERR_OK)
        errmsg_set(detail, e, "%s cannot be used: %s", path, why.text);
done:
    json_decref(object);
    buf_release(&bytes);
    return e;
}

enum err cluster_file_save(const struct cluster_file *file, const char *directory,
                           struct errmsg *detail)
{
    char path[FILE_PATH_BYTES_MAX];
    enum err e = file_path(path, detail, "%s/cluster.json", directory);
    if (e != ERR_OK)
        return e;
    json_t *object = cluster_file_encode(file);
    CHECK(object != NULL);
    char *text = json_dumps(object, JSON_INDENT(2));
    struct buf bytes;
    buf_init(&bytes, CLUSTER_FILE_BYTES_MAX);
    buf_append_slice(&bytes, slice_of_text(text));
    buf_append_u8(&bytes, '\n');
    CHECK(!bytes.overflown);
    e = file_write(path, buf_slice(&bytes), 0600, detail);
    buf_release(&bytes);
    free(text);
    json_decref(object);
    return e;
}
