#include "http_library.h"

#include "base/check.h"
#include "front/http/listener.h"

#include <stdarg.h>
#include <stdlib.h>
#include <strings.h>

// Of one answer that goes on, before it counts as too long and is cut.
enum { PULLS_MAX = 1000 };

struct MHD_Daemon {
    MHD_AccessHandlerCallback handler;
    void *context;
    MHD_RequestCompletedCallback completed;
    MHD_NotifyConnectionCallback notified;
    struct MHD_Connection *connections[LIBRARY_CONNECTIONS_MAX];
    unsigned connection_count;
    union MHD_DaemonInfo info;
};

static struct MHD_Daemon *daemon_now;
static library_answered *answered_now;

// --- connections

static char *text_of(struct slice bytes)
{
    char *text = memory_new(bytes.length + 1);
    if (bytes.length > 0)
        memcpy(text, bytes.bytes, bytes.length);
    text[bytes.length] = '\0';
    return text;
}

static void add_field(struct MHD_Connection *connection, enum MHD_ValueKind kind, struct slice name,
                      struct slice value)
{
    if (connection->field_count == LIBRARY_FIELDS_MAX)
        return;
    connection->fields[connection->field_count++] = (struct library_field){
        .kind = kind, .name = text_of(name), .value = value.bytes != NULL ? text_of(value) : NULL};
}

static struct slice before(struct slice text, char mark, struct slice *after)
{
    const uint8_t *at = text.length > 0 ? memchr(text.bytes, mark, text.length) : NULL;
    *after = slice_of(NULL, 0);
    if (at == NULL)
        return text;
    size_t length = (size_t)(at - text.bytes);
    *after = slice_of(at + 1, text.length - length - 1);
    return slice_of(text.bytes, length);
}

static void spaces_for_plus(char *text)
{
    for (; text != NULL && *text != '\0'; text++)
        if (*text == '+')
            *text = ' ';
}

static void add_arguments(struct MHD_Connection *connection, struct slice query)
{
    while (query.length > 0 && connection->field_count < LIBRARY_FIELDS_MAX) {
        struct slice value;
        struct slice rest;
        struct slice argument = before(query, '&', &rest);
        struct slice name = before(argument, '=', &value);
        add_field(connection, MHD_GET_ARGUMENT_KIND, name, value);
        spaces_for_plus(connection->fields[connection->field_count - 1].name);
        spaces_for_plus(connection->fields[connection->field_count - 1].value);
        query = rest;
    }
}

void library_on_answer(library_answered *answered)
{
    answered_now = answered;
}

struct MHD_Connection *library_connect(struct slice method, struct slice target)
{
    struct slice query;
    struct slice path = before(target, '?', &query);
    if (daemon_now->connection_count == LIBRARY_CONNECTIONS_MAX)
        return NULL;
    struct MHD_Connection *connection = memory_zeroed(1, sizeof *connection);
    daemon_now->connections[daemon_now->connection_count++] = connection;
    connection->method = text_of(method);
    connection->path = text_of(path);
    add_arguments(connection, query);
    daemon_now->notified(daemon_now->context, connection, &connection->socket_state,
                         MHD_CONNECTION_NOTIFY_STARTED);
    return connection;
}

void library_add_header(struct MHD_Connection *connection, struct slice name, struct slice value)
{
    add_field(connection, MHD_HEADER_KIND, name, value.bytes != NULL ? value : slice_of_text(""));
}

static const struct library_field *find(const struct MHD_Connection *connection,
                                        enum MHD_ValueKind kind, const char *name)
{
    for (unsigned i = 0; i < connection->field_count; i++) {
        const struct library_field *field = &connection->fields[i];
        if (field->kind == kind && strcasecmp(field->name, name) == 0)
            return field;
    }
    return NULL;
}

bool library_has_header(const struct MHD_Connection *connection, const char *name)
{
    return find(connection, MHD_HEADER_KIND, name) != NULL;
}

const char *library_answer_header(const struct MHD_Connection *connection, const char *name)
{
    for (unsigned i = 0; i < connection->response->header_count; i++)
        if (strcasecmp(connection->response->headers[i].name, name) == 0)
            return connection->response->headers[i].value;
    return NULL;
}

static void end(struct MHD_Connection *connection)
{
    CHECK(!connection->ended && !connection->suspended);
    if (connection->response != NULL && answered_now != NULL)
        answered_now(connection);
    connection->ended = true;
    daemon_now->completed(daemon_now->context, connection, &connection->state,
                          MHD_REQUEST_TERMINATED_COMPLETED_OK);
    CHECK(connection->state == NULL);
    if (connection->response != NULL)
        MHD_destroy_response(connection->response);
    connection->response = NULL;
}

