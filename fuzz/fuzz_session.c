// Two peers of one space, each with a session, and between them somebody who delivers, loses,
// repeats and changes messages, and makes up his own: whatever comes, the sessions end or go on,
// and the spaces keep their invariants.
#include "base/check.h"
#include "core/epidemic/session.h"
#include "input.h"

#include <stdlib.h>

enum {
    SPACE = 7,
    PEERS = 2,
    PACKETS_MAX = 32,
    STEPS_MAX = 256,
    KEYS = 4,
    RUN_BYTES_MAX = 255,
    SESSION = 99
};

struct peer {
    struct store base;
    struct overlay overlay;
    struct effects effects;
    struct space space;
    struct session_world world;
    struct session *session;
};

struct packet {
    unsigned to;
    struct slice bytes; // owned
};

struct talk {
    struct peer peers[PEERS];
    struct packet queue[PACKETS_MAX];
    unsigned queue_count;
    uint64_t now_us;
    struct cursor input;
};

// --- a store that has nothing: the overlay remembers it all

static enum err get_nothing(void *self, enum store_table table, struct slice key, struct slice *out)
{
    (void)self;
    (void)table;
    (void)key;
    *out = slice_of(NULL, 0);
    return ERR_NOT_FOUND;
}

static enum err scan_nothing(void *self, enum store_table table, struct slice first,
                             struct slice end, store_visit *visit, void *context)
{
    (void)self;
    (void)table;
    (void)first;
    (void)end;
    (void)visit;
    (void)context;
    return ERR_OK;
}

static void on_news(void *context, struct space *space, struct dot dot)
{
    (void)context;
    CHECK(knowledge_has(&space->known, dot));
}

static void begin(struct peer *peer, uint64_t seed)
{
    static const struct store_ops operations = {.get = get_nothing, .scan = scan_nothing};
    static const struct space_setting setting = {.secret = 5};
    peer->base = (struct store){.ops = &operations};
    overlay_init(&peer->overlay, &peer->base);
    effects_init(&peer->effects);
    enum err error = space_open(&peer->space, SPACE, &setting, &peer->overlay, seed);
    CHECK(error == ERR_OK);
    peer->world = (struct session_world){.on_news = on_news, .allowance_bytes = 1 << 20};
}

static void end(struct peer *peer)
{
    session_free(peer->session);
    space_release(&peer->space);
    overlay_release(&peer->overlay);
    effects_release(&peer->effects);
}

// --- messages

static void push(struct talk *talk, unsigned to, struct slice bytes)
{
    if (talk->queue_count == PACKETS_MAX)
        return;
    talk->queue[talk->queue_count++] = (struct packet){
        .to = to, .bytes = slice_of(memory_copy(bytes.bytes, bytes.length), bytes.length)};
}

static struct packet take_out(struct talk *talk, unsigned at)
{
    struct packet packet = talk->queue[at];
    talk->queue_count--;
    memmove(talk->queue + at, talk->queue + at + 1, (talk->queue_count - at) * sizeof *talk->queue);
    return packet;
}

// What a step of the peer left behind.
static void settle(struct talk *talk, unsigned from)
{
    struct peer *peer = &talk->peers[from];
    for (size_t i = 0; i < peer->effects.send_count; i++)
        push(talk, !from, effects_bytes(&peer->effects, peer->effects.sends[i].message));
    (void)overlay_token(&peer->overlay, &peer->effects);
    effects_clear(&peer->effects);
    space_invariants(&peer->space);
    if (peer->session == NULL)
        return;
    session_invariants(peer->session);
    if (!session_is_over(peer->session))
        return;
    session_free(peer->session);
    peer->session = NULL;
}

static void hand_over(struct talk *talk, unsigned to, const struct message *message)
{
    static const struct stamp none;
    struct peer *peer = &talk->peers[to];
    if (message->kind == MESSAGE_SESSION_OPEN && peer->session == NULL)
        peer->session = session_accept(&peer->space, &peer->world, 1 + !to, &message->session_open,
                                       none, false, &peer->effects, talk->now_us);
    else if (message->kind != MESSAGE_SESSION_OPEN && peer->session != NULL)
        session_on_message(peer->session, &peer->effects, talk->now_us, message, none);
    settle(talk, to);
}

