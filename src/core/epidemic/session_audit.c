// Full reconciliation (rule R13). Both halves have given the other what it lacked; now everything
// that is live is compared: folds of 128 groups of slots, of the slots of groups that differ, then
// lists of the live versions of slots that differ, in portions that the opener sends and the
// responder judges.
//
// Of a live version v that only one of the two, r, has, the other, s, says:
//   its dot is not known to s        nothing: r's half brings it
//   dead under s's horizon, which r  drop: s has dropped what covered it
//     did not know when it listed
//   otherwise                        want: s is damaged, and takes it (or answers with what covers
//   it)
#include "core/epidemic/session_parts.h"

#include "base/check.h"
#include "base/rule.h"
#include "base/table.h"

#include <stdlib.h>

enum {
    FOLD_BYTES = 8,
    GROUP_BYTES = 1 + DIGEST_GROUP_SLOTS * FOLD_BYTES,
    SLOT_BYTES = 2,
    ITEM_BYTES_MIN = 8 + 1 + 8
};

void session_audit_release(struct session *session)
{
    if (session->space->watched == &session->in.horizon)
        session->space->watched = NULL;
    free(session->audit.slots);
    session->audit.slots = NULL;
    session->audit.slot_count = 0;
}

// From now on the session hears of what becomes live behind its list (R13d). One at a time.
static bool begin(struct session *session, struct effects *effects)
{
    struct space *space = session->space;
    if (session->audit.begun ||
        (space->watched != NULL && space->watched != &session->in.horizon)) {
        session_break(session, effects, SESSION_AGAIN, true);
        return false;
    }
    session->audit.begun = true;
    session->audit.clean = true;
    space->watched = &session->in.horizon;
    space->watched_live = 0;
    return true;
}

static uint64_t group_fold(const struct session *session, unsigned group)
{
    struct digest digest = space_digests_group(&session->space->digests, group);
    return digest_fold(&digest, session->salt);
}

static uint64_t slot_fold(const struct session *session, unsigned slot)
{
    struct digest digest = space_digests_slot(&session->space->digests, (uint16_t)slot);
    return digest_fold(&digest, session->salt);
}

static void end_audit(struct session *session)
{
    session->audit.done = true;
    session_send_resume(session);
}

static void item_put(struct buf *out, const struct space_item *item)
{
    buf_append_u64_be(out, item->dot.origin);
    buf_append_varint(out, item->dot.sequence);
    buf_append_u64_be(out, item->id_head);
}

static bool item_next(struct cursor *in, struct space_item *out)
{
    if (cursor_left(in) == 0)
        return false;
    *out = (struct space_item){.dot.origin = cursor_u64_be(in)};
    out->dot.sequence = cursor_varint(in);
    out->id_head = cursor_u64_be(in);
    return !in->failed;
}

// --- opener: groups, then slots

void session_audit_pump(struct session *session, struct effects *effects)
{
    if (!session->opener || !session->reconciles || session->audit.begun || session->over ||
        session->out.state != OUT_DRAINED || session->out.unanswered > 0 || !session->in.drained)
        return;
    if (!begin(session, effects))
        return;
    buf_clear(&session->scratch);
    for (unsigned group = 0; group < DIGEST_GROUPS; group++)
        buf_append_u64_be(&session->scratch, group_fold(session, group));
    struct message message = {.kind = MESSAGE_AUDIT_GROUPS,
                              .audit_groups = {.space = session->space->id,
                                               .session = session->id,
                                               .folds = buf_slice(&session->scratch)}};
    session_send(session, effects, &message);
}

