// The primary's side of stability.h.
#include "core/epidemic/stability.h"

#include "base/check.h"

// Two places are not used for spreading: one is for the newest snapshot that is old enough and
// waits for an audit, one stays free for the next.
enum { SPREAD = STABILITY_SNAPSHOTS_MAX - 2 };

static void copy_record(struct stability_record *to, const struct stability_record *from)
{
    to->space = from->space;
    to->number = from->number;
    to->node = from->node;
    to->signature = from->signature;
    knowledge_copy(&to->stable, &from->stable);
    knowledge_copy(&to->horizon, &from->horizon);
}

void stability_maker_init(struct stability_maker *maker, node_id node, uint64_t retention_ms,
                          const struct stability_record *newest)
{
    CHECK(node_bit(node) != 0);
    *maker = (struct stability_maker){
        .node = node,
        .retention_us = retention_ms > UINT64_MAX / 1000 ? UINT64_MAX : retention_ms * 1000,
    };
    if (newest != NULL)
        copy_record(&maker->newest, newest);
    // Peers that never had the former signer in their map take the same sets from this one.
    maker->changed = newest != NULL && newest->node != node;
}

void stability_maker_release(struct stability_maker *maker)
{
    for (uint32_t i = 0; i < maker->snapshot_count; i++)
        knowledge_release(&maker->snapshots[i].known);
    stability_release(&maker->newest);
    *maker = (struct stability_maker){0};
}

// Adds `from`, if it brings anything.
static enum err grow(struct stability_maker *maker, struct knowledge *set,
                     const struct knowledge *from)
{
    if (knowledge_contains(set, from))
        return ERR_OK;
    maker->changed = true;
    return knowledge_merge(set, from);
}

static void drop_oldest(struct stability_maker *maker, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        knowledge_release(&maker->snapshots[i].known);
    maker->snapshot_count -= count;
    memmove(maker->snapshots, maker->snapshots + count,
            maker->snapshot_count * sizeof maker->snapshots[0]);
}

// How many snapshots are old enough.
static uint32_t count_ripe(const struct stability_maker *maker, uint64_t now_us)
{
    uint32_t count = 0;
    while (count < maker->snapshot_count && maker->snapshots[count].taken_us <= now_us &&
           now_us - maker->snapshots[count].taken_us >= maker->retention_us)
        count++;
    return count;
}

// The horizon takes the newest snapshot that is old enough and that an audit has followed. Of those
// that still wait for an audit, the newest is as good as all: the next audit follows each of them.
static enum err advance_horizon(struct stability_maker *maker,
                                const struct stability_moment *moment)
{
    enum err error = ERR_OK;
    uint32_t ripe = count_ripe(maker, moment->now_us);
    uint32_t audited = ripe;
    while (audited > 0 && maker->snapshots[audited - 1].taken_us >= moment->clean_audit_us)
        audited--;
    if (audited > 0)
        error = grow(maker, &maker->newest.horizon, &maker->snapshots[audited - 1].known);
    if (error == ERR_OK && ripe > 0)
        drop_oldest(maker, audited == ripe ? ripe : ripe - 1);
    return error;
}

// Snapshots of one `durable` after the other, so that the newest one has all of the others.
static void take_snapshot(struct stability_maker *maker, const struct knowledge *durable,
                          uint64_t now_us)
{
    const struct stability_snapshot *last =
        maker->snapshot_count > 0 ? &maker->snapshots[maker->snapshot_count - 1] : NULL;
    uint64_t apart_us = maker->retention_us / SPREAD + 1;
    if (last != NULL && (now_us < last->taken_us || now_us - last->taken_us < apart_us))
        return;
    if (knowledge_contains(last != NULL ? &last->known : &maker->newest.horizon, durable))
        return;
    CHECK(maker->snapshot_count < STABILITY_SNAPSHOTS_MAX);
    struct stability_snapshot *taken = &maker->snapshots[maker->snapshot_count++];
    *taken = (struct stability_snapshot){.taken_us = now_us};
    knowledge_copy(&taken->known, durable);
}

static enum err grow_sets(struct stability_maker *maker, const struct space *space,
                          const struct knowledge *durable, const struct stability_moment *moment)
{
    struct stability_record *newest = &maker->newest;
    enum err error = grow(maker, &newest->stable, durable);
    if (error == ERR_OK)
        error = grow(maker, &newest->stable, &space->stable);
    // What another primary's record made this space adopt.
    if (error == ERR_OK && knowledge_contains(&newest->stable, &space->horizon))
        error = grow(maker, &newest->horizon, &space->horizon);
    // A damaged space may have lost some of what it claims to know.
    if (error != ERR_OK || space->damaged)
        return error;
    error = advance_horizon(maker, moment);
    if (error == ERR_OK)
        take_snapshot(maker, durable, moment->now_us);
    return error;
}

static enum err sign_next(struct stability_maker *maker, const struct space *space,
                          const struct stability_moment *moment)
{
    struct stability_record *newest = &maker->newest;
    struct stamp before = newest->number;
    newest->space = space->id;
    newest->node = maker->node;
    newest->number = (struct stamp){.counter = moment->epoch, .id = 1};
    if (moment->epoch == before.counter)
        newest->number.id = before.id + 1;
    enum err error = stability_sign(newest, moment->secret);
    if (error == ERR_OK)
        maker->changed = false;
    else
        newest->number = before;
    return error;
}

enum err stability_make(struct stability_maker *maker, const struct space *space,
                        const struct knowledge *durable, const struct stability_moment *moment,
                        const struct stability_record **out)
{
    *out = NULL;
    if (!moment->lease_held || moment->epoch < maker->newest.number.counter)
        return ERR_RETRY;
    enum err error = grow_sets(maker, space, durable, moment);
    if (error == ERR_OK && !maker->changed)
        error = ERR_RETRY;
    if (error == ERR_OK)
        error = sign_next(maker, space, moment);
    if (error == ERR_OK)
        *out = &maker->newest;
    return error;
}

void stability_maker_invariants(const struct stability_maker *maker)
{
    CHECK(maker->snapshot_count <= STABILITY_SNAPSHOTS_MAX);
    CHECK(knowledge_contains(&maker->newest.stable, &maker->newest.horizon));
    for (uint32_t i = 0; i < maker->snapshot_count; i++) {
        const struct stability_snapshot *snapshot = &maker->snapshots[i];
        CHECK(knowledge_contains(&maker->newest.stable, &snapshot->known));
        CHECK(i == 0 || snapshot->taken_us > maker->snapshots[i - 1].taken_us);
    }
}
