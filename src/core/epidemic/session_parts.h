// What the files of a session share: session.c begins, dispatches and ends; session_send.c gives,
// session_take.c takes; session_audit.c compares everything, session_judge.c says what becomes of
// what differs.
#ifndef BRUSIO_CORE_EPIDEMIC_SESSION_PARTS_H
#define BRUSIO_CORE_EPIDEMIC_SESSION_PARTS_H

#include "core/epidemic/session.h"

// Sends a message of this session and counts its bytes.
void session_send(struct session *session, struct effects *effects, struct message *message);

// Ends the whole session, and tells the other if `tell`. The verdict stands if there is one.
void session_break(struct session *session, struct effects *effects, enum session_verdict verdict,
                   bool tell);

// Tells the other the verdict of what it sent, once that is durable.
void session_conclude(struct session *session, struct effects *effects,
                      enum session_verdict verdict);

// Whether the horizon is another than it was.
bool session_horizon_moved(const struct session *session, struct hash128 since);
struct hash128 session_horizon_hash(const struct session *session);
// Whether the other knew this peer's horizon, as it is now, when it told what it knows.
bool session_horizon_is_known(const struct session *session);

// --- the out half

// Begins when the other's knowledge is here; goes on when an audit is over.
void session_send_begin(struct session *session);
void session_send_resume(struct session *session);
// Sends a version, by the way, as one that is asked for. False past SESSION_WANTED_MAX.
bool session_send_wanted(struct session *session, const struct space_item *item);
bool session_send_has_wanted(const struct session *session);
void session_send_pump(struct session *session, struct effects *effects);
void session_send_on_taken(struct session *session, struct effects *effects, uint64_t number);

// --- the in half

void session_take_portion(struct session *session, struct effects *effects,
                          const struct message_session_portion *portion);
void session_take_close(struct session *session, struct effects *effects,
                        const struct message_session_close *close);

// --- the audit

// The opener begins it when both halves are drained.
void session_audit_pump(struct session *session, struct effects *effects);
void session_audit_on_groups(struct session *session, struct effects *effects,
                             const struct message_audit_groups *groups);
void session_audit_on_slots(struct session *session, struct effects *effects,
                            const struct message_audit_slots *slots);
void session_audit_on_list(struct session *session, struct effects *effects,
                           const struct message_audit_list *list);
void session_audit_on_verdict(struct session *session, struct effects *effects,
                              const struct message_audit_verdict *verdict);
void session_audit_release(struct session *session);

// --- items: in lists and verdicts, and in memory

enum { SESSION_ITEM_BYTES_MIN = 8 + 1 + 8, SESSION_ITEM_BYTES_MAX = 8 + 10 + 8 };

void session_item_put(struct buf *out, const struct space_item *item);
// False at the end, or when the bytes are bad (then `in->failed`).
bool session_item_next(struct cursor *in, struct space_item *out);
// False when there are `most` already. Keeps no key.
bool session_items_add(struct session_items *items, const struct space_item *item, uint32_t most);
void session_items_release(struct session_items *items);

// --- judgement (rule R13)

// What this peer says of live versions that only the other has.
struct session_judgement {
    struct session *session;
    bool others_horizon_known; // the other's word, of when it listed
    struct buf drop;
    struct buf want;
    bool is_unclear; // the horizon moved, and this session cannot say
};

void session_judgement_init(struct session_judgement *judgement, struct session *session,
                            bool knows_horizon);
void session_judgement_release(struct session_judgement *judgement);
void session_judge(struct session_judgement *judgement, const struct space_item *item);

#endif
