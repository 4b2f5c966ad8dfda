#include "core/epidemic/session_parts.h"

#include "base/check.h"
#include "base/rule.h"

#include <stdlib.h>

enum { SUMMARY_BYTES = 40 };

static struct session *session_new(struct space *space, struct session_world *world, uint64_t peer,
                                   uint64_t id, uint64_t salt, uint64_t now_us)
{
    struct session *session = memory_zeroed(1, sizeof *session);
    list_init(&session->link);
    session->space = space;
    session->world = world;
    session->peer = peer;
    session->id = id;
    session->salt = salt;
    session->began_us = now_us;
    session->touched_us = now_us;
    session->restored = world->restored;
    session->verdict = SESSION_BROKEN;
    session->out_verdict = SESSION_BROKEN;
    buf_init(&session->scratch, MESSAGE_BYTES_MAX);
    return session;
}

void session_free(struct session *session)
{
    if (session == NULL)
        return;
    session_audit_release(session);
    knowledge_release(&session->told_known);
    knowledge_release(&session->out.given);
    knowledge_release(&session->out.given_strays);
    knowledge_release(&session->out.round.known);
    knowledge_release(&session->out.round.strays);
    knowledge_release(&session->in.known);
    knowledge_release(&session->in.horizon);
    session_items_release(&session->out.wanted);
    buf_release(&session->scratch);
    free(session);
}

void session_send(struct session *session, struct effects *effects, struct message *message)
{
    size_t before = effects->bytes.length;
    size_t operations =
        message->kind == MESSAGE_SESSION_PORTION ? message->session_portion.operations.length : 0;
    effects_send(effects, session->peer, 0, message);
    size_t bytes = effects->bytes.length - before;
    session->world->allowance_bytes -= (int64_t)bytes;
    session->sent_bytes += operations;
    session->control_bytes += bytes - operations;
}

static void summary_put(struct buf *out, const struct space_summary *summary)
{
    buf_append_u64_be(out, summary->known.high);
    buf_append_u64_be(out, summary->known.low);
    buf_append_u64_be(out, summary->horizon.high);
    buf_append_u64_be(out, summary->horizon.low);
    buf_append_u64_be(out, summary->live);
}

// --- ends

static struct message end_message(uint64_t space, uint64_t id, enum session_verdict verdict,
                                  struct stamp stability)
{
    return (struct message){
        .kind = MESSAGE_SESSION_END,
        .session_end = {.space = space, .session = id, .verdict = verdict, .stability = stability}};
}

void session_disown(struct effects *effects, uint64_t peer, uint64_t space, uint64_t id)
{
    struct message message = end_message(space, id, SESSION_BROKEN, (struct stamp){0});
    effects_send(effects, peer, 0, &message);
}

void session_break(struct session *session, struct effects *effects, enum session_verdict verdict,
                   bool tell)
{
    session->over = true;
    if (!session->in.ended)
        session->verdict = verdict;
    session_audit_release(session);
    if (tell)
        session_disown(effects, session->peer, session->space->id, session->id);
}

static void send_end_if_durable(struct session *session, struct effects *effects, uint64_t token)
{
    if (session->over || !session->in.ended || session->in.end_sent ||
        session->in.end_token > token)
        return;
    struct message message =
        end_message(session->space->id, session->id, session->verdict, session->stability);
    session->in.end_sent = true;
    session_send(session, effects, &message);
}

// What the other now takes for safe here must not go with a crash.
void session_conclude(struct session *session, struct effects *effects,
                      enum session_verdict verdict)
{
    struct overlay *store = session->space->store;
    session->in.ended = true;
    session->verdict = verdict;
    session->in.end_token = overlay_token(store, effects);
    send_end_if_durable(session, effects, store->durable);
}

// --- openings

struct session *session_open(struct space *space, struct session_world *world, uint64_t peer,
                             uint64_t id, uint64_t salt, bool audit, struct stamp stability,
                             struct effects *effects, uint64_t now_us)
{
    struct session *session = session_new(space, world, peer, id, salt, now_us);
    struct space_summary summary;
    session->opener = true;
    session->offered_next = space->next;
    session->wants_audit = audit;
    session->stability = stability;
    space_summarise(space, salt, &summary);
    summary_put(&session->scratch, &summary);
    struct message message = {.kind = MESSAGE_SESSION_OPEN,
                              .session_open = {.space = space->id,
                                               .session = id,
                                               .salt = salt,
                                               .audit = audit || space->damaged,
                                               .stability = stability,
                                               .summary = buf_slice(&session->scratch)}};
    session_send(session, effects, &message);
    return session;
}

