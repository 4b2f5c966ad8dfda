// The proposer of the instance that decides the next map: releases, prepare, accept, decided.

#include "base/check.h"
#include "core/map/agreement_parts.h"
#include "core/map/map_step.h"

// Resending is quick because a voter stays silent while it waits for a release.
enum {
    RESEND_US = 10 * 1000,
    BACKOFF_US = 30 * 1000,
    UNDECIDED_US = 1000 * 1000,
    ABANDON_RELEASE_US = 500 * 1000,
    INSIST_US = 50 * 1000,
    DOUBLINGS_MAX = 5,
    DOUBLINGS_INSISTING_MAX = 2
};

static bool is_majority(const struct agreement *agreement, node_set voters)
{
    node_set all = agreement->map.voters;
    return 2 * node_set_count(voters & all) > node_set_count(all);
}

static void give_up(struct agreement *agreement, uint64_t now_us)
{
    unsigned doublings =
        agreement->refusals < DOUBLINGS_MAX ? agreement->refusals++ : DOUBLINGS_MAX;
    agreement->phase = PROPOSER_IDLE;
    agreement->retry_us =
        now_us + RESEND_US + rng_below(&agreement->rng, (uint64_t)BACKOFF_US << doublings);
}

node_set agreement_take_missed(struct agreement *agreement)
{
    node_set missed = agreement->missed;
    agreement->missed = 0;
    return missed;
}

// To every voter, this node's own acceptor included: the host hands a node its own messages.
static void send_to_voters(const struct agreement *agreement, struct effects *effects,
                           struct message *message)
{
    node_set voters = agreement->map.voters & ~agreement->answered;
    for (node_id id = node_set_first(voters); id != NODE_NONE; id = node_set_after(voters, id))
        agreement_send(agreement, effects, id, message);
}

// In every phase: who released may have been started again since, and voters too, and an adopted
// map was released to others.
static void want_releases(const struct agreement *agreement, struct effects *effects)
{
    struct message message = {.kind = MESSAGE_RELEASE_WANT};
    node_set missing = (agreement->restricted & ~agreement->released) |
                       (agreement->relied_on & ~agreement->confirmed);
    for (node_id id = node_set_first(missing); id != NODE_NONE; id = node_set_after(missing, id))
        agreement_send(agreement, effects, id, &message);
}

static void send_phase(struct agreement *agreement, struct effects *effects, uint64_t now_us)
{
    const struct ballot *ballot = &agreement->ballot;
    struct message message = {0};
    // Voters stay silent while a grant runs: their answer comes soon after it has run out.
    unsigned doublings_max =
        agreement->insisted != 0 ? DOUBLINGS_INSISTING_MAX : (unsigned)DOUBLINGS_MAX;
    unsigned doublings = agreement->resends < doublings_max ? agreement->resends++ : doublings_max;
    agreement->resend_us = now_us + ((uint64_t)RESEND_US << doublings);
    effects_wake(effects, agreement->resend_us);
    want_releases(agreement, effects);
    if (agreement->phase == PROPOSER_PREPARING) {
        message.kind = MESSAGE_PREPARE;
        message.prepare = (struct message_prepare){.counter = ballot->counter,
                                                   .store_id = ballot->store_id,
                                                   .incarnation = ballot->incarnation};
        send_to_voters(agreement, effects, &message);
    } else if (agreement->phase == PROPOSER_ACCEPTING) {
        message.kind = MESSAGE_ACCEPT;
        message.accept = (struct message_accept){.counter = ballot->counter,
                                                 .store_id = ballot->store_id,
                                                 .incarnation = ballot->incarnation,
                                                 .map = buf_slice(&agreement->value)};
        send_to_voters(agreement, effects, &message);
    }
}

static void enter(struct agreement *agreement, struct effects *effects, uint64_t now_us,
                  enum proposer_phase phase)
{
    agreement->phase = phase;
    agreement->answered = 0;
    agreement->resends = 0;
    send_phase(agreement, effects, now_us);
}

