#include "sim/epidemic_checks.h"

#include "base/check.h"

#include <inttypes.h>
#include <stdio.h>

enum { LOOKS_PER_STEP = 20, PEERS_FEW = 64, INVARIANTS_ONE_IN_OF_MANY = 64 };

// --- one peer

// A step has looked at what the peer has: it may not be less than before.
static void must_hold(struct epidemic_world *world, const struct epidemic_peer *peer,
                      const struct knowledge *now, const struct knowledge *before, const char *what)
{
    if (!knowledge_contains(now, before))
        epidemic_world_violation(world, "peer %" PRIu32 ": what is %s has shrunk", peer->index,
                                 what);
}

// A delete that nobody asked for.
static void judge_removal(struct epidemic_world *world, struct epidemic_peer *peer,
                          const struct space *space, const struct oracle_operation *operation)
{
    uint64_t skew_ms = world->replica.expiry_skew_ms;
    uint64_t until_ms = epidemic_peer_utc_ms(peer) - skew_ms;
    const char *wrong =
        epidemic_oracle_judge_removal(&world->oracle, operation, &space->known, until_ms);
    if (wrong == NULL && !epidemic_peer_replica(peer)->primary.is_self)
        wrong = "removes what has expired, and is not the primary";
    world->removals++;
    if (wrong != NULL)
        epidemic_world_violation(world, "peer %" PRIu32 ", operation %" PRIu32 ": %s", peer->index,
                                 operation->number, wrong);
}

// Of a store that lost something without a word nothing of this can be asked.
static void judge_operation(struct epidemic_world *world, struct epidemic_peer *peer,
                            const struct space *space, const struct oracle_operation *operation)
{
    if (world->oracle.at_risk[operation->key])
        return;
    if (operation->dead && !world->load.asks)
        judge_removal(world, peer, space, operation);
    if (epidemic_oracle_skips_own(&world->oracle, operation))
        epidemic_world_violation(world,
                                 "peer %" PRIu32 ", operation %" PRIu32
                                 ": it does not cover what its origin wrote before",
                                 peer->index, operation->number);
}

// The operation that `peer->written` names.
static void note_operation(struct epidemic_world *world, struct epidemic_peer *peer,
                           struct space *space)
{
    struct operation operation;
    enum operation_form form;
    if (space_find_dot(space, peer->written, &operation, &form) != ERR_OK) {
        epidemic_world_violation(world, "peer %" PRIu32 " does not have what it wrote",
                                 peer->index);
        return;
    }
    const struct oracle_operation *noted = epidemic_oracle_add(
        &world->oracle, &operation, epidemic_world_key_of(world, operation.key), peer->index);
    if (noted == NULL) {
        epidemic_world_violation(world,
                                 "peer %" PRIu32 " uses the name %016" PRIx64 ".%" PRIu64
                                 " for a second operation",
                                 peer->index, peer->written.origin, peer->written.sequence);
        return;
    }
    epidemic_load_on_written(&world->load, noted->number);
    epidemic_world_trace(world,
                         "peer %" PRIu32 ": operation %" PRIu32 " is %s of key %" PRIu32
                         ", %016" PRIx64 ".%" PRIu64,
                         peer->index, noted->number, noted->dead ? "a delete" : "a put", noted->key,
                         noted->dot.origin, noted->dot.sequence);
    judge_operation(world, peer, space, noted);
}

// What the peer wrote under an origin that it has left since the last look.
static void note_left(struct epidemic_world *world, struct epidemic_peer *peer, struct space *space)
{
    struct dot next = {peer->written.origin, peer->written.sequence + 1};
    while (next.origin != 0 && world->violation == NULL && knowledge_has(&space->known, next) &&
           epidemic_oracle_find(&world->oracle, next) == NULL) {
        peer->written = next;
        note_operation(world, peer, space);
        next.sequence++;
    }
}

