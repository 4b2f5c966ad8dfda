// A overlay over a store that shows what was reported, and whatever it likes of what came after;
// and what both together must show.
#ifndef BRUSIO_TESTS_CORE_EFFECT_WORLD_H
#define BRUSIO_TESTS_CORE_EFFECT_WORLD_H

#include "core/effect/overlay.h"

#define WORLD_TABLES 2u
#define WORLD_KEYS 14u
#define WORLD_QUEUE_MAX 64u
#define VALUE_BYTES 8u
#define TOKEN_UNBOUND UINT64_MAX

struct cell {
    bool present;
    size_t length;
    uint8_t value[VALUE_BYTES];
};

struct cells {
    struct cell at[WORLD_TABLES][WORLD_KEYS];
};

// A write on its way to the store. `token` is the first that names it.
struct queued {
    uint64_t token;
    unsigned table;
    unsigned key;
    struct cell cell;
};

struct world {
    struct effects effects;
    struct overlay overlay;
    struct store base;
    struct cells shown;                   // by the base
    struct cells expected;                // of the overlay
    struct queued queue[WORLD_QUEUE_MAX]; // written, but not shown
    size_t queued;
    uint64_t reported;
    // What each key's last write is bound to; 0: never written.
    uint64_t tokens[WORLD_TABLES][WORLD_KEYS];
    unsigned damaged; // a key of table 0; WORLD_KEYS: none
};

// All keys that there are, in byte order.
extern const char *const world_keys[WORLD_KEYS];

// The index of a key; any other fails the test.
unsigned world_key(struct slice key);

void world_open(struct world *world);
void world_close(struct world *world);

// What is in the store from the start.
void world_stock(struct world *world, const char *key, const char *value);

// Writes through the overlay and hands the effects over to the store. The shorter ones are about
// table 0.
void world_put(struct world *world, unsigned table, const char *key, struct slice value);
void world_put_text(struct world *world, const char *key, const char *value);
void world_remove(struct world *world, unsigned table, const char *key);

// The store shows the next `count` writes.
void world_show(struct world *world, size_t count);

// The overlay's token; and one that another core takes.
uint64_t world_token(struct world *world);
uint64_t world_token_of_another(struct world *world);

// The store shows what `token` names, at least, and the overlay hears of it.
void world_report(struct world *world, uint64_t token);

// `value` NULL: nothing.
void world_assert_gets(struct world *world, const char *key, const char *value);

// Scans, ending after `most` pairs, and compares with what is expected; gives the count of pairs.
unsigned world_scan(struct world *world, unsigned table, struct slice first, struct slice end,
                    unsigned most);
unsigned world_scan_text(struct world *world, const char *first, const char *end, unsigned most);

static inline struct slice cell_value(const struct cell *cell)
{
    return slice_of(cell->value, cell->length);
}

#endif
