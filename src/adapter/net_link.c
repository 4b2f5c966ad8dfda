#include "adapter/net_link.h"

#include "base/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const struct net_connection_events link_events;

static void invariants(const struct net_link *link)
{
    bool connected = link->state == NET_LINK_CONNECTING || link->state == NET_LINK_READY;
    CHECK(connected == (link->connection != NULL));
    CHECK(connected != list_empty(&link->in_outlets));
    CHECK((link->waiting.messages == 0) == (link->waiting.bytes.length == 0));
    CHECK(link->state != NET_LINK_READY || link->waiting.messages == 0);
}

// Logs a change of state once.
static void report(struct net_link *link, enum err state, const char *text)
{
    char name[32] = "the seed";
    if (link->reported == state)
        return;
    link->reported = state;
    if (link->peer != PEER_SEED)
        snprintf(name, sizeof name, "peer %016" PRIx64, link->peer);
    enum log_level level =
        state == ERR_OK || state == ERR_NETWORK || state == ERR_TIMEOUT ? LOG_INFO : LOG_WARNING;
    net_context_log(link->context, level, "to %s at %s port %u%s: %s", name, link->address.host,
                    (unsigned)link->address.port, link->lane == NET_LANE_URGENT ? " (urgent)" : "",
                    text);
}

static void drop_queue(struct net_link *link)
{
    link->context->counters.messages_dropped += link->waiting.messages;
    link->context->counters.bytes_queued -= link->waiting.bytes.length;
    net_outbox_clear(&link->waiting);
}

static void leave_connection(struct net_link *link)
{
    if (link->state == NET_LINK_READY)
        link->context->counters.connected--;
    if (link->connection != NULL) {
        link->context->outlet_count--;
        list_remove(&link->in_outlets);
    }
    link->connection = NULL;
    link->state = NET_LINK_IDLE;
    drop_queue(link);
}

static void stop(struct net_link *link)
{
    if (link->connection != NULL)
        net_connection_close(link->connection);
    leave_connection(link);
    CHECK(uv_timer_stop(&link->retry) == 0);
}

// Another one gives way only to what has no other way.
static bool may_dial(const struct net_link *link)
{
    return link->waiting.messages > 0 ||
           (link->wanted && link->context->outlet_count < link->context->outlets_max);
}

static void make_room(struct net_context *context)
{
    if (context->outlet_count >= context->outlets_max)
        stop(LIST_ITEM(context->outlets.next, struct net_link, in_outlets));
}

static void dial(struct net_link *link)
{
    CHECK(link->state == NET_LINK_IDLE);
    make_room(link->context);
    struct list *outlets = &link->context->outlets;
    link->context->outlet_count++;
    // What has another way gives way before whatever carries something.
    list_append(link->waiting.messages > 0 ? outlets : outlets->next, &link->in_outlets);
    link->state = NET_LINK_CONNECTING;
    link->wanted = false;
    link->connection = net_connection_dial(link->context, &link->address, link->failures,
                                           link->lane, link->peer, &link_events, link);
}

// Waits, then connects again if it is wanted by then.

static uint64_t retry_delay_ms(struct net_link *link)
{
    uint64_t delay_ms = NET_RETRY_MS_MIN;
    for (unsigned i = 1; i < link->failures && delay_ms < NET_RETRY_MS_MAX; i++)
        delay_ms *= 2;
    if (delay_ms > NET_RETRY_MS_MAX)
        delay_ms = NET_RETRY_MS_MAX;
    // Between half and all of it, so that those who lost one peer together do not come back
    // together.
    return delay_ms / 2 + rng_below(&link->context->rng, delay_ms / 2 + 1);
}

static void on_retry(uv_timer_t *timer)
{
    struct net_link *link = timer->data;
    CHECK(link->state == NET_LINK_WAITING);
    link->state = NET_LINK_IDLE;
    if (may_dial(link))
        dial(link);
}

