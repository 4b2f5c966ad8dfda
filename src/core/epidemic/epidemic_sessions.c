#include "core/epidemic/epidemic_parts.h"

static struct session *session_at(struct list *link)
{
    return LIST_ITEM(link, struct session, link);
}

static struct session *find_session(const struct epidemic *epidemic, uint64_t peer,
                                    const struct space *space, uint64_t id)
{
    for (struct list *at = epidemic->sessions.next; at != &epidemic->sessions; at = at->next) {
        struct session *session = session_at(at);
        if (session->id == id && session->peer == peer && session->space == space)
            return session;
    }
    return NULL;
}

static void add_session(struct epidemic *epidemic, struct session *session)
{
    list_append(&epidemic->sessions, &session->link);
    epidemic->session_count++;
}

static void remove_session(struct epidemic *epidemic, struct session *session)
{
    epidemic->counts.sessions++;
    epidemic->counts.verdicts[session->verdict]++;
    epidemic->counts.payload_bytes += session->sent_bytes;
    epidemic->counts.control_bytes += session->control_bytes;
    epidemic->counts.payloads += session->operations_sent;
    list_remove(&session->link);
    epidemic->session_count--;
    session_free(session);
}

void epidemic_sessions_leave(struct epidemic *epidemic, const struct space *space)
{
    for (struct list *at = epidemic->sessions.next, *next; at != &epidemic->sessions; at = next) {
        next = at->next;
        if (session_at(at)->space == space)
            remove_session(epidemic, session_at(at));
    }
}

static bool talks_with(const struct epidemic *epidemic, uint64_t peer, const struct space *space)
{
    for (struct list *at = epidemic->sessions.next; at != &epidemic->sessions; at = at->next)
        if (session_at(at)->peer == peer && session_at(at)->space == space)
            return true;
    return false;
}

bool epidemic_exchange(struct epidemic *epidemic, struct effects *effects, uint64_t now_us,
                       uint64_t id, uint64_t to, bool audit)
{
    struct replica *replica = epidemic_replica(epidemic, id);
    epidemic->now_us = now_us;
    struct peer *peer =
        to != 0 ? peers_find(&epidemic->peers, to) : peers_choose(&epidemic->peers, id, now_us);
    if (replica == NULL || peer == NULL || epidemic->session_count >= EPIDEMIC_SESSIONS_MAX ||
        talks_with(epidemic, peer->store_id, &replica->space))
        return false;
    peer->tried_us = now_us;
    epidemic->counts.sessions_opened++;
    add_session(epidemic, session_open(&replica->space, &epidemic->world, peer->store_id,
                                       rng_u64(&epidemic->rng), rng_u64(&epidemic->rng), audit,
                                       replica->stability_number, effects, now_us));
    return true;
}

void epidemic_session_tick(struct epidemic *epidemic, struct effects *effects,
                           struct replica *replica)
{
    if (epidemic->now_us < replica->next_session_us)
        return;
    bool audit = epidemic->now_us >= replica->next_audit_us;
    bool opened =
        epidemic_exchange(epidemic, effects, epidemic->now_us, replica->space.id, 0, audit);
    if (opened && audit)
        replica->next_audit_us = epidemic_jittered_us(epidemic, replica->setting.audit_ms);
    replica->next_session_us = epidemic_jittered_us(epidemic, replica->setting.anti_entropy_ms);
}

// What a session that is over leaves behind.
static void conclude(struct epidemic *epidemic, struct effects *effects, struct session *session)
{
    struct replica *replica = epidemic_replica(epidemic, session->space->id);
    bool applied = session->verdict == SESSION_APPLIED;
    if (applied && session->audit.done && session->audit.clean)
        replica->clean_audit_us = session->began_us;
    if (session->out_verdict == SESSION_APPLIED)
        epidemic_remember_known(replica, session->peer, &session->in.known, &session->told_known);
    else if (session->known_seen)
        epidemic_remember_known(replica, session->peer, &session->in.known, &session->in.known);
    if (session->verdict == SESSION_EQUAL || session->out_verdict == SESSION_APPLIED) {
        replica->given = true;
        replica->given_next = session->offered_next;
    }
    // Another session will do better, and soon.
    if (session->opener && session->verdict == SESSION_AGAIN) {
        uint64_t soon_us = epidemic_jittered_us(epidemic, replica->setting.anti_entropy_ms / 8);
        if (soon_us < replica->next_session_us)
            replica->next_session_us = soon_us;
    }
    remove_session(epidemic, session);
    if (applied)
        epidemic_stability_retry(epidemic, effects, replica);
}

void epidemic_sessions_pump(struct epidemic *epidemic, struct effects *effects)
{
    for (struct list *at = epidemic->sessions.next, *next; at != &epidemic->sessions; at = next) {
        struct session *session = session_at(at);
        next = at->next;
        session_pump(session, effects, epidemic->now_us);
        if (session_is_over(session))
            conclude(epidemic, effects, session);
    }
}

void epidemic_on_session_open(struct epidemic *epidemic, struct effects *effects,
                              struct replica *replica, uint64_t peer,
                              const struct message_session_open *open)
{
    if (find_session(epidemic, peer, &replica->space, open->session) != NULL)
        return; // repeated on the way
    epidemic_help_stability(epidemic, effects, replica, peer, open->stability);
    bool busy = epidemic->session_count >= EPIDEMIC_SESSIONS_MAX;
    struct session *session =
        session_accept(&replica->space, &epidemic->world, peer, open, replica->stability_number,
                       busy, effects, epidemic->now_us);
    if (session != NULL)
        add_session(epidemic, session);
}

void epidemic_on_session(struct epidemic *epidemic, struct effects *effects,
                         struct replica *replica, uint64_t peer, uint64_t id,
                         const struct message *message)
{
    struct session *session = find_session(epidemic, peer, &replica->space, id);
    if (message->kind == MESSAGE_SESSION_KNOWN)
        epidemic_help_stability(epidemic, effects, replica, peer, message->session_known.stability);
    else if (message->kind == MESSAGE_SESSION_END)
        epidemic_help_stability(epidemic, effects, replica, peer, message->session_end.stability);
    if (session == NULL) {
        if (message->kind != MESSAGE_SESSION_END)
            session_disown(effects, peer, replica->space.id, id);
        return;
    }
    session_on_message(session, effects, epidemic->now_us, message, replica->stability_number);
    if (session_is_over(session))
        conclude(epidemic, effects, session);
}
