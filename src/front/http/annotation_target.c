#include "front/http/annotation_target.h"

#include "app/annotations/members.h"
#include "base/check.h"
#include "front/http/percent.h"
#include "front/http/target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

// --- the family

bool annotation_family(struct exchange *exchange, uint32_t *family, bool *found)
{
    const struct cluster_map *map = target_map(exchange);
    struct slice name = slice_of_text(ANNOTATION_FAMILY);
    *found = false;
    if (map == NULL)
        return false;
    const struct optimistic *optimistic = cluster_map_optimistic_named(map, name);
    bool fits = optimistic == NULL || (optimistic->is_family && optimistic->is_signed);
    if (!fits || cluster_map_keyspace_named(map, name) != NULL) {
        exchange_fail(exchange, 409, "exists",
                      "the keyspace \"" ANNOTATION_FAMILY
                      "\" is no signed family of channels: annotations need that name");
        return false;
    }
    *found = optimistic != NULL;
    *family = optimistic != NULL ? optimistic->id : 0;
    return true;
}

static void respond_make(struct exchange *exchange, const struct reply *reply)
{
    // Somebody else may have made it meanwhile.
    if (reply->error != ERR_OK && reply->error != ERR_EXISTS)
        exchange_fail_reply(exchange, reply);
    else
        exchange->step(exchange);
}

void annotation_family_make(struct exchange *exchange, exchange_step *then)
{
    uint32_t family;
    bool found;
    struct change change = {.kind = CHANGE_OPTIMISTIC_CREATE, .optimistic = optimistic_default()};
    if (!annotation_family(exchange, &family, &found))
        return;
    if (found) {
        then(exchange);
        return;
    }
    struct optimistic *optimistic = &change.optimistic;
    optimistic->is_family = true;
    optimistic->is_signed = true;
    snprintf(optimistic->name, sizeof optimistic->name, "%s", ANNOTATION_FAMILY);
    snprintf(change.name, sizeof change.name, "%s", ANNOTATION_FAMILY);
    if (getrandom(&optimistic->secret, sizeof optimistic->secret, 0) !=
        (ssize_t)sizeof optimistic->secret) {
        exchange_fail(exchange, 500, "io", "the system gives no random bytes: %s", strerror(errno));
        return;
    }
    exchange->step = then;
    exchange_ask(exchange, &(struct request){.kind = REQUEST_CHANGE, .change = change},
                 respond_make);
}

bool annotation_author(struct exchange *exchange, struct signing_key *out)
{
    const struct epidemic *epidemic = host_epidemic(exchange->gateway->host);
    if (epidemic == NULL || epidemic->author == NULL) {
        exchange_fail(exchange, 503, "unavailable",
                      "this node has no key to sign with yet: ask again later");
        return false;
    }
    *out = signing_key_of(epidemic->author);
    return true;
}

// --- what the path, the query and the body say

bool annotation_take_id(struct exchange *exchange, struct slice text, struct annotation_id *out)
{
    if (annotation_id_parse(text, out) == ERR_OK)
        return true;
    exchange_fail(exchange, 400, "invalid",
                  "the id must be 32 hexadecimal digits, - and 16 more, in lower case");
    return false;
}

bool annotation_take_channel(struct exchange *exchange, struct annotation_target *target)
{
    struct errmsg problem;
    struct slice text = exchange_argument(exchange, "channel");
    target->channel_length = 0;
    if (text.bytes == NULL)
        return true;
    enum err error =
        percent_decode(text, target->channel, sizeof target->channel, &target->channel_length);
    if (error != ERR_OK)
        errmsg_set(&problem, error, "the channel is too long, or not percent-encoded well");
    else
        error =
            annotation_check_channel(slice_of(target->channel, target->channel_length), &problem);
    if (error != ERR_OK)
        annotation_fail(exchange, error, &problem);
    return error == ERR_OK;
}

struct arguments {
    const char *const *names;
    size_t count;
    bool good;
};

static bool check_argument(void *context, struct slice name, struct slice value)
{
    struct arguments *arguments = context;
    (void)value;
    arguments->good = false;
    for (size_t i = 0; i < arguments->count; i++)
        arguments->good |= slice_equal(name, slice_of_text(arguments->names[i]));
    return arguments->good;
}

bool annotation_arguments_only(struct exchange *exchange, const char *const *names, size_t count)
{
    struct arguments arguments = {.names = names, .count = count, .good = true};
    exchange_arguments(exchange, check_argument, &arguments);
    if (!arguments.good)
        exchange_fail(exchange, 400, "invalid",
                      "there is an argument that is not taken here: see /openapi.json");
    return arguments.good;
}

struct setting {
    struct annotation_query *query;
    struct errmsg problem;
    enum err error;
};

