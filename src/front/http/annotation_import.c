// Bringing in a document of the Web Annotation Data Model.
//
// First all of it is read, so that a document with a fault changes nothing; then each annotation is
// compared with what is stored under its id; then what is new is written, several at a time.
#include "app/annotations/annotation_import.h"

#include "app/annotations/members.h"
#include "base/check.h"
#include "front/http/annotation_target.h"
#include "front/http/handlers.h"

#include <stdlib.h>

enum {
    ITEMS_PER_TURN = 32,
    WRITES_AT_ONCE = EXCHANGE_ASKED_MAX,
    // Parsed JSON takes about so many bytes for each of its text.
    JSON_FACTOR = 6,
};

enum fate { FATE_FOREIGN, FATE_NEW, FATE_NEWER, FATE_UNCHANGED, FATE_COUNT };

struct item {
    enum fate fate;
    struct stamp stored; // the version that a newer one replaces
};

struct work {
    struct annotation_target target;
    struct annotation_import import;
    struct fields *fields;
    struct item *items;
    size_t at;
    size_t counts[FATE_COUNT];
    struct annotation annotation; // in hand
    bool writing;                 // in the midst of asking
    struct reply failed;          // the first write that was refused; else ERR_OK
};

static void end_work(void *context)
{
    struct work *work = context;
    fields_free(work->fields);
    free(work->items);
    free(work);
}

// Reads the item in hand again: it was good before.
static void read_again(struct work *work)
{
    bool ours;
    struct errmsg problem;
    CHECK(annotation_import_read(&work->import, work->at, &work->annotation, &ours, &problem) ==
          ERR_OK);
}

static struct request request_for(const struct work *work, enum request_kind kind, struct buf *key)
{
    buf_init(key, ANNOTATION_KEY_BYTES);
    annotation_key_encode(key, &work->annotation.id);
    return (struct request){.kind = kind,
                            .keyspace = work->target.family,
                            .channel = work->annotation.channel,
                            .key = buf_slice(key)};
}

// --- writing

static void answer(struct exchange *exchange)
{
    const struct work *work = exchange->work;
    static const char *const names[FATE_COUNT] = {[FATE_FOREIGN] = "foreign",
                                                  [FATE_NEW] = "created",
                                                  [FATE_NEWER] = "replaced",
                                                  [FATE_UNCHANGED] = "unchanged"};
    json_t *json = json_object();
    CHECK(json != NULL);
    members_put(json, "status", json_string("success"));
    members_put(json, "items", json_integer((json_int_t)work->import.items.count));
    for (size_t i = 0; i < FATE_COUNT; i++)
        members_put(json, names[i], json_integer((json_int_t)work->counts[i]));
    annotation_answer(exchange, 200, json);
}

static void write_more(struct exchange *exchange);

static void respond_write(struct exchange *exchange, const struct reply *reply)
{
    struct work *work = exchange->work;
    if (reply->error == ERR_MISMATCH)
        work->counts[FATE_UNCHANGED]++; // it was changed meanwhile, and that counts
    else if (reply->error != ERR_OK && work->failed.error == ERR_OK)
        work->failed = (struct reply){.error = reply->error};
    else if (reply->error == ERR_OK)
        work->counts[reply->existed ? FATE_NEWER : FATE_NEW]++;
    if (!work->writing)
        write_more(exchange);
}

static void write_one(struct exchange *exchange, const struct item *item)
{
    struct work *work = exchange->work;
    struct buf key;
    struct buf value;
    read_again(work);
    struct request request = request_for(work, REQUEST_PUT, &key);
    buf_init(&value, ANNOTATION_VALUE_BYTES_MAX);
    annotation_encode(&value, &work->annotation);
    request.value = buf_slice(&value);
    request.condition = item->fate == FATE_NEW ? CONDITION_ABSENT : CONDITION_STAMP;
    request.expected = item->stored;
    exchange_ask(exchange, &request, respond_write);
    buf_release(&key);
    buf_release(&value);
}

static void write_more(struct exchange *exchange)
{
    struct work *work = exchange->work;
    work->writing = true;
    while (work->at < work->import.items.count && exchange->asked < WRITES_AT_ONCE &&
           work->failed.error == ERR_OK) {
        const struct item *item = &work->items[work->at];
        if (item->fate == FATE_NEW || item->fate == FATE_NEWER)
            write_one(exchange, item);
        work->at++;
    }
    work->writing = false;
    if (exchange->asked > 0)
        return;
    // What was written stays; the rest is written when the same is sent again.
    if (work->failed.error != ERR_OK)
        annotation_fail_write(exchange, &work->failed);
    else
        answer(exchange);
}

