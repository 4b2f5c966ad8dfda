#include "cli/client.h"

#include "base/check.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { CONNECT_TIMEOUT_MS = 3000, HEADER_BYTES_MAX = SECRET_BYTES_MAX + 64, AWAITED_MAX = 64 };

static const char *const method_names[] = {"GET", "PUT", "POST", "PATCH", "DELETE"};

enum err client_init(struct client *client, const struct target *target, long timeout_ms,
                     struct errmsg *detail)
{
    CHECK(target->endpoint_count > 0);
    *client = (struct client){.target = *target, .timeout_ms = timeout_ms};
    if (curl_global_init(CURL_GLOBAL_DEFAULT) == 0)
        client->curl = curl_easy_init();
    return client->curl != NULL ? ERR_OK : errmsg_set(detail, ERR_IO, "libcurl cannot start");
}

void client_release(struct client *client)
{
    if (client->curl != NULL)
        curl_easy_cleanup(client->curl);
    client->curl = NULL;
}

void answer_init(struct answer *answer)
{
    *answer = (struct answer){0};
    buf_init(&answer->body, ANSWER_BYTES_MAX);
}

void answer_release(struct answer *answer)
{
    buf_release(&answer->body);
}

// One try at one endpoint.
struct
try {
    CURL *curl;
    const struct request *request;
    struct answer *answer;
};

static size_t take_body(char *bytes, size_t size, size_t count, void *context)
{
    const struct try *try = context;
    long status = 0;
    if (try->request->take != NULL)
        curl_easy_getinfo(try->curl, CURLINFO_RESPONSE_CODE, &status);
    if (status == 200) {
        try->request->take(try->request->context, slice_of(bytes, size * count));
        return size * count;
    }
    buf_append(&try->answer->body, bytes, size * count);
    return try->answer->body.overflown ? 0 : size * count;
}

// Copies the value of the header `name` (with its colon), without blanks and quotes around it, if
// the line is that header and it fits.
static void take_value(struct slice line, const char *name, char *value, size_t value_bytes_max)
{
    const char *bytes = (const char *)line.bytes;
    size_t start = strlen(name);
    size_t end = line.length;
    if (end < start || strncasecmp(bytes, name, start) != 0)
        return;
    while (end > start && strchr(" \t\r\n\"", bytes[end - 1]) != NULL)
        end--;
    while (start < end && strchr(" \t\"", bytes[start]) != NULL)
        start++;
    if (end - start < value_bytes_max) {
        memcpy(value, bytes + start, end - start);
        value[end - start] = '\0';
    }
}

static size_t take_header(char *bytes, size_t size, size_t count, void *context)
{
    struct answer *answer = context;
    struct slice line = slice_of(bytes, size * count);
    char conflicts[24] = "";
    take_value(line, "etag:", answer->etag, sizeof answer->etag);
    take_value(line, "brusio-state:", answer->state, sizeof answer->state);
    take_value(line, "brusio-conflicts:", conflicts, sizeof conflicts);
    if (conflicts[0] != '\0' && !options_number(conflicts, 0, UINT64_MAX, &answer->conflicts))
        answer->conflicts = 0;
    return line.length;
}

static void add_header(struct curl_slist **headers, const char *name, const char *value)
{
    char line[HEADER_BYTES_MAX];
    int length = snprintf(line, sizeof line, "%s%s", name, value);
    CHECK(length > 0 && (size_t)length < sizeof line);
    struct curl_slist *longer = curl_slist_append(*headers, line);
    CHECK(longer != NULL);
    *headers = longer;
}

static struct curl_slist *make_headers(const struct client *client, const struct request *request)
{
    struct curl_slist *headers = NULL;
    // Without this libcurl waits for "100 Continue" before a large body.
    add_header(&headers, "Expect:", "");
    if (client->target.token[0] != '\0')
        add_header(&headers, "Authorization: Bearer ", client->target.token);
    if (request->content_type != NULL)
        add_header(&headers, "Content-Type: ", request->content_type);
    if (request->if_match != NULL)
        add_header(&headers, "If-Match: ", request->if_match);
    if (request->if_absent)
        add_header(&headers, "If-None-Match: ", "*");
    if (request->accepts_json)
        add_header(&headers, "Accept: ", "application/json");
    if (request->last_event_id != NULL && request->last_event_id[0] != '\0')
        add_header(&headers, "Last-Event-ID: ", request->last_event_id);
    return headers;
}

