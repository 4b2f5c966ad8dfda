#include "cli/session.h"

#include "base/check.h"
#include "cli/cluster_file.h"

#include <stdarg.h>
#include <stdlib.h>

enum { MESSAGE_BYTES_MAX = 1024 };

static enum exit_code exit_code_of(enum err e)
{
    switch (e) {
    case ERR_OK:
        return EXIT_CODE_OK;
    case ERR_MISMATCH:
        return EXIT_CODE_CONDITION;
    case ERR_UNAVAILABLE:
    case ERR_RETRY:
    case ERR_UNKNOWN:
    case ERR_TIMEOUT:
    case ERR_BUSY:
    case ERR_NETWORK:
        return EXIT_CODE_UNAVAILABLE;
    default:
        return EXIT_CODE_FAILED;
    }
}

enum exit_code session_fail(const struct session *session, enum err e, const struct errmsg *detail)
{
    output_error(&session->output, err_name(e),
                 detail->text[0] != '\0' ? detail->text : err_sentence(e));
    return exit_code_of(e);
}

enum exit_code session_usage(const struct session *session, const char *format, ...)
{
    char message[MESSAGE_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    output_error(&session->output, "usage", message);
    return EXIT_CODE_USAGE;
}

enum exit_code session_finish(const struct session *session)
{
    struct errmsg detail = {0};
    enum err e = output_flush(&detail);
    return e == ERR_OK ? EXIT_CODE_OK : session_fail(session, e, &detail);
}

const char *session_keyspace(const struct session *session)
{
    const char *name = session->options.text[OPTION_KEYSPACE];
    return name != NULL ? name : "default";
}

static const char *environment(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

// Endpoints separated by commas.
static enum err add_list(struct target *target, const char *list, struct errmsg *detail)
{
    char *copy = memory_copy(list, strlen(list) + 1);
    enum err e = ERR_OK;
    char *rest = copy;
    for (char *item = strsep(&rest, ","); item != NULL && e == ERR_OK; item = strsep(&rest, ","))
        e = target_add(target, item, detail);
    free(copy);
    return e;
}

static enum err add_directory(struct target *target, const char *directory, struct errmsg *detail)
{
    struct cluster_file *file = memory_zeroed(1, sizeof *file);
    enum err e = cluster_file_load(file, directory, detail);
    for (size_t i = 0; e == ERR_OK && i < file->node_count; i++) {
        char endpoint[ENDPOINT_BYTES_MAX];
        snprintf(endpoint, sizeof endpoint, "http://127.0.0.1:%u", file->nodes[i].http_port);
        e = target_add(target, endpoint, detail);
    }
    free(file);
    return e;
}

static enum err find_endpoints(const struct session *session, struct target *target,
                               struct errmsg *detail)
{
    const struct options *options = &session->options;
    enum err e = ERR_OK;
    for (size_t i = 0; e == ERR_OK && i < options->endpoint_count; i++)
        e = target_add(target, options->endpoints[i], detail);
    if (e != ERR_OK || target->endpoint_count > 0)
        return e;
    if (options_have(options, OPTION_DIR))
        return add_directory(target, options->text[OPTION_DIR], detail);
    if (environment("BRUSIO_ENDPOINT") != NULL)
        return add_list(target, environment("BRUSIO_ENDPOINT"), detail);
    if (environment("BRUSIO_DIR") != NULL)
        return add_directory(target, environment("BRUSIO_DIR"), detail);
    return target_add(target, "http://127.0.0.1:5000", detail);
}

static enum err use_token_file(struct target *target, const char *path, struct errmsg *detail)
{
    char token[SECRET_BYTES_MAX];
    enum err e = file_read_secret(token, path, detail);
    return e == ERR_OK ? target_set_token(target, token, detail) : e;
}

static enum err use_directory_token(struct target *target, const char *directory,
                                    struct errmsg *detail)
{
    char path[FILE_PATH_BYTES_MAX];
    enum err e = file_path(path, detail, "%s/token", directory);
    return e == ERR_OK ? use_token_file(target, path, detail) : e;
}

static enum err find_token(const struct session *session, struct target *target,
                           struct errmsg *detail)
{
    const struct options *options = &session->options;
    if (options_have(options, OPTION_TOKEN))
        return target_set_token(target, options->text[OPTION_TOKEN], detail);
    if (options_have(options, OPTION_TOKEN_FILE))
        return use_token_file(target, options->text[OPTION_TOKEN_FILE], detail);
    if (options_have(options, OPTION_DIR))
        return use_directory_token(target, options->text[OPTION_DIR], detail);
    if (environment("BRUSIO_TOKEN") != NULL)
        return target_set_token(target, environment("BRUSIO_TOKEN"), detail);
    if (environment("BRUSIO_DIR") != NULL)
        return use_directory_token(target, environment("BRUSIO_DIR"), detail);
    return ERR_OK;
}

enum exit_code session_connect(struct session *session)
{
    struct target *target = memory_zeroed(1, sizeof *target);
    struct errmsg detail = {0};
    enum err e = find_endpoints(session, target, &detail);
    if (e == ERR_OK)
        e = find_token(session, target, &detail);
    long timeout_ms = options_have(&session->options, OPTION_TIMEOUT)
                          ? (long)session->options.number[OPTION_TIMEOUT] * 1000
                          : REQUEST_TIMEOUT_MS;
    if (e == ERR_OK)
        e = client_init(&session->client, target, timeout_ms, &detail);
    free(target);
    return e == ERR_OK ? EXIT_CODE_OK : session_fail(session, e, &detail);
}

void session_release(struct session *session)
{
    client_release(&session->client);
}
