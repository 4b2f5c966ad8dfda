// One node, as a host drives it, among peers that say anything. A script of bytes tells what
// happens: time passes, messages come (of any bytes, or of any fields), stores report, clients ask,
// the process starts again. Whatever it was told, the node does not fail a check of its own, sends
// and answers what decodes, answers no request twice, and has answered each once time has passed.
#include "adapter/store_memory.h"
#include "base/check.h"
#include "core/node/node.h"
#include "core/strong/record_store.h"
#include "peer_speech.h"

#include <stdlib.h>

enum {
    EVENTS_MAX = 48,
    REQUESTS_MAX = 32,
    OWN_MESSAGES_MAX = 64, // of the node to itself, in one turn
    SLOTS_KINDS = 4,
    STORE_ID_FIRST = 101,
    EPOCH = 5,
    INCARNATION = 5,
    CALM_STEP_US = 4 * 1000 * 1000,
    CALM_STEPS = 10 // longer than the longest limit of a request
};

enum request_state { REQUEST_UNUSED, REQUEST_OPEN, REQUEST_ANSWERED };

struct world {
    struct cursor input;
    struct peer_speech speech;
    struct node_config config;
    struct identity identity;
    struct store_memory *stores[EFFECT_STORE_COUNT];
    struct store ports[EFFECT_STORE_COUNT];
    uint64_t tokens[EFFECT_STORE_COUNT]; // committed
    struct effects effects;
    struct effects carried;
    struct node *node;
    uint64_t epoch; // of its newest map
    uint64_t now_us;
    uint64_t sequences; // of what peers send
    enum request_state requests[REQUESTS_MAX];
    unsigned request_count;
    struct buf own; // messages of the node to itself, counted
};

static void ignore_done(void *context, uint64_t batch, enum err error)
{
    (void)context;
    (void)batch;
    CHECK(error == ERR_OK);
}

// --- carrying effects out, as the host does

static void carry_writes(struct world *world)
{
    for (size_t i = 0; i < world->carried.write_count; i++) {
        const struct effect_write *write = &world->carried.writes[i];
        const struct store *store = &world->ports[write->store];
        struct slice key = effects_bytes(&world->carried, write->key);
        struct slice value = effects_bytes(&world->carried, write->value);
        CHECK(key.length >= 1 && key.length <= STORE_KEY_BYTES_MAX);
        CHECK(value.length <= STORE_VALUE_BYTES_MAX);
        if (write->remove)
            store->ops->remove(store->self, write->table, key);
        else
            store->ops->put(store->self, write->table, key, value);
    }
    for (unsigned i = 0; i < EFFECT_STORE_COUNT; i++) {
        CHECK(world->carried.tokens[i] >= world->tokens[i]);
        world->tokens[i] = world->carried.tokens[i];
        (void)world->ports[i].ops->commit(world->ports[i].self);
        store_memory_poll(world->stores[i]);
    }
}

static void carry_messages(struct world *world)
{
    for (size_t i = 0; i < world->carried.send_count; i++) {
        const struct effect_send *send = &world->carried.sends[i];
        struct slice bytes = effects_bytes(&world->carried, send->message);
        struct message message;
        CHECK(bytes.length <= MESSAGE_BYTES_MAX);
        CHECK(message_decode(bytes, &message) == ERR_OK);
        CHECK(message.from_incarnation == world->identity.incarnation);
        peer_speech_hear(&world->speech, &message);
        if (send->peer == world->identity.store_id)
            buf_append_counted(&world->own, bytes);
    }
    CHECK(!world->own.overflown);
}

static void carry_replies(struct world *world)
{
    for (size_t i = 0; i < world->carried.reply_count; i++) {
        const struct effect_reply *effect = &world->carried.replies[i];
        struct reply reply;
        CHECK(reply_decode(effects_bytes(&world->carried, effect->reply), &reply) == ERR_OK);
        CHECK(effect->handle >= 1 && effect->handle <= world->request_count);
        CHECK(world->requests[effect->handle - 1] == REQUEST_OPEN);
        world->requests[effect->handle - 1] = REQUEST_ANSWERED;
    }
}

