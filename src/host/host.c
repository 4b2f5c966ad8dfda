#include "host/host.h"

#include "base/check.h"
#include "host/identity.h"
#include "host/watched_store.h"

#include <stdlib.h>

enum { WAKE_LEAST_US = 1000, INDEX_BITS = 16, BATCHES_FIRST = 16 };

// Batches that were handed to a store and not reported, with the token that each makes durable.
struct batch {
    uint64_t number;
    uint64_t token;
};

struct batches {
    struct batch *items; // a ring
    size_t first;
    size_t count;
    size_t capacity;
    uint64_t token_committed;
    bool open; // something was written since the last commit
};

struct waiter {
    host_reply *reply; // NULL: free
    void *context;
    uint64_t generation;
    unsigned next_free;
};

// A message of the node to itself.
struct own_message {
    struct own_message *next;
    size_t length;
    uint8_t bytes[];
};

struct host {
    struct node_config config;
    struct host_ports ports;
    struct watched_store data; // what the node reads records from
    struct store data_port;
    struct net net;
    struct identity identity;
    struct node *node; // NULL until the incarnation is synced
    struct effects effects;
    struct effects carried;
    bool carrying;
    struct batches batches[EFFECT_STORE_COUNT];
    struct waiter *waiters;
    unsigned waiter_count;
    unsigned waiter_free; // index + 1; 0: none
    struct own_message *own_first;
    struct own_message *own_last;
    uint64_t wake_us;
    bool commit_all;  // what is written without a token too
    bool voter_begun; // the identity is durable there
    bool data_begun;
    enum err failure;
    bool data_failed; // its records are written no more; the voter goes on until the node has left
};

static uint64_t now_us(struct host *host)
{
    return host->ports.clock.ops->now_us(host->ports.clock.self);
}

static const struct store *store_of(const struct host *host, enum effect_store store)
{
    return store == EFFECT_DATA ? &host->ports.data : &host->ports.voter;
}

// --- carrying effects out

static void carry_writes(struct host *host, const struct effects *effects)
{
    for (size_t i = 0; i < effects->write_count; i++) {
        const struct effect_write *write = &effects->writes[i];
        const struct store *store = store_of(host, write->store);
        struct slice key = effects_bytes(effects, write->key);
        if (write->store == EFFECT_DATA && host->data_failed)
            continue;
        host->batches[write->store].open = true;
        if (write->remove)
            store->ops->remove(store->self, write->table, key);
        else
            store->ops->put(store->self, write->table, key, effects_bytes(effects, write->value));
    }
}

static void keep_own(struct host *host, struct slice message)
{
    struct own_message *own = memory_new(sizeof *own + message.length);
    own->next = NULL;
    own->length = message.length;
    memcpy(own->bytes, message.bytes, message.length);
    if (host->own_last != NULL)
        host->own_last->next = own;
    else
        host->own_first = own;
    host->own_last = own;
}

static void carry_messages(struct host *host, const struct effects *effects)
{
    const struct net *net = &host->net;
    for (size_t i = 0; i < effects->route_count; i++) {
        struct slice address = effects_bytes(effects, effects->routes[i].address);
        net->ops->route(net->self, effects->routes[i].peer,
                        address.length > 0 ? (const char *)address.bytes : NULL);
    }
    for (size_t i = 0; i < effects->send_count; i++) {
        struct slice message = effects_bytes(effects, effects->sends[i].message);
        if (effects->sends[i].peer == host->identity.store_id)
            keep_own(host, message);
        else
            net->ops->send(net->self, effects->sends[i].peer, effects->sends[i].lane, message);
    }
}

static void answer(struct host *host, uint64_t handle, const struct reply *reply)
{
    unsigned index = (unsigned)(handle & ((1u << INDEX_BITS) - 1));
    CHECK(index < host->waiter_count);
    struct waiter *waiter = &host->waiters[index];
    CHECK(waiter->reply != NULL && waiter->generation == handle >> INDEX_BITS);
    host_reply *call = waiter->reply;
    void *context = waiter->context;
    waiter->reply = NULL;
    waiter->next_free = host->waiter_free;
    host->waiter_free = index + 1;
    call(context, reply);
}

