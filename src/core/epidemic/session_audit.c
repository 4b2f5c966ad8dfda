// Full reconciliation (rule R13). Both halves have given the other what it lacked; now everything
// that is live is compared: folds of 128 groups of slots, of the slots of groups that differ, then
// lists of the live versions of slots that differ. Of each list the responder judges what only the
// opener has, and names what only it has itself; the opener judges that. What either asks for is
// sent before the next list, or the close.
//
// Bytes
//   groups     a fold, 8, of each group
//   slots      of each group that differs: its number, 1; folds, 8, of its slots
//   list       slots: the list's turn; of each slot its number, 2, and how many items; items: all
//   verdict    items: the turn; of how many slots of the list it is (the responder may not come to
//              the last); the items that the responder has alone (the opener sends none)
//
// Counts and turns are varints; an item is as session_item_put writes it.
#include "core/epidemic/session_parts.h"

#include "base/check.h"
#include "base/table.h"

#include <stdlib.h>

enum {
    FOLD_BYTES = 8,
    GROUP_BYTES = 1 + DIGEST_GROUP_SLOTS * FOLD_BYTES,
    VARINT_BYTES_MAX = 10,
    SLOTS_BYTES_MAX = VARINT_BYTES_MAX + SLOTS * (2 + VARINT_BYTES_MAX),
    // A list is full with the slot that leads past SESSION_PORTION_BYTES.
    ITEMS_BYTES_MAX = SESSION_PORTION_BYTES + SESSION_SLOT_ITEMS_MAX * SESSION_ITEM_BYTES_MAX
};

_Static_assert(ITEMS_BYTES_MAX <= MESSAGE_BYTES_MAX / 4, "a verdict on all items is one message");

void session_audit_release(struct session *session)
{
    struct session_audit *audit = &session->audit;
    if (session->space->watched == &session->in.horizon)
        session->space->watched = NULL;
    free(audit->slots);
    audit->slots = NULL;
    audit->slot_count = audit->slot_first = audit->slot_next = 0;
    session_items_release(&audit->drops);
}

static void refuse(struct session *session, struct effects *effects)
{
    session_break(session, effects, SESSION_BROKEN, true);
}

// From now on the session hears of what becomes live behind its list (R13d). One at a time.
static bool begin(struct session *session, struct effects *effects)
{
    struct space *space = session->space;
    if (space->watched != NULL) {
        session_break(session, effects, SESSION_AGAIN, true);
        return false;
    }
    session->audit.stage = AUDIT_FOLDED;
    session->audit.clean = true;
    session->audit.alike = true;
    session->audit.damaged = space->damaged;
    session->audit.horizon = session_horizon_hash(session);
    space->watched = &session->in.horizon;
    space->watched_live = 0;
    return true;
}

// --- folds

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