void session_audit_on_groups(struct session *session, struct effects *effects,
                             const struct message_audit_groups *groups)
{
    struct cursor in = cursor_of(groups->folds);
    if (session->opener || groups->folds.length != DIGEST_GROUPS * FOLD_BYTES) {
        session_break(session, effects, SESSION_BROKEN, true);
        return;
    }
    session->reconciles = true;
    if (!begin(session, effects))
        return;
    buf_clear(&session->scratch);
    for (unsigned group = 0; group < DIGEST_GROUPS; group++) {
        if (cursor_u64_be(&in) == group_fold(session, group))
            continue;
        buf_append_u8(&session->scratch, (uint8_t)group);
        for (unsigned i = 0; i < DIGEST_GROUP_SLOTS; i++)
            buf_append_u64_be(&session->scratch,
                              slot_fold(session, group * DIGEST_GROUP_SLOTS + i));
    }
    struct message message = {.kind = MESSAGE_AUDIT_SLOTS,
                              .audit_slots = {.space = session->space->id,
                                              .session = session->id,
                                              .folds = buf_slice(&session->scratch)}};
    session_send(session, effects, &message);
}

// --- lists

// A walk over the live versions of slots, which appends their items to `out`.
struct listing {
    struct buf *out;
    uint32_t count;
};

static bool list_item(void *context, const struct space_item *item)
{
    struct listing *listing = context;
    item_put(listing->out, item);
    return ++listing->count < SESSION_LIST_ITEMS_MAX;
}

// Lists as many slots as make one message; the opener waits for the verdict before the next.
static void send_list(struct session *session, struct effects *effects)
{
    struct session_audit *audit = &session->audit;
    struct buf slots;
    struct listing listing = {.out = &session->scratch};
    bool failed = false;
    buf_init(&slots, SLOTS * SLOT_BYTES);
    buf_clear(&session->scratch);
    while (audit->slot_next < audit->slot_count && !failed &&
           session->scratch.length < SESSION_PORTION_BYTES) {
        uint16_t slot = audit->slots[audit->slot_next++];
        listing.count = 0;
        buf_append_u16_be(&slots, slot);
        failed = space_walk_slot(session->space, slot, list_item, &listing) != ERR_OK ||
                 listing.count >= SESSION_LIST_ITEMS_MAX;
    }
    struct message message = {.kind = MESSAGE_AUDIT_LIST,
                              .audit_list = {.space = session->space->id,
                                             .session = session->id,
                                             .knows_horizon = knowledge_contains(
                                                 &session->space->known, &session->in.horizon),
                                             .last = audit->slot_next == audit->slot_count,
                                             .slots = buf_slice(&slots),
                                             .items = buf_slice(&session->scratch)}};
    if (failed)
        session_break(session, effects, SESSION_BROKEN, true);
    else
        session_send(session, effects, &message);
    buf_release(&slots);
}

void session_audit_on_slots(struct session *session, struct effects *effects,
                            const struct message_audit_slots *slots)
{
    struct session_audit *audit = &session->audit;
    struct cursor in = cursor_of(slots->folds);
    bool good = session->opener && audit->begun && audit->slots == NULL &&
                slots->folds.length <= DIGEST_GROUPS * GROUP_BYTES;
    if (good)
        audit->slots = memory_zeroed(SLOTS, sizeof *audit->slots);
    int before = -1;
    while (good && cursor_left(&in) > 0) {
        unsigned group = cursor_u8(&in);
        good = group < DIGEST_GROUPS && (int)group > before;
        before = (int)group;
        for (unsigned i = 0; good && i < DIGEST_GROUP_SLOTS; i++) {
            unsigned slot = group * DIGEST_GROUP_SLOTS + i;
            if (cursor_u64_be(&in) != slot_fold(session, slot))
                audit->slots[audit->slot_count++] = (uint16_t)slot;
        }
        good = good && !in.failed;
    }
    if (good)
        send_list(session, effects);
    else
        session_break(session, effects, SESSION_BROKEN, true);
}

// --- the responder's judgement, and the opener's of what only the responder has

// What one message says of the other's live versions, found by dot and id.
struct listed {
    struct table_node node;
    struct space_item item;
    bool seen; // this peer has it too
};

