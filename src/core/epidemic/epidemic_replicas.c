// The replicas that this peer keeps: joined, found, and left again (rule R17).
#include "core/epidemic/epidemic_parts.h"

#include "base/check.h"

#include <stdlib.h>

enum { FORGOTTEN_PAIRS = 1024, FORGET_MS = 10 };

static uint64_t hash_of(const struct epidemic *epidemic, uint64_t id)
{
    return hash64(slice_of(&id, sizeof id), epidemic->peers.hash_seed);
}

static bool has_id(const struct table_node *node, const void *wanted)
{
    return LIST_ITEM(node, const struct replica, node)->space.id == *(const uint64_t *)wanted;
}

static struct replica *find(const struct epidemic *epidemic, uint64_t id)
{
    struct table_node *node =
        table_find(&epidemic->replicas_by_id, hash_of(epidemic, id), has_id, &id);
    return node != NULL ? LIST_ITEM(node, struct replica, node) : NULL;
}

struct replica *epidemic_replica(const struct epidemic *epidemic, uint64_t id)
{
    struct replica *replica = find(epidemic, id);
    return replica != NULL && !replica->leaving ? replica : NULL;
}

struct replica_setting replica_setting_default(void)
{
    return (struct replica_setting){.rumor_k = RUMOR_K_DEFAULT,
                                    .rumor_ms = REPLICA_RUMOR_MS,
                                    .anti_entropy_ms = REPLICA_ANTI_ENTROPY_MS,
                                    .audit_ms = REPLICA_AUDIT_MS,
                                    .retention_ms = REPLICA_RETENTION_MS,
                                    .stability_ms = REPLICA_STABILITY_MS,
                                    .expiry_skew_ms = REPLICA_EXPIRY_SKEW_MS};
}

// --- its clocks

uint64_t epidemic_replica_wake_us(const struct replica *replica)
{
    uint64_t at_us = replica->next_sweep_us;
    if (replica->leaving)
        return at_us;
    if (replica->next_session_us < at_us)
        at_us = replica->next_session_us;
    if (replica->next_check_us < at_us)
        at_us = replica->next_check_us;
    if (epidemic_stability_is_due(replica) && replica->next_stability_us < at_us)
        at_us = replica->next_stability_us;
    if (rumor_count(&replica->rumor) > 0 && replica->next_rumor_us < at_us)
        at_us = replica->next_rumor_us;
    return at_us;
}

void epidemic_wake_for(struct epidemic *epidemic, const struct replica *replica)
{
    uint64_t at_us = epidemic_replica_wake_us(replica);
    if (at_us < epidemic->wake_us)
        epidemic->wake_us = at_us;
}

void epidemic_heat(struct epidemic *epidemic, struct replica *replica, struct dot dot)
{
    rumor_heat(&replica->rumor, dot);
    epidemic_wake_for(epidemic, replica);
}

// --- joining

static void on_change(void *context, struct space *space, struct slice key)
{
    struct epidemic *epidemic = context;
    if (epidemic->is_followed)
        feed_add(&epidemic->feed, space->id, key);
}

static void set_clocks(struct epidemic *epidemic, struct replica *replica)
{
    const struct replica_setting *setting = &replica->setting;
    uint64_t now_us = epidemic->now_us;
    replica->next_rumor_us = now_us;
    replica->next_session_us = now_us + rng_below(&epidemic->rng, setting->anti_entropy_ms * 1000);
    replica->next_audit_us = epidemic_jittered_us(epidemic, setting->audit_ms);
    replica->next_sweep_us = now_us;
    replica->next_check_us = now_us;
    // Who is started again every day looks at all slots nevertheless.
    replica->next_checked = (uint16_t)rng_below(&epidemic->rng, SLOTS);
}

static enum err check_join(const struct epidemic *epidemic, uint64_t id, struct slice channel)
{
    const struct replica *there = find(epidemic, id);
    if (there != NULL)
        return there->leaving ? ERR_BUSY : ERR_EXISTS;
    if (epidemic->replica_count >= EPIDEMIC_REPLICAS_MAX)
        return ERR_FULL;
    return channel.length > KEYSPACE_NAME_BYTES_MAX ? ERR_INVALID : ERR_OK;
}

