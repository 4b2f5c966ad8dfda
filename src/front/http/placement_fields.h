// The fields by which an operator says how a keyspace is placed.
//
// Promise: each function answers the exchange with 400 and returns false when a field is there but
// not good.
#ifndef BRUSIO_FRONT_HTTP_PLACEMENT_FIELDS_H
#define BRUSIO_FRONT_HTTP_PLACEMENT_FIELDS_H

#include "front/http/exchange.h"
#include "front/http/fields.h"

// Parses the exchange's body. Gives fields to be ended by fields_free, NULL when it has answered.
struct fields *placement_fields_parse(struct exchange *exchange);

// "strategy" must be there and be known.
bool placement_take_strategy(struct exchange *exchange, const struct fields *fields,
                             enum strategy *out);

// "replication_factor", 1 to the number of nodes; `out` keeps its value when it is not there.
bool placement_take_factor(struct exchange *exchange, const struct fields *fields,
                           const struct cluster_map *map, uint8_t *out);

// "min_in_sync", 1 to `most`; `out` keeps its value when it is not there.
bool placement_take_min_in_sync(struct exchange *exchange, const struct fields *fields,
                                unsigned most, uint8_t *out);

#endif
