#include "cli/kv_commands.h"

#include "cli/kv.h"
#include "cli/version_list.h"

#include <stdlib.h>
#include <unistd.h>

enum { LIST_PAGE_KEYS = 1000, LIST_PAGES_MAX = 1 << 24, LIST_CURSOR_BYTES_MAX = 8192 };

static struct slice key_of(const struct session *session)
{
    return slice_of_text(session->words[0]);
}

static struct kv_condition condition_of(const struct session *session)
{
    return (struct kv_condition){.etag = session->options.text[OPTION_IF_MATCH],
                                 .absent = options_have(&session->options, OPTION_IF_ABSENT)};
}

// Gathers the value that put writes: a word, a file, or standard input.
static enum err read_value(const struct session *session, struct buf *value, struct errmsg *detail)
{
    const char *path = session->options.text[OPTION_FILE];
    const char *word = session->word_count > 1 ? session->words[1] : "-";
    if (path != NULL && strcmp(path, "-") != 0)
        return file_read(value, path, detail);
    if (strcmp(word, "-") == 0)
        return file_read_descriptor(value, STDIN_FILENO, "standard input", detail);
    buf_append_slice(value, slice_of_text(word));
    return ERR_OK;
}

static void print_put(const struct session *session, const struct kv_outcome *outcome)
{
    if (session->output.json) {
        json_t *object = json_object();
        json_object_set_new(object, "status", json_string("success"));
        output_json_bytes(object, "key", key_of(session));
        json_object_set_new(object, "created", json_boolean(outcome->created));
        json_object_set_new(object, "etag",
                            outcome->etag[0] != '\0' ? json_string(outcome->etag) : json_null());
        output_json(object);
        return;
    }
    printf("%s ", outcome->created ? "created" : "updated");
    output_printable(stdout, key_of(session));
    printf(outcome->etag[0] != '\0' ? "  (etag %s)\n" : "\n", outcome->etag);
}

enum exit_code put_command(struct session *session)
{
    bool has_file = options_have(&session->options, OPTION_FILE);
    if (has_file == (session->word_count == 2))
        return session_usage(session, has_file ? "give either VALUE or --file"
                                               : "give VALUE, - or --file FILE");
    struct kv_condition condition = condition_of(session);
    if (condition.absent && condition.etag != NULL)
        return session_usage(session, "--if-match and --if-absent exclude each other");
    struct errmsg detail = {0};
    struct kv_outcome outcome;
    struct buf value;
    buf_init(&value, ANSWER_BYTES_MAX);
    enum err e = read_value(session, &value, &detail);
    if (e == ERR_OK)
        e = kv_put_for(&session->client, session_keyspace(session), key_of(session),
                       buf_slice(&value), session->options.number[OPTION_TTL], &condition, &outcome,
                       &detail);
    buf_release(&value);
    if (e != ERR_OK)
        return session_fail(session, e, &detail);
    print_put(session, &outcome);
    return session_finish(session);
}

// The server's message for an absent key, and the exit code that scripts wait for.
static enum exit_code fail_for_key(const struct session *session, enum err e,
                                   const struct errmsg *detail)
{
    enum exit_code code = session_fail(session, e, detail);
    return e == ERR_NOT_FOUND ? EXIT_CODE_NOT_FOUND : code;
}

// Members of a version: its value, size and ETag.
static void add_value(json_t *object, struct slice value, const char *etag)
{
    output_json_bytes(object, "value", value);
    json_object_set_new(object, "size", json_integer((json_int_t)value.length));
    json_object_set_new(object, "etag", etag[0] != '\0' ? json_string(etag) : json_null());
}

static void print_value(const struct session *session, const struct answer *answer)
{
    if (session->output.json) {
        json_t *object = json_object();
        json_object_set_new(object, "status", json_string("success"));
        output_json_bytes(object, "key", key_of(session));
        add_value(object, buf_slice(&answer->body), answer->etag);
        output_json(object);
        return;
    }
    if (answer->body.length > 0)
        fwrite(answer->body.bytes, 1, answer->body.length, stdout);
    if (session->output.terminal)
        putchar('\n');
    kv_commands_note(session, answer);
}

