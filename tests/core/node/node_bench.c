#include "node_bench.h"

#include "base/check.h"
#include "core/map/voter_store.h"

#include <stdio.h>
#include <stdlib.h>

enum { START_US = 50 * 1000 * 1000, STEP_US = 500, STARTED_MS_MAX = 20000, TURNS_MAX = 10000 };

static unsigned number_of_store(uint64_t store_id)
{
    if (store_id == PEER_SEED)
        return 1;
    return store_id > BENCH_STORE_ID(0) && store_id <= BENCH_STORE_ID(BENCH_NODES_MAX)
               ? (unsigned)(store_id - BENCH_STORE_ID(0))
               : 0;
}

static void add_packet(struct node_bench *bench, unsigned from, unsigned to, struct slice bytes)
{
    if (bench->packet_count == bench->packet_capacity) {
        bench->packet_capacity = bench->packet_capacity > 0 ? bench->packet_capacity * 2 : 64;
        bench->packets =
            memory_resize(bench->packets, bench->packet_capacity * sizeof *bench->packets);
    }
    struct bench_packet *packet = &bench->packets[bench->packet_count++];
    *packet =
        (struct bench_packet){.from = from, .to = to, .due_us = bench->now_us + bench->delay_us};
    buf_init(&packet->bytes, MESSAGE_BYTES_MAX);
    buf_append_slice(&packet->bytes, bytes);
    CHECK(!packet->bytes.overflown);
}

static void send_on(struct node_bench *bench, unsigned from, const struct effect_send *send)
{
    const struct effects *carried = &bench->nodes[from].carried;
    struct slice bytes = effects_bytes(carried, send->message);
    unsigned to = number_of_store(send->peer);
    struct message message;
    CHECK(message_decode(bytes, &message) == ERR_OK);
    if (send->peer != PEER_SEED && to != from && !bench->nodes[from].routes[to])
        return;
    if (to != 0 && !bench->cut[from][to] && message.kind != bench->lost_kind)
        add_packet(bench, from, to, bytes);
}

static void take_reply(struct node_bench *bench, const struct effects *carried,
                       const struct effect_reply *effect)
{
    struct reply reply;
    CHECK(reply_decode(effects_bytes(carried, effect->reply), &reply) == ERR_OK);
    CHECK(effect->handle >= 1 && effect->handle <= bench->handle_count);
    struct bench_reply *taken = &bench->replies[effect->handle - 1];
    CHECK(taken->error == ERR_COUNT);
    taken->error = reply.error;
    taken->existed = reply.existed;
    taken->awaited = reply.awaited;
    taken->at_us = bench->now_us;
    buf_append_slice(&taken->value, reply.value);
}

const char *node_bench_address(unsigned number)
{
    static const char *const addresses[BENCH_NODES_MAX + 1] = {
        "",
        "127.0.0.1:5101",
        "127.0.0.1:5102",
        "127.0.0.1:5103",
        "127.0.0.1:5104",
        "127.0.0.1:5105",
    };
    return addresses[number];
}

static void set_route(struct bench_node *node, const struct effect_route *route)
{
    unsigned to = number_of_store(route->peer);
    struct slice address = effects_bytes(&node->carried, route->address);
    // Of the seed nothing is kept: whoever it is, it is reached.
    if (route->peer != PEER_SEED)
        node->routes[to] =
            address.length > 0 && strcmp((const char *)address.bytes, node_bench_address(to)) == 0;
}

// Carries out what a step asked for.
static void carry(struct node_bench *bench, unsigned number)
{
    struct bench_node *node = &bench->nodes[number];
    struct effects *carried = &node->carried;
    if (node->effects.wake_us < node->wake_us)
        node->wake_us = node->effects.wake_us;
    effects_hand_over(&node->effects, carried);
    for (size_t i = 0; i < carried->write_count; i++) {
        const struct effect_write *write = &carried->writes[i];
        struct node_disk *disk = &node->disks[write->store];
        if (write->remove)
            node_disk_remove(disk, write->table, effects_bytes(carried, write->key));
        else
            node_disk_put(disk, write->table, effects_bytes(carried, write->key),
                          effects_bytes(carried, write->value));
    }
    for (size_t i = 0; i < carried->route_count; i++)
        set_route(node, &carried->routes[i]);
    for (size_t i = 0; i < carried->send_count; i++)
        send_on(bench, number, &carried->sends[i]);
    for (size_t i = 0; i < carried->reply_count; i++)
        take_reply(bench, carried, &carried->replies[i]);
    effects_clear(carried);
    effects_clear(&node->effects);
}

