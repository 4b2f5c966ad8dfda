// Annotations: making, showing, changing and deleting one.
#include "app/annotations/annotation_json.h"
#include "base/check.h"
#include "front/http/annotation_find.h"
#include "front/http/handlers.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

static const char *const find_arguments[] = {"channel"};
enum { FIND_ARGUMENTS = sizeof find_arguments / sizeof *find_arguments };

// What a request for one annotation keeps: the body, too.
struct work {
    struct annotation_find find;
    struct fields *fields;
    struct annotation draft; // borrows from the fields
    struct stamp version;    // to be restored
};

static void end_work(void *context)
{
    struct work *work = context;
    annotation_find_release(&work->find);
    fields_free(work->fields);
    free(work);
}

static struct work *begin_work(struct exchange *exchange)
{
    struct work *work = memory_zeroed(1, sizeof *work);
    buf_init(&work->find.value, 0);
    exchange->work = work;
    exchange->end_work = end_work;
    return work;
}

static uint64_t wall_ms(const struct exchange *exchange)
{
    const struct clock *clock = &exchange->gateway->clock;
    return clock->ops->wall_ms(clock->self);
}

// --- GET: one

static void show(struct exchange *exchange, const struct annotation_entry *entry)
{
    annotation_answer_entry(exchange, 200, entry);
}

static void get_one(struct exchange *exchange)
{
    begin_work(exchange);
    if (annotation_arguments_only(exchange, find_arguments, FIND_ARGUMENTS) &&
        annotation_find_target(exchange, exchange->rest, false))
        annotation_find_begin(exchange, show);
}

// --- POST: a new one

static void write_new(struct exchange *exchange)
{
    struct work *work = exchange->work;
    bool found = false;
    if (!annotation_family(exchange, &work->find.target.family, &found))
        return;
    if (found)
        annotation_find_write(exchange, &work->draft, (struct stamp){0});
    else
        exchange_fail(exchange, 503, "retry",
                      "the keyspace for annotations is just being made: ask again");
}

// A random number under the author's name, and the time.
static bool name_new(struct exchange *exchange, struct annotation *annotation)
{
    struct signing_key author;
    uint8_t number[ANNOTATION_NUMBER_BYTES];
    struct errmsg problem;
    if (!annotation_author(exchange, &author))
        return false;
    if (getrandom(number, sizeof number, 0) != (ssize_t)sizeof number) {
        exchange_fail(exchange, 500, "io", "the system gives no random bytes: %s", strerror(errno));
        return false;
    }
    annotation->id = annotation_id_of(&author, number);
    annotation->created_ms = wall_ms(exchange);
    annotation->modified_ms = annotation->created_ms;
    enum err error = annotation_check(annotation, &problem);
    if (error != ERR_OK)
        annotation_fail(exchange, error, &problem);
    return error == ERR_OK;
}

void handle_annotation_create(struct exchange *exchange)
{
    struct errmsg problem;
    struct work *work = begin_work(exchange);
    if (!annotation_arguments_only(exchange, NULL, 0))
        return;
    work->fields = annotation_body(exchange);
    if (work->fields == NULL)
        return;
    enum err error =
        annotation_draft_from_json(fields_object(work->fields), &work->draft, &problem);
    if (error != ERR_OK)
        annotation_fail(exchange, error, &problem);
    else if (name_new(exchange, &work->draft))
        annotation_family_make(exchange, write_new);
}

// --- PATCH: text, rating, tags

static void write_edited(struct exchange *exchange, const struct annotation_entry *entry)
{
    const struct work *work = exchange->work;
    struct annotation edited = entry->annotation;
    struct errmsg problem;
    struct stamp base;
    uint64_t now_ms = wall_ms(exchange);
    enum err error = annotation_edit_from_json(fields_object(work->fields), &edited, &problem);
    if (error != ERR_OK) {
        annotation_fail(exchange, error, &problem);
        return;
    }
    // Time goes on for an annotation even when this node's clock is behind that of another.
    edited.modified_ms = now_ms > edited.modified_ms ? now_ms : edited.modified_ms;
    if (annotation_find_base(exchange, entry->stamp, &base))
        annotation_find_write(exchange, &edited, base);
}

void handle_annotation_patch(struct exchange *exchange)
{
    struct work *work = begin_work(exchange);
    if (!annotation_arguments_only(exchange, find_arguments, FIND_ARGUMENTS))
        return;
    work->fields = annotation_body(exchange);
    if (work->fields != NULL && annotation_find_target(exchange, exchange->rest, true))
        annotation_find_begin(exchange, write_edited);
}

