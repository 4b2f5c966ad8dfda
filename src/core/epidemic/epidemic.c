#include "core/epidemic/epidemic_parts.h"

#include "base/check.h"

#include <stdlib.h>

enum {
    FORGOTTEN_PAIRS = 1024,
    FORGET_US = 10 * 1000,
    JITTER_SHARE = 4,
    IDLE_US = 1000 * 1000, // between looks at sessions in which nothing comes
    PACED_US = 50 * 1000,  // and at those that may send no more for now
    // What may be saved up while nothing is sent, in milliseconds of the rate.
    BURST_MS = 500
};

static void on_news(void *context, struct space *space, struct dot dot)
{
    struct epidemic *epidemic = context;
    struct replica *replica = epidemic_replica(epidemic, space->id);
    rumor_heat(&replica->rumor, dot);
}

void epidemic_init(struct epidemic *epidemic, const struct epidemic_config *config,
                   const struct store *store)
{
    CHECK(config->self != 0 && config->peers_max >= 1 && config->peers_max <= PEERS_MAX);
    memset(epidemic, 0, sizeof *epidemic);
    epidemic->config = *config;
    epidemic->store = store;
    overlay_init(&epidemic->overlay, store);
    list_init(&epidemic->replicas);
    list_init(&epidemic->sessions);
    list_init(&epidemic->replies);
    rng_init(&epidemic->rng, config->seed);
    peers_init(&epidemic->peers, config->self, config->peers_max, rng_u64(&epidemic->rng));
    epidemic->world = (struct session_world){
        .context = epidemic, .on_news = on_news, .allowance_bytes = INT64_MAX};
    buf_init(&epidemic->scratch, MESSAGE_BYTES_MAX);
    feed_init(&epidemic->feed);
}

static void on_change(void *context, struct space *space, struct slice key)
{
    struct epidemic *epidemic = context;
    if (epidemic->is_followed)
        feed_add(&epidemic->feed, space->id, key);
}

static void replica_free(struct epidemic *epidemic, struct replica *replica)
{
    epidemic_sessions_leave(epidemic, &replica->space);
    epidemic_stability_release(replica);
    epidemic_bundles_release(replica);
    buf_release(&replica->crowded);
    rumor_release(&replica->rumor);
    space_release(&replica->space);
    list_remove(&replica->link);
    epidemic->replica_count--;
    free(replica);
}

void epidemic_release(struct epidemic *epidemic)
{
    while (!list_empty(&epidemic->replicas))
        replica_free(epidemic, LIST_ITEM(epidemic->replicas.next, struct replica, link));
    epidemic_replies_release(epidemic);
    peers_release(&epidemic->peers);
    feed_release(&epidemic->feed);
    overlay_release(&epidemic->overlay);
    buf_release(&epidemic->scratch);
}

static struct replica *find_replica(const struct epidemic *epidemic, uint64_t id)
{
    for (struct list *at = epidemic->replicas.next; at != &epidemic->replicas; at = at->next) {
        struct replica *replica = LIST_ITEM(at, struct replica, link);
        if (replica->space.id == id)
            return replica;
    }
    return NULL;
}

struct replica *epidemic_replica(const struct epidemic *epidemic, uint64_t id)
{
    struct replica *replica = find_replica(epidemic, id);
    return replica != NULL && !replica->leaving ? replica : NULL;
}

struct replica_setting replica_setting_default(void)
{
    return (struct replica_setting){.rumor_k = RUMOR_K_DEFAULT,
                                    .rumor_ms = REPLICA_RUMOR_MS,
                                    .anti_entropy_ms = REPLICA_ANTI_ENTROPY_MS,
                                    .audit_ms = REPLICA_AUDIT_MS,
                                    .retention_ms = REPLICA_RETENTION_MS,
                                    .stability_ms = REPLICA_STABILITY_MS};
}

uint64_t epidemic_jittered_us(struct epidemic *epidemic, uint64_t ms)
{
    uint64_t us = ms * 1000;
    uint64_t quarter = us / JITTER_SHARE;
    return epidemic->now_us + us - quarter + rng_below(&epidemic->rng, 2 * quarter + 1);
}

