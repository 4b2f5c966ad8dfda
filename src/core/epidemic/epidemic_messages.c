// What a message is about, and who takes it.
#include "core/epidemic/epidemic_parts.h"

bool epidemic_takes(enum message_kind kind)
{
    return message_is_optimistic(kind);
}

// The keyspace that a message is about; a hello is about none (0).
static uint64_t space_of(const struct message *message)
{
    switch (message->kind) {
#define OF_SPACE(NAME, name)                                                                       \
    case MESSAGE_##NAME:                                                                           \
        return message->name.space;
        OF_SPACE(RUMOR, rumor)
        OF_SPACE(RUMOR_ANSWER, rumor_answer)
        OF_SPACE(RUMOR_OPERATIONS, rumor_operations)
        OF_SPACE(SESSION_OPEN, session_open)
        OF_SPACE(SESSION_KNOWN, session_known)
        OF_SPACE(SESSION_PORTION, session_portion)
        OF_SPACE(SESSION_TAKEN, session_taken)
        OF_SPACE(SESSION_CLOSE, session_close)
        OF_SPACE(SESSION_END, session_end)
        OF_SPACE(AUDIT_GROUPS, audit_groups)
        OF_SPACE(AUDIT_SLOTS, audit_slots)
        OF_SPACE(AUDIT_LIST, audit_list)
        OF_SPACE(AUDIT_VERDICT, audit_verdict)
        OF_SPACE(STABILITY, stability)
#undef OF_SPACE
    default:
        return 0;
    }
}

static void on_replica_message(struct epidemic *epidemic, struct effects *effects,
                               struct replica *replica, uint64_t peer,
                               const struct message *message)
{
    switch (message->kind) {
    case MESSAGE_RUMOR:
        epidemic_on_rumor(epidemic, effects, replica, peer, &message->rumor);
        break;
    case MESSAGE_RUMOR_ANSWER:
        epidemic_on_rumor_answer(epidemic, effects, replica, peer, &message->rumor_answer);
        break;
    case MESSAGE_RUMOR_OPERATIONS:
        epidemic_on_rumor_operations(epidemic, effects, replica, &message->rumor_operations);
        break;
    case MESSAGE_SESSION_OPEN:
        epidemic_on_session_open(epidemic, effects, replica, peer, &message->session_open);
        break;
    case MESSAGE_STABILITY:
        epidemic_on_stability(epidemic, effects, replica, &message->stability);
        break;
    default:
        epidemic_on_session(epidemic, effects, replica, peer, session_of_message(message), message);
        break;
    }
}

void epidemic_on_message(struct epidemic *epidemic, struct effects *effects, uint64_t now_us,
                         uint64_t from, const struct message *message)
{
    if (!epidemic_takes(message->kind))
        return;
    epidemic_begin_step(epidemic, effects, now_us);
    struct peer *peer = peers_find(&epidemic->peers, from);
    if (peer != NULL && message->kind != MESSAGE_PEER_HELLO)
        peer->heard_us = now_us;
    struct replica *replica = epidemic_replica(epidemic, space_of(message));
    if (message->kind == MESSAGE_PEER_HELLO)
        epidemic_on_hello(epidemic, effects, from, &message->peer_hello);
    else if (replica != NULL)
        on_replica_message(epidemic, effects, replica, from, message);
    epidemic_end_step(epidemic, effects);
}
