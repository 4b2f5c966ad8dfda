// Making a node's replicas behave as dead, and bringing them back.
#include "front/http/handlers.h"
#include "front/http/json_text.h"
#include "front/http/target.h"

static void respond_drill(struct exchange *exchange, const struct reply *reply)
{
    if (reply->error == ERR_NOT_FOUND) {
        exchange_fail(exchange, 404, "not_found",
                      "there is no node of this id any more: see /nodes");
        return;
    }
    if (reply->error != ERR_OK) {
        exchange_fail_reply(exchange, reply);
        return;
    }
    bool failed = exchange->change.kind == CHANGE_FAIL;
    struct buf *out = exchange_json(exchange, 200, 128);
    buf_append_format(out, "{\"status\":\"success\",\"message\":\"node %u %s\",\"node_id\":%u}",
                      exchange->change.node, failed ? "behaves as dead" : "serves again",
                      exchange->change.node);
}

static void ask(struct exchange *exchange, enum change_kind kind)
{
    const struct map_node *node = target_node(exchange, exchange->rest);
    if (node == NULL)
        return;
    exchange->change = (struct change){.kind = kind, .node = node->id};
    struct request request = {.kind = REQUEST_CHANGE, .change = exchange->change};
    exchange_ask(exchange, &request, respond_drill);
}

void handle_fail(struct exchange *exchange)
{
    ask(exchange, CHANGE_FAIL);
}

void handle_recover(struct exchange *exchange)
{
    ask(exchange, CHANGE_RECOVER);
}
