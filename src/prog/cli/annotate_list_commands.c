// Many annotations, their channels, and authors who are not to be seen.
#include "cli/annotate_commands.h"
#include "cli/annotation_view.h"
#include "cli/annotations.h"

#include "base/check.h"

#include <string.h>

enum { PAGE_ITEMS = 100, PAGES_MAX = 1000000, CURSOR_BYTES_MAX = 1024, LIMIT_DEFAULT = 50 };

void annotate_add_filters(const struct session *session, struct buf *path)
{
    const struct options *options = &session->options;
    annotations_path_argument(path, "channel", options->text[OPTION_CHANNEL]);
    annotations_path_argument(path, "link", options->text[OPTION_LINK]);
    annotations_path_argument(path, "author", options->text[OPTION_AUTHOR]);
    annotations_path_argument(path, "q", options->text[OPTION_SEARCH]);
    annotations_path_argument(path, "muted", options_have(options, OPTION_MUTED) ? "show" : NULL);
}

// --- ls

// How far the list has come.
struct listing {
    uint64_t left;
    size_t shown;
    char cursor[CURSOR_BYTES_MAX]; // of the next page, "" for the first
};

static enum err fetch_page(struct session *session, const struct listing *listing, json_t **page,
                           struct errmsg *detail)
{
    const struct options *options = &session->options;
    struct buf path;
    char limit[32];
    snprintf(limit, sizeof limit, "%llu",
             (unsigned long long)(listing->left < PAGE_ITEMS ? listing->left : PAGE_ITEMS));
    annotations_path_begin(&path, "/v1/annotations");
    annotate_add_filters(session, &path);
    annotations_path_argument(&path, "sort", options->text[OPTION_SORT]);
    annotations_path_argument(&path, "order", options->text[OPTION_ORDER]);
    annotations_path_argument(&path, "limit", limit);
    annotations_path_argument(&path, "cursor", listing->cursor[0] != '\0' ? listing->cursor : NULL);
    const char *text = annotations_path_end(&path, detail);
    enum err e =
        text != NULL ? annotations_page(&session->client, text, page, detail) : ERR_TOO_LARGE;
    buf_release(&path);
    return e;
}

static void print_page(const struct session *session, struct listing *listing, const json_t *items)
{
    for (size_t i = 0; i < json_array_size(items) && listing->left > 0; i++, listing->left--) {
        const json_t *item = json_array_get(items, i);
        if (session->output.json) {
            printf(listing->shown > 0 ? "," : "");
            json_dumpf(item, stdout, JSON_COMPACT);
        } else {
            printf(listing->shown > 0 ? "\n" : "");
            annotation_view_print(&session->output, item, false);
        }
        listing->shown++;
    }
}

// Whether there is a next page; then its cursor is the listing's.
static enum err turn_page(struct listing *listing, const json_t *page, bool *more,
                          struct errmsg *detail)
{
    const char *next = json_string_value(json_object_get(page, "cursor"));
    *more = next != NULL && listing->left > 0;
    if (!*more)
        return ERR_OK;
    if (strlen(next) >= sizeof listing->cursor || strcmp(next, listing->cursor) == 0)
        return errmsg_set(detail, ERR_CORRUPT, "the server's cursor does not move on");
    memcpy(listing->cursor, next, strlen(next) + 1);
    return ERR_OK;
}

static enum err list_pages(struct session *session, struct listing *listing, struct errmsg *detail)
{
    bool more = true;
    enum err e = ERR_OK;
    for (size_t i = 0; i < PAGES_MAX && more && e == ERR_OK; i++) {
        json_t *page = NULL;
        e = fetch_page(session, listing, &page, detail);
        if (e == ERR_OK) {
            print_page(session, listing, json_object_get(page, "annotations"));
            e = turn_page(listing, page, &more, detail);
        }
        json_decref(page);
    }
    return e;
}

enum exit_code annotate_ls_command(struct session *session)
{
    struct errmsg detail = {0};
    struct listing listing = {.left = options_have(&session->options, OPTION_LIMIT)
                                          ? session->options.number[OPTION_LIMIT]
                                          : LIMIT_DEFAULT};
    if (session->output.json)
        printf("{\"status\": \"success\", \"annotations\": [");
    enum err e = list_pages(session, &listing, &detail);
    if (session->output.json)
        printf("], \"complete\": %s}\n", e == ERR_OK ? "true" : "false");
    else if (e == ERR_OK && listing.shown == 0 && session->output.terminal)
        printf("there are no such annotations\n");
    return e == ERR_OK ? session_finish(session) : session_fail(session, e, &detail);
}

// --- channels