enum err epidemic_join(struct epidemic *epidemic, uint64_t id, uint32_t keyspace,
                       struct slice channel, const struct replica_setting *setting, uint64_t now_us)
{
    const struct replica *there = find_replica(epidemic, id);
    if (there != NULL)
        return there->leaving ? ERR_BUSY : ERR_EXISTS;
    if (epidemic->replica_count >= EPIDEMIC_REPLICAS_MAX)
        return ERR_FULL;
    if (channel.length > KEYSPACE_NAME_BYTES_MAX)
        return ERR_INVALID;
    struct replica *replica = memory_zeroed(1, sizeof *replica);
    enum err error = space_open(&replica->space, id, &setting->space, &epidemic->overlay,
                                rng_u64(&epidemic->rng));
    if (error != ERR_OK) {
        free(replica);
        return error;
    }
    replica->space.on_change = on_change;
    replica->space.change_context = epidemic;
    replica->space.on_crowded = epidemic_on_crowded;
    epidemic->now_us = now_us;
    struct rumor_setting rumor = {.k = setting->rumor_k, .items_max = RUMOR_ITEMS_MAX};
    rumor_init(&replica->rumor, &rumor, rng_u64(&epidemic->rng));
    replica->setting = *setting;
    replica->keyspace = keyspace;
    if (channel.length > 0)
        memcpy(replica->channel, channel.bytes, channel.length);
    replica->next_rumor_us = now_us;
    replica->next_session_us = now_us + rng_below(&epidemic->rng, setting->anti_entropy_ms * 1000);
    replica->next_audit_us = epidemic_jittered_us(epidemic, setting->audit_ms);
    replica->next_sweep_us = now_us;
    replica->next_check_us = now_us;
    buf_init(&replica->crowded, REPLICA_CROWDED_BYTES_MAX);
    list_append(&epidemic->replicas, &replica->link);
    epidemic->replica_count++;
    epidemic_stability_load(epidemic, replica);
    return ERR_OK;
}

// Whether somebody else is known to have had all that was written here.
static bool is_given(const struct replica *replica)
{
    const struct space *space = &replica->space;
    return knowledge_is_empty(&space->known) ||
           (replica->given && (space->origin == 0 || replica->given_next == space->next));
}

void epidemic_leave_on(struct epidemic *epidemic, uint64_t id)
{
    struct replica *replica = epidemic_replica(epidemic, id);
    if (replica == NULL)
        return;
    replica->leaving = true;
    epidemic_sessions_leave(epidemic, &replica->space);
    epidemic_stability_release(replica);
}

enum err epidemic_leave(struct epidemic *epidemic, uint64_t id)
{
    const struct replica *replica = epidemic_replica(epidemic, id);
    if (replica == NULL)
        return ERR_NOT_FOUND;
    if (!is_given(replica))
        return ERR_RETRY;
    epidemic_leave_on(epidemic, id);
    return ERR_OK;
}

// Goes on removing a replica that was left.
static void forget_some(struct epidemic *epidemic, struct effects *effects, struct replica *replica)
{
    if (overlay_bytes(&epidemic->overlay) > OVERLAY_BYTES_MAX / 2 ||
        !space_forget(&replica->space, effects, FORGOTTEN_PAIRS))
        return;
    if (epidemic->on_left != NULL)
        epidemic->on_left(epidemic->context, replica->keyspace, slice_of_text(replica->channel));
    replica_free(epidemic, replica);
}

void epidemic_send(struct epidemic *epidemic, struct effects *effects, uint64_t peer,
                   struct message *message)
{
    size_t before = effects->bytes.length;
    effects_send(effects, peer, 0, message);
    size_t bytes = effects->bytes.length - before;
    epidemic->counts.control_bytes += bytes;
    epidemic->world.allowance_bytes -= (int64_t)bytes;
}