static void prepare(struct agreement *agreement, struct effects *effects, uint64_t now_us)
{
    agreement->ballot = (struct ballot){.counter = ++agreement->counter_seen,
                                        .store_id = agreement->identity.store_id,
                                        .incarnation = agreement->identity.incarnation};
    agreement->adopted = (struct ballot){0};
    enter(agreement, effects, now_us, PROPOSER_PREPARING);
}

bool agreement_can_propose(const struct agreement *agreement, uint64_t now_us)
{
    return agreement->phase == PROPOSER_IDLE && agreement_is_voter(agreement) &&
           now_us >= agreement->retry_us;
}

// Who has neither released nor is without a grant of this voter's, and is waited for; and who is
// relied on without a word.
static node_set awaited(const struct agreement *agreement, uint64_t now_us)
{
    node_set missing = agreement->restricted & ~agreement->released;
    if (now_us >= agreement->insist_us)
        missing &= ~agreement->insisted;
    for (node_id id = node_set_first(missing); id != NODE_NONE; id = node_set_after(missing, id))
        if (grants_ran_out(&agreement->grants, id, now_us))
            missing &= ~node_bit(id);
    return missing | (agreement->relied_on & ~agreement->confirmed);
}

void agreement_propose(struct agreement *agreement, struct effects *effects, uint64_t now_us,
                       const struct cluster_map *next, node_set insisted, node_set unheard)
{
    CHECK(agreement->phase == PROPOSER_IDLE);
    CHECK(map_step_check(&agreement->map, next) == ERR_OK);
    buf_clear(&agreement->value);
    cluster_map_encode(&agreement->value, next);
    if (agreement->value.overflown) // a map that no message carries is not proposed
        return;
    agreement->restricted = map_step_restricted(&agreement->map, next);
    agreement->insisted = insisted & agreement->restricted;
    agreement->relied_on = map_step_relied_on(&agreement->map, next) & ~unheard;
    agreement->retry_us = now_us + ABANDON_RELEASE_US;
    agreement->insist_us = now_us + INSIST_US;
    if (awaited(agreement, now_us) != 0)
        enter(agreement, effects, now_us, PROPOSER_RELEASING);
    else
        prepare(agreement, effects, now_us);
}

void proposer_on_release(struct agreement *agreement, struct effects *effects, uint64_t now_us)
{
    if (agreement->phase == PROPOSER_RELEASING && awaited(agreement, now_us) == 0)
        prepare(agreement, effects, now_us);
}

static bool is_current(const struct agreement *agreement, uint64_t counter, uint64_t store_id,
                       uint64_t incarnation)
{
    struct ballot ballot = {.counter = counter, .store_id = store_id, .incarnation = incarnation};
    return ballot_equal(&ballot, &agreement->ballot);
}

// Makes an accepted map what is proposed; false when it is no legal step.
static bool adopt(struct agreement *agreement, struct slice bytes)
{
    struct cluster_map next;
    cluster_map_init(&next);
    bool legal = cluster_map_decode(bytes, &next) == ERR_OK &&
                 map_step_check(&agreement->map, &next) == ERR_OK;
    if (legal) {
        buf_clear(&agreement->value);
        buf_append_slice(&agreement->value, bytes);
        agreement->restricted = map_step_restricted(&agreement->map, &next);
        agreement->insisted = agreement->restricted;
        agreement->relied_on = 0; // it may be decided
    }
    cluster_map_release(&next);
    return legal;
}

