#include "core/epidemic/session_parts.h"

#include "base/check.h"
#include "base/rule.h"

#include <stdlib.h>

void session_send_begin(struct session *session)
{
    knowledge_copy(&session->out.given, &session->in.known);
    session->out.state = OUT_SENDS;
}

void session_send_resume(struct session *session)
{
    if (session->out.state == OUT_DRAINED)
        session->out.state = OUT_SENDS;
}

// --- portions

static void send_portion(struct session *session, struct effects *effects, bool last, bool audit)
{
    struct session_out *out = &session->out;
    struct slice operations = buf_slice(&session->scratch);
    struct message message = {.kind = MESSAGE_SESSION_PORTION,
                              .session_portion = {.space = session->space->id,
                                                  .session = session->id,
                                                  .number = ++out->number,
                                                  .last = last,
                                                  .audit = audit,
                                                  .operations = operations}};
    out->sizes[out->number % SESSION_WINDOW] = operations.length;
    out->unanswered_bytes += operations.length;
    session_send(session, effects, &message);
}

static bool has_room(const struct session *session, const struct effects *effects)
{
    const struct session_out *out = &session->out;
    return out->number - out->answered < SESSION_WINDOW &&
           out->unanswered_bytes < SESSION_WINDOW_BYTES && session->world->allowance_bytes > 0 &&
           !effects_over_budget(effects);
}

// An answer stands for all portions up to its own.
void session_send_on_taken(struct session *session, struct effects *effects, uint64_t number)
{
    struct session_out *out = &session->out;
    if (number == 0 || number > out->number) {
        session_break(session, effects, SESSION_BROKEN, true);
        return;
    }
    for (; out->answered < number; out->answered++)
        out->unanswered_bytes -= out->sizes[(out->answered + 1) % SESSION_WINDOW];
}

// --- rounds

// A difference that does not fit in a set was cut short.
static bool is_cut(const struct knowledge *missing)
{
    for (uint32_t i = 0; i < missing->count; i++)
        if (missing->origins[i].count == KNOWLEDGE_INTERVALS_MAX)
            return true;
    return false;
}

static void begin_round(struct session *session)
{
    const struct space *space = session->space;
    const struct session_out *out = &session->out;
    struct session_round *round = &session->out.round;
    knowledge_missing(&space->known, &out->given, &round->known);
    knowledge_missing(&space->strays, &out->given, &round->strays);
    knowledge_missing(&round->strays, &out->given_strays, &round->strays);
    round->is_cut = is_cut(&round->known) || is_cut(&round->strays);
    round->pass = PASS_VALUES;
    round->cursor = (struct dot){0};
    round->begun = true;
}

// What a round has brought need not come again: a header whose dot was known does not get back a
// value that it had lost (but for an audit: see `restored`), and one that comes later has a later
// dot. A stray that becomes known, its value here, is another round's.
static enum err end_round(struct session *session)
{
    struct session_out *out = &session->out;
    enum err error = knowledge_merge(&out->given, &out->round.known);
    if (error == ERR_OK)
        error = knowledge_merge(&out->given_strays, &out->round.strays);
    knowledge_clear(&out->round.known);
    knowledge_clear(&out->round.strays);
    out->round.begun = false;
    return error;
}

struct pass {
    struct session *session;
    enum operation_form form;
    bool is_full; // the portion took no more: the walk ended early
};

static bool add_operation(void *context, const struct operation *operation,
                          enum operation_form form, uint64_t id_head)
{
    struct pass *pass = context;
    struct buf *portion = &pass->session->scratch;
    (void)id_head;
    if (form != pass->form)
        return true;
    size_t expected = OPERATION_HEADER_BYTES_MAX + operation->value.length;
    if (portion->length > 0 && portion->length + expected > SESSION_PORTION_BYTES) {
        pass->is_full = true;
        pass->session->out.round.cursor = operation->dot;
        return false;
    }
    operation_encode(portion, operation, form);
    pass->session->operations_sent++;
    return true;
}

// Walks what the round has of one origin, from the cursor on.
static enum err walk_origin(struct pass *pass, const struct intervals *intervals)
{
    struct dot cursor = pass->session->out.round.cursor;
    bool is_at_cursor = intervals->origin == cursor.origin;
    enum err error = ERR_OK;
    for (uint32_t i = 0; i < intervals->count && error == ERR_OK && !pass->is_full; i++) {
        struct interval interval = intervals->list[i];
        if (is_at_cursor && interval.last < cursor.sequence)
            continue;
        if (is_at_cursor && interval.first < cursor.sequence)
            interval.first = cursor.sequence;
        error = space_walk_origin(pass->session->space, intervals->origin, interval, add_operation,
                                  pass);
    }
    return error;
}

static enum err walk_pass(struct pass *pass, const struct knowledge *what)
{
    uint64_t first = pass->session->out.round.cursor.origin;
    enum err error = ERR_OK;
    for (uint32_t i = 0; i < what->count && error == ERR_OK && !pass->is_full; i++)
        if (what->origins[i].origin >= first)
            error = walk_origin(pass, &what->origins[i]);
    return error;
}

