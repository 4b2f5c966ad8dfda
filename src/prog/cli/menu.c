#include "cli/menu.h"

#include "base/check.h"
#include "cli/annotation_view.h"
#include "cli/annotations.h"
#include "cli/keyspace_list.h"
#include "cli/kv.h"
#include "cli/kv_commands.h"
#include "cli/membership.h"
#include "cli/node_commands.h"
#include "cli/space_commands.h"

#include <editline/readline.h>
#include <locale.h>
#include <stdlib.h>
#include <unistd.h>

enum { LINE_BYTES_MAX = 64 * 1024, HISTORY_LINES_MAX = 500 };

struct menu {
    struct session *session;
    bool editing;
};

// One line without its end, to be freed; NULL at the end of input. A line past LINE_BYTES_MAX reads
// as empty.
static char *read_plain(const char *prompt)
{
    printf("%s", prompt);
    fflush(stdout);
    char *line = memory_new(LINE_BYTES_MAX);
    if (fgets(line, LINE_BYTES_MAX, stdin) == NULL) {
        free(line);
        return NULL;
    }
    size_t length = strcspn(line, "\n");
    if (line[length] == '\0' && length == LINE_BYTES_MAX - 1) {
        for (int next = getchar(); next != EOF && next != '\n';)
            next = getchar();
        fprintf(stderr, "brusio: that line is too long\n");
        length = 0;
    }
    line[length] = '\0';
    return line;
}

static char *read_line(const struct menu *menu, const char *prompt)
{
    return menu->editing ? readline(prompt) : read_plain(prompt);
}

// An answer that is worth calling back later.
static char *ask(const struct menu *menu, const char *prompt)
{
    char *line = read_line(menu, prompt);
    if (menu->editing && line != NULL && line[0] != '\0')
        add_history(line);
    return line;
}

// Reports a failure; true when there was none.
static bool good(const struct menu *menu, enum err e, const struct errmsg *detail)
{
    if (e != ERR_OK)
        session_fail(menu->session, e, detail);
    return e == ERR_OK;
}

static void set_strategy(struct menu *menu)
{
    struct errmsg detail = {0};
    char *strategy = ask(menu, "Strategy (full or consistent): ");
    char *copies = NULL;
    uint64_t factor = 0;
    if (strategy == NULL)
        return;
    bool consistent = strcmp(strategy, "consistent") == 0;
    if (!consistent && strcmp(strategy, "full") != 0) {
        session_usage(menu->session, "the strategy is full or consistent, not '%s'", strategy);
        goto done;
    }
    if (consistent)
        copies = ask(menu, "Copies of each key (empty: as it is): ");
    if (copies != NULL && copies[0] != '\0' && !options_number(copies, 1, 255, &factor)) {
        session_usage(menu->session, "'%s' is not a number from 1 to 255", copies);
        goto done;
    }
    if (good(menu, strategy_set(&menu->session->client, strategy, factor, &detail), &detail))
        printf("The strategy is %s.\n", strategy);
done:
    free(copies);
    free(strategy);
}

static void write_key(struct menu *menu)
{
    struct errmsg detail = {0};
    struct kv_outcome outcome;
    char *key = ask(menu, "Key: ");
    char *value = key != NULL ? ask(menu, "Value: ") : NULL;
    if (value != NULL &&
        good(menu,
             kv_put(&menu->session->client, session_keyspace(menu->session), slice_of_text(key),
                    slice_of_text(value), NULL, &outcome, &detail),
             &detail))
        printf("%s.\n", outcome.created ? "Created" : "Updated");
    free(value);
    free(key);
}

static void read_key(struct menu *menu)
{
    struct errmsg detail = {0};
    struct answer answer;
    answer_init(&answer);
    char *key = ask(menu, "Key: ");
    if (key != NULL && good(menu,
                            kv_get(&menu->session->client, session_keyspace(menu->session),
                                   slice_of_text(key), NULL, &answer, &detail),
                            &detail)) {
        output_printable(stdout, buf_slice(&answer.body));
        putchar('\n');
        kv_commands_note(menu->session, &answer);
    }
    answer_release(&answer);
    free(key);
}

static void delete_key(struct menu *menu)
{
    struct errmsg detail = {0};
    char *key = ask(menu, "Key: ");
    if (key != NULL && good(menu,
                            kv_delete(&menu->session->client, session_keyspace(menu->session),
                                      slice_of_text(key), NULL, &detail),
                            &detail))
        printf("Deleted.\n");
    free(key);
}

typedef enum err node_change(struct client *client, uint64_t id, struct errmsg *detail);

static void change_node(struct menu *menu, node_change *change, const char *done)
{
    struct errmsg detail = {0};
    uint64_t id;
    char *text = ask(menu, "Node: ");
    if (text == NULL)
        return;
    if (!options_number(text, 0, INT64_MAX, &id))
        session_usage(menu->session, "'%s' is not a node's number", text);
    else if (good(menu, change(&menu->session->client, id, &detail), &detail))
        printf("Node %llu %s.\n", (unsigned long long)id, done);
    free(text);
}

static void fail_one(struct menu *menu)
{
    change_node(menu, node_fail, "is failed");
}

static void recover_one(struct menu *menu)
{
    change_node(menu, node_recover, "is recovered");
}

static void show_nodes(struct menu *menu)
{
    struct errmsg detail = {0};
    struct node_list list;
    node_list_init(&list);
    if (good(menu, node_list_fetch(&list, &menu->session->client, &detail), &detail))
        node_commands_print(menu->session, &list);
    node_list_release(&list);
}

