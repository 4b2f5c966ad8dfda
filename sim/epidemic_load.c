#include "sim/epidemic_load.h"

#include "base/check.h"
#include "base/hash.h"
#include "sim/epidemic_world.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { VALUE_TEXT_BYTES = 24, STALE_STAMPS_IN = 4, LIFE_MS_MAX = 20000 };

#define NOT_WRITTEN UINT32_MAX

// A write that is not answered.
struct waiting_write {
    struct list link;
    uint64_t handle;
    uint32_t peer;
    uint32_t operation; // its number in the oracle
};

void epidemic_load_init(struct epidemic_load *load, uint64_t seed)
{
    static const uint32_t deletes[] = {0, 2, 4, 6};
    static const uint32_t expiring[] = {0, 0, 2, 6};
    *load = (struct epidemic_load){
        .value_bytes_max = VALUE_TEXT_BYTES, .gap_us_max = 1000000, .written = NOT_WRITTEN};
    rng_init(&load->rng, seed);
    rng_init(&load->expiry_rng, ~seed);
    list_init(&load->waiting);
    load->deletes_in_ten = deletes[rng_below(&load->rng, 4)];
    load->reads_in_ten = (uint32_t)rng_below(&load->rng, 4);
    load->expire_in_ten = expiring[rng_below(&load->expiry_rng, 4)];
}

void epidemic_load_release(struct epidemic_load *load)
{
    for (struct list *link; (link = list_take_first(&load->waiting)) != NULL;)
        free(LIST_ITEM(link, struct waiting_write, link));
}

void epidemic_load_on_crash(struct epidemic_load *load, const struct epidemic_peer *peer)
{
    for (struct list *at = load->waiting.next, *next; at != &load->waiting; at = next) {
        struct waiting_write *waiting = LIST_ITEM(at, struct waiting_write, link);
        next = at->next;
        if (waiting->peer != peer->index)
            continue;
        list_remove(at);
        free(waiting);
    }
}

void epidemic_load_on_written(struct epidemic_load *load, uint32_t number)
{
    load->written = number;
}

// --- answers

static void unexpected(struct epidemic_world *world, const struct epidemic_peer *peer,
                       const struct reply *reply)
{
    epidemic_world_violation(world, "peer %" PRIu32 " answers %s, and should %s", peer->index,
                             err_name(reply->error), err_name(world->load.expected));
}

static uint32_t count_versions(struct slice versions)
{
    struct cursor in = cursor_of(versions);
    struct version_entry entry;
    uint32_t count = 0;
    while (version_entry_next(&in, &entry))
        count++;
    return count;
}

static void on_read(struct epidemic_world *world, const struct epidemic_peer *peer,
                    const struct reply *reply)
{
    const struct epidemic_sight *sight = &world->sight;
    world->load.reads_done++;
    if (reply->error != (sight->count > 0 ? ERR_OK : ERR_NOT_FOUND)) {
        unexpected(world, peer, reply);
        return;
    }
    if (sight->count == 0)
        return;
    const struct epidemic_shown *winner = &sight->list[0];
    if (stamp_compare(winner->stamp, reply->stamp) != 0 ||
        winner->value_hash != hash64(reply->value, 0) || winner->is_stable != reply->is_stable ||
        count_versions(reply->versions) != sight->count - 1)
        epidemic_world_violation(world, "peer %" PRIu32 ": a read tells another version",
                                 peer->index);
}

static struct waiting_write *find_waiting(struct epidemic_load *load, uint64_t handle)
{
    for (struct list *at = load->waiting.next; at != &load->waiting; at = at->next)
        if (LIST_ITEM(at, struct waiting_write, link)->handle == handle)
            return LIST_ITEM(at, struct waiting_write, link);
    return NULL;
}

// What was refused at once: for want of room, or as the condition was not met.
static void on_refused(struct epidemic_world *world, const struct epidemic_peer *peer,
                       const struct reply *reply)
{
    struct epidemic_load *load = &world->load;
    bool no_room = reply->error == ERR_FULL && peer->core->room_low;
    // More origins have written the key than a context can name.
    bool crowded = reply->error == ERR_TOO_LARGE &&
                   world->oracle.of_key[load->key].count > CONTEXT_ENTRIES_MAX;
    if (reply->error != load->expected && !no_room && !crowded)
        unexpected(world, peer, reply);
    if (no_room || crowded)
        load->refused++;
    else
        load->mismatches++;
}

