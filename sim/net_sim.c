#include "sim/net_sim.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/list.h"
#include "base/table.h"

#include <stdlib.h>

struct route {
    struct table_node node;
    uint64_t peer;
    char address[NET_SIM_ADDRESS_BYTES_MAX];
};

// One stay of one store on the net; kept when it is over, so that its port stays harmless.
struct attachment {
    struct list node;
    struct table_node by_store;
    struct table_node by_address;
    struct net_sim *net;
    uint64_t store_id;
    uint64_t number; // 1, 2, ... over all attachments of this net
    char address[NET_SIM_ADDRESS_BYTES_MAX];
    bool attached;
    bool unreachable; // at its address
    net_receive *receive;
    void *context;
    struct table routes;
    struct list outbox;
    uint32_t outbox_count;
};

// What goes from one store to another.
struct link {
    struct table_node node;
    uint64_t from;
    uint64_t to;
    bool blocked;
    uint32_t in_flight;
    uint64_t arrival_us[NET_LANE_COUNT]; // of the latest message in flight
    uint64_t from_number;                // the newest attachments that the last delivery joined
    uint64_t to_number;
    // The attachments that a connection stands between, which `from` made; 0: none.
    struct {
        uint64_t from_number;
        uint64_t to_number;
    } connections[NET_LANE_COUNT];
};

struct message {
    struct list node;
    struct attachment *sender;
    uint64_t peer; // as the sender named it
    enum net_lane lane;
    bool answers;       // it goes over a connection that its receiver made
    struct link *link;  // once in flight
    uint64_t to_number; // the attachment that was there at the flush
    uint64_t event;     // of its arrival
    size_t length;
    uint8_t bytes[];
};

struct net_sim {
    struct timeline *timeline;
    struct rng rng;
    struct net_sim_faults faults;
    struct list attachments;
    uint64_t attachment_count;
    struct table by_store;
    struct table by_address;
    struct table links;
    struct list in_flight;
    uint64_t counts[NET_SIM_FATE_COUNT];
    uint64_t bytes_sent;
    net_sim_watch *watch;
    void *watch_context;
    net_sim_hold *hold;
    void *hold_context;
};

static const char *const fate_names[NET_SIM_FATE_COUNT] = {
#define X(name, text) text,
    NET_SIM_FATE_TABLE(X)
#undef X
};

const char *net_sim_fate_name(enum net_sim_fate fate)
{
    CHECK((unsigned)fate < NET_SIM_FATE_COUNT);
    return fate_names[fate];
}

static uint64_t hash_id(uint64_t id)
{
    return hash64(slice_of(&id, sizeof id), 0);
}

static uint64_t hash_pair(const uint64_t pair[2])
{
    return hash64(slice_of(pair, 2 * sizeof pair[0]), 0);
}

static uint64_t hash_address(const char *address)
{
    return hash64(slice_of_text(address), 0);
}

static bool is_store(const struct table_node *node, const void *wanted)
{
    const uint64_t *store_id = wanted;
    return LIST_ITEM(node, struct attachment, by_store)->store_id == *store_id;
}

static bool is_address(const struct table_node *node, const void *wanted)
{
    return strcmp(LIST_ITEM(node, struct attachment, by_address)->address, wanted) == 0;
}

static bool is_route(const struct table_node *node, const void *wanted)
{
    const uint64_t *peer = wanted;
    return LIST_ITEM(node, struct route, node)->peer == *peer;
}

static bool is_link(const struct table_node *node, const void *wanted)
{
    const uint64_t *pair = wanted;
    const struct link *link = LIST_ITEM(node, struct link, node);
    return link->from == pair[0] && link->to == pair[1];
}

static struct attachment *attachment_of(const struct net_sim *net, uint64_t store_id)
{
    struct table_node *node = table_find(&net->by_store, hash_id(store_id), is_store, &store_id);
    return node != NULL ? LIST_ITEM(node, struct attachment, by_store) : NULL;
}

static struct attachment *attachment_at(const struct net_sim *net, const char *address)
{
    struct table_node *node =
        table_find(&net->by_address, hash_address(address), is_address, address);
    return node != NULL ? LIST_ITEM(node, struct attachment, by_address) : NULL;
}

static struct route *route_of(const struct attachment *attachment, uint64_t peer)
{
    struct table_node *node = table_find(&attachment->routes, hash_id(peer), is_route, &peer);
    return node != NULL ? LIST_ITEM(node, struct route, node) : NULL;
}