static void carry(struct world *world)
{
    effects_hand_over(&world->effects, &world->carried);
    carry_writes(world);
    carry_messages(world);
    carry_replies(world);
    effects_clear(&world->carried);
    effects_clear(&world->effects);
}

static void hear_of_map(struct world *world)
{
    world->speech.map = node_map(world->node);
    if (world->speech.map == NULL || world->speech.map->epoch == world->epoch)
        return;
    CHECK(world->speech.map->epoch > world->epoch);
    CHECK(cluster_map_check(world->speech.map) == ERR_OK);
    world->epoch = world->speech.map->epoch;
}

static void step(struct world *world, struct node_event *event)
{
    event->now_us = world->now_us;
    node_step(world->node, event, &world->effects);
    carry(world);
    hear_of_map(world);
}

// An event, and what the node says to itself upon it.
static void turn(struct world *world, struct node_event *event)
{
    step(world, event);
    for (unsigned i = 0; i < OWN_MESSAGES_MAX && world->own.length > 0; i++) {
        struct buf heard = world->own;
        struct cursor in = cursor_of(buf_slice(&heard));
        buf_init(&world->own, EFFECTS_BYTES_MAX);
        while (input_more(&in)) {
            struct node_event own = {.kind = NODE_EVENT_MESSAGE,
                                     .peer = world->identity.store_id,
                                     .message = cursor_counted(&in)};
            step(world, &own);
        }
        buf_release(&heard);
    }
    buf_clear(&world->own);
}

// --- the world at the start

// Slots of four kinds: all in sync; one joining; one leaving; one replica alone.
static struct replica_set set_of_kind(unsigned kind)
{
    static const node_set in_sync[SLOTS_KINDS] = {7, 3, 6, 1};
    static const node_set joining[SLOTS_KINDS] = {0, 4, 1, 0};
    static const node_set target[SLOTS_KINDS] = {7, 7, 3, 1};
    static const node_id primary[SLOTS_KINDS] = {1, 2, 3, 1};
    return (struct replica_set){.in_sync = in_sync[kind],
                                .joining = joining[kind],
                                .target = target[kind],
                                .join_epoch = joining[kind] != 0 ? EPOCH : 0,
                                .primary = primary[kind],
                                .target_primary = primary[kind] == 3 ? 2 : primary[kind]};
}

static void make_map(struct cluster_map *map)
{
    struct replica_set *slots = memory_zeroed(SLOTS, sizeof *slots);
    cluster_map_init(map);
    map->cluster = (struct cluster_id){1, 2};
    map->epoch = EPOCH;
    map->lease_ms = 1000;
    map->voters = 7;
    map->next_keyspace_id = 2;
    map->node_count = 3;
    for (unsigned i = 0; i < 3; i++)
        map->nodes[i] = (struct map_node){.id = (node_id)(i + 1),
                                          .store_id = STORE_ID_FIRST + i,
                                          .incarnation = INCARNATION,
                                          .peer_address = "127.0.0.1:5100",
                                          .http_address = "127.0.0.1:5000"};
    // Few slots that join: what a step costs grows with the runs of equal slots.
    for (unsigned slot = 0; slot < SLOTS; slot++)
        slots[slot] = set_of_kind(SLOTS_KINDS - 1);
    for (unsigned i = 0; i < PEER_SPEECH_KEYS; i++)
        slots[slot_of_key(slice_of_text(peer_speech_keys[i]))] = set_of_kind(i % SLOTS_KINDS);
    map->keyspace_count = 1;
    map->keyspaces[0].keyspace = (struct keyspace){.id = 1,
                                                   .name = KEYSPACE_DEFAULT,
                                                   .strategy = STRATEGY_CONSISTENT,
                                                   .replication_factor = 2,
                                                   .min_in_sync = 1};
    map_keyspace_intern(&map->keyspaces[0], slots);
    CHECK(cluster_map_check(map) == ERR_OK);
    free(slots);
}