static enum MHD_Result call(struct MHD_Connection *connection, struct slice piece)
{
    size_t left = piece.length;
    connection->in_piece = piece.length > 0;
    // Copied to its own size, so that a read past its end is seen.
    char *copy = piece.length > 0 ? memory_copy(piece.bytes, piece.length) : NULL;
    enum MHD_Result result =
        daemon_now->handler(daemon_now->context, connection, connection->path, connection->method,
                            "HTTP/1.1", copy, &left, &connection->state);
    free(copy);
    connection->in_piece = false;
    CHECK(left == 0 || result == MHD_NO);
    return result;
}

// Reads an answer that goes on for as long as it gives something.
static void pull(struct MHD_Connection *connection)
{
    char bytes[1024];
    const struct MHD_Response *response = connection->response;
    for (unsigned i = 0; i < PULLS_MAX; i++) {
        ssize_t count =
            response->reader(response->reader_context, connection->given, bytes, sizeof bytes);
        if (count == 0) {
            CHECK(connection->suspended);
            return;
        }
        CHECK(!connection->suspended);
        if (count == MHD_CONTENT_READER_END_OF_STREAM)
            break;
        CHECK(count > 0 && (size_t)count <= sizeof bytes);
        connection->given += (uint64_t)count;
    }
    end(connection);
}

static void finish(struct MHD_Connection *connection)
{
    connection->complete = true;
    enum MHD_Result result = call(connection, slice_of(NULL, 0));
    CHECK(result == MHD_NO || connection->response != NULL || connection->suspended);
    if (connection->suspended)
        return;
    if (connection->response != NULL && connection->response->reader != NULL)
        pull(connection);
    else
        end(connection);
}

void library_request(struct MHD_Connection *connection, struct slice body, size_t piece)
{
    bool goes_on = call(connection, slice_of(NULL, 0)) == MHD_YES && connection->response == NULL;
    for (size_t at = 0; at < body.length && goes_on; at += piece) {
        size_t length = body.length - at < piece ? body.length - at : piece;
        goes_on = call(connection, slice_of(body.bytes + at, length)) == MHD_YES;
        goes_on = goes_on && !connection->drops;
    }
    if (goes_on)
        finish(connection);
    else
        end(connection);
}

// --- the library's functions

struct MHD_Daemon *MHD_start_daemon(unsigned int flags, uint16_t port, MHD_AcceptPolicyCallback apc,
                                    void *apc_cls, MHD_AccessHandlerCallback dh, void *dh_cls, ...)
{
    (void)flags;
    (void)port;
    (void)apc;
    (void)apc_cls;
    struct MHD_Daemon *daemon = memory_zeroed(1, sizeof *daemon);
    daemon->handler = dh;
    daemon->context = dh_cls;
    va_list options;
    va_start(options, dh_cls);
    CHECK(va_arg(options, enum MHD_OPTION) == MHD_OPTION_ARRAY);
    const struct MHD_OptionItem *item = va_arg(options, const struct MHD_OptionItem *);
    for (; item->option != MHD_OPTION_END; item++) {
        if (item->option == MHD_OPTION_NOTIFY_COMPLETED)
            daemon->completed = (MHD_RequestCompletedCallback)item->value;
        if (item->option == MHD_OPTION_NOTIFY_CONNECTION)
            daemon->notified = (MHD_NotifyConnectionCallback)item->value;
    }
    va_end(options);
    CHECK(daemon->completed != NULL && daemon->notified != NULL);
    daemon_now = daemon;
    return daemon;
}

void MHD_stop_daemon(struct MHD_Daemon *daemon)
{
    for (unsigned i = 0; i < daemon->connection_count; i++) {
        struct MHD_Connection *connection = daemon->connections[i];
        if (!connection->ended)
            end(connection);
        daemon->notified(daemon->context, connection, &connection->socket_state,
                         MHD_CONNECTION_NOTIFY_CLOSED);
        for (unsigned field = 0; field < connection->field_count; field++) {
            free(connection->fields[field].name);
            free(connection->fields[field].value);
        }
        free(connection->method);
        free(connection->path);
        free(connection);
    }
    free(daemon);
    daemon_now = NULL;
}

enum MHD_Result MHD_run(struct MHD_Daemon *daemon)
{
    for (unsigned i = 0; i < daemon->connection_count; i++) {
        struct MHD_Connection *connection = daemon->connections[i];
        if (!connection->resumed)
            continue;
        connection->resumed = false;
        if (connection->drops)
            end(connection);
        else if (connection->response != NULL)
            pull(connection);
        else
            finish(connection);
    }
    return MHD_YES;
}

const union MHD_DaemonInfo *MHD_get_daemon_info(struct MHD_Daemon *daemon,
                                                enum MHD_DaemonInfoType type, ...)
{
    CHECK(type == MHD_DAEMON_INFO_EPOLL_FD);
    daemon->info.epoll_fd = -1;
    return &daemon->info;
}

