#include "core/epidemic/session_parts.h"

#include "base/rule.h"

// An operation that this peer has lost, or gave up for one that the other does not have: that one
// is sent back.
static void answer_with_coverer(struct session *session, const struct operation *operation)
{
    struct operation coverer;
    enum operation_form form;
    if (space_find_coverer(session->space, operation->key, operation->dot, &coverer, &form) !=
        ERR_OK)
        return;
    struct sha256 id = operation_id_of(&coverer);
    struct space_item item = {.dot = coverer.dot, .id_head = sha256_head(&id)};
    session_send_wanted(session, &item, 1);
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
    switch (space_apply(space, effects, &operation, form,
                        audit ? SPACE_FROM_AUDIT : SPACE_FROM_SESSION)) {
    case SPACE_NEWS:
        session->world->on_news(session->world->context, space, operation.dot);
        return true;
    case SPACE_REFUSED:
        session->in.refused = true;
        return true;
    case SPACE_BAD:
        return false;
    case SPACE_KNOWN:
        if (audit)
            answer_with_coverer(session, &operation);
        return true;
    default:
        return true;
    }
}

void session_take_portion(struct session *session, struct effects *effects,
                          const struct message_session_portion *portion)
{
    struct session_in *in = &session->in;
    struct cursor cursor = cursor_of(portion->operations);
    bool good =
        !in->ended && portion->number == in->number + 1 && in->unanswered_count < SESSION_WINDOW;
    uint64_t watched = session->space->watched_live;
    while (good && cursor_left(&cursor) > 0)
        good = take_operation(session, effects, &cursor, portion->audit);
    // What came in this session was not hidden from the list.
    session->space->watched_live = watched;
    if (!good) {
        session_break(session, effects, SESSION_BROKEN, true);
        return;
    }
    in->number = portion->number;
    in->drained |= portion->last;
    if (!RULE(CLOSE_LAST))
        good = space_apply_close(session->space, effects, &in->known) == ERR_OK;
    in->unanswered[in->unanswered_count].number = portion->number;
    in->unanswered[in->unanswered_count++].token = overlay_token(session->space->store, effects);
    // Nothing may have been written, and then nothing will be reported.
    session_on_durable(session, effects, session->space->store->durable);
}

// R11 and R13d: whether the other's knowledge may be taken over.
static enum session_verdict judge_close(const struct session *session,
                                        const struct message_session_close *close)
{
    const struct space *space = session->space;
    if (session->in.refused)
        return SESSION_REFUSED;
    if (!close->claims || close->number != session->in.number)
        return SESSION_AGAIN;
    if (!session->reconciles)
        return !RULE(BEHIND) || knowledge_contains(&space->known, &session->in.horizon)
                   ? SESSION_APPLIED
                   : SESSION_AGAIN;
    if (!session->audit.done)
        return SESSION_BROKEN;
    return RULE(LIST_AGAIN) && space->watched_live > 0 ? SESSION_AGAIN : SESSION_APPLIED;
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
    if (error == ERR_OK) {
        space_hear(session->space, effects, &learned);
        error = space_apply_close(session->space, effects, &learned);
    }
    knowledge_release(&learned);
    return error == ERR_OK ? SESSION_APPLIED : SESSION_BROKEN;
}

void session_take_close(struct session *session, struct effects *effects,
                        const struct message_session_close *close, struct stamp stability)
{
    enum session_verdict verdict = session->in.ended ? SESSION_BROKEN : judge_close(session, close);
    if (verdict == SESSION_APPLIED)
        verdict = apply_close(session, effects, close->learned);
    if (verdict == SESSION_BROKEN) {
        session_break(session, effects, SESSION_BROKEN, true);
        return;
    }
    if (verdict == SESSION_APPLIED && session->reconciles)
        session->space->damaged = false;
    session->in.ended = true;
    session->verdict = verdict;
    struct message message = {.kind = MESSAGE_SESSION_END,
                              .session_end = {.space = session->space->id,
                                              .session = session->id,
                                              .verdict = verdict,
                                              .stability = stability}};
    session_send(session, effects, &message);
}
