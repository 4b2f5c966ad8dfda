// The HTTP server from its library's callbacks down to a host that a script commands: paths,
// arguments, headers and bodies of any bytes. Whatever comes, each request is answered once, with
// JSON that names the error if there is one, what is refused is not asked of the host, and nothing
// is left when the server has closed.
//
// A script is text. `!` begins a command; all else is a request: its line, its headers, an empty
// line, its body, and a line with a dot. The token is added where no header Authorization is.
//
//     !hold            the host keeps what it is asked    !release N  it answers with error N
//     !error N         it answers with error N from now on, after one more that goes well
//     !later N         N times 100 milliseconds pass      !pieces N   bodies come N bytes at a time
//     !drop            the next client goes away          !blank      the host knows no map
//     !change N        something changes in a channel, of which the key is N times the same byte
//     !turns N         the server runs N times
#include "base/check.h"
#include "fake_host.h"
#include "front/http/server.h"
#include "http_library.h"

#include <jansson.h>
#include <stdlib.h>

enum { REQUESTS_MAX = 14, ACTS_MAX = 200, TURNS_MAX = 64, ANNOTATION_KEY_BYTES = 24 };

#define TOKEN "sesame"

struct script {
    struct slice text; // not read yet
    struct host host;
    struct http_server *server;
    unsigned requests;
    size_t piece;
    bool drops;
};

// Of the latest HTTP request: how often the host was asked before it, and its answer's status.
static unsigned asked_before;
static unsigned status_now;

static struct slice take_line(struct script *script)
{
    struct slice text = script->text;
    const uint8_t *at = text.length > 0 ? memchr(text.bytes, '\n', text.length) : NULL;
    size_t length = at != NULL ? (size_t)(at - text.bytes) : text.length;
    size_t passed = at != NULL ? length + 1 : length;
    if (passed > 0)
        script->text = slice_of(text.bytes + passed, text.length - passed);
    return slice_of(text.bytes, length);
}

static bool begins(struct slice line, const char *word)
{
    return line.length >= strlen(word) && memcmp(line.bytes, word, strlen(word)) == 0;
}

// --- what every answer must be

static void check_error(const struct MHD_Connection *connection, const json_t *body)
{
    const char *name = json_string_value(json_object_get(body, "error"));
    const char *message = json_string_value(json_object_get(body, "message"));
    CHECK(name != NULL && name[0] != '\0' && message != NULL && message[0] != '\0');
    CHECK(connection->status != 401 ||
          library_answer_header(connection, "WWW-Authenticate") != NULL);
    CHECK(connection->status != 405 || library_answer_header(connection, "Allow") != NULL);
}

