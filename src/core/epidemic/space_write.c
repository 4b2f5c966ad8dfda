// Writing here and now (rule R6), under an origin of this run's own (rule R1).

#include "core/epidemic/space_parts.h"

#include "base/rule.h"

// Stored operations that one call looks at when it issues again.
#define LOST_VISITS_MAX 4096u

// --- origins

static bool is_named(const struct space *space, uint64_t origin)
{
    return knowledge_of(&space->known, origin) != NULL ||
           knowledge_of(&space->stable, origin) != NULL ||
           knowledge_of(&space->strays, origin) != NULL;
}

static void draw_origin(struct space *space)
{
    if (!RULE(FRESH_ORIGIN) && space->last_origin != 0) {
        space->origin = space->last_origin;
        space->next = space->last_next;
        return;
    }
    do
        space->origin = rng_u64(&space->rng);
    while (space->origin == 0 || is_named(space, space->origin));
    space->next = 1;
}

bool space_lose_origin(struct space *space, struct dot named)
{
    if (!RULE(FRESH_ORIGIN) || space->origin == 0 || named.origin != space->origin ||
        named.sequence < space->next)
        return false;
    if (space->next > 1) {
        if (space->lost_count == SPACE_LOST_MAX) { // the oldest is left to audits
            space->lost_count--;
            memmove(space->lost, space->lost + 1, space->lost_count * sizeof space->lost[0]);
        }
        space->lost[space->lost_count++] =
            (struct lost_origin){.origin = space->origin, .next = 1, .last = space->next - 1};
    }
    space->origin = 0;
    space->next = 0;
    return true;
}

static void take_dot(struct space *space, struct operation *operation)
{
    if (space->origin == 0 || space->next > KNOWLEDGE_SEQUENCE_MAX)
        draw_origin(space);
    operation->space = space->id;
    operation->dot = (struct dot){.origin = space->origin, .sequence = space->next};
    operation->counter =
        space->clock < OPERATION_COUNTER_MAX ? space->clock + 1 : OPERATION_COUNTER_MAX;
}

// --- issuing

// Gives the operation, complete but for dot, counter and signature, its place among the headers of
// its key, which is in hand.
enum err space_issue(struct space *space, struct effects *effects, struct operation *operation,
                     const struct signing_secret *author)
{
    take_dot(space, operation);
    enum err error = operation_check(operation);
    if (error != ERR_OK)
        return error;
    if (author != NULL)
        operation_sign(operation, author);
    if (!space_is_fit(space, operation))
        return ERR_INVALID;
    struct sha256 id = operation_id_of(operation);
    enum operation_form form = operation->dead ? OPERATION_DELETE : OPERATION_PUT;
    struct arrival_result result =
        versions_apply(&space->versions, operation, &id, form, false, false, &space->stable);
    if (result.arrival == ARRIVAL_CROWDED)
        return ERR_TOO_LARGE;
    error = space_learn(space, effects, operation->dot);
    if (error != ERR_OK)
        return error;
    space_hand_store(space, effects, operation->key, operation);
    space->clock = operation->counter;
    space->next++;
    space->last_origin = space->origin;
    space->last_next = space->next;
    space_put_state(space, effects);
    return ERR_OK;
}

// --- writes

static enum err check_condition(const struct space_write *write, const struct version *winner)
{
    bool holds = true;
    switch (write->condition) {
    case CONDITION_NONE:
        break;
    case CONDITION_ABSENT:
        holds = winner == NULL;
        break;
    case CONDITION_PRESENT:
        holds = winner != NULL;
        break;
    case CONDITION_STAMP:
        holds =
            winner != NULL && stamp_compare(operation_stamp(&winner->header), write->expected) == 0;
        break;
    case CONDITION_COUNT:
        return ERR_INVALID;
    }
    return holds ? ERR_OK : ERR_MISMATCH;
}

enum err space_check_author(const struct space *space, struct slice key,
                            const struct signing_secret *author)
{
    if (!space->setting.is_signed)
        return ERR_OK;
    if (author == NULL)
        return ERR_DENIED;
    struct signing_key public = signing_key_of(author);
    return space_key_is_of(key, &public) ? ERR_OK : ERR_DENIED;
}

static enum err check_room(const struct space *space, const struct space_write *write)
{
    if (!write->dead && space->room_low)
        return ERR_FULL;
    return space_has_room(space, write->value.length) ? ERR_OK : ERR_BUSY;
}

// What can be said before the key is read.
static enum err check_write(const struct space *space, const struct space_write *write)
{
    if (write->key.length > KEY_BYTES_MAX || write->value.length > VALUE_BYTES_MAX)
        return ERR_TOO_LARGE;
    if (!key_is_valid(write->key) || (write->dead && write->value.length > 0))
        return ERR_INVALID;
    return space_check_author(space, write->key, write->author);
}

// What the versions in hand say to the write.
static enum err check_versions(const struct space *space, const struct space_write *write,
                               struct space_written *out)
{
    const struct version *winner = versions_winner(&space->versions, space->utc_ms);
    enum err error = check_condition(write, winner);
    out->existed = winner != NULL;
    if (error == ERR_MISMATCH && winner != NULL)
        out->stamp = operation_stamp(&winner->header);
    if (error == ERR_OK && write->dead && winner == NULL)
        error = ERR_NOT_FOUND;
    return error;
}