static struct link *link_find(const struct net_sim *net, uint64_t from, uint64_t to)
{
    const uint64_t pair[2] = {from, to};
    struct table_node *node = table_find(&net->links, hash_pair(pair), is_link, pair);
    return node != NULL ? LIST_ITEM(node, struct link, node) : NULL;
}

static struct link *link_of(struct net_sim *net, uint64_t from, uint64_t to)
{
    struct link *link = link_find(net, from, to);
    if (link != NULL)
        return link;
    CHECK(net->links.count < NET_SIM_LINKS_MAX);
    const uint64_t pair[2] = {from, to};
    link = memory_zeroed(1, sizeof *link);
    link->from = from;
    link->to = to;
    table_add(&net->links, &link->node, hash_pair(pair));
    return link;
}

static void count(struct net_sim *net, enum net_sim_fate fate, const struct message *message)
{
    net->counts[fate]++;
    uint64_t to = message->link != NULL ? message->link->to : message->peer;
    if (net->watch != NULL)
        net->watch(net->watch_context, fate, message->sender->store_id, to,
                   slice_of(message->bytes, message->length));
}

static void message_free(struct message *message)
{
    list_remove(&message->node);
    free(message);
}

static struct message *message_new(struct attachment *sender, uint64_t peer, enum net_lane lane,
                                   struct slice bytes)
{
    struct message *message = memory_new(sizeof *message + bytes.length);
    *message =
        (struct message){.sender = sender, .peer = peer, .lane = lane, .length = bytes.length};
    memcpy(message->bytes, bytes.bytes, bytes.length);
    list_init(&message->node);
    return message;
}

// What may arrive at all: to and from the attachments that it was sent between, newest connection
// first.
static bool is_current(const struct net_sim *net, const struct message *message,
                       const struct attachment *receiver)
{
    if (receiver == NULL)
        return false;
    const struct link *link = message->link;
    bool overtaken =
        link->to_number == receiver->number && link->from_number > message->sender->number;
    return net->faults.outlives || (receiver->number == message->to_number && !overtaken);
}

// Only what is sent between those who are there now makes a connection, and only where something
// goes both ways.
static void note_connection(const struct net_sim *net, const struct message *message,
                            const struct attachment *receiver)
{
    struct link *link = message->link;
    const struct link *back = link_find(net, link->to, link->from);
    if (message->answers || !message->sender->attached || receiver->number != message->to_number ||
        (back != NULL && back->blocked))
        return;
    link->connections[message->lane].from_number = message->sender->number;
    link->connections[message->lane].to_number = receiver->number;
}

static void on_arrival(void *context, void *argument)
{
    struct net_sim *net = context;
    struct message *message = argument;
    struct link *link = message->link;
    struct attachment *receiver = attachment_of(net, link->to);
    CHECK(link->in_flight > 0);
    link->in_flight--;
    if (link->blocked) {
        count(net, NET_SIM_BLOCKED, message);
    } else if (!is_current(net, message, receiver)) {
        count(net, NET_SIM_GONE, message);
    } else {
        count(net, NET_SIM_DELIVERED, message);
        if (link->to_number != receiver->number || message->sender->number > link->from_number)
            link->from_number = message->sender->number;
        link->to_number = receiver->number;
        note_connection(net, message, receiver);
        receiver->receive(receiver->context, link->from, slice_of(message->bytes, message->length));
    }
    message_free(message);
}

static void put_in_flight(struct net_sim *net, struct message *message, uint64_t late_us)
{
    struct link *link = message->link;
    uint64_t *arrival_us = &link->arrival_us[message->lane];
    uint64_t at_us = timeline_now_us(net->timeline) + delay_draw_us(&net->faults.delay, &net->rng);
    if (late_us > 0)
        at_us += late_us;
    else if (!net->faults.reorder && at_us < *arrival_us)
        at_us = *arrival_us;
    if (late_us == 0 && at_us > *arrival_us)
        *arrival_us = at_us;
    link->in_flight++;
    list_append(&net->in_flight, &message->node);
    message->event = timeline_add(net->timeline, at_us, on_arrival, net, message);
}

// Who has a connection to the sender, in the message's lane; NULL when the peer has none.
static struct attachment *connected_to(const struct net_sim *net, const struct message *message)
{
    const struct attachment *sender = message->sender;
    struct attachment *peer = attachment_of(net, message->peer);
    const struct link *link =
        peer != NULL ? link_find(net, peer->store_id, sender->store_id) : NULL;
    bool stands = link != NULL && !link->blocked &&
                  link->connections[message->lane].from_number == peer->number &&
                  link->connections[message->lane].to_number == sender->number;
    return stands ? peer : NULL;
}

