// Channels of annotations: which are kept here, and which of them the user chose.
//
// A member keeps every channel that it hears of, for others may come for it; a roaming peer keeps
// those that were asked for. What the user chose is kept beside, under "channel/<name>".
#include "app/annotations/annotation_tally.h"
#include "app/annotations/members.h"
#include "app/annotations/text.h"
#include "base/check.h"
#include "front/http/annotation_scan.h"
#include "front/http/handlers.h"
#include "front/http/percent.h"

#include <stdlib.h>

#define CHOSEN_PREFIX "channel/"
enum { PREFIX_BYTES = sizeof CHOSEN_PREFIX - 1 };

// --- the list

struct listing {
    struct annotation_scan scan;
    struct annotation_tally *tallies; // one for each channel
    struct annotation_channels chosen;
};

static void end_listing(void *context)
{
    struct listing *listing = context;
    annotation_scan_release(&listing->scan);
    annotation_channels_release(&listing->chosen);
    free(listing->tallies);
    free(listing);
}

static bool visit(struct exchange *exchange, struct slice channel, const struct scan_entry *scanned)
{
    struct listing *listing = exchange->work;
    annotation_tally_add(&listing->tallies[listing->scan.at], channel, scanned);
    return true;
}

static json_t *author_to_json(struct exchange *exchange)
{
    const struct epidemic *epidemic = host_epidemic(exchange->gateway->host);
    static const uint8_t no_number[ANNOTATION_NUMBER_BYTES];
    struct buf text;
    if (epidemic == NULL || epidemic->author == NULL)
        return json_null();
    struct signing_key key = signing_key_of(epidemic->author);
    struct annotation_id id = annotation_id_of(&key, no_number);
    buf_init(&text, 2 * ANNOTATION_AUTHOR_BYTES);
    text_append_hex(&text, slice_of(id.author, sizeof id.author));
    json_t *json = members_string("", buf_slice(&text));
    buf_release(&text);
    return json;
}

static void finish(struct exchange *exchange)
{
    struct listing *listing = exchange->work;
    const struct annotation_channels *channels = &listing->scan.channels;
    json_t *json = json_object();
    json_t *items = json_array();
    CHECK(json != NULL);
    members_put(json, "status", json_string("success"));
    members_put(json, "author", author_to_json(exchange));
    members_put(json, "channels", items);
    for (size_t i = 0; i < channels->count; i++) {
        struct slice name = slice_of_text(channels->items[i].name);
        json_t *item = annotation_tally_to_json(&listing->tallies[i], name);
        bool chosen = annotation_channels_have(&listing->chosen, name);
        members_put(item, "subscribed", json_boolean(chosen));
        members_append(items, item);
    }
    annotation_answer(exchange, 200, json);
}

static void begin_scan(struct exchange *exchange)
{
    struct listing *listing = exchange->work;
    uint32_t family;
    if (!annotation_take_family(exchange, slice_of(NULL, 0), &family))
        return;
    listing->scan.visit = visit;
    listing->scan.end = finish;
    annotation_scan_begin(exchange, family, slice_of(NULL, 0));
    listing->tallies = memory_zeroed(listing->scan.channels.count + 1, sizeof *listing->tallies);
}

static void ask_chosen(struct exchange *exchange);

// Adds what was chosen; pages follow each other by key.
static void respond_chosen(struct exchange *exchange, const struct reply *reply)
{
    struct annotation_channels *chosen = &((struct listing *)exchange->work)->chosen;
    struct cursor in = cursor_of(reply->entries);
    struct scan_entry kept;
    size_t before = chosen->count;
    if (reply->error != ERR_OK) {
        exchange_fail_reply(exchange, reply);
        return;
    }
    while (scan_entry_next(&in, &kept) && chosen->count < EPIDEMIC_REPLICAS_MAX) {
        struct slice name = slice_of(kept.key.bytes + PREFIX_BYTES, kept.key.length - PREFIX_BYTES);
        struct annotation_channel *item = &chosen->items[chosen->count];
        if (name.length >= sizeof item->name)
            continue;
        memcpy(item->name, name.bytes, name.length);
        chosen->count++;
    }
    if (chosen->count - before == LIST_LIMIT_MAX)
        ask_chosen(exchange);
    else
        begin_scan(exchange);
}

static void ask_chosen(struct exchange *exchange)
{
    const struct annotation_channels *chosen = &((struct listing *)exchange->work)->chosen;
    struct buf after;
    buf_init(&after, KEY_BYTES_MAX);
    if (chosen->count > 0) {
        buf_append_slice(&after, slice_of_text(CHOSEN_PREFIX));
        buf_append_slice(&after, slice_of_text(chosen->items[chosen->count - 1].name));
    }
    struct request request = {.kind = REQUEST_KEPT,
                              .prefix = slice_of_text(CHOSEN_PREFIX),
                              .cursor = {.key = buf_slice(&after)},
                              .limit = LIST_LIMIT_MAX};
    exchange_ask(exchange, &request, respond_chosen);
    buf_release(&after);
}

void handle_channels(struct exchange *exchange)
{
    struct listing *listing = memory_zeroed(1, sizeof *listing);
    listing->chosen.items = memory_zeroed(EPIDEMIC_REPLICAS_MAX, sizeof *listing->chosen.items);
    exchange->work = listing;
    exchange->end_work = end_listing;
    if (annotation_arguments_only(exchange, NULL, 0))
        ask_chosen(exchange);
}

