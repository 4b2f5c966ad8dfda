// Is the process alive, and would it answer requests for records?
#include "front/http/handlers.h"
#include "front/http/json_text.h"

void handle_livez(struct exchange *exchange)
{
    struct buf *out = exchange_json(exchange, 200, 64);
    json_append_raw(out, "{\"status\":\"alive\"}");
}

// Why a node does not serve, as far as its map tells.
static const char *reason(const struct cluster_map *map, const struct node_status *status)
{
    if (status->roams)
        return "it has not heard of its cluster yet: some member or peer must be reachable once";
    const struct map_node *node =
        map == NULL || status->self == NODE_NONE ? NULL : cluster_map_node(map, status->self);
    if (node == NULL)
        return "it is not in a cluster yet: it joins one, or waits for one that admits it";
    if (node->state == NODE_FAILED)
        return "an operator made it fail: POST /recover/<its id>";
    if (node->state == NODE_DOWN)
        return "the cluster takes it for dead: it comes back once a majority of voters hears it";
    return "it holds no lease yet: a majority of voters must be reachable";
}

void handle_readyz(struct exchange *exchange)
{
    struct host *host = exchange->gateway->host;
    struct node_status status = host_status(host);
    bool ready = status.serving || (status.roams && status.epoch > 0);
    if (!ready) {
        exchange_fail(exchange, 503, "unavailable", "this node does not serve: %s",
                      reason(host_map(host), &status));
        return;
    }
    struct buf *out = exchange_json(exchange, 200, 64);
    json_append_raw(out, "{\"status\":\"ready\"}");
}