static void on_promise(struct agreement *agreement, struct effects *effects, uint64_t now_us,
                       node_id from, const struct message_promise *promise)
{
    if (agreement->phase != PROPOSER_PREPARING ||
        !is_current(agreement, promise->counter, promise->store_id, promise->incarnation))
        return;
    struct ballot accepted = {.counter = promise->accepted_counter,
                              .store_id = promise->accepted_store_id,
                              .incarnation = promise->accepted_incarnation};
    if (ballot_compare(&accepted, &agreement->adopted) > 0) {
        // The highest accepted value may be decided already: it, not ours, is proposed. Nobody who
        // keeps the rules accepted an illegal step: such a promise is none.
        if (!adopt(agreement, promise->accepted))
            return;
        agreement->adopted = accepted;
    }
    agreement->answered |= node_bit(from);
    if (is_majority(agreement, agreement->answered))
        enter(agreement, effects, now_us, PROPOSER_ACCEPTING);
}

static void on_accepted(struct agreement *agreement, struct effects *effects, uint64_t now_us,
                        node_id from, const struct message_accepted *accepted)
{
    if (agreement->phase != PROPOSER_ACCEPTING ||
        !is_current(agreement, accepted->counter, accepted->store_id, accepted->incarnation))
        return;
    agreement->answered |= node_bit(from);
    if (!is_majority(agreement, agreement->answered))
        return;
    struct cluster_map map;
    cluster_map_init(&map);
    enum err error = cluster_map_decode(buf_slice(&agreement->value), &map);
    CHECK(error == ERR_OK);
    agreement_learn(agreement, effects, now_us, &map);
    agreement_spread(agreement, effects);
}

static void on_refuse(struct agreement *agreement, uint64_t now_us,
                      const struct message_refuse *refuse)
{
    struct ballot promised = {.counter = refuse->counter,
                              .store_id = refuse->store_id,
                              .incarnation = refuse->incarnation};
    if (promised.counter > agreement->counter_seen && promised.counter < UINT64_MAX / 2)
        agreement->counter_seen = promised.counter;
    bool preparing =
        agreement->phase == PROPOSER_PREPARING || agreement->phase == PROPOSER_ACCEPTING;
    if (preparing && ballot_compare(&promised, &agreement->ballot) > 0)
        give_up(agreement, now_us);
}

void proposer_on_message(struct agreement *agreement, struct effects *effects, uint64_t now_us,
                         node_id from, const struct message *message)
{
    if (message->kind == MESSAGE_PROMISE)
        on_promise(agreement, effects, now_us, from, &message->promise);
    else if (message->kind == MESSAGE_ACCEPTED)
        on_accepted(agreement, effects, now_us, from, &message->accepted);
    else if (message->kind == MESSAGE_REFUSE)
        on_refuse(agreement, now_us, &message->refuse);
}

// A value that was accepted here and not decided for a second is finished by this voter.
static void finish_accepted(struct agreement *agreement, struct effects *effects, uint64_t now_us)
{
    agreement->accepted_at_us = now_us + rng_below(&agreement->rng, UNDECIDED_US);
    if (!adopt(agreement, buf_slice(&agreement->accepted_map)))
        return;
    if (agreement->promised.counter > agreement->counter_seen)
        agreement->counter_seen = agreement->promised.counter;
    prepare(agreement, effects, now_us);
}

void proposer_tick(struct agreement *agreement, struct effects *effects, uint64_t now_us)
{
    if (agreement->phase == PROPOSER_RELEASING && awaited(agreement, now_us) == 0) {
        prepare(agreement, effects, now_us);
    } else if (agreement->phase == PROPOSER_RELEASING && now_us >= agreement->retry_us) {
        agreement->missed |= awaited(agreement, now_us);
        give_up(agreement, now_us);
    } else if (agreement->phase != PROPOSER_IDLE) {
        if (now_us >= agreement->resend_us)
            send_phase(agreement, effects, now_us);
        effects_wake(effects, agreement->resend_us);
    } else if (agreement->accepted.counter != 0 && agreement_is_voter(agreement)) {
        uint64_t finish_us = agreement->accepted_at_us + UNDECIDED_US;
        if (finish_us < agreement->retry_us)
            finish_us = agreement->retry_us;
        if (now_us >= finish_us)
            finish_accepted(agreement, effects, now_us);
        else
            effects_wake(effects, finish_us);
    }
}