// Own operations since the last look.
static void note_written(struct epidemic_world *world, struct epidemic_peer *peer,
                         struct space *space)
{
    if (space->origin != peer->written.origin) {
        note_left(world, peer, space);
        peer->written = (struct dot){.origin = space->origin};
    }
    while (space->origin != 0 && peer->written.sequence + 1 < space->next &&
           world->violation == NULL) {
        peer->written.sequence++;
        note_operation(world, peer, space);
    }
}

static bool take(struct epidemic_world *world, struct epidemic_peer *peer, struct space *space,
                 uint32_t key)
{
    char text[EPIDEMIC_KEY_BYTES];
    world->looks++;
    enum err error = epidemic_sight_take(space, epidemic_world_key(key, text), key, &world->sight);
    if (error != ERR_OK)
        epidemic_world_violation(world, "peer %" PRIu32 ", key %" PRIu32 ": %s", peer->index, key,
                                 err_name(error));
    return error == ERR_OK;
}

static bool take_stable(void *context, const struct space_version *version)
{
    struct epidemic_shown *out = context;
    *out = epidemic_shown_of(version);
    return true;
}

static void judge(struct epidemic_world *world, const struct epidemic_peer *peer, const char *wrong)
{
    if (wrong != NULL)
        epidemic_world_violation(world, "peer %" PRIu32 ", %s", peer->index, wrong);
}

// After `sight` was taken.
static void look_at_stable(struct epidemic_world *world, struct epidemic_peer *peer,
                           struct space *space, uint32_t key)
{
    char text[EPIDEMIC_KEY_BYTES];
    char wrong[EPIDEMIC_SIGHT_TEXT_BYTES];
    struct epidemic_shown shown;
    enum err error =
        space_read(space, epidemic_world_key(key, text), SPACE_STABLE, take_stable, &shown);
    if (error == ERR_OK)
        judge(world, peer,
              epidemic_sight_judge_stable(&world->oracle, &world->sight, &shown,
                                          &peer->marks_stable, wrong));
    else if (error != ERR_NOT_FOUND && error != ERR_UNAVAILABLE)
        epidemic_world_violation(world, "peer %" PRIu32 ", key %" PRIu32 ", stable: %s",
                                 peer->index, key, err_name(error));
}

static void look_at_key(struct epidemic_world *world, struct epidemic_peer *peer,
                        struct space *space, uint32_t key)
{
    char wrong[EPIDEMIC_SIGHT_TEXT_BYTES];
    enum epidemic_rigor rigor =
        world->oracle.at_risk[key] ? EPIDEMIC_RIGOR_WRITTEN : EPIDEMIC_RIGOR_FULL;
    if (!take(world, peer, space, key))
        return;
    judge(world, peer,
          epidemic_sight_judge(&world->oracle, &world->sight, rigor, &peer->marks, wrong));
    if (rigor == EPIDEMIC_RIGOR_FULL)
        look_at_stable(world, peer, space, key);
}

static void look_at_change(struct epidemic_world *world, struct epidemic_peer *peer,
                           struct space *space)
{
    struct epidemic_oracle *oracle = &world->oracle;
    peer->revision = space->revision;
    if (!knowledge_contains(&oracle->horizon, &space->horizon))
        CHECK(knowledge_merge(&oracle->horizon, &space->horizon) == ERR_OK);
    must_hold(world, peer, &space->stable, &peer->stable, "stable");
    if (!knowledge_contains(&peer->stable, &space->stable))
        knowledge_copy(&peer->stable, &space->stable);
    uint32_t first = (uint32_t)rng_below(&world->look_rng, world->keys);
    for (uint32_t i = 0; i < LOOKS_PER_STEP && i < world->keys; i++)
        look_at_key(world, peer, space, (first + i) % world->keys);
}