const union MHD_ConnectionInfo *MHD_get_connection_info(struct MHD_Connection *connection,
                                                        enum MHD_ConnectionInfoType type, ...)
{
    if (type == MHD_CONNECTION_INFO_SOCKET_CONTEXT) {
        connection->info.socket_context = connection->socket_state;
    } else {
        CHECK(type == MHD_CONNECTION_INFO_CONNECTION_FD);
        connection->info.connect_fd = -1;
    }
    return &connection->info;
}

enum MHD_Result MHD_get_timeout(struct MHD_Daemon *daemon, MHD_UNSIGNED_LONG_LONG *timeout)
{
    (void)daemon;
    (void)timeout;
    return MHD_NO;
}

enum MHD_Result MHD_lookup_connection_value_n(struct MHD_Connection *connection,
                                              enum MHD_ValueKind kind, const char *key,
                                              size_t key_size, const char **value_ptr,
                                              size_t *value_size_ptr)
{
    CHECK(connection != NULL && !connection->ended && strlen(key) == key_size);
    const struct library_field *field = find(connection, kind, key);
    if (field == NULL)
        return MHD_NO;
    *value_ptr = field->value;
    *value_size_ptr = field->value != NULL ? strlen(field->value) : 0;
    return MHD_YES;
}

int MHD_get_connection_values_n(struct MHD_Connection *connection, enum MHD_ValueKind kind,
                                MHD_KeyValueIteratorN iterator, void *iterator_cls)
{
    int count = 0;
    CHECK(connection != NULL && !connection->ended);
    for (unsigned i = 0; i < connection->field_count; i++) {
        const struct library_field *field = &connection->fields[i];
        if (field->kind != kind)
            continue;
        count++;
        if (iterator(iterator_cls, kind, field->name, strlen(field->name), field->value,
                     field->value != NULL ? strlen(field->value) : 0) == MHD_NO)
            break;
    }
    return count;
}

void MHD_suspend_connection(struct MHD_Connection *connection)
{
    CHECK(connection->complete && !connection->suspended && !connection->ended);
    connection->suspended = true;
}

void MHD_resume_connection(struct MHD_Connection *connection)
{
    CHECK(connection->suspended && !connection->ended);
    connection->suspended = false;
    connection->resumed = true;
}

struct MHD_Response *MHD_create_response_from_buffer(size_t size, void *buffer,
                                                     enum MHD_ResponseMemoryMode mode)
{
    CHECK(mode == MHD_RESPMEM_MUST_FREE);
    struct MHD_Response *response = memory_zeroed(1, sizeof *response);
    response->references = 1;
    response->body = buffer;
    response->body_bytes = size;
    return response;
}

struct MHD_Response *MHD_create_response_from_callback(uint64_t size, size_t block_size,
                                                       MHD_ContentReaderCallback crc, void *crc_cls,
                                                       MHD_ContentReaderFreeCallback crfc)
{
    CHECK(size == MHD_SIZE_UNKNOWN && block_size > 0 && crc != NULL && crfc == NULL);
    struct MHD_Response *response = memory_zeroed(1, sizeof *response);
    response->references = 1;
    response->reader = crc;
    response->reader_context = crc_cls;
    return response;
}

enum MHD_Result MHD_add_response_header(struct MHD_Response *response, const char *header,
                                        const char *content)
{
    CHECK(response->header_count < LIBRARY_HEADERS_MAX);
    CHECK(header[0] != '\0' && content[0] != '\0' && strpbrk(content, "\r\n\t") == NULL);
    response->headers[response->header_count++] = (struct library_field){
        .name = text_of(slice_of_text(header)), .value = text_of(slice_of_text(content))};
    return MHD_YES;
}

enum MHD_Result MHD_queue_response(struct MHD_Connection *connection, unsigned int status_code,
                                   struct MHD_Response *response)
{
    CHECK(!connection->ended && !connection->in_piece && !connection->suspended);
    CHECK(connection->response == NULL && status_code >= 200 && status_code <= 599);
    connection->status = status_code;
    connection->response = response;
    response->references++;
    return MHD_YES;
}

void MHD_destroy_response(struct MHD_Response *response)
{
    if (--response->references > 0)
        return;
    for (unsigned i = 0; i < response->header_count; i++) {
        free(response->headers[i].name);
        free(response->headers[i].value);
    }
    free(response->body);
    free(response);
}

// --- the socket

enum err listener_open(const char *address, int *fd, uint16_t *port, struct errmsg *detail)
{
    (void)address;
    (void)detail;
    *fd = -1;
    *port = 1;
    return ERR_OK;
}
