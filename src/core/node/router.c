#include "core/node/router.h"

#include "base/check.h"
#include "core/map/next_map.h"

#include <stdlib.h>

enum {
    RETRY_US = 10 * 1000,
    UNAVAILABLE_AFTER_US = 40 * 1000,
    CUT_OFF_AFTER_US = 100 * 1000,
    LEASELESS_AGE_MAX_US = 500 * 1000,
    READ_AGAIN_US = 300 * 1000,
    WRITE_AGAIN_US = 1000 * 1000,
    ASTRAY_AGAIN_US = 250 * 1000,
    ROUTE_AGE_MAX_US = 5 * 1000 * 1000,
    CHANGE_AGE_MAX_US = 30 * 1000 * 1000,
    LIST_BYTES_MAX = 4 << 20
};

void router_init(struct router *router, const struct agreement *agreement, struct strong *strong,
                 uint64_t seed)
{
    *router = (struct router){.agreement = agreement, .strong = strong};
    rng_init(&router->rng, seed);
    router->next_id = rng_u64(&router->rng) >> 2;
    table_init(&router->table);
    list_init(&router->routes);
}

static void route_free(struct router *router, struct route *route)
{
    table_remove(&router->table, &route->node);
    list_remove(&route->link);
    buf_release(&route->entries);
    buf_release(&route->cursor_key);
    free(route);
}

void router_release(struct router *router)
{
    while (!list_empty(&router->routes))
        route_free(router, LIST_ITEM(router->routes.next, struct route, link));
    table_release(&router->table);
}

static uint64_t id_hash(uint64_t id)
{
    return id * UINT64_C(0x9e3779b97f4a7c15);
}

static struct route *of_node(const struct table_node *node)
{
    return (struct route *)(void *)((char *)(uintptr_t)node - offsetof(struct route, node));
}

static bool has_id(const struct table_node *node, const void *wanted)
{
    return of_node(node)->id == *(const uint64_t *)wanted;
}

static struct route *find(const struct router *router, uint64_t id)
{
    struct table_node *node = table_find(&router->table, id_hash(id), has_id, &id);
    return node != NULL ? of_node(node) : NULL;
}

static struct route *add(struct router *router, uint64_t origin_peer, uint64_t origin_id,
                         const struct request *request)
{
    size_t bytes = request->key.length + request->value.length + request->prefix.length;
    struct route *route = memory_zeroed(1, sizeof *route + bytes);
    uint8_t *at = route->bytes;
    route->id = ++router->next_id;
    route->origin_peer = origin_peer;
    route->origin_id = origin_id;
    route->since_us = router->now_us;
    route->request = *request;
    route->request.key = slice_copy_to(&at, request->key);
    route->request.value = slice_copy_to(&at, request->value);
    route->request.prefix = slice_copy_to(&at, request->prefix);
    buf_init(&route->entries, LIST_BYTES_MAX);
    buf_init(&route->cursor_key, KEY_BYTES_MAX);
    buf_append_slice(&route->cursor_key, request->cursor.key);
    route->request.cursor.key = buf_slice(&route->cursor_key);
    list_init(&route->link);
    list_append(&router->routes, &route->link);
    table_add(&router->table, &route->node, id_hash(route->id));
    return route;
}

static void answer_origin(struct effects *effects, uint64_t origin_peer, uint64_t origin_id,
                          uint64_t to_incarnation, const struct reply *reply)
{
    if (origin_peer == 0) {
        effects_reply(effects, origin_id, reply);
        return;
    }
    struct buf bytes;
    buf_init(&bytes, MESSAGE_BYTES_MAX);
    reply_encode(&bytes, reply);
    struct message message = {.kind = MESSAGE_ANSWER,
                              .answer = {.id = origin_id, .reply = buf_slice(&bytes)}};
    effects_send(effects, origin_peer, to_incarnation, &message);
    buf_release(&bytes);
}

