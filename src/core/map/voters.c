#include "core/map/voters.h"

#include "base/check.h"

// How many nodes should vote: those that stay, made odd.
static unsigned wanted_count(const struct cluster_map *map)
{
    unsigned staying = 0;
    for (unsigned i = 0; i < map->node_count; i++)
        staying += !map->nodes[i].leaving;
    unsigned wanted = staying < VOTERS_MAX ? staying : VOTERS_MAX;
    return wanted == 0 ? 1 : wanted - (wanted + 1) % 2;
}

// Adds the lowest of `from` until there are as many as wanted.
static node_set fill(node_set voters, node_set from, unsigned wanted)
{
    for (from &= ~voters; node_set_count(voters) < wanted && from != 0; from &= from - 1)
        voters |= from & -from;
    return voters;
}

// The highest of the voters that may go, those that are not able first.
static node_set one_to_drop(node_set voters, node_set able)
{
    node_set from = (voters & ~able) != 0 ? voters & ~able : voters;
    return node_bit(node_set_nth(from, node_set_count(from) - 1));
}

node_set voters_choose(const struct cluster_map *map, node_set able)
{
    unsigned wanted = wanted_count(map);
    // In order: voters that are well, those that are only down, others that are well, the rest.
    node_set voters = map->voters & (able | cluster_map_settlers(map));
    voters = fill(voters, able, wanted);
    voters = fill(voters, map->voters, wanted);
    CHECK(voters != 0);
    while (node_set_count(voters) > wanted || node_set_count(voters) % 2 == 0)
        voters &= ~one_to_drop(voters, able);
    return voters;
}
