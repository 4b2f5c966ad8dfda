#include "core/epidemic/session_parts.h"

#include "base/check.h"

#include <stdlib.h>

void session_send_begin(struct session *session)
{
    knowledge_copy(&session->out.target, &session->in.known);
    session->out.state = OUT_SENDS;
}

void session_send_resume(struct session *session)
{
    if (session->out.state == OUT_DRAINED)
        session->out.state = OUT_SENDS;
    session->out.pass = PASS_ALL;
}

void session_send_wanted(struct session *session, const struct space_item *items, uint32_t count)
{
    struct session_out *out = &session->out;
    if (count == 0)
        return;
    out->wanted =
        memory_resize(out->wanted, (size_t)(out->wanted_count + count) * sizeof *out->wanted);
    memcpy(out->wanted + out->wanted_count, items, count * sizeof *items);
    out->wanted_count += count;
}

static void send_portion(struct session *session, struct effects *effects, bool last, bool audit)
{
    struct message message = {.kind = MESSAGE_SESSION_PORTION,
                              .session_portion = {.space = session->space->id,
                                                  .session = session->id,
                                                  .number = ++session->out.number,
                                                  .last = last,
                                                  .audit = audit,
                                                  .operations = buf_slice(&session->scratch)}};
    session->out.unanswered++;
    session_send(session, effects, &message);
}

// One walk over what the receiver lacks.
struct pass {
    struct session *session;
    struct buf *portion;
    bool full;   // the portion took no more: the walk ended early
    bool failed; // past the bounds of knowledge
    struct dot at;
};

static bool is_of_pass(const struct session_out *out, enum operation_form form)
{
    return out->pass == PASS_ALL || (out->pass == PASS_VALUES && form == OPERATION_PUT) ||
           (out->pass == PASS_CERTIFICATES && form == OPERATION_DELETE) ||
           (out->pass == PASS_BARE && form == OPERATION_BARE);
}

static bool add_operation(void *context, const struct operation *operation,
                          enum operation_form form, uint64_t id_head)
{
    struct pass *pass = context;
    (void)id_head;
    if (!is_of_pass(&pass->session->out, form))
        return true;
    size_t expected = OPERATION_HEADER_BYTES_MAX + operation->value.length;
    if (pass->portion->length > 0 && pass->portion->length + expected > SESSION_PORTION_BYTES) {
        pass->full = true;
        pass->at = operation->dot;
        return false;
    }
    operation_encode(pass->portion, operation, form);
    pass->session->operations_sent++;
    pass->failed |= knowledge_add(&pass->session->out.target, operation->dot) != ERR_OK;
    return !pass->failed;
}

static void walk(struct pass *pass, const struct knowledge *missing)
{
    struct session_out *out = &pass->session->out;
    bool from_start = out->pass == PASS_ALL;
    for (uint32_t i = 0; i < missing->count && !pass->full && !pass->failed; i++) {
        const struct intervals *intervals = &missing->origins[i];
        // A difference that does not fit is cut short, and nothing may be closed on that.
        pass->failed |= intervals->count == KNOWLEDGE_INTERVALS_MAX;
        if (!from_start && intervals->origin < out->cursor.origin)
            continue;
        for (uint32_t j = 0; j < intervals->count && !pass->full && !pass->failed; j++) {
            struct interval interval = intervals->list[j];
            bool same_origin = intervals->origin == out->cursor.origin;
            if (!from_start && same_origin && interval.last < out->cursor.sequence)
                continue;
            if (!from_start && same_origin && interval.first < out->cursor.sequence)
                interval.first = out->cursor.sequence;
            enum err error = space_walk_origin(pass->session->space, intervals->origin, interval,
                                               add_operation, pass);
            pass->failed |= error != ERR_OK;
        }
    }
}

// What the receiver lacks of what has a header here: known dots, and those of bare headers that are
// not known. Fills the portion; true when a whole pass over everything found nothing that did not
// fit, so that the close may follow at once.
static bool fill(struct session *session, bool *out_failed)
{
    struct session_out *out = &session->out;
    struct knowledge candidates = {0};
    struct knowledge missing = {0};
    struct pass pass = {.session = session, .portion = &session->scratch};
    buf_clear(&session->scratch);
    knowledge_copy(&candidates, &session->space->known);
    pass.failed = knowledge_merge(&candidates, &session->space->strays) != ERR_OK;
    for (bool more = !pass.failed; more;) {
        bool last_pass = out->pass == PASS_ALL;
        knowledge_missing(&candidates, &out->target, &missing);
        walk(&pass, &missing);
        out->cursor = pass.full ? pass.at : (struct dot){0};
        more = !pass.full && !pass.failed && !last_pass;
        if (more)
            out->pass++;
    }
    knowledge_release(&candidates);
    knowledge_release(&missing);
    *out_failed = pass.failed || session->scratch.overflown;
    return !pass.full;
}

// What was learned since the other was told.
static void send_close(struct session *session, struct effects *effects)
{
    const struct space *space = session->space;
    struct knowledge learned = {0};
    knowledge_missing(&space->known, &session->told_known, &learned);
    buf_clear(&session->scratch);
    knowledge_encode(&session->scratch, &learned);
    knowledge_release(&learned);
    struct hash128 horizon = session_horizon_hash(session);
    bool moved =
        horizon.high != session->told_horizon.high || horizon.low != session->told_horizon.low;
    struct message message = {.kind = MESSAGE_SESSION_CLOSE,
                              .session_close = {.space = space->id,
                                                .session = session->id,
                                                .number = session->out.number,
                                                .claims = !space->damaged && !moved,
                                                .learned = buf_slice(&session->scratch)}};
    session->out.state = OUT_CLOSED;
    session->offered_next = space->next;
    session_send(session, effects, &message);
}

// What the other asked for, as long as it is there.
static bool send_some_wanted(struct session *session, struct effects *effects)
{
    struct session_out *out = &session->out;
    if (out->wanted_next == out->wanted_count)
        return false;
    buf_clear(&session->scratch);
    while (out->wanted_next < out->wanted_count &&
           session->scratch.length < SESSION_PORTION_BYTES / 2) {
        const struct space_item *item = &out->wanted[out->wanted_next++];
        struct operation operation;
        enum operation_form form;
        if (space_find(session->space, item->dot, item->id_head, &operation, &form) != ERR_OK)
            continue;
        operation_encode(&session->scratch, &operation, form);
        session->operations_sent++;
    }
    if (session->scratch.length > 0)
        send_portion(session, effects, false, true);
    return true;
}

static bool send_some(struct session *session, struct effects *effects)
{
    struct session_out *out = &session->out;
    bool failed = false;
    if (send_some_wanted(session, effects))
        return true;
    bool complete = fill(session, &failed);
    if (failed) {
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
    struct session_out *out = &session->out;
    bool more = true;
    while (more && !session->over && out->unanswered < SESSION_WINDOW &&
           session->world->allowance_bytes > 0 && !effects_over_budget(effects)) {
        bool wanted = out->wanted_next < out->wanted_count;
        if (out->state == OUT_DRAINED && wanted)
            more = send_some_wanted(session, effects);
        else if (out->state == OUT_SENDS)
            more = send_some(session, effects);
        else
            more = false;
    }
}

void session_send_on_taken(struct session *session, struct effects *effects, uint64_t number)
{
    if (session->out.unanswered == 0 || number == 0 || number > session->out.number) {
        session_break(session, effects, SESSION_BROKEN, true);
        return;
    }
    session->out.unanswered--;
}