static void finish(struct router *router, struct effects *effects, struct route *route,
                   const struct reply *reply)
{
    const struct map_node *peer =
        cluster_map_node_of_store(&router->agreement->map, route->origin_peer);
    answer_origin(effects, route->origin_peer, route->origin_id,
                  peer != NULL ? peer->incarnation : 0, reply);
    route_free(router, route);
}

static void finish_error(struct router *router, struct effects *effects, struct route *route,
                         enum err error)
{
    finish(router, effects, route, &(struct reply){.error = error});
}

static bool is_write(const struct request *request)
{
    return request->kind == REQUEST_PUT || request->kind == REQUEST_DELETE;
}

static uint16_t slot_of(const struct request *request)
{
    return request->kind == REQUEST_LIST ? request->cursor.slot : slot_of_key(request->key);
}

// A write that is tried may be taken, now or by a try before.
static void note_try(struct router *router, struct route *route)
{
    struct request *request = &route->request;
    if (!is_write(request) || route->origin_peer != 0)
        return;
    if (operation_id_is_zero(request->operation))
        request->operation =
            (struct operation_id){.high = rng_u64(&router->rng), .low = rng_u64(&router->rng) | 1};
    if (request->first_epoch == 0) {
        request->first_epoch = route->sent_epoch;
        request->first_stamp = route->sent_stamp;
    }
    route->lost_try |= route->sent_epoch != 0 && stamp_is_zero(route->sent_stamp);
    if (route->lost_try)
        request->first_stamp = (struct stamp){0};
    route->sent_stamp = (struct stamp){0};
    route->sent_epoch = router->agreement->map.epoch;
}

static void forward(struct router *router, struct effects *effects, struct route *route, node_id to)
{
    struct buf bytes;
    // A new id each time: a late answer to an earlier try is not taken for one to this.
    table_remove(&router->table, &route->node);
    route->id = ++router->next_id;
    table_add(&router->table, &route->node, id_hash(route->id));
    note_try(router, route);
    buf_init(&bytes, MESSAGE_BYTES_MAX);
    request_encode(&bytes, &route->request);
    struct message message = {.kind = MESSAGE_FORWARD,
                              .forward = {.id = route->id, .request = buf_slice(&bytes)}};
    agreement_send(router->agreement, effects, to, &message);
    buf_release(&bytes);
    route->state = ROUTE_SENT;
    route->sent_to = to;
    route->retry_us = router->now_us + (is_write(&route->request) ? WRITE_AGAIN_US : READ_AGAIN_US);
    effects_wake(effects, route->retry_us);
}

static void wait_and_retry(struct router *router, struct effects *effects, struct route *route)
{
    route->state = ROUTE_WAITING;
    route->retry_us = router->now_us + RETRY_US;
    effects_wake(effects, route->retry_us);
}

static void try_here(struct router *router, struct effects *effects, struct route *route)
{
    route->state = ROUTE_HERE;
    note_try(router, route);
    strong_request(router->strong, effects, router->now_us, route->id, &route->request);
}

static bool can_here(const struct router *router, const struct request *request)
{
    const struct strong *strong = router->strong;
    const struct map_keyspace *keyspace =
        cluster_map_keyspace(&router->agreement->map, request->keyspace);
    if (request->kind == REQUEST_READ && request->consistency == CONSISTENCY_LOCAL)
        return true;
    if (!is_write(request))
        return strong_serves(strong, request->keyspace, slot_of(request));
    return keyspace != NULL && strong->live && !strong->draining &&
           (agreement_serves(router->agreement) || router->agreement->releasing) &&
           map_keyspace_slot(keyspace, slot_of(request))->primary == strong->self;
}

// Who else could answer: the primary of a write's slot, any live in-sync replica for the rest.
static node_id choose_other(struct router *router, const struct route *route,
                            const struct replica_set *set)
{
    node_set live = cluster_map_live(&router->agreement->map);
    if (is_write(&route->request))
        return set->primary;
    node_set candidates = set->in_sync & live & ~node_bit(agreement_self(router->agreement));
    if ((candidates & ~node_bit(route->sent_to)) != 0)
        candidates &= ~node_bit(route->sent_to);
    unsigned count = node_set_count(candidates);
    return count == 0 ? NODE_NONE
                      : node_set_nth(candidates, (unsigned)rng_below(&router->rng, count));
}