// Says what is known here, which is what the other half will send by.
static void tell_known(struct session *session, struct effects *effects)
{
    struct space *space = session->space;
    knowledge_copy(&session->told_known, &space->known);
    session->told_horizon = session_horizon_hash(session);
    buf_clear(&session->scratch);
    knowledge_encode(&session->scratch, &space->known);
    size_t known_bytes = session->scratch.length;
    knowledge_encode(&session->scratch, &space->horizon);
    if (session->scratch.overflown) {
        session_break(session, effects, SESSION_BROKEN, true);
        return;
    }
    struct slice both = buf_slice(&session->scratch);
    struct message message = {
        .kind = MESSAGE_SESSION_KNOWN,
        .session_known = {.space = space->id,
                          .session = session->id,
                          .reconcile = session->reconciles,
                          .stability = session->stability,
                          .live = digest_fold(&space->digests.total, session->salt),
                          .known = slice_of(both.bytes, known_bytes),
                          .horizon =
                              slice_of(both.bytes + known_bytes, both.length - known_bytes)}};
    session_send(session, effects, &message);
}

struct hash128 session_horizon_hash(const struct session *session)
{
    return knowledge_hash(&session->space->horizon, session->salt);
}

bool session_horizon_moved(const struct session *session, struct hash128 since)
{
    struct hash128 now = session_horizon_hash(session);
    return now.high != since.high || now.low != since.low;
}

bool session_horizon_is_known(const struct session *session)
{
    return knowledge_contains(&session->in.known, &session->space->horizon);
}

static bool is_equal(const struct space *space, const struct message_session_open *open)
{
    uint8_t bytes[SUMMARY_BYTES];
    struct buf own = {.bytes = bytes, .capacity = sizeof bytes, .max = sizeof bytes};
    struct space_summary summary;
    space_summarise(space, open->salt, &summary);
    summary_put(&own, &summary);
    return slice_equal(buf_slice(&own), open->summary);
}

struct session *session_accept(struct space *space, struct session_world *world, uint64_t peer,
                               const struct message_session_open *open, struct stamp stability,
                               bool busy, struct effects *effects, uint64_t now_us)
{
    bool audit = open->audit || space->damaged;
    if (busy || space->forgetting) {
        struct message message = end_message(space->id, open->session, SESSION_AGAIN, stability);
        effects_send(effects, peer, 0, &message);
        return NULL;
    }
    struct session *session = session_new(space, world, peer, open->session, open->salt, now_us);
    session->stability = stability;
    if (is_equal(space, open) && !audit) {
        session->out.state = OUT_ENDED;
        session_conclude(session, effects, SESSION_EQUAL);
        if (!session->in.end_sent)
            return session;
        session_free(session);
        return NULL;
    }
    session->wants_audit = audit;
    session->reconciles = audit;
    tell_known(session, effects);
    return session;
}

// --- messages

// Whether one of the two missed what the other has dropped since (R12), or they know the same and
// have not the same.
static bool must_reconcile(const struct session *session, uint64_t other_live)
{
    const struct space *space = session->space;
    bool behind = !knowledge_contains(&space->known, &session->in.horizon) ||
                  !session_horizon_is_known(session);
    bool differ = knowledge_equal(&space->known, &session->in.known) &&
                  digest_fold(&space->digests.total, session->salt) != other_live;
    return session->wants_audit || space->damaged || (RULE(BEHIND) && behind) || differ;
}

static void on_known(struct session *session, struct effects *effects,
                     const struct message_session_known *message)
{
    struct session_in *in = &session->in;
    struct cursor known = cursor_of(message->known);
    struct cursor horizon = cursor_of(message->horizon);
    if (session->known_seen || in->ended) {
        session_break(session, effects, SESSION_BROKEN, true);
        return;
    }
    knowledge_decode(&known, &in->known);
    knowledge_decode(&horizon, &in->horizon);
    if (cursor_finish(&known) != ERR_OK || cursor_finish(&horizon) != ERR_OK ||
        !knowledge_contains(&in->known, &in->horizon)) {
        session_break(session, effects, SESSION_BROKEN, true);
        return;
    }
    session->known_seen = true;
    space_hear(session->space, effects, &in->known);
    session->reconciles |= message->reconcile;
    if (session->opener) {
        session->reconciles |= must_reconcile(session, message->live);
        tell_known(session, effects);
    }
    session_send_begin(session);
}

// The verdict of an END that ends the whole session.
static enum session_verdict verdict_of_all(const struct session *session, uint64_t verdict)
{
    if (verdict == SESSION_AGAIN)
        return SESSION_AGAIN;
    bool is_answer = session->opener && !session->known_seen; // to the summary
    return is_answer && verdict == SESSION_EQUAL ? SESSION_EQUAL : SESSION_BROKEN;
}

