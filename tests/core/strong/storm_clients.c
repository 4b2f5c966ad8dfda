// The clients of a storm, and the part of a gateway that asks writes again (core/node/router.c).

#include "storm_parts.h"

#include "base/check.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

enum { TRIES_MAX = 4 };

static struct storm_call *free_call(struct storm *storm)
{
    for (unsigned i = 0; i < STORM_CALLS_MAX; i++)
        if (!storm->calls[i].open)
            return &storm->calls[i];
    return NULL;
}

static void close_call(struct storm *storm, struct storm_call *call, bool nothing_done)
{
    if (nothing_done)
        key_history_refused(&storm->histories[call->key], call->number);
    else
        key_history_lost(&storm->histories[call->key], call->number);
    storm_say(storm, "call %s#%u ends: %s", storm_key(call->key), (unsigned)call->number,
              nothing_done ? "refused" : "unknown");
    call->open = false;
}

// What a try before came to goes along with the next one.
static void note_try(struct storm *storm, struct storm_call *call, node_id id)
{
    struct request *request = &call->request;
    if (request->first_epoch == 0) {
        request->first_epoch = call->sent_epoch;
        request->first_stamp = call->sent_stamp;
    }
    call->lost_try |= call->sent_epoch != 0 && stamp_is_zero(call->sent_stamp);
    if (call->lost_try)
        request->first_stamp = (struct stamp){0};
    call->sent_stamp = (struct stamp){0};
    call->sent_epoch = storm_epoch(storm, id);
}

static void try_at(struct storm *storm, struct storm_call *call, node_id id)
{
    static const char *const names[] = {"read", "put", "delete"};
    if (call->request.kind != REQUEST_READ)
        note_try(storm, call, id);
    storm_say(storm, "call %s#%u at %u: %s, condition %d", storm_key(call->key),
              (unsigned)call->number, id, names[call->request.kind], (int)call->request.condition);
    call->node = id;
    call->tries++;
    // The answer may come within the request.
    call->handle = storm->bench->answer_count + 1;
    bench_request(storm->bench, id, &call->request);
    storm_look(storm, id);
}

static enum condition draw_condition(struct storm *storm, unsigned key)
{
    enum condition condition = (enum condition)(1 + rng_below(&storm->rng, 3));
    if (condition != CONDITION_STAMP || !stamp_is_zero(storm->seen[key]))
        return condition;
    return CONDITION_ABSENT;
}

static struct storm_call *begin(struct storm *storm, enum request_kind kind, bool conditional,
                                unsigned key)
{
    struct storm_call *call = free_call(storm);
    if (call == NULL || storm->histories[key].operation_count == KEY_OPERATIONS_MAX ||
        storm->bench->answer_count == BENCH_ANSWERS_MAX)
        return NULL;
    *call = (struct storm_call){.open = true, .key = key};
    call->request = (struct request){.kind = kind, .key = slice_of_text(storm_key(key))};
    if (conditional) {
        call->request.condition = draw_condition(storm, key);
        if (call->request.condition == CONDITION_STAMP)
            call->request.expected = storm->seen[key];
    }
    call->number = key_history_begin(&storm->histories[key], &call->request);
    key_history_value(call->number, call->value);
    if (kind == REQUEST_PUT)
        call->request.value = slice_of(call->value, sizeof call->value);
    if (kind != REQUEST_READ)
        call->request.operation = (struct operation_id){.high = key + 1, .low = call->number};
    return call;
}

// Where some node, by the map that it knows, believes the primary to be.
static node_id draw_primary(struct storm *storm)
{
    node_id id = storm_draw_awake(storm);
    if (id == NODE_NONE)
        return id;
    const struct strong *strong = &storm->bench->nodes[id]->strong;
    const struct replica_set *set = strong_slot(strong, BENCH_KEYSPACE, storm_slot());
    bool known = set != NULL && set->primary != NODE_NONE && !storm->nodes[set->primary].asleep;
    return known ? set->primary : id;
}

void storm_call(struct storm *storm, enum request_kind kind, bool conditional)
{
    unsigned key = (unsigned)rng_below(&storm->rng, storm->key_count);
    bool anywhere = kind == REQUEST_READ || storm_draw(storm, 1, 8);
    node_id id = anywhere ? storm_draw_awake(storm) : draw_primary(storm);
    struct storm_call *call = id != NODE_NONE ? begin(storm, kind, conditional, key) : NULL;
    if (call != NULL)
        try_at(storm, call, id);
}

