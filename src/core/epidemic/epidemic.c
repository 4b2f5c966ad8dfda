#include "core/epidemic/epidemic_parts.h"

#include "base/check.h"

#include <stdlib.h>

enum {
    JITTER_SHARE = 4,
    IDLE_US = 1000 * 1000, // between looks at sessions in which nothing comes
    PACED_US = 50 * 1000,  // and at those that may send no more for now
    // What may be saved up while nothing is sent, in milliseconds of the rate.
    BURST_MS = 500,
    BYTE_US = 1000 * 1000, // at a rate of one byte per second
};

// A longer pause earns no more.
#define EARNED_US_MAX (UINT64_C(1) << 31)

static void on_news(void *context, struct space *space, struct dot dot)
{
    struct epidemic *epidemic = context;
    epidemic_heat(epidemic, epidemic_replica(epidemic, space->id), dot);
}

void epidemic_init(struct epidemic *epidemic, const struct epidemic_config *config,
                   const struct store *store)
{
    CHECK(config->self != 0 && config->peers_max >= 1 && config->peers_max <= PEERS_MAX);
    memset(epidemic, 0, sizeof *epidemic);
    epidemic->config = *config;
    if (epidemic->config.bytes_per_s > EPIDEMIC_BYTES_PER_S_MAX)
        epidemic->config.bytes_per_s = EPIDEMIC_BYTES_PER_S_MAX;
    if (epidemic->config.step_bytes == 0)
        epidemic->config.step_bytes = EPIDEMIC_STEP_BYTES;
    epidemic->store = store;
    overlay_init(&epidemic->overlay, store);
    list_init(&epidemic->replicas);
    table_init(&epidemic->replicas_by_id);
    list_init(&epidemic->sessions);
    list_init(&epidemic->replies);
    list_init(&epidemic->carried);
    rng_init(&epidemic->rng, config->seed);
    peers_init(&epidemic->peers, config->self, config->peers_max, rng_u64(&epidemic->rng));
    epidemic->world = (struct session_world){
        .context = epidemic, .on_news = on_news, .allowance_bytes = INT64_MAX};
    epidemic->wake_us = UINT64_MAX;
    buf_init(&epidemic->scratch, MESSAGE_BYTES_MAX);
    feed_init(&epidemic->feed);
}

void epidemic_release(struct epidemic *epidemic)
{
    epidemic_bundles_release(epidemic);
    while (!list_empty(&epidemic->replicas))
        epidemic_replica_free(epidemic, LIST_ITEM(epidemic->replicas.next, struct replica, link));
    table_release(&epidemic->replicas_by_id);
    epidemic_replies_release(epidemic);
    peers_release(&epidemic->peers);
    feed_release(&epidemic->feed);
    overlay_release(&epidemic->overlay);
    buf_release(&epidemic->scratch);
    free(epidemic->asked);
}

uint64_t epidemic_jittered_us(struct epidemic *epidemic, uint64_t ms)
{
    uint64_t us = ms * 1000;
    uint64_t quarter = us / JITTER_SHARE;
    return epidemic->now_us + us - quarter + rng_below(&epidemic->rng, 2 * quarter + 1);
}

// --- the time of day

void epidemic_tell_utc(struct epidemic *epidemic, uint64_t now_us, uint64_t utc_ms)
{
    epidemic->utc_ms = utc_ms;
    epidemic->utc_told_us = now_us;
}

uint64_t epidemic_utc_ms(const struct epidemic *epidemic)
{
    if (epidemic->utc_ms == 0 || epidemic->now_us < epidemic->utc_told_us)
        return epidemic->utc_ms;
    return epidemic->utc_ms + (epidemic->now_us - epidemic->utc_told_us) / 1000;
}

// --- what may be sent

void epidemic_count_control(struct epidemic *epidemic, size_t bytes)
{
    epidemic->counts.control_bytes += bytes;
    epidemic->world.allowance_bytes -= (int64_t)bytes;
}

void epidemic_send(struct epidemic *epidemic, struct effects *effects, uint64_t peer,
                   struct message *message)
{
    size_t before = effects->bytes.length;
    effects_send(effects, peer, 0, message);
    epidemic_count_control(epidemic, effects->bytes.length - before);
}

static void refill(struct epidemic *epidemic)
{
    uint64_t rate = epidemic->config.bytes_per_s;
    int64_t *allowance = &epidemic->world.allowance_bytes;
    if (rate == 0) {
        *allowance = INT64_MAX;
        return;
    }
    int64_t burst = (int64_t)(rate * BURST_MS / 1000) + 1;
    uint64_t elapsed_us = epidemic->now_us - epidemic->refilled_us;
    if (elapsed_us > EARNED_US_MAX)
        elapsed_us = EARNED_US_MAX;
    uint64_t earned = rate * elapsed_us + epidemic->refill_rest;
    epidemic->refilled_us = epidemic->now_us;
    epidemic->refill_rest = earned % BYTE_US;
    if (*allowance > burst)
        *allowance = burst;
    *allowance += (int64_t)(earned / BYTE_US);
    if (*allowance > burst)
        *allowance = burst;
}

// --- steps

void epidemic_begin_step(struct epidemic *epidemic, struct effects *effects, uint64_t now_us)
{
    epidemic->effects = effects;
    epidemic->now_us = now_us;
    refill(epidemic);
}

