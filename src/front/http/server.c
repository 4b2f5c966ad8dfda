#include "front/http/server.h"

#include "base/check.h"
#include "front/http/bearer.h"
#include "front/http/listener.h"
#include "front/http/router.h"
#include "front/http/stream.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    // The library clears this much after each request, so more than the longest URL and the headers
    // of a browser need would cost time.
    CONNECTION_BYTES = 16 << 10,
    CONNECTION_BYTES_STEP = 4 << 10,
    FIELDS_BYTES_MAX = 16 << 10,
    // It is parsed and read between two turns of the loop.
    DOCUMENT_BYTES_MAX = 1 << 20,
    // A byte of a JSON string may be written as six characters; then the names, quotes and blanks.
    JSON_BYTES_PER_BYTE = 6,
    JSON_BYTES_BESIDES = 16 << 10,
    // Of a body that is refused this much is read, so that the client can finish and see the
    // answer.
    DRAINED_BYTES_MAX = 64 << 20,
    IDLE_TIMEOUT_S = 60,
    REQUEST_TIMEOUT_MS = 30000,
    CHANGE_TIMEOUT_MS = 120000,
    HELD_BYTES_MAX = 64 << 20,
    // More would only wait, in the end for too long: what a node takes in goes through several
    // disks and sockets.
    INTAKE_BYTES_MAX = 16 << 20,
    // Descriptors for all but callers: stores, peers, the loop.
    OTHER_DESCRIPTORS = 256,
    // Callers that were cut and that the library has not closed yet.
    ENDING_MAX = 64,
    CONNECTIONS_LEAST = 16,
};

struct http_server {
    struct gateway gateway;
    struct MHD_Daemon *daemon;
    int fd;
    uint16_t port;
    size_t token_bytes;
    uint8_t token[HTTP_TOKEN_BYTES_MAX];
};

static enum http_method parse_method(const char *text)
{
    static const char *const names[METHOD_COUNT] = {
        [METHOD_GET] = "GET",   [METHOD_HEAD] = "HEAD",   [METHOD_PUT] = "PUT",
        [METHOD_POST] = "POST", [METHOD_PATCH] = "PATCH", [METHOD_DELETE] = "DELETE",
    };
    enum http_method method = METHOD_GET;
    while (method < METHOD_COUNT && strcmp(text, names[method]) != 0)
        method++;
    return method;
}

static size_t body_bytes_max(const struct exchange *exchange)
{
    size_t value = exchange->gateway->value_bytes_max;
    const size_t limits[BODY_RULE_COUNT] = {
        [BODY_NONE] = FIELDS_BYTES_MAX,
        [BODY_FIELDS] = FIELDS_BYTES_MAX,
        [BODY_DOCUMENT] = DOCUMENT_BYTES_MAX,
        [BODY_RECORD] = (value + KEY_BYTES_MAX) * JSON_BYTES_PER_BYTE + JSON_BYTES_BESIDES,
        [BODY_VALUE] = value,
        [BODY_BUNDLE] = BUNDLE_BYTES_MAX,
    };
    bool sends = exchange->method == METHOD_PUT || exchange->method == METHOD_POST ||
                 exchange->method == METHOD_PATCH;
    return exchange->route != NULL && sends ? limits[exchange->route->body] : FIELDS_BYTES_MAX;
}

// What was refused for another reason stays so.
static void refuse_body(struct exchange *exchange)
{
    if (!exchange_is_answered(exchange))
        exchange_fail(exchange, 413, "too_large", "the body is too large: at most %zu bytes here",
                      body_bytes_max(exchange));
    exchange->answer.close = true;
}

// Answers what can be refused before the body is read: no token, no such path, no such method.
static void admit(const struct http_server *server, struct exchange *exchange)
{
    const struct route *route = exchange->route;
    bool open = route != NULL && route->open;
    if (caller_is_refused(exchange->caller)) {
        exchange_fail_busy(exchange);
        exchange->answer.close = true;
    } else if (!open && !bearer_is_valid(exchange_header(exchange, "Authorization"),
                                         slice_of(server->token, server->token_bytes))) {
        exchange_fail(exchange, 401, "unauthorized",
                      "send the header Authorization: Bearer <token> with this cluster's token");
        exchange->answer.authenticate = true;
    } else if (route == NULL) {
        exchange_fail(exchange, 404, "not_found", "there is no such path: see /openapi.json");
    } else if (exchange->method == METHOD_COUNT || route->handlers[exchange->method] == NULL) {
        exchange_fail(exchange, 405, "method_not_allowed", "this path takes %s", route->allow);
        exchange->answer.allow = route->allow;
    }
}

// Does the request announce a body that is over the limit, and would wait for a 100 or send too
// much to be read for nothing? Then it is answered before the body.
static bool is_hopeless(const struct exchange *exchange)
{
    struct slice text = exchange_header(exchange, "Content-Length");
    if (text.bytes == NULL)
        return false;
    errno = 0;
    unsigned long long length = strtoull((const char *)text.bytes, NULL, 10);
    bool waits = exchange_header(exchange, "Expect").bytes != NULL;
    return length > body_bytes_max(exchange) && (waits || length > DRAINED_BYTES_MAX);
}

