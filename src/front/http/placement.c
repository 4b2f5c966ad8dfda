// Where the keys of keyspace `default` are, and how that is chosen.
#include "front/http/handlers.h"
#include "front/http/json_text.h"
#include "front/http/placement_fields.h"
#include "front/http/target.h"

static void respond_strategy(struct exchange *exchange, const struct reply *reply)
{
    if (reply->error != ERR_OK) {
        exchange_fail_reply(exchange, reply);
        return;
    }
    const struct change *change = &exchange->change;
    const char *name = strategy_name(change->strategy);
    struct buf *out = exchange_json(exchange, 200, 160);
    buf_append_format(
        out,
        "{\"status\":\"success\",\"message\":\"the strategy is %s now\",\"strategy\":\"%s\","
        "\"replication_factor\":%u}",
        name, name, change->replication_factor);
}

void handle_set_strategy(struct exchange *exchange)
{
    struct fields *fields = placement_fields_parse(exchange);
    const struct map_keyspace *keyspace =
        fields == NULL ? NULL : target_keyspace(exchange, slice_of_text(KEYSPACE_DEFAULT));
    if (keyspace == NULL)
        goto done;
    struct change *change = &exchange->change;
    *change = (struct change){.kind = CHANGE_STRATEGY, .keyspace = keyspace->keyspace.id};
    if (!placement_take_strategy(exchange, fields, &change->strategy) ||
        !placement_take_factor(exchange, fields, host_map(exchange->gateway->host),
                               &change->replication_factor))
        goto done;
    struct request request = {.kind = REQUEST_CHANGE, .change = *change};
    // What the answer shows: the factor that the keyspace goes on with.
    if (change->replication_factor == 0)
        change->replication_factor = keyspace->keyspace.replication_factor;
    exchange_ask(exchange, &request, respond_strategy);
done:
    fields_free(fields);
}

static void append_set(struct buf *out, const char *name, node_set set)
{
    buf_append_format(out, ",\"%s\":[", name);
    for (node_id id = node_set_first(set); id != NODE_NONE; id = node_set_after(set, id))
        buf_append_format(out, "%s%u", id == node_set_first(set) ? "" : ",", id);
    json_append_raw(out, "]");
}

void handle_nodes_for_key(struct exchange *exchange)
{
    if (!target_key(exchange, exchange->rest, true))
        return;
    const struct map_keyspace *keyspace =
        target_keyspace(exchange, slice_of_text(KEYSPACE_DEFAULT));
    if (keyspace == NULL)
        return;
    uint16_t slot = slot_of_key(exchange->key);
    const struct replica_set *set = map_keyspace_slot(keyspace, slot);
    struct buf *out = exchange_json(exchange, 200, 256 + exchange->key.length);
    json_append_raw(out, "{\"status\":\"success\",\"key\":");
    json_append_string(out, exchange->key);
    buf_append_format(out, ",\"slot\":%u,\"primary\":", slot);
    if (set->primary == NODE_NONE)
        json_append_raw(out, "null");
    else
        buf_append_format(out, "%u", set->primary);
    append_set(out, "nodes", set->target);
    append_set(out, "in_sync", set->in_sync);
    append_set(out, "joining", set->joining);
    json_append_raw(out, "}");
}
