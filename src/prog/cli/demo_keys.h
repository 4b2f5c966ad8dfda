// The keys that the demonstration writes, and what each must hold now.
//
// Promise: the names begin with a random word, so that no key of anyone else is touched.
#ifndef BRUSIO_PROG_CLI_DEMO_KEYS_H
#define BRUSIO_PROG_CLI_DEMO_KEYS_H

#include "cli/client.h"

#define DEMO_KEYSPACE "default"

enum { DEMO_KEYS = 12, DEMO_PREFIX_BYTES = 32, DEMO_TEXT_BYTES = 96 };

struct demo_keys {
    char prefix[DEMO_PREFIX_BYTES];
    unsigned versions[DEMO_KEYS]; // which write of all is in each key, 0 when it is absent
    bool touched[DEMO_KEYS];      // a write was tried, so the key may exist
    unsigned writes;
};

WARN_UNUSED enum err demo_keys_init(struct demo_keys *keys, struct errmsg *detail);

// `key` is 0 to DEMO_KEYS - 1.
void demo_keys_name(const struct demo_keys *keys, size_t key, char name[DEMO_TEXT_BYTES]);

// Writes the next version through `client`; false, with the reason, when that is not acknowledged.
bool demo_keys_write(struct demo_keys *keys, size_t key, struct client *client,
                     struct errmsg *detail);

// Whether a read through `client` gives what was written last, or "not found" for an absent key.
bool demo_keys_read(const struct demo_keys *keys, size_t key, struct client *client, bool local,
                    struct errmsg *detail);

// True when the key was there and is deleted. A key that was absent already counts as untouched.
bool demo_keys_delete(struct demo_keys *keys, size_t key, struct client *client,
                      struct errmsg *detail);

#endif
