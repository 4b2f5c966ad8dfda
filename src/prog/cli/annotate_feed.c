// Annotations as they come: printed until the reader has enough. A connection that is lost is made
// again, and goes on where it was.
#include "cli/annotate_commands.h"
#include "cli/annotation_view.h"
#include "cli/annotations.h"
#include "cli/event_stream.h"
#include "cli/interrupt.h"

#include <string.h>

enum { PAUSE_MS = 1000, TRIES_MAX = 30 };

struct follower {
    const struct session *session;
    struct event_stream events;
    bool heard; // since the connection was made
    bool begun; // ever
};

static void print_json(const char *name, json_t *data)
{
    output_json(json_pack("{ss,so}", "event", name, "data", data));
}

static void print_event(const struct session *session, const char *name, const json_t *data)
{
    if (strcmp(name, "annotation") == 0) {
        annotation_view_print(&session->output, data, false);
    } else if (strcmp(name, "deleted") == 0) {
        printf("deleted ");
        annotation_view_print_text(json_object_get(data, "id"));
        printf(" in ");
        annotation_view_print_text(json_object_get(data, "channel"));
        putchar('\n');
    } else if (strcmp(name, "lagged") == 0) {
        printf("something was missed: see brusio annotate ls\n");
    }
}

static void on_event(void *context, const char *name, struct slice text)
{
    struct follower *follower = context;
    json_t *data = json_loadb((const char *)text.bytes, text.length, 0, NULL);
    if (data == NULL)
        return;
    if (follower->session->output.json) {
        print_json(name, data);
    } else {
        print_event(follower->session, name, data);
        json_decref(data);
    }
    fflush(stdout);
}

static void take(void *context, struct slice piece)
{
    struct follower *follower = context;
    follower->heard = true;
    follower->begun = true;
    event_stream_take(&follower->events, piece);
}

// Until there is nobody to follow, or no one to tell.
static enum err follow(struct session *session, struct follower *follower, const char *path,
                       struct errmsg *detail)
{
    enum err e = ERR_OK;
    struct answer answer;
    answer_init(&answer);
    for (unsigned tries = 0; tries < TRIES_MAX && ferror(stdout) == 0; tries++) {
        struct request request = {.method = METHOD_GET,
                                  .path = path,
                                  .take = take,
                                  .context = follower,
                                  .last_event_id = follower->events.id};
        follower->heard = false;
        e = client_ask(&session->client, &request, &answer, detail);
        event_stream_cut(&follower->events);
        bool lost = e == ERR_OK || e == ERR_NETWORK || e == ERR_TIMEOUT || e == ERR_UNAVAILABLE ||
                    e == ERR_BUSY;
        if (!lost || !follower->begun)
            break;
        tries = follower->heard ? 0 : tries;
        interrupt_sleep(PAUSE_MS);
    }
    answer_release(&answer);
    return e;
}

enum exit_code annotate_feed_command(struct session *session)
{
    struct errmsg detail = {0};
    struct buf path;
    struct follower follower = {.session = session};
    enum err e = ERR_TOO_LARGE;
    event_stream_init(&follower.events, on_event, &follower);
    annotations_path_begin(&path, "/v1/annotations/feed");
    annotate_add_filters(session, &path);
    const char *text = annotations_path_end(&path, &detail);
    if (text != NULL)
        e = follow(session, &follower, text, &detail);
    buf_release(&path);
    event_stream_release(&follower.events);
    return e == ERR_OK ? session_finish(session) : session_fail(session, e, &detail);
}