// What a write is told when it was tried before, and this try came to nothing.
static enum err write_error(const struct route *route, enum err error)
{
    bool nothing_done = error == ERR_UNAVAILABLE || error == ERR_BUSY || error == ERR_TIMEOUT ||
                        error == ERR_CUT_OFF || error == ERR_RETRY || error == ERR_FULL;
    bool may_be_taken = route->request.first_epoch != 0 || route->sent_epoch != 0;
    return nothing_done && may_be_taken && route->origin_peer == 0 ? ERR_UNKNOWN : error;
}

// Without a lease for so long, this node does not just see voters change.
static bool is_cut_off(const struct router *router, const struct route *route)
{
    return router->now_us >= router->agreement->lease.held_until_us + LEASELESS_AGE_MAX_US &&
           router->now_us >= route->since_us + CUT_OFF_AFTER_US;
}

static void try_route(struct router *router, struct effects *effects, struct route *route)
{
    const struct map_keyspace *keyspace =
        cluster_map_keyspace(&router->agreement->map, route->request.keyspace);
    if (can_here(router, &route->request)) {
        try_here(router, effects, route);
        return;
    }
    if (route->origin_peer != 0 || keyspace == NULL) {
        // A gateway that is ahead may know a keyspace that this node has yet to hear of.
        finish_error(router, effects, route, route->origin_peer != 0 ? ERR_RETRY : ERR_NOT_FOUND);
        return;
    }
    const struct replica_set *set = map_keyspace_slot(keyspace, slot_of(&route->request));
    node_set live = cluster_map_live(&router->agreement->map);
    node_id self = agreement_self(router->agreement);
    node_id other = choose_other(router, route, set);
    // By the newest map that this node knows nobody can answer; a newer one may be on its way.
    bool sure = router->now_us >= route->since_us + UNAVAILABLE_AFTER_US;
    if ((set->in_sync & live) == 0 && sure && write_error(route, ERR_UNAVAILABLE) != ERR_UNKNOWN)
        finish(router, effects, route,
               &(struct reply){.error = ERR_UNAVAILABLE, .awaited = set->in_sync});
    else if (is_cut_off(router, route) && write_error(route, ERR_CUT_OFF) != ERR_UNKNOWN)
        finish_error(router, effects, route, ERR_CUT_OFF);
    else if (other == NODE_NONE || other == self || !lease_is_held(&router->agreement->lease))
        wait_and_retry(router, effects, route);
    else
        forward(router, effects, route, other);
}

static bool is_busy(const struct router *router)
{
    return router->table.count >= ROUTES_MAX;
}

static void begin_change(struct router *router, struct effects *effects, uint64_t handle,
                         const struct request *request)
{
    enum err error = next_map_check_change(&router->agreement->map, &request->change);
    bool fulfilled = next_map_satisfies(&router->agreement->map, &request->change);
    if (error != ERR_OK || fulfilled) {
        effects_reply(effects, handle, &(struct reply){.error = error});
        return;
    }
    struct route *route = add(router, 0, handle, request);
    route->state = ROUTE_CHANGE;
    router->changes_dirty = true;
}

void router_request(struct router *router, struct effects *effects, uint64_t now_us,
                    uint64_t handle, const struct request *request)
{
    struct reply reply = {.error = request_check(request)};
    router->now_us = now_us;
    if (reply.error == ERR_OK && router->agreement->map.epoch == 0)
        reply.error = ERR_UNAVAILABLE;
    if (reply.error == ERR_OK && is_busy(router))
        reply.error = ERR_BUSY;
    if (reply.error != ERR_OK) {
        effects_reply(effects, handle, &reply);
    } else if (request->kind == REQUEST_CHANGE) {
        begin_change(router, effects, handle, request);
    } else if (strong_read_now(router->strong, request, &reply)) {
        effects_reply(effects, handle, &reply);
    } else {
        try_route(router, effects, add(router, 0, handle, request));
    }
}