void kv_commands_note(const struct session *session, const struct answer *answer)
{
    if (session->output.terminal && answer->state[0] != '\0')
        printf("%s(%s)%s\n", output_color(&session->output, COLOR_DIM), answer->state,
               output_plain(&session->output));
    fflush(stdout);
    if (answer->conflicts > 0)
        fprintf(stderr,
                "%llu other version%s in conflict with this one: 'brusio get --conflicts'\n",
                (unsigned long long)answer->conflicts, answer->conflicts == 1 ? " is" : "s are");
}

static void print_versions_json(const struct session *session, const struct version_list *list)
{
    json_t *object = json_object();
    json_t *conflicts = json_array();
    json_object_set_new(object, "status", json_string("success"));
    output_json_bytes(object, "key", key_of(session));
    for (size_t i = 0; i < list->count; i++) {
        const struct version_entry *entry = &list->entries[i];
        json_t *version = i == 0 ? object : json_object();
        add_value(version, buf_slice(&entry->value), entry->etag);
        json_object_set_new(version, "state", json_string(entry->state));
        if (entry->expires[0] != '\0')
            json_object_set_new(version, "expires", json_string(entry->expires));
        if (i > 0)
            json_array_append_new(conflicts, version);
    }
    json_object_set_new(object, "conflicts", conflicts);
    output_json(object);
}

static void print_versions(const struct session *session, const struct version_list *list)
{
    static const char *const titles[] = {"ETAG", "STATE", "EXPIRES", "VALUE"};
    struct grid grid;
    grid_init(&grid, sizeof titles / sizeof *titles, titles);
    for (size_t i = 0; i < list->count; i++) {
        const struct version_entry *entry = &list->entries[i];
        bool stable = strcmp(entry->state, "stable") == 0;
        grid_add(&grid, COLOR_DIM, "%s", entry->etag);
        grid_add(&grid, stable ? COLOR_GREEN : COLOR_YELLOW, "%s", entry->state);
        grid_add(&grid, COLOR_DIM, "%s", entry->expires[0] != '\0' ? entry->expires : "never");
        grid_add_bytes(&grid, buf_slice(&entry->value));
    }
    grid_print(&grid, &session->output);
    grid_release(&grid);
}

// All versions of a key, if its keyspace is an optimistic one.
static enum err show_versions(const struct session *session, const struct answer *answer,
                              struct errmsg *detail)
{
    struct version_list list;
    if (answer->state[0] == '\0')
        return errmsg_set(detail, ERR_INVALID, "the keyspace is strong: there are no conflicts");
    version_list_init(&list);
    enum err e = version_list_decode(&list, buf_slice(&answer->body), detail);
    if (e == ERR_OK && session->output.json)
        print_versions_json(session, &list);
    else if (e == ERR_OK)
        print_versions(session, &list);
    version_list_release(&list);
    return e;
}

enum exit_code get_command(struct session *session)
{
    struct errmsg detail = {0};
    struct answer answer;
    bool conflicts = options_have(&session->options, OPTION_CONFLICTS);
    struct kv_view view = {.local = options_have(&session->options, OPTION_LOCAL),
                           .stable = options_have(&session->options, OPTION_STABLE),
                           .versions = conflicts || session->output.json};
    answer_init(&answer);
    enum err e = kv_get(&session->client, session_keyspace(session), key_of(session), &view,
                        &answer, &detail);
    enum exit_code code = EXIT_CODE_OK;
    if (e != ERR_OK) {
        code = fail_for_key(session, e, &detail);
        goto done;
    }
    if (conflicts || (view.versions && answer.state[0] != '\0'))
        e = show_versions(session, &answer, &detail);
    else
        print_value(session, &answer);
    code = e == ERR_OK ? session_finish(session) : session_fail(session, e, &detail);
done:
    answer_release(&answer);
    return code;
}

enum exit_code delete_command(struct session *session)
{
    struct errmsg detail = {0};
    struct kv_condition condition = condition_of(session);
    enum err e = kv_delete(&session->client, session_keyspace(session), key_of(session), &condition,
                           &detail);
    if (e != ERR_OK)
        return fail_for_key(session, e, &detail);
    if (session->output.json) {
        json_t *object = json_object();
        json_object_set_new(object, "status", json_string("success"));
        output_json_bytes(object, "key", key_of(session));
        output_json(object);
    } else {
        printf("deleted ");
        output_printable(stdout, key_of(session));
        putchar('\n');
    }
    return session_finish(session);
}