static void check_answer(const struct MHD_Connection *connection)
{
    const char *type = library_answer_header(connection, "Content-Type");
    bool is_json = type != NULL && strcmp(type, "application/json") == 0;
    CHECK(is_json || connection->status < 400);
    if (!is_json)
        return;
    json_t *body = json_loadb(connection->response->body, connection->response->body_bytes,
                              JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
    CHECK(body != NULL);
    if (connection->status >= 400)
        check_error(connection, body);
    json_decref(body);
}

// Refused before the host was asked.
static void check_refusal(const struct script *script, unsigned status)
{
    if (status == 401 || status == 405)
        CHECK(script->host.request_count == asked_before);
}

static void note_answer(const struct MHD_Connection *connection)
{
    status_now = connection->status;
    check_answer(connection);
}

// --- requests

static void add_header(struct MHD_Connection *connection, struct slice line)
{
    const uint8_t *colon = memchr(line.bytes, ':', line.length);
    size_t name_bytes = colon != NULL ? (size_t)(colon - line.bytes) : line.length;
    size_t at = name_bytes < line.length ? name_bytes + 1 : line.length;
    while (at < line.length && line.bytes[at] == ' ')
        at++;
    library_add_header(connection, slice_of(line.bytes, name_bytes),
                       slice_of(line.bytes + at, line.length - at));
}

// The lines up to one with a dot, without the line end before it.
static struct slice take_body(struct script *script)
{
    const uint8_t *start = script->text.bytes;
    const uint8_t *body_end = start;
    while (script->text.length > 0) {
        struct slice line = take_line(script);
        if (line.length == 1 && line.bytes[0] == '.')
            break;
        body_end = line.bytes + line.length;
    }
    return slice_of(start, start != NULL ? (size_t)(body_end - start) : 0);
}

static void ask(struct script *script, struct slice line)
{
    const uint8_t *space = line.length > 0 ? memchr(line.bytes, ' ', line.length) : NULL;
    size_t method_bytes = space != NULL ? (size_t)(space - line.bytes) : line.length;
    size_t target_at = space != NULL ? method_bytes + 1 : line.length;
    struct MHD_Connection *connection =
        library_connect(slice_of(line.bytes, method_bytes),
                        slice_of(line.bytes + target_at, line.length - target_at));
    CHECK(connection != NULL);
    struct slice header = take_line(script);
    for (; header.length > 0; header = take_line(script))
        add_header(connection, header);
    if (!library_has_header(connection, "Authorization"))
        library_add_header(connection, slice_of_text("Authorization"),
                           slice_of_text("Bearer " TOKEN));
    connection->drops = script->drops;
    script->drops = false;
    script->requests++;
    asked_before = script->host.request_count;
    status_now = 0;
    library_request(connection, take_body(script), script->piece);
    check_refusal(script, status_now);
    http_server_run(script->server);
}

// --- commands

static void change(struct script *script, unsigned number)
{
    uint8_t key[ANNOTATION_KEY_BYTES];
    struct host *host = &script->host;
    memset(key, (int)(number & 0xff), sizeof key);
    if (host->epidemic.is_followed)
        feed_add(&host->epidemic.feed, fake_host_space(host, FAKE_ANNOTATIONS, "films"),
                 slice_of(key, sizeof key));
}

static void command(struct script *script, struct slice line)
{
    unsigned number = 0;
    for (size_t i = 0; i < line.length && number < 100000; i++)
        if (line.bytes[i] >= '0' && line.bytes[i] <= '9')
            number = number * 10 + (unsigned)(line.bytes[i] - '0');
    enum err error = (enum err)(number % ERR_COUNT);
    if (begins(line, "!hold")) {
        script->host.holds = true;
    } else if (begins(line, "!release")) {
        script->host.holds = false;
        fake_host_release(&script->host, &(struct reply){.error = error, .awaited = number});
    } else if (begins(line, "!error")) {
        script->host.error = error;
        script->host.awaited = number;
        script->host.fail_after = 1;
    } else if (begins(line, "!change")) {
        change(script, number);
    } else if (begins(line, "!turns")) {
        for (unsigned i = 0; i < number % TURNS_MAX; i++)
            http_server_run(script->server);
    } else if (begins(line, "!later")) {
        script->host.now_us += number * UINT64_C(100000);
    } else if (begins(line, "!pieces")) {
        script->piece = number > 0 ? number : 1;
    } else if (begins(line, "!drop")) {
        script->drops = true;
    } else if (begins(line, "!blank")) {
        script->host.has_map = !script->host.has_map;
    }
    http_server_run(script->server);
}

// Like the tests' server: small limits, so that they are met.
static void begin(struct script *script)
{
    struct errmsg detail;
    fake_host_init(&script->host);
    fake_host_annotate(&script->host);
    struct http_server_config config = {.listen_address = "127.0.0.1:0",
                                        .token = TOKEN,
                                        .host = &script->host,
                                        .clock = fake_host_clock(&script->host),
                                        .request_timeout_ms = 1000,
                                        .change_timeout_ms = 5000,
                                        .value_bytes_max = 200,
                                        .held_bytes_max = 2000};
    library_on_answer(note_answer);
    CHECK(http_server_open(&config, &script->server, &detail) == ERR_OK);
    CHECK(http_server_timeout_ms(script->server) == UINT64_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static struct script script;
    script = (struct script){.text = slice_of(bytes, length), .piece = SIZE_MAX / 2};
    begin(&script);
    for (unsigned i = 0; i < ACTS_MAX && script.text.length > 0; i++) {
        struct slice line = take_line(&script);
        if (begins(line, "!"))
            command(&script, line);
        else if (line.length > 0 && script.requests < REQUESTS_MAX)
            ask(&script, line);
    }
    http_server_close(script.server);
    // The host may owe replies still: nobody waits for them.
    script.host.holds = false;
    fake_host_release(&script.host, &(struct reply){.error = ERR_UNKNOWN});
    fake_host_clear(&script.host);
    return 0;
}
