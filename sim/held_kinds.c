#include "sim/held_kinds.h"

#include "wire/message.h"

static uint64_t hold(void *context, struct slice bytes)
{
    struct held_kinds *held = context;
    struct message message;
    if (message_decode(bytes, &message) != ERR_OK || (held->kinds >> message.kind & 1) == 0 ||
        rng_below(&held->rng, 4) >= held->in_four)
        return 0;
    return held->us_max == 0 ? NET_SIM_HOLD_FOREVER : 1 + rng_below(&held->rng, held->us_max);
}

void held_kinds_begin(struct held_kinds *held, struct net_sim *net, uint64_t kinds, uint64_t us_max,
                      uint64_t in_four, uint64_t seed)
{
    held->kinds |= kinds;
    held->us_max = us_max;
    held->in_four = in_four;
    rng_init(&held->rng, seed);
    net_sim_set_hold(net, hold, held);
}

void held_kinds_end(struct held_kinds *held, struct net_sim *net)
{
    held->kinds = 0;
    net_sim_set_hold(net, NULL, NULL);
}
