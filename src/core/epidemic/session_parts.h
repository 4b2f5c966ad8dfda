// What the files of a session share: session.c begins, dispatches and ends; session_send.c gives,
// session_take.c takes; session_audit.c compares everything.
#ifndef BRUSIO_CORE_EPIDEMIC_SESSION_PARTS_H
#define BRUSIO_CORE_EPIDEMIC_SESSION_PARTS_H

#include "core/epidemic/session.h"

// Sends a message of this session and counts its bytes.
void session_send(struct session *session, struct effects *effects, struct message *message);

// Ends the whole session, and tells the other if `tell`.
void session_break(struct session *session, struct effects *effects, enum session_verdict verdict,
                   bool tell);

// Salted, so that nobody can prepare sets that look alike.
struct hash128 session_horizon_hash(const struct session *session);

// The out half: begins when the other's knowledge is here; goes on when an audit is over.
void session_send_begin(struct session *session);
void session_send_resume(struct session *session);
void session_send_wanted(struct session *session, const struct space_item *items, uint32_t count);
void session_send_pump(struct session *session, struct effects *effects);
void session_send_on_taken(struct session *session, struct effects *effects, uint64_t number);

// The in half.
void session_take_portion(struct session *session, struct effects *effects,
                          const struct message_session_portion *portion);
void session_take_close(struct session *session, struct effects *effects,
                        const struct message_session_close *close, struct stamp stability);

// The audit. The opener begins it when both halves are drained.
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

#endif
