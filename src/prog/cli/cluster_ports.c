#include "cli/cluster_ports.h"

#include "base/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PORT_MAX = 65535, PICK_LEAST = 12000, PICK_MOST = 31999, PICK_TRIES_MAX = 1000 };

enum err cluster_ports_lay_out(struct cluster_file *file, unsigned http_port, unsigned peer_port,
                               struct errmsg *detail)
{
    unsigned count = (unsigned)file->node_count;
    if (http_port + count - 1 > PORT_MAX || peer_port + count - 1 > PORT_MAX)
        return errmsg_set(detail, ERR_INVALID,
                          "%u ports from %u and from %u pass %d: choose lower ones", count,
                          http_port, peer_port, PORT_MAX);
    if (http_port < peer_port + count && peer_port < http_port + count)
        return errmsg_set(detail, ERR_INVALID,
                          "the HTTP ports %u-%u and the peer ports %u-%u overlap", http_port,
                          http_port + count - 1, peer_port, peer_port + count - 1);
    for (unsigned i = 0; i < count; i++) {
        file->nodes[i].http_port = http_port + i;
        file->nodes[i].peer_port = peer_port + i;
    }
    return ERR_OK;
}

// A socket that listens on the loopback port, or -1 with errno.
static int listen_on(unsigned port)
{
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return -1;
    int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    // As a server does it, so that connections that were just closed are not in the way.
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(descriptor, (const struct sockaddr *)&address, sizeof address) == 0 &&
        listen(descriptor, 1) == 0)
        return descriptor;
    int reason = errno;
    close(descriptor);
    errno = reason;
    return -1;
}

enum err cluster_ports_pick(struct cluster_file *file, struct errmsg *detail)
{
    int held[2 * CLUSTER_NODES_MAX];
    size_t count = 0;
    for (size_t tries = 0; tries < PICK_TRIES_MAX && count < 2 * file->node_count; tries++) {
        uint32_t random;
        if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
            break;
        unsigned port = PICK_LEAST + random % (PICK_MOST - PICK_LEAST + 1);
        // All are held until the last is found, so that no two are the same.
        int descriptor = listen_on(port);
        if (descriptor < 0)
            continue;
        struct cluster_file_node *node = &file->nodes[count / 2];
        *(count % 2 == 0 ? &node->http_port : &node->peer_port) = port;
        held[count++] = descriptor;
    }
    bool found = count == 2 * file->node_count;
    while (count > 0)
        close(held[--count]);
    return found ? ERR_OK
                 : errmsg_set(detail, ERR_EXISTS,
                              "no free ports were found: name them with --http-port");
}

static enum err check_port(unsigned port, const char *kind, const char *option, unsigned number,
                           struct errmsg *detail)
{
    int descriptor = listen_on(port);
    if (descriptor >= 0) {
        close(descriptor);
        return ERR_OK;
    }
    if (errno != EADDRINUSE)
        return errmsg_set(detail, ERR_EXISTS,
                          "node %u cannot use %s port %u: %s (choose others with %s)", number, kind,
                          port, strerror(errno), option);
    return errmsg_set(
        detail, ERR_EXISTS,
        "%s port %u, for node %u, is taken by another program: stop that program (see 'ss -ltnp'), "
        "or make a cluster on other ports with %s PORT",
        kind, port, number, option);
}

static bool is_taken(const struct cluster_file *file, size_t at, unsigned port)
{
    for (size_t i = 0; i < file->node_count; i++) {
        if (i != at && (file->nodes[i].http_port == port || file->nodes[i].peer_port == port))
            return true;
    }
    int descriptor = port <= PORT_MAX ? listen_on(port) : -1;
    if (descriptor >= 0)
        close(descriptor);
    return descriptor < 0;
}

// Ports of nodes that are stopped are free, but not to be given away.
static enum err pick_one(struct cluster_file *file, size_t at, struct errmsg *detail)
{
    struct cluster_file *alone = memory_zeroed(1, sizeof *alone);
    alone->node_count = 1;
    enum err e = ERR_OK;
    unsigned tries = 0;
    do {
        e = cluster_ports_pick(alone, detail);
        file->nodes[at].http_port = alone->nodes[0].http_port;
        file->nodes[at].peer_port = alone->nodes[0].peer_port;
    } while (e == ERR_OK && ++tries < PICK_TRIES_MAX &&
             (is_taken(file, at, file->nodes[at].http_port) ||
              is_taken(file, at, file->nodes[at].peer_port)));
    free(alone);
    return e;
}

enum err cluster_ports_add(struct cluster_file *file, size_t at, struct errmsg *detail)
{
    unsigned http_port = 0;
    unsigned peer_port = 0;
    for (size_t i = 0; i < file->node_count; i++) {
        const struct cluster_file_node *node = &file->nodes[i];
        if (i != at && node->http_port >= http_port)
            http_port = node->http_port + 1;
        if (i != at && node->peer_port >= peer_port)
            peer_port = node->peer_port + 1;
    }
    if (http_port == peer_port || is_taken(file, at, http_port) || is_taken(file, at, peer_port))
        return pick_one(file, at, detail);
    file->nodes[at].http_port = http_port;
    file->nodes[at].peer_port = peer_port;
    return ERR_OK;
}

enum err cluster_ports_check(const struct cluster_file_node *node, struct errmsg *detail)
{
    enum err e = check_port(node->http_port, "HTTP", "--http-port", node->number, detail);
    if (e == ERR_OK)
        e = check_port(node->peer_port, "peer", "--peer-port", node->number, detail);
    return e;
}
