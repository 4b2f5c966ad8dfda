#include "core/epidemic/space_parts.h"

#include "base/check.h"

// What waits for the store may be a little more than a write itself: headers that it covers.
#define ROOM_BYTES_SPARED (64u << 10)

static const char id_domain[] = "brusio space 1";

uint64_t space_id_of(uint64_t cluster_high, uint64_t cluster_low, uint32_t keyspace,
                     struct slice channel)
{
    struct buf head;
    buf_init(&head, sizeof id_domain + 8 + 8 + 4);
    buf_append_slice(&head, slice_of_text(id_domain));
    buf_append_u64_be(&head, cluster_high);
    buf_append_u64_be(&head, cluster_low);
    buf_append_u32_be(&head, keyspace);
    CHECK(!head.overflown);
    struct slice pieces[] = {buf_slice(&head), channel};
    struct sha256 sum = sha256_of_pieces(pieces, 2);
    buf_release(&head);
    return sha256_head(&sum);
}

// --- a space, and none

static void init_memory(struct space *space)
{
    knowledge_init(&space->known);
    knowledge_init(&space->stable);
    knowledge_init(&space->horizon);
    knowledge_init(&space->strays);
    space_digests_init(&space->digests);
    versions_init(&space->versions);
    buf_init(&space->entries, STORE_VALUE_BYTES_MAX);
    buf_init(&space->scratch, 1 + OPERATION_BYTES_MAX);
    buf_init(&space->swept_after, STORE_KEY_BYTES_MAX);
}

static void release_memory(struct space *space)
{
    knowledge_release(&space->known);
    knowledge_release(&space->stable);
    knowledge_release(&space->horizon);
    knowledge_release(&space->strays);
    space_digests_release(&space->digests);
    versions_release(&space->versions);
    buf_release(&space->entries);
    buf_release(&space->scratch);
    buf_release(&space->swept_after);
}

enum err space_open(struct space *space, uint64_t id, const struct space_setting *setting,
                    struct overlay *store, uint64_t seed)
{
    *space = (struct space){.id = id, .setting = *setting, .store = store};
    rng_init(&space->rng, seed);
    init_memory(space);
    enum err error = space_records_load(space);
    if (error == ERR_OK && space->forgetting)
        space_reset(space);
    if (error != ERR_OK)
        release_memory(space);
    return error;
}

void space_release(struct space *space)
{
    release_memory(space);
    space->author = (struct signing_secret){0};
    space->has_author = false;
}

void space_reset(struct space *space)
{
    release_memory(space);
    init_memory(space);
    space->origin = 0;
    space->next = 0;
    space->lost_count = 0;
    space->certificates = 0;
    space->covered = 0;
    space->damaged = false;
}

// --- small things

bool space_has_room(const struct space *space, size_t bytes)
{
    return overlay_bytes(space->store) + bytes + ROOM_BYTES_SPARED <= OVERLAY_BYTES_MAX;
}

void space_fingerprint(const struct signing_key *author, uint8_t out[SPACE_FINGERPRINT_BYTES])
{
    struct sha256 sum = sha256_of(slice_of(author->bytes, SIGNING_KEY_BYTES));
    memcpy(out, sum.bytes, SPACE_FINGERPRINT_BYTES);
}

bool space_key_is_of(struct slice key, const struct signing_key *author)
{
    uint8_t fingerprint[SPACE_FINGERPRINT_BYTES];
    space_fingerprint(author, fingerprint);
    return key.length >= sizeof fingerprint &&
           memcmp(key.bytes, fingerprint, sizeof fingerprint) == 0;
}

// --- what is known

static void subtract(struct knowledge *set, const struct knowledge *less)
{
    struct knowledge rest = {0};
    knowledge_missing(set, less, &rest);
    knowledge_swap(set, &rest);
    knowledge_release(&rest);
}

enum err space_learn(struct space *space, struct effects *effects, struct dot dot)
{
    enum err error = knowledge_add(&space->known, dot);
    if (error != ERR_OK)
        return error;
    space_put_origin(space, effects, RECORD_KNOWN, &space->known, dot.origin);
    space_remove_stray(space, effects, dot);
    return ERR_OK;
}

enum err space_add_stray(struct space *space, struct effects *effects, struct dot dot)
{
    enum err error = knowledge_add(&space->strays, dot);
    if (error == ERR_OK)
        space_put_origin(space, effects, RECORD_STRAYS, &space->strays, dot.origin);
    return error;
}

void space_remove_stray(struct space *space, struct effects *effects, struct dot dot)
{
    struct knowledge one = {0};
    if (!knowledge_has(&space->strays, dot))
        return;
    // Splitting could lead past the bound, and lose others; one too many does no harm.
    if (knowledge_of(&space->strays, dot.origin)->count == KNOWLEDGE_INTERVALS_MAX)
        return;
    enum err error = knowledge_add(&one, dot);
    CHECK(error == ERR_OK);
    subtract(&space->strays, &one);
    knowledge_release(&one);
    space_put_origin(space, effects, RECORD_STRAYS, &space->strays, dot.origin);
}

