#include "core/epidemic/session_parts.h"

#include "base/check.h"
#include "base/rule.h"

#include <stdlib.h>

enum { SUMMARY_BYTES = 40 };

static struct session *session_new(struct space *space, struct session_world *world, uint64_t peer,
                                   uint64_t id, uint64_t salt)
{
    struct session *session = memory_zeroed(1, sizeof *session);
    list_init(&session->link);
    session->space = space;
    session->world = world;
    session->peer = peer;
    session->id = id;
    session->salt = salt;
    session->verdict = SESSION_BROKEN;
    buf_init(&session->scratch, MESSAGE_BYTES_MAX);
    return session;
}

void session_free(struct session *session)
{
    if (session == NULL)
        return;
    session_audit_release(session);
    knowledge_release(&session->told_known);
    knowledge_release(&session->out.target);
    knowledge_release(&session->in.known);
    knowledge_release(&session->in.horizon);
    free(session->out.wanted);
    buf_release(&session->scratch);
    free(session);
}

void session_send(struct session *session, struct effects *effects, struct message *message)
{
    size_t before = effects->bytes.length;
    effects_send(effects, session->peer, 0, message);
    size_t bytes = effects->bytes.length - before;
    session->world->allowance_bytes -= (int64_t)bytes;
    if (message->kind == MESSAGE_SESSION_PORTION)
        session->sent_bytes += message->session_portion.operations.length;
    else
        session->control_bytes += bytes;
}

struct hash128 session_horizon_hash(const struct session *session)
{
    return knowledge_hash(&session->space->horizon, session->salt);
}

static void summary_put(struct buf *out, const struct space_summary *summary)
{
    buf_append_u64_be(out, summary->known.high);
    buf_append_u64_be(out, summary->known.low);
    buf_append_u64_be(out, summary->horizon.high);
    buf_append_u64_be(out, summary->horizon.low);
    buf_append_u64_be(out, summary->live);
}

static void send_end(struct effects *effects, uint64_t peer, uint64_t space, uint64_t id,
                     enum session_verdict verdict, struct stamp stability)
{
    struct message message = {
        .kind = MESSAGE_SESSION_END,
        .session_end = {.space = space, .session = id, .verdict = verdict, .stability = stability}};
    effects_send(effects, peer, 0, &message);
}

void session_disown(struct effects *effects, uint64_t peer, uint64_t space, uint64_t id)
{
    send_end(effects, peer, space, id, SESSION_BROKEN, (struct stamp){0});
}

void session_break(struct session *session, struct effects *effects, enum session_verdict verdict,
                   bool tell)
{
    session->over = true;
    session->verdict = verdict;
    session_audit_release(session);
    if (tell)
        session_disown(effects, session->peer, session->space->id, session->id);
}

struct session *session_open(struct space *space, struct session_world *world, uint64_t peer,
                             uint64_t id, uint64_t salt, bool audit, struct stamp stability,
                             struct effects *effects, uint64_t now_us)
{
    struct session *session = session_new(space, world, peer, id, salt);
    struct space_summary summary;
    session->opener = true;
    session->began_us = now_us;
    session->offered_next = space->next;
    session->out_verdict = SESSION_BROKEN;
    session->wants_audit = audit;
    session->touched_us = now_us;
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
static void tell_known(struct session *session, struct effects *effects, struct stamp stability)
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
                          .stability = stability,
                          .live = digest_fold(&space->digests.total, session->salt),
                          .known = slice_of(both.bytes, known_bytes),
                          .horizon =
                              slice_of(both.bytes + known_bytes, both.length - known_bytes)}};
    session_send(session, effects, &message);
}

struct session *session_accept(struct space *space, struct session_world *world, uint64_t peer,
                               const struct message_session_open *open, struct stamp stability,
                               bool busy, struct effects *effects, uint64_t now_us)
{
    uint8_t bytes[SUMMARY_BYTES];
    struct buf own = {.bytes = bytes, .capacity = sizeof bytes, .max = sizeof bytes};
    struct space_summary summary;
    space_summarise(space, open->salt, &summary);
    summary_put(&own, &summary);
    bool equal = slice_equal(buf_slice(&own), open->summary);
    bool audit = open->audit || space->damaged;
    if (busy || (equal && !audit)) {
        send_end(effects, peer, space->id, open->session, busy ? SESSION_AGAIN : SESSION_EQUAL,
                 stability);
        return NULL;
    }
    struct session *session = session_new(space, world, peer, open->session, open->salt);
    session->wants_audit = audit;
    session->reconciles = audit;
    session->began_us = now_us;
    session->touched_us = now_us;
    session->out_verdict = SESSION_BROKEN;
    tell_known(session, effects, stability);
    return session;
}