static void refill(struct epidemic *epidemic)
{
    uint64_t rate = epidemic->config.bytes_per_s;
    if (rate == 0) {
        epidemic->world.allowance_bytes = INT64_MAX;
        return;
    }
    uint64_t elapsed_us = epidemic->now_us - epidemic->refilled_us;
    uint64_t burst = rate * BURST_MS / 1000 + SESSION_PORTION_BYTES;
    bool late = elapsed_us > BURST_MS * 1000;
    uint64_t earned = late ? burst : rate * elapsed_us / 1000000;
    int64_t left = epidemic->world.allowance_bytes;
    bool full = left > (int64_t)(burst - earned);
    epidemic->world.allowance_bytes = full ? (int64_t)burst : left + (int64_t)earned;
    // What is less than a byte counts with the next step.
    epidemic->refilled_us =
        late ? epidemic->now_us : epidemic->refilled_us + earned * 1000000 / rate;
}

static void begin_step(struct epidemic *epidemic, struct effects *effects, uint64_t now_us)
{
    epidemic->effects = effects;
    epidemic->now_us = now_us;
    refill(epidemic);
}

static void wake_at(struct effects *effects, uint64_t at_us, uint64_t now_us)
{
    effects_wake(effects, at_us > now_us ? at_us : now_us + 1);
}

// What every step ends with: all that it wrote has a token, and the next time to wake is known.
static void end_step(struct epidemic *epidemic, struct effects *effects)
{
    uint64_t now_us = epidemic->now_us;
    (void)overlay_token(&epidemic->overlay, effects);
    wake_at(effects, epidemic->next_hello_us, now_us);
    for (struct list *at = epidemic->replicas.next; at != &epidemic->replicas; at = at->next) {
        const struct replica *replica = LIST_ITEM(at, struct replica, link);
        wake_at(effects, replica->leaving ? now_us + FORGET_US : replica->next_session_us, now_us);
        wake_at(effects, replica->next_sweep_us, now_us);
        wake_at(effects, replica->next_check_us, now_us);
        if (replica->maker != NULL)
            wake_at(effects, replica->next_stability_us, now_us);
        if (rumor_count(&replica->rumor) > 0)
            wake_at(effects, replica->next_rumor_us, now_us);
    }
    if (epidemic->session_count > 0)
        wake_at(effects, now_us + (epidemic->world.allowance_bytes > 0 ? IDLE_US : PACED_US),
                now_us);
    epidemic->effects = NULL;
}

void epidemic_tick(struct epidemic *epidemic, struct effects *effects, uint64_t now_us)
{
    begin_step(epidemic, effects, now_us);
    epidemic_peers_tick(epidemic, effects);
    for (struct list *at = epidemic->replicas.next, *next; at != &epidemic->replicas; at = next) {
        struct replica *replica = LIST_ITEM(at, struct replica, link);
        next = at->next;
        if (replica->leaving) {
            forget_some(epidemic, effects, replica);
            continue;
        }
        replica->space.room_low = epidemic->room_low;
        epidemic_rumor_tick(epidemic, effects, replica);
        epidemic_session_tick(epidemic, effects, replica);
        epidemic_stability_tick(epidemic, effects, replica);
        epidemic_keep_up(epidemic, effects, replica);
    }
    epidemic_sessions_pump(epidemic, effects);
    end_step(epidemic, effects);
}

bool epidemic_takes(enum message_kind kind)
{
    return message_is_optimistic(kind);
}

// The keyspace that a message is about; a hello is about none (0).
static uint64_t space_of(const struct message *message)
{
    switch (message->kind) {
#define OF_SPACE(NAME, name)                                                                       \
    case MESSAGE_##NAME:                                                                           \
        return message->name.space;
        OF_SPACE(RUMOR, rumor)
        OF_SPACE(RUMOR_ANSWER, rumor_answer)
        OF_SPACE(RUMOR_OPERATIONS, rumor_operations)
        OF_SPACE(SESSION_OPEN, session_open)
        OF_SPACE(SESSION_KNOWN, session_known)
        OF_SPACE(SESSION_PORTION, session_portion)
        OF_SPACE(SESSION_TAKEN, session_taken)
        OF_SPACE(SESSION_CLOSE, session_close)
        OF_SPACE(SESSION_END, session_end)
        OF_SPACE(AUDIT_GROUPS, audit_groups)
        OF_SPACE(AUDIT_SLOTS, audit_slots)
        OF_SPACE(AUDIT_LIST, audit_list)
        OF_SPACE(AUDIT_VERDICT, audit_verdict)
        OF_SPACE(STABILITY, stability)
#undef OF_SPACE
    default:
        return 0;
    }
}

