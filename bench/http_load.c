#include "http_load.h"

#include "base/check.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_TIMEOUT_MS = 120000, STATUS_AT = 9, STATUS_BYTES = 3, STATUS_REFUSED = 300 };

struct answer {
    unsigned status;
    struct slice body;
};

// One run of requests.
struct run {
    struct http_load *load;
    http_load_next *next;
    void *context;
    struct buf request;
    uint64_t operations;
    uint64_t begun;
    uint64_t ended;
    uint64_t *latencies_ns;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

// --- connections

static int connect_to(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 &&
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

enum err http_load_open(struct http_load *load, const uint16_t *ports, size_t port_count,
                        size_t connection_count, struct errmsg *detail)
{
    CHECK(connection_count <= HTTP_LOAD_CONNECTIONS_MAX && port_count > 0);
    load->connection_count = 0;
    load->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    CHECK(load->epoll_fd >= 0);
    for (size_t i = 0; i < connection_count; i++) {
        struct http_load_connection *connection = &load->connections[i];
        struct epoll_event interest = {.events = EPOLLIN, .data = {.ptr = connection}};
        connection->fd = connect_to(ports[i % port_count]);
        if (connection->fd < 0) {
            enum err error = errmsg_set(detail, ERR_NETWORK, "cannot connect to port %u: %s",
                                        ports[i % port_count], strerror(errno));
            http_load_close(load);
            return error;
        }
        load->connection_count++;
        CHECK(epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, connection->fd, &interest) == 0);
    }
    return ERR_OK;
}

void http_load_close(struct http_load *load)
{
    for (size_t i = 0; i < load->connection_count; i++)
        close(load->connections[i].fd);
    close(load->epoll_fd);
    load->connection_count = 0;
}

// --- one request and its answer

// The socket's buffer is empty, for the former answer has come, so it takes a request whole.
static enum err send_request(struct http_load_connection *connection, struct slice request,
                             struct errmsg *detail)
{
    connection->answer_bytes = 0;
    connection->begun_ns = now_ns();
    ssize_t sent = send(connection->fd, request.bytes, request.length, MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent == (ssize_t)request.length
               ? ERR_OK
               : errmsg_set(detail, ERR_NETWORK, "a request could not be sent: %s",
                            strerror(errno));
}

static size_t content_length(const char *head, size_t head_bytes)
{
    static const char name[] = "\r\nContent-Length: ";
    const char *found = memmem(head, head_bytes, name, sizeof name - 1);
    return found == NULL ? 0 : (size_t)strtoull(found + sizeof name - 1, NULL, 10);
}

// ERR_RETRY while the answer is not whole.
static enum err parse_answer(const struct http_load_connection *connection, struct answer *out)
{
    const char *text = (const char *)connection->answer;
    const char *end = memmem(text, connection->answer_bytes, "\r\n\r\n", 4);
    if (end == NULL)
        return connection->answer_bytes < sizeof connection->answer ? ERR_RETRY : ERR_TOO_LARGE;
    size_t head_bytes = (size_t)(end - text) + 4;
    if (head_bytes < STATUS_AT + STATUS_BYTES || memcmp(text, "HTTP/1.1 ", STATUS_AT) != 0)
        return ERR_INVALID;
    size_t body_bytes = content_length(text, head_bytes);
    if (body_bytes > sizeof connection->answer - head_bytes)
        return ERR_TOO_LARGE;
    if (connection->answer_bytes < head_bytes + body_bytes)
        return ERR_RETRY;
    out->status = (unsigned)strtoul(text + STATUS_AT, NULL, 10);
    out->body = slice_of(text + head_bytes, body_bytes);
    return connection->answer_bytes == head_bytes + body_bytes ? ERR_OK : ERR_INVALID;
}

// Takes what has come. ERR_RETRY while the answer is not whole.
static enum err receive_answer(struct http_load_connection *connection, struct slice *body,
                               struct errmsg *detail)
{
    size_t room = sizeof connection->answer - connection->answer_bytes;
    ssize_t length =
        recv(connection->fd, connection->answer + connection->answer_bytes, room, MSG_DONTWAIT);
    if (length < 0 && errno == EAGAIN)
        return ERR_RETRY;
    if (length <= 0)
        return errmsg_set(detail, ERR_NETWORK, "a connection was lost: %s",
                          length == 0 ? "closed by the node" : strerror(errno));
    connection->answer_bytes += (size_t)length;
    struct answer answer;
    enum err error = parse_answer(connection, &answer);
    if (error == ERR_RETRY)
        return ERR_RETRY;
    if (error != ERR_OK)
        return errmsg_set(detail, error, "an answer cannot be understood");
    if (answer.status >= STATUS_REFUSED)
        return errmsg_set(detail, ERR_UNAVAILABLE, "a request was answered with %u: %.*s",
                          answer.status, (int)answer.body.length, (const char *)answer.body.bytes);
    *body = answer.body;
    return ERR_OK;
}

static enum err await(struct http_load *load, struct epoll_event *events, int *count,
                      struct errmsg *detail)
{
    *count = epoll_wait(load->epoll_fd, events, HTTP_LOAD_CONNECTIONS_MAX, ANSWER_TIMEOUT_MS);
    if (*count == 0)
        return errmsg_set(detail, ERR_TIMEOUT, "no answer in %d s", ANSWER_TIMEOUT_MS / 1000);
    return *count > 0 ? ERR_OK : errmsg_set(detail, ERR_IO, "stopped: %s", strerror(errno));
}

enum err http_load_ask(struct http_load *load, struct slice request, struct slice *body,
                       struct errmsg *detail)
{
    struct http_load_connection *connection = &load->connections[0];
    struct epoll_event events[HTTP_LOAD_CONNECTIONS_MAX];
    int count;
    enum err error = send_request(connection, request, detail);
    if (error != ERR_OK)
        return error;
    do {
        error = await(load, events, &count, detail);
        if (error == ERR_OK)
            error = receive_answer(connection, body, detail);
    } while (error == ERR_RETRY);
    return error;
}

// --- many requests

static enum err begin_request(struct run *run, struct http_load_connection *connection,
                              struct errmsg *detail)
{
    if (run->begun == run->operations)
        return ERR_OK;
    run->begun++;
    buf_clear(&run->request);
    run->next(run->context, &run->request);
    CHECK(!run->request.overflown);
    return send_request(connection, buf_slice(&run->request), detail);
}

static enum err take_event(struct run *run, struct http_load_connection *connection,
                           struct errmsg *detail)
{
    struct slice body;
    enum err error = receive_answer(connection, &body, detail);
    if (error != ERR_OK)
        return error == ERR_RETRY ? ERR_OK : error;
    run->latencies_ns[run->ended++] = now_ns() - connection->begun_ns;
    return begin_request(run, connection, detail);
}

static enum err make_requests(struct run *run, struct errmsg *detail)
{
    struct epoll_event events[HTTP_LOAD_CONNECTIONS_MAX];
    struct http_load *load = run->load;
    enum err error = ERR_OK;
    for (size_t i = 0; i < load->connection_count && error == ERR_OK; i++)
        error = begin_request(run, &load->connections[i], detail);
    while (error == ERR_OK && run->ended < run->operations) {
        int count = 0;
        error = await(load, events, &count, detail);
        for (int i = 0; i < count && error == ERR_OK; i++)
            error = take_event(run, events[i].data.ptr, detail);
    }
    return error;
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

enum err http_load_run(struct http_load *load, uint64_t operations, http_load_next *next,
                       void *context, struct http_load_result *result, struct errmsg *detail)
{
    CHECK(operations > 0);
    struct run run = {.load = load, .next = next, .context = context, .operations = operations};
    run.latencies_ns = memory_zeroed(operations, sizeof *run.latencies_ns);
    buf_init(&run.request, HTTP_LOAD_REQUEST_BYTES_MAX);
    uint64_t begun_ns = now_ns();
    enum err error = make_requests(&run, detail);
    result->wall_ns = now_ns() - begun_ns;
    if (error == ERR_OK) {
        qsort(run.latencies_ns, operations, sizeof *run.latencies_ns, compare_numbers);
        result->p50_ns = run.latencies_ns[operations / 2];
        result->p99_ns = run.latencies_ns[operations * 99 / 100];
    }
    buf_release(&run.request);
    free(run.latencies_ns);
    return error;
}
