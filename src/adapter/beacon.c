#include "adapter/beacon.h"

#include "adapter/net_address.h"
#include "base/check.h"
#include "base/log.h"
#include "base/random.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

enum { HANDLES = 2, KEY_BYTES_MAX = 1024, LOOPBACK_NET = 127 };

struct beacon {
    uv_udp_t socket;
    uv_timer_t timer;
    unsigned handles_open;
    struct sockaddr_in broadcast;
    uint64_t interval_ms;
    uint64_t store_id;
    uint8_t key[KEY_BYTES_MAX];
    size_t key_bytes;
    struct buf said;                    // the one datagram that it sends
    uint8_t received[BEACON_BYTES_MAX]; // what is longer comes cut, and is told as such
    struct rng rng;                     // spreads sending in time
    bool failing;                       // nothing could be sent last time
    uint64_t left;                      // that may be heard now
    uint64_t refilled_ms;
    struct beacon_counters counters;
    beacon_heard *heard;
    void *context;
    beacon_closed *closed;
    void *closed_context;
};

// --- sending

static void report(struct beacon *beacon, int status)
{
    bool failing = status < 0;
    if (failing && !beacon->failing)
        log_line(LOG_WARNING, "beacon: nothing can be broadcast now (%s); it is tried again",
                 uv_strerror(status));
    else if (!failing && beacon->failing)
        log_line(LOG_INFO, "beacon: broadcasts again");
    beacon->failing = failing;
}

static void on_timer(uv_timer_t *timer)
{
    struct beacon *beacon = timer->data;
    uv_buf_t said = uv_buf_init((char *)beacon->said.bytes, (unsigned)beacon->said.length);
    int status =
        uv_udp_try_send(&beacon->socket, &said, 1, (const struct sockaddr *)&beacon->broadcast);
    if (status < 0)
        beacon->counters.unsent++;
    else
        beacon->counters.sent++;
    report(beacon, status);
    uint64_t quarter_ms = beacon->interval_ms / 4;
    uint64_t next_ms =
        beacon->interval_ms - quarter_ms + rng_below(&beacon->rng, 2 * quarter_ms + 1);
    CHECK(uv_timer_start(timer, on_timer, next_ms, 0) == 0);
}

// --- hearing

static bool may_hear(struct beacon *beacon)
{
    uint64_t now_ms = uv_now(beacon->timer.loop);
    uint64_t earned = (now_ms - beacon->refilled_ms) * BEACON_HEARD_PER_S / 1000;
    beacon->refilled_ms += earned * 1000 / BEACON_HEARD_PER_S;
    beacon->left += earned;
    if (beacon->left > BEACON_HEARD_BURST)
        beacon->left = BEACON_HEARD_BURST;
    if (beacon->left == 0)
        return false;
    beacon->left--;
    return true;
}

static void hear(struct beacon *beacon, const struct beacon_datagram *datagram,
                 const struct sockaddr *sender)
{
    struct net_address said;
    struct sockaddr_in from = *(const struct sockaddr_in *)(const void *)sender;
    char address[NET_ADDRESS_TEXT_BYTES];
    CHECK(net_address_parse(datagram->address, &said) == ERR_OK);
    beacon->counters.heard++;
    if (!net_address_is_wildcard(&said)) {
        beacon->heard(beacon->context, datagram->store_id, datagram->address);
        return;
    }
    from.sin_port = htons(said.port);
    net_address_format((const struct sockaddr *)&from, address);
    beacon->heard(beacon->context, datagram->store_id, address);
}

static void take(struct beacon *beacon, struct slice bytes, const struct sockaddr *sender)
{
    struct beacon_datagram datagram;
    enum err error =
        beacon_datagram_decode(bytes, slice_of(beacon->key, beacon->key_bytes), &datagram);
    if (error == ERR_DENIED)
        beacon->counters.denied++;
    else if (error != ERR_OK || sender->sa_family != AF_INET)
        beacon->counters.malformed++;
    else if (datagram.store_id == beacon->store_id)
        beacon->counters.own++;
    else if (!may_hear(beacon))
        beacon->counters.excess++;
    else
        hear(beacon, &datagram, sender);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    struct beacon *beacon = handle->data;
    (void)suggested;
    *out = uv_buf_init((char *)beacon->received, sizeof beacon->received);
}

static void on_received(uv_udp_t *socket, ssize_t length, const uv_buf_t *bytes,
                        const struct sockaddr *sender, unsigned flags)
{
    struct beacon *beacon = socket->data;
    // Nothing to read, or an error of an earlier datagram: neither is one.
    if (length < 0 || sender == NULL)
        return;
    if ((flags & UV_UDP_PARTIAL) != 0)
        beacon->counters.malformed++;
    else
        take(beacon, slice_of(bytes->base, (size_t)length), sender);
}