static void put_record(struct world *world, const char *key, uint64_t sequence, bool marked)
{
    struct store_key name;
    struct buf bytes;
    struct record record = {.stamp = stamp_make(EPOCH - 1, sequence, 1),
                            .value = slice_of_text(key)};
    buf_init(&bytes, RECORD_OVERHEAD_MAX + 16);
    record_encode(&bytes, &record);
    store_key_make(&name, 1, slot_of_key(slice_of_text(key)), slice_of_text(key));
    effects_put(&world->effects, EFFECT_DATA, STORE_RECORDS, store_key_slice(&name),
                buf_slice(&bytes));
    if (marked)
        effects_put(&world->effects, EFFECT_DATA, STORE_MARKS, store_key_slice(&name),
                    slice_of(NULL, 0));
    buf_release(&bytes);
}

// The stores of a member, as an earlier run of its process left them.
static void make_member(struct world *world, unsigned self)
{
    static struct cluster_map map;
    make_map(&map);
    world->identity = (struct identity){
        .store_id = STORE_ID_FIRST + self, .incarnation = INCARNATION, .cluster = map.cluster};
    voter_store_put_identity(&world->effects, &world->identity);
    voter_store_put_map(&world->effects, &map);
    put_record(world, "a", 1, false);
    put_record(world, "b", 2, true);
    put_record(world, "c", 3, false);
    put_record(world, "e", 4, true);
    carry(world);
    cluster_map_release(&map);
}

static void begin_node(struct world *world)
{
    const struct node_stores stores = {.data = &world->ports[EFFECT_DATA],
                                       .voter = &world->ports[EFFECT_VOTER]};
    CHECK(node_new(&world->config, &world->identity, &stores, world->now_us, &world->effects,
                   &world->node) == ERR_OK);
    carry(world);
    hear_of_map(world);
}

static void begin(struct world *world)
{
    const struct store_memory_config config = {.done = ignore_done};
    unsigned scene = input_below(&world->input, 8);
    for (unsigned i = 0; i < EFFECT_STORE_COUNT; i++) {
        world->stores[i] = store_memory_new(&config);
        world->ports[i] = store_memory_port(world->stores[i]);
    }
    effects_init(&world->effects);
    effects_init(&world->carried);
    peer_speech_init(&world->speech);
    buf_init(&world->own, EFFECTS_BYTES_MAX);
    world->now_us = 1000000;
    world->config = (struct node_config){.init = scene == 6,
                                         .join_address = scene == 7 ? "127.0.0.1:5100" : NULL,
                                         .peer_address = "127.0.0.1:5101",
                                         .http_address = "127.0.0.1:5001",
                                         .replication_factor = 2,
                                         .repair_delay_ms = 2000,
                                         .seed = 7};
    if (scene < 6)
        make_member(world, scene % 3);
    else
        world->identity = (struct identity){.store_id = STORE_ID_FIRST, .incarnation = INCARNATION};
    // Half of the members were started again and are not what the map names.
    if (scene >= 3 && scene < 6)
        world->identity.incarnation++;
    begin_node(world);
}

static void end(struct world *world)
{
    node_free(world->node);
    for (unsigned i = 0; i < EFFECT_STORE_COUNT; i++)
        store_memory_close(world->stores[i]);
    effects_release(&world->effects);
    effects_release(&world->carried);
    peer_speech_release(&world->speech);
    buf_release(&world->own);
}

// --- what happens

static void pass_time(struct world *world)
{
    static const uint64_t steps_us[] = {0, 1000, 10000, 60000, 250000, 1000000, 3000000, 10000000};
    struct node_event event = {.kind = NODE_EVENT_TICK};
    world->now_us += steps_us[input_below(&world->input, 8)];
    turn(world, &event);
}

static uint64_t any_peer(struct world *world)
{
    unsigned which = input_below(&world->input, 8);
    return which < 7 ? STORE_ID_FIRST + which % 4 : cursor_u64_be(&world->input);
}

static uint64_t incarnation_of(const struct world *world, uint64_t peer)
{
    const struct map_node *node =
        world->speech.map != NULL ? cluster_map_node_of_store(world->speech.map, peer) : NULL;
    return node != NULL ? node->incarnation : INCARNATION;
}