static void deliver(struct talk *talk, unsigned to, struct slice bytes)
{
    struct message message;
    if (message_decode(bytes, &message) == ERR_OK && message_is_optimistic(message.kind))
        hand_over(talk, to, &message);
}

static unsigned choose(struct talk *talk)
{
    return input_below(&talk->input, talk->queue_count);
}

// Puts bytes of the input over some of a message's.
static void change(struct talk *talk, const struct packet *packet)
{
    uint8_t *bytes = memory_copy(packet->bytes.bytes, packet->bytes.length);
    size_t at = cursor_u16_be(&talk->input) % packet->bytes.length;
    struct slice over = input_run(&talk->input, packet->bytes.length - at);
    if (over.length > 0)
        memcpy(bytes + at, over.bytes, over.length);
    size_t length = packet->bytes.length;
    if (input_below(&talk->input, 8) == 0)
        length = 1 + at;
    deliver(talk, packet->to, slice_of(bytes, length));
    free(bytes);
}

// --- messages that nobody sent

static void fill_audit(struct cursor *input, struct message *message)
{
    switch (message->kind) {
    case MESSAGE_AUDIT_GROUPS:
        message->audit_groups.folds = input_run(input, RUN_BYTES_MAX);
        break;
    case MESSAGE_AUDIT_SLOTS:
        message->audit_slots.folds = input_run(input, RUN_BYTES_MAX);
        break;
    case MESSAGE_AUDIT_LIST:
        message->audit_list.knows_horizon = input_below(input, 2) != 0;
        message->audit_list.last = input_below(input, 2) != 0;
        message->audit_list.slots = input_run(input, RUN_BYTES_MAX);
        message->audit_list.items = input_run(input, RUN_BYTES_MAX);
        break;
    default:
        message->audit_verdict.knows_horizon = input_below(input, 2) != 0;
        message->audit_verdict.last = input_below(input, 2) != 0;
        message->audit_verdict.drop = input_run(input, RUN_BYTES_MAX);
        message->audit_verdict.want = input_run(input, RUN_BYTES_MAX);
        message->audit_verdict.items = input_run(input, RUN_BYTES_MAX);
        break;
    }
}

static void fill(struct cursor *input, struct message *message)
{
    switch (message->kind) {
    case MESSAGE_SESSION_KNOWN:
        message->session_known.reconcile = input_below(input, 2) != 0;
        message->session_known.known = input_run(input, RUN_BYTES_MAX);
        message->session_known.horizon = input_run(input, RUN_BYTES_MAX);
        break;
    case MESSAGE_SESSION_PORTION:
        message->session_portion.number = cursor_u8(input);
        message->session_portion.last = input_below(input, 2) != 0;
        message->session_portion.audit = input_below(input, 2) != 0;
        message->session_portion.operations = input_run(input, RUN_BYTES_MAX);
        break;
    case MESSAGE_SESSION_TAKEN:
        message->session_taken.number = cursor_u8(input);
        break;
    case MESSAGE_SESSION_CLOSE:
        message->session_close.number = cursor_u8(input);
        message->session_close.claims = input_below(input, 2) != 0;
        message->session_close.learned = input_run(input, RUN_BYTES_MAX);
        break;
    case MESSAGE_SESSION_END:
        message->session_end.verdict = cursor_u8(input);
        break;
    default:
        fill_audit(input, message);
        break;
    }
}