static void add_count(struct grid *grid, const json_t *channel, const char *name, enum color color)
{
    long long count = (long long)json_integer_value(json_object_get(channel, name));
    grid_add(grid, count > 0 ? color : COLOR_NONE, "%lld", count);
}

static void print_channels(const struct session *session, const json_t *channels)
{
    static const char *const titles[] = {"CHANNEL", ">ANNOTATIONS", ">CONFLICTS", "SUBSCRIBED",
                                         "LAST CHANGE"};
    struct grid grid;
    grid_init(&grid, sizeof titles / sizeof *titles, titles);
    for (size_t i = 0; i < json_array_size(channels) && i < GRID_CELLS_MAX / GRID_COLUMNS_MAX;
         i++) {
        const json_t *channel = json_array_get(channels, i);
        const json_t *name = json_object_get(channel, "name");
        const json_t *modified = json_object_get(channel, "modified");
        grid_add_bytes(&grid, slice_of(json_string_value(name), json_string_length(name)));
        add_count(&grid, channel, "annotations", COLOR_NONE);
        add_count(&grid, channel, "conflicts", COLOR_YELLOW);
        grid_add(&grid, COLOR_NONE,
                 json_is_true(json_object_get(channel, "subscribed")) ? "yes" : "no");
        if (json_is_string(modified))
            grid_add_bytes(&grid,
                           slice_of(json_string_value(modified), json_string_length(modified)));
        else
            grid_add(&grid, COLOR_DIM, "-");
    }
    grid_print(&grid, &session->output);
    grid_release(&grid);
}

// Asks, and prints the answer as it is, or through `print`.
static enum exit_code ask_and_print(struct session *session, const char *path, const char *member,
                                    void (*print)(const struct session *session,
                                                  const json_t *items))
{
    struct errmsg detail = {0};
    json_t *answer = NULL;
    enum err e = client_ask_json(&session->client, METHOD_GET, path, NULL, &answer, &detail);
    if (e == ERR_OK && !json_is_array(json_object_get(answer, member)))
        e = errmsg_set(&detail, ERR_CORRUPT, "the server's answer holds no %s", member);
    if (e != ERR_OK) {
        json_decref(answer);
        return session_fail(session, e, &detail);
    }
    if (session->output.json) {
        output_json(answer);
    } else {
        print(session, json_object_get(answer, member));
        json_decref(answer);
    }
    return session_finish(session);
}

enum exit_code annotate_channels_command(struct session *session)
{
    return ask_and_print(session, "/v1/channels", "channels", print_channels);
}

static void print_authors(const struct session *session, const json_t *authors)
{
    (void)session;
    for (size_t i = 0; i < json_array_size(authors); i++) {
        annotation_view_print_text(json_array_get(authors, i));
        putchar('\n');
    }
}

enum exit_code annotate_muted_command(struct session *session)
{
    return ask_and_print(session, "/v1/authors/muted", "authors", print_authors);
}

// --- small changes

static enum exit_code change(struct session *session, enum method method, const char *start,
                             const char *suffix, const json_t *body, const char *done)
{
    struct errmsg detail = {0};
    struct buf path;
    json_t *answer = NULL;
    enum err e = ERR_TOO_LARGE;
    annotations_path_begin(&path, start);
    if (suffix != NULL) {
        annotations_path_segment(&path, session->words[0]);
        buf_append_slice(&path, slice_of_text(suffix));
    }
    const char *text = annotations_path_end(&path, &detail);
    if (text != NULL)
        e = client_ask_json(&session->client, method, text, body, &answer, &detail);
    buf_release(&path);
    if (e != ERR_OK)
        return session_fail(session, e, &detail);
    if (session->output.json) {
        output_json(answer);
    } else {
        printf("%s ", done);
        output_printable(stdout, slice_of_text(session->words[0]));
        putchar('\n');
        json_decref(answer);
    }
    return session_finish(session);
}

enum exit_code annotate_subscribe_command(struct session *session)
{
    json_t *body = json_object();
    CHECK(body != NULL);
    output_json_bytes(body, "name", slice_of_text(session->words[0]));
    enum exit_code code = change(session, METHOD_POST, "/v1/channels", NULL, body, "subscribed to");
    json_decref(body);
    return code;
}

enum exit_code annotate_unsubscribe_command(struct session *session)
{
    return change(session, METHOD_DELETE, "/v1/channels/", "", NULL, "unsubscribed from");
}

enum exit_code annotate_mute_command(struct session *session)
{
    return change(session, METHOD_PUT, "/v1/authors/", "/mute", NULL, "muted");
}

enum exit_code annotate_unmute_command(struct session *session)
{
    return change(session, METHOD_DELETE, "/v1/authors/", "/mute", NULL, "unmuted");
}