// --- comparing

static void compare(struct exchange *exchange);

static void respond_stored(struct exchange *exchange, const struct reply *reply)
{
    struct work *work = exchange->work;
    struct item *item = &work->items[work->at];
    struct annotation stored;
    if (reply->error != ERR_OK && reply->error != ERR_NOT_FOUND) {
        exchange_fail_reply(exchange, reply);
        return;
    }
    item->stored = reply->stamp;
    if (reply->error == ERR_NOT_FOUND)
        item->fate = FATE_NEW;
    else if (annotation_decode(&work->annotation.id, reply->value, &stored) != ERR_OK ||
             annotation_import_is_news(&work->annotation, &stored))
        item->fate = FATE_NEWER;
    else
        item->fate = FATE_UNCHANGED;
    work->counts[FATE_UNCHANGED] += item->fate == FATE_UNCHANGED;
    work->at++;
    exchange_later(exchange, compare);
}

// One in each turn, and those of others at once.
static void compare(struct exchange *exchange)
{
    struct work *work = exchange->work;
    struct buf key;
    while (work->at < work->import.items.count && work->items[work->at].fate == FATE_FOREIGN)
        work->at++;
    if (work->at == work->import.items.count) {
        work->at = 0;
        write_more(exchange);
        return;
    }
    read_again(work);
    struct request request = request_for(work, REQUEST_READ, &key);
    exchange_ask(exchange, &request, respond_stored);
    buf_release(&key);
}

static void begin_comparing(struct exchange *exchange)
{
    struct work *work = exchange->work;
    bool found = false;
    if (!annotation_family(exchange, &work->target.family, &found))
        return;
    work->at = 0;
    exchange_later(exchange, compare);
}

// --- reading

static void read_some(struct exchange *exchange)
{
    struct work *work = exchange->work;
    struct errmsg problem;
    bool ours;
    for (size_t i = 0; i < ITEMS_PER_TURN && work->at < work->import.items.count; i++) {
        enum err error =
            annotation_import_read(&work->import, work->at, &work->annotation, &ours, &problem);
        if (error != ERR_OK) {
            annotation_fail(exchange, error, &problem);
            return;
        }
        work->items[work->at++].fate = ours ? FATE_NEW : FATE_FOREIGN;
        work->counts[FATE_FOREIGN] += !ours;
    }
    if (work->at < work->import.items.count)
        exchange_later(exchange, read_some);
    else if (work->counts[FATE_FOREIGN] == work->import.items.count)
        answer(exchange);
    else
        annotation_family_make(exchange, begin_comparing);
}

static bool take_arguments(struct exchange *exchange, struct work *work)
{
    static const char *const names[] = {"channel", "as"};
    if (!annotation_arguments_only(exchange, names, 2) ||
        !annotation_take_channel(exchange, &work->target) ||
        !annotation_author(exchange, &work->import.author))
        return false;
    work->import.channel = slice_of(work->target.channel, work->target.channel_length);
    struct slice as = exchange_argument(exchange, "as");
    work->import.as_own = as.bytes != NULL;
    if (as.bytes == NULL || slice_equal(as, slice_of_text("own")))
        return true;
    exchange_fail(exchange, 400, "invalid", "the argument \"as\" must be \"own\"");
    return false;
}

static bool take_document(struct exchange *exchange, struct work *work)
{
    struct errmsg problem;
    if (exchange_hold(exchange, exchange->body.length * JSON_FACTOR) != ERR_OK) {
        exchange_fail_busy(exchange);
        return false;
    }
    enum err error = fields_parse(buf_slice(&exchange->body), &work->fields, &problem);
    if (error == ERR_OK)
        error = annotation_items_of(fields_object(work->fields), &work->import.items, &problem);
    if (error != ERR_OK)
        annotation_fail(exchange, error, &problem);
    return error == ERR_OK;
}

void handle_annotation_import(struct exchange *exchange)
{
    struct work *work = memory_zeroed(1, sizeof *work);
    exchange->work = work;
    exchange->end_work = end_work;
    if (!take_arguments(exchange, work) || !take_document(exchange, work))
        return;
    work->items = memory_zeroed(work->import.items.count + 1, sizeof *work->items);
    exchange_later(exchange, read_some);
}