static void set_body(CURL *curl, const struct request *request)
{
    if (request->method == METHOD_GET || request->method == METHOD_DELETE)
        return;
    const char *bytes = request->body.length > 0 ? (const char *)request->body.bytes : "";
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.length);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, bytes);
}

static CURLcode try_endpoint(struct client *client, const struct request *request, const char *url,
                             struct answer *answer)
{
    CURL *curl = client->curl;
    struct try try = {.curl = curl, .request = request, .answer = answer};
    curl_easy_reset(curl);
    buf_clear(&answer->body);
    answer->etag[0] = '\0';
    answer->state[0] = '\0';
    answer->conflicts = 0;
    struct curl_slist *headers = make_headers(client, request);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    long connect_ms =
        client->timeout_ms < CONNECT_TIMEOUT_MS ? client->timeout_ms : CONNECT_TIMEOUT_MS;
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, request->take != NULL ? 0L : client->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, request->take != NULL ? 1L : 0L);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &try);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, answer);
    // libcurl repeats a request by itself when a kept connection turns out to be closed, even one
    // that changes something and may have been carried out. On a fresh connection it does not.
    curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, request->method == METHOD_GET ? 0L : 1L);
    set_body(curl, request);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method_names[request->method]);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
    curl_slist_free_all(headers);
    return code;
}

static bool nothing_sent(CURL *curl, CURLcode code)
{
    long request_bytes = 0;
    curl_easy_getinfo(curl, CURLINFO_REQUEST_SIZE, &request_bytes);
    return request_bytes == 0 || code == CURLE_COULDNT_CONNECT ||
           code == CURLE_COULDNT_RESOLVE_HOST;
}

static enum err explain_last(const struct client *client, const char *endpoint, CURLcode code,
                             bool unsent, struct errmsg *detail)
{
    if (unsent && client->target.endpoint_count > 1)
        return errmsg_set(detail, ERR_NETWORK,
                          "none of %zu endpoints can be reached (the last, %s: %s)",
                          client->target.endpoint_count, endpoint, curl_easy_strerror(code));
    if (unsent)
        return errmsg_set(
            detail, ERR_NETWORK,
            "cannot connect to %s: %s (is the node running? --endpoint or --dir name another)",
            endpoint, curl_easy_strerror(code));
    return errmsg_set(detail, code == CURLE_OPERATION_TIMEDOUT ? ERR_TIMEOUT : ERR_NETWORK,
                      "no answer from %s: %s", endpoint, curl_easy_strerror(code));
}

enum err client_send(struct client *client, const struct request *request, struct answer *answer,
                     struct errmsg *detail)
{
    size_t url_bytes_max = ENDPOINT_BYTES_MAX + strlen(request->path) + 1;
    char *url = memory_new(url_bytes_max);
    enum err e = ERR_OK;
    size_t first = client->current;
    for (size_t tried = 0; tried < client->target.endpoint_count; tried++) {
        size_t at = (first + tried) % client->target.endpoint_count;
        const char *endpoint = client->target.endpoints[at];
        snprintf(url, url_bytes_max, "%s%s", endpoint, request->path);
        CURLcode code = try_endpoint(client, request, url, answer);
        if (code == CURLE_OK) {
            client->current = at;
            e = ERR_OK;
            break;
        }
        if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL) {
            e = errmsg_set(detail, ERR_INVALID, "'%s' is not an address that can be asked",
                           endpoint);
            break;
        }
        if (answer->body.overflown) {
            e = errmsg_set(detail, ERR_TOO_LARGE, "the answer is larger than %d bytes",
                           ANSWER_BYTES_MAX);
            break;
        }
        bool unsent = nothing_sent(client->curl, code);
        if (!unsent && request->method != METHOD_GET) {
            e = errmsg_set(
                detail, ERR_UNKNOWN,
                "%s took the request but did not answer (%s): it may or may not have taken effect",
                endpoint, curl_easy_strerror(code));
            break;
        }
        e = explain_last(client, endpoint, code, unsent, detail);
    }
    free(url);
    return e;
}

