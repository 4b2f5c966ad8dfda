// What all exchanges of a server share: the host that they ask, the limits, and the line of those
// that wait.
//
// Promise: an exchange that waits for the host is answered at the latest when its limit has passed,
// whether or not the host answers.
//
// Invariants
//  1. Each line is in the order of deadlines: a limit is the same for all that stand in it.
//  2. held_bytes is the sum of what exchanges hold: bodies not yet handed over, answers not yet
//     sent.
#ifndef BRUSIO_FRONT_HTTP_GATEWAY_H
#define BRUSIO_FRONT_HTTP_GATEWAY_H

#include "base/list.h"
#include "host/host.h"

struct exchange;

// Who waits how long: for a record, or for a change of the map.
enum patience { PATIENCE_RECORD, PATIENCE_CHANGE, PATIENCE_COUNT };

struct gateway {
    struct host *host; // borrowed
    struct clock clock;
    uint64_t limit_us[PATIENCE_COUNT];
    struct list lines[PATIENCE_COUNT];
    size_t value_bytes_max;
    size_t held_bytes;
    size_t held_bytes_max;
    bool resumed; // an exchange was woken since the server last ran
};

void gateway_init(struct gateway *gateway, struct host *host, struct clock clock);

// Would holding `bytes` more pass what may be held? Answers may pass it a little: by what those
// exchanges bring that were let in before.
static inline bool gateway_is_full(const struct gateway *gateway, size_t bytes)
{
    return gateway->held_bytes > gateway->held_bytes_max ||
           bytes > gateway->held_bytes_max - gateway->held_bytes;
}

// Puts `exchange`, which has asked the host, last in its line.
void gateway_add(struct gateway *gateway, struct exchange *exchange);

// Answers every exchange whose limit has passed.
void gateway_expire(struct gateway *gateway);

// Milliseconds to the next limit, rounded up; UINT64_MAX when nobody waits.
uint64_t gateway_expiry_ms(const struct gateway *gateway);

// Answers everyone that waits, because the server ends.
void gateway_dismiss(struct gateway *gateway);

#endif
