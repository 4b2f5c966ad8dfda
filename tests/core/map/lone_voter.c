#include "lone_voter.h"

#include "base/check.h"

static void begin(struct lone_voter *voter, struct cluster_map *map,
                  const struct acceptor_state *acceptor)
{
    effects_init(&voter->effects);
    agreement_init(&voter->agreement, &voter->identity, map, acceptor, 1, voter->now_us);
    voter->effects.epoch = voter->agreement.map.epoch;
    voter->effects.incarnation = voter->identity.incarnation;
}

void lone_voter_init(struct lone_voter *voter, unsigned voters)
{
    struct cluster_map map;
    cluster_map_init(&map);
    fixture_map(&map, voters, voters);
    voter->now_us = LONE_START_US;
    voter->identity = (struct identity){
        .store_id = FIXTURE_STORE_ID(LONE_SELF), .incarnation = 1, .cluster = map.cluster};
    begin(voter, &map, NULL);
    buf_init(&voter->bytes, CLUSTER_MAP_BYTES_MAX);
}

void lone_voter_release(struct lone_voter *voter)
{
    agreement_release(&voter->agreement);
    effects_release(&voter->effects);
    buf_release(&voter->bytes);
}

void lone_voter_restart(struct lone_voter *voter, uint64_t incarnation,
                        const struct acceptor_state *acceptor)
{
    struct cluster_map map;
    cluster_map_init(&map);
    cluster_map_copy(&map, &voter->agreement.map);
    agreement_release(&voter->agreement);
    effects_release(&voter->effects);
    voter->identity.incarnation = incarnation;
    begin(voter, &map, acceptor);
}

void lone_voter_pass(struct lone_voter *voter, uint64_t pass_us)
{
    voter->now_us += pass_us;
    voter->agreement.lease.now_us = voter->now_us;
}

void lone_voter_tell_as(struct lone_voter *voter, node_id from, uint64_t incarnation,
                        struct message message)
{
    message.epoch = voter->agreement.map.epoch;
    message.from_incarnation = incarnation;
    agreement_on_message(&voter->agreement, &voter->effects, voter->now_us, FIXTURE_STORE_ID(from),
                         &message);
}

void lone_voter_tell(struct lone_voter *voter, node_id from, struct message message)
{
    lone_voter_tell_as(voter, from, 1, message);
}

void lone_voter_sync(struct lone_voter *voter)
{
    uint64_t token = voter->effects.tokens[EFFECT_VOTER];
    effects_clear(&voter->effects);
    agreement_on_synced(&voter->agreement, &voter->effects, token);
}

void lone_voter_forget(struct lone_voter *voter)
{
    effects_clear(&voter->effects);
}

unsigned lone_voter_sent(struct lone_voter *voter, node_id to, enum message_kind kind)
{
    unsigned count = 0;
    for (size_t i = 0; i < voter->effects.send_count; i++) {
        const struct effect_send *sent = &voter->effects.sends[i];
        struct message message;
        enum err error = message_decode(effects_bytes(&voter->effects, sent->message), &message);
        CHECK(error == ERR_OK);
        if (sent->peer == FIXTURE_STORE_ID(to) && message.kind == kind) {
            voter->last = message;
            count++;
        }
    }
    return count;
}

bool lone_voter_grants(struct lone_voter *voter, node_id from)
{
    unsigned before = lone_voter_sent(voter, from, MESSAGE_LEASE);
    struct message message = {.kind = MESSAGE_LEASE_WANT, .lease_want = {.sent_us = voter->now_us}};
    lone_voter_tell(voter, from, message);
    return lone_voter_sent(voter, from, MESSAGE_LEASE) > before;
}

void lone_voter_learn(struct lone_voter *voter, struct cluster_map *map)
{
    struct buf bytes;
    buf_init(&bytes, CLUSTER_MAP_BYTES_MAX);
    cluster_map_encode(&bytes, map);
    lone_voter_tell(voter, LONE_SELF + 1,
                    (struct message){.kind = MESSAGE_MAP, .map = {.map = buf_slice(&bytes)}});
    buf_release(&bytes);
    cluster_map_release(map);
}

static void next_map(const struct lone_voter *voter, uint32_t mark, node_id failed,
                     struct cluster_map *out)
{
    cluster_map_copy(out, &voter->agreement.map);
    out->epoch++;
    out->next_keyspace_id = mark;
    if (failed != NODE_NONE)
        out->nodes[failed - 1].state = NODE_FAILED;
}

struct slice lone_voter_bytes(struct lone_voter *voter, uint32_t mark, node_id failed)
{
    struct cluster_map next;
    next_map(voter, mark, failed, &next);
    buf_clear(&voter->bytes);
    cluster_map_encode(&voter->bytes, &next);
    cluster_map_release(&next);
    return buf_slice(&voter->bytes);
}

static void propose(struct lone_voter *voter, uint32_t mark, node_id failed, node_set insisted)
{
    struct cluster_map next;
    next_map(voter, mark, failed, &next);
    agreement_propose(&voter->agreement, &voter->effects, voter->now_us, &next, insisted, 0);
    cluster_map_release(&next);
}

void lone_voter_propose(struct lone_voter *voter, uint32_t mark, node_id failed)
{
    propose(voter, mark, failed, 0);
}

void lone_voter_insist(struct lone_voter *voter, uint32_t mark, node_id failed)
{
    propose(voter, mark, failed, node_bit(failed));
}
