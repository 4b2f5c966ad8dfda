// What arrives from elsewhere (rule R7).

#include "core/epidemic/space_parts.h"

// --- what an operation is, whatever the space has

static bool form_suits(const struct operation *operation, enum operation_form form)
{
    if (form == OPERATION_PUT)
        return !operation->dead && operation->value.length == operation->value_bytes;
    if (form == OPERATION_BARE)
        return !operation->dead && operation->value.length == 0;
    return form == OPERATION_DELETE && operation->dead;
}

static bool is_well_formed(const struct space *space, const struct operation *operation,
                           enum operation_form form)
{
    return operation->space == space->id && operation_check(operation) == ERR_OK &&
           form_suits(operation, form);
}

static bool is_authentic(const struct space *space, const struct operation *operation,
                         enum operation_form form)
{
    if (space->setting.is_signed &&
        (!operation->is_signed || !space_key_is_of(operation->key, &operation->author)))
        return false;
    if (form == OPERATION_PUT && !operation_value_is_good(operation))
        return false;
    return !operation->is_signed || operation_signature_is_good(operation);
}

bool space_is_fit(const struct space *space, const struct operation *operation)
{
    struct operation header = *operation;
    header.value = slice_of(NULL, 0);
    return space->setting.fits == NULL || space->setting.fits(&header);
}

// --- what there is room for

static bool is_admitted(const struct space *space, const struct operation *operation,
                        enum operation_form form, enum space_source source)
{
    if (!space_has_room(space, operation->value.length) ||
        (space->room_low && form == OPERATION_PUT))
        return false;
    return source != SPACE_FROM_RUMOR ||
           knowledge_intervals_with(&space->known, operation->dot) <= SPACE_INTERVALS_MAX;
}

// --- applying

static void advance_clock(struct space *space, uint64_t counter)
{
    uint64_t limit = space->clock + SPACE_CLOCK_STEP_MAX;
    if (counter > limit)
        counter = limit;
    if (counter > space->clock)
        space->clock = counter;
}

// It is known, and nothing of it is here (so does every peer decide).
static enum space_outcome learn_unfit(struct space *space, struct effects *effects,
                                      const struct operation *operation, enum operation_form form)
{
    if (form == OPERATION_BARE || knowledge_has(&space->known, operation->dot))
        return SPACE_KNOWN;
    if (space_learn(space, effects, operation->dot) != ERR_OK)
        return SPACE_REFUSED;
    advance_clock(space, operation->counter);
    space_put_state(space, effects);
    space->unfit++;
    space->revision++;
    return SPACE_NEWS;
}

static bool has_twin(const struct versions *versions, struct dot dot, const struct sha256 *id)
{
    for (uint32_t i = 0; i < versions->count; i++) {
        const struct version *version = &versions->list[i];
        if (!version->is_gone && dot_equal(version->header.dot, dot) &&
            sha256_compare(&version->id, id) != 0)
            return true;
    }
    return false;
}

// Whether the dot becomes known, or a stray; it may not find room. Then nothing has changed.
static enum err note_dot(struct space *space, struct effects *effects, struct dot dot,
                         struct arrival_result result)
{
    if (result.learned)
        return space_learn(space, effects, dot);
    if (result.arrival == ARRIVAL_BARE && !knowledge_has(&space->known, dot))
        return space_add_stray(space, effects, dot);
    return ERR_OK;
}

static enum space_outcome apply_to_key(struct space *space, struct effects *effects,
                                       const struct operation *operation, enum operation_form form,
                                       bool is_audit)
{
    struct sha256 id = operation_id_of(operation);
    bool is_known = knowledge_has(&space->known, operation->dot);
    if (space_hand_load_tidy(space, operation->key) != ERR_OK)
        return SPACE_REFUSED;
    bool is_twin = has_twin(&space->versions, operation->dot, &id);
    struct arrival_result result =
        versions_apply(&space->versions, operation, &id, form, is_known, is_audit, &space->stable);
    if (result.arrival == ARRIVAL_CROWDED)
        return SPACE_REFUSED;
    bool changes = result.arrival != ARRIVAL_KNOWN && result.arrival != ARRIVAL_TWIN;
    if (!changes && !result.learned)
        return SPACE_KNOWN;
    if (note_dot(space, effects, operation->dot, result) != ERR_OK)
        return SPACE_REFUSED;
    space_hand_store(space, effects, operation->key, operation);
    advance_clock(space, operation->counter);
    space_put_state(space, effects);
    space->twins += changes && is_twin;
    space->live_changes += result.arrival == ARRIVAL_LIVE || result.arrival == ARRIVAL_REVIVED;
    space->revision++;
    return result.learned ? SPACE_NEWS : SPACE_STORED;
}

// Whether the operation names this run's origin beyond what was written (rule R1).
static void hear_operation(struct space *space, const struct operation *operation)
{
    uint64_t covered = context_get(&operation->context, space->origin);
    if (!space_lose_origin(space, operation->dot))
        space_lose_origin(space, (struct dot){.origin = space->origin, .sequence = covered});
}

enum space_outcome space_apply(struct space *space, struct effects *effects,
                               const struct operation *operation, enum operation_form form,
                               enum space_source source)
{
    bool is_audit = source == SPACE_FROM_AUDIT;
    bool is_good = is_well_formed(space, operation, form);
    if (is_good && !is_audit && knowledge_has(&space->known, operation->dot))
        return SPACE_KNOWN;
    if (!is_good || !is_authentic(space, operation, form)) {
        space->bad++;
        return SPACE_BAD;
    }
    if (space->forgetting)
        return SPACE_REFUSED;
    hear_operation(space, operation);
    enum space_outcome outcome = SPACE_REFUSED;
    if (is_admitted(space, operation, form, source))
        outcome = space_is_fit(space, operation)
                      ? apply_to_key(space, effects, operation, form, is_audit)
                      : learn_unfit(space, effects, operation, form);
    space_reissue(space, effects);
    return outcome;
}

void space_hear(struct space *space, struct effects *effects, const struct knowledge *claimed)
{
    if (space->origin == 0)
        return;
    uint64_t greatest = knowledge_greatest(claimed, space->origin);
    if (space_lose_origin(space, (struct dot){.origin = space->origin, .sequence = greatest}))
        space_reissue(space, effects);
}

// The header stays, bare: what it covers is dead too, and may still arrive. It goes under the
// horizon.
void space_drop(struct space *space, struct effects *effects, struct dot dot, uint64_t id_head)
{
    struct space_key name;
    struct slice value;
    struct stored stored;
    uint8_t key[KEY_BYTES_MAX];
    space_key_operation(&name, space->id, dot, id_head);
    if (overlay_get(space->store, STORE_OPERATIONS, space_key_slice(&name), &value) != ERR_OK ||
        stored_decode(value, space->id, &stored) != ERR_OK || stored.state != VERSION_LIVE)
        return;
    struct slice key_slice = slice_of(key, stored.operation.key.length);
    memcpy(key, stored.operation.key.bytes, key_slice.length);
    if (space_hand_load(space, key_slice) != ERR_OK)
        return;
    struct version *version = space_hand_find(space, dot, id_head);
    if (version == NULL || version->state != VERSION_LIVE)
        return;
    version->state = VERSION_BARE;
    space_hand_store(space, effects, key_slice, NULL);
    space_put_state(space, effects);
}