// An earlier try of the same write is still here: its answer will be the answer to this one.
static bool answers_anew(struct router *router, uint64_t peer, uint64_t id,
                         const struct operation_id *operation)
{
    for (struct list *link = router->routes.next; link != &router->routes; link = link->next) {
        struct route *route = LIST_ITEM(link, struct route, link);
        if (route->origin_peer != peer ||
            !operation_id_equal(route->request.operation, *operation) || !is_write(&route->request))
            continue;
        route->origin_id = id;
        return true;
    }
    return false;
}

void router_on_forward(struct router *router, struct effects *effects, uint64_t now_us,
                       uint64_t peer, uint64_t to_incarnation, bool current,
                       const struct message_forward *message)
{
    struct request request;
    struct reply reply;
    router->now_us = now_us;
    if (request_decode(message->request, &request) != ERR_OK || request.kind >= REQUEST_CHANGE)
        return;
    if (is_write(&request) && !current) {
        reply = (struct reply){.error = ERR_RETRY};
        answer_origin(effects, peer, message->id, to_incarnation, &reply);
        return;
    }
    if (is_write(&request) && request.first_epoch != 0 &&
        answers_anew(router, peer, message->id, &request.operation))
        return;
    if (strong_read_now(router->strong, &request, &reply)) {
        answer_origin(effects, peer, message->id, to_incarnation, &reply);
    } else if (is_busy(router)) {
        reply = (struct reply){.error = ERR_BUSY};
        answer_origin(effects, peer, message->id, to_incarnation, &reply);
    } else {
        try_route(router, effects, add(router, peer, message->id, &request));
    }
}

// Adds a page to what a listing has; true when the listing goes on.
static bool take_page(struct route *route, const struct reply *page)
{
    struct cursor in = cursor_of(page->entries);
    struct list_entry entry;
    uint32_t count = 0;
    while (list_entry_next(&in, &entry))
        count++;
    buf_append_slice(&route->entries, page->entries);
    buf_clear(&route->cursor_key);
    buf_append_slice(&route->cursor_key, page->cursor.key);
    route->request.cursor =
        (struct list_cursor){.slot = page->cursor.slot, .key = buf_slice(&route->cursor_key)};
    route->request.limit -= count < route->request.limit ? count : route->request.limit;
    return page->cursor.slot < SLOTS && route->request.limit > 0 &&
           route->entries.length < LIST_BYTES_MAX / 2;
}

static void on_page(struct router *router, struct effects *effects, struct route *route,
                    const struct reply *page)
{
    if (route->origin_peer != 0) {
        finish(router, effects, route, page);
    } else if (take_page(route, page)) {
        try_route(router, effects, route);
    } else {
        struct reply whole = {.entries = buf_slice(&route->entries),
                              .cursor = route->request.cursor};
        finish(router, effects, route, &whole);
    }
}

static void on_reply(struct router *router, struct effects *effects, struct route *route,
                     const struct reply *reply)
{
    bool again = reply->error == ERR_RETRY || reply->error == ERR_UNDECIDED;
    if (reply->error == ERR_UNDECIDED)
        route->sent_stamp = reply->stamp;
    else
        route->sent_epoch = 0; // this try ends with an answer
    if (again && route->origin_peer == 0)
        wait_and_retry(router, effects, route);
    else if (reply->error == ERR_OK && route->request.kind == REQUEST_LIST)
        on_page(router, effects, route, reply);
    else if (is_write(&route->request) && write_error(route, reply->error) != reply->error)
        finish_error(router, effects, route, ERR_UNKNOWN);
    else
        finish(router, effects, route, reply);
}

void router_answer(void *context, struct effects *effects, uint64_t handle,
                   const struct reply *reply)
{
    struct router *router = context;
    struct route *route = find(router, handle);
    if (route != NULL && route->state == ROUTE_HERE)
        on_reply(router, effects, route, reply);
}

