// Any JSON is a valid description of a local cluster, which is written as JSON that is read as the
// same, or an error with a sentence.
#include "base/check.h"
#include "cli/cluster_file.h"

static void check_file(const struct cluster_file *file)
{
    CHECK(file->node_count >= 1 && file->node_count <= CLUSTER_NODES_MAX);
    for (size_t i = 0; i < file->node_count; i++) {
        const struct cluster_file_node *node = &file->nodes[i];
        CHECK(node->number >= 1 && node->number <= CLUSTER_NODES_MAX);
        CHECK(i == 0 || node->number > file->nodes[i - 1].number);
        CHECK(node->http_port >= 1 && node->http_port <= 65535 && node->peer_port >= 1);
        CHECK(node->peer_port <= 65535 && node->http_port != node->peer_port);
        for (size_t other = 0; other < i; other++)
            CHECK(file->nodes[other].http_port != node->http_port &&
                  file->nodes[other].peer_port != node->peer_port);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static struct cluster_file file;
    static struct cluster_file again;
    struct errmsg detail = {""};
    json_t *object = json_loadb((const char *)bytes, length, JSON_ALLOW_NUL, NULL);
    if (object == NULL)
        return 0;
    if (cluster_file_decode(&file, object, &detail) != ERR_OK) {
        CHECK(detail.text[0] != '\0');
    } else {
        check_file(&file);
        json_t *written = cluster_file_encode(&file);
        CHECK(written != NULL && cluster_file_decode(&again, written, &detail) == ERR_OK);
        json_t *rewritten = cluster_file_encode(&again);
        CHECK(json_equal(written, rewritten));
        json_decref(written);
        json_decref(rewritten);
    }
    json_decref(object);
    return 0;
}
