// One optimistic keyspace, or channel of a family, at a node: what it knows, bundles,
// subscriptions.
//
// Promise: names are any text; the server says which are none. Errors are the client's.
#ifndef BRUSIO_PROG_CLI_SPACE_H
#define BRUSIO_PROG_CLI_SPACE_H

#include "cli/client.h"

// How far it is stable: `answer`, given to the caller, is what the server says.
WARN_UNUSED enum err space_stability(struct client *client, const char *name, json_t **answer,
                                     struct errmsg *detail);

// The operations as bytes, without those that `since`, a store id, is known to have; "all": with
// all. `answer` (initialized by the caller) gets them as its body.
WARN_UNUSED enum err space_export(struct client *client, const char *name, const char *since,
                                  struct answer *answer, struct errmsg *detail);

// `answer`, given to the caller, says what became of it.
WARN_UNUSED enum err space_import(struct client *client, const char *name, struct slice bundle,
                                  json_t **answer, struct errmsg *detail);

// That the node keeps a copy; ERR_EXISTS as long as what was written there has reached nobody.
WARN_UNUSED enum err space_subscribe(struct client *client, const char *name,
                                     struct errmsg *detail);
WARN_UNUSED enum err space_unsubscribe(struct client *client, const char *name,
                                       struct errmsg *detail);

// Begins a session with a peer, by store id; NULL: with any.
WARN_UNUSED enum err space_exchange(struct client *client, const char *name, const char *peer,
                                    struct errmsg *detail);

// The name of the only optimistic keyspace that the node keeps, to be freed. ERR_INVALID when there
// are several or none.
WARN_UNUSED enum err space_only(struct client *client, char **name, struct errmsg *detail);

#endif