static void carry_replies(struct host *host, const struct effects *effects)
{
    for (size_t i = 0; i < effects->reply_count; i++) {
        struct reply reply;
        enum err error = reply_decode(effects_bytes(effects, effects->replies[i].reply), &reply);
        CHECK(error == ERR_OK);
        answer(host, effects->replies[i].handle, &reply);
    }
}

// A step that could not read what it had to is not believed: the data has failed.
static void step(struct host *host, struct node_event *event)
{
    event->now_us = now_us(host);
    event->utc_ms = host->ports.clock.ops->wall_ms(host->ports.clock.self);
    node_step(host->node, event, &host->effects);
    if (host->data.error == ERR_OK || host->failure != ERR_OK)
        return;
    effects_distrust(&host->effects);
    host->failure = host->data.error;
    host->data_failed = true;
    struct node_event failed = {.kind = NODE_EVENT_DATA_FAILED, .now_us = event->now_us};
    node_step(host->node, &failed, &host->effects);
}

static void step_own_message(struct host *host)
{
    struct own_message *own = host->own_first;
    host->own_first = own->next;
    if (own->next == NULL)
        host->own_last = NULL;
    struct node_event event = {.kind = NODE_EVENT_MESSAGE,
                               .peer = host->identity.store_id,
                               .message = slice_of(own->bytes, own->length)};
    step(host, &event);
    free(own);
}

// Carries out until nothing is left. A reply's receiver may make new requests meanwhile: they add
// to what is left.
static void carry(struct host *host)
{
    if (host->carrying)
        return;
    host->carrying = true;
    while (!effects_empty(&host->effects) || host->own_first != NULL) {
        if (effects_empty(&host->effects))
            step_own_message(host);
        effects_hand_over(&host->effects, &host->carried);
        carry_writes(host, &host->carried);
        carry_messages(host, &host->carried);
        carry_replies(host, &host->carried);
        effects_clear(&host->carried);
    }
    host->carrying = false;
    if (host->effects.wake_us < host->wake_us) {
        host->wake_us = host->effects.wake_us;
        uint64_t least = now_us(host) + WAKE_LEAST_US;
        host->ports.clock.ops->wake_at(host->ports.clock.self,
                                       host->wake_us > least ? host->wake_us : least);
    }
    effects_clear(&host->effects);
}

static void run(struct host *host, struct node_event *event)
{
    if (host->node == NULL || host_is_over(host))
        return;
    step(host, event);
    if (node_is_foreign(host->node))
        host->failure = ERR_FOREIGN;
    if (node_is_removed(host->node))
        host->failure = ERR_REMOVED;
    carry(host);
}

// --- stores

static void batches_push(struct batches *batches, struct batch batch)
{
    if (batches->count == batches->capacity) {
        size_t capacity = batches->capacity > 0 ? batches->capacity * 2 : BATCHES_FIRST;
        struct batch *items = memory_new(capacity * sizeof *items);
        for (size_t i = 0; i < batches->count; i++)
            items[i] = batches->items[(batches->first + i) % batches->capacity];
        free(batches->items);
        batches->items = items;
        batches->first = 0;
        batches->capacity = capacity;
    }
    batches->items[(batches->first + batches->count++) % batches->capacity] = batch;
}

static void commit_open(struct host *host, enum effect_store which)
{
    struct batches *batches = &host->batches[which];
    const struct store *store = store_of(host, which);
    uint64_t token = host->effects.tokens[which];
    if (token == batches->token_committed && !(batches->open && host->commit_all))
        return;
    uint64_t number = store->ops->commit(store->self);
    batches_push(batches, (struct batch){.number = number, .token = token});
    batches->token_committed = token;
    batches->open = false;
}

// The token that is durable with `number`; 0 when no batch ended.
static uint64_t batches_end(struct batches *batches, uint64_t number)
{
    uint64_t token = 0;
    while (batches->count > 0 && batches->items[batches->first].number <= number) {
        token = batches->items[batches->first].token;
        batches->first = (batches->first + 1) % batches->capacity;
        batches->count--;
    }
    return token;
}