// Goes on with the round; `out_full`: the portion is full before its end.
static enum err walk_round(struct session *session, bool *out_full)
{
    static const enum operation_form forms[PASS_COUNT] = {OPERATION_PUT, OPERATION_DELETE,
                                                          OPERATION_BARE, OPERATION_BARE};
    struct session_round *round = &session->out.round;
    enum err error = ERR_OK;
    *out_full = false;
    while (round->pass < PASS_COUNT && error == ERR_OK) {
        struct pass pass = {.session = session, .form = forms[round->pass]};
        error = walk_pass(&pass, round->pass == PASS_STRAYS ? &round->strays : &round->known);
        *out_full = pass.is_full;
        if (pass.is_full)
            break;
        round->pass++;
        round->cursor = (struct dot){0};
    }
    return error;
}

// Fills a portion with what the receiver lacks. `out_complete`: the last round began and ended
// here, so that with this portion it has been given all that has a header now.
static enum err fill(struct session *session, bool *out_complete)
{
    struct session_round *round = &session->out.round;
    bool is_full = false;
    enum err error = ERR_OK;
    *out_complete = false;
    buf_clear(&session->scratch);
    while (error == ERR_OK && !is_full && !*out_complete) {
        bool is_fresh = !round->begun;
        if (is_fresh)
            begin_round(session);
        error = walk_round(session, &is_full);
        if (error != ERR_OK || is_full)
            break;
        *out_complete = is_fresh && !round->is_cut;
        error = end_round(session);
    }
    return error == ERR_OK && session->scratch.overflown ? ERR_TOO_LARGE : error;
}

// --- the close

// R11, and R17. What was dropped here under a horizon that the other neither knew at the beginning
// nor was told, nobody has sent it; nor, perhaps, what an audit gave back to this peer meanwhile.
static bool may_claim(const struct session *session)
{
    bool whole = session_horizon_is_known(session) || !RULE(BEHIND) ||
                 (session->reconciles && !session_horizon_moved(session, session->told_horizon));
    return whole && !session->space->damaged && session->restored == session->world->restored;
}

// What was learned since the other was told. Only a space that was forgotten knows less.
static void send_close(struct session *session, struct effects *effects)
{
    const struct space *space = session->space;
    struct knowledge learned = {0};
    knowledge_missing(&space->known, &session->told_known, &learned);
    buf_clear(&session->scratch);
    knowledge_encode(&session->scratch, &learned);
    knowledge_release(&learned);
    if (session->scratch.overflown || !knowledge_contains(&space->known, &session->told_known)) {
        session_break(session, effects, SESSION_BROKEN, true);
        return;
    }
    struct message message = {.kind = MESSAGE_SESSION_CLOSE,
                              .session_close = {.space = space->id,
                                                .session = session->id,
                                                .number = session->out.number,
                                                .claims = may_claim(session),
                                                .learned = buf_slice(&session->scratch)}};
    session->out.state = OUT_CLOSED;
    session->offered_next = space->next;
    session_send(session, effects, &message);
}

// --- what the other asked for

bool session_send_wanted(struct session *session, const struct space_item *item)
{
    struct session_out *out = &session->out;
    return out->state == OUT_CLOSED || out->state == OUT_ENDED ||
           session_items_add(&out->wanted, item, SESSION_WANTED_MAX);
}

bool session_send_has_wanted(const struct session *session)
{
    return session->out.wanted_next < session->out.wanted.count || session->out.is_asked;
}

// As long as it is there.
static void send_some_wanted(struct session *session, struct effects *effects)
{
    struct session_out *out = &session->out;
    buf_clear(&session->scratch);
    while (out->wanted_next < out->wanted.count &&
           session->scratch.length < SESSION_PORTION_BYTES / 2) {
        const struct space_item *item = &out->wanted.list[out->wanted_next++];
        struct operation operation;
        enum operation_form form;
        if (space_find(session->space, item->dot, item->id_head, &operation, &form) != ERR_OK)
            continue;
        operation_encode(&session->scratch, &operation, form);
        session->operations_sent++;
    }
    bool is_last = out->wanted_next == out->wanted.count && out->is_asked;
    if (session->scratch.length > 0 || is_last)
        send_portion(session, effects, is_last, true);
    if (out->wanted_next == out->wanted.count) {
        out->wanted.count = out->wanted_next = 0;
        out->is_asked = false;
    }
}

// --- all of it

// False when there is nothing more to send for now.
static bool send_some(struct session *session, struct effects *effects)
{
    struct session_out *out = &session->out;
    bool complete = false;
    if (session_send_has_wanted(session)) {
        send_some_wanted(session, effects);
        return true;
    }
    if (out->state != OUT_SENDS)
        return false;
    if (fill(session, &complete) != ERR_OK) {
        session_break(session, effects, SESSION_BROKEN, true);
        return false;
    }
    bool drains = complete && session->reconciles && !session->audit.done;
    if (session->scratch.length > 0 || drains)
        send_portion(session, effects, drains, false);
    if (drains)
        out->state = OUT_DRAINED;
    else if (complete)
        send_close(session, effects);
    return !complete;
}

void session_send_pump(struct session *session, struct effects *effects)
{
    bool is_open = session->out.state == OUT_SENDS || session->out.state == OUT_DRAINED;
    while (is_open && !session->over && has_room(session, effects))
        is_open = send_some(session, effects);
}
