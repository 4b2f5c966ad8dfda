// Keyspaces: listing, making and changing them.
#include "core/epidemic/epidemic.h"
#include "front/http/handlers.h"
#include "front/http/json_text.h"
#include "front/http/optimistic_fields.h"
#include "front/http/placement_fields.h"
#include "front/http/target.h"

#include <inttypes.h>
#include <stdio.h>

enum { FACTOR_DEFAULT = 3, KEYSPACE_BYTES_GUESS = 256, OPTIMISTIC_BYTES_GUESS = 512 };

// --- showing

static void append_strong(struct buf *out, const struct keyspace *keyspace)
{
    json_append_raw(out, "{\"name\":");
    json_append_string(out, slice_of_text(keyspace->name));
    buf_append_format(
        out,
        ",\"id\":%u,\"mode\":\"strong\",\"strategy\":\"%s\",\"replication_factor\":%u,"
        "\"min_in_sync\":%u}",
        keyspace->id, strategy_name(keyspace->strategy), keyspace->replication_factor,
        keyspace->min_in_sync);
}

// Without the closing brace. `name` is that of the keyspace, or of a channel with its family's.
static void begin_optimistic(struct buf *out, const struct optimistic *optimistic, const char *name)
{
    json_append_raw(out, "{\"name\":");
    json_append_string(out, slice_of_text(name));
    buf_append_format(out, ",\"id\":%u,\"mode\":\"optimistic\",\"primary\":", optimistic->id);
    if (optimistic->primary == NODE_NONE)
        json_append_raw(out, "null");
    else
        buf_append_format(out, "%u", optimistic->primary);
    buf_append_format(out, ",\"primary_epoch\":%" PRIu64, optimistic->primary_epoch);
    optimistic_append_settings(out, optimistic);
}

void handle_keyspaces(struct exchange *exchange)
{
    const struct cluster_map *map = target_map(exchange);
    if (map == NULL)
        return;
    struct buf *out = exchange_json(exchange, 200,
                                    64u + map->keyspace_count * KEYSPACE_BYTES_GUESS +
                                        map->optimistic_count * OPTIMISTIC_BYTES_GUESS);
    json_append_raw(out, "{\"status\":\"success\",\"keyspaces\":[");
    for (unsigned i = 0; i < map->keyspace_count; i++) {
        if (i > 0)
            json_append_raw(out, ",");
        append_strong(out, &map->keyspaces[i].keyspace);
    }
    for (unsigned i = 0; i < map->optimistic_count; i++) {
        if (i > 0 || map->keyspace_count > 0)
            json_append_raw(out, ",");
        begin_optimistic(out, &map->optimistic[i], map->optimistic[i].name);
        json_append_raw(out, "}");
    }
    json_append_raw(out, "]}");
}

// The channels of a family that this node keeps.
static void append_channels(struct buf *out, const struct epidemic *epidemic, uint32_t family)
{
    bool first = true;
    json_append_raw(out, ",\"channels\":[");
    const struct list *end = epidemic == NULL ? NULL : &epidemic->replicas;
    for (const struct list *at = end == NULL ? NULL : end->next; at != end; at = at->next) {
        const struct replica *replica = LIST_ITEM(at, struct replica, link);
        if (replica->keyspace != family || replica->leaving)
            continue;
        if (!first)
            json_append_raw(out, ",");
        json_append_string(out, slice_of_text(replica->channel));
        first = false;
    }
    json_append_raw(out, "]");
}

static void append_named(struct buf *out, const struct exchange *exchange,
                         const struct named *named)
{
    const struct optimistic *optimistic = named->optimistic;
    begin_optimistic(out, optimistic, exchange->keyspace_path);
    if (optimistic->is_family && named->channel.length == 0) {
        append_channels(out, host_epidemic(exchange->gateway->host), optimistic->id);
    } else {
        bool kept = named_replica(exchange, named) != NULL;
        buf_append_format(out, ",\"kept\":%s", kept ? "true" : "false");
    }
    if (named->channel.length > 0) {
        json_append_raw(out, ",\"channel\":");
        json_append_string(out, named->channel);
    }
    json_append_raw(out, "}");
}

void handle_keyspace(struct exchange *exchange)
{
    struct named named;
    if (!target_named(exchange, exchange->rest, &named))
        return;
    struct buf *out = exchange_json(exchange, 200, OPTIMISTIC_BYTES_GUESS);
    json_append_raw(out, "{\"status\":\"success\",\"keyspace\":");
    if (named.strong != NULL)
        append_strong(out, &named.strong->keyspace);
    else
        append_named(out, exchange, &named);
    json_append_raw(out, "}");
}

