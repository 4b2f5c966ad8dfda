// What the files of epidemic share: epidemic.c is the clock, and what may be sent;
// epidemic_replicas.c is who is kept; epidemic_messages.c dispatches; epidemic_rumors.c and
// epidemic_sessions.c spread; epidemic_requests.c, epidemic_scans.c and epidemic_bundles.c answer;
// epidemic_stability.c publishes and takes what is stable; epidemic_peers.c greets;
// epidemic_upkeep.c cleans up.
#ifndef BRUSIO_CORE_EPIDEMIC_EPIDEMIC_PARTS_H
#define BRUSIO_CORE_EPIDEMIC_EPIDEMIC_PARTS_H

#include "core/epidemic/epidemic.h"

// What every event begins and ends with: all that was written has a token then, and the next time
// to wake is known.
void epidemic_begin_step(struct epidemic *epidemic, struct effects *effects, uint64_t now_us);
void epidemic_end_step(struct epidemic *epidemic, struct effects *effects);

// Sends a message that is no session's, and counts it as control.
void epidemic_send(struct epidemic *epidemic, struct effects *effects, uint64_t peer,
                   struct message *message);
void epidemic_count_control(struct epidemic *epidemic, size_t bytes);

// A time from now, drawn between three quarters and five quarters of `ms`, so that peers do not
// fall into step.
uint64_t epidemic_jittered_us(struct epidemic *epidemic, uint64_t ms);

// The time, UTC; 0 while nobody has said it.
uint64_t epidemic_utc_ms(const struct epidemic *epidemic);

// When the replica has something to do by its clocks.
uint64_t epidemic_replica_wake_us(const struct replica *replica);
// The operation is told of from now on.
void epidemic_heat(struct epidemic *epidemic, struct replica *replica, struct dot dot);

void epidemic_replica_free(struct epidemic *epidemic, struct replica *replica);
// Goes on removing a replica that was left; it may be gone then.
void epidemic_forget_some(struct epidemic *epidemic, struct effects *effects,
                          struct replica *replica);

// Hello: what this peer keeps and whom it knows.
void epidemic_greet(struct epidemic *epidemic, struct effects *effects, uint64_t peer, bool answer);
void epidemic_on_hello(struct epidemic *epidemic, struct effects *effects, uint64_t peer,
                       const struct message_peer_hello *hello);
void epidemic_tell_anew(struct epidemic *epidemic);
void epidemic_peers_tick(struct epidemic *epidemic, struct effects *effects);

void epidemic_rumor_tick(struct epidemic *epidemic, struct effects *effects,
                         struct replica *replica);
void epidemic_on_rumor(struct epidemic *epidemic, struct effects *effects, struct replica *replica,
                       uint64_t peer, const struct message_rumor *rumor);
void epidemic_on_rumor_answer(struct epidemic *epidemic, struct effects *effects,
                              struct replica *replica, uint64_t peer,
                              const struct message_rumor_answer *answer);
void epidemic_on_rumor_operations(struct epidemic *epidemic, struct effects *effects,
                                  struct replica *replica,
                                  const struct message_rumor_operations *operations);

void epidemic_session_tick(struct epidemic *epidemic, struct effects *effects,
                           struct replica *replica);
// ERR_NOT_FOUND: no such peer; ERR_UNAVAILABLE: nobody to draw (`peer` is 0); ERR_EXISTS: one is
// under way; ERR_BUSY: too many are.
WARN_UNUSED enum err epidemic_open_session(struct epidemic *epidemic, struct effects *effects,
                                           struct replica *replica, uint64_t peer, bool audit);
void epidemic_sessions_pump(struct epidemic *epidemic, struct effects *effects);
void epidemic_sessions_leave(struct epidemic *epidemic, const struct space *space);
// Who was away until now has not got what was sent to it.
void epidemic_sessions_give_up(struct epidemic *epidemic, uint64_t peer);
void epidemic_on_session_open(struct epidemic *epidemic, struct effects *effects,
                              struct replica *replica, uint64_t peer,
                              const struct message_session_open *open);
void epidemic_on_session(struct epidemic *epidemic, struct effects *effects,
                         struct replica *replica, uint64_t peer, uint64_t id,
                         const struct message *message);

void epidemic_stability_load(struct epidemic *epidemic, struct replica *replica);
// Whether next_stability_us is a time to wake.
bool epidemic_stability_is_due(const struct replica *replica);
void epidemic_stability_tick(struct epidemic *epidemic, struct effects *effects,
                             struct replica *replica);
void epidemic_stability_on_durable(struct epidemic *epidemic, struct effects *effects,
                                   struct replica *replica, uint64_t token);
void epidemic_on_stability(struct epidemic *epidemic, struct effects *effects,
                           struct replica *replica, const struct message_stability *message);
// A peer told the number of its newest record: sends ours if that is newer.
void epidemic_help_stability(struct epidemic *epidemic, struct effects *effects,
                             struct replica *replica, uint64_t peer, struct stamp number);
// More is known than before: a horizon that had to wait may be adopted now.
void epidemic_stability_retry(struct effects *effects, struct replica *replica);
// Removes the record that the store has.
void epidemic_stability_forget(struct epidemic *epidemic, struct effects *effects,
                               const struct replica *replica);
void epidemic_stability_release(struct replica *replica);

// Tells others of an operation of this peer once all that was written until now is durable.
void epidemic_news_late(struct epidemic *epidemic, struct effects *effects,
                        const struct replica *replica, struct dot news);
// As epidemic_reply_late; a copy of the reply's value waits with it. ERR_BUSY past
// EPIDEMIC_LATE_BYTES_MAX.
WARN_UNUSED enum err epidemic_value_late(struct epidemic *epidemic, struct effects *effects,
                                         uint64_t handle, const struct reply *reply);

void epidemic_answer_scan(struct epidemic *epidemic, struct effects *effects,
                          struct replica *replica, uint64_t handle, const struct request *request);
// An export or an import. ERR_BUSY past EPIDEMIC_CARRIED_MAX.
void epidemic_answer_bundle(struct epidemic *epidemic, struct effects *effects,
                            struct replica *replica, uint64_t handle,
                            const struct request *request);
// Goes on with one of those that are under way; those of replicas that are left end.
void epidemic_bundles_tick(struct epidemic *epidemic, struct effects *effects);
// Whether one can go on now.
bool epidemic_bundles_are_due(const struct epidemic *epidemic);
void epidemic_bundles_release(struct epidemic *epidemic);

// A peer is known to know so much: for bundles that are made for it.
void epidemic_remember_known(struct replica *replica, uint64_t peer, const struct knowledge *known);
void epidemic_friends_release(struct replica *replica);

// Sweeps, checks of digests, the joining of too many versions of a key, and the removal of what has
// expired: a little at a time.
void epidemic_keep_up(struct epidemic *epidemic, struct effects *effects, struct replica *replica);
void epidemic_on_crowded(void *context, struct space *space, struct slice key);
void epidemic_on_expiring(void *context, struct space *space, struct slice key);

// Whether too much waits for the store already, or to be answered.
bool epidemic_is_busy(const struct epidemic *epidemic);
void epidemic_replies_on_durable(struct epidemic *epidemic, struct effects *effects,
                                 uint64_t token);
void epidemic_replies_release(struct epidemic *epidemic);

#endif