void epidemic_load_on_reply(struct epidemic_world *world, struct epidemic_peer *peer,
                            uint64_t handle, const struct reply *reply)
{
    struct epidemic_load *load = &world->load;
    struct waiting_write *waiting = find_waiting(load, handle);
    if (waiting == NULL && load->reads) {
        on_read(world, peer, reply);
        return;
    }
    if (waiting == NULL) {
        on_refused(world, peer, reply);
        return;
    }
    struct oracle_operation *operation = world->oracle.list[waiting->operation];
    if (reply->error != ERR_OK || stamp_compare(reply->stamp, operation->stamp) != 0)
        unexpected(world, peer, reply);
    operation->acknowledged = true;
    load->puts += !operation->dead;
    load->deletes += operation->dead;
    epidemic_world_trace(world, "peer %" PRIu32 ": operation %" PRIu32 " is acknowledged",
                         peer->index, operation->number);
    list_remove(&waiting->link);
    free(waiting);
}

// --- requests

// Hands the request in; a write that was taken waits for its answer.
static void ask(struct epidemic_world *world, struct epidemic_peer *peer,
                const struct request *request)
{
    struct epidemic_load *load = &world->load;
    uint64_t handle = ++load->handle;
    load->written = NOT_WRITTEN;
    load->reads = request->kind == REQUEST_READ;
    load->asks = true;
    epidemic_peer_request(peer, request, handle);
    load->asks = false;
    if (load->written == NOT_WRITTEN)
        return;
    struct waiting_write *waiting = memory_zeroed(1, sizeof *waiting);
    waiting->handle = handle;
    waiting->peer = peer->index;
    waiting->operation = load->written;
    list_append(&load->waiting, &waiting->link);
    if (load->expected != ERR_OK)
        epidemic_world_violation(world, "peer %" PRIu32 " writes, and should answer %s",
                                 peer->index, err_name(load->expected));
}

// What is to be answered, from what the key shows now.
static enum err expect(const struct request *request, const struct epidemic_sight *sight)
{
    bool there = sight->count > 0;
    bool same = there && stamp_compare(request->expected, sight->list[0].stamp) == 0;
    if ((request->condition == CONDITION_ABSENT && there) ||
        (request->condition == CONDITION_PRESENT && !there) ||
        (request->condition == CONDITION_STAMP && !same))
        return ERR_MISMATCH;
    return request->kind == REQUEST_DELETE && !there ? ERR_NOT_FOUND : ERR_OK;
}

static bool look(struct epidemic_world *world, struct epidemic_peer *peer, struct slice name,
                 uint32_t key)
{
    struct replica *replica = epidemic_peer_replica(peer);
    enum err error = epidemic_sight_take(&replica->space, name, key, &world->sight);
    epidemic_sight_expire(&world->sight, epidemic_peer_utc_ms(peer));
    if (error == ERR_OK)
        return true;
    epidemic_world_violation(world, "peer %" PRIu32 ", key %" PRIu32 ": %s", peer->index, key,
                             err_name(error));
    return false;
}

static void draw_condition(struct epidemic_load *load, const struct epidemic_sight *sight,
                           struct request *request)
{
    if (!rng_one_in(&load->rng, 3))
        return;
    request->condition = (enum condition)rng_below(&load->rng, CONDITION_COUNT);
    if (request->condition != CONDITION_STAMP)
        return;
    request->expected = sight->count > 0 ? sight->list[0].stamp : (struct stamp){1, 1};
    if (rng_one_in(&load->rng, STALE_STAMPS_IN))
        request->expected.counter++;
}

static void fill_value(struct epidemic_load *load, uint8_t *bytes, size_t length)
{
    char text[VALUE_TEXT_BYTES];
    int written = snprintf(text, sizeof text, "%" PRIu64 " ", load->handle + 1);
    for (size_t i = 0; i < length; i++)
        bytes[i] = i < (size_t)written ? (uint8_t)text[i] : (uint8_t)('a' + i % 26);
}