// Makes `out_grown` the union, and `out_fresh` what is new by it. Both stay empty when nothing is.
static enum err unite(const struct knowledge *set, const struct knowledge *more,
                      struct knowledge *out_grown, struct knowledge *out_fresh)
{
    knowledge_missing(more, set, out_fresh);
    if (knowledge_is_empty(out_fresh))
        return ERR_OK;
    knowledge_copy(out_grown, set);
    return knowledge_merge(out_grown, out_fresh);
}

// Takes `grown`, if there is anything new.
static void grow(struct space *space, struct effects *effects, enum record_kind kind,
                 struct knowledge *set, struct knowledge *grown, const struct knowledge *fresh)
{
    if (knowledge_is_empty(fresh))
        return;
    knowledge_swap(set, grown);
    space_put_origins(space, effects, kind, set, fresh);
    space_put_state(space, effects); // a space that has records has a state
    space->revision++;
}

enum err space_apply_close(struct space *space, struct effects *effects,
                           const struct knowledge *known)
{
    struct knowledge grown = {0};
    struct knowledge fresh = {0};
    if (space->forgetting)
        return ERR_BUSY;
    space_hear(space, effects, known);
    enum err error = unite(&space->known, known, &grown, &fresh);
    if (error == ERR_OK) {
        grow(space, effects, RECORD_KNOWN, &space->known, &grown, &fresh);
        struct knowledge strays = {0};
        knowledge_swap(&strays, &space->strays);
        knowledge_missing(&strays, &space->known, &space->strays);
        subtract(&strays, &space->strays); // what is one no more
        space_put_origins(space, effects, RECORD_STRAYS, &space->strays, &strays);
        knowledge_release(&strays);
    }
    knowledge_release(&grown);
    knowledge_release(&fresh);
    return error;
}

static enum err stabilise(struct space *space, struct effects *effects,
                          const struct knowledge *stable, const struct knowledge *horizon)
{
    struct knowledge grown[2] = {{0}, {0}};
    struct knowledge fresh[2] = {{0}, {0}};
    enum err error = unite(&space->stable, stable, &grown[0], &fresh[0]);
    if (error == ERR_OK)
        error = unite(&space->horizon, horizon, &grown[1], &fresh[1]);
    if (error == ERR_OK) {
        grow(space, effects, RECORD_STABLE, &space->stable, &grown[0], &fresh[0]);
        grow(space, effects, RECORD_HORIZON, &space->horizon, &grown[1], &fresh[1]);
    }
    for (unsigned i = 0; i < 2; i++) {
        knowledge_release(&grown[i]);
        knowledge_release(&fresh[i]);
    }
    return error;
}

enum err space_stabilise(struct space *space, struct effects *effects,
                         const struct knowledge *stable, const struct knowledge *horizon)
{
    static const struct knowledge none;
    struct knowledge both = {0};
    if (space->forgetting)
        return ERR_BUSY;
    space_hear(space, effects, stable);
    space_hear(space, effects, horizon);
    // A damaged space, which may lack what it knows, extends no horizon (rule R17).
    bool adopts = !space->damaged && knowledge_contains(&space->known, horizon);
    knowledge_copy(&both, stable);
    enum err error = knowledge_merge(&both, adopts ? horizon : &none);
    if (error == ERR_OK)
        error = stabilise(space, effects, &both, adopts ? horizon : &none);
    knowledge_release(&both);
    return error;
}

// --- what peers compare

void space_summarise(const struct space *space, uint64_t salt, struct space_summary *out)
{
    out->known = knowledge_hash(&space->known, salt);
    out->horizon = knowledge_hash(&space->horizon, salt);
    out->live = digest_fold(&space->digests.total, salt);
}

static void check_digests(const struct space_digests *digests)
{
    struct digest total = {0};
    for (unsigned group = 0; group < DIGEST_GROUPS; group++) {
        struct digest part = space_digests_group(digests, group);
        digest_merge(&total, &part);
    }
    CHECK(digest_equal(&total, &digests->total));
}

void space_invariants(const struct space *space)
{
    knowledge_invariants(&space->known);
    knowledge_invariants(&space->stable);
    knowledge_invariants(&space->horizon);
    knowledge_invariants(&space->strays);
    CHECK(knowledge_contains(&space->known, &space->horizon));
    CHECK(knowledge_contains(&space->stable, &space->horizon));
    CHECK(space->clock <= OPERATION_COUNTER_MAX && space->lost_count <= SPACE_LOST_MAX);
    CHECK(space->origin == 0 || space->next >= 1);
    check_digests(&space->digests);
}