// Who is there for a message now; NULL for nobody. An own connection is preferred.
static struct attachment *receiver_now(const struct net_sim *net, struct message *message)
{
    const struct route *route = route_of(message->sender, message->peer);
    struct attachment *there = route != NULL ? attachment_at(net, route->address) : NULL;
    bool right = there != NULL && !there->unreachable &&
                 (message->peer == PEER_SEED || there->store_id == message->peer);
    if (right)
        return there;
    message->answers = true;
    return connected_to(net, message);
}

// Takes the message, which is in no list.
static void launch(struct net_sim *net, struct message *message)
{
    enum net_sim_fate fate = NET_SIM_SENT;
    struct attachment *receiver = receiver_now(net, message);
    if (receiver != NULL) {
        message->link = link_of(net, message->sender->store_id, receiver->store_id);
        message->to_number = receiver->number;
    }
    uint64_t late_us = net->hold != NULL
                           ? net->hold(net->hold_context, slice_of(message->bytes, message->length))
                           : 0;
    net->bytes_sent += message->length;
    count(net, NET_SIM_SENT, message);
    if (receiver == NULL)
        fate = NET_SIM_UNREACHABLE;
    else if (message->link->blocked)
        fate = NET_SIM_BLOCKED;
    else if (message->link->in_flight >= NET_SIM_QUEUE_MAX)
        fate = NET_SIM_OVERFLOWN;
    else if (late_us == NET_SIM_HOLD_FOREVER || rng_one_in(&net->rng, net->faults.lose_one_in))
        fate = NET_SIM_LOST;
    if (fate != NET_SIM_SENT) {
        count(net, fate, message);
        message_free(message);
        return;
    }
    put_in_flight(net, message, late_us);
    if (rng_one_in(&net->rng, net->faults.duplicate_one_in) &&
        message->link->in_flight < NET_SIM_QUEUE_MAX) {
        struct message *again = message_new(message->sender, message->peer, message->lane,
                                            slice_of(message->bytes, message->length));
        again->link = message->link;
        again->to_number = message->to_number;
        again->answers = message->answers;
        count(net, NET_SIM_DUPLICATED, again);
        put_in_flight(net, again, late_us);
    }
}

static void net_send(void *self, uint64_t peer, enum net_lane lane, struct slice bytes)
{
    struct attachment *sender = self;
    CHECK((unsigned)lane < NET_LANE_COUNT);
    CHECK(bytes.length >= 1 && bytes.length <= MESSAGE_BYTES_MAX);
    if (!sender->attached)
        return;
    struct message *message = message_new(sender, peer, lane, bytes);
    if (sender->outbox_count == NET_SIM_OUTBOX_MAX) {
        count(sender->net, NET_SIM_OVERFLOWN, message);
        message_free(message);
        return;
    }
    list_append(&sender->outbox, &message->node);
    sender->outbox_count++;
}

static void net_flush(void *self)
{
    struct attachment *sender = self;
    sender->outbox_count = 0;
    for (struct list *node; (node = list_take_first(&sender->outbox)) != NULL;)
        launch(sender->net, LIST_ITEM(node, struct message, node));
}

static void net_route(void *self, uint64_t peer, const char *address)
{
    struct attachment *attachment = self;
    if (!attachment->attached)
        return;
    struct route *route = route_of(attachment, peer);
    if (route != NULL && (address == NULL || strcmp(route->address, address) != 0)) {
        table_remove(&attachment->routes, &route->node);
        free(route);
        route = NULL;
    }
    if (route != NULL || address == NULL)
        return;
    CHECK(strlen(address) < NET_SIM_ADDRESS_BYTES_MAX);
    route = memory_zeroed(1, sizeof *route);
    route->peer = peer;
    memcpy(route->address, address, strlen(address) + 1);
    table_add(&attachment->routes, &route->node, hash_id(peer));
}

static const struct net_ops net_sim_ops = {
    .send = net_send, .route = net_route, .flush = net_flush};

struct net net_sim_attach(struct net_sim *net, uint64_t store_id, const char *address,
                          net_receive *receive, void *context)
{
    CHECK(store_id != PEER_SEED && receive != NULL);
    CHECK(strlen(address) < NET_SIM_ADDRESS_BYTES_MAX);
    CHECK(attachment_of(net, store_id) == NULL && attachment_at(net, address) == NULL);
    CHECK(net->attachment_count < NET_SIM_NODES_MAX);
    struct attachment *attachment = memory_zeroed(1, sizeof *attachment);
    attachment->net = net;
    attachment->store_id = store_id;
    attachment->number = ++net->attachment_count;
    memcpy(attachment->address, address, strlen(address) + 1);
    attachment->attached = true;
    attachment->receive = receive;
    attachment->context = context;
    table_init(&attachment->routes);
    list_init(&attachment->outbox);
    list_append(&net->attachments, &attachment->node);
    table_add(&net->by_store, &attachment->by_store, hash_id(store_id));
    table_add(&net->by_address, &attachment->by_address, hash_address(attachment->address));
    return (struct net){.ops = &net_sim_ops, .self = attachment};
}