static void recover_all(struct menu *menu)
{
    struct errmsg detail = {0};
    size_t recovered;
    if (good(menu, node_commands_recover_all(menu->session, &recovered, &detail), &detail))
        printf("%zu recovered.\n", recovered);
}

static void add_node(struct menu *menu)
{
    struct errmsg detail = {0};
    char *address = ask(menu, "Where it will listen for other nodes (HOST:PORT): ");
    if (address == NULL)
        return;
    if (!membership_is_address(address))
        session_usage(menu->session, "'%s' is not HOST:PORT", address);
    else
        good(menu, membership_add(menu->session, address, false, &detail), &detail);
    free(address);
}

static void remove_node(struct menu *menu)
{
    struct errmsg detail = {0};
    uint64_t id;
    char *text = ask(menu, "Node: ");
    char *sure = text != NULL ? read_line(menu, "Remove it for good (yes or no): ") : NULL;
    if (sure == NULL)
        goto done;
    if (!options_number(text, 0, INT64_MAX, &id))
        session_usage(menu->session, "'%s' is not a node's number", text);
    else if (strcmp(sure, "yes") != 0)
        printf("Nothing was changed.\n");
    else
        good(menu, membership_remove(menu->session, id, false, &detail), &detail);
done:
    free(sure);
    free(text);
}

static void show_peers(struct menu *menu)
{
    struct errmsg detail = {0};
    good(menu, space_commands_show_peers(menu->session, &detail), &detail);
}

static void show_stability(struct menu *menu)
{
    struct errmsg detail = {0};
    char *name = ask(menu, "Keyspace: ");
    if (name != NULL)
        good(menu, space_commands_show_stability(menu->session, name, &detail), &detail);
    free(name);
}

static void write_annotation(struct menu *menu)
{
    struct errmsg detail = {0};
    json_t *annotation = NULL;
    char *channel = ask(menu, "Channel: ");
    char *link = channel != NULL ? ask(menu, "Link: ") : NULL;
    char *text = link != NULL ? ask(menu, "Text: ") : NULL;
    char *rating = text != NULL ? ask(menu, "Rating (0 to 5, empty: none): ") : NULL;
    struct annotation_words words = {.channel = channel, .link = link, .text = text};
    if (rating != NULL && rating[0] != '\0')
        words.rating = rating;
    if (rating != NULL &&
        good(menu, annotations_add(&menu->session->client, &words, &annotation, &detail), &detail))
        annotation_view_print(&menu->session->output, annotation, false);
    json_decref(annotation);
    free(rating);
    free(text);
    free(link);
    free(channel);
}

static void read_annotations(struct menu *menu)
{
    struct errmsg detail = {0};
    struct buf path;
    json_t *page = NULL;
    char *link = ask(menu, "Link (empty: all): ");
    if (link == NULL)
        return;
    annotations_path_begin(&path, "/v1/annotations");
    annotations_path_argument(&path, "link", link[0] != '\0' ? link : NULL);
    const char *text = annotations_path_end(&path, &detail);
    if (good(menu,
             text != NULL ? annotations_page(&menu->session->client, text, &page, &detail)
                          : ERR_TOO_LARGE,
             &detail)) {
        const json_t *items = json_object_get(page, "annotations");
        for (size_t i = 0; i < json_array_size(items); i++)
            annotation_view_print(&menu->session->output, json_array_get(items, i), false);
        printf("%zu annotations.\n", json_array_size(items));
    }
    json_decref(page);
    buf_release(&path);
    free(link);
}

static const struct {
    const char *title;
    void (*run)(struct menu *menu);
} choices[] = {
    {"Set the replication strategy", set_strategy},
    {"Write a key", write_key},
    {"Read a key", read_key},
    {"Delete a key", delete_key},
    {"Fail a node", fail_one},
    {"Recover a node", recover_one},
    {"Show the nodes", show_nodes},
    {"Recover all nodes", recover_all},
    {"Add a node", add_node},
    {"Remove a node", remove_node},
    {"Show the peers of optimistic keyspaces", show_peers},
    {"Show how stable an optimistic keyspace is", show_stability},
    {"Write an annotation on a link", write_annotation},
    {"Read annotations", read_annotations},
    {"Exit", NULL},
};

enum { CHOICE_COUNT = sizeof choices / sizeof *choices };

static void print_choices(const struct menu *menu)
{
    putchar('\n');
    for (size_t i = 0; i < CHOICE_COUNT; i++)
        printf("  %s%zu%s  %s\n", output_color(&menu->session->output, COLOR_BOLD), i + 1,
               output_plain(&menu->session->output), choices[i].title);
}

enum exit_code menu_command(struct session *session)
{
    struct menu menu = {.session = session,
                        .editing = isatty(STDIN_FILENO) == 1 && session->output.terminal};
    if (session->output.json)
        return session_usage(session, "the menu is for people: scripts use the other commands");
    if (menu.editing) {
        // For lines that are not ASCII.
        setlocale(LC_CTYPE, "");
        using_history();
        stifle_history(HISTORY_LINES_MAX);
    }
    for (;;) {
        print_choices(&menu);
        char *line = read_line(&menu, "Choice: ");
        if (line == NULL) {
            putchar('\n');
            break;
        }
        char *choice = line + strspn(line, " \t");
        choice[strcspn(choice, " \t\r")] = '\0';
        uint64_t number = 0;
        bool known = options_number(choice, 1, CHOICE_COUNT, &number);
        if (!known && choice[0] != '\0')
            session_usage(session, "'%s' is not one of the choices 1 to %d", choice, CHOICE_COUNT);
        free(line);
        if (known && choices[number - 1].run == NULL)
            break;
        if (known)
            choices[number - 1].run(&menu);
        fflush(stdout);
    }
    return session_finish(session);
}