static bool set_argument(void *context, struct slice name, struct slice value)
{
    struct setting *setting = context;
    uint8_t bytes[LINK_BYTES_MAX + 1];
    size_t length = 0;
    setting->error = percent_decode(value, bytes, sizeof bytes, &length);
    if (setting->error == ERR_OK)
        setting->error =
            annotation_query_set(setting->query, name, slice_of(bytes, length), &setting->problem);
    else
        errmsg_set(&setting->problem, setting->error,
                   "the argument \"%.*s\" is too long, or not percent-encoded well",
                   name.length < 64 ? (int)name.length : 64, (const char *)name.bytes);
    return setting->error == ERR_OK;
}

bool annotation_take_query(struct exchange *exchange, struct annotation_query *query)
{
    struct setting setting = {.query = query, .error = ERR_OK};
    exchange_arguments(exchange, set_argument, &setting);
    if (setting.error == ERR_OK)
        setting.error = annotation_query_check(query, &setting.problem);
    if (setting.error != ERR_OK)
        annotation_fail(exchange, setting.error, &setting.problem);
    return setting.error == ERR_OK;
}

struct fields *annotation_body(struct exchange *exchange)
{
    struct fields *fields = NULL;
    struct errmsg problem;
    if (exchange->body.length > ANNOTATION_BODY_BYTES_MAX)
        exchange_fail(exchange, 413, "too_large", "the body is too large: at most %u bytes here",
                      ANNOTATION_BODY_BYTES_MAX);
    else if (fields_parse(buf_slice(&exchange->body), &fields, &problem) != ERR_OK)
        annotation_fail(exchange, ERR_INVALID, &problem);
    return fields;
}

// --- answers

void annotation_fail(struct exchange *exchange, enum err error, const struct errmsg *problem)
{
    if (error == ERR_TOO_LARGE)
        exchange_fail(exchange, 413, "too_large", "%s", problem->text);
    else
        exchange_fail(exchange, 400, "invalid", "%s", problem->text);
}

void annotation_fail_write(struct exchange *exchange, const struct reply *reply)
{
    if (reply->error == ERR_DENIED)
        exchange_fail(exchange, 403, "denied",
                      "the annotation is another author's: only its author can change it");
    else
        exchange_fail_reply(exchange, reply);
}

static int append_piece(const char *bytes, size_t length, void *context)
{
    buf_append(context, bytes, length);
    return 0;
}

void annotation_append_json(struct buf *out, json_t *json)
{
    CHECK(json_dump_callback(json, append_piece, out, JSON_COMPACT) == 0);
    json_decref(json);
}

void annotation_answer(struct exchange *exchange, unsigned status, json_t *json)
{
    annotation_append_json(exchange_json(exchange, status, 1024), json);
}

void annotation_answer_entry(struct exchange *exchange, unsigned status,
                             const struct annotation_entry *entry)
{
    json_t *json = json_object();
    CHECK(json != NULL);
    members_put(json, "status", json_string("success"));
    members_put(json, "annotation", annotation_entry_to_json(entry));
    annotation_answer(exchange, status, json);
    exchange->answer.tag = entry->stamp;
}

// --- the channels

void annotation_channels_gather(const struct exchange *exchange, uint32_t family,
                                struct annotation_channels *out)
{
    const struct epidemic *epidemic = host_epidemic(exchange->gateway->host);
    *out = (struct annotation_channels){0};
    if (epidemic == NULL)
        return;
    out->items = memory_zeroed(epidemic->replica_count + 1, sizeof *out->items);
    for (struct list *at = epidemic->replicas.next; at != &epidemic->replicas; at = at->next) {
        const struct replica *replica = LIST_ITEM(at, struct replica, link);
        if (replica->keyspace != family || replica->leaving || replica->channel[0] == '\0')
            continue;
        CHECK(out->count < epidemic->replica_count);
        struct annotation_channel *item = &out->items[out->count++];
        snprintf(item->name, sizeof item->name, "%s", replica->channel);
    }
}

void annotation_channels_release(struct annotation_channels *channels)
{
    free(channels->items);
    *channels = (struct annotation_channels){0};
}

bool annotation_channels_have(const struct annotation_channels *channels, struct slice name)
{
    bool found = false;
    for (size_t i = 0; i < channels->count && !found; i++)
        found = slice_equal(slice_of_text(channels->items[i].name), name);
    return found;
}

bool annotation_take_family(struct exchange *exchange, struct slice channel, uint32_t *family)
{
    struct annotation_channels channels;
    bool found;
    if (!annotation_family(exchange, family, &found))
        return false;
    if (channel.length == 0)
        return true;
    annotation_channels_gather(exchange, *family, &channels);
    bool kept = found && annotation_channels_have(&channels, channel);
    annotation_channels_release(&channels);
    if (!kept)
        exchange_fail(
            exchange, 404, "not_found",
            "this node keeps no channel of this name: see /v1/channels, or POST it there");
    return kept;
}