// Whether one of the two missed what the other has dropped since (R12), or they know the same and
// have not the same.
static bool must_reconcile(const struct session *session, uint64_t other_live)
{
    const struct space *space = session->space;
    bool behind = !knowledge_contains(&space->known, &session->in.horizon) ||
                  !knowledge_contains(&session->in.known, &space->horizon);
    bool differ = knowledge_equal(&space->known, &session->in.known) &&
                  digest_fold(&space->digests.total, session->salt) != other_live;
    return session->wants_audit || space->damaged || (RULE(BEHIND) && behind) || differ;
}

static void on_known(struct session *session, struct effects *effects,
                     const struct message_session_known *message, struct stamp stability)
{
    struct cursor known = cursor_of(message->known);
    struct cursor horizon = cursor_of(message->horizon);
    if (session->known_seen) {
        session_break(session, effects, SESSION_BROKEN, true);
        return;
    }
    knowledge_decode(&known, &session->in.known);
    knowledge_decode(&horizon, &session->in.horizon);
    if (cursor_finish(&known) != ERR_OK || cursor_finish(&horizon) != ERR_OK) {
        session_break(session, effects, SESSION_BROKEN, true);
        return;
    }
    session->known_seen = true;
    space_hear(session->space, effects, &session->in.known);
    session->reconciles |= message->reconcile;
    if (session->opener) {
        session->reconciles |= must_reconcile(session, message->live);
        tell_known(session, effects, stability);
    }
    session_send_begin(session);
}

// What the other made of our close; or the end of the whole session.
static void on_end(struct session *session, struct effects *effects,
                   const struct message_session_end *message)
{
    if (message->verdict >= SESSION_BROKEN || !session->known_seen) {
        enum session_verdict verdict = message->verdict < SESSION_VERDICT_COUNT
                                           ? (enum session_verdict)message->verdict
                                           : SESSION_BROKEN;
        session_break(session, effects, verdict, false);
        return;
    }
    if (session->out.state != OUT_CLOSED) {
        session_break(session, effects, SESSION_BROKEN, true);
        return;
    }
    session->out.state = OUT_ENDED;
    session->out_verdict = (enum session_verdict)message->verdict;
}

void session_on_message(struct session *session, struct effects *effects, uint64_t now_us,
                        const struct message *message, struct stamp stability)
{
    bool first = message->kind == MESSAGE_SESSION_KNOWN || message->kind == MESSAGE_SESSION_END;
    if (session->over)
        return;
    session->touched_us = now_us;
    if (!session->known_seen && !first) {
        session_break(session, effects, SESSION_BROKEN, true);
        return;
    }
    switch (message->kind) {
    case MESSAGE_SESSION_KNOWN:
        on_known(session, effects, &message->session_known, stability);
        break;
    case MESSAGE_SESSION_PORTION:
        session_take_portion(session, effects, &message->session_portion);
        break;
    case MESSAGE_SESSION_TAKEN:
        session_send_on_taken(session, effects, message->session_taken.number);
        break;
    case MESSAGE_SESSION_CLOSE:
        session_take_close(session, effects, &message->session_close, stability);
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
    if (!session->over)
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
}

void session_pump(struct session *session, struct effects *effects, uint64_t now_us)
{
    if (session->over)
        return;
    if (now_us >= session->touched_us + SESSION_IDLE_US) {
        session_break(session, effects, SESSION_BROKEN, true);
        return;
    }
    session_audit_pump(session, effects);
    session_send_pump(session, effects);
    if (session->out.state == OUT_ENDED && session->in.ended) {
        session->over = true;
        session_audit_release(session);
    }
}

void session_invariants(const struct session *session)
{
    CHECK(session->out.unanswered <= SESSION_WINDOW);
    CHECK(session->in.unanswered_count <= SESSION_WINDOW);
    CHECK(session->out.wanted_next <= session->out.wanted_count);
    CHECK(session->over || session->out.state == OUT_WAITS || session->known_seen);
    knowledge_invariants(&session->out.target);
}
