#include "core/epidemic/epidemic_parts.h"

enum {
    // So long a session that nobody answered keeps its place when others need one.
    UNANSWERED_US = 3 * 1000 * 1000,
    PAUSE_MS = 500, // before somebody is tried again, when nothing may be sent
    // An audit that does not come to its end, as when the other is away, is tried again after such
    // a part of the time between two.
    AUDIT_TRIES = 16,
    AGAIN_SOONER = 8,
};

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

static bool is_unanswered(const struct session *session)
{
    return session->opener && !session->known_seen;
}

static bool makes_room(const struct epidemic *epidemic, const struct session *session)
{
    return is_unanswered(session) && epidemic->now_us >= session->began_us + UNANSWERED_US;
}

// Whether there is room for one more. Of those that were never answered the oldest makes room: who
// is away holds up nobody for long.
static bool make_room(struct epidemic *epidemic)
{
    if (epidemic->session_count < EPIDEMIC_SESSIONS_MAX)
        return true;
    for (struct list *at = epidemic->sessions.next; at != &epidemic->sessions; at = at->next) {
        if (makes_room(epidemic, session_at(at))) {
            remove_session(epidemic, session_at(at));
            return true;
        }
    }
    return false;
}

static bool talks_with(struct epidemic *epidemic, uint64_t peer, const struct space *space)
{
    bool talks = false;
    for (struct list *at = epidemic->sessions.next, *next; at != &epidemic->sessions; at = next) {
        struct session *session = session_at(at);
        next = at->next;
        if (session->peer != peer || session->space != space)
            continue;
        if (makes_room(epidemic, session))
            remove_session(epidemic, session);
        else
            talks = true;
    }
    return talks;
}

void epidemic_sessions_give_up(struct epidemic *epidemic, uint64_t peer)
{
    for (struct list *at = epidemic->sessions.next, *next; at != &epidemic->sessions; at = next) {
        next = at->next;
        if (session_at(at)->peer == peer && is_unanswered(session_at(at)))
            remove_session(epidemic, session_at(at));
    }
}

enum err epidemic_open_session(struct epidemic *epidemic, struct effects *effects,
                               struct replica *replica, uint64_t to, bool audit)
{
    uint64_t now_us = epidemic->now_us;
    struct peer *peer = to != 0 ? peers_find(&epidemic->peers, to)
                                : peers_choose(&epidemic->peers, replica->space.id, now_us);
    if (peer == NULL)
        return to != 0 ? ERR_NOT_FOUND : ERR_UNAVAILABLE;
    if (talks_with(epidemic, peer->store_id, &replica->space))
        return ERR_EXISTS;
    if (!make_room(epidemic))
        return ERR_BUSY;
    struct session *session =
        session_open(&replica->space, &epidemic->world, peer->store_id, rng_u64(&epidemic->rng),
                     rng_u64(&epidemic->rng), audit, replica->stability_number, effects, now_us);
    // The summary tells it.
    knowledge_copy(&session->told_known, &replica->space.known);
    add_session(epidemic, session);
    epidemic->counts.sessions_opened++;
    peer->tried_us = now_us;
    return ERR_OK;
}

bool epidemic_exchange(struct epidemic *epidemic, struct effects *effects, uint64_t now_us,
                       uint64_t id, uint64_t to, bool audit)
{
    struct replica *replica = epidemic_replica(epidemic, id);
    epidemic->now_us = now_us;
    return replica != NULL &&
           epidemic_open_session(epidemic, effects, replica, to, audit) == ERR_OK;
}

void epidemic_session_tick(struct epidemic *epidemic, struct effects *effects,
                           struct replica *replica)
{
    if (epidemic->now_us < replica->next_session_us)
        return;
    if (epidemic->world.allowance_bytes <= 0) {
        replica->next_session_us = epidemic_jittered_us(epidemic, PAUSE_MS);
        return;
    }
    bool audit = epidemic->now_us >= replica->next_audit_us;
    enum err error = epidemic_open_session(epidemic, effects, replica, 0, audit);
    if (error == ERR_OK && audit)
        replica->next_audit_us =
            epidemic_jittered_us(epidemic, replica->setting.audit_ms / AUDIT_TRIES);
    replica->next_session_us = epidemic_jittered_us(epidemic, replica->setting.anti_entropy_ms);
}