void host_turn_end(struct host *host)
{
    if (host->failure == ERR_OK || host->data_failed)
        commit_open(host, EFFECT_VOTER);
    if (host->failure == ERR_OK)
        commit_open(host, EFFECT_DATA);
    host->commit_all = false;
    host->net.ops->flush(host->net.self);
}

// What was written since is not known to be anywhere: nothing is acknowledged from here on.
static void fail_data(struct host *host, enum err error)
{
    if (host->failure != ERR_OK)
        return;
    host->failure = error;
    host->data_failed = true;
    struct node_event event = {.kind = NODE_EVENT_DATA_FAILED};
    run(host, &event);
}

// Once its identity is durable: of a node's first start, in both stores.
static void begin_node(struct host *host)
{
    if (!host->voter_begun || !host->data_begun || host->failure != ERR_OK)
        return;
    struct node_stores stores = {.data = &host->data_port, .voter = &host->ports.voter};
    enum err error = node_new(&host->config, &host->identity, &stores, now_us(host), &host->effects,
                              &host->node);
    if (error != ERR_OK)
        host->failure = error;
    carry(host);
}

void host_on_data_done(struct host *host, uint64_t batch, enum err error)
{
    uint64_t token = batches_end(&host->batches[EFFECT_DATA], batch);
    if (error != ERR_OK) {
        fail_data(host, error);
        return;
    }
    struct node_event event = {.kind = NODE_EVENT_DATA_DURABLE, .token = token};
    host->data_begun |= token > 0;
    if (host->node == NULL)
        begin_node(host);
    else if (token > 0 && !host->data_failed)
        run(host, &event);
}

void host_on_voter_done(struct host *host, uint64_t batch, enum err error)
{
    uint64_t token = batches_end(&host->batches[EFFECT_VOTER], batch);
    if (error != ERR_OK) {
        host->failure = error;
        host->data_failed = false;
        return;
    }
    struct node_event event = {.kind = NODE_EVENT_VOTER_SYNCED, .token = token};
    host->voter_begun |= token > 0;
    if (host->node == NULL)
        begin_node(host);
    else if (token > 0)
        run(host, &event);
}

// --- start and end

enum err host_new(const struct node_config *config, const struct host_ports *ports,
                  struct host **out, struct errmsg *detail)
{
    struct host *host = memory_zeroed(1, sizeof *host);
    struct cluster_map map;
    cluster_map_init(&map);
    host->config = *config;
    host->ports = *ports;
    host->data.inner = ports->data;
    host->data_port = watched_store_port(&host->data);
    host->wake_us = UINT64_MAX;
    effects_init(&host->effects);
    effects_init(&host->carried);
    enum err error = identity_begin(config, &ports->data, &ports->voter, &host->effects,
                                    &host->identity, detail);
    enum err map_error = error == ERR_OK ? voter_store_map(&ports->voter, &map) : ERR_OK;
    bool is_member = error == ERR_OK && map_error == ERR_OK &&
                     cluster_map_node_of_store(&map, host->identity.store_id) != NULL;
    cluster_map_release(&map);
    if (is_member && config->roams)
        error = errmsg_set(detail, ERR_EXISTS,
                           "this directory holds a member of the cluster; start it without "
                           "--peer, or start the roaming peer on an empty directory");
    if (error == ERR_OK && map_error != ERR_OK && map_error != ERR_NOT_FOUND)
        error = errmsg_set(detail, map_error, "the map in the voter store cannot be read: %s",
                           err_sentence(map_error));
    if (error != ERR_OK) {
        host_free(host);
        return error;
    }
    host->data_begun = host->effects.tokens[EFFECT_DATA] == 0;
    carry(host);
    *out = host;
    return ERR_OK;
}