// A time that has passed is not now: who could do nothing yet would be asked without end.
static void wake_at(const struct epidemic *epidemic, struct effects *effects, uint64_t at_us)
{
    uint64_t now_us = epidemic->now_us;
    effects_wake(effects, at_us > now_us ? at_us : now_us + 1);
}

void epidemic_end_step(struct epidemic *epidemic, struct effects *effects)
{
    (void)overlay_token(&epidemic->overlay, effects);
    wake_at(epidemic, effects, epidemic->next_hello_us);
    if (epidemic->replica_count > 0)
        wake_at(epidemic, effects, epidemic->wake_us);
    if (epidemic->session_count > 0)
        wake_at(epidemic, effects,
                epidemic->now_us + (epidemic->world.allowance_bytes > 0 ? IDLE_US : PACED_US));
    if (epidemic_bundles_are_due(epidemic))
        wake_at(epidemic, effects, epidemic->now_us);
    epidemic->effects = NULL;
}

static void tell_room(struct epidemic *epidemic)
{
    if (epidemic->room_low == epidemic->room_low_told)
        return;
    epidemic->room_low_told = epidemic->room_low;
    for (struct list *at = epidemic->replicas.next; at != &epidemic->replicas; at = at->next)
        LIST_ITEM(at, struct replica, link)->space.room_low = epidemic->room_low;
}

static void tick_replica(struct epidemic *epidemic, struct effects *effects,
                         struct replica *replica)
{
    if (replica->leaving) {
        epidemic_forget_some(epidemic, effects, replica);
        return;
    }
    epidemic_rumor_tick(epidemic, effects, replica);
    epidemic_session_tick(epidemic, effects, replica);
    epidemic_stability_tick(epidemic, effects, replica);
    epidemic_keep_up(epidemic, effects, replica);
    epidemic_wake_for(epidemic, replica);
}

static void tick_replicas(struct epidemic *epidemic, struct effects *effects)
{
    if (epidemic->now_us < epidemic->wake_us)
        return;
    epidemic->wake_us = UINT64_MAX;
    for (struct list *at = epidemic->replicas.next, *next; at != &epidemic->replicas; at = next) {
        struct replica *replica = LIST_ITEM(at, struct replica, link);
        next = at->next;
        if (epidemic_replica_wake_us(replica) <= epidemic->now_us)
            tick_replica(epidemic, effects, replica);
        else
            epidemic_wake_for(epidemic, replica);
    }
}

void epidemic_tick(struct epidemic *epidemic, struct effects *effects, uint64_t now_us)
{
    epidemic_begin_step(epidemic, effects, now_us);
    // What is under way comes before what begins, so that it ends however little may be sent.
    epidemic_sessions_pump(epidemic, effects);
    epidemic_peers_tick(epidemic, effects);
    epidemic_bundles_tick(epidemic, effects);
    tell_room(epidemic);
    tick_replicas(epidemic, effects);
    epidemic_end_step(epidemic, effects);
}

void epidemic_on_durable(struct epidemic *epidemic, struct effects *effects, uint64_t now_us,
                         uint64_t token)
{
    epidemic_begin_step(epidemic, effects, now_us);
    overlay_on_durable(&epidemic->overlay, token);
    epidemic_replies_on_durable(epidemic, effects, token);
    for (struct list *at = epidemic->sessions.next; at != &epidemic->sessions; at = at->next)
        session_on_durable(LIST_ITEM(at, struct session, link), effects, token);
    for (struct list *at = epidemic->replicas.next; at != &epidemic->replicas; at = at->next)
        epidemic_stability_on_durable(epidemic, effects, LIST_ITEM(at, struct replica, link),
                                      token);
    epidemic_sessions_pump(epidemic, effects);
    epidemic_end_step(epidemic, effects);
}

void epidemic_invariants(const struct epidemic *epidemic)
{
    uint32_t replicas = 0, sessions = 0, replies = 0;
    overlay_invariants(&epidemic->overlay);
    peers_invariants(&epidemic->peers);
    for (struct list *at = epidemic->replicas.next; at != &epidemic->replicas; at = at->next) {
        const struct replica *replica = LIST_ITEM(at, struct replica, link);
        CHECK(replica->leaving || epidemic_replica(epidemic, replica->space.id) == replica);
        CHECK(epidemic->wake_us <= epidemic_replica_wake_us(replica));
        space_invariants(&replica->space);
        rumor_invariants(&replica->rumor);
        replicas++;
    }
    for (struct list *at = epidemic->sessions.next; at != &epidemic->sessions; at = at->next) {
        const struct session *session = LIST_ITEM(at, struct session, link);
        CHECK(epidemic_replica(epidemic, session->space->id) != NULL);
        session_invariants(session);
        sessions++;
    }
    for (struct list *at = epidemic->replies.next; at != &epidemic->replies; at = at->next)
        replies++;
    CHECK(replicas == epidemic->replica_count && sessions == epidemic->session_count);
    CHECK(epidemic->carried_count <= EPIDEMIC_CARRIED_MAX);
    CHECK(replicas == epidemic->replicas_by_id.count && replies == epidemic->reply_count);
}
