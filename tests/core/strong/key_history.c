#include "key_history.h"

#include "base/check.h"

void key_history_init(struct key_history *history)
{
    memset(history, 0, sizeof *history);
}

static struct key_operation *operation_of(struct key_history *history, uint64_t number)
{
    CHECK(number >= 1 && number <= history->operation_count);
    return &history->operations[number];
}

uint64_t key_history_begin(struct key_history *history, const struct request *request)
{
    CHECK(history->operation_count < KEY_OPERATIONS_MAX);
    history->operations[++history->operation_count] =
        (struct key_operation){.kind = request->kind,
                               .condition = request->condition,
                               .expected = request->expected,
                               .floor = history->newest,
                               .outcome = KEY_OPEN};
    return history->operation_count;
}

void key_history_value(uint64_t number, uint8_t value[KEY_VALUE_BYTES])
{
    for (unsigned i = 0; i < KEY_VALUE_BYTES; i++)
        value[i] = (uint8_t)(number >> (8 * (KEY_VALUE_BYTES - 1 - i)));
}

static void violate(struct key_history *history, const char *what)
{
    if (history->violation == NULL)
        history->violation = what;
}

// The position of the first version that is not below `stamp`.
static unsigned position_of(const struct key_history *history, struct stamp stamp)
{
    unsigned at = history->version_count;
    while (at > 0 && stamp_compare(history->versions[at - 1].stamp, stamp) >= 0)
        at--;
    return at;
}

// NULL when none has this stamp.
static struct key_version *version_of(struct key_history *history, struct stamp stamp)
{
    unsigned at = position_of(history, stamp);
    bool there =
        at < history->version_count && stamp_compare(history->versions[at].stamp, stamp) == 0;
    return there ? &history->versions[at] : NULL;
}

void key_history_ordered(struct key_history *history, struct stamp stamp, uint64_t number,
                         bool dead)
{
    const struct key_version *known = version_of(history, stamp);
    if (known != NULL) {
        if (known->operation != number || known->dead != dead)
            violate(history, "two versions have one stamp");
        return;
    }
    CHECK(history->version_count < KEY_VERSIONS_MAX);
    unsigned at = position_of(history, stamp);
    memmove(&history->versions[at + 1], &history->versions[at],
            (history->version_count - at) * sizeof history->versions[0]);
    history->versions[at] = (struct key_version){.stamp = stamp, .operation = number, .dead = dead};
    history->version_count++;
}

// --- what an answer rests on

static void raise_newest(struct key_history *history, struct stamp stamp)
{
    if (stamp_compare(stamp, history->newest) > 0)
        history->newest = stamp;
}

static bool is_between(struct stamp below, struct stamp stamp, struct stamp above)
{
    return stamp_compare(below, stamp) < 0 && stamp_compare(stamp, above) < 0;
}

// No compare-and-set that is done may have skipped this version.
static void look_for_skipped(struct key_history *history, struct stamp shown)
{
    for (uint64_t i = 1; i <= history->operation_count; i++) {
        const struct key_operation *operation = &history->operations[i];
        if (operation->condition == CONDITION_STAMP && !stamp_is_zero(operation->own) &&
            is_between(operation->expected, shown, operation->own))
            violate(history, "a compare-and-set was done on another version than it expects");
    }
}

static void show(struct key_history *history, struct key_operation *operation, struct stamp stamp)
{
    struct key_version *version = version_of(history, stamp);
    if (stamp_compare(stamp, operation->floor) < 0)
        violate(history, "an answer is older than one that came before");
    raise_newest(history, stamp);
    look_for_skipped(history, stamp);
    if (version == NULL) {
        // A mismatch may rest on a version that went out as one record with a later one.
        if (operation->kind == REQUEST_READ)
            violate(history, "a version that nobody ordered is read");
        return;
    }
    version->shown = true;
    struct key_operation *writer = operation_of(history, version->operation);
    if (writer->outcome == KEY_REFUSED)
        violate(history, "a write that was refused is done");
    if (!stamp_is_zero(writer->own) && stamp_compare(writer->own, stamp) != 0)
        violate(history, "a write is done twice");
    writer->own = stamp;
}