// Goes on elsewhere; asked again where it waits, it would wait on (router.c).
static bool give_up(struct storm *storm, struct storm_call *call, node_id id)
{
    if (call->request.kind == REQUEST_READ)
        return true;
    if (id == call->node || storm->given_up_count == STORM_GIVEN_UP_MAX)
        return false;
    storm->given_up[storm->given_up_count++] =
        (struct storm_given_up){.handle = call->handle,
                                .key = call->key,
                                .number = call->number,
                                .deletes = call->request.kind == REQUEST_DELETE};
    return true;
}

void storm_call_again(struct storm *storm)
{
    struct storm_call *call = &storm->calls[rng_below(&storm->rng, STORM_CALLS_MAX)];
    node_id id = draw_primary(storm);
    // One that waits for its answer is given up now and then.
    if (!call->open || id == NODE_NONE || (call->handle != 0 && storm_draw(storm, 3, 4)))
        return;
    if (call->handle != 0 && !give_up(storm, call, id))
        return;
    bool nothing_done =
        call->handle == 0 && call->sent_epoch == 0 && call->request.first_epoch == 0;
    if (call->request.kind == REQUEST_READ || call->tries == TRIES_MAX)
        close_call(storm, call, nothing_done);
    else
        try_at(storm, call, id);
}

void storm_read_now(struct storm *storm, node_id id, unsigned key)
{
    for (unsigned i = 0; i < STORM_CALLS_MAX && free_call(storm) == NULL; i++)
        close_call(storm, &storm->calls[i], false);
    struct storm_call *call = begin(storm, REQUEST_READ, false, key);
    if (call == NULL)
        return;
    try_at(storm, call, id);
    if (call->open)
        storm_violate(storm, "a read is not answered though all is quiet");
}

// --- answers

static struct reply reply_of(const struct bench_answer *answer)
{
    return (struct reply){.error = answer->error,
                          .existed = answer->existed,
                          .stamp = answer->stamp,
                          .value = buf_slice(&answer->value)};
}

static void note_version(struct storm *storm, unsigned key, uint64_t number, bool dead,
                         uint64_t handle)
{
    if (bench_error(storm->bench, handle) == ERR_OK)
        key_history_ordered(&storm->histories[key], bench_answer(storm->bench, handle)->stamp,
                            number, dead);
}

// The versions that answers tell of are known before any of these answers is judged.
static void note_versions(struct storm *storm)
{
    for (unsigned i = 0; i < STORM_CALLS_MAX; i++) {
        const struct storm_call *call = &storm->calls[i];
        if (call->open && call->handle != 0 && call->request.kind != REQUEST_READ)
            note_version(storm, call->key, call->number, call->request.kind == REQUEST_DELETE,
                         call->handle);
    }
    for (unsigned i = 0; i < storm->given_up_count; i++) {
        const struct storm_given_up *try = &storm->given_up[i];
        note_version(storm, try->key, try->number, try->deletes, try->handle);
    }
}

static void take_answer(struct storm *storm, struct storm_call *call, const struct reply *reply)
{
    storm_say(storm, "call %s#%u at %u: %s, version %llx", storm_key(call->key),
              (unsigned)call->number, call->node, err_name(reply->error),
              (unsigned long long)reply->stamp.counter);
    call->handle = 0;
    if (reply->error == ERR_UNDECIDED)
        call->sent_stamp = reply->stamp;
    else if (reply->error != ERR_UNKNOWN)
        call->sent_epoch = 0;
    if (!stamp_is_zero(reply->stamp) && reply->error != ERR_UNDECIDED)
        storm->seen[call->key] = reply->stamp;
    if (reply->error == ERR_OK || reply->error == ERR_NOT_FOUND || reply->error == ERR_MISMATCH) {
        key_history_done(&storm->histories[call->key], call->number, reply);
        call->open = false;
    } else if (call->request.kind == REQUEST_READ || reply->error == ERR_UNKNOWN) {
        close_call(storm, call, call->request.kind == REQUEST_READ);
    }
}

void storm_take_answers(struct storm *storm)
{
    note_versions(storm);
    for (unsigned i = 0; i < STORM_CALLS_MAX; i++) {
        struct storm_call *call = &storm->calls[i];
        if (!call->open || call->handle == 0 ||
            bench_error(storm->bench, call->handle) == ERR_COUNT)
            continue;
        struct reply reply = reply_of(bench_answer(storm->bench, call->handle));
        take_answer(storm, call, &reply);
    }
}
