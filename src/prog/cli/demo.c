#include "cli/demo.h"

#include "base/check.h"
#include "cli/demo_keys.h"
#include "cli/demo_nodes.h"
#include "cli/interrupt.h"
#include "cli/keyspace_list.h"

#include <stdarg.h>
#include <stdlib.h>

enum {
    SENTENCE_BYTES = 512,
    COPIES_DEFAULT = 2,
    SETTLE_MS = 60000,
    SETTLE_POLL_MS = 300,
    SETTLED_POLLS = 2,
};

struct demo {
    struct session *session;
    struct demo_nodes nodes;
    struct keyspace_entry before; // how the keyspace was placed when the demonstration began
    bool strategy_changed;
    uint64_t failed; // the node that is failed now, 0 for none
    struct demo_keys keys;
    size_t broken; // observations that were not as promised
};

static void say(const struct demo *demo, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static bool observe(struct demo *demo, bool as_promised, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(const struct demo *demo, const char *format, ...)
{
    const struct output *output = &demo->session->output;
    if (output->json)
        return;
    va_list arguments;
    va_start(arguments, format);
    printf("\n%s", output_color(output, COLOR_BOLD));
    vprintf(format, arguments);
    printf("%s\n", output_plain(output));
    va_end(arguments);
    fflush(stdout);
}

// Prints what was seen, and whether it is what brusio promises; gives `as_promised` back.
static bool observe(struct demo *demo, bool as_promised, const char *format, ...)
{
    const struct output *output = &demo->session->output;
    char text[SENTENCE_BYTES + ERRMSG_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    demo->broken += !as_promised;
    if (output->json) {
        json_t *line = json_pack("{sb}", "as_promised", (int)as_promised);
        output_json_bytes(line, "observed", slice_of_text(text));
        output_json(line);
    } else {
        printf("  %s%-16s%s ", output_color(output, as_promised ? COLOR_GREEN : COLOR_RED),
               as_promised ? "ok" : "NOT AS PROMISED", output_plain(output));
        output_printable(stdout, slice_of_text(text));
        putchar('\n');
    }
    fflush(stdout);
    return as_promised;
}

// An observation that only needs a call to succeed.
static bool observe_done(struct demo *demo, enum err e, const struct errmsg *detail,
                         const char *what)
{
    if (e == ERR_OK)
        return observe(demo, true, "%s", what);
    return observe(demo, false, "%s: %s", what, detail->text);
}

// Writes every `step`th key, each through another node.
static bool write_keys(struct demo *demo, size_t step)
{
    struct errmsg detail = {0};
    size_t tried = 0;
    size_t acknowledged = 0;
    for (size_t key = 0; key < DEMO_KEYS; key += step) {
        tried++;
        acknowledged += demo_keys_write(&demo->keys, key,
                                        &demo->nodes.clients[tried % demo->nodes.count], &detail);
    }
    return observe(demo, acknowledged == tried,
                   "%zu of %zu writes acknowledged, sent to all nodes in turn%s%s", acknowledged,
                   tried, acknowledged < tried ? ": " : "", detail.text);
}

static bool read_through_all(struct demo *demo)
{
    struct errmsg wrong = {0};
    size_t tried = 0;
    size_t same = 0;
    for (size_t node = 0; node < demo->nodes.count; node++) {
        for (size_t key = 0; key < DEMO_KEYS; key++) {
            struct errmsg detail = {0};
            tried++;
            if (demo_keys_read(&demo->keys, key, &demo->nodes.clients[node], false, &detail))
                same++;
            else
                wrong = detail;
        }
    }
    return observe(demo, same == tried,
                   "%zu of %zu reads, %d keys through each of %zu nodes, give the last write%s%s",
                   same, tried, DEMO_KEYS, demo->nodes.count, same < tried ? ": " : "", wrong.text);
}

// Waits until every node is up and no slot is on its way; twice in a row, since a change may only
// be about to begin.
static bool settle(struct demo *demo)
{
    struct errmsg detail = {0};
    struct node_list list;
    node_list_init(&list);
    uint64_t end_ms = interrupt_now_ms() + SETTLE_MS;
    unsigned settled = 0;
    while (settled < SETTLED_POLLS && interrupt_now_ms() < end_ms && !interrupt_seen()) {
        enum err e = node_list_fetch(&list, &demo->session->client, &detail);
        settled = e == ERR_OK && node_list_settled(&list) ? settled + 1 : 0;
        interrupt_sleep(SETTLE_POLL_MS);
    }
    node_list_release(&list);
    return observe(demo, settled >= SETTLED_POLLS,
                   "every node is up, and no data is on its way%s%s",
                   detail.text[0] != '\0' ? ": " : "", detail.text);
}

// Which node is to fail: the one that orders the first key's writes, or else another that holds it.
// Observes how many do.
static bool choose_node(struct demo *demo, size_t copies, uint64_t *chosen)
{
    char name[DEMO_TEXT_BYTES];
    char ids[SENTENCE_BYTES / 2] = "";
    struct errmsg detail = {0};
    json_t *answer = NULL;
    demo_keys_name(&demo->keys, 0, name);
    enum err e = nodes_for_key(&demo->session->client, slice_of_text(name), &answer, &detail);
    if (e != ERR_OK)
        return observe_done(demo, e, &detail, "asked which nodes hold the first key");
    const json_t *nodes = json_object_get(answer, "nodes");
    size_t count = json_array_size(nodes);
    size_t length = 0;
    for (size_t i = 0; i < count && length < sizeof ids; i++)
        length += (size_t)snprintf(ids + length, sizeof ids - length, " %lld",
                                   (long long)json_integer_value(json_array_get(nodes, i)));
    json_int_t primary = json_integer_value(json_object_get(answer, "primary"));
    *chosen = (uint64_t)(primary > 0 ? primary : json_integer_value(json_array_get(nodes, 0)));
    json_decref(answer);
    return observe(demo, count == copies, "the first key is on %zu of %zu nodes:%s", count,
                   demo->nodes.count, ids);
}

static bool observe_listed(struct demo *demo, uint64_t id, bool up)
{
    struct errmsg detail = {0};
    struct node_list list;
    node_list_init(&list);
    enum err e = node_list_fetch(&list, &demo->session->client, &detail);
    bool good = false;
    if (e != ERR_OK) {
        observe_done(demo, e, &detail, "listed the nodes");
    } else {
        const struct node_entry *entry = node_list_find(&list, id);
        good = observe(demo, entry != NULL && entry->alive == up,
                       "the cluster lists node %llu as %s", (unsigned long long)id,
                       entry == NULL  ? "nothing"
                       : entry->alive ? "alive"
                                      : "dead");
    }
    node_list_release(&list);
    return good;
}

static bool fail_node(struct demo *demo, uint64_t id)
{
    struct errmsg detail = {0};
    say(demo, "Node %llu fails", (unsigned long long)id);
    // Whatever the answer, the node may be failed now, and is to be recovered.
    demo->failed = id;
    return observe_done(demo, node_fail(&demo->session->client, id, &detail), &detail,
                        "asked it to behave as dead") &&
           observe_listed(demo, id, false);
}

static bool use_without_node(struct demo *demo)
{
    struct errmsg detail = {0};
    bool good = read_through_all(demo) && write_keys(demo, 2);
    bool deleted =
        good && demo_keys_delete(&demo->keys, DEMO_KEYS - 1, &demo->session->client, &detail);
    return good && observe(demo, deleted, "a key deleted%s%s", deleted ? "" : ": ", detail.text) &&
           read_through_all(demo);
}

// What the returned node itself holds, of the keys that are placed on it.
static bool read_locally(struct demo *demo, uint64_t id)
{
    struct errmsg wrong = {0};
    size_t tried = 0;
    size_t same = 0;
    struct client *client = demo_nodes_client(&demo->nodes, id);
    for (size_t key = 0; key < DEMO_KEYS; key++) {
        char name[DEMO_TEXT_BYTES];
        struct errmsg detail = {0};
        json_t *answer = NULL;
        bool here = false;
        demo_keys_name(&demo->keys, key, name);
        if (nodes_for_key(&demo->session->client, slice_of_text(name), &answer, &detail) != ERR_OK)
            return observe(demo, false, "asked which nodes hold a key: %s", detail.text);
        const json_t *nodes = json_object_get(answer, "nodes");
        for (size_t i = 0; i < json_array_size(nodes); i++)
            here = here || (uint64_t)json_integer_value(json_array_get(nodes, i)) == id;
        json_decref(answer);
        if (!here)
            continue;
        tried++;
        if (demo_keys_read(&demo->keys, key, client, true, &detail))
            same++;
        else
            wrong = detail;
    }
    return observe(demo, same == tried,
                   "%zu of the %zu keys placed on node %llu are up to date on it%s%s", same, tried,
                   (unsigned long long)id, same < tried ? ": " : "", wrong.text);
}

static bool recover_node(struct demo *demo)
{
    struct errmsg detail = {0};
    uint64_t id = demo->failed;
    say(demo, "Node %llu recovers", (unsigned long long)id);
    if (!observe_done(demo, node_recover(&demo->session->client, id, &detail), &detail,
                      "asked it to serve again"))
        return false;
    demo->failed = 0;
    return observe_listed(demo, id, true) && settle(demo) && read_through_all(demo) &&
           read_locally(demo, id);
}

static bool delete_keys(struct demo *demo)
{
    struct errmsg detail = {0};
    size_t left = 0;
    for (size_t key = 0; key < DEMO_KEYS; key++) {
        if (demo->keys.touched[key])
            demo_keys_delete(&demo->keys, key, &demo->session->client, &detail);
        left += demo->keys.touched[key];
    }
    return observe(demo, left == 0, "the demonstration's keys are deleted%s%s",
                   left > 0 ? ": " : "", left > 0 ? detail.text : "");
}

static bool run_strategy(struct demo *demo, const char *strategy, uint64_t factor, size_t copies)
{
    struct errmsg detail = {0};
    uint64_t chosen = 0;
    if (factor > 0)
        say(demo, "Strategy %s: each key on %llu of %zu nodes", strategy,
            (unsigned long long)factor, demo->nodes.count);
    else
        say(demo, "Strategy %s: each key on every node", strategy);
    demo->strategy_changed = true;
    enum err e = strategy_set(&demo->session->client, strategy, factor, &detail);
    bool good = observe_done(demo, e, &detail, "the cluster agreed on the strategy") &&
                settle(demo) && write_keys(demo, 1) && read_through_all(demo) &&
                choose_node(demo, copies, &chosen) && !interrupt_seen() &&
                fail_node(demo, chosen) && use_without_node(demo) && !interrupt_seen() &&
                recover_node(demo) && delete_keys(demo) && read_through_all(demo);
    return good && !interrupt_seen();
}

static void restore_strategy(struct demo *demo)
{
    struct errmsg detail = {0};
    struct keyspace_list list;
    keyspace_list_init(&list);
    enum err e = strategy_set(&demo->session->client, demo->before.strategy,
                              demo->before.replication_factor, &detail);
    // A factor that says nothing under this strategy may be refused with it.
    if (e == ERR_INVALID)
        e = strategy_set(&demo->session->client, demo->before.strategy, 0, &detail);
    if (e == ERR_OK)
        e = keyspace_list_fetch(&list, &demo->session->client, &detail);
    const struct keyspace_entry *now =
        e == ERR_OK ? keyspace_list_find(&list, DEMO_KEYSPACE) : NULL;
    observe(demo, now != NULL && strcmp(now->strategy, demo->before.strategy) == 0,
            "the strategy is %s again%s%s", demo->before.strategy,
            detail.text[0] != '\0' ? ": " : "", detail.text);
    keyspace_list_release(&list);
}

// Puts everything back that is not as it was.
static void restore(struct demo *demo)
{
    struct errmsg detail = {0};
    bool touched = false;
    interrupt_clear();
    for (size_t key = 0; key < DEMO_KEYS; key++)
        touched = touched || demo->keys.touched[key];
    if (demo->failed > 0 || touched || demo->strategy_changed)
        say(demo, "Back to how it was");
    if (demo->failed > 0 &&
        observe_done(demo, node_recover(&demo->session->client, demo->failed, &detail), &detail,
                     "the failed node is recovered"))
        demo->failed = 0;
    if (touched)
        delete_keys(demo);
    if (demo->strategy_changed)
        restore_strategy(demo);
}

// How the keyspace is placed now, and how many copies bear the loss of one node.
static enum err look_before(struct demo *demo, uint64_t *copies, struct errmsg *detail)
{
    struct keyspace_list list;
    keyspace_list_init(&list);
    enum err e = demo_keys_init(&demo->keys, detail);
    if (e == ERR_OK)
        e = keyspace_list_fetch(&list, &demo->session->client, detail);
    const struct keyspace_entry *entry =
        e == ERR_OK ? keyspace_list_find(&list, DEMO_KEYSPACE) : NULL;
    if (e == ERR_OK && (entry == NULL || entry->strategy[0] == '\0'))
        e = errmsg_set(detail, ERR_CORRUPT,
                       "the server does not tell the strategy of keyspace '%s'", DEMO_KEYSPACE);
    if (e == ERR_OK) {
        demo->before = *entry;
        e = demo_nodes_find(&demo->nodes, &demo->session->client, detail);
    }
    keyspace_list_release(&list);
    if (e != ERR_OK)
        return e;
    *copies =
        demo->before.min_in_sync >= COPIES_DEFAULT ? demo->before.min_in_sync + 1 : COPIES_DEFAULT;
    if (*copies > demo->nodes.count)
        return errmsg_set(detail, ERR_ILLEGAL,
                          "with min_in_sync %llu, %zu nodes do not bear the loss of one: writes "
                          "would rightly be refused",
                          (unsigned long long)demo->before.min_in_sync, demo->nodes.count);
    return ERR_OK;
}

enum exit_code demo_command(struct session *session)
{
    struct demo demo = {.session = session};
    struct errmsg detail = {0};
    uint64_t copies;
    interrupt_init();
    enum exit_code code = EXIT_CODE_OK;
    enum err e = look_before(&demo, &copies, &detail);
    if (e != ERR_OK) {
        code = session_fail(session, e, &detail);
        goto done;
    }
    bool complete = run_strategy(&demo, "full", 0, demo.nodes.count);
    complete = complete && run_strategy(&demo, "consistent", copies, (size_t)copies);
    bool interrupted = interrupt_seen();
    restore(&demo);
    if (interrupted)
        output_error(&session->output, "interrupted", "the demonstration was interrupted");
    else if (demo.broken > 0)
        output_error(&session->output, "broken", "not everything was as promised");
    else
        say(&demo, "All of it was as promised.");
    code = complete && demo.broken == 0 ? session_finish(session) : EXIT_CODE_FAILED;
done:
    demo_nodes_release(&demo.nodes);
    return code;
}