// --- POST <id>/restore: a version that lost

static void write_restored(struct exchange *exchange, const struct annotation_entry *entry)
{
    const struct work *work = exchange->work;
    struct version_entry version;
    struct annotation restored;
    uint64_t now_ms = wall_ms(exchange);
    if (annotation_entry_find(entry, work->version, &version) != ERR_OK) {
        exchange_fail(exchange, 404, "not_found",
                      "the annotation has no such version any more: \"version\" and \"conflicts\" "
                      "name those that it has");
        return;
    }
    if (stamp_compare(version.stamp, entry->stamp) == 0 && entry->conflicts.length == 0) {
        annotation_answer_entry(exchange, 200, entry);
        return;
    }
    if (annotation_decode(&entry->annotation.id, version.value, &restored) != ERR_OK ||
        !slice_equal(restored.channel, entry->annotation.channel)) {
        exchange_fail(exchange, 409, "version", "that version cannot be read, and not restored");
        return;
    }
    if (now_ms > restored.modified_ms)
        restored.modified_ms = now_ms;
    annotation_find_write(exchange, &restored, entry->stamp);
}

static bool take_version(struct exchange *exchange, struct work *work)
{
    static const char *const names[] = {"version"};
    struct slice text;
    struct errmsg problem;
    work->fields = annotation_body(exchange);
    if (work->fields == NULL)
        return false;
    enum err error = fields_only(work->fields, names, 1, &problem);
    if (error == ERR_OK)
        error = fields_text(work->fields, "version", &text, &problem);
    if (error == ERR_OK && stamp_parse(text, &work->version) != ERR_OK)
        error = errmsg_set(&problem, ERR_INVALID,
                           "the field \"version\" must be a version that the annotation shows");
    if (error != ERR_OK)
        annotation_fail(exchange, error, &problem);
    return error == ERR_OK;
}

void handle_annotation_restore(struct exchange *exchange)
{
    struct work *work = begin_work(exchange);
    if (annotation_arguments_only(exchange, find_arguments, FIND_ARGUMENTS) &&
        take_version(exchange, work) && annotation_find_target(exchange, exchange->rest, true))
        annotation_find_begin(exchange, write_restored);
}

// --- DELETE

static void respond_delete(struct exchange *exchange, const struct reply *reply)
{
    if (reply->error == ERR_NOT_FOUND)
        exchange_fail(exchange, 404, "not_found", "there is no such annotation any more");
    else if (reply->error != ERR_OK)
        annotation_fail_write(exchange, reply);
    else
        exchange_empty(exchange, 204);
}

static void delete_found(struct exchange *exchange, const struct annotation_entry *entry)
{
    const struct work *work = exchange->work;
    struct stamp base;
    struct buf key;
    if (!annotation_find_base(exchange, entry->stamp, &base))
        return;
    buf_init(&key, ANNOTATION_KEY_BYTES);
    annotation_key_encode(&key, &entry->annotation.id);
    struct request request = {.kind = REQUEST_DELETE,
                              .keyspace = work->find.target.family,
                              .channel = entry->annotation.channel,
                              .key = buf_slice(&key),
                              .condition = CONDITION_STAMP,
                              .expected = base};
    exchange_ask(exchange, &request, respond_delete);
    buf_release(&key);
}

void handle_annotation_delete(struct exchange *exchange)
{
    begin_work(exchange);
    if (annotation_arguments_only(exchange, find_arguments, FIND_ARGUMENTS) &&
        annotation_find_target(exchange, exchange->rest, true))
        annotation_find_begin(exchange, delete_found);
}

// --- what follows /v1/annotations/

static bool rest_is(const struct exchange *exchange, const char *word)
{
    return slice_equal(exchange->rest, slice_of_text(word));
}

void handle_annotation_get(struct exchange *exchange)
{
    if (rest_is(exchange, "export"))
        handle_annotation_export(exchange);
    else if (rest_is(exchange, "feed"))
        handle_annotation_feed(exchange);
    else
        get_one(exchange);
}

void handle_annotation_post(struct exchange *exchange)
{
    if (rest_is(exchange, "import"))
        handle_annotation_import(exchange);
    else
        exchange_fail(exchange, 404, "not_found",
                      "there is no such path: POST goes to /v1/annotations, "
                      "/v1/annotations/import and /v1/annotations/<id>/restore");
}