// What the other is known to know now.
static void note_other(struct replica *replica, const struct session *session)
{
    const struct knowledge *told = &session->told_known;
    bool is_alike = session->opener && session->verdict == SESSION_EQUAL;
    if (session->known_seen)
        epidemic_remember_known(replica, session->peer, &session->in.known);
    if (!is_alike && session->out_verdict != SESSION_APPLIED)
        return;
    epidemic_remember_known(replica, session->peer, told);
    // All that was written here, up to what the session offered; and it has that for sure.
    replica->given = true;
    replica->given_origin = replica->space.origin;
    replica->given_next = session->offered_next;
}

// What a session that is over leaves behind.
static void conclude(struct epidemic *epidemic, struct effects *effects, struct session *session)
{
    struct replica *replica = epidemic_replica(epidemic, session->space->id);
    bool applied = session->verdict == SESSION_APPLIED;
    if (applied && session->audit.done) {
        replica->next_audit_us = epidemic_jittered_us(epidemic, replica->setting.audit_ms);
        if (session->audit.clean)
            replica->clean_audit_us = session->began_us;
    }
    note_other(replica, session);
    // Another session will do better, and soon.
    if (session->opener && session->verdict == SESSION_AGAIN) {
        uint64_t soon_ms = replica->setting.anti_entropy_ms / AGAIN_SOONER;
        uint64_t soon_us = epidemic_jittered_us(epidemic, soon_ms);
        if (soon_us < replica->next_session_us)
            replica->next_session_us = soon_us;
        epidemic_wake_for(epidemic, replica);
    }
    remove_session(epidemic, session);
    if (applied)
        epidemic_stability_retry(effects, replica);
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

// Who opens a session has ended all that it opened before, whatever became of the end's message.
static void drop_earlier(struct epidemic *epidemic, uint64_t peer, const struct space *space)
{
    for (struct list *at = epidemic->sessions.next, *next; at != &epidemic->sessions; at = next) {
        struct session *session = session_at(at);
        next = at->next;
        if (session->peer == peer && session->space == space && !session->opener)
            remove_session(epidemic, session);
    }
}

void epidemic_on_session_open(struct epidemic *epidemic, struct effects *effects,
                              struct replica *replica, uint64_t peer,
                              const struct message_session_open *open)
{
    if (find_session(epidemic, peer, &replica->space, open->session) != NULL)
        return; // repeated on the way
    epidemic_help_stability(epidemic, effects, replica, peer, open->stability);
    drop_earlier(epidemic, peer, &replica->space);
    bool busy = !make_room(epidemic);
    size_t before = effects->bytes.length;
    struct session *session =
        session_accept(&replica->space, &epidemic->world, peer, open, replica->stability_number,
                       busy, effects, epidemic->now_us);
    if (session != NULL) {
        add_session(epidemic, session);
        return;
    }
    epidemic_count_control(epidemic, effects->bytes.length - before);
    if (!busy)
        epidemic_remember_known(replica, peer, &replica->space.known);
}

// A message of a session that is not known here; that somebody has ended one is no news.
static void disown(struct epidemic *epidemic, struct effects *effects, const struct space *space,
                   uint64_t peer, uint64_t id, enum message_kind kind)
{
    size_t before = effects->bytes.length;
    if (kind == MESSAGE_SESSION_END)
        return;
    session_disown(effects, peer, space->id, id);
    epidemic_count_control(epidemic, effects->bytes.length - before);
}

void epidemic_on_session(struct epidemic *epidemic, struct effects *effects,
                         struct replica *replica, uint64_t peer, uint64_t id,
                         const struct message *message)
{
    struct session *session = find_session(epidemic, peer, &replica->space, id);
    if (session == NULL) {
        disown(epidemic, effects, &replica->space, peer, id, message->kind);
        return;
    }
    if (message->kind == MESSAGE_SESSION_KNOWN)
        epidemic_help_stability(epidemic, effects, replica, peer, message->session_known.stability);
    else if (message->kind == MESSAGE_SESSION_END && message->session_end.verdict < SESSION_BROKEN)
        epidemic_help_stability(epidemic, effects, replica, peer, message->session_end.stability);
    session_on_message(session, effects, epidemic->now_us, message, replica->stability_number);
    if (session_is_over(session))
        conclude(epidemic, effects, session);
}
