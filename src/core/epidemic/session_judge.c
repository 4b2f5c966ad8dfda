// What becomes of a live version that only one of the two has (rule R13). Of such a version v of r,
// the other, s, says:
//
//   its dot is not known to s            nothing: r's portions bring it
//   under s's horizon as it is now,      drop: s has dropped what covered it
//     which r did not know when it
//     listed
//   otherwise                            want: s has lost it, and takes it; or r has lost what
//                                        covers it, and s sends that
#include "core/epidemic/session_parts.h"

#include "base/check.h"
#include "base/rule.h"

#include <stdlib.h>

// --- items

void session_item_put(struct buf *out, const struct space_item *item)
{
    buf_append_u64_be(out, item->dot.origin);
    buf_append_varint(out, item->dot.sequence);
    buf_append_u64_be(out, item->id_head);
}

bool session_item_next(struct cursor *in, struct space_item *out)
{
    if (cursor_left(in) == 0)
        return false;
    *out = (struct space_item){.dot.origin = cursor_u64_be(in)};
    out->dot.sequence = cursor_varint_max(in, KNOWLEDGE_SEQUENCE_MAX);
    out->id_head = cursor_u64_be(in);
    if (out->dot.origin == 0 || out->dot.sequence == 0)
        in->failed = true;
    return !in->failed;
}

bool session_items_add(struct session_items *items, const struct space_item *item, uint32_t most)
{
    if (items->count >= most)
        return false;
    if (items->count == items->capacity) {
        items->capacity = items->capacity > 0 ? 2 * items->capacity : 16;
        items->list = memory_resize(items->list, items->capacity * sizeof *items->list);
    }
    items->list[items->count] = *item;
    items->list[items->count++].key = slice_of(NULL, 0);
    return true;
}

void session_items_release(struct session_items *items)
{
    free(items->list);
    *items = (struct session_items){0};
}

// --- judging

void session_judgement_init(struct session_judgement *judgement, struct session *session,
                            bool knows_horizon)
{
    *judgement =
        (struct session_judgement){.session = session, .others_horizon_known = knows_horizon};
    buf_init(&judgement->drop, MESSAGE_BYTES_MAX / 4);
    buf_init(&judgement->want, MESSAGE_BYTES_MAX / 4);
}

void session_judgement_release(struct session_judgement *judgement)
{
    buf_release(&judgement->drop);
    buf_release(&judgement->want);
}

// Whether it is dead, and the other could not know. The other said whether it knew the horizon that
// it was told of; of another one, only what it knew at the beginning says something.
static bool is_dead(struct session_judgement *judgement, const struct space_item *item)
{
    const struct session *session = judgement->session;
    const struct space *space = session->space;
    if (!RULE(DROP_UNDER_HORIZON) || space->damaged || !knowledge_has(&space->horizon, item->dot) ||
        session_horizon_is_known(session))
        return false;
    judgement->is_unclear |= session_horizon_moved(session, session->told_horizon);
    return !judgement->others_horizon_known;
}

void session_judge(struct session_judgement *judgement, const struct space_item *item)
{
    if (!knowledge_has(&judgement->session->space->known, item->dot))
        return;
    session_item_put(is_dead(judgement, item) ? &judgement->drop : &judgement->want, item);
}
