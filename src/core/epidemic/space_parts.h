// What the files of a space share: space.c opens, learns and closes; space_records.c keeps its
// records; space_hand.c loads and stores the headers of one key; space_apply.c takes what arrives,
// space_write.c writes here, space_expiry.c removes; space_read.c and space_walk.c give;
// space_upkeep.c cleans up.
#ifndef BRUSIO_CORE_EPIDEMIC_SPACE_PARTS_H
#define BRUSIO_CORE_EPIDEMIC_SPACE_PARTS_H

#include "core/epidemic/space.h"
#include "core/epidemic/space_store.h"

// Own writes that one call issues again at most.
#define SPACE_REISSUED_MAX 64u

// --- records

// Reads them all into a space that is empty.
WARN_UNUSED enum err space_records_load(struct space *space);
// What the space is now, written.
void space_put_state(struct space *space, struct effects *effects);
void space_put_digest(struct space *space, struct effects *effects, uint16_t slot);
// One origin of a set; of each origin of `which`, that of `set`.
void space_put_origin(struct space *space, struct effects *effects, enum record_kind kind,
                      const struct knowledge *set, uint64_t origin);
void space_put_origins(struct space *space, struct effects *effects, enum record_kind kind,
                       const struct knowledge *set, const struct knowledge *which);

// --- the key in hand

// Loads the headers of a key into space->versions. `key` must outlive their use. ERR_CORRUPT.
WARN_UNUSED enum err space_hand_load(struct space *space, struct slice key);
// The same, for a change: what is garbage by now does not count (rule R10).
WARN_UNUSED enum err space_hand_load_tidy(struct space *space, struct slice key);
// Writes what became of them, values, digest and counts with them. `arrived` carries the value of
// what came with one, or is NULL. The caller writes the state.
void space_hand_store(struct space *space, struct effects *effects, struct slice key,
                      const struct operation *arrived);
// Of the version in hand with this dot and head of the id; NULL without one. Borrowed.
struct version *space_hand_find(struct space *space, struct dot dot, uint64_t id_head);

// --- the rest

// The dot is known from now on. ERR_TOO_LARGE past the bounds; then nothing has changed.
WARN_UNUSED enum err space_learn(struct space *space, struct effects *effects, struct dot dot);
// It is stored and not known; or not so any more.
WARN_UNUSED enum err space_add_stray(struct space *space, struct effects *effects, struct dot dot);
void space_remove_stray(struct space *space, struct effects *effects, struct dot dot);

// Whether so many bytes more may wait for the store.
bool space_has_room(const struct space *space, size_t bytes);

// Gives an operation, complete but for dot, counter and signature, its place among the headers of
// its key, which is in hand, and writes it. On an error nothing was written. `author` signs it, or
// is NULL.
WARN_UNUSED enum err space_issue(struct space *space, struct effects *effects,
                                 struct operation *operation, const struct signing_secret *author);

// Whether this author may write the key here; ERR_DENIED.
WARN_UNUSED enum err space_check_author(const struct space *space, struct slice key,
                                        const struct signing_secret *author);

// Whether the key is one of its author's.
bool space_key_is_of(struct slice key, const struct signing_key *author);

// Whether the keyspace may hold it.
bool space_is_fit(const struct space *space, const struct operation *operation);

// Somebody names this number of an origin. True when it was this run's, and is lost.
bool space_lose_origin(struct space *space, struct dot named);
// Goes on issuing what was written under lost origins again. True when nothing is left.
bool space_reissue(struct space *space, struct effects *effects);

// Frees what is in memory, and makes it that of a new space.
void space_reset(struct space *space);

#endif