struct list_table {
    struct table table;
    struct listed *all; // owned
    uint32_t count;
};

static bool is_listed(const struct table_node *node, const void *wanted)
{
    const struct listed *listed = (const struct listed *)(const void *)node;
    const struct space_item *item = wanted;
    return dot_equal(listed->item.dot, item->dot) && listed->item.id_head == item->id_head;
}

static uint64_t item_hash64(const struct session *session, const struct space_item *item)
{
    uint64_t words[3] = {item->dot.origin, item->dot.sequence, item->id_head};
    return hash64(slice_of(words, sizeof words), session->salt);
}

static bool list_table_read(struct list_table *list, const struct session *session,
                            struct slice items)
{
    struct cursor in = cursor_of(items);
    struct space_item item;
    table_init(&list->table);
    list->count = 0;
    list->all = memory_zeroed(items.length / ITEM_BYTES_MIN + 1, sizeof *list->all);
    while (item_next(&in, &item)) {
        struct listed *listed = &list->all[list->count++];
        listed->item = item;
        table_add(&list->table, &listed->node, item_hash64(session, &item));
    }
    return cursor_finish(&in) == ERR_OK;
}

static void list_table_release(struct list_table *list)
{
    table_release(&list->table);
    free(list->all);
}

// What becomes of a live version that only the other has.
static void judge(const struct session *session, const struct space_item *item, bool knows_horizon,
                  struct buf *drop, struct buf *want)
{
    const struct space *space = session->space;
    if (!knowledge_has(&space->known, item->dot))
        return;
    bool dead = knowledge_has(&space->horizon, item->dot) && !knows_horizon && !space->damaged;
    item_put(RULE(DROP_UNDER_HORIZON) && dead ? drop : want, item);
}

struct comparison {
    struct session *session;
    struct list_table *list;
    struct buf *own; // what the other does not have
    uint32_t count;
};

static bool compare_item(void *context, const struct space_item *item)
{
    struct comparison *comparison = context;
    struct table_node *node = table_find(&comparison->list->table,
                                         item_hash64(comparison->session, item), is_listed, item);
    if (node != NULL)
        ((struct listed *)(void *)node)->seen = true;
    else
        item_put(comparison->own, item);
    return ++comparison->count < SESSION_LIST_ITEMS_MAX;
}

static bool compare_slots(struct comparison *comparison, struct slice slots)
{
    struct cursor in = cursor_of(slots);
    bool good = slots.length % SLOT_BYTES == 0 && slots.length <= SLOTS * SLOT_BYTES;
    while (good && cursor_left(&in) > 0) {
        uint16_t slot = cursor_u16_be(&in);
        comparison->count = 0;
        good =
            slot < SLOTS &&
            space_walk_slot(comparison->session->space, slot, compare_item, comparison) == ERR_OK &&
            comparison->count < SESSION_LIST_ITEMS_MAX;
    }
    return good;
}

struct verdict_parts {
    struct buf drop;
    struct buf want;
    struct buf items;
};

static void verdict_init(struct verdict_parts *parts)
{
    buf_init(&parts->drop, MESSAGE_BYTES_MAX / 4);
    buf_init(&parts->want, MESSAGE_BYTES_MAX / 4);
    buf_init(&parts->items, MESSAGE_BYTES_MAX / 4);
}

static void verdict_release(struct verdict_parts *parts)
{
    buf_release(&parts->drop);
    buf_release(&parts->want);
    buf_release(&parts->items);
}

