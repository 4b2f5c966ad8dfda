// What the files of epidemic share: epidemic.c is the list of replicas and the clock;
// epidemic_rumors.c and epidemic_sessions.c spread; epidemic_requests.c answers;
// epidemic_stability.c publishes and takes what is stable; epidemic_peers.c greets.
#ifndef BRUSIO_CORE_EPIDEMIC_EPIDEMIC_PARTS_H
#define BRUSIO_CORE_EPIDEMIC_EPIDEMIC_PARTS_H

#include "core/epidemic/epidemic.h"

// Sends a message that is no session's, and counts it as control.
void epidemic_send(struct epidemic *epidemic, struct effects *effects, uint64_t peer,
                   struct message *message);

// A time from now, drawn between three quarters and five quarters of `ms`, so that peers do not
// fall into step.
uint64_t epidemic_jittered_us(struct epidemic *epidemic, uint64_t ms);

// Hello: what this peer keeps and whom it knows.
void epidemic_greet(struct epidemic *epidemic, struct effects *effects, uint64_t peer, bool answer);
void epidemic_on_hello(struct epidemic *epidemic, struct effects *effects, uint64_t peer,
                       const struct message_peer_hello *hello);
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
void epidemic_sessions_pump(struct epidemic *epidemic, struct effects *effects);
void epidemic_sessions_leave(struct epidemic *epidemic, const struct space *space);
void epidemic_on_session_open(struct epidemic *epidemic, struct effects *effects,
                              struct replica *replica, uint64_t peer,
                              const struct message_session_open *open);
void epidemic_on_session(struct epidemic *epidemic, struct effects *effects,
                         struct replica *replica, uint64_t peer, uint64_t id,
                         const struct message *message);

void epidemic_stability_load(struct epidemic *epidemic, struct replica *replica);
void epidemic_stability_tick(struct epidemic *epidemic, struct effects *effects,
                             struct replica *replica);
void epidemic_stability_on_durable(struct epidemic *epidemic, struct effects *effects,
                                   struct replica *replica, uint64_t token);
void epidemic_on_stability(struct epidemic *epidemic, struct effects *effects,
                           struct replica *replica, uint64_t peer,
                           const struct message_stability *message);
// A peer told the number of its newest record: sends ours if that is newer.
void epidemic_help_stability(struct epidemic *epidemic, struct effects *effects,
                             struct replica *replica, uint64_t peer, struct stamp number);
// More is known than before: a horizon that had to wait may be adopted now.
void epidemic_stability_retry(struct epidemic *epidemic, struct effects *effects,
                              struct replica *replica);
void epidemic_stability_release(struct replica *replica);

// Gives the reply once all that was written until now is durable. `news`: the operation is told of
// then; its sequence is 0 for none.
void epidemic_reply_late(struct epidemic *epidemic, struct effects *effects, uint64_t handle,
                         const struct reply *reply, uint64_t space, struct dot news);

void epidemic_answer_scan(struct epidemic *epidemic, struct effects *effects,
                          struct replica *replica, uint64_t handle, const struct request *request);
void epidemic_answer_export(struct epidemic *epidemic, struct effects *effects,
                            struct replica *replica, uint64_t handle,
                            const struct request *request);
void epidemic_answer_import(struct epidemic *epidemic, struct effects *effects,
                            struct replica *replica, uint64_t handle,
                            const struct request *request);

// A peer is known to know so much: for bundles that are made for it.
void epidemic_remember_known(struct replica *replica, uint64_t peer, const struct knowledge *known,
                             const struct knowledge *more);
void epidemic_bundles_release(struct replica *replica);

// Sweeps, checks of digests, and the joining of too many versions of a key: a little at a time.
void epidemic_keep_up(struct epidemic *epidemic, struct effects *effects, struct replica *replica);
void epidemic_on_crowded(void *context, struct space *space, struct slice key);

void epidemic_replies_on_durable(struct epidemic *epidemic, struct effects *effects,
                                 uint64_t token);
void epidemic_replies_release(struct epidemic *epidemic);

#endif
