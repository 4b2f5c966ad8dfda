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
    {.path = "/v1/channels",
     .body = BODY_FIELDS,
     .allow = "GET, HEAD, POST",
     .handlers = {[METHOD_GET] = handle_channels,
                  [METHOD_HEAD] = handle_channels,
                  [METHOD_POST] = handle_channel_subscribe}},
    {.path = "/v1/channels/",
     .allow = "DELETE",
     .handlers = {[METHOD_DELETE] = handle_channel_unsubscribe}},
    {.path = "/v1/annotations",
     .body = BODY_DOCUMENT,
     .allow = "GET, HEAD, POST",
     .handlers = {[METHOD_GET] = handle_annotations,
                  [METHOD_HEAD] = handle_annotations,
                  [METHOD_POST] = handle_annotation_create}},
    {.path = "/v1/annotations/",
     .body = BODY_DOCUMENT,
     .allow = "GET, POST, PATCH, DELETE",
     .handlers = {[METHOD_GET] = handle_annotation_get,
                  [METHOD_POST] = handle_annotation_post,
                  [METHOD_PATCH] = handle_annotation_patch,
                  [METHOD_DELETE] = handle_annotation_delete}},
    {.path = "/v1/annotations/",
     .suffix = "/restore",
     .body = BODY_FIELDS,
     .allow = "POST",
     .handlers = {[METHOD_POST] = handle_annotation_restore}},
    {.path = "/v1/authors/muted",
     .allow = "GET, HEAD",
     .handlers = {[METHOD_GET] = handle_muted, [METHOD_HEAD] = handle_muted}},
    {.path = "/v1/authors/",
     .suffix = "/mute",
     .body = BODY_FIELDS,
     .allow = "PUT, DELETE",
     .handlers = {[METHOD_PUT] = handle_mute, [METHOD_DELETE] = handle_unmute}},
    {.path = "/v1/keyspaces/",
     .suffix = "/stability",
     .allow = "GET, HEAD",
     .handlers = {[METHOD_GET] = handle_stability, [METHOD_HEAD] = handle_stability}},
    {.path = "/v1/keyspaces/",
     .suffix = "/subscription",
     .allow = "POST, DELETE",
     .handlers = {[METHOD_POST] = handle_subscribe, [METHOD_DELETE] = handle_unsubscribe}},
    {.path = "/v1/keyspaces/",
     .suffix = "/exchange",
     .body = BODY_FIELDS,
     .allow = "POST",
     .handlers = {[METHOD_POST] = handle_exchange}},
    {.path = "/v1/keyspaces/",
     .suffix = "/bundle",
     .body = BODY_BUNDLE,
     .allow = "GET, HEAD, POST",
     .handlers = {[METHOD_GET] = handle_bundle_export,
                  [METHOD_HEAD] = handle_bundle_export,
                  [METHOD_POST] = handle_bundle_import}},
    {.path = "/v1/peers",
     .allow = "GET, HEAD",
     .handlers = {[METHOD_GET] = handle_peers, [METHOD_HEAD] = handle_peers}},
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

// Whether the route's path and suffix fit; then `rest` is what stands between them.
static bool fits(const struct route *route, struct slice text, struct slice *rest)
{
    struct slice start = slice_of_text(route->path);
    struct slice end = slice_of_text(route->suffix == NULL ? "" : route->suffix);
    if (text.length < start.length + end.length ||
        memcmp(text.bytes, start.bytes, start.length) != 0 ||
        memcmp(text.bytes + text.length - end.length, end.bytes, end.length) != 0)
        return false;
    *rest = slice_of(text.bytes + start.length, text.length - start.length - end.length);
    return rest->length == 0 || start.bytes[start.length - 1] == '/';
}

const struct route *route_find(const char *path, struct slice *rest)
{
    const struct route *found = NULL;
    struct slice between;
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        if (!fits(&ROUTES[i], slice_of_text(path), &between) ||
            (found != NULL && ROUTES[i].suffix == NULL))
            continue;
        found = &ROUTES[i];
        *rest = between;
    }
    return found;
}
