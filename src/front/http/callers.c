#include "front/http/callers.h"

#include "base/check.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    NEW_MS = 10000,
    RECEIVING_MS = 10000,
    SENDING_MS = 5000,
    TURNED_AWAY_MS = 1000,
    // In the time that it is given, a body or an answer must get on by so much.
    PROGRESS_BYTES_MIN = 64 << 10,
    // Whoever has made no progress for so long gives way when there is no room.
    SLOW_MS = 2000,
};

#define REFUSAL                                                                                    \
    "{\"error\":\"busy\",\"message\":\"too many connections to this node: ask again later, or "    \
    "ask "                                                                                         \
    "another node\"}"
#define TEXT_OF_NUMBER(number) #number
#define TEXT_OF(number) TEXT_OF_NUMBER(number)
#define REFUSAL_BYTES 100

_Static_assert(sizeof REFUSAL - 1 == REFUSAL_BYTES, "the length that is said");

static const char refusal[] = "HTTP/1.1 503 Service Unavailable\r\n"
                              "Content-Type: application/json\r\n"
                              "Retry-After: 1\r\n"
                              "Connection: close\r\n"
                              "Content-Length: " TEXT_OF(REFUSAL_BYTES) "\r\n\r\n" REFUSAL;

void callers_init(struct callers *callers, struct clock clock, unsigned max, uint64_t idle_ms)
{
    *callers = (struct callers){.clock = clock, .max = max};
    const uint64_t limits_ms[CALLER_STATE_COUNT] = {
        [CALLER_NEW] = NEW_MS,
        [CALLER_IDLE] = idle_ms,
        [CALLER_RECEIVING] = RECEIVING_MS,
        [CALLER_SENDING] = SENDING_MS,
        [CALLER_TURNED_AWAY] = TURNED_AWAY_MS,
    };
    for (int i = 0; i < CALLER_STATE_COUNT; i++) {
        list_init(&callers->lines[i]);
        callers->limits_us[i] = limits_ms[i] > 0 ? limits_ms[i] * 1000 : UINT64_MAX;
    }
}

static uint64_t look_at_clock(struct callers *callers)
{
    callers->now_us = callers->clock.ops->now_us(callers->clock.self);
    return callers->now_us;
}

static struct caller *first_in(const struct callers *callers, enum caller_state state)
{
    const struct list *line = &callers->lines[state];
    return list_empty(line) ? NULL : LIST_ITEM(line->next, struct caller, in_line);
}

// Puts it last in the line of its state.
static void stand_last(struct caller *caller)
{
    list_remove(&caller->in_line);
    list_append(&caller->callers->lines[caller->state], &caller->in_line);
    caller->since_us = caller->callers->now_us;
}

static void change_state(struct caller *caller, enum caller_state state)
{
    caller->callers->counts[caller->state]--;
    caller->callers->counts[state]++;
    caller->state = state;
    caller->progress = 0;
    caller->progress_is_known = state == CALLER_RECEIVING;
    stand_last(caller);
}

