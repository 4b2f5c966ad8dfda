#include "adapter/net_connection_parts.h"

#include "base/check.h"

static size_t queued_bytes(const struct net_connection *connection)
{
    return connection->filling.bytes.length + connection->sending.bytes.length;
}

static void invariants(const struct net_connection *connection)
{
    CHECK(connection->writing == (connection->sending.messages > 0));
    CHECK((connection->filling.messages == 0) == (connection->filling.bytes.length == 0));
    CHECK(connection->filling.messages == 0 || net_connection_ready(connection));
}

void net_connection_drop_queued(struct net_connection *connection)
{
    struct net_tcp_counters *counters = &connection->context->counters;
    counters->messages_dropped += connection->filling.messages + connection->sending.messages;
    counters->bytes_queued -= queued_bytes(connection);
    net_outbox_clear(&connection->filling);
}

static void end_write(struct net_connection *connection)
{
    struct net_tcp_counters *counters = &connection->context->counters;
    connection->writing = false;
    connection->unsent_bytes = 0;
    uv_timer_stop(&connection->deadline);
    counters->messages_out += connection->sending.messages;
    counters->bytes_queued -= connection->sending.bytes.length;
    net_outbox_clear(&connection->sending);
}

static size_t still_queued(const struct net_connection *connection)
{
    return uv_stream_get_write_queue_size((const uv_stream_t *)&connection->tcp);
}

static void demand_progress(struct net_connection *connection);

static void on_progress_due(uv_timer_t *timer)
{
    struct net_connection *connection = timer->data;
    if (connection->queued_bytes - still_queued(connection) < NET_PROGRESS_BYTES_MIN)
        net_connection_lose(connection, ERR_TIMEOUT, "it has read next to nothing for %d ms",
                            NET_STALLED_MS_MAX);
    else
        demand_progress(connection);
}

static void demand_progress(struct net_connection *connection)
{
    connection->queued_bytes = still_queued(connection);
    CHECK(uv_timer_start(&connection->deadline, on_progress_due, NET_STALLED_MS_MAX, 0) == 0);
}

static void write_filled(struct net_connection *connection);

static void on_written(uv_write_t *request, int status)
{
    struct net_connection *connection = request->data;
    if (connection->closing)
        return;
    if (status != 0) {
        net_connection_lose_by_status(connection, status);
        return;
    }
    connection->context->counters.bytes_out += connection->unsent_bytes;
    end_write(connection);
    write_filled(connection);
}

// What the operating system does not take at once is written later.
static void write_rest(struct net_connection *connection, size_t taken)
{
    const struct buf *bytes = &connection->sending.bytes;
    connection->unsent_bytes = bytes->length - taken;
    if (connection->unsent_bytes == 0) {
        end_write(connection);
        return;
    }
    uv_buf_t piece = uv_buf_init((char *)bytes->bytes + taken, (unsigned)connection->unsent_bytes);
    int status =
        uv_write(&connection->write, (uv_stream_t *)&connection->tcp, &piece, 1, on_written);
    if (status != 0)
        net_connection_lose_by_status(connection, status);
    else
        demand_progress(connection);
}

static void write_filled(struct net_connection *connection)
{
    if (connection->writing || connection->filling.messages == 0)
        return;
    struct net_outbox emptied = connection->sending;
    connection->sending = connection->filling;
    connection->filling = emptied;
    connection->writing = true;

    const struct buf *bytes = &connection->sending.bytes;
    uv_buf_t piece = uv_buf_init((char *)bytes->bytes, (unsigned)bytes->length);
    int taken = uv_try_write((uv_stream_t *)&connection->tcp, &piece, 1);
    if (taken == UV_EAGAIN)
        taken = 0;
    if (taken < 0) {
        net_connection_lose_by_status(connection, taken);
        return;
    }
    connection->context->counters.bytes_out += (uint64_t)taken;
    write_rest(connection, (size_t)taken);
}

void net_connection_flush(struct net_connection *connection)
{
    CHECK(net_connection_ready(connection));
    invariants(connection);
    write_filled(connection);
}

void net_connection_queue(struct net_connection *connection, struct slice message)
{
    CHECK(net_connection_ready(connection));
    struct net_tcp_counters *counters = &connection->context->counters;
    size_t cost = net_outbox_cost(message);
    size_t queued = queued_bytes(connection);
    size_t limit =
        connection->lane == NET_LANE_URGENT ? NET_QUEUE_URGENT_BYTES_MAX : NET_QUEUE_BYTES_MAX;
    if (queued > 0 && queued + cost > limit) {
        counters->messages_dropped++;
        return;
    }
    net_outbox_append(&connection->filling, message);
    counters->bytes_queued += cost;
}

void net_connection_adopt(struct net_connection *connection, struct net_outbox *outbox)
{
    CHECK(net_connection_ready(connection) && queued_bytes(connection) == 0);
    struct net_outbox emptied = connection->filling;
    connection->filling = *outbox;
    *outbox = emptied;
    invariants(connection);
}