// The session that a message is of, but for its opening; 0 for other messages.
static uint64_t session_of(const struct message *message)
{
    switch (message->kind) {
#define OF_SESSION(NAME, name)                                                                     \
    case MESSAGE_##NAME:                                                                           \
        return message->name.session;
        OF_SESSION(SESSION_KNOWN, session_known)
        OF_SESSION(SESSION_PORTION, session_portion)
        OF_SESSION(SESSION_TAKEN, session_taken)
        OF_SESSION(SESSION_CLOSE, session_close)
        OF_SESSION(SESSION_END, session_end)
        OF_SESSION(AUDIT_GROUPS, audit_groups)
        OF_SESSION(AUDIT_SLOTS, audit_slots)
        OF_SESSION(AUDIT_LIST, audit_list)
        OF_SESSION(AUDIT_VERDICT, audit_verdict)
#undef OF_SESSION
    default:
        return 0;
    }
}

static void on_replica_message(struct epidemic *epidemic, struct effects *effects,
                               struct replica *replica, uint64_t peer,
                               const struct message *message)
{
    switch (message->kind) {
    case MESSAGE_RUMOR:
        epidemic_on_rumor(epidemic, effects, replica, peer, &message->rumor);
        break;
    case MESSAGE_RUMOR_ANSWER:
        epidemic_on_rumor_answer(epidemic, effects, replica, peer, &message->rumor_answer);
        break;
    case MESSAGE_RUMOR_OPERATIONS:
        epidemic_on_rumor_operations(epidemic, effects, replica, &message->rumor_operations);
        break;
    case MESSAGE_SESSION_OPEN:
        epidemic_on_session_open(epidemic, effects, replica, peer, &message->session_open);
        break;
    case MESSAGE_STABILITY:
        epidemic_on_stability(epidemic, effects, replica, peer, &message->stability);
        break;
    default:
        epidemic_on_session(epidemic, effects, replica, peer, session_of(message), message);
        break;
    }
}

void epidemic_on_message(struct epidemic *epidemic, struct effects *effects, uint64_t now_us,
                         uint64_t from, const struct message *message)
{
    if (!epidemic_takes(message->kind))
        return;
    begin_step(epidemic, effects, now_us);
    struct peer *peer = peers_find(&epidemic->peers, from);
    if (peer != NULL && message->kind != MESSAGE_PEER_HELLO)
        peer->heard_us = now_us;
    struct replica *replica = epidemic_replica(epidemic, space_of(message));
    if (message->kind == MESSAGE_PEER_HELLO)
        epidemic_on_hello(epidemic, effects, from, &message->peer_hello);
    else if (replica != NULL)
        on_replica_message(epidemic, effects, replica, from, message);
    end_step(epidemic, effects);
}

void epidemic_on_durable(struct epidemic *epidemic, struct effects *effects, uint64_t now_us,
                         uint64_t token)
{
    begin_step(epidemic, effects, now_us);
    overlay_on_durable(&epidemic->overlay, token);
    epidemic_replies_on_durable(epidemic, effects, token);
    for (struct list *at = epidemic->sessions.next; at != &epidemic->sessions; at = at->next)
        session_on_durable(LIST_ITEM(at, struct session, link), effects, token);
    for (struct list *at = epidemic->replicas.next; at != &epidemic->replicas; at = at->next)
        epidemic_stability_on_durable(epidemic, effects, LIST_ITEM(at, struct replica, link),
                                      token);
    epidemic_sessions_pump(epidemic, effects);
    end_step(epidemic, effects);
}

void epidemic_invariants(const struct epidemic *epidemic)
{
    uint32_t replicas = 0, sessions = 0;
    overlay_invariants(&epidemic->overlay);
    peers_invariants(&epidemic->peers);
    for (struct list *at = epidemic->replicas.next; at != &epidemic->replicas; at = at->next) {
        const struct replica *replica = LIST_ITEM(at, struct replica, link);
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
    CHECK(replicas == epidemic->replica_count && sessions == epidemic->session_count);
}
