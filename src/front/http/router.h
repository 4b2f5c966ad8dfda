// Which handler a path and a method lead to.
//
// Invariants
//  1. No path that ends in / begins another one, unless one of the two has a suffix.
//  2. No suffix ends another one. So at most one route with a suffix fits, and at most one without;
//     the one with a suffix goes first.
#ifndef BRUSIO_FRONT_HTTP_ROUTER_H
#define BRUSIO_FRONT_HTTP_ROUTER_H

#include "front/http/exchange.h"

// How large the body of a PUT, POST or PATCH may be.
enum body_rule {
    BODY_NONE,     // there is no use for one
    BODY_FIELDS,   // a few JSON fields
    BODY_DOCUMENT, // JSON with texts of people
    BODY_RECORD,   // a key and a value in JSON, where a byte may take six characters
    BODY_VALUE,    // a value, raw
    BODY_BUNDLE,   // operations of a keyspace
    BODY_RULE_COUNT
};

typedef void exchange_handler(struct exchange *exchange);

struct route {
    const char *path;   // one that ends in '/' matches what begins with it
    const char *suffix; // and what ends with this; NULL: whatever it ends with
    enum body_rule body;
    bool open; // answers without a token
    const char *allow;
    exchange_handler *handlers[METHOD_COUNT]; // NULL: not allowed
};

// NULL when no route fits. `rest` borrows from `path` what stands between the route's path and its
// suffix.
const struct route *route_find(const char *path, struct slice *rest);

// All routes, for those who list them.
const struct route *route_all(size_t *count);

#endif