static void make_up(struct talk *talk)
{
    static const enum message_kind kinds[] = {
        MESSAGE_SESSION_KNOWN, MESSAGE_SESSION_PORTION, MESSAGE_SESSION_TAKEN,
        MESSAGE_SESSION_CLOSE, MESSAGE_SESSION_END,     MESSAGE_AUDIT_GROUPS,
        MESSAGE_AUDIT_SLOTS,   MESSAGE_AUDIT_LIST,      MESSAGE_AUDIT_VERDICT};
    struct message message = {0};
    message.kind = kinds[input_below(&talk->input, sizeof kinds / sizeof kinds[0])];
    fill(&talk->input, &message);
    hand_over(talk, input_below(&talk->input, PEERS), &message);
}

// --- what the peers do by themselves

static void open_session(struct talk *talk, unsigned from)
{
    static const struct stamp none;
    struct peer *peer = &talk->peers[from];
    bool audit = input_below(&talk->input, 2) != 0;
    if (peer->session == NULL)
        peer->session = session_open(&peer->space, &peer->world, 1 + !from, SESSION, 3, audit, none,
                                     &peer->effects, talk->now_us);
    settle(talk, from);
}

static void write_something(struct talk *talk, unsigned at)
{
    struct peer *peer = &talk->peers[at];
    uint8_t key = (uint8_t)('a' + input_below(&talk->input, KEYS));
    struct space_written written;
    struct space_write write = {.key = slice_of(&key, 1)};
    write.dead = input_below(&talk->input, 4) == 0;
    if (!write.dead)
        write.value = input_run(&talk->input, RUN_BYTES_MAX);
    enum err error = space_write(&peer->space, &peer->effects, &write, &written);
    CHECK(error == ERR_OK || error == ERR_NOT_FOUND || error == ERR_TOO_LARGE);
    settle(talk, at);
}

static void age(struct talk *talk, unsigned at)
{
    struct space *space = &talk->peers[at].space;
    struct knowledge all = {0};
    knowledge_copy(&all, &space->known);
    enum err error = space_stabilise(space, &talk->peers[at].effects, &all, &all);
    CHECK(error == ERR_OK || error == ERR_TOO_LARGE);
    space_sweep(space, &talk->peers[at].effects, KEYS);
    knowledge_release(&all);
    settle(talk, at);
}

static void become_durable(struct talk *talk, unsigned at)
{
    struct peer *peer = &talk->peers[at];
    if (peer->session != NULL)
        session_on_durable(peer->session, &peer->effects, UINT64_MAX);
    if (peer->session != NULL)
        session_pump(peer->session, &peer->effects, talk->now_us);
    settle(talk, at);
}

static void act_alone(struct talk *talk)
{
    unsigned at = input_below(&talk->input, PEERS);
    switch (input_below(&talk->input, 6)) {
    case 0:
        open_session(talk, at);
        break;
    case 1:
        write_something(talk, at);
        break;
    case 2:
        age(talk, at);
        break;
    case 3:
        talk->peers[at].space.damaged = input_below(&talk->input, 2) != 0;
        break;
    case 4:
        talk->now_us += SESSION_IDLE_US / 2;
        break;
    default:
        become_durable(talk, at);
        break;
    }
}

static void act(struct talk *talk)
{
    unsigned what = input_below(&talk->input, 8);
    if (what == 0) {
        make_up(talk);
        return;
    }
    if (what < 4 || talk->queue_count == 0) {
        act_alone(talk);
        return;
    }
    struct packet packet = take_out(talk, what == 4 ? choose(talk) : 0);
    if (what == 5)
        change(talk, &packet);
    else
        deliver(talk, packet.to, packet.bytes);
    free((void *)(uintptr_t)packet.bytes.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct talk *talk = memory_zeroed(1, sizeof *talk);
    talk->input = cursor_of(slice_of(bytes, length));
    for (unsigned i = 0; i < PEERS; i++)
        begin(&talk->peers[i], i);
    for (unsigned i = 0; i < STEPS_MAX && input_more(&talk->input); i++)
        act(talk);
    while (talk->queue_count > 0)
        free((void *)(uintptr_t)take_out(talk, 0).bytes.bytes);
    for (unsigned i = 0; i < PEERS; i++)
        end(&talk->peers[i]);
    free(talk);
    return 0;
}