void epidemic_checks_after_step(struct epidemic_world *world, struct epidemic_peer *peer)
{
    struct replica *replica = epidemic_peer_replica(peer);
    uint64_t one_in = world->peer_count <= PEERS_FEW ? 1 : INVARIANTS_ONE_IN_OF_MANY;
    if (world->violation != NULL)
        return;
    if (rng_one_in(&world->look_rng, one_in))
        epidemic_invariants(peer->core);
    if (replica == NULL)
        return;
    note_written(world, peer, &replica->space);
    if (replica->space.revision != peer->revision)
        look_at_change(world, peer, &replica->space);
}

void epidemic_checks_on_durable(struct epidemic_peer *peer)
{
    const struct replica *replica = epidemic_peer_replica(peer);
    if (replica == NULL)
        return;
    epidemic_marks_copy(&peer->marks_durable, &peer->marks);
    if (!knowledge_contains(&peer->stable_durable, &replica->space.stable))
        knowledge_copy(&peer->stable_durable, &replica->space.stable);
    if (!knowledge_contains(&peer->known_durable, &replica->space.known))
        knowledge_copy(&peer->known_durable, &replica->space.known);
}

// What a crash took with it may be shown again; what was durable may not.
void epidemic_checks_on_start(struct epidemic_world *world, struct epidemic_peer *peer)
{
    const struct replica *replica = epidemic_peer_replica(peer);
    if (replica == NULL)
        return;
    const struct space *space = &replica->space;
    must_hold(world, peer, &space->known, &peer->known_durable, "known");
    must_hold(world, peer, &space->stable, &peer->stable_durable, "stable");
    knowledge_copy(&peer->stable, &space->stable);
    epidemic_marks_copy(&peer->marks, &peer->marks_durable);
    epidemic_marks_clear(&peer->marks_stable);
    peer->revision = space->revision;
    peer->written = (struct dot){.origin = space->origin};
    if (space->origin != 0 && space->next > 0)
        peer->written.sequence = space->next - 1;
}

// Whether another peer has it durably.
static bool is_kept_elsewhere(const struct epidemic_world *world, const struct epidemic_peer *peer,
                              struct dot dot)
{
    for (uint32_t i = 0; i < world->peer_count; i++)
        if (i != peer->index && knowledge_has(&world->peers[i].known_durable, dot))
            return true;
    return false;
}

// Whether another peer has it, durably or not yet.
static bool is_known_elsewhere(const struct epidemic_world *world, const struct epidemic_peer *peer,
                               struct dot dot)
{
    for (uint32_t i = 0; i < world->peer_count; i++) {
        const struct replica *replica = epidemic_peer_replica(&world->peers[i]);
        if (i != peer->index && replica != NULL && knowledge_has(&replica->space.known, dot))
            return true;
    }
    return is_kept_elsewhere(world, peer, dot);
}

static void forget_marks(struct epidemic_peer *peer)
{
    epidemic_marks_clear(&peer->marks);
    epidemic_marks_clear(&peer->marks_durable);
    knowledge_clear(&peer->stable);
    knowledge_clear(&peer->stable_durable);
    knowledge_clear(&peer->known_durable);
}

void epidemic_checks_on_disk_lost(struct epidemic_world *world, struct epidemic_peer *peer)
{
    for (uint32_t i = 0; i < world->oracle.count; i++) {
        struct oracle_operation *operation = world->oracle.list[i];
        bool had =
            operation->writer == peer->index || knowledge_has(&peer->known_durable, operation->dot);
        if (had && !is_kept_elsewhere(world, peer, operation->dot))
            operation->may_be_lost = true;
    }
    world->disks_lost++;
    forget_marks(peer);
}

void epidemic_checks_on_left(struct epidemic_world *world, struct epidemic_peer *peer)
{
    bool sure = world->disks_lost == 0 && world->crashes == 0;
    for (uint32_t i = 0; i < world->oracle.count && sure; i++) {
        const struct oracle_operation *operation = world->oracle.list[i];
        if (operation->writer == peer->index && operation->acknowledged &&
            !operation->may_be_lost && !is_known_elsewhere(world, peer, operation->dot))
            epidemic_world_violation(world,
                                     "peer %" PRIu32 " may leave with the only copy of %" PRIu32,
                                     peer->index, operation->number);
    }
    epidemic_checks_on_disk_lost(world, peer);
}