static void on_lost(void *owner, enum err error, const char *detail)
{
    struct net_link *link = owner;
    bool timed_out = link->state == NET_LINK_READY && error == ERR_TIMEOUT;
    leave_connection(link);
    link->failures++;
    report(link, error, detail);
    link->state = NET_LINK_WAITING;
    CHECK(uv_timer_start(&link->retry, on_retry, retry_delay_ms(link), 0) == 0);
    invariants(link);
    if (timed_out)
        link->timed_out(link->owner, link->lane);
}

// It carries something: others give way before it.
static void note_use(struct net_link *link)
{
    list_remove(&link->in_outlets);
    list_append(&link->context->outlets, &link->in_outlets);
}

static void write_queue(struct net_link *link)
{
    if (link->connection->filling.messages == 0)
        return;
    note_use(link);
    net_connection_flush(link->connection);
}

static void on_ready(void *owner)
{
    struct net_link *link = owner;
    CHECK(link->state == NET_LINK_CONNECTING);
    link->state = NET_LINK_READY;
    link->failures = 0;
    link->wanted = false;
    link->context->counters.connected++;
    report(link, ERR_OK, "connected");
    net_connection_adopt(link->connection, &link->waiting);
    write_queue(link);
    invariants(link);
}

static void on_message(void *owner, struct slice message)
{
    struct net_link *link = owner;
    struct net_context *context = link->context;
    note_use(link);
    context->receive(context->receive_context, net_connection_peer(link->connection), message);
}

static const struct net_connection_events link_events = {
    .ready = on_ready,
    .message = on_message,
    .lost = on_lost,
};

struct net_link *net_link_new(struct net_context *context, const struct net_link_config *config)
{
    struct net_link *link = memory_zeroed(1, sizeof *link);
    link->context = context;
    link->timed_out = config->timed_out;
    link->owner = config->owner;
    link->peer = config->peer;
    link->lane = config->lane;
    link->address = *config->address;
    link->state = NET_LINK_IDLE;
    link->reported = ERR_COUNT;
    list_init(&link->in_outlets);
    net_outbox_init(&link->waiting);
    CHECK(uv_timer_init(context->loop, &link->retry) == 0);
    link->retry.data = link;
    net_context_part_begun(context);
    return link;
}

void net_link_send(struct net_link *link, struct slice message)
{
    struct net_tcp_counters *counters = &link->context->counters;
    size_t cost = net_outbox_cost(message);
    size_t queued = link->waiting.bytes.length;
    if (link->state == NET_LINK_READY) {
        net_connection_queue(link->connection, message);
    } else if (queued > 0 && queued + cost > NET_QUEUE_UNCONNECTED_BYTES_MAX) {
        counters->messages_dropped++;
    } else {
        net_outbox_append(&link->waiting, message);
        counters->bytes_queued += cost;
        if (link->state == NET_LINK_CONNECTING)
            note_use(link);
    }
}

void net_link_flush(struct net_link *link)
{
    if (link->state == NET_LINK_IDLE && may_dial(link))
        dial(link);
    else if (link->state == NET_LINK_READY)
        write_queue(link);
    invariants(link);
}

void net_link_want(struct net_link *link)
{
    link->wanted = true;
}

void net_link_hand_over(struct net_link *link, struct net_connection *connection)
{
    if (link->waiting.messages == 0)
        return;
    net_connection_adopt(connection, &link->waiting);
    net_link_want(link);
    if (link->state == NET_LINK_CONNECTING) {
        list_remove(&link->in_outlets);
        list_append(link->context->outlets.next, &link->in_outlets);
    }
    invariants(link);
}

void net_link_restart(struct net_link *link)
{
    if (link->state == NET_LINK_READY)
        stop(link);
    invariants(link);
}

void net_link_move(struct net_link *link, const struct net_address *address)
{
    stop(link);
    link->address = *address;
    link->failures = 0;
    link->reported = ERR_COUNT;
    invariants(link);
}

static void on_closed(uv_handle_t *handle)
{
    struct net_link *link = handle->data;
    struct net_context *context = link->context;
    net_outbox_release(&link->waiting);
    free(link);
    net_context_part_ended(context);
}

void net_link_close(struct net_link *link)
{
    stop(link);
    uv_close((uv_handle_t *)&link->retry, on_closed);
}