void router_on_answer(struct router *router, struct effects *effects, uint64_t now_us,
                      const struct message_answer *answer)
{
    struct reply reply;
    struct route *route = find(router, answer->id);
    router->now_us = now_us;
    if (route != NULL && route->state == ROUTE_SENT &&
        reply_decode(answer->reply, &reply) == ERR_OK)
        on_reply(router, effects, route, &reply);
}

static enum err age_error(const struct route *route)
{
    if (!is_write(&route->request))
        return ERR_TIMEOUT;
    if (route->origin_peer != 0)
        return route->state == ROUTE_HERE ? ERR_UNKNOWN : ERR_UNAVAILABLE;
    return write_error(route, ERR_UNAVAILABLE);
}

// By the newest map, whoever has the write is not the primary. One that runs says what became of
// it, and that is worth a moment: without its word the next primary may not know.
static void hasten_astray(const struct router *router, struct route *route)
{
    const struct cluster_map *map = &router->agreement->map;
    const struct map_keyspace *keyspace = cluster_map_keyspace(map, route->request.keyspace);
    const struct map_node *holder = cluster_map_node(map, route->sent_to);
    if (route->state != ROUTE_SENT || !is_write(&route->request) || keyspace == NULL ||
        map_keyspace_slot(keyspace, slot_of(&route->request))->primary == route->sent_to)
        return;
    bool runs = holder != NULL && holder->state != NODE_DOWN;
    uint64_t again_us = router->now_us + (runs ? ASTRAY_AGAIN_US : 0);
    if (again_us < route->retry_us)
        route->retry_us = again_us;
}

// Looks at every route; those that have an answer now are gone afterwards.
static void look_at_all(struct router *router, struct effects *effects, bool new_map)
{
    struct list all;
    struct list *link;
    list_init(&all);
    list_move_all(&all, &router->routes);
    while ((link = list_take_first(&all)) != NULL) {
        struct route *route = LIST_ITEM(link, struct route, link);
        list_append(&router->routes, &route->link);
        bool change = route->state == ROUTE_CHANGE;
        const struct change *wished = &route->request.change;
        enum err refused =
            change && new_map ? next_map_check_change(&router->agreement->map, wished) : ERR_OK;
        uint64_t age_max_us = change ? CHANGE_AGE_MAX_US : ROUTE_AGE_MAX_US;
        if (new_map)
            hasten_astray(router, route);
        bool again =
            (route->state == ROUTE_WAITING && (new_map || router->now_us >= route->retry_us)) ||
            (route->state == ROUTE_SENT && router->now_us >= route->retry_us);
        if (change && new_map && next_map_satisfies(&router->agreement->map, wished))
            finish_error(router, effects, route, ERR_OK);
        else if (refused != ERR_OK)
            finish_error(router, effects, route, refused);
        else if (router->now_us >= route->since_us + age_max_us)
            finish_error(router, effects, route, age_error(route));
        else if (again && effects_over_budget(effects))
            effects_wake(effects, router->now_us);
        else if (again)
            try_route(router, effects, route);
        else
            effects_wake(effects, route->retry_us > router->now_us ? route->retry_us
                                                                   : route->since_us + age_max_us);
    }
}

void router_on_map(struct router *router, struct effects *effects, uint64_t now_us)
{
    router->now_us = now_us;
    look_at_all(router, effects, true);
}

void router_tick(struct router *router, struct effects *effects, uint64_t now_us)
{
    router->now_us = now_us;
    if (!list_empty(&router->routes))
        look_at_all(router, effects, false);
}

void router_wants(const struct router *router, struct wants *out)
{
    for (const struct list *link = router->routes.next; link != &router->routes;
         link = link->next) {
        const struct route *route = LIST_ITEM(link, const struct route, link);
        if (route->state == ROUTE_CHANGE)
            wants_add_change(out, &route->request.change);
    }
}