enum err space_write(struct space *space, struct effects *effects, const struct space_write *write,
                     struct space_written *out)
{
    struct operation operation = {.dead = write->dead, .key = write->key};
    *out = (struct space_written){0};
    enum err error = space->forgetting ? ERR_BUSY : check_write(space, write);
    if (error == ERR_OK)
        error = space_hand_load_tidy(space, write->key);
    if (error == ERR_OK)
        error = check_versions(space, write, out);
    if (error == ERR_OK)
        error = check_room(space, write);
    if (error == ERR_OK)
        error = versions_context(&space->versions, &operation.context);
    if (error != ERR_OK)
        return error;
    if (!write->dead) {
        operation_set_value(&operation, write->value);
        operation.expiry_ms = write->expiry_ms;
    }
    error = space_issue(space, effects, &operation, write->author);
    if (error != ERR_OK)
        return error;
    if (write->author != NULL) {
        space->author = *write->author;
        space->has_author = true;
    }
    out->dot = operation.dot;
    out->stamp = operation_stamp(&operation);
    return ERR_OK;
}

// --- what was written under a lost origin

struct lost_walk {
    struct space_entry list[SPACE_REISSUED_MAX];
    uint32_t count;
    uint32_t visits;
    uint64_t at;   // the number that was visited last
    bool is_ended; // before the end of the range
};

static bool visit_lost(void *context, struct slice key, struct slice value)
{
    struct lost_walk *walk = context;
    struct space_entry entry;
    if (!space_key_read_operation(key, &entry.dot, &entry.id_head) || value.length == 0)
        return true;
    if (walk->count == SPACE_REISSUED_MAX || walk->visits == LOST_VISITS_MAX) {
        walk->is_ended = true;
        walk->at = entry.dot.sequence;
        return false;
    }
    entry.state = (enum version_state)value.bytes[0];
    walk->visits++;
    if (entry.state == VERSION_LIVE || entry.state == VERSION_CERTIFICATE)
        walk->list[walk->count++] = entry;
    return true;
}

static enum err collect_lost(struct space *space, const struct lost_origin *lost,
                             struct lost_walk *walk)
{
    struct space_key first;
    struct space_key end;
    struct dot from = {.origin = lost->origin, .sequence = lost->next};
    struct dot to = {.origin = lost->origin, .sequence = lost->last + 1};
    space_key_operation(&first, space->id, from, 0);
    space_key_operation(&end, space->id, to, 0);
    return overlay_scan(space->store, STORE_OPERATIONS, space_key_slice(&first),
                        space_key_slice(&end), visit_lost, walk);
}

// Says what the old one said, and covers it and what it covered: nothing that came since.
static void succeed(const struct operation *old, struct operation *out)
{
    *out = *old;
    out->is_signed = false;
    // The old header stays, and says the rest, when there is not room for all (rules R8, R18).
    while (context_raise(&out->context, old->dot) != ERR_OK)
        out->context.count--;
}

// The old operation, whose bytes are the caller's. Nothing happens when it need not be issued
// again, or cannot.
static void reissue(struct space *space, struct effects *effects, const struct operation *old,
                    uint64_t id_head)
{
    struct operation again;
    const struct signing_secret *author = NULL;
    if (old->is_signed) {
        struct signing_key key = signing_key_of(&space->author);
        if (!space->has_author || memcmp(&key, &old->author, sizeof key) != 0)
            return; // its author is not here any more: left to audits
        author = &space->author;
    }
    if (space_hand_load_tidy(space, old->key) != ERR_OK)
        return;
    const struct version *version = space_hand_find(space, old->dot, id_head);
    if (version == NULL || state_has_value(version->state) != !old->dead ||
        version->state == VERSION_KEPT || versions_cover(&space->versions, old->dot))
        return;
    succeed(old, &again);
    if (space_issue(space, effects, &again, author) == ERR_OK)
        space->reissued++;
}

// True when it is done with: issued, or not to be issued.
static bool reissue_entry(struct space *space, struct effects *effects,
                          const struct space_entry *entry)
{
    struct space_key name;
    struct slice value;
    struct stored stored;
    struct buf copy;
    space_key_operation(&name, space->id, entry->dot, entry->id_head);
    if (overlay_get(space->store, STORE_OPERATIONS, space_key_slice(&name), &value) != ERR_OK)
        return true;
    if (!space_has_room(space, value.length))
        return false;
    buf_init(&copy, STORE_VALUE_BYTES_MAX);
    buf_append_slice(&copy, value);
    if (stored_decode(buf_slice(&copy), space->id, &stored) == ERR_OK)
        reissue(space, effects, &stored.operation, entry->id_head);
    buf_release(&copy);
    return true;
}

bool space_reissue(struct space *space, struct effects *effects)
{
    struct lost_walk walk = {0};
    if (space->lost_count == 0)
        return true;
    struct lost_origin *lost = &space->lost[0];
    bool failed = collect_lost(space, lost, &walk) != ERR_OK;
    for (uint32_t i = 0; i < walk.count && !failed; i++) {
        lost->next = walk.list[i].dot.sequence;
        if (!reissue_entry(space, effects, &walk.list[i]))
            return false;
    }
    lost->next = walk.at;
    if (walk.is_ended && !failed)
        return false;
    space->lost_count--;
    memmove(space->lost, space->lost + 1, space->lost_count * sizeof space->lost[0]);
    return space->lost_count == 0;
}