static void detach(struct attachment *attachment)
{
    struct net_sim *net = attachment->net;
    attachment->attached = false;
    table_remove(&net->by_store, &attachment->by_store);
    table_remove(&net->by_address, &attachment->by_address);
    while (!list_empty(&attachment->outbox))
        message_free(LIST_ITEM(attachment->outbox.next, struct message, node));
    struct table_node *next;
    for (struct table_node *node = table_first(&attachment->routes); node != NULL; node = next) {
        next = table_next(&attachment->routes, node);
        table_remove(&attachment->routes, node);
        free(LIST_ITEM(node, struct route, node));
    }
    table_release(&attachment->routes);
}

void net_sim_detach(struct net_sim *net, uint64_t store_id)
{
    struct attachment *attachment = attachment_of(net, store_id);
    CHECK(attachment != NULL);
    detach(attachment);
}

void net_sim_set_unreachable(struct net_sim *net, uint64_t store_id, bool unreachable)
{
    struct attachment *attachment = attachment_of(net, store_id);
    CHECK(attachment != NULL);
    attachment->unreachable = unreachable;
}

static void forget_connections(struct net_sim *net, uint64_t from, uint64_t to)
{
    struct link *link = link_find(net, from, to);
    if (link != NULL)
        memset(link->connections, 0, sizeof link->connections);
}

void net_sim_cut(struct net_sim *net, uint64_t one, uint64_t other)
{
    forget_connections(net, one, other);
    forget_connections(net, other, one);
}

void net_sim_block(struct net_sim *net, uint64_t from, uint64_t to, bool blocked)
{
    struct link *link = link_of(net, from, to);
    link->blocked = blocked;
    if (blocked)
        net_sim_cut(net, from, to);
}

void net_sim_unblock_all(struct net_sim *net)
{
    struct table_node *node = table_first(&net->links);
    for (; node != NULL; node = table_next(&net->links, node))
        LIST_ITEM(node, struct link, node)->blocked = false;
}

void net_sim_set_faults(struct net_sim *net, const struct net_sim_faults *faults)
{
    net->faults = *faults;
}

uint64_t net_sim_count(const struct net_sim *net, enum net_sim_fate fate)
{
    CHECK((unsigned)fate < NET_SIM_FATE_COUNT);
    return net->counts[fate];
}

uint64_t net_sim_bytes_sent(const struct net_sim *net)
{
    return net->bytes_sent;
}

void net_sim_set_watch(struct net_sim *net, net_sim_watch *watch, void *context)
{
    net->watch = watch;
    net->watch_context = context;
}

void net_sim_set_hold(struct net_sim *net, net_sim_hold *hold, void *context)
{
    net->hold = hold;
    net->hold_context = context;
}

struct net_sim *net_sim_new(struct timeline *timeline, uint64_t seed,
                            const struct net_sim_faults *faults)
{
    struct net_sim *net = memory_zeroed(1, sizeof *net);
    net->timeline = timeline;
    rng_init(&net->rng, seed);
    net->faults = *faults;
    list_init(&net->attachments);
    list_init(&net->in_flight);
    table_init(&net->by_store);
    table_init(&net->by_address);
    table_init(&net->links);
    return net;
}

void net_sim_free(struct net_sim *net)
{
    if (net == NULL)
        return;
    while (!list_empty(&net->in_flight)) {
        struct message *message = LIST_ITEM(net->in_flight.next, struct message, node);
        timeline_cancel(net->timeline, message->event);
        message_free(message);
    }
    for (struct list *node; (node = list_take_first(&net->attachments)) != NULL;) {
        struct attachment *attachment = LIST_ITEM(node, struct attachment, node);
        if (attachment->attached)
            detach(attachment);
        free(attachment);
    }
    struct table_node *next;
    for (struct table_node *node = table_first(&net->links); node != NULL; node = next) {
        next = table_next(&net->links, node);
        table_remove(&net->links, node);
        free(LIST_ITEM(node, struct link, node));
    }
    table_release(&net->by_store);
    table_release(&net->by_address);
    table_release(&net->links);
    free(net);
}
