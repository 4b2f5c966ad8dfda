// Removing what has expired (rule R16).
//
// A context names, of each origin, the greatest number that it covers. So an operation must cover
// every live version that its own origin wrote of the key before: who has seen the operation alone
// would cover those unseen with the next write. A certificate over some of what lives keeps that
// rule by coming from an origin that wrote nothing of the rest.

#include "core/epidemic/space_parts.h"

static bool is_live(const struct version *version)
{
    return !version->is_gone && version->state == VERSION_LIVE;
}

// Whether something that lives on is of the same origin and as old, so that naming the dot would
// cover it.
static bool names_the_living(const struct versions *versions, struct dot dot, uint64_t until_ms)
{
    for (uint32_t i = 0; i < versions->count; i++) {
        const struct version *version = &versions->list[i];
        if (is_live(version) && !version_is_expired(version, until_ms) &&
            version->header.dot.origin == dot.origin &&
            version->header.dot.sequence <= dot.sequence)
            return true;
    }
    return false;
}

static bool is_to_go(const struct versions *versions, const struct version *version,
                     uint64_t until_ms)
{
    return is_live(version) && version_is_expired(version, until_ms) &&
           !names_the_living(versions, version->header.dot, until_ms);
}

// The dots of what is to go; then what these covered, so that their headers need not stay. What
// finds no room is left to a later certificate, or to the headers. ERR_NOT_FOUND without any.
static enum err cover_expired(const struct versions *versions, uint64_t until_ms,
                              struct context *out)
{
    for (uint32_t i = 0; i < versions->count; i++) {
        const struct version *version = &versions->list[i];
        if (is_to_go(versions, version, until_ms) &&
            context_raise(out, version->header.dot) != ERR_OK)
            break;
    }
    for (uint32_t i = 0; i < versions->count; i++) {
        const struct version *version = &versions->list[i];
        if (!is_live(version) || !context_covers(out, version->header.dot))
            continue;
        const struct context *inherited = &version->header.context;
        for (uint32_t j = 0; j < inherited->count; j++)
            if (context_raise(out, inherited->entries[j]) != ERR_OK)
                break;
    }
    return out->count > 0 ? ERR_OK : ERR_NOT_FOUND;
}

// As if nothing had been written in this run: the next operation draws a fresh origin.
static void leave_origin(struct space *space)
{
    space->origin = 0;
    space->next = 0;
}

enum err space_expire(struct space *space, struct effects *effects, struct slice key,
                      uint64_t until_ms, const struct signing_secret *author, struct dot *out)
{
    struct operation operation = {.dead = true, .key = key};
    uint64_t origin = space->origin;
    uint64_t next = space->next;
    enum err error = space->forgetting || !space_has_room(space, 0)
                         ? ERR_BUSY
                         : space_check_author(space, key, author);
    if (error == ERR_OK)
        error = space_hand_load_tidy(space, key);
    if (error == ERR_OK)
        error = cover_expired(&space->versions, until_ms, &operation.context);
    if (error != ERR_OK)
        return error;
    struct dot latest = {.origin = origin, .sequence = KNOWLEDGE_SEQUENCE_MAX};
    if (names_the_living(&space->versions, latest, until_ms))
        leave_origin(space);
    error = space_issue(space, effects, &operation, space->setting.is_signed ? author : NULL);
    if (error != ERR_OK) {
        space->origin = origin;
        space->next = next;
        return error;
    }
    if (space->setting.is_signed) {
        space->author = *author;
        space->has_author = true;
    }
    *out = operation.dot;
    return ERR_OK;
}
