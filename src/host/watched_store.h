// The data store as the cores see it, with an eye on what they read: a read that fails is not told
// from a record that is absent everywhere, so nothing that a step decided on it may leave the node.
//
// Promise: every get and scan goes to the store that is watched; the first error of a read but
// ERR_NOT_FOUND is kept.
#ifndef BRUSIO_HOST_WATCHED_STORE_H
#define BRUSIO_HOST_WATCHED_STORE_H

#include "port/store.h"

struct watched_store {
    struct store inner;
    enum err error; // ERR_OK while every read went well
};

// The port borrows `watched`, and what that watches.
struct store watched_store_port(struct watched_store *watched);

#endif