// --- making

static void succeed(struct exchange *exchange, unsigned status, const char *message,
                    const char *name)
{
    struct buf *out = exchange_json(exchange, status, KEYSPACE_BYTES_GUESS);
    buf_append_format(out, "{\"status\":\"success\",\"message\":\"%s\",\"name\":", message);
    json_append_string(out, slice_of_text(name));
    json_append_raw(out, "}");
}

static void respond_create(struct exchange *exchange, const struct reply *reply)
{
    if (reply->error != ERR_OK)
        exchange_fail_reply(exchange, reply);
    else
        succeed(exchange, 201, "the keyspace is made", exchange->change.name);
}

// How many replicas a slot can have at most.
static unsigned replicas_max(const struct cluster_map *map, enum strategy strategy, unsigned factor)
{
    return strategy == STRATEGY_FULL || factor > map->node_count ? map->node_count : factor;
}

static bool take_name(struct exchange *exchange, const struct fields *fields, char *out)
{
    struct slice name;
    struct errmsg problem;
    if (fields_text(fields, "name", &name, &problem) != ERR_OK) {
        exchange_fail(exchange, 400, "invalid", "%s", problem.text);
        return false;
    }
    if (!keyspace_name_is_valid(name)) {
        exchange_fail(
            exchange, 400, "invalid",
            "the name must be 1 to %d of a-z 0-9 - _ . /, with a letter or digit at both ends",
            KEYSPACE_NAME_BYTES_MAX);
        return false;
    }
    memcpy(out, name.bytes, name.length);
    out[name.length] = 0;
    return true;
}

static bool take_only(struct exchange *exchange, const struct fields *fields,
                      const char *const *names, size_t count)
{
    struct errmsg problem;
    if (fields_only(fields, names, count, &problem) == ERR_OK)
        return true;
    exchange_fail(exchange, 400, "invalid", "%s", problem.text);
    return false;
}

// Fills a CHANGE_KEYSPACE_CREATE from the body.
static bool take_strong(struct exchange *exchange, const struct fields *fields,
                        const struct cluster_map *map, struct change *change)
{
    static const char *const names[] = {"name", "mode", "strategy", "replication_factor",
                                        "min_in_sync"};
    unsigned factor = map->node_count < FACTOR_DEFAULT ? map->node_count : FACTOR_DEFAULT;
    *change = (struct change){.kind = CHANGE_KEYSPACE_CREATE,
                              .strategy = STRATEGY_FULL,
                              .replication_factor = (uint8_t)factor,
                              .min_in_sync = 1};
    if (!optimistic_refuse_settings(exchange, fields) ||
        !take_only(exchange, fields, names, sizeof names / sizeof names[0]) ||
        !take_name(exchange, fields, change->name))
        return false;
    if (fields_have(fields, "strategy") &&
        !placement_take_strategy(exchange, fields, &change->strategy))
        return false;
    if (!placement_take_factor(exchange, fields, map, &change->replication_factor))
        return false;
    unsigned most = replicas_max(map, change->strategy, change->replication_factor);
    return placement_take_min_in_sync(exchange, fields, most, &change->min_in_sync);
}

// Fills a CHANGE_OPTIMISTIC_CREATE from the body.
static bool take_optimistic(struct exchange *exchange, const struct fields *fields,
                            struct change *change)
{
    *change = (struct change){.kind = CHANGE_OPTIMISTIC_CREATE};
    if (!optimistic_take_settings(exchange, fields, &change->optimistic) ||
        !take_name(exchange, fields, change->name))
        return false;
    memcpy(change->optimistic.name, change->name, sizeof change->optimistic.name);
    return true;
}

// Is the name free, and none that leads to a channel of a family?
static bool is_free(struct exchange *exchange, const struct cluster_map *map, const char *name)
{
    struct slice whole = slice_of_text(name);
    if (cluster_map_keyspace_named(map, whole) != NULL ||
        cluster_map_optimistic_named(map, whole) != NULL) {
        exchange_fail(exchange, 409, "exists",
                      "there is a keyspace of this name: choose another, or PATCH it if it is "
                      "strong");
        return false;
    }
    for (unsigned i = 0; i < map->optimistic_count; i++) {
        const struct optimistic *family = &map->optimistic[i];
        size_t length = strlen(family->name);
        if (!family->is_family || strncmp(name, family->name, length) != 0 || name[length] != '/')
            continue;
        exchange_fail(exchange, 409, "exists",
                      "this name is that of a channel of the family \"%s\": choose another",
                      family->name);
        return false;
    }
    return true;
}

