// The acceptor of the instance that decides the next map.

#include "base/check.h"
#include "base/rule.h"
#include "core/map/agreement_parts.h"
#include "core/map/map_step.h"

static void persist(struct agreement *agreement, struct effects *effects)
{
    struct acceptor_state state = {.base_epoch = agreement->map.epoch,
                                   .promised = agreement->promised,
                                   .accepted = agreement->accepted,
                                   .accepted_map = buf_slice(&agreement->accepted_map)};
    voter_store_put_acceptor(effects, &state);
}

// Answers once what was written is synced. When too many answers wait, this one is left out: as if
// lost.
static void answer_when_synced(struct agreement *agreement, struct effects *effects, uint64_t peer,
                               enum message_kind kind, const struct ballot *ballot)
{
    if (agreement->deferred_count == DEFERRED_ANSWERS_MAX)
        return;
    agreement->deferred[agreement->deferred_count++] =
        (struct deferred_answer){.token = effects_token(effects, EFFECT_VOTER),
                                 .peer = peer,
                                 .kind = kind,
                                 .ballot = *ballot};
}

static void refuse(struct agreement *agreement, struct effects *effects, uint64_t peer)
{
    struct message message = {.kind = MESSAGE_REFUSE,
                              .refuse = {.counter = agreement->promised.counter,
                                         .store_id = agreement->promised.store_id,
                                         .incarnation = agreement->promised.incarnation}};
    effects_send(effects, peer, 0, &message);
}

static void on_prepare(struct agreement *agreement, struct effects *effects, uint64_t peer,
                       const struct ballot *ballot)
{
    int order = ballot_compare(ballot, &agreement->promised);
    if (order < 0) {
        refuse(agreement, effects, peer);
        return;
    }
    if (order > 0) {
        agreement->promised = *ballot;
        persist(agreement, effects);
    }
    answer_when_synced(agreement, effects, peer, MESSAGE_PROMISE, ballot);
}

// What an acceptance before this one withheld stays withheld until this one is synced: a restart
// may bring it back.
void acceptor_withhold(struct agreement *agreement, bool synced)
{
    struct cluster_map next;
    cluster_map_init(&next);
    if (synced) {
        agreement->grants.withheld = 0;
        agreement->grants.none = false;
    }
    if (agreement->accepted.counter != 0 &&
        cluster_map_decode(buf_slice(&agreement->accepted_map), &next) == ERR_OK) {
        agreement->grants.withheld |= map_step_restricted(&agreement->map, &next);
        agreement->grants.none |= next.voters != agreement->map.voters;
    }
    cluster_map_release(&next);
}

// Nobody whom the step restricts may believe in a grant of this voter's.
static bool may_restrict(struct agreement *agreement, node_set restricted, uint64_t now_us)
{
    node_set unreleased = restricted & ~agreement->released;
    return grants_still_running(&agreement->grants, unreleased, now_us, agreement->map.lease_ms) ==
               0 ||
           !RULE(LEASE_RAN_OUT);
}

// What was accepted once is acceptable again: its releases were heard then, and are never
// withdrawn, and nothing was granted since. They may be forgotten, since only the acceptance is
// kept over a restart.
static bool step_is_acceptable(struct agreement *agreement, struct slice bytes, uint64_t now_us)
{
    if (agreement->accepted.counter != 0 && slice_equal(bytes, buf_slice(&agreement->accepted_map)))
        return true;
    struct cluster_map next;
    cluster_map_init(&next);
    if (cluster_map_decode(bytes, &next) != ERR_OK)
        return false;
    bool acceptable = map_step_check(&agreement->map, &next) == ERR_OK &&
                      may_restrict(agreement, map_step_restricted(&agreement->map, &next), now_us);
    cluster_map_release(&next);
    return acceptable;
}

static void on_accept(struct agreement *agreement, struct effects *effects, uint64_t now_us,
                      uint64_t peer, const struct ballot *ballot, struct slice map)
{
    if (ballot_compare(ballot, &agreement->promised) < 0) {
        refuse(agreement, effects, peer);
        return;
    }
    if (!ballot_equal(ballot, &agreement->accepted)) {
        // Without an answer the proposer asks again; by then the release may have come, or the
        // grants have run out.
        if (!step_is_acceptable(agreement, map, now_us))
            return;
        agreement->promised = *ballot;
        agreement->accepted = *ballot;
        agreement->accepted_at_us = now_us;
        buf_clear(&agreement->accepted_map);
        buf_append_slice(&agreement->accepted_map, map);
        acceptor_withhold(agreement, false);
        persist(agreement, effects);
        agreement->withheld_token = effects_token(effects, EFFECT_VOTER);
    }
    answer_when_synced(agreement, effects, peer, MESSAGE_ACCEPTED, ballot);
}

void acceptor_on_message(struct agreement *agreement, struct effects *effects, uint64_t now_us,
                         uint64_t peer, const struct message *message)
{
    if (!agreement_is_voter(agreement))
        return;
    if (message->kind == MESSAGE_PREPARE) {
        struct ballot ballot = {.counter = message->prepare.counter,
                                .store_id = message->prepare.store_id,
                                .incarnation = message->prepare.incarnation};
        on_prepare(agreement, effects, peer, &ballot);
    } else {
        struct ballot ballot = {.counter = message->accept.counter,
                                .store_id = message->accept.store_id,
                                .incarnation = message->accept.incarnation};
        on_accept(agreement, effects, now_us, peer, &ballot, message->accept.map);
    }
}

static void send_answer(const struct agreement *agreement, struct effects *effects,
                        const struct deferred_answer *answer)
{
    struct message message = {.kind = answer->kind};
    const struct ballot *ballot = &answer->ballot;
    if (answer->kind == MESSAGE_PROMISE) {
        // Promised higher since: this promise is void.
        if (!ballot_equal(ballot, &agreement->promised))
            return;
        message.promise =
            (struct message_promise){.counter = ballot->counter,
                                     .store_id = ballot->store_id,
                                     .incarnation = ballot->incarnation,
                                     .accepted_counter = agreement->accepted.counter,
                                     .accepted_store_id = agreement->accepted.store_id,
                                     .accepted_incarnation = agreement->accepted.incarnation,
                                     .accepted = buf_slice(&agreement->accepted_map)};
    } else {
        message.accepted = (struct message_accepted){.counter = ballot->counter,
                                                     .store_id = ballot->store_id,
                                                     .incarnation = ballot->incarnation};
    }
    effects_send(effects, answer->peer, 0, &message);
}

void agreement_on_synced(struct agreement *agreement, struct effects *effects, uint64_t token)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < agreement->deferred_count; i++) {
        if (agreement->deferred[i].token <= token)
            send_answer(agreement, effects, &agreement->deferred[i]);
        else
            agreement->deferred[kept++] = agreement->deferred[i];
    }
    agreement->deferred_count = kept;
    if (agreement->withheld_token != 0 && agreement->withheld_token <= token) {
        agreement->withheld_token = 0;
        acceptor_withhold(agreement, true);
    }
}