static void send_groups(struct session *session, struct effects *effects)
{
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
    bool is_due = !session->opener && session->reconciles && session->in.drained &&
                  session->out.state == OUT_DRAINED && session->audit.stage == AUDIT_WAITS;
    if (!is_due || groups->folds.length != DIGEST_GROUPS * FOLD_BYTES) {
        refuse(session, effects);
        return;
    }
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

struct listing {
    struct buf *out;
    uint32_t count;
};

static bool list_item(void *context, const struct space_item *item)
{
    struct listing *listing = context;
    session_item_put(listing->out, item);
    return ++listing->count <= SESSION_SLOT_ITEMS_MAX;
}

// As many slots as make one message. False when one has too much, or cannot be read.
static bool list_slots(struct session *session, struct buf *slots)
{
    struct session_audit *audit = &session->audit;
    audit->slot_first = audit->slot_next;
    while (audit->slot_next < audit->slot_count &&
           session->scratch.length < SESSION_PORTION_BYTES) {
        struct listing listing = {.out = &session->scratch};
        uint16_t slot = audit->slots[audit->slot_next++];
        if (space_walk_slot(session->space, slot, list_item, &listing) != ERR_OK ||
            listing.count > SESSION_SLOT_ITEMS_MAX)
            return false;
        buf_append_u16_be(slots, slot);
        buf_append_varint(slots, listing.count);
    }
    return true;
}

static bool knows_horizon(const struct session *session)
{
    return knowledge_contains(&session->space->known, &session->in.horizon);
}

static void send_list(struct session *session, struct effects *effects)
{
    struct session_audit *audit = &session->audit;
    struct buf slots;
    buf_init(&slots, SLOTS_BYTES_MAX);
    buf_clear(&session->scratch);
    buf_append_varint(&slots, ++audit->turn);
    if (!list_slots(session, &slots)) {
        refuse(session, effects);
        buf_release(&slots);
        return;
    }
    audit->stage = AUDIT_LISTED;
    struct message message = {.kind = MESSAGE_AUDIT_LIST,
                              .audit_list = {.space = session->space->id,
                                             .session = session->id,
                                             .knows_horizon = knows_horizon(session),
                                             .last = audit->slot_next == audit->slot_count,
                                             .slots = buf_slice(&slots),
                                             .items = buf_slice(&session->scratch)}};
    session_send(session, effects, &message);
    buf_release(&slots);
}

// Reads a group's folds, and adds its slots that differ.
static bool add_group(struct session *session, struct cursor *in, unsigned group)
{
    struct session_audit *audit = &session->audit;
    for (unsigned i = 0; i < DIGEST_GROUP_SLOTS; i++) {
        unsigned slot = group * DIGEST_GROUP_SLOTS + i;
        if (cursor_u64_be(in) != slot_fold(session, slot))
            audit->slots[audit->slot_count++] = (uint16_t)slot;
    }
    return !in->failed;
}

void session_audit_on_slots(struct session *session, struct effects *effects,
                            const struct message_audit_slots *slots)
{
    struct session_audit *audit = &session->audit;
    struct cursor in = cursor_of(slots->folds);
    bool good = session->opener && audit->stage == AUDIT_FOLDED &&
                slots->folds.length <= DIGEST_GROUPS * GROUP_BYTES;
    if (good)
        audit->slots = memory_zeroed(SLOTS, sizeof *audit->slots);
    for (int before = -1; good && cursor_left(&in) > 0;) {
        int group = cursor_u8(&in);
        good = group < (int)DIGEST_GROUPS && group > before &&
               add_group(session, &in, (unsigned)group);
        before = group;
    }
    if (good)
        send_list(session, effects);
    else
        refuse(session, effects);
}

// --- the responder compares

// The items of one slot of a list, found by dot and id.
struct listed {
    struct table_node node;
    struct space_item item;
    bool is_here;
};

struct comparison {
    const struct session *session;
    struct table table;
    struct listed *listed; // owned
    uint32_t listed_count;
    struct buf own;      // items that the other does not have
    uint32_t count;      // of the slot, here
    uint32_t slot_count; // compared so far
    bool is_whole;       // the list's last slot was
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

static bool compare_item(void *context, const struct space_item *item)
{
    struct comparison *comparison = context;
    struct table_node *node =
        table_find(&comparison->table, item_hash64(comparison->session, item), is_listed, item);
    if (node != NULL)
        ((struct listed *)(void *)node)->is_here = true;
    else
        session_item_put(&comparison->own, item);
    return ++comparison->count <= SESSION_SLOT_ITEMS_MAX;
}

static bool read_listed(struct comparison *comparison, struct cursor *items, uint64_t count)
{
    if (count > cursor_left(items) / SESSION_ITEM_BYTES_MIN)
        return false;
    comparison->listed = memory_zeroed((size_t)count + 1, sizeof *comparison->listed);
    while (comparison->listed_count < count) {
        struct listed *listed = &comparison->listed[comparison->listed_count];
        if (!session_item_next(items, &listed->item))
            return false;
        table_add(&comparison->table, &listed->node,
                  item_hash64(comparison->session, &listed->item));
        comparison->listed_count++;
    }
    return true;
}

static bool compare_slot(struct comparison *comparison, struct session_judgement *judgement,
                         struct cursor *items, uint16_t slot, uint64_t count)
{
    struct space *space = comparison->session->space;
    comparison->count = 0;
    comparison->listed_count = 0;
    table_init(&comparison->table);
    bool good = read_listed(comparison, items, count) &&
                space_walk_slot(space, slot, compare_item, comparison) == ERR_OK &&
                comparison->count <= SESSION_SLOT_ITEMS_MAX;
    for (uint32_t i = 0; good && i < comparison->listed_count; i++)
        if (!comparison->listed[i].is_here)
            session_judge(judgement, &comparison->listed[i].item);
    table_release(&comparison->table);
    free(comparison->listed);
    comparison->listed = NULL;
    return good;
}

// As many slots as an answer has room for.
static bool compare_list(struct comparison *comparison, struct session_judgement *judgement,
                         struct cursor *slots, struct slice items_bytes)
{
    struct cursor items = cursor_of(items_bytes);
    bool good = items_bytes.length <= ITEMS_BYTES_MAX;
    for (int before = -1; good && cursor_left(slots) > 0;) {
        if (comparison->own.length >= SESSION_PORTION_BYTES)
            return true;
        uint16_t slot = cursor_u16_be(slots);
        uint64_t count = cursor_varint(slots);
        good = !slots->failed && slot < SLOTS && slot > before &&
               compare_slot(comparison, judgement, &items, slot, count);
        before = slot;
        comparison->slot_count++;
    }
    comparison->is_whole = true;
    return good && !slots->failed && cursor_finish(&items) == ERR_OK;
}

// --- verdicts

static void send_verdict(struct session *session, struct effects *effects,
                         const struct session_judgement *judgement, uint32_t slots,
                         struct slice own, bool last)
{
    struct session_audit *audit = &session->audit;
    if (judgement->is_unclear) {
        session_break(session, effects, SESSION_AGAIN, true);
        return;
    }
    audit->awaits = judgement->want.length > 0;
    audit->alike &= judgement->want.length + judgement->drop.length == 0;
    buf_clear(&session->scratch);
    buf_append_varint(&session->scratch, audit->turn);
    buf_append_varint(&session->scratch, slots);
    buf_append_slice(&session->scratch, own);
    CHECK(!session->scratch.overflown && !judgement->drop.overflown && !judgement->want.overflown);
    struct message message = {.kind = MESSAGE_AUDIT_VERDICT,
                              .audit_verdict = {.space = session->space->id,
                                                .session = session->id,
                                                .knows_horizon = knows_horizon(session),
                                                .last = last,
                                                .drop = buf_slice(&judgement->drop),
                                                .want = buf_slice(&judgement->want),
                                                .items = buf_slice(&session->scratch)}};
    session_send(session, effects, &message);
}

void session_audit_on_list(struct session *session, struct effects *effects,
                           const struct message_audit_list *list)
{
    struct session_audit *audit = &session->audit;
    struct cursor slots = cursor_of(list->slots);
    struct comparison comparison = {.session = session};
    struct session_judgement judgement;
    bool is_due = !session->opener && audit->stage == AUDIT_FOLDED && !audit->awaits &&
                  cursor_varint(&slots) == audit->turn + 1;
    session_judgement_init(&judgement, session, list->knows_horizon);
    buf_init(&comparison.own, ITEMS_BYTES_MAX);
    if (is_due && compare_list(&comparison, &judgement, &slots, list->items)) {
        audit->turn++;
        audit->stage = AUDIT_JUDGED;
        send_verdict(session, effects, &judgement, comparison.slot_count,
                     buf_slice(&comparison.own), comparison.is_whole && list->last);
    } else {
        refuse(session, effects);
    }
    buf_release(&comparison.own);
    session_judgement_release(&judgement);
}

// What is dead goes with the close; but what finds no room to wait, at once.
static bool take_drops(struct session *session, struct effects *effects, struct slice drop)
{
    struct session_items *drops = &session->audit.drops;
    struct cursor in = cursor_of(drop);
    struct space_item item;
    while (session_item_next(&in, &item)) {
        // Only what the other told to be under its horizon may go.
        if (!knowledge_has(&session->in.horizon, item.dot))
            return false;
        session->audit.clean = session->audit.alike = false;
        if (!session_items_add(drops, &item, SESSION_DROPS_MAX))
            space_drop(session->space, effects, item.dot, item.id_head);
    }
    return cursor_finish(&in) == ERR_OK;
}

static bool take_wants(struct session *session, struct slice want)
{
    struct cursor in = cursor_of(want);
    struct space_item item;
    while (session_item_next(&in, &item))
        if (!session_send_wanted(session, &item))
            return false;
    session->out.is_asked = want.length > 0;
    session->audit.alike &= want.length == 0;
    return cursor_finish(&in) == ERR_OK;
}

// The opener judges what only the responder has, as the responder did of the list.
static bool judge_others(struct session_judgement *judgement, struct cursor *items)
{
    struct space_item item;
    while (session_item_next(items, &item)) {
        struct operation operation;
        enum operation_form form;
        bool is_here = space_find(judgement->session->space, item.dot, item.id_head, &operation,
                                  &form) == ERR_OK &&
                       form == OPERATION_PUT;
        if (!is_here)
            session_judge(judgement, &item);
    }
    return cursor_finish(items) == ERR_OK;
}

// The responder may have judged less than the whole list; the next one begins there.
static bool take_extent(struct session_audit *audit, uint64_t slots, bool last)
{
    uint32_t listed = audit->slot_next - audit->slot_first;
    if (slots > listed || (slots == 0 && listed > 0))
        return false;
    audit->slot_next = audit->slot_first + (uint32_t)slots;
    return last == (audit->slot_next == audit->slot_count);
}

static void opener_judges(struct session *session, struct effects *effects,
                          const struct message_audit_verdict *verdict, struct cursor *items)
{
    struct session_audit *audit = &session->audit;
    struct session_judgement judgement;
    uint64_t slots = cursor_varint(items);
    session_judgement_init(&judgement, session, verdict->knows_horizon);
    if (items->failed || verdict->items.length > VARINT_BYTES_MAX * 2 + ITEMS_BYTES_MAX ||
        !take_extent(audit, slots, verdict->last) || !judge_others(&judgement, items)) {
        refuse(session, effects);
    } else {
        audit->stage = AUDIT_JUDGED;
        audit->done = verdict->last;
        send_verdict(session, effects, &judgement, 0, slice_of(NULL, 0), verdict->last);
    }
    session_judgement_release(&judgement);
}

void session_audit_on_verdict(struct session *session, struct effects *effects,
                              const struct message_audit_verdict *verdict)
{
    struct session_audit *audit = &session->audit;
    struct cursor items = cursor_of(verdict->items);
    bool is_due = audit->stage == (session->opener ? AUDIT_LISTED : AUDIT_JUDGED) &&
                  cursor_varint(&items) == audit->turn;
    if (!is_due || !take_drops(session, effects, verdict->drop) ||
        !take_wants(session, verdict->want)) {
        refuse(session, effects);
    } else if (session->opener) {
        opener_judges(session, effects, verdict, &items);
    } else {
        audit->stage = AUDIT_FOLDED;
        audit->done = verdict->last;
    }
}

// --- going on

// Who is damaged, and was found to lack nothing that the other has, is mended: otherwise two peers
// that are both damaged would never close anything again.
static void end(struct session *session)
{
    if (session->audit.alike && session->audit.damaged)
        session->space->damaged = false;
    session_send_resume(session);
}

void session_audit_pump(struct session *session, struct effects *effects)
{
    struct session_audit *audit = &session->audit;
    const struct session_out *out = &session->out;
    if (!session->reconciles || out->state != OUT_DRAINED || audit->awaits)
        return;
    bool is_quiet = out->answered == out->number && !session_send_has_wanted(session);
    if (audit->done)
        end(session);
    else if (session->opener && audit->stage == AUDIT_WAITS && is_quiet && session->in.drained &&
             begin(session, effects))
        send_groups(session, effects);
    else if (session->opener && audit->stage == AUDIT_JUDGED && is_quiet)
        send_list(session, effects);
}
