// Rumor mongering with feedback and counter (Demers et al., 1987, section 1.4): names first, then
// what the other wants, so that a value crosses the wire about once for each peer.
#include "core/epidemic/epidemic_parts.h"

#include "base/check.h"

enum { ASKED_US = 3 * 1000 * 1000, DOT_BYTES_MAX = 18, PORTION_BYTES = 256 << 10 };

static void dot_put(struct buf *out, struct dot dot)
{
    buf_append_u64_be(out, dot.origin);
    buf_append_varint(out, dot.sequence);
}

static bool dot_next(struct cursor *in, struct dot *out)
{
    if (cursor_left(in) == 0)
        return false;
    out->origin = cursor_u64_be(in);
    out->sequence = cursor_varint(in);
    return !in->failed;
}

void epidemic_rumor_tick(struct epidemic *epidemic, struct effects *effects,
                         struct replica *replica)
{
    struct dot dots[EPIDEMIC_RUMORS_PER_CONTACT];
    if (epidemic->now_us < replica->next_rumor_us)
        return;
    replica->next_rumor_us = epidemic_jittered_us(epidemic, replica->setting.rumor_ms);
    rumor_end_round(&replica->rumor);
    if (rumor_count(&replica->rumor) == 0 || epidemic->world.allowance_bytes <= 0)
        return;
    struct peer *peer = peers_choose(&epidemic->peers, replica->space.id, epidemic->now_us);
    if (peer == NULL)
        return;
    size_t count = rumor_offer(&replica->rumor, EPIDEMIC_RUMORS_PER_CONTACT, dots);
    buf_clear(&epidemic->scratch);
    for (size_t i = 0; i < count; i++)
        dot_put(&epidemic->scratch, dots[i]);
    peer->tried_us = epidemic->now_us;
    struct message message = {
        .kind = MESSAGE_RUMOR,
        .rumor = {.space = replica->space.id, .dots = buf_slice(&epidemic->scratch)}};
    epidemic_send(epidemic, effects, peer->store_id, &message);
}

// Whether somebody was asked for it a moment ago; if not, he is from now on.
static bool was_asked(struct epidemic *epidemic, struct replica *replica, struct dot dot)
{
    uint64_t space = replica->space.id;
    uint64_t words[3] = {space, dot.origin, dot.sequence};
    uint64_t hash = hash64(slice_of(words, sizeof words), epidemic->peers.hash_seed);
    if (epidemic->asked == NULL)
        epidemic->asked = memory_zeroed(EPIDEMIC_ASKED_MAX, sizeof *epidemic->asked);
    struct epidemic_asked *asked = &epidemic->asked[hash % EPIDEMIC_ASKED_MAX];
    if (asked->space == space && dot_equal(asked->dot, dot) && asked->until_us > epidemic->now_us)
        return true;
    *asked = (struct epidemic_asked){
        .space = space, .dot = dot, .until_us = epidemic->now_us + ASKED_US};
    return false;
}

static bool is_refused(const struct epidemic *epidemic, const struct replica *replica,
                       struct dot dot)
{
    return epidemic->room_low ||
           knowledge_intervals_with(&replica->space.known, dot) > SPACE_INTERVALS_MAX;
}

// Of what was asked for a moment ago nothing is said: it may not come, and must not go cold.
void epidemic_on_rumor(struct epidemic *epidemic, struct effects *effects, struct replica *replica,
                       uint64_t peer, const struct message_rumor *rumor)
{
    struct buf wanted;
    struct cursor in = cursor_of(rumor->dots);
    struct dot dot;
    buf_init(&wanted, EPIDEMIC_RUMORS_PER_CONTACT * DOT_BYTES_MAX);
    buf_clear(&epidemic->scratch);
    for (uint32_t i = 0; i < EPIDEMIC_RUMORS_PER_CONTACT && dot_next(&in, &dot); i++) {
        if (knowledge_has(&replica->space.known, dot))
            dot_put(&epidemic->scratch, dot);
        else if (!is_refused(epidemic, replica, dot) && !was_asked(epidemic, replica, dot))
            dot_put(&wanted, dot);
    }
    struct message message = {.kind = MESSAGE_RUMOR_ANSWER,
                              .rumor_answer = {.space = replica->space.id,
                                               .wanted = buf_slice(&wanted),
                                               .known = buf_slice(&epidemic->scratch)}};
    epidemic_send(epidemic, effects, peer, &message);
    buf_release(&wanted);
}

static void send_operations(struct epidemic *epidemic, struct effects *effects,
                            struct replica *replica, uint64_t peer)
{
    struct message message = {.kind = MESSAGE_RUMOR_OPERATIONS,
                              .rumor_operations = {.space = replica->space.id,
                                                   .operations = buf_slice(&epidemic->scratch)}};
    size_t bytes = epidemic->scratch.length;
    if (bytes == 0)
        return;
    effects_send(effects, peer, 0, &message);
    epidemic->counts.payload_bytes += bytes;
    epidemic->world.allowance_bytes -= (int64_t)bytes;
    buf_clear(&epidemic->scratch);
}

// What has been superseded since is told of no more; what covers it is hot itself. What may not be
// sent now stays hot, and is told of again.
void epidemic_on_rumor_answer(struct epidemic *epidemic, struct effects *effects,
                              struct replica *replica, uint64_t peer,
                              const struct message_rumor_answer *answer)
{
    struct cursor wanted = cursor_of(answer->wanted);
    struct cursor known = cursor_of(answer->known);
    struct dot dot;
    for (uint32_t i = 0; i < EPIDEMIC_RUMORS_PER_CONTACT && dot_next(&known, &dot); i++)
        rumor_answer(&replica->rumor, dot, false);
    buf_clear(&epidemic->scratch);
    for (uint32_t i = 0; i < EPIDEMIC_RUMORS_PER_CONTACT && dot_next(&wanted, &dot); i++) {
        struct operation operation;
        enum operation_form form;
        if (epidemic->world.allowance_bytes <= 0 || effects_over_budget(effects))
            break;
        if (!rumor_is_hot(&replica->rumor, dot) ||
            space_find_dot(&replica->space, dot, &operation, &form) != ERR_OK)
            continue;
        rumor_answer(&replica->rumor, dot, true);
        if (form == OPERATION_BARE)
            continue;
        if (epidemic->scratch.length + operation.value.length > PORTION_BYTES)
            send_operations(epidemic, effects, replica, peer);
        operation_encode(&epidemic->scratch, &operation, form);
        epidemic->counts.payloads++;
    }
    send_operations(epidemic, effects, replica, peer);
}

void epidemic_on_rumor_operations(struct epidemic *epidemic, struct effects *effects,
                                  struct replica *replica,
                                  const struct message_rumor_operations *operations)
{
    struct cursor in = cursor_of(operations->operations);
    enum space_outcome outcome = SPACE_KNOWN;
    // Who sends one that is bad is heard no further.
    while (cursor_left(&in) > 0 && outcome != SPACE_BAD) {
        struct operation operation;
        enum operation_form form;
        operation_decode(&in, replica->space.id, &operation, &form);
        if (in.failed)
            return;
        outcome = space_apply(&replica->space, effects, &operation, form, SPACE_FROM_RUMOR);
        if (outcome == SPACE_NEWS)
            epidemic_heat(epidemic, replica, operation.dot);
    }
}