// --- choosing; the name is exchange->key, and the work a bool: the channel was kept before

static void keep(struct exchange *exchange, const char *value, exchange_respond *respond)
{
    struct buf key;
    buf_init(&key, KEY_BYTES_MAX);
    buf_append_slice(&key, slice_of_text(CHOSEN_PREFIX));
    buf_append_slice(&key, exchange->key);
    struct request request = {
        .kind = REQUEST_KEEP, .key = buf_slice(&key), .value = slice_of_text(value)};
    exchange_ask(exchange, &request, respond);
    buf_release(&key);
}

static bool is_kept(struct exchange *exchange, uint32_t family)
{
    struct annotation_channels channels;
    annotation_channels_gather(exchange, family, &channels);
    bool kept = annotation_channels_have(&channels, exchange->key);
    annotation_channels_release(&channels);
    return kept;
}

// Tells how the channel stands now.
static void succeed(struct exchange *exchange, unsigned status, bool subscribed)
{
    uint32_t family;
    bool found;
    if (!annotation_family(exchange, &family, &found))
        return;
    json_t *json = json_object();
    CHECK(json != NULL);
    members_put(json, "status", json_string("success"));
    members_put(json, "name", members_string("", exchange->key));
    members_put(json, "subscribed", json_boolean(subscribed));
    members_put(json, "kept", json_boolean(found && is_kept(exchange, family)));
    annotation_answer(exchange, status, json);
}

static void respond_chosen_now(struct exchange *exchange, const struct reply *reply)
{
    if (reply->error != ERR_OK)
        exchange_fail_reply(exchange, reply);
    else
        succeed(exchange, *(const bool *)exchange->work ? 200 : 201, true);
}

static void respond_subscribe(struct exchange *exchange, const struct reply *reply)
{
    if (reply->error != ERR_OK)
        exchange_fail_reply(exchange, reply);
    else
        keep(exchange, "1", respond_chosen_now);
}

static void subscribe(struct exchange *exchange)
{
    uint32_t family;
    if (!annotation_take_family(exchange, slice_of(NULL, 0), &family))
        return;
    *(bool *)exchange->work = is_kept(exchange, family);
    struct request request = {
        .kind = REQUEST_SUBSCRIBE, .keyspace = family, .channel = exchange->key};
    exchange_ask(exchange, &request, respond_subscribe);
}

static bool take_name(struct exchange *exchange, struct slice name)
{
    struct errmsg problem;
    enum err error = annotation_check_channel(name, &problem);
    if (error != ERR_OK) {
        annotation_fail(exchange, error, &problem);
        return false;
    }
    memcpy(exchange->key_bytes, name.bytes, name.length);
    exchange->key = slice_of(exchange->key_bytes, name.length);
    return true;
}

void handle_channel_subscribe(struct exchange *exchange)
{
    static const char *const names[] = {"name"};
    struct slice name;
    struct errmsg problem;
    exchange->work = memory_zeroed(1, sizeof(bool));
    exchange->end_work = free;
    if (!annotation_arguments_only(exchange, NULL, 0))
        return;
    struct fields *fields = annotation_body(exchange);
    if (fields == NULL)
        return;
    if (fields_only(fields, names, 1, &problem) != ERR_OK ||
        fields_text(fields, "name", &name, &problem) != ERR_OK)
        annotation_fail(exchange, ERR_INVALID, &problem);
    else if (take_name(exchange, name))
        annotation_family_make(exchange, subscribe);
    fields_free(fields);
}

static void respond_forgotten(struct exchange *exchange, const struct reply *reply)
{
    if (reply->error != ERR_OK)
        exchange_fail_reply(exchange, reply);
    else
        succeed(exchange, 200, false);
}

static void respond_unsubscribe(struct exchange *exchange, const struct reply *reply)
{
    if (reply->error == ERR_OK || reply->error == ERR_NOT_FOUND)
        keep(exchange, "", respond_forgotten);
    else if (reply->error == ERR_RETRY)
        exchange_fail(exchange, 409, "retry",
                      "what was written here has not reached another peer yet: let it exchange, or "
                      "carry a bundle, then ask again");
    else
        exchange_fail_reply(exchange, reply);
}

// Only a roaming peer lets its copy go: a member keeps every channel.
static void unsubscribe(struct exchange *exchange, uint32_t family)
{
    struct request request = {
        .kind = REQUEST_UNSUBSCRIBE, .keyspace = family, .channel = exchange->key};
    if (host_status(exchange->gateway->host).roams)
        exchange_ask(exchange, &request, respond_unsubscribe);
    else
        keep(exchange, "", respond_forgotten);
}

void handle_channel_unsubscribe(struct exchange *exchange)
{
    uint8_t bytes[KEYSPACE_NAME_BYTES_MAX];
    size_t length = 0;
    uint32_t family;
    if (percent_decode(exchange->rest, bytes, sizeof bytes, &length) != ERR_OK) {
        exchange_fail(exchange, 400, "invalid",
                      "the channel's name is too long, or not percent-encoded well");
        return;
    }
    struct slice name = slice_of(bytes, length);
    if (take_name(exchange, name) && annotation_arguments_only(exchange, NULL, 0) &&
        annotation_take_family(exchange, name, &family))
        unsubscribe(exchange, family);
}
