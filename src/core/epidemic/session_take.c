#include "core/epidemic/session_parts.h"

#include "base/check.h"
#include "base/rule.h"

uint64_t session_of_message(const struct message *message)
{
    switch (message->kind) {
#define OF_SESSION(NAME, name)                                                                     \
    case MESSAGE_##NAME:                                                                           \
        return message->name.session;
        OF_SESSION(SESSION_OPEN, session_open)
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

// An operation that this peer gave up for one that the other has lost: that one is sent back (rule
// R13a). False past the bounds.
static bool answer_with_coverer(struct session *session, const struct operation *operation)
{
    struct operation coverer;
    enum operation_form form;
    if (space_find_coverer(session->space, operation->key, operation->dot, &coverer, &form) !=
        ERR_OK)
        return true;
    struct sha256 id = operation_id_of(&coverer);
    struct space_item item = {.dot = coverer.dot, .id_head = sha256_head(&id)};
    return session_send_wanted(session, &item);
}

// A header that was known here, and was lost. What other sessions have sent by now lacks it.
static void note_restored(struct session *session)
{
    session->world->restored++;
    session->restored++;
    session->audit.clean = false;
}

static bool take_operation(struct session *session, struct effects *effects, struct cursor *in,
                           bool audit)
{
    struct operation operation;
    enum operation_form form;
    struct space *space = session->space;
    operation_decode(in, space->id, &operation, &form);
    if (in->failed)
        return false;
    bool was_known = knowledge_has(&space->known, operation.dot);
    switch (space_apply(space, effects, &operation, form,
                        audit ? SPACE_FROM_AUDIT : SPACE_FROM_SESSION)) {
    case SPACE_NEWS:
        session->world->on_news(session->world->context, space, operation.dot);
        return true;
    case SPACE_STORED:
        if (was_known)
            note_restored(session);
        return true;
    case SPACE_REFUSED:
        session->in.refused = true;
        return true;
    case SPACE_BAD:
        return false;
    case SPACE_KNOWN:
        return !audit || answer_with_coverer(session, &operation);
    default:
        return true;
    }
}

// What comes in this session is not hidden from its list; what comes in another is.
static bool take_operations(struct session *session, struct effects *effects,
                            const struct message_session_portion *portion)
{
    struct space *space = session->space;
    struct cursor cursor = cursor_of(portion->operations);
    bool watches = space->watched == &session->in.horizon;
    uint64_t watched = space->watched_live;
    bool good = true;
    while (good && cursor_left(&cursor) > 0)
        good = take_operation(session, effects, &cursor, portion->audit);
    if (watches)
        space->watched_live = watched;
    return good;
}

// The last portion is that before an audit; or the last that an audit asked for.
static bool is_expected(const struct session *session,
                        const struct message_session_portion *portion)
{
    const struct session_in *in = &session->in;
    bool may_be_last = portion->audit ? session->audit.awaits : session->reconciles && !in->drained;
    return !in->ended && portion->number == in->number + 1 &&
           in->unanswered_count < SESSION_WINDOW &&
           (!portion->audit || session->audit.stage != AUDIT_WAITS) &&
           (!portion->last || may_be_last);
}

// What was asked for when it was not dead here may be by now, and would come back.
static bool is_too_late(const struct session *session,
                        const struct message_session_portion *portion)
{
    return portion->audit && portion->operations.length > 0 &&
           session_horizon_moved(session, session->audit.horizon);
}

void session_take_portion(struct session *session, struct effects *effects,
                          const struct message_session_portion *portion)
{
    struct session_in *in = &session->in;
    if (is_expected(session, portion) && is_too_late(session, portion)) {
        session_break(session, effects, SESSION_AGAIN, true);
        return;
    }
    bool good = is_expected(session, portion) && take_operations(session, effects, portion);
    if (good && !RULE(CLOSE_LAST))
        good = space_apply_close(session->space, effects, &in->known) == ERR_OK;
    if (!good) {
        session_break(session, effects, SESSION_BROKEN, true);
        return;
    }
    in->number = portion->number;
    if (portion->last && portion->audit)
        session->audit.awaits = false;
    else if (portion->last)
        in->drained = true;
    in->unanswered[in->unanswered_count].number = portion->number;
    in->unanswered[in->unanswered_count++].token = overlay_token(session->space->store, effects);
    // Nothing may have been written, and then nothing will be reported.
    session_on_durable(session, effects, session->space->store->durable);
}

// --- the close

// R11 and R13d: whether the other's knowledge may be taken over.
static enum session_verdict judge_close(const struct session *session,
                                        const struct message_session_close *close)
{
    const struct space *space = session->space;
    const struct session_audit *audit = &session->audit;
    if (session->in.refused)
        return SESSION_REFUSED;
    if (!close->claims || close->number != session->in.number)
        return SESSION_AGAIN;
    // Whoever found out meanwhile that he lacks what he knows has to be audited.
    if (space->damaged && !audit->damaged)
        return SESSION_AGAIN;
    if (!session->reconciles)
        return !RULE(BEHIND) || knowledge_contains(&space->known, &session->in.horizon)
                   ? SESSION_APPLIED
                   : SESSION_AGAIN;
    if (!audit->done || audit->awaits)
        return SESSION_BROKEN;
    return RULE(LIST_AGAIN) && space->watched_live > 0 ? SESSION_AGAIN : SESSION_APPLIED;
}

// With what is known from now on goes what is dead by it, and the horizon under which it is dead:
// without that, this peer could not tell it from what it has lost.
static enum err settle_audit(struct session *session, struct effects *effects)
{
    static const struct knowledge none;
    struct space *space = session->space;
    const struct session_items *drops = &session->audit.drops;
    for (uint32_t i = 0; i < drops->count; i++)
        space_drop(space, effects, drops->list[i].dot, drops->list[i].id_head);
    space->damaged = false;
    return space_stabilise(space, effects, &none, &session->in.horizon);
}

static enum session_verdict apply_close(struct session *session, struct effects *effects,
                                        struct slice learned_bytes)
{
    struct knowledge learned = {0};
    struct cursor cursor = cursor_of(learned_bytes);
    knowledge_decode(&cursor, &learned);
    enum err error = cursor_finish(&cursor);
    if (error == ERR_OK)
        error = knowledge_merge(&learned, &session->in.known);
    if (error == ERR_OK)
        error = space_apply_close(session->space, effects, &learned);
    if (error == ERR_OK && session->reconciles)
        error = settle_audit(session, effects);
    knowledge_release(&learned);
    return error == ERR_OK ? SESSION_APPLIED : SESSION_BROKEN;
}

void session_take_close(struct session *session, struct effects *effects,
                        const struct message_session_close *close)
{
    enum session_verdict verdict = session->in.ended ? SESSION_BROKEN : judge_close(session, close);
    if (verdict == SESSION_APPLIED)
        verdict = apply_close(session, effects, close->learned);
    if (verdict == SESSION_BROKEN)
        session_break(session, effects, SESSION_BROKEN, true);
    else
        session_conclude(session, effects, verdict);
}
