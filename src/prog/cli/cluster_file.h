// The file cluster.json of a local cluster's directory: which nodes it has, and what was asked when
// it was made.
//
// Promise: it is replaced atomically. What is read is checked whole: any bytes give a valid file or
// an error.
//
// Invariants
//  1. Node numbers are 1 to CLUSTER_NODES_MAX, each at most once, ascending. They are the ids that
//     the cluster gave; numbers of nodes that were removed are missing until they are given again.
//  2. Ports are 1 to 65535, and no two are equal.
//
// The directory also holds token and key (both for the owner alone), and of each node node-N/ and
// node-N.log.
#ifndef BRUSIO_PROG_CLI_CLUSTER_FILE_H
#define BRUSIO_PROG_CLI_CLUSTER_FILE_H

#include "cli/options.h"
#include "cli/process.h"

#include <jansson.h>

enum { CHOICE_BYTES = 16 };

// As last recorded: running (it may have died since), stopped in order, killed on request, or being
// removed from the cluster, whether it runs or not.
enum node_record { NODE_RUNNING, NODE_STOPPED, NODE_KILLED, NODE_LEAVING };

struct cluster_file_node {
    unsigned number;
    unsigned http_port;
    unsigned peer_port;
    enum node_record record;
    struct process process; // the last one
};

struct cluster_file {
    bool complete; // every node has joined
    char strategy[CHOICE_BYTES];
    uint64_t replication_factor; // 0 when none was asked for
    char durability[CHOICE_BYTES];
    size_t node_count;
    struct cluster_file_node nodes[CLUSTER_NODES_MAX];
};

// The place of the node `number`, node_count when there is none.
size_t cluster_file_find(const struct cluster_file *file, unsigned number);

// Makes a place for the node `number`, which is not there, and gives it; there is room. And undoes
// it.
size_t cluster_file_insert(struct cluster_file *file, unsigned number);
void cluster_file_remove(struct cluster_file *file, size_t at);

// ERR_NOT_FOUND when the directory holds no cluster, ERR_CORRUPT when the file is damaged.
WARN_UNUSED enum err cluster_file_load(struct cluster_file *file, const char *directory,
                                       struct errmsg *detail);
WARN_UNUSED enum err cluster_file_save(const struct cluster_file *file, const char *directory,
                                       struct errmsg *detail);

// The file's content as JSON, given to the caller, and back.
json_t *cluster_file_encode(const struct cluster_file *file);
WARN_UNUSED enum err cluster_file_decode(struct cluster_file *file, const json_t *object,
                                         struct errmsg *detail);

#endif