static void step(struct node_bench *bench, unsigned number, struct node_event *event)
{
    event->now_us = bench->now_us;
    node_step(bench->nodes[number].node, event, &bench->nodes[number].effects);
    carry(bench, number);
}

// What is written is durable, and the node hears so.
static void tell_durable(struct node_bench *bench, unsigned number)
{
    static const enum node_event_kind kinds[] = {
        [EFFECT_DATA] = NODE_EVENT_DATA_DURABLE, [EFFECT_VOTER] = NODE_EVENT_VOTER_SYNCED};
    struct bench_node *node = &bench->nodes[number];
    for (unsigned store = 0; store < EFFECT_STORE_COUNT; store++) {
        uint64_t token = node->effects.tokens[store];
        if (token == node->told[store] || (store == EFFECT_DATA && node->hangs))
            continue;
        node->told[store] = token;
        step(bench, number, &(struct node_event){.kind = kinds[store], .token = token});
    }
}

static bool runs(const struct node_bench *bench, unsigned number)
{
    return bench->nodes[number].node != NULL && !bench->nodes[number].sleeps;
}

static void hand(struct node_bench *bench, struct bench_packet *packet)
{
    if (bench->nodes[packet->to].node != NULL && !bench->cut[packet->from][packet->to])
        step(bench, packet->to,
             &(struct node_event){.kind = NODE_EVENT_MESSAGE,
                                  .peer = BENCH_STORE_ID(packet->from),
                                  .message = buf_slice(&packet->bytes)});
    buf_release(&packet->bytes);
}

static bool is_held(struct node_bench *bench, const struct bench_packet *packet)
{
    struct message message;
    CHECK(message_decode(buf_slice(&packet->bytes), &message) == ERR_OK);
    if (message.kind != bench->held_kind || bench->held_count == BENCH_HANDLES_MAX)
        return false;
    bench->held[bench->held_count++] = *packet;
    return true;
}

// Delivers the oldest packet that is due and whose receiver is awake; false when there is none.
static bool deliver_one(struct node_bench *bench)
{
    for (size_t i = 0; i < bench->packet_count; i++) {
        struct bench_packet packet = bench->packets[i];
        if (packet.due_us > bench->now_us || bench->nodes[packet.to].sleeps)
            continue;
        bench->packet_count--;
        memmove(&bench->packets[i], &bench->packets[i + 1],
                (bench->packet_count - i) * sizeof packet);
        if (!is_held(bench, &packet))
            hand(bench, &packet);
        return true;
    }
    return false;
}

static void settle(struct node_bench *bench)
{
    unsigned turns = 0;
    do {
        CHECK(turns++ < TURNS_MAX);
        for (unsigned number = 1; number <= bench->count; number++)
            if (runs(bench, number))
                tell_durable(bench, number);
    } while (deliver_one(bench));
}

void node_bench_run(struct node_bench *bench, uint64_t pass_us)
{
    uint64_t until_us = bench->now_us + pass_us;
    for (;;) {
        settle(bench);
        if (bench->now_us >= until_us)
            return;
        bench->now_us += STEP_US;
        for (unsigned number = 1; number <= bench->count; number++) {
            struct bench_node *node = &bench->nodes[number];
            if (!runs(bench, number) || node->wake_us > bench->now_us)
                continue;
            node->wake_us = UINT64_MAX;
            step(bench, number, &(struct node_event){.kind = NODE_EVENT_TICK});
        }
    }
}

// --- processes