static struct caller *caller_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    CHECK(info != NULL && info->socket_context != NULL);
    return info->socket_context;
}

static enum MHD_Result begin(struct http_server *server, struct MHD_Connection *connection,
                             const char *path, const char *method, void **state)
{
    struct exchange *exchange = exchange_new(&server->gateway, caller_of(connection), connection);
    *state = exchange;
    caller_enter(exchange->caller, CALLER_RECEIVING);
    exchange->method = parse_method(method);
    exchange->route = route_find(path, &exchange->rest);
    admit(server, exchange);
    if (!is_hopeless(exchange))
        return MHD_YES;
    refuse_body(exchange);
    return exchange_send(exchange) ? MHD_YES : MHD_NO;
}

// Takes a piece of the body. False when the client sends more than anyone would read.
static bool take_body(struct exchange *exchange, struct slice piece)
{
    size_t limit = body_bytes_max(exchange);
    size_t seen = exchange->drained_bytes + exchange->body.length;
    bool fits = piece.length <= limit && seen <= limit - piece.length;
    bool kept = exchange->method != METHOD_GET && exchange->method != METHOD_HEAD &&
                exchange->method != METHOD_DELETE && !exchange_is_answered(exchange);
    if (fits && kept) {
        if (exchange_body_append(exchange, piece, limit) == ERR_OK) {
            caller_received(exchange->caller, exchange->body.length);
            return true;
        }
        exchange_fail_busy(exchange);
        callers_relieve(&exchange->gateway->callers);
    } else if (!fits) {
        refuse_body(exchange);
    }
    exchange->drained_bytes += exchange->body.length + piece.length;
    exchange_body_drop(exchange);
    caller_received(exchange->caller, exchange->drained_bytes);
    return exchange->drained_bytes <= DRAINED_BYTES_MAX;
}

static enum MHD_Result finish(struct exchange *exchange)
{
    if (!exchange_is_answered(exchange))
        exchange->route->handlers[exchange->method](exchange);
    if (exchange_is_answered(exchange))
        return exchange_send(exchange) ? MHD_YES : MHD_NO;
    exchange_suspend(exchange);
    return MHD_YES;
}

// The library calls this with the headers, then with each piece of the body, then without a piece;
// and once more after a suspended connection was resumed.
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection,
                                  const char *path, const char *method, const char *version,
                                  const char *piece, size_t *piece_bytes, void **state)
{
    (void)version;
    if (*state == NULL)
        return begin(context, connection, path, method, state);
    if (*piece_bytes == 0)
        return finish(*state);
    bool goes_on = take_body(*state, slice_of(piece, *piece_bytes));
    *piece_bytes = 0;
    return goes_on ? MHD_YES : MHD_NO;
}

static void on_end(void *context, struct MHD_Connection *connection, void **state,
                   enum MHD_RequestTerminationCode code)
{
    (void)context;
    (void)code;
    if (*state != NULL)
        exchange_end(*state);
    *state = NULL;
    caller_enter(caller_of(connection), CALLER_IDLE);
}

static void on_connection(void *context, struct MHD_Connection *connection, void **state,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http_server *server = context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        CHECK(info != NULL);
        *state = caller_new(&server->gateway.callers, info->connect_fd);
    } else if (*state != NULL) {
        caller_end(*state);
        *state = NULL;
    }
}

// Paths and arguments stay percent-encoded, so that %00 and %2F reach the handlers.
static size_t keep_escapes(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

static uint32_t or_default(uint32_t value, uint32_t standard)
{
    return value > 0 ? value : standard;
}

static enum err start(struct http_server *server, int listener, struct errmsg *detail)
{
    const struct MHD_OptionItem options[] = {
        {MHD_OPTION_LISTEN_SOCKET, listener, NULL},
        // At this limit the library stops accepting.
        {MHD_OPTION_CONNECTION_LIMIT,
         server->gateway.callers.max + CALLERS_TURNED_AWAY_MAX + ENDING_MAX, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_BYTES, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_INCREMENT, CONNECTION_BYTES_STEP, NULL},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_end, NULL},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, server},
        {MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)keep_escapes, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_SUPPRESS_DATE_NO_CLOCK;
    server->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, server, MHD_OPTION_ARRAY,
                                      options, MHD_OPTION_END);
    if (server->daemon == NULL)
        return errmsg_set(detail, ERR_NETWORK, "the HTTP library did not start");
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    CHECK(info != NULL);
    server->fd = info->epoll_fd;
    return ERR_OK;
}

static enum err check_config(const struct http_server_config *config, struct errmsg *detail)
{
    size_t token_bytes = config->token == NULL ? 0 : strlen(config->token);
    if (token_bytes == 0 || token_bytes > HTTP_TOKEN_BYTES_MAX)
        return errmsg_set(detail, ERR_INVALID, "the token must have 1 to %d bytes",
                          HTTP_TOKEN_BYTES_MAX);
    if (config->connections_max > HTTP_CONNECTIONS_MAX)
        return errmsg_set(detail, ERR_INVALID, "at most %d connections", HTTP_CONNECTIONS_MAX);
    if (config->value_bytes_max > VALUE_BYTES_MAX)
        return errmsg_set(detail, ERR_INVALID, "values of at most %u bytes", VALUE_BYTES_MAX);
    return ERR_OK;
}