static uint64_t draw_expiry_ms(struct epidemic_load *load, const struct epidemic_peer *peer)
{
    if (rng_below(&load->expiry_rng, 10) >= load->expire_in_ten)
        return 0;
    return epidemic_peer_utc_ms(peer) + 1 + rng_below(&load->expiry_rng, LIFE_MS_MAX);
}

static void write_key(struct epidemic_world *world, struct epidemic_peer *peer, uint32_t key,
                      bool dead, bool conditional, size_t size)
{
    struct epidemic_load *load = &world->load;
    char text[EPIDEMIC_KEY_BYTES];
    struct request request = {.kind = dead ? REQUEST_DELETE : REQUEST_PUT,
                              .keyspace = EPIDEMIC_WORLD_KEYSPACE,
                              .key = epidemic_world_key(key, text)};
    uint8_t *value = memory_new(size);
    load->key = key;
    CHECK(size <= EPIDEMIC_LOAD_VALUE_BYTES_MAX);
    if (!look(world, peer, request.key, key)) {
        free(value);
        return;
    }
    fill_value(load, value, size);
    if (!dead) {
        request.value = slice_of(value, size);
        request.expiry_ms = draw_expiry_ms(load, peer);
    }
    if (conditional)
        draw_condition(load, &world->sight, &request);
    load->expected = expect(&request, &world->sight);
    ask(world, peer, &request);
    free(value);
}

static void read_key(struct epidemic_world *world, struct epidemic_peer *peer, uint32_t key)
{
    char text[EPIDEMIC_KEY_BYTES];
    struct request request = {.kind = REQUEST_READ,
                              .keyspace = EPIDEMIC_WORLD_KEYSPACE,
                              .key = epidemic_world_key(key, text)};
    if (look(world, peer, request.key, key)) {
        world->load.expected = ERR_OK;
        ask(world, peer, &request);
    }
}

void epidemic_load_put(struct epidemic_world *world, struct epidemic_peer *peer, uint32_t key,
                       size_t size)
{
    if (epidemic_peer_replica(peer) != NULL && world->violation == NULL)
        write_key(world, peer, key, false, false, size);
}

void epidemic_load_delete(struct epidemic_world *world, struct epidemic_peer *peer, uint32_t key)
{
    if (epidemic_peer_replica(peer) != NULL && world->violation == NULL)
        write_key(world, peer, key, true, false, 0);
}

static void act(struct epidemic_world *world)
{
    struct epidemic_load *load = &world->load;
    struct epidemic_peer *peer = &world->peers[rng_below(&load->rng, world->peer_count)];
    uint32_t key = (uint32_t)rng_below(&load->rng, world->keys);
    bool reads = rng_below(&load->rng, 10) < load->reads_in_ten;
    bool dead = rng_below(&load->rng, 10) < load->deletes_in_ten;
    size_t size = 1 + rng_below(&load->rng, load->value_bytes_max);
    if (epidemic_peer_replica(peer) == NULL || world->violation != NULL)
        return;
    if (reads)
        read_key(world, peer, key);
    else
        write_key(world, peer, key, dead, true, size);
}

static void on_time(void *context, void *argument)
{
    struct epidemic_world *world = context;
    struct epidemic_load *load = &world->load;
    (void)argument;
    load->event = TIMELINE_NO_EVENT;
    act(world);
    epidemic_load_start(world, load->left - 1);
}

void epidemic_load_start(struct epidemic_world *world, uint32_t actions)
{
    struct epidemic_load *load = &world->load;
    timeline_cancel(world->timeline, load->event);
    load->event = TIMELINE_NO_EVENT;
    load->left = actions;
    if (actions == 0)
        return;
    bool pauses = rng_one_in(&load->rng, load->burst);
    uint64_t us_max = pauses ? load->pause_us_max : load->gap_us_max;
    uint64_t at_us = epidemic_world_now_us(world) + 1 + rng_below(&load->rng, us_max);
    load->event = timeline_add(world->timeline, at_us, on_time, world, NULL);
}

void epidemic_load_stop(struct epidemic_world *world)
{
    epidemic_load_start(world, 0);
}