// The answer rests on the absence of a value.
static void show_absence(struct key_history *history, const struct key_operation *operation)
{
    if (stamp_is_zero(operation->floor))
        return;
    for (unsigned i = position_of(history, operation->floor); i < history->version_count; i++) {
        if (history->versions[i].dead) {
            raise_newest(history, history->versions[i].stamp);
            return;
        }
    }
    violate(history, "a value has vanished");
}

// --- answers

static uint64_t value_of(struct slice bytes)
{
    struct cursor in = cursor_of(bytes);
    return cursor_u64_be(&in);
}

static void end_read(struct key_history *history, struct key_operation *operation,
                     const struct reply *reply)
{
    if (reply->error != ERR_OK) {
        show_absence(history, operation);
        return;
    }
    show(history, operation, reply->stamp);
    const struct key_version *version = version_of(history, reply->stamp);
    if (version != NULL && (version->dead || version->operation != value_of(reply->value)))
        violate(history, "a version is read with another one's value");
}

// Whether a put or delete may have taken effect that no answer told of.
static bool any_unsure(const struct key_history *history, const struct key_operation *but)
{
    for (uint64_t i = 1; i <= history->operation_count; i++) {
        const struct key_operation *operation = &history->operations[i];
        if (operation != but && operation->kind != REQUEST_READ && operation->outcome != KEY_DONE &&
            operation->outcome != KEY_REFUSED)
            return true;
    }
    return false;
}

// What was there when `stamp` was written: that some version below it is `present`, as far as is
// known.
static bool may_have_existed(struct key_history *history, struct stamp stamp, bool existed)
{
    for (unsigned at = position_of(history, stamp); at > 0; at--) {
        const struct key_version *version = &history->versions[at - 1];
        if (version->dead != existed)
            return true; // possibly the one before
        if (version->shown)
            return false;
    }
    return !existed;
}

static void end_write(struct key_history *history, struct key_operation *operation,
                      const struct reply *reply)
{
    bool existed = operation->kind == REQUEST_DELETE || reply->existed;
    if (stamp_compare(reply->stamp, operation->floor) <= 0)
        violate(history, "a write is older than what was shown before it began");
    show(history, operation, reply->stamp);
    for (unsigned i = 0; operation->condition == CONDITION_STAMP && i < history->version_count; i++)
        if (history->versions[i].shown)
            look_for_skipped(history, history->versions[i].stamp);
    if (!any_unsure(history, operation) && !may_have_existed(history, reply->stamp, existed))
        violate(history, "a writer is told wrongly what was there before");
}

static void end_mismatch(struct key_history *history, struct key_operation *operation,
                         const struct reply *reply)
{
    bool absent = stamp_is_zero(reply->stamp);
    if ((operation->condition == CONDITION_ABSENT && absent) ||
        (operation->condition == CONDITION_PRESENT && !absent) ||
        (operation->condition == CONDITION_STAMP &&
         stamp_compare(operation->expected, reply->stamp) == 0))
        violate(history, "a condition that held is told not to");
    if (absent)
        show_absence(history, operation);
    else
        show(history, operation, reply->stamp);
}

void key_history_done(struct key_history *history, uint64_t number, const struct reply *reply)
{
    struct key_operation *operation = operation_of(history, number);
    CHECK(operation->outcome == KEY_OPEN);
    operation->outcome = KEY_DONE;
    if (operation->kind == REQUEST_READ)
        end_read(history, operation, reply);
    else if (reply->error == ERR_MISMATCH)
        end_mismatch(history, operation, reply);
    else if (reply->error == ERR_NOT_FOUND)
        show_absence(history, operation);
    else
        end_write(history, operation, reply);
    // What was done without a version of its own never has one.
    if (operation->kind != REQUEST_READ && reply->error != ERR_OK) {
        operation->outcome = KEY_REFUSED;
        if (!stamp_is_zero(operation->own))
            violate(history, "a write that was done is refused");
    }
}

void key_history_refused(struct key_history *history, uint64_t number)
{
    struct key_operation *operation = operation_of(history, number);
    CHECK(operation->outcome == KEY_OPEN);
    operation->outcome = KEY_REFUSED;
    if (!stamp_is_zero(operation->own))
        violate(history, "a write that was done is refused");
}

void key_history_lost(struct key_history *history, uint64_t number)
{
    struct key_operation *operation = operation_of(history, number);
    CHECK(operation->outcome == KEY_OPEN);
    operation->outcome = KEY_UNKNOWN;
}