static enum err err_of_status(long status)
{
    switch (status) {
    case 404:
        return ERR_NOT_FOUND;
    case 412:
        return ERR_MISMATCH;
    case 401:
    case 403:
        return ERR_DENIED;
    case 409:
        return ERR_EXISTS;
    case 413:
        return ERR_TOO_LARGE;
    case 429:
        return ERR_BUSY;
    case 503:
        return ERR_UNAVAILABLE;
    case 504:
        return ERR_TIMEOUT;
    default:
        return status >= 500 ? ERR_IO : ERR_INVALID;
    }
}

// " (it waits for the nodes 1, 2)", or nothing.
static void append_awaited(struct buf *text, const json_t *awaited)
{
    size_t count = json_array_size(awaited) < AWAITED_MAX ? json_array_size(awaited) : AWAITED_MAX;
    for (size_t i = 0; i < count; i++)
        buf_append_format(text, "%s%lld", i == 0 ? " (awaited: node " : ", ",
                          (long long)json_integer_value(json_array_get(awaited, i)));
    if (count > 0)
        buf_append_u8(text, ')');
}

static enum err explain_answer(const struct client *client, const struct answer *answer,
                               struct errmsg *detail)
{
    json_t *body = json_loadb((const char *)answer->body.bytes, answer->body.length, 0, NULL);
    const char *name = json_string_value(json_object_get(body, "error"));
    const char *message = json_string_value(json_object_get(body, "message"));
    enum err e = err_of_status(answer->status);
    // The server's own name says more than the status: 503 and 504 stand for several codes.
    for (size_t code = ERR_OK + 1; name != NULL && code < ERR_COUNT; code++) {
        if (strcmp(name, err_name((enum err)code)) == 0)
            e = (enum err)code;
    }
    struct buf text;
    buf_init(&text, ERRMSG_BYTES_MAX);
    if (message != NULL)
        buf_append_format(&text, "%.400s", message);
    else
        buf_append_format(&text, "the server answered with HTTP status %ld", answer->status);
    append_awaited(&text, json_object_get(body, "awaited"));
    if (answer->status == 401)
        buf_append_format(&text, client->target.token[0] == '\0'
                                     ? " (no token was given: --token-file, --dir or BRUSIO_TOKEN)"
                                     : " (the token is not this cluster's)");
    errmsg_set(detail, e, "%.*s", (int)text.length, (const char *)text.bytes);
    buf_release(&text);
    json_decref(body);
    return e;
}

enum err client_ask(struct client *client, const struct request *request, struct answer *answer,
                    struct errmsg *detail)
{
    enum err e = client_send(client, request, answer, detail);
    if (e == ERR_OK && (answer->status < 200 || answer->status >= 300))
        e = explain_answer(client, answer, detail);
    return e;
}

enum err client_ask_json(struct client *client, enum method method, const char *path,
                         const json_t *body, json_t **reply, struct errmsg *detail)
{
    struct answer answer;
    answer_init(&answer);
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    struct request request = {.method = method, .path = path};
    if (text != NULL) {
        request.body = slice_of_text(text);
        request.content_type = "application/json";
    }
    enum err e = client_ask(client, &request, &answer, detail);
    if (e == ERR_OK && reply != NULL) {
        *reply = json_loadb((const char *)answer.body.bytes, answer.body.length, 0, NULL);
        if (!json_is_object(*reply)) {
            json_decref(*reply);
            *reply = NULL;
            e = errmsg_set(detail, ERR_CORRUPT,
                           "%s answered what is not a JSON object: is it brusio?",
                           client->target.endpoints[client->current]);
        }
    }
    free(text);
    answer_release(&answer);
    return e;
}