// A message with a head that the node takes, mostly.
static void hear_message(struct world *world)
{
    struct cursor *input = &world->input;
    struct message message;
    struct buf bytes;
    uint64_t peer = any_peer(world);
    unsigned odd = input_below(input, 16);
    peer_speech_message(&world->speech, input, &message);
    message.epoch = world->speech.map != NULL ? world->speech.map->epoch : 0;
    message.epoch += odd == 1 || odd == 2;
    message.epoch -= odd == 3 && message.epoch > 0;
    message.sequence = odd == 4 ? 1 : ++world->sequences;
    message.from_incarnation = incarnation_of(world, peer) + (odd == 5);
    message.to_incarnation = world->identity.incarnation - (odd == 6);
    buf_init(&bytes, MESSAGE_BYTES_MAX);
    message_encode(&bytes, &message);
    // A copy of its own size: a read past its end is seen.
    uint8_t *copy = memory_copy(bytes.bytes, bytes.length);
    struct node_event event = {
        .kind = NODE_EVENT_MESSAGE, .peer = peer, .message = slice_of(copy, bytes.length)};
    buf_release(&bytes);
    turn(world, &event);
    free(copy);
}

static void hear_bytes(struct world *world)
{
    uint64_t peer = any_peer(world);
    struct slice run = input_run(&world->input, 255);
    uint8_t *copy = memory_copy(run.bytes, run.length);
    struct node_event event = {
        .kind = NODE_EVENT_MESSAGE, .peer = peer, .message = slice_of(copy, run.length)};
    turn(world, &event);
    free(copy);
}

static void report_durable(struct world *world, enum effect_store store)
{
    struct node_event event = {.kind = store == EFFECT_DATA ? NODE_EVENT_DATA_DURABLE
                                                            : NODE_EVENT_VOTER_SYNCED,
                               .token = world->tokens[store]};
    if (event.token > 0)
        turn(world, &event);
}

static void ask(struct world *world)
{
    struct request request;
    if (world->request_count == REQUESTS_MAX)
        return;
    peer_speech_request(&world->speech, &world->input, &request);
    world->requests[world->request_count++] = REQUEST_OPEN;
    struct node_event event = {
        .kind = NODE_EVENT_REQUEST, .handle = world->request_count, .request = &request};
    turn(world, &event);
}

// The process dies and starts again; who asked it has no answer.
static void start_again(struct world *world)
{
    for (unsigned i = 0; i < world->request_count; i++)
        world->requests[i] = REQUEST_ANSWERED;
    node_free(world->node);
    CHECK(voter_store_identity(&world->ports[EFFECT_VOTER], &world->identity) != ERR_CORRUPT);
    world->identity.incarnation++;
    world->config.init = false;
    // What was decided is on disk before it is spoken of; what was only heard may be forgotten.
    world->epoch = 0;
    voter_store_put_identity(&world->effects, &world->identity);
    carry(world);
    begin_node(world);
}

// The process is asked to end, or dies and starts again.
static void begin_end(struct world *world)
{
    struct node_event event = {.kind = NODE_EVENT_STOP};
    unsigned how = input_below(&world->input, 4);
    if (how == 0)
        start_again(world);
    else if (how == 1)
        turn(world, &event);
}

static void happen(struct world *world)
{
    switch (input_below(&world->input, 16)) {
    case 0:
    case 1:
        pass_time(world);
        break;
    case 2:
        hear_bytes(world);
        break;
    case 3:
        report_durable(world, EFFECT_DATA);
        break;
    case 4:
        report_durable(world, EFFECT_VOTER);
        break;
    case 5:
    case 6:
    case 7:
        ask(world);
        break;
    case 8:
        begin_end(world);
        break;
    default:
        hear_message(world);
        break;
    }
}

// Nobody says anything more: every request has its answer in time.
static void calm_down(struct world *world)
{
    for (unsigned i = 0; i < CALM_STEPS; i++) {
        struct node_event event = {.kind = NODE_EVENT_TICK};
        world->now_us += CALM_STEP_US;
        turn(world, &event);
        report_durable(world, EFFECT_DATA);
        report_durable(world, EFFECT_VOTER);
    }
    for (unsigned i = 0; i < world->request_count; i++)
        CHECK(world->requests[i] == REQUEST_ANSWERED);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static struct world world;
    memset(&world, 0, sizeof world);
    world.input = cursor_of(slice_of(bytes, length));
    begin(&world);
    for (unsigned i = 0; i < EVENTS_MAX && input_more(&world.input); i++)
        happen(&world);
    calm_down(&world);
    end(&world);
    return 0;
}