void handle_keyspace_create(struct exchange *exchange)
{
    struct change *change = &exchange->change;
    struct fields *fields = placement_fields_parse(exchange);
    const struct cluster_map *map = fields == NULL ? NULL : target_map(exchange);
    bool optimistic = false;
    if (map == NULL || !optimistic_take_mode(exchange, fields, &optimistic))
        goto done;
    if (!(optimistic ? take_optimistic(exchange, fields, change)
                     : take_strong(exchange, fields, map, change)) ||
        !is_free(exchange, map, change->name))
        goto done;
    struct request request = {.kind = REQUEST_CHANGE, .change = exchange->change};
    exchange_ask(exchange, &request, respond_create);
done:
    fields_free(fields);
}

// --- changing

static void ask_change(struct exchange *exchange);

static void respond_change(struct exchange *exchange, const struct reply *reply)
{
    if (reply->error != ERR_OK) {
        exchange_fail_reply(exchange, reply);
        return;
    }
    if (exchange->change_next.kind == CHANGE_NONE) {
        succeed(exchange, 200, "the keyspace is changed", exchange->change.name);
        return;
    }
    exchange->change = exchange->change_next;
    exchange->change_next = (struct change){.kind = CHANGE_NONE};
    ask_change(exchange);
}

static void ask_change(struct exchange *exchange)
{
    struct request request = {.kind = REQUEST_CHANGE, .change = exchange->change};
    exchange_ask(exchange, &request, respond_change);
}

// Fills `placement` and `safety`, each left at CHANGE_NONE when the body does not ask for it.
static bool take_changes(struct exchange *exchange, const struct fields *fields,
                         const struct cluster_map *map, const struct keyspace *keyspace,
                         struct change *placement, struct change *safety)
{
    static const char *const names[] = {"strategy", "replication_factor", "min_in_sync"};
    struct change blank = {.keyspace = keyspace->id, .strategy = keyspace->strategy};
    snprintf(blank.name, sizeof blank.name, "%s", keyspace->name);
    *placement = blank;
    *safety = blank;
    if (!take_only(exchange, fields, names, sizeof names / sizeof names[0]))
        return false;
    if (fields_have(fields, "strategy") &&
        !placement_take_strategy(exchange, fields, &placement->strategy))
        return false;
    if (!placement_take_factor(exchange, fields, map, &placement->replication_factor))
        return false;
    unsigned factor = placement->replication_factor;
    unsigned most =
        replicas_max(map, placement->strategy, factor > 0 ? factor : keyspace->replication_factor);
    if (!placement_take_min_in_sync(exchange, fields, most, &safety->min_in_sync))
        return false;
    if (fields_have(fields, "strategy") || factor > 0)
        placement->kind = CHANGE_STRATEGY;
    if (safety->min_in_sync > 0)
        safety->kind = CHANGE_MIN_IN_SYNC;
    if (placement->kind != CHANGE_NONE || safety->kind != CHANGE_NONE)
        return true;
    exchange_fail(
        exchange, 400, "invalid",
        "nothing to change: give \"strategy\", \"replication_factor\" or \"min_in_sync\"");
    return false;
}

void handle_keyspace_change(struct exchange *exchange)
{
    struct change placement;
    struct change safety;
    struct named named;
    struct fields *fields = placement_fields_parse(exchange);
    if (fields == NULL || !target_named(exchange, exchange->rest, &named))
        goto done;
    if (named.optimistic != NULL) {
        exchange_fail(exchange, 409, "illegal",
                      "the settings of an optimistic keyspace are for ever: make another one");
        goto done;
    }
    const struct cluster_map *map = host_map(exchange->gateway->host);
    if (!take_changes(exchange, fields, map, &named.strong->keyspace, &placement, &safety))
        goto done;
    // Both are valid, so that a bad request changes nothing; the placement goes first.
    bool both = placement.kind != CHANGE_NONE && safety.kind != CHANGE_NONE;
    exchange->change = placement.kind != CHANGE_NONE ? placement : safety;
    exchange->change_next = both ? safety : (struct change){.kind = CHANGE_NONE};
    ask_change(exchange);
done:
    fields_free(fields);
}