static uint32_t connections_standard(void)
{
    struct rlimit descriptors;
    if (getrlimit(RLIMIT_NOFILE, &descriptors) != 0 ||
        descriptors.rlim_cur >=
            HTTP_CONNECTIONS_MAX + CALLERS_TURNED_AWAY_MAX + ENDING_MAX + OTHER_DESCRIPTORS)
        return HTTP_CONNECTIONS_MAX;
    if (descriptors.rlim_cur <
        CONNECTIONS_LEAST + CALLERS_TURNED_AWAY_MAX + ENDING_MAX + OTHER_DESCRIPTORS)
        return CONNECTIONS_LEAST;
    return (uint32_t)descriptors.rlim_cur - CALLERS_TURNED_AWAY_MAX - ENDING_MAX -
           OTHER_DESCRIPTORS;
}

static void set_limits(struct gateway *gateway, const struct http_server_config *config)
{
    uint64_t request_ms = or_default(config->request_timeout_ms, REQUEST_TIMEOUT_MS);
    uint64_t change_ms = or_default(config->change_timeout_ms, CHANGE_TIMEOUT_MS);
    gateway->limit_us[PATIENCE_RECORD] = request_ms * 1000;
    gateway->limit_us[PATIENCE_CHANGE] = change_ms * 1000;
    gateway->value_bytes_max =
        config->value_bytes_max > 0 ? config->value_bytes_max : VALUE_BYTES_MAX;
    gateway->held_bytes_max = config->held_bytes_max > 0 ? config->held_bytes_max : HELD_BYTES_MAX;
    gateway->intake_bytes_max =
        config->intake_bytes_max > 0 ? config->intake_bytes_max : INTAKE_BYTES_MAX;
    uint32_t connections_max =
        config->connections_max > 0 ? config->connections_max : connections_standard();
    uint64_t idle_ms = or_default(config->idle_timeout_s, IDLE_TIMEOUT_S) * UINT64_C(1000);
    callers_init(&gateway->callers, config->clock, connections_max, idle_ms);
}

enum err http_server_open(const struct http_server_config *config, struct http_server **out,
                          struct errmsg *detail)
{
    *out = NULL;
    struct http_server *server = NULL;
    int listener = -1;
    enum err error = check_config(config, detail);
    if (error != ERR_OK)
        goto done;
    server = memory_zeroed(1, sizeof *server);
    gateway_init(&server->gateway, config->host, config->clock);
    set_limits(&server->gateway, config);
    server->token_bytes = strlen(config->token);
    memcpy(server->token, config->token, server->token_bytes);
    error = listener_open(config->listen_address, &listener, &server->port, detail);
    if (error != ERR_OK)
        goto done;
    error = start(server, listener, detail);
    if (error != ERR_OK)
        goto done;
    *out = server;
    return ERR_OK;
done:
    if (listener >= 0)
        close(listener);
    free(server);
    return error;
}

void http_server_close(struct http_server *server)
{
    if (server == NULL)
        return;
    gateway_dismiss(&server->gateway);
    stream_end_all(&server->gateway);
    MHD_run(server->daemon);
    // Requests that came in meanwhile may wait by now.
    gateway_dismiss(&server->gateway);
    stream_end_all(&server->gateway);
    MHD_stop_daemon(server->daemon);
    gateway_release(&server->gateway);
    free(server);
}

int http_server_fd(const struct http_server *server)
{
    return server->fd;
}

uint16_t http_server_port(const struct http_server *server)
{
    return server->port;
}

void http_server_run(struct http_server *server)
{
    gateway_expire(&server->gateway);
    callers_expire(&server->gateway.callers);
    server->gateway.resumed = false;
    exchange_run_turn(&server->gateway);
    stream_run_all(&server->gateway);
    MHD_run(server->daemon);
}

uint64_t http_server_timeout_ms(struct http_server *server)
{
    uint64_t expiry_ms = gateway_expiry_ms(&server->gateway);
    uint64_t callers_ms = callers_expiry_ms(&server->gateway.callers);
    uint64_t streams_ms = stream_expiry_ms(&server->gateway);
    if (callers_ms < expiry_ms)
        expiry_ms = callers_ms;
    if (streams_ms < expiry_ms)
        expiry_ms = streams_ms;
    MHD_UNSIGNED_LONG_LONG library_ms = 0;
    if (MHD_get_timeout(server->daemon, &library_ms) == MHD_NO || library_ms > expiry_ms)
        return expiry_ms;
    return library_ms;
}

bool http_server_wants_run(struct http_server *server)
{
    MHD_UNSIGNED_LONG_LONG library_ms = 0;
    return server->gateway.resumed || !list_empty(&server->gateway.turns) ||
           stream_any_is_ready(&server->gateway) ||
           (MHD_get_timeout(server->daemon, &library_ms) == MHD_YES && library_ms == 0);
}