// What the other made of our close; or the end of the whole session.
static void on_end(struct session *session, struct effects *effects,
                   const struct message_session_end *message)
{
    if (message->verdict >= SESSION_BROKEN || !session->known_seen) {
        session_break(session, effects, verdict_of_all(session, message->verdict), false);
        return;
    }
    if (session->out.state != OUT_CLOSED) {
        session_break(session, effects, SESSION_BROKEN, true);
        return;
    }
    session->out.state = OUT_ENDED;
    session->out_verdict = (enum session_verdict)message->verdict;
}

static void dispatch(struct session *session, struct effects *effects,
                     const struct message *message)
{
    switch (message->kind) {
    case MESSAGE_SESSION_KNOWN:
        on_known(session, effects, &message->session_known);
        break;
    case MESSAGE_SESSION_PORTION:
        session_take_portion(session, effects, &message->session_portion);
        break;
    case MESSAGE_SESSION_TAKEN:
        session_send_on_taken(session, effects, message->session_taken.number);
        break;
    case MESSAGE_SESSION_CLOSE:
        session_take_close(session, effects, &message->session_close);
        break;
    case MESSAGE_SESSION_END:
        on_end(session, effects, &message->session_end);
        break;
    case MESSAGE_AUDIT_GROUPS:
        session_audit_on_groups(session, effects, &message->audit_groups);
        break;
    case MESSAGE_AUDIT_SLOTS:
        session_audit_on_slots(session, effects, &message->audit_slots);
        break;
    case MESSAGE_AUDIT_LIST:
        session_audit_on_list(session, effects, &message->audit_list);
        break;
    case MESSAGE_AUDIT_VERDICT:
        session_audit_on_verdict(session, effects, &message->audit_verdict);
        break;
    default:
        session_break(session, effects, SESSION_BROKEN, true);
        break;
    }
}

void session_on_message(struct session *session, struct effects *effects, uint64_t now_us,
                        const struct message *message, struct stamp stability)
{
    bool first = message->kind == MESSAGE_SESSION_KNOWN || message->kind == MESSAGE_SESSION_END;
    if (session->over)
        return;
    session->touched_us = now_us;
    session->stability = stability;
    if (session->space->forgetting)
        session_break(session, effects, SESSION_AGAIN, true);
    else if (!session->known_seen && !first)
        session_break(session, effects, SESSION_BROKEN, true);
    else
        dispatch(session, effects, message);
    session_pump(session, effects, now_us);
}

void session_on_durable(struct session *session, struct effects *effects, uint64_t token)
{
    struct session_in *in = &session->in;
    uint32_t left = 0;
    for (uint32_t i = 0; i < in->unanswered_count; i++) {
        if (in->unanswered[i].token > token || session->over) {
            in->unanswered[left++] = in->unanswered[i];
            continue;
        }
        struct message message = {.kind = MESSAGE_SESSION_TAKEN,
                                  .session_taken = {.space = session->space->id,
                                                    .session = session->id,
                                                    .number = in->unanswered[i].number}};
        session_send(session, effects, &message);
    }
    in->unanswered_count = left;
    send_end_if_durable(session, effects, token);
}

void session_pump(struct session *session, struct effects *effects, uint64_t now_us)
{
    if (session->over)
        return;
    if (session->space->forgetting || now_us >= session->touched_us + SESSION_IDLE_US) {
        session_break(session, effects, SESSION_BROKEN, true);
        return;
    }
    session_audit_pump(session, effects);
    session_send_pump(session, effects);
    if (!session->over && session->out.state == OUT_ENDED && session->in.end_sent) {
        session->over = true;
        session_audit_release(session);
    }
}

void session_invariants(const struct session *session)
{
    const struct session_out *out = &session->out;
    CHECK(out->answered <= out->number && out->number - out->answered <= SESSION_WINDOW);
    CHECK(session->in.unanswered_count <= SESSION_WINDOW);
    CHECK(out->wanted_next <= out->wanted.count && out->wanted.count <= SESSION_WANTED_MAX);
    CHECK(session->audit.drops.count <= SESSION_DROPS_MAX);
    CHECK(session->over || session->known_seen || out->state == OUT_WAITS ||
          session->verdict == SESSION_EQUAL);
    CHECK(session->over || session->audit.stage == AUDIT_WAITS ||
          session->space->watched == &session->in.horizon);
    knowledge_invariants(&out->given);
    knowledge_invariants(&out->given_strays);
}
