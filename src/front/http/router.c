#include "front/http/router.h"

#include "front/http/handlers.h"

static const struct route ROUTES[] = {
    {.path = "/write",
     .body = BODY_RECORD,
     .allow = "POST",
     .handlers = {[METHOD_POST] = handle_write}},
    {.path = "/read/",
     .allow = "GET, HEAD",
     .handlers = {[METHOD_GET] = handle_read, [METHOD_HEAD] = handle_read}},
    {.path = "/delete/", .allow = "DELETE", .handlers = {[METHOD_DELETE] = handle_delete}},
    {.path = "/fail/",
     .body = BODY_FIELDS,
     .allow = "POST",
     .handlers = {[METHOD_POST] = handle_fail}},
    {.path = "/recover/",
     .body = BODY_FIELDS,
     .allow = "POST",
     .handlers = {[METHOD_POST] = handle_recover}},
    {.path = "/nodes",
     .allow = "GET, HEAD",
     .handlers = {[METHOD_GET] = handle_nodes, [METHOD_HEAD] = handle_nodes}},
    {.path = "/set_replication_strategy",
     .body = BODY_FIELDS,
     .allow = "POST",
     .handlers = {[METHOD_POST] = handle_set_strategy}},
    {.path = "/nodes_for_key/",
     .allow = "GET, HEAD",
     .handlers = {[METHOD_GET] = handle_nodes_for_key, [METHOD_HEAD] = handle_nodes_for_key}},
    {.path = "/v1/kv/",
     .body = BODY_VALUE,
     .allow = "GET, HEAD, PUT, DELETE",
     .handlers = {[METHOD_GET] = handle_kv_get,
                  [METHOD_HEAD] = handle_kv_get,
                  [METHOD_PUT] = handle_kv_put,
                  [METHOD_DELETE] = handle_kv_delete}},
    {.path = "/v1/nodes",
     .allow = "GET, HEAD",
     .handlers = {[METHOD_GET] = handle_v1_nodes, [METHOD_HEAD] = handle_v1_nodes}},
    {.path = "/v1/nodes/",
     .allow = "DELETE",
     .handlers = {[METHOD_DELETE] = handle_v1_node_remove}},
    {.path = "/v1/keyspaces",
     .body = BODY_FIELDS,
     .allow = "GET, HEAD, POST",
     .handlers = {[METHOD_GET] = handle_keyspaces,
                  [METHOD_HEAD] = handle_keyspaces,
                  [METHOD_POST] = handle_keyspace_create}},
    {.path = "/v1/keyspaces/",
     .body = BODY_FIELDS,
     .allow = "GET, HEAD, PATCH",
     .handlers = {[METHOD_GET] = handle_keyspace,
                  [METHOD_HEAD] = handle_keyspace,
                  [METHOD_PATCH] = handle_keyspace_change}},
    {.path = "/livez",
     .open = true,
     .allow = "GET, HEAD",
     .handlers = {[METHOD_GET] = handle_livez, [METHOD_HEAD] = handle_livez}},
    {.path = "/readyz",
     .open = true,
     .allow = "GET, HEAD",
     .handlers = {[METHOD_GET] = handle_readyz, [METHOD_HEAD] = handle_readyz}},
    {.path = "/openapi.json",
     .allow = "GET, HEAD",
     .handlers = {[METHOD_GET] = handle_openapi, [METHOD_HEAD] = handle_openapi}},
};

enum { ROUTE_COUNT = sizeof ROUTES / sizeof ROUTES[0] };

const struct route *route_all(size_t *count)
{
    *count = ROUTE_COUNT;
    return ROUTES;
}

const struct route *route_find(const char *path, struct slice *rest)
{
    struct slice text = slice_of_text(path);
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        struct slice wanted = slice_of_text(ROUTES[i].path);
        if (text.length < wanted.length || memcmp(text.bytes, wanted.bytes, wanted.length) != 0)
            continue;
        bool is_prefix = wanted.bytes[wanted.length - 1] == '/';
        if (!is_prefix && text.length != wanted.length)
            continue;
        *rest = slice_of(text.bytes + wanted.length, text.length - wanted.length);
        return &ROUTES[i];
    }
    return NULL;
}