void host_free(struct host *host)
{
    if (host == NULL)
        return;
    // Whoever still waits hears that nothing is known.
    for (unsigned i = 0; i < host->waiter_count; i++)
        if (host->waiters[i].reply != NULL)
            host->waiters[i].reply(host->waiters[i].context, &(struct reply){.error = ERR_UNKNOWN});
    node_free(host->node);
    effects_release(&host->effects);
    effects_release(&host->carried);
    while (host->own_first != NULL) {
        struct own_message *own = host->own_first;
        host->own_first = own->next;
        free(own);
    }
    for (unsigned i = 0; i < EFFECT_STORE_COUNT; i++)
        free(host->batches[i].items);
    free(host->waiters);
    free(host);
}

void host_connect(struct host *host, const struct net *net)
{
    host->net = *net;
}

// --- messages, time, requests

void host_on_message(struct host *host, uint64_t peer, struct slice message)
{
    struct node_event event = {.kind = NODE_EVENT_MESSAGE, .peer = peer, .message = message};
    run(host, &event);
}

void host_on_beacon(struct host *host, uint64_t store_id, struct slice address)
{
    struct node_event event = {.kind = NODE_EVENT_BEACON, .peer = store_id, .address = address};
    run(host, &event);
}

void host_on_wake(struct host *host)
{
    struct node_event event = {.kind = NODE_EVENT_TICK};
    host->wake_us = UINT64_MAX;
    host->commit_all = true;
    const struct store *data = &host->ports.data;
    if (data->ops->room(data->self) == STORE_ROOM_NONE)
        fail_data(host, ERR_FULL);
    run(host, &event);
}

void host_stop(struct host *host)
{
    struct node_event event = {.kind = NODE_EVENT_STOP};
    run(host, &event);
}

bool host_has_left(const struct host *host)
{
    return host->node == NULL || node_has_left(host->node);
}

bool host_is_idle(const struct host *host)
{
    unsigned idle = 0;
    for (unsigned at = host->waiter_free; at != 0; at = host->waiters[at - 1].next_free)
        idle++;
    return idle == host->waiter_count;
}

static bool take_waiter(struct host *host, host_reply *reply, void *context, uint64_t *handle)
{
    if (host->waiter_free == 0) {
        if (host->waiter_count == HOST_REQUESTS_MAX)
            return false;
        host->waiters =
            memory_resize(host->waiters, (host->waiter_count + 1) * sizeof *host->waiters);
        host->waiters[host->waiter_count] = (struct waiter){0};
        host->waiter_free = ++host->waiter_count;
    }
    unsigned index = host->waiter_free - 1;
    struct waiter *waiter = &host->waiters[index];
    host->waiter_free = waiter->next_free;
    waiter->reply = reply;
    waiter->context = context;
    waiter->generation++;
    *handle = waiter->generation << INDEX_BITS | index;
    return true;
}

void host_request(struct host *host, const struct request *request, host_reply *reply,
                  void *context)
{
    uint64_t handle;
    if (host->node == NULL || host->failure != ERR_OK) {
        reply(context, &(struct reply){.error = ERR_UNAVAILABLE});
        return;
    }
    if (!take_waiter(host, reply, context, &handle)) {
        reply(context, &(struct reply){.error = ERR_BUSY});
        return;
    }
    struct node_event event = {.kind = NODE_EVENT_REQUEST, .handle = handle, .request = request};
    run(host, &event);
}

uint64_t host_store_id(const struct host *host)
{
    return host->identity.store_id;
}

enum err host_failure(const struct host *host)
{
    return host->failure;
}

bool host_is_over(const struct host *host)
{
    return host->failure != ERR_OK && !host->data_failed;
}

const struct cluster_map *host_map(const struct host *host)
{
    return host->node != NULL ? node_map(host->node) : NULL;
}

struct node_status host_status(const struct host *host)
{
    if (host->node == NULL)
        return (struct node_status){.store_id = host->identity.store_id,
                                    .incarnation = host->identity.incarnation};
    return node_status(host->node);
}

bool host_is_serving(const struct host *host)
{
    return host->node != NULL && node_is_serving(host->node);
}

const struct epidemic *host_epidemic(const struct host *host)
{
    return host->node != NULL ? node_epidemic(host->node) : NULL;
}

void host_follow(struct host *host)
{
    if (host->node != NULL)
        node_follow(host->node);
}
