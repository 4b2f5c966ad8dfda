// What is stored of one key: its headers, each live, a death certificate, or bare; and the rules by
// which an arriving operation changes them. Pure: it neither reads nor writes a store.
//
// Promise: the live versions are the puts that no applied operation covers, a function of the set
// of operations applied and not of their order: equal knowledge, equal live versions. A certificate
// removes what it covers and nothing else.
//
// Invariants
//  1. No two headers have the same dot and id. (The same dot twice is a dot used twice: damage.)
//  2. No live version is covered by a header of this key.
//  3. A header is live or kept only if it is a put, a certificate only if it is a delete.
//  4. For each dot that was ever applied: it is live, or a certificate, or a header here covers it,
//     or it was dropped under the horizon.
#ifndef BRUSIO_CORE_EPIDEMIC_VERSIONS_H
#define BRUSIO_CORE_EPIDEMIC_VERSIONS_H

#include "core/epidemic/knowledge.h"
#include "core/epidemic/operation.h"

// Headers of one key: past it, operations are refused as if lost.
#define VERSIONS_MAX 1024u
// Live ones, beyond which the primary joins them.
#define VERSIONS_LIVE_MAX 16u

enum version_state {
    VERSION_LIVE,        // a put, with its value
    VERSION_CERTIFICATE, // a delete
    VERSION_BARE,        // a put that is covered; its value is gone
    // a put that is covered, stable, and has its value still: its coverer is not stable yet, and
    // readers of what is stable see it
    VERSION_KEPT,
    VERSION_STATE_COUNT
};

struct version {
    struct operation header; // its value is empty; its key is borrowed from the caller
    struct sha256 id;
    enum version_state state;
    enum version_state was; // as the store has it
    bool is_new;            // not in the store yet
    bool is_gone;           // to be removed from the store; no part of the set any more
};

// Owns its list until versions_release.
struct versions {
    struct version *list;
    uint32_t count;
    uint32_t capacity;
};

void versions_init(struct versions *versions);
void versions_release(struct versions *versions);
void versions_clear(struct versions *versions);

// Adds what the store has. Its state is as the store says. ERR_TOO_LARGE past VERSIONS_MAX.
WARN_UNUSED enum err versions_load(struct versions *versions, const struct operation *header,
                                   const struct sha256 *id, enum version_state state);

// What an arrival comes to. One row of the table of versions.c for each case of rule R7.
enum arrival {
    ARRIVAL_LIVE,    // stored with its value; to be shown
    ARRIVAL_COVERED, // stored bare: something here covers it
    ARRIVAL_CERTIFICATE,
    ARRIVAL_BARE,    // a bare header, stored; its dot is not known by that
    ARRIVAL_REVIVED, // the value of a bare header that nothing covers: live
    ARRIVAL_KNOWN,   // nothing changes
    ARRIVAL_TWIN,    // its dot is that of another operation, and known: only an audit takes it
    ARRIVAL_CROWDED, // the key has VERSIONS_MAX headers: as if lost
    ARRIVAL_COUNT
};

struct arrival_result {
    enum arrival arrival;
    bool learned; // the dot belongs into the knowledge
};

// Applies an operation that was found good. `known`: its dot is in the knowledge. `audit`: an audit
// or an operator asks for it although its dot is known (rules R7 and R13). `stable` is what is
// stable here: it decides which covered values are kept. Tidies afterwards (rule R8). Writes
// nothing of the value anywhere: on ARRIVAL_LIVE and ARRIVAL_REVIVED the caller stores it.
struct arrival_result versions_apply(struct versions *versions, const struct operation *operation,
                                     const struct sha256 *id, enum operation_form form, bool known,
                                     bool audit, const struct knowledge *stable);

// Marks as gone what a certificate or bare header says that the other headers say together: the
// join of the *other* headers' contexts covers its dot and its whole context (rule R8).
void versions_tidy(struct versions *versions);

// Marks as gone the certificates and bare headers that are under the horizon with all that they
// cover (rule R10); makes bare what was kept and whose coverer is stable now.
void versions_collect(struct versions *versions, const struct knowledge *horizon,
                      const struct knowledge *stable);

// What a write here replaces: the join of the dots and contexts of all headers (rule R6). When that
// is too much, inherited entries are left out, never the dots of what is here (rule R18).
// ERR_TOO_LARGE when these alone are too many.
WARN_UNUSED enum err versions_context(const struct versions *versions, struct context *out);

// Whether readers are not shown it any more (rule R16). `utc_ms`: the time; 0 while nobody said it,
// and then nothing has expired. It changes nothing of what the version means to others.
static inline bool version_is_expired(const struct version *version, uint64_t utc_ms)
{
    return version->header.expiry_ms != 0 && version->header.expiry_ms <= utc_ms;
}

// The winner: the greatest (stamp, id) of the live ones that have not expired, NULL without one
// (rule R9). Borrowed.
const struct version *versions_winner(const struct versions *versions, uint64_t utc_ms);
// The same among what is stable: the puts in `stable` that no header in `stable` covers, live or
// kept. A stable version whose value is not here is not seen.
const struct version *versions_stable_winner(const struct versions *versions,
                                             const struct knowledge *stable, uint64_t utc_ms);
uint32_t versions_live_count(const struct versions *versions);

// NULL when it has none with this dot that is not gone. Borrowed.
const struct version *versions_find(const struct versions *versions, struct dot dot,
                                    const struct sha256 *id);
// Whether a header here, not gone, covers `dot`.
bool versions_cover(const struct versions *versions, struct dot dot);

// Aborts unless the invariants hold.
void versions_invariants(const struct versions *versions);

#endif