static void begin(struct node_bench *bench, unsigned number, bool init, bool join)
{
    struct bench_node *node = &bench->nodes[number];
    char http[32];
    snprintf(http, sizeof http, "127.0.0.1:50%02u", number);
    node->readers[EFFECT_DATA] = node_disk_reader(&node->disks[EFFECT_DATA]);
    node->readers[EFFECT_VOTER] = node_disk_reader(&node->disks[EFFECT_VOTER]);
    const struct node_stores stores = {.data = &node->readers[EFFECT_DATA],
                                       .voter = &node->readers[EFFECT_VOTER]};
    struct identity identity = {.store_id = BENCH_STORE_ID(number)};
    enum err known = voter_store_identity(stores.voter, &identity);
    CHECK(known == ERR_OK || known == ERR_NOT_FOUND);
    identity.incarnation++;
    effects_init(&node->effects);
    effects_init(&node->carried);
    memset(node->told, 0, sizeof node->told);
    memset(node->routes, 0, sizeof node->routes);
    node->wake_us = bench->now_us;
    voter_store_put_identity(&node->effects, &identity);
    const struct node_config config = {.init = init,
                                       .join_address = join ? "127.0.0.1:5101" : NULL,
                                       .peer_address =
                                           node->is_elusive ? "" : node_bench_address(number),
                                       .http_address = http,
                                       .strategy = STRATEGY_FULL,
                                       .replication_factor = 1,
                                       .repair_delay_ms = bench->repair_delay_ms,
                                       .roams = node->roams,
                                       .hears_beacons = node->roams,
                                       .seed = number + identity.incarnation * 100};
    enum err error =
        node_new(&config, &identity, &stores, bench->now_us, &node->effects, &node->node);
    CHECK(error == ERR_OK);
    carry(bench, number);
}

void node_bench_kill(struct node_bench *bench, unsigned number)
{
    struct bench_node *node = &bench->nodes[number];
    node_free(node->node);
    node->node = NULL;
    effects_release(&node->effects);
    effects_release(&node->carried);
}

void node_bench_start(struct node_bench *bench, unsigned number)
{
    begin(bench, number, false, false);
}

void node_bench_start_joining(struct node_bench *bench, unsigned number)
{
    begin(bench, number, false, true);
}

void node_bench_join(struct node_bench *bench, unsigned number)
{
    for (unsigned store = 0; store < EFFECT_STORE_COUNT; store++)
        node_disk_init(&bench->nodes[number].disks[store]);
    if (number > bench->count)
        bench->count = number;
    begin(bench, number, false, true);
}

void node_bench_roam(struct node_bench *bench, unsigned number, bool is_told)
{
    for (unsigned store = 0; store < EFFECT_STORE_COUNT; store++)
        node_disk_init(&bench->nodes[number].disks[store]);
    if (number > bench->count)
        bench->count = number;
    bench->nodes[number].roams = true;
    begin(bench, number, false, is_told);
}

void node_bench_beacon(struct node_bench *bench, unsigned number, unsigned said,
                       const char *address)
{
    step(bench, number,
         &(struct node_event){.kind = NODE_EVENT_BEACON,
                              .peer = BENCH_STORE_ID(said),
                              .address = slice_of_text(address)});
}

static bool all_are_in_sync(const struct node_bench *bench, unsigned count)
{
    for (unsigned number = 1; number <= count; number++) {
        struct node_status status = node_bench_status(bench, number);
        if (!status.serving || status.slots_in_sync != SLOTS)
            return false;
    }
    return true;
}

struct node_bench *node_bench_new(unsigned count)
{
    struct node_bench *bench = memory_zeroed(1, sizeof *bench);
    bench->now_us = START_US;
    bench->delay_us = 100;
    bench->repair_delay_ms = 600 * 1000;
    bench->lost_kind = MESSAGE_KIND_COUNT;
    bench->held_kind = MESSAGE_KIND_COUNT;
    bench->count = 1;
    for (unsigned store = 0; store < EFFECT_STORE_COUNT; store++)
        node_disk_init(&bench->nodes[1].disks[store]);
    begin(bench, 1, true, false);
    for (unsigned number = 2; number <= count; number++)
        node_bench_join(bench, number);
    unsigned passed_ms = 0;
    while (!all_are_in_sync(bench, count)) {
        CHECK(passed_ms++ < STARTED_MS_MAX);
        node_bench_run(bench, BENCH_MS);
    }
    // Whatever a start waits for is over.
    node_bench_run(bench, 2 * BENCH_SECOND);
    return bench;
}

void node_bench_free(struct node_bench *bench)
{
    for (unsigned number = 1; number <= bench->count; number++) {
        if (bench->nodes[number].node != NULL)
            node_bench_kill(bench, number);
        for (unsigned store = 0; store < EFFECT_STORE_COUNT; store++)
            node_disk_release(&bench->nodes[number].disks[store]);
    }
    for (size_t i = 0; i < bench->packet_count; i++)
        buf_release(&bench->packets[i].bytes);
    for (size_t i = 0; i < bench->held_count; i++)
        buf_release(&bench->held[i].bytes);
    for (size_t i = 0; i < bench->handle_count; i++)
        buf_release(&bench->replies[i].value);
    free(bench->packets);
    free(bench);
}

