// Which handler a path and a method lead to.
//
// Invariant: no path that ends in / begins another one, so that at most one route fits.
#ifndef BRUSIO_FRONT_HTTP_ROUTER_H
#define BRUSIO_FRONT_HTTP_ROUTER_H

#include "front/http/exchange.h"

// How large the body of a PUT, POST or PATCH may be.
enum body_rule {
    BODY_NONE,   // there is no use for one
    BODY_FIELDS, // a few JSON fields
    BODY_RECORD, // a key and a value in JSON, where a byte may take six characters
    BODY_VALUE,  // a value, raw
    BODY_RULE_COUNT
};

typedef void exchange_handler(struct exchange *exchange);

struct route {
    const char *path; // one that ends in '/' matches what begins with it
    enum body_rule body;
    bool open; // answers without a token
    const char *allow;
    exchange_handler *handlers[METHOD_COUNT]; // NULL: not allowed
};

// NULL when no route fits. `rest` borrows what follows the route's path from `path`.
const struct route *route_find(const char *path, struct slice *rest);

// All routes, for those who list them.
const struct route *route_all(size_t *count);

#endif