enum err epidemic_join(struct epidemic *epidemic, uint64_t id, uint32_t keyspace,
                       struct slice channel, const struct replica_setting *setting, uint64_t now_us)
{
    enum err error = check_join(epidemic, id, channel);
    if (error != ERR_OK)
        return error;
    struct replica *replica = memory_zeroed(1, sizeof *replica);
    error = space_open(&replica->space, id, &setting->space, &epidemic->overlay,
                       rng_u64(&epidemic->rng));
    if (error != ERR_OK) {
        free(replica);
        return error;
    }
    epidemic->now_us = now_us;
    replica->space.on_change = on_change;
    replica->space.change_context = epidemic;
    replica->space.on_crowded = epidemic_on_crowded;
    replica->space.on_expiring = epidemic_on_expiring;
    replica->space.room_low = epidemic->room_low_told;
    struct rumor_setting rumor = {.k = setting->rumor_k, .items_max = RUMOR_ITEMS_MAX};
    rumor_init(&replica->rumor, &rumor, rng_u64(&epidemic->rng));
    replica->setting = *setting;
    replica->keyspace = keyspace;
    if (channel.length > 0)
        memcpy(replica->channel, channel.bytes, channel.length);
    buf_init(&replica->crowded, REPLICA_CROWDED_BYTES_MAX);
    buf_init(&replica->expiring, REPLICA_EXPIRING_BYTES_MAX);
    set_clocks(epidemic, replica);
    list_append(&epidemic->replicas, &replica->link);
    table_add(&epidemic->replicas_by_id, &replica->node, hash_of(epidemic, id));
    epidemic->replica_count++;
    epidemic_stability_load(epidemic, replica);
    epidemic_wake_for(epidemic, replica);
    epidemic_tell_anew(epidemic);
    return ERR_OK;
}

void epidemic_replica_free(struct epidemic *epidemic, struct replica *replica)
{
    epidemic_sessions_leave(epidemic, &replica->space);
    epidemic_stability_release(replica);
    epidemic_friends_release(replica);
    buf_release(&replica->crowded);
    buf_release(&replica->expiring);
    rumor_release(&replica->rumor);
    space_release(&replica->space);
    list_remove(&replica->link);
    table_remove(&epidemic->replicas_by_id, &replica->node);
    epidemic->replica_count--;
    free(replica);
}

// --- leaving

// Whether somebody else is known to have had all that was written here.
static bool is_given(const struct replica *replica)
{
    const struct space *space = &replica->space;
    if (knowledge_is_empty(&space->known))
        return true;
    if (!replica->given || space->lost_count > 0)
        return false;
    return space->origin == 0 ||
           (space->origin == replica->given_origin && space->next == replica->given_next);
}

void epidemic_leave_on(struct epidemic *epidemic, uint64_t id)
{
    struct replica *replica = epidemic_replica(epidemic, id);
    if (replica == NULL)
        return;
    replica->leaving = true;
    epidemic_tell_anew(epidemic);
    replica->next_sweep_us = epidemic->now_us;
    epidemic_sessions_leave(epidemic, &replica->space);
    epidemic_stability_release(replica);
    epidemic_wake_for(epidemic, replica);
}

enum err epidemic_leave(struct epidemic *epidemic, uint64_t id)
{
    const struct replica *replica = epidemic_replica(epidemic, id);
    if (replica == NULL)
        return ERR_NOT_FOUND;
    if (!is_given(replica))
        return ERR_RETRY;
    epidemic_leave_on(epidemic, id);
    return ERR_OK;
}

void epidemic_forget_some(struct epidemic *epidemic, struct effects *effects,
                          struct replica *replica)
{
    bool has_room = overlay_bytes(&epidemic->overlay) <= OVERLAY_BYTES_MAX / 2;
    if (!has_room || !space_forget(&replica->space, effects, FORGOTTEN_PAIRS)) {
        replica->next_sweep_us = epidemic_jittered_us(epidemic, FORGET_MS);
        epidemic_wake_for(epidemic, replica);
        return;
    }
    epidemic_stability_forget(epidemic, effects, replica);
    if (epidemic->on_left != NULL)
        epidemic->on_left(epidemic->context, replica->keyspace, slice_of_text(replica->channel));
    epidemic_replica_free(epidemic, replica);
}
