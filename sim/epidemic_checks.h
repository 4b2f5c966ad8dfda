// What is looked at while peers of an optimistic keyspace go on, and when all has come to rest.
//
// Promise, after each step of a peer: its core's invariants hold; what it wrote is noted; of what
// it changed, some keys are judged (epidemic_sight.h); what it holds for stable never shrinks while
// its disk is sound, nor what it knows. At rest: all peers know the same and show the same, every
// acknowledged write whose writer's disk was not lost is known to all, digests are those of a
// recount, and what is stable is all.
#ifndef BRUSIO_SIM_EPIDEMIC_CHECKS_H
#define BRUSIO_SIM_EPIDEMIC_CHECKS_H

#include "sim/epidemic_world.h"

// For a peer: after each step; when it starts or joins over what its disk has; when everything is
// durable; when its disk was destroyed or replaced by a copy; when it was allowed to forget the
// keyspace, as somebody else has what it wrote.
void epidemic_checks_after_step(struct epidemic_world *world, struct epidemic_peer *peer);
void epidemic_checks_on_start(struct epidemic_world *world, struct epidemic_peer *peer);
void epidemic_checks_on_durable(struct epidemic_peer *peer);
void epidemic_checks_on_disk_lost(struct epidemic_world *world, struct epidemic_peer *peer);
void epidemic_checks_on_left(struct epidemic_world *world, struct epidemic_peer *peer);

// Whether all peers run, take part and know the same; and whether all of that is stable everywhere.
bool epidemic_checks_converged(const struct epidemic_world *world);
bool epidemic_checks_stable(const struct epidemic_world *world);

// Everything that must hold at rest; notes what does not.
void epidemic_checks_end(struct epidemic_world *world);

// What the first peer that is not like the others lacks, for whoever looks into a failure.
void epidemic_checks_explain(const struct epidemic_world *world, char *text, size_t length);

#endif