// A verdict rests on the horizon that the other was told of.
static void send_verdict(struct session *session, struct effects *effects,
                         const struct verdict_parts *parts, bool last)
{
    struct hash128 horizon = session_horizon_hash(session);
    if (parts->drop.overflown || parts->want.overflown || parts->items.overflown ||
        horizon.high != session->told_horizon.high || horizon.low != session->told_horizon.low) {
        session_break(session, effects, SESSION_AGAIN, true);
        return;
    }
    if (parts->drop.length + parts->want.length + parts->items.length > 0)
        session->audit.clean = false;
    struct message message = {.kind = MESSAGE_AUDIT_VERDICT,
                              .audit_verdict = {.space = session->space->id,
                                                .session = session->id,
                                                .knows_horizon = knowledge_contains(
                                                    &session->space->known, &session->in.horizon),
                                                .last = last,
                                                .drop = buf_slice(&parts->drop),
                                                .want = buf_slice(&parts->want),
                                                .items = buf_slice(&parts->items)}};
    session_send(session, effects, &message);
}

void session_audit_on_list(struct session *session, struct effects *effects,
                           const struct message_audit_list *list)
{
    struct list_table table = {0};
    struct verdict_parts parts;
    struct comparison comparison = {.session = session, .list = &table, .own = &parts.items};
    verdict_init(&parts);
    bool good = !session->opener && session->audit.begun && !session->audit.done &&
                list_table_read(&table, session, list->items) &&
                compare_slots(&comparison, list->slots);
    for (uint32_t i = 0; good && i < table.count; i++)
        if (!table.all[i].seen)
            judge(session, &table.all[i].item, list->knows_horizon, &parts.drop, &parts.want);
    if (good)
        send_verdict(session, effects, &parts, list->last);
    else
        session_break(session, effects, SESSION_BROKEN, true);
    verdict_release(&parts);
    list_table_release(&table);
}

// --- what a verdict does

static bool take_drops(struct session *session, struct effects *effects, struct slice drop)
{
    struct cursor in = cursor_of(drop);
    struct space_item item;
    while (item_next(&in, &item)) {
        // Only what the other told to be under its horizon may go.
        if (!knowledge_has(&session->in.horizon, item.dot))
            return false;
        space_drop(session->space, effects, item.dot, item.id_head);
        session->audit.clean = false;
    }
    return cursor_finish(&in) == ERR_OK;
}

static bool take_wants(struct session *session, struct slice want)
{
    struct cursor in = cursor_of(want);
    struct space_item item;
    while (item_next(&in, &item)) {
        session_send_wanted(session, &item, 1);
        session->audit.clean = false;
    }
    return cursor_finish(&in) == ERR_OK;
}

// The opener judges what only the responder has, as the responder did of the list.
static bool judge_others(struct session *session, const struct message_audit_verdict *verdict,
                         struct verdict_parts *parts)
{
    struct cursor in = cursor_of(verdict->items);
    struct space_item item;
    while (item_next(&in, &item)) {
        struct operation operation;
        enum operation_form form;
        session->audit.clean = false;
        if (space_find(session->space, item.dot, item.id_head, &operation, &form) == ERR_OK &&
            form == OPERATION_PUT)
            continue;
        judge(session, &item, verdict->knows_horizon, &parts->drop, &parts->want);
    }
    return cursor_finish(&in) == ERR_OK;
}

static void opener_goes_on(struct session *session, struct effects *effects,
                           const struct message_audit_verdict *verdict)
{
    struct verdict_parts parts;
    verdict_init(&parts);
    if (!judge_others(session, verdict, &parts))
        session_break(session, effects, SESSION_BROKEN, true);
    else if (verdict->last || parts.drop.length + parts.want.length > 0)
        send_verdict(session, effects, &parts, verdict->last);
    if (!session->over && verdict->last)
        end_audit(session);
    else if (!session->over)
        send_list(session, effects);
    verdict_release(&parts);
}

void session_audit_on_verdict(struct session *session, struct effects *effects,
                              const struct message_audit_verdict *verdict)
{
    bool good = session->audit.begun && !session->audit.done &&
                take_drops(session, effects, verdict->drop) && take_wants(session, verdict->want);
    if (!good)
        session_break(session, effects, SESSION_BROKEN, true);
    else if (session->opener)
        opener_goes_on(session, effects, verdict);
    else if (verdict->last)
        end_audit(session);
}