// --- all peers

static const struct space *space_of(const struct epidemic_world *world, uint32_t index)
{
    const struct replica *replica = epidemic_peer_replica(&world->peers[index]);
    return replica != NULL ? &replica->space : NULL;
}

bool epidemic_checks_converged(const struct epidemic_world *world)
{
    const struct space *first = space_of(world, 0);
    for (uint32_t i = 0; i < world->peer_count; i++) {
        const struct space *space = space_of(world, i);
        if (space == NULL || !knowledge_equal(&space->known, &first->known) ||
            !digest_equal(&space->digests.total, &first->digests.total))
            return false;
    }
    return true;
}

bool epidemic_checks_stable(const struct epidemic_world *world)
{
    for (uint32_t i = 0; i < world->peer_count; i++) {
        const struct space *space = space_of(world, i);
        if (space == NULL || !knowledge_contains(&space->stable, &space->known))
            return false;
    }
    return true;
}

void epidemic_checks_explain(const struct epidemic_world *world, char *text, size_t length)
{
    const struct space *first = space_of(world, 0);
    snprintf(text, length, "all are alike");
    for (uint32_t i = 0; i < world->peer_count; i++) {
        const struct space *space = space_of(world, i);
        if (space == NULL) {
            snprintf(text, length, "peer %" PRIu32 " does not run", i);
            return;
        }
        if (!knowledge_equal(&space->known, &first->known) ||
            !digest_equal(&space->digests.total, &first->digests.total)) {
            snprintf(text, length,
                     "peer 0 knows %" PRIu64 " and shows %" PRIu64 ", peer %" PRIu32
                     " knows %" PRIu64 " and shows %" PRIu64,
                     knowledge_dots(&first->known), first->digests.total.count, i,
                     knowledge_dots(&space->known), space->digests.total.count);
            return;
        }
    }
}

// --- at rest

static void check_acknowledged(struct epidemic_world *world, const struct knowledge *known)
{
    for (uint32_t i = 0; i < world->oracle.count; i++) {
        const struct oracle_operation *operation = world->oracle.list[i];
        if (operation->acknowledged && !operation->may_be_lost &&
            !knowledge_has(known, operation->dot))
            epidemic_world_violation(
                world, "operation %" PRIu32 " of peer %" PRIu32 " was acknowledged and is lost",
                operation->number, operation->writer);
    }
}

// By now no store is damaged any more: whatever happened, the live versions are those of R9.
static void check_keys(struct epidemic_world *world, struct epidemic_peer *peer,
                       struct space *space)
{
    for (uint32_t key = 0; key < world->keys && world->violation == NULL; key++)
        look_at_key(world, peer, space, key);
}

static void check_peer(struct epidemic_world *world, struct epidemic_peer *peer)
{
    struct replica *replica = epidemic_peer_replica(peer);
    bool equal = false;
    if (replica == NULL) {
        epidemic_world_violation(world, "peer %" PRIu32 " takes no part", peer->index);
        return;
    }
    check_keys(world, peer, &replica->space);
    enum err error = space_recount(&replica->space, &peer->effects, &equal);
    if (error != ERR_OK || !equal)
        epidemic_world_violation(world, "peer %" PRIu32 ": its digests are not those of a recount",
                                 peer->index);
    epidemic_peer_after_step(peer);
}

void epidemic_checks_end(struct epidemic_world *world)
{
    char text[192];
    if (world->violation != NULL)
        return;
    if (!epidemic_checks_converged(world)) {
        epidemic_checks_explain(world, text, sizeof text);
        epidemic_world_violation(world, "peers do not come to be alike: %s", text);
        return;
    }
    for (uint32_t i = 0; i < world->peer_count && world->violation == NULL; i++)
        check_peer(world, &world->peers[i]);
    check_acknowledged(world, &space_of(world, 0)->known);
}
