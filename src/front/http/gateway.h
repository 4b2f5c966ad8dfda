// What all exchanges of a server share: the host that they ask, the limits, and the line of those
// that wait.
//
// Promise: an exchange that waits for the host is answered at the latest when its limit has passed,
// whether or not the host answers.
//
// Invariants
//  1. Each line is in the order of deadlines: a limit is the same for all that stand in it.
//  2. held_bytes is the sum of what exchanges hold: bodies, also those that the host works on, and
//     answers not yet sent. It is at most held_bytes_max plus GATEWAY_SMALL_BYTES for each
//     exchange, or what one exchange holds.
#ifndef BRUSIO_FRONT_HTTP_GATEWAY_H
#define BRUSIO_FRONT_HTTP_GATEWAY_H

#include "base/list.h"
#include "front/http/callers.h"
#include "host/host.h"

// What one exchange may hold in any case, so that small requests get through while large ones wait.
#define GATEWAY_SMALL_BYTES (16u << 10)

struct exchange;

// Who waits how long: for a record, or for a change of the map.
enum patience { PATIENCE_RECORD, PATIENCE_CHANGE, PATIENCE_COUNT };

struct gateway {
    struct host *host; // borrowed
    struct clock clock;
    uint64_t limit_us[PATIENCE_COUNT];
    struct list lines[PATIENCE_COUNT];
    struct list orphans; // exchanges whose connection has ended, and to which the host owes a reply
    struct list turns;   // exchanges that go on when the server runs next, one each time
    struct list streams; // answers that go on
    struct callers callers;
    size_t value_bytes_max;
    size_t held_bytes;
    size_t held_bytes_max;
    size_t intake_bytes_max; // with so much held no more of bodies is taken
    bool resumed;            // an exchange was woken since the server last ran
};

void gateway_init(struct gateway *gateway, struct host *host, struct clock clock);

// By the gateway's clock.
uint64_t gateway_now_us(const struct gateway *gateway);

// Lets the orphans go: the gateway ends before their replies come.
void gateway_release(struct gateway *gateway);

// May an exchange that holds `held` hold `bytes` more, if all together may then hold `max`? One
// that is alone always may.
static inline bool gateway_has_room(const struct gateway *gateway, size_t held, size_t bytes,
                                    size_t max)
{
    return held + bytes <= GATEWAY_SMALL_BYTES || held == gateway->held_bytes ||
           (gateway->held_bytes <= max && bytes <= max - gateway->held_bytes);
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
