// Who is connected: what each caller is at, since when, and who has to go.
//
//     new --> receiving --> working --> sending --> idle --> receiving ...
//
// Promise
//  1. A caller that makes no progress where it is its turn is cut: one that sends no request, sends
//     one too slowly, or does not read its answer. Its turn is every state but `working`.
//  2. There is room for a newcomer while anyone is idle or has not asked yet: whoever is so for the
//     longest is turned away with a 503. When all are busy, one that is slow gives way, or else the
//     newcomer itself is turned away.
//
// Invariants
//  1. A caller stands in the line of its state, in the order of `since_us`.
//  2. Once turned away or cut a caller stays so until it ends; nothing that it asks is carried out.
//
// It reads no bytes. It writes a 503 to those that it turns away, and otherwise only shuts sockets
// down: their owner, the HTTP library, then finds them at their end and closes them.
#ifndef BRUSIO_FRONT_HTTP_CALLERS_H
#define BRUSIO_FRONT_HTTP_CALLERS_H

#include "base/list.h"
#include "port/clock.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Callers that were turned away and have not hung up yet; past it the oldest of them is cut.
#define CALLERS_TURNED_AWAY_MAX 256

enum caller_state {
    CALLER_NEW,       // has not sent a whole head yet
    CALLER_IDLE,      // was answered; perhaps some of the next head has come
    CALLER_RECEIVING, // sends a body
    CALLER_WORKING,   // waits for this node
    CALLER_SENDING,   // is being answered
    CALLER_TURNED_AWAY,
    CALLER_CUT,
    CALLER_STATE_COUNT
};

struct callers {
    struct clock clock;
    uint64_t now_us; // when callers_expire or callers_expiry_ms was called last
    unsigned max;
    unsigned counts[CALLER_STATE_COUNT];
    struct list lines[CALLER_STATE_COUNT];  // oldest first
    uint64_t limits_us[CALLER_STATE_COUNT]; // UINT64_MAX: none
};

struct caller {
    struct list in_line;
    struct callers *callers;
    int socket; // borrowed
    enum caller_state state;
    uint64_t since_us; // it is in this state, or it made progress in it
    uint64_t progress; // bytes that had come in, or gone out, at that time
    bool progress_is_known;
};

// `max` callers are served at once; one that is idle may be so for `idle_ms`.
void callers_init(struct callers *callers, struct clock clock, unsigned max, uint64_t idle_ms);

// Gives a caller to be ended by caller_end. Somebody, perhaps this one, may be turned away for it.
struct caller *caller_new(struct callers *callers, int socket);
void caller_end(struct caller *caller);

// Comes to a state; does nothing once it was turned away or cut.
void caller_enter(struct caller *caller, enum caller_state state);

// So many bytes of a body have come in, all in all.
void caller_received(struct caller *caller, uint64_t bytes);

// Was it sent a 503, so that nothing it asks may be carried out?
bool caller_is_refused(const struct caller *caller);

// Cuts everyone whose time is over. To be called before each round of reading and writing: all that
// happens in a round counts as happening now.
void callers_expire(struct callers *callers);

// Milliseconds until callers_expire has something to do, rounded up; UINT64_MAX for never.
uint64_t callers_expiry_ms(struct callers *callers);

// Memory is short: cuts whoever has been receiving or sending for the longest, if that is long.
void callers_relieve(struct callers *callers);

#endif