void node_bench_isolate(struct node_bench *bench, unsigned number, bool cut)
{
    for (unsigned other = 1; other <= BENCH_NODES_MAX; other++)
        if (other != number)
            bench->cut[number][other] = bench->cut[other][number] = cut;
}

void node_bench_tell(struct node_bench *bench, unsigned number, enum node_event_kind kind)
{
    step(bench, number, &(struct node_event){.kind = kind});
}

void node_bench_deliver_held(struct node_bench *bench)
{
    for (size_t i = 0; i < bench->held_count; i++)
        hand(bench, &bench->held[i]);
    bench->held_count = 0;
}

// --- requests

uint64_t node_bench_ask(struct node_bench *bench, unsigned number, const struct request *request)
{
    CHECK(bench->handle_count < BENCH_HANDLES_MAX);
    struct bench_reply *reply = &bench->replies[bench->handle_count++];
    *reply = (struct bench_reply){.error = ERR_COUNT};
    buf_init(&reply->value, VALUE_BYTES_MAX);
    uint64_t handle = bench->handle_count;
    step(bench, number,
         &(struct node_event){.kind = NODE_EVENT_REQUEST, .handle = handle, .request = request});
    return handle;
}

uint64_t node_bench_put(struct node_bench *bench, unsigned number, const char *key,
                        const char *value)
{
    const struct request request = {
        .kind = REQUEST_PUT, .key = slice_of_text(key), .value = slice_of_text(value)};
    return node_bench_ask(bench, number, &request);
}

uint64_t node_bench_read(struct node_bench *bench, unsigned number, const char *key,
                         enum consistency consistency)
{
    const struct request request = {
        .kind = REQUEST_READ, .key = slice_of_text(key), .consistency = consistency};
    return node_bench_ask(bench, number, &request);
}

uint64_t node_bench_change(struct node_bench *bench, unsigned number, enum change_kind kind,
                           node_id node)
{
    const struct request request = {.kind = REQUEST_CHANGE, .change = {.kind = kind, .node = node}};
    return node_bench_ask(bench, number, &request);
}

enum err node_bench_error(const struct node_bench *bench, uint64_t handle)
{
    return bench->replies[handle - 1].error;
}

bool node_bench_gave(const struct node_bench *bench, uint64_t handle, const char *value)
{
    const struct bench_reply *reply = &bench->replies[handle - 1];
    return reply->error == ERR_OK && slice_equal(buf_slice(&reply->value), slice_of_text(value));
}

enum err node_bench_await(struct node_bench *bench, uint64_t handle)
{
    for (unsigned i = 0; i < 10000 && node_bench_error(bench, handle) == ERR_COUNT; i++)
        node_bench_run(bench, BENCH_MS);
    return node_bench_error(bench, handle);
}

// --- looking

struct node_status node_bench_status(const struct node_bench *bench, unsigned number)
{
    return node_status(bench->nodes[number].node);
}

enum node_state node_bench_state(const struct node_bench *bench, unsigned teller, unsigned number)
{
    const struct map_node *node =
        cluster_map_node_of_store(node_map(bench->nodes[teller].node), BENCH_STORE_ID(number));
    return node != NULL ? node->state : NODE_STATE_COUNT;
}

unsigned node_bench_primary(const struct node_bench *bench, unsigned teller, const char *key)
{
    const struct cluster_map *map = node_map(bench->nodes[teller].node);
    const struct replica_set *set =
        map_keyspace_slot(&map->keyspaces[0], slot_of_key(slice_of_text(key)));
    const struct map_node *node = cluster_map_node(map, set->primary);
    return node != NULL ? number_of_store(node->store_id) : 0;
}

const char *node_bench_key_of(const struct node_bench *bench, unsigned number)
{
    static char key[16];
    unsigned at = 0;
    do {
        snprintf(key, sizeof key, "key-%u", at++);
        CHECK(at < 10000);
    } while (node_bench_primary(bench, number, key) != number);
    return key;
}