static void cut(struct caller *caller)
{
    // What it does not read goes at once, and is not kept by the operating system until it does.
    const struct linger at_once = {.l_onoff = 1};
    if (caller->state == CALLER_SENDING)
        (void)setsockopt(caller->socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    (void)shutdown(caller->socket, SHUT_RDWR);
    change_state(caller, CALLER_CUT);
}

// What the caller sends meanwhile is still read, so that its system does not drop the answer.
static void turn_away(struct caller *caller)
{
    (void)send(caller->socket, refusal, sizeof refusal - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)shutdown(caller->socket, SHUT_WR);
    change_state(caller, CALLER_TURNED_AWAY);
    if (caller->callers->counts[CALLER_TURNED_AWAY] > CALLERS_TURNED_AWAY_MAX)
        cut(first_in(caller->callers, CALLER_TURNED_AWAY));
}

static struct caller *older_of(struct caller *a, struct caller *b)
{
    if (a == NULL || b == NULL)
        return a != NULL ? a : b;
    return a->since_us <= b->since_us ? a : b;
}

static struct caller *slowest(const struct callers *callers)
{
    struct caller *oldest =
        older_of(first_in(callers, CALLER_RECEIVING), first_in(callers, CALLER_SENDING));
    bool slow = oldest != NULL && callers->now_us >= oldest->since_us + SLOW_MS * 1000;
    return slow ? oldest : NULL;
}

static void make_room(struct callers *callers, struct caller *newcomer)
{
    unsigned served = 0;
    for (int i = CALLER_NEW; i <= CALLER_SENDING; i++)
        served += callers->counts[i];
    if (served <= callers->max)
        return;
    struct caller *silent = older_of(first_in(callers, CALLER_IDLE), first_in(callers, CALLER_NEW));
    struct caller *slow = silent == newcomer ? slowest(callers) : NULL;
    if (slow != NULL)
        cut(slow);
    else
        turn_away(silent);
}

struct caller *caller_new(struct callers *callers, int socket)
{
    struct caller *caller = memory_zeroed(1, sizeof *caller);
    caller->callers = callers;
    caller->socket = socket;
    caller->state = CALLER_NEW;
    list_init(&caller->in_line);
    callers->counts[CALLER_NEW]++;
    stand_last(caller);
    make_room(callers, caller);
    return caller;
}

void caller_end(struct caller *caller)
{
    caller->callers->counts[caller->state]--;
    list_remove(&caller->in_line);
    free(caller);
}

bool caller_is_refused(const struct caller *caller)
{
    return caller->state == CALLER_TURNED_AWAY || caller->state == CALLER_CUT;
}

void caller_enter(struct caller *caller, enum caller_state state)
{
    CHECK(state != CALLER_TURNED_AWAY && state != CALLER_CUT);
    if (!caller_is_refused(caller))
        change_state(caller, state);
}

void caller_received(struct caller *caller, uint64_t bytes)
{
    if (caller->state != CALLER_RECEIVING || bytes < caller->progress + PROGRESS_BYTES_MIN)
        return;
    caller->progress = bytes;
    stand_last(caller);
}

// Bytes that the other end's system has taken, ever.
static uint64_t taken_bytes(const struct caller *caller)
{
    struct tcp_info info;
    socklen_t length = sizeof info;
    memset(&info, 0, sizeof info);
    (void)getsockopt(caller->socket, IPPROTO_TCP, TCP_INFO, &info, &length);
    return info.tcpi_bytes_acked;
}

// The library does not tell how far it has come with an answer, so it is looked up, and only of
// answers that take long: once when the time is over for the first time, and each time after that.
static void expire_sending(struct caller *caller)
{
    uint64_t taken = taken_bytes(caller);
    if (caller->progress_is_known && taken < caller->progress + PROGRESS_BYTES_MIN) {
        cut(caller);
        return;
    }
    caller->progress = taken;
    caller->progress_is_known = true;
    stand_last(caller);
}

static bool is_over(const struct callers *callers, const struct caller *caller, uint64_t now)
{
    uint64_t limit_us = callers->limits_us[caller->state];
    return limit_us != UINT64_MAX && now >= caller->since_us + limit_us;
}

void callers_expire(struct callers *callers)
{
    uint64_t now = look_at_clock(callers);
    for (int i = 0; i < CALLER_STATE_COUNT; i++) {
        struct caller *first = first_in(callers, (enum caller_state)i);
        for (; first != NULL && is_over(callers, first, now);
             first = first_in(callers, (enum caller_state)i)) {
            if (i == CALLER_SENDING)
                expire_sending(first);
            else
                cut(first);
        }
    }
}

uint64_t callers_expiry_ms(struct callers *callers)
{
    uint64_t left_us = UINT64_MAX;
    uint64_t now = look_at_clock(callers);
    for (int i = 0; i < CALLER_STATE_COUNT; i++) {
        const struct caller *first = first_in(callers, (enum caller_state)i);
        if (first == NULL || callers->limits_us[i] == UINT64_MAX)
            continue;
        uint64_t end_us = first->since_us + callers->limits_us[i];
        uint64_t left = end_us > now ? end_us - now : 0;
        left_us = left < left_us ? left : left_us;
    }
    return left_us == UINT64_MAX ? UINT64_MAX : (left_us + 999) / 1000;
}

void callers_relieve(struct callers *callers)
{
    struct caller *slow = slowest(callers);
    if (slow != NULL)
        cut(slow);
}
