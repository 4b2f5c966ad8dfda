#include "front/http/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BACKLOG = 1024,
    HOST_BYTES_MAX = 255,
    KEEPALIVE_S = 10,
    VANISHED_MS = 30000,
    UNSENT_BYTES_MAX = 128 << 10
};

// Splits at the last colon and takes brackets off.
static enum err split(const char *address, char host[HOST_BYTES_MAX + 1], const char **port)
{
    const char *colon = strrchr(address, ':');
    if (colon == NULL || colon[1] == 0)
        return ERR_INVALID;
    const char *start = address;
    size_t length = (size_t)(colon - address);
    if (length >= 2 && start[0] == '[' && start[length - 1] == ']') {
        start++;
        length -= 2;
    }
    if (length > HOST_BYTES_MAX)
        return ERR_INVALID;
    memcpy(host, start, length);
    host[length] = 0;
    *port = colon + 1;
    return ERR_OK;
}

// Accepted sockets inherit these. None decides whether a connection works, so failures are let
// pass.
static void set_accepted_options(int fd)
{
    const struct {
        int level;
        int name;
        int value;
    } options[] = {
        // A caller whose machine vanished is noticed, whether or not it is being answered.
        {SOL_SOCKET, SO_KEEPALIVE, 1},
        {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_S},
        {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_S},
        {IPPROTO_TCP, TCP_USER_TIMEOUT, VANISHED_MS},
        // An answer waits here, where it is counted, and not in the operating system.
        {IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_BYTES_MAX},
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        (void)setsockopt(fd, options[i].level, options[i].name, &options[i].value,
                         sizeof options[i].value);
}

static int open_at(const struct addrinfo *place)
{
    int fd = socket(place->ai_family, place->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                    place->ai_protocol);
    if (fd < 0)
        return -1;
    int yes = 1;
    set_accepted_options(fd);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
        bind(fd, place->ai_addr, place->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage place = {0};
    socklen_t length = sizeof place;
    if (getsockname(fd, (struct sockaddr *)&place, &length) != 0)
        return 0;
    if (place.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)&place)->sin6_port);
    return ntohs(((const struct sockaddr_in *)&place)->sin_port);
}

enum err listener_open(const char *address, int *fd, uint16_t *port, struct errmsg *detail)
{
    char host[HOST_BYTES_MAX + 1];
    const char *service;
    *fd = -1;
    if (split(address, host, &service) != ERR_OK)
        return errmsg_set(detail, ERR_INVALID, "cannot listen on \"%s\": write it as host:port",
                          address);
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *places = NULL;
    int problem = getaddrinfo(host[0] == 0 ? NULL : host, service, &hints, &places);
    if (problem != 0)
        return errmsg_set(detail, ERR_NETWORK, "cannot find \"%s\": %s", address,
                          gai_strerror(problem));
    for (const struct addrinfo *place = places; place != NULL && *fd < 0; place = place->ai_next)
        *fd = open_at(place);
    enum err error = ERR_OK;
    if (*fd < 0)
        error =
            errmsg_set(detail, ERR_NETWORK, "cannot listen on %s: %s", address, strerror(errno));
    else
        *port = port_of(*fd);
    freeaddrinfo(places);
    return error;
}
