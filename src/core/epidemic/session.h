// Anti-entropy between two peers, for one keyspace: each sends what the other lacks (rules R11 to
// R13 of optimistic keyspaces; Demers et al., 1987, section 1.3).
//
// Promise
//  1. What the sender knows is taken over last, in one batch, and only when nothing was refused or
//     lost on the way: a cut session leaves the operations that it brought, and claims nothing
//     more.
//  2. A peer that missed what others have dropped since (the other's horizon is not within what it
//     knows) compares all live versions first; so does an audit. What is dead under the horizon
//     goes, what one of the two has lost is given back to it.
//  3. Equal spaces are found equal with one message each way.
//
// How it goes: the opener sends a summary; if it is not the responder's, both say what they know
// (KNOWN), and each sends the headers whose dots the other lacks, in numbered portions of which
// SESSION_WINDOW are under way at once: values, then certificates, then bare headers, then whatever
// came meanwhile, until one pass finds nothing more; with that pass goes CLOSE. Each close is
// answered by END. When the two have to compare everything, that happens between the portions and
// the close: folds of groups of slots, of slots, then lists of live versions and verdicts.
//
// Invariants
//  1. What was closed was sent: K of the close has no dot whose header stood in the sender's store
//     then and was not in a portion, unless the receiver knew the dot at the beginning.
//  2. At most SESSION_WINDOW portions are not answered.
//
// It knows nothing of who else there is, does not retry, and trusts peers to follow the protocol,
// not to be well: any bytes end in an error, not in damage beyond what the operations themselves
// can do.
#ifndef BRUSIO_CORE_EPIDEMIC_SESSION_H
#define BRUSIO_CORE_EPIDEMIC_SESSION_H

#include "core/epidemic/space.h"

#define SESSION_PORTION_BYTES (128u << 10)
#define SESSION_WINDOW 2u
#define SESSION_IDLE_US (UINT64_C(15) * 1000 * 1000)
// Live versions in one list of an audit.
#define SESSION_LIST_ITEMS_MAX 16384u

enum session_verdict {
    SESSION_EQUAL,   // nothing to do
    SESSION_APPLIED, // the close was taken
    SESSION_REFUSED, // something was not: no room, or past a limit
    SESSION_AGAIN,   // not taken: things changed meanwhile; another session will do
    SESSION_BROKEN,  // the other side did not follow the protocol, or does not know this session
    SESSION_VERDICT_COUNT
};

// What a session tells its owner, and what it is told of the world. Borrowed by all its sessions.
struct session_world {
    void *context;
    // An operation came that was news here.
    void (*on_news)(void *context, struct space *space, struct dot dot);
    // What may still be sent for now, in bytes; sending lowers it, possibly below 0. Portions wait
    // while it is not above 0.
    int64_t allowance_bytes;
};

struct session_out {
    enum { OUT_WAITS, OUT_SENDS, OUT_DRAINED, OUT_CLOSED, OUT_ENDED } state;
    enum { PASS_VALUES, PASS_CERTIFICATES, PASS_BARE, PASS_ALL } pass;
    struct knowledge target; // what the receiver knew, and was sent
    struct dot cursor;       // where this pass goes on
    uint64_t number;         // of the last portion
    uint32_t unanswered;
    struct space_item *wanted; // owned; what the other asked for in an audit
    uint32_t wanted_count;
    uint32_t wanted_next;
};

struct session_in {
    struct knowledge known;   // the other's K, as it told
    struct knowledge horizon; // the other's H, as it told
    uint64_t number;          // of the last portion taken
    bool refused;             // something of it was
    bool drained;             // the other has sent all for now
    bool ended;
    struct {
        uint64_t token;
        uint64_t number;
    } unanswered[SESSION_WINDOW]; // taken, and not durable yet
    uint32_t unanswered_count;
};

struct session_audit {
    bool begun;
    bool done;
    bool clean;      // nothing differed
    uint16_t *slots; // owned; the opener's: slots that differ
    uint32_t slot_count;
    uint32_t slot_next;
};

struct session {
    struct list link; // the owner's
    struct space *space;
    struct session_world *world;
    uint64_t peer;
    uint64_t id;
    uint64_t salt;
    bool opener;
    bool wants_audit;
    bool known_seen; // the other's KNOWN has come
    bool reconciles;
    bool over;
    enum session_verdict verdict; // of what came in
    struct hash128 told_horizon;
    struct knowledge told_known;
    uint64_t began_us;
    uint64_t touched_us;
    uint64_t offered_next;            // the space's next number when it was compared or closed
    enum session_verdict out_verdict; // what the other made of our close
    struct session_out out;
    struct session_in in;
    struct session_audit audit;
    struct buf scratch;
    uint64_t sent_bytes; // portions, for the owner to count
    uint64_t control_bytes;
    uint64_t operations_sent;
};

// Opens a session: sends the summary. `id` and `salt` are drawn afresh by the caller. `stability`
// is the number of the newest stability record here, which travels along. Gives a session, to be
// ended by session_free.
struct session *session_open(struct space *space, struct session_world *world, uint64_t peer,
                             uint64_t id, uint64_t salt, bool audit, struct stamp stability,
                             struct effects *effects, uint64_t now_us);

// Answers a SESSION_OPEN: equal spaces at once (then NULL), otherwise with a session. `busy`: there
// is no room for one, and the opener is told so.
struct session *session_accept(struct space *space, struct session_world *world, uint64_t peer,
                               const struct message_session_open *open, struct stamp stability,
                               bool busy, struct effects *effects, uint64_t now_us);
void session_free(struct session *session);

// Takes a message of this session (same peer, space and id).
void session_on_message(struct session *session, struct effects *effects, uint64_t now_us,
                        const struct message *message, struct stamp stability);

// Answers portions that are durable by now.
void session_on_durable(struct session *session, struct effects *effects, uint64_t token);

// Sends what may be sent; ends a session in which nothing moved for SESSION_IDLE_US.
void session_pump(struct session *session, struct effects *effects, uint64_t now_us);

// Whether it has ended, and may be freed; then `verdict` and `audit.clean` say how.
static inline bool session_is_over(const struct session *session)
{
    return session->over;
}

// Tells the sender of a message of a session that is not known here.
void session_disown(struct effects *effects, uint64_t peer, uint64_t space, uint64_t id);

void session_invariants(const struct session *session);

#endif