// ETags go out as put and get print them: without the quotes of HTTP.
static void strip_etags(json_t *keys)
{
    for (size_t i = 0; i < json_array_size(keys); i++) {
        json_t *entry = json_array_get(keys, i);
        const json_t *etag = json_object_get(entry, "etag");
        const char *text = json_string_value(etag);
        size_t length = json_string_length(etag);
        if (text != NULL && length >= 2 && text[0] == '"' && text[length - 1] == '"')
            json_object_set_new(entry, "etag", json_stringn(text + 1, length - 2));
    }
}

static void print_page_json(const json_t *keys, bool first)
{
    for (size_t i = 0; i < json_array_size(keys); i++) {
        if (!first || i > 0)
            putchar(',');
        json_dumpf(json_array_get(keys, i), stdout, JSON_COMPACT);
    }
}

static void print_page(const struct session *session, const json_t *keys, bool first)
{
    struct grid grid;
    static const char *const titles[] = {">SIZE", "ETAG", "KEY"};
    grid_init(&grid, 3, titles);
    struct buf key;
    buf_init(&key, LIST_CURSOR_BYTES_MAX);
    for (size_t i = 0; i < json_array_size(keys); i++) {
        const json_t *entry = json_array_get(keys, i);
        buf_clear(&key);
        output_read_bytes(&key, entry, "key");
        if (session->output.terminal) {
            const char *etag = json_string_value(json_object_get(entry, "etag"));
            grid_add(&grid, COLOR_NONE, "%lld",
                     (long long)json_integer_value(json_object_get(entry, "size")));
            grid_add(&grid, COLOR_DIM, "%s", etag != NULL ? etag : "");
            grid_add_bytes(&grid, buf_slice(&key));
        } else {
            output_printable(stdout, buf_slice(&key));
            putchar('\n');
        }
    }
    if (session->output.terminal && (first || json_array_size(keys) > 0))
        grid_print(&grid, &session->output);
    buf_release(&key);
    grid_release(&grid);
}

// Prints pages until the last, or until `limit` keys; `cursor` is scratch of the caller.
static enum err list_pages(struct session *session, uint64_t limit,
                           char cursor[LIST_CURSOR_BYTES_MAX], struct errmsg *detail)
{
    struct slice prefix = slice_of_text(
        session->options.text[OPTION_PREFIX] != NULL ? session->options.text[OPTION_PREFIX] : "");
    uint64_t left = limit;
    bool first_key = true;
    for (size_t at = 0; at < LIST_PAGES_MAX && left > 0; at++) {
        json_t *page = NULL;
        enum err e = kv_list(&session->client, session_keyspace(session), prefix,
                             left < LIST_PAGE_KEYS ? left : LIST_PAGE_KEYS, at > 0 ? cursor : NULL,
                             &page, detail);
        if (e != ERR_OK)
            return e;
        json_t *keys = json_object_get(page, "keys");
        if (json_array_size(keys) > left || json_array_size(keys) > LIST_PAGE_KEYS) {
            json_decref(page);
            return errmsg_set(detail, ERR_CORRUPT,
                              "the server lists more keys than it was asked for");
        }
        strip_etags(keys);
        if (session->output.json)
            print_page_json(keys, first_key);
        else
            print_page(session, keys, at == 0);
        left -= json_array_size(keys);
        first_key = first_key && json_array_size(keys) == 0;
        const char *next = json_string_value(json_object_get(page, "cursor"));
        bool over = next == NULL || next[0] == '\0';
        bool stuck = !over && (strlen(next) >= LIST_CURSOR_BYTES_MAX ||
                               (at > 0 && strcmp(next, cursor) == 0));
        if (!over && !stuck)
            memcpy(cursor, next, strlen(next) + 1);
        json_decref(page);
        if (stuck)
            return errmsg_set(detail, ERR_CORRUPT, "the server's cursor does not move on");
        if (over)
            break;
    }
    return ERR_OK;
}

enum exit_code list_command(struct session *session)
{
    uint64_t limit = options_have(&session->options, OPTION_LIMIT)
                         ? session->options.number[OPTION_LIMIT]
                         : UINT64_MAX;
    char cursor[LIST_CURSOR_BYTES_MAX] = "";
    struct errmsg detail = {0};
    if (session->output.json)
        printf("{\"status\": \"success\", \"keys\": [");
    enum err e = list_pages(session, limit, cursor, &detail);
    if (session->output.json)
        printf("], \"complete\": %s}\n", e == ERR_OK ? "true" : "false");
    return e == ERR_OK ? session_finish(session) : session_fail(session, e, &detail);
}
