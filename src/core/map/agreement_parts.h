// What agreement.c, acceptor.c and proposer.c share and nobody else needs.
#ifndef BRUSIO_CORE_MAP_AGREEMENT_PARTS_H
#define BRUSIO_CORE_MAP_AGREEMENT_PARTS_H

#include "core/map/agreement.h"

// Takes `map` if it is newer, and begins the next instance; otherwise only releases it.
void agreement_learn(struct agreement *agreement, struct effects *effects, uint64_t now_us,
                     struct cluster_map *map);

// Sends the newest map to all its members.
void agreement_spread(const struct agreement *agreement, struct effects *effects);

// Whom the accepted map restricts is granted nothing from now on; once it is `synced`, only they.
void acceptor_withhold(struct agreement *agreement, bool synced);

void acceptor_on_message(struct agreement *agreement, struct effects *effects, uint64_t now_us,
                         uint64_t peer, const struct message *message);
void proposer_on_message(struct agreement *agreement, struct effects *effects, uint64_t now_us,
                         node_id from, const struct message *message);
void proposer_on_release(struct agreement *agreement, struct effects *effects, uint64_t now_us);
void proposer_tick(struct agreement *agreement, struct effects *effects, uint64_t now_us);

#endif
