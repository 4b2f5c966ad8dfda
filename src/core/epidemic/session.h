// Anti-entropy between two peers, for one keyspace: each sends what the other lacks (rules R11 to
// R13 of optimistic keyspaces; Demers et al., 1987, section 1.3).
//
// Promise
//  1. What the sender knows is taken over last, in one batch, and only when nothing was refused or
//     lost on the way: a cut session leaves the operations that it brought, and claims nothing
//     more.
//  2. A peer that missed what others have dropped since (the other's horizon is not within what it
//     knows) compares all live versions first; so does an audit. What is dead under the horizon
//     goes with the close, and the horizon is adopted with it; what one of the two has lost is
//     given back to it.
//  3. Equal spaces are found equal with one message each way.
//  4. What a peer says that it has taken over, or has alike, is durable there.
//
// How it goes: the opener sends a summary; if it is not the responder's, both say what they know
// (KNOWN), and each sends the headers whose dots the other lacks, in numbered portions, of which
// some are under way at once. They go in rounds: of all that is lacking when a round begins, the
// values, then certificates, then bare headers. A round that ends in the step in which it began has
// missed nothing that came meanwhile: with it goes CLOSE. Each close is answered by END. When the
// two have to compare everything, that happens between the portions and the close: folds of groups
// of slots, of slots, then lists of live versions and verdicts, one list at a time.
//
// Invariants
//  1. What was closed was sent: K of the close has no dot whose header stood in the sender's store
//     then and was not in a portion, unless the receiver knew the dot at the beginning.
//  2. At most SESSION_WINDOW portions are not answered, and but for the last of them they have less
//     than SESSION_WINDOW_BYTES.
//  3. One session of a space at most compares everything at a time: the one whose horizon the space
//     watches.
//
// It knows nothing of who else there is, does not retry, and trusts peers to follow the protocol,
// not to be well: any bytes end in an error, not in damage beyond what the operations themselves
// can do. Messages of one session may be lost, repeated or come late: then it ends.
#ifndef BRUSIO_CORE_EPIDEMIC_SESSION_H
#define BRUSIO_CORE_EPIDEMIC_SESSION_H

#include "core/epidemic/space.h"

#define SESSION_PORTION_BYTES (128u << 10)
#define SESSION_WINDOW 8u
#define SESSION_WINDOW_BYTES (1u << 20)
// A value of the greatest size may take so long.
#define SESSION_IDLE_US (UINT64_C(30) * 1000 * 1000)
// Live versions of one slot, past which it cannot be compared.
#define SESSION_SLOT_ITEMS_MAX (1u << 17)
// Versions that one session has to send because they were asked for, and that it drops at its
// close.
#define SESSION_WANTED_MAX (1u << 19)
#define SESSION_DROPS_MAX (1u << 17)

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
    // Headers that were known here, lost, and given back by audits: the sessions' own.
    uint64_t restored;
};

// What the receiver lacks of what stood in the store when the round began.
struct session_round {
    bool begun;
    bool is_cut; // it does not fit in a set: another round has the rest
    enum { PASS_VALUES, PASS_CERTIFICATES, PASS_BARE, PASS_STRAYS, PASS_COUNT } pass;
    struct dot cursor;       // where this pass goes on
    struct knowledge known;  // of what was known then
    struct knowledge strays; // of bare headers that were not
};

struct session_items {
    struct space_item *list; // owned
    uint32_t count;
    uint32_t capacity;
};

struct session_out {
    enum { OUT_WAITS, OUT_SENDS, OUT_DRAINED, OUT_CLOSED, OUT_ENDED } state;
    struct knowledge given;        // what the receiver knew, and what rounds have brought
    struct knowledge given_strays; // the same of what is not known here
    struct session_round round;
    uint64_t number;              // of the last portion
    uint64_t answered;            // the last that was
    size_t sizes[SESSION_WINDOW]; // of those since, by number
    size_t unanswered_bytes;
    struct session_items wanted; // what the other asked for in an audit, or what covers that
    uint32_t wanted_next;
    bool is_asked; // the other waits for the last of them
};

struct session_in {
    struct knowledge known;   // the other's K, as it told
    struct knowledge horizon; // the other's H, as it told
    uint64_t number;          // of the last portion taken
    bool refused;             // something of it was
    bool drained;             // the other has sent all for now
    bool ended;               // the verdict is clear; END goes once all is durable
    bool end_sent;
    uint64_t end_token;
    struct {
        uint64_t token;
        uint64_t number;
    } unanswered[SESSION_WINDOW]; // taken, and not durable yet
    uint32_t unanswered_count;
};

struct session_audit {
    enum { AUDIT_WAITS, AUDIT_FOLDED, AUDIT_LISTED, AUDIT_JUDGED } stage;
    bool done;              // all is judged
    bool clean;             // nothing that was known here had to be given back, or had to go
    bool alike;             // nothing was asked for, or had to go, on either side
    bool damaged;           // the space was when this began
    struct hash128 horizon; // the space's when this began
    bool awaits;            // what was asked for has not all come
    uint64_t turn;
    uint16_t *slots; // owned; the opener's: slots that differ
    uint32_t slot_count;
    uint32_t slot_first; // of the list under way
    uint32_t slot_next;
    struct session_items drops; // for the close
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
    enum session_verdict verdict;     // of what came in
    enum session_verdict out_verdict; // what the other made of our close
    struct stamp stability;           // as the owner told last
    struct hash128 told_horizon;
    struct knowledge told_known;
    uint64_t restored; // of the world when this began, and by this since
    uint64_t began_us;
    uint64_t touched_us;
    uint64_t offered_next; // the space's next number when it was compared or closed
    struct session_out out;
    struct session_in in;
    struct session_audit audit;
    struct buf scratch;
    uint64_t sent_bytes; // of operations, for the owner to count
    uint64_t control_bytes;
    uint64_t operations_sent;
};

// Opens a session: sends the summary. `id` and `salt` are drawn afresh by the caller. `stability`
// is the number of the newest stability record here, which travels along. Gives a session, to be
// ended by session_free.
struct session *session_open(struct space *space, struct session_world *world, uint64_t peer,
                             uint64_t id, uint64_t salt, bool audit, struct stamp stability,
                             struct effects *effects, uint64_t now_us);

// Answers a SESSION_OPEN: equal spaces at once if all is durable (then NULL), otherwise with a
// session. `busy`: there is no room for one, and the opener is told so.
struct session *session_accept(struct space *space, struct session_world *world, uint64_t peer,
                               const struct message_session_open *open, struct stamp stability,
                               bool busy, struct effects *effects, uint64_t now_us);
void session_free(struct session *session);

// The id of the session that a message is of; 0 for messages that are of none.
uint64_t session_of_message(const struct message *message);

// Takes a message of this session (same peer, space and id).
void session_on_message(struct session *session, struct effects *effects, uint64_t now_us,
                        const struct message *message, struct stamp stability);

// Answers what is durable by now. To be followed by session_pump.
void session_on_durable(struct session *session, struct effects *effects, uint64_t token);

// Sends what may be sent; ends a session in which nothing came for SESSION_IDLE_US.
void session_pump(struct session *session, struct effects *effects, uint64_t now_us);

// Whether it has ended, and may be freed; then the verdicts and `audit.clean` say how.
static inline bool session_is_over(const struct session *session)
{
    return session->over;
}

// Tells the sender of a message of a session that is not known here.
void session_disown(struct effects *effects, uint64_t peer, uint64_t space, uint64_t id);

void session_invariants(const struct session *session);

#endif