// --- begin and end

static void on_handle_closed(uv_handle_t *handle)
{
    struct beacon *beacon = handle->data;
    if (--beacon->handles_open > 0)
        return;
    beacon_closed *closed = beacon->closed;
    void *context = beacon->closed_context;
    buf_release(&beacon->said);
    free(beacon);
    if (closed != NULL)
        closed(context);
}

void beacon_close(struct beacon *beacon, beacon_closed *closed, void *context)
{
    if (beacon == NULL)
        return;
    beacon->closed = closed;
    beacon->closed_context = context;
    uv_close((uv_handle_t *)&beacon->socket, on_handle_closed);
    uv_close((uv_handle_t *)&beacon->timer, on_handle_closed);
}

// What it will say, and where to.
static enum err prepare(struct beacon *beacon, const struct beacon_config *config,
                        struct errmsg *detail)
{
    struct beacon_datagram datagram = {.store_id = config->store_id};
    const char *broadcast =
        config->broadcast != NULL ? config->broadcast : BEACON_BROADCAST_DEFAULT;
    uint64_t seed;
    if (uv_ip4_addr(broadcast, config->port, &beacon->broadcast) != 0)
        return errmsg_set(detail, ERR_INVALID, "'%s' is no IPv4 address to broadcast to",
                          broadcast);
    if (strlen(config->address) > BEACON_ADDRESS_BYTES_MAX)
        return errmsg_set(detail, ERR_INVALID, "the address that a beacon names is too long");
    strncpy(datagram.address, config->address, BEACON_ADDRESS_BYTES_MAX);
    enum err error = beacon_datagram_encode(&beacon->said, config->key, &datagram);
    if (error != ERR_OK)
        return errmsg_set(detail, error, "'%s' is no address that a beacon can name: host:port",
                          config->address);
    if (gnutls_rnd(GNUTLS_RND_NONCE, &seed, sizeof seed) != 0)
        return errmsg_set(detail, ERR_IO, "the system gives no random bytes");
    rng_init(&beacon->rng, seed);
    return ERR_OK;
}

static struct sockaddr_in listening_of(const struct beacon *beacon)
{
    struct sockaddr_in out = beacon->broadcast;
    if (ntohl(out.sin_addr.s_addr) >> 24 != LOOPBACK_NET)
        out.sin_addr.s_addr = htonl(INADDR_ANY);
    return out;
}

static enum err begin(struct beacon *beacon, struct errmsg *detail)
{
    struct sockaddr_in listening = listening_of(beacon);
    int status =
        uv_udp_bind(&beacon->socket, (const struct sockaddr *)&listening, UV_UDP_REUSEADDR);
    if (status == 0)
        status = uv_udp_set_broadcast(&beacon->socket, 1);
    if (status == 0)
        status = uv_udp_recv_start(&beacon->socket, on_alloc, on_received);
    if (status == 0)
        status = uv_timer_start(&beacon->timer, on_timer, 0, 0);
    if (status != 0)
        return errmsg_set(detail, ERR_NETWORK, "cannot listen for beacons on UDP port %u: %s",
                          (unsigned)ntohs(listening.sin_port), uv_strerror(status));
    return ERR_OK;
}

enum err beacon_open(const struct beacon_config *config, struct beacon **out, struct errmsg *detail)
{
    CHECK(config->port != 0 && config->store_id != 0);
    CHECK(config->key.length > 0 && config->key.length <= KEY_BYTES_MAX);
    struct beacon *beacon = memory_zeroed(1, sizeof *beacon);
    beacon->interval_ms = config->interval_ms > 0 ? config->interval_ms : BEACON_INTERVAL_MS;
    beacon->store_id = config->store_id;
    memcpy(beacon->key, config->key.bytes, config->key.length);
    beacon->key_bytes = config->key.length;
    beacon->heard = config->heard;
    beacon->context = config->context;
    beacon->left = BEACON_HEARD_BURST;
    beacon->refilled_ms = uv_now(config->loop);
    buf_init(&beacon->said, BEACON_BYTES_MAX);
    CHECK(uv_timer_init(config->loop, &beacon->timer) == 0);
    CHECK(uv_udp_init(config->loop, &beacon->socket) == 0);
    beacon->timer.data = beacon->socket.data = beacon;
    beacon->handles_open = HANDLES;
    enum err error = prepare(beacon, config, detail);
    if (error == ERR_OK)
        error = begin(beacon, detail);
    if (error != ERR_OK) {
        beacon_close(beacon, NULL, NULL);
        return error;
    }
    *out = beacon;
    return ERR_OK;
}

struct beacon_counters beacon_counters(const struct beacon *beacon)
{
    return beacon->counters;
}
