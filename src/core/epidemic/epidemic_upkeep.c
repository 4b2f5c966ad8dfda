// What is done now and then, a little at a time: garbage (rule R10), the removal of what has
// expired (R16), a look at digests (R17), and the joining of too many live versions of one key
// (R18).
#include "core/epidemic/epidemic_parts.h"

enum {
    SWEEP_MS = 500,
    SWEEP_KEYS = 64,
    SWEPT_MS = 60 * 1000, // between two sweeps of everything
    CHECK_SLOTS = 16,
    CHECK_MS_MIN = 100,
    BUSY_MS = 100 // before another look, while too much waits for the store
};

void epidemic_on_crowded(void *context, struct space *space, struct slice key)
{
    struct epidemic *epidemic = context;
    struct replica *replica = epidemic_replica(epidemic, space->id);
    if (replica != NULL)
        buf_append_counted(&replica->crowded, key);
}

// Who writes for the keyspace: its primary, or, where only authors can, each for what is its own.
static bool acts(const struct epidemic *epidemic, const struct replica *replica)
{
    return replica->space.setting.is_signed ? epidemic->author != NULL : replica->primary.is_self;
}

void epidemic_on_expiring(void *context, struct space *space, struct slice key)
{
    struct epidemic *epidemic = context;
    struct replica *replica = epidemic_replica(epidemic, space->id);
    if (replica != NULL && acts(epidemic, replica))
        buf_append_counted(&replica->expiring, key);
}

// What could not be removed now is met again by a later sweep.
static void remove_expired(struct epidemic *epidemic, struct effects *effects,
                           struct replica *replica)
{
    uint64_t utc_ms = epidemic_utc_ms(epidemic);
    uint64_t skew_ms = replica->setting.expiry_skew_ms;
    struct cursor in = cursor_of(buf_slice(&replica->expiring));
    while (utc_ms > skew_ms && cursor_left(&in) > 0) {
        struct dot dot;
        if (space_expire(&replica->space, effects, cursor_counted(&in), utc_ms - skew_ms,
                         epidemic->author, &dot) == ERR_OK)
            epidemic_news_late(epidemic, effects, replica, dot);
    }
    buf_clear(&replica->expiring);
}

// Takes what is written again, value and expiry, of the first version.
struct kept_version {
    struct buf *value;
    uint64_t expiry_ms;
};

static bool keep_first(void *context, const struct space_version *version)
{
    struct kept_version *kept = context;
    buf_append_slice(kept->value, version->value);
    kept->expiry_ms = version->expiry_ms;
    return false;
}

// Writes the winner again, which covers all others. In a signed keyspace only the author can.
static void join_versions(struct epidemic *epidemic, struct effects *effects,
                          struct replica *replica, struct slice key)
{
    struct space_written written;
    bool is_signed = replica->space.setting.is_signed;
    struct space_write write = {.key = key, .author = is_signed ? epidemic->author : NULL};
    struct kept_version kept = {.value = &epidemic->scratch};
    buf_clear(&epidemic->scratch);
    enum err error = space_read(&replica->space, key, SPACE_LATEST, keep_first, &kept);
    write.value = buf_slice(&epidemic->scratch);
    write.expiry_ms = kept.expiry_ms;
    if (error == ERR_OK)
        error = space_write(&replica->space, effects, &write, &written);
    if (error == ERR_OK)
        epidemic_news_late(epidemic, effects, replica, written.dot);
}

static void join_crowded(struct epidemic *epidemic, struct effects *effects,
                         struct replica *replica)
{
    bool is_signed = replica->space.setting.is_signed;
    bool joins = is_signed ? epidemic->author != NULL : replica->maker != NULL;
    struct cursor in = cursor_of(buf_slice(&replica->crowded));
    while (joins && cursor_left(&in) > 0)
        join_versions(epidemic, effects, replica, cursor_counted(&in));
    buf_clear(&replica->crowded);
}

static void sweep(struct epidemic *epidemic, struct effects *effects, struct replica *replica)
{
    if (epidemic->now_us < replica->next_sweep_us)
        return;
    replica->space.utc_ms = epidemic_utc_ms(epidemic);
    bool ended = space_sweep(&replica->space, effects, SWEEP_KEYS);
    remove_expired(epidemic, effects, replica);
    join_crowded(epidemic, effects, replica);
    replica->next_sweep_us = epidemic_jittered_us(epidemic, ended ? SWEPT_MS : SWEEP_MS);
}

// All slots once in the time of an audit, which mends what is found.
static void check_slots(struct epidemic *epidemic, struct effects *effects, struct replica *replica)
{
    uint64_t pause_ms = replica->setting.audit_ms * CHECK_SLOTS / SLOTS;
    bool equal = true;
    if (epidemic->now_us < replica->next_check_us)
        return;
    for (unsigned i = 0; i < CHECK_SLOTS; i++) {
        enum err error = space_check_slot(&replica->space, effects, replica->next_checked, &equal);
        if (error != ERR_OK)
            break;
        replica->next_checked = (uint16_t)((replica->next_checked + 1u) % SLOTS);
    }
    replica->next_check_us =
        epidemic_jittered_us(epidemic, pause_ms > CHECK_MS_MIN ? pause_ms : CHECK_MS_MIN);
}

void epidemic_keep_up(struct epidemic *epidemic, struct effects *effects, struct replica *replica)
{
    if (epidemic_is_busy(epidemic)) {
        uint64_t later_us = epidemic_jittered_us(epidemic, BUSY_MS);
        replica->next_sweep_us =
            later_us > replica->next_sweep_us ? later_us : replica->next_sweep_us;
        replica->next_check_us =
            later_us > replica->next_check_us ? later_us : replica->next_check_us;
        return;
    }
    sweep(epidemic, effects, replica);
    check_slots(epidemic, effects, replica);
}
