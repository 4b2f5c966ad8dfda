// What readers see of a key, by what is live and by what is stable (rule R9), and what they and
// other peers need no more (rule R10).

#include "core/epidemic/versions.h"

#include "base/rule.h"

static bool has_value(const struct version *version)
{
    return version->state == VERSION_LIVE || version->state == VERSION_KEPT;
}

// Whether a header covers `dot` that everybody who reads what is stable sees, or saw long ago.
static bool is_covered_in(const struct versions *versions, struct dot dot,
                          const struct knowledge *stable)
{
    for (uint32_t i = 0; i < versions->count; i++) {
        const struct version *by = &versions->list[i];
        if (!by->is_gone && operation_covers(&by->header, dot) &&
            knowledge_has(stable, by->header.dot))
            return true;
    }
    return false;
}

uint32_t versions_live_count(const struct versions *versions)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < versions->count; i++)
        count += !versions->list[i].is_gone && versions->list[i].state == VERSION_LIVE;
    return count;
}

static bool is_greater(const struct version *version, const struct version *than)
{
    if (than == NULL)
        return true;
    int order = stamp_compare(operation_stamp(&version->header), operation_stamp(&than->header));
    return order > 0 || (order == 0 && sha256_compare(&version->id, &than->id) > 0);
}

const struct version *versions_winner(const struct versions *versions, uint64_t utc_ms)
{
    const struct version *winner = NULL;
    for (uint32_t i = 0; i < versions->count; i++) {
        const struct version *version = &versions->list[i];
        if (!version->is_gone && version->state == VERSION_LIVE &&
            !version_is_expired(version, utc_ms) && is_greater(version, winner))
            winner = version;
    }
    return winner;
}

const struct version *versions_stable_winner(const struct versions *versions,
                                             const struct knowledge *stable, uint64_t utc_ms)
{
    const struct version *winner = NULL;
    for (uint32_t i = 0; i < versions->count; i++) {
        const struct version *version = &versions->list[i];
        if (!version->is_gone && has_value(version) && knowledge_has(stable, version->header.dot) &&
            !version_is_expired(version, utc_ms) &&
            !is_covered_in(versions, version->header.dot, stable) && is_greater(version, winner))
            winner = version;
    }
    return winner;
}

// Whether every peer that will ever close a session with us knows the operation and all that it
// can cover, so that none of it can come again.
static bool is_under(const struct operation *header, const struct knowledge *horizon)
{
    if (!knowledge_has(horizon, header->dot))
        return false;
    for (uint32_t i = 0; RULE(HORIZON) && i < header->context.count; i++)
        if (!knowledge_has_all_up_to(horizon, header->context.entries[i]))
            return false;
    return true;
}

void versions_collect(struct versions *versions, const struct knowledge *horizon,
                      const struct knowledge *stable)
{
    // First what is kept, by headers that may be about to go: the horizon was stable once.
    for (uint32_t i = 0; i < versions->count; i++) {
        struct version *version = &versions->list[i];
        struct dot dot = version->header.dot;
        if (!version->is_gone && version->state == VERSION_KEPT &&
            (is_covered_in(versions, dot, stable) || is_covered_in(versions, dot, horizon)))
            version->state = VERSION_BARE;
    }
    versions_tidy(versions);
    for (uint32_t i = 0; i < versions->count; i++) {
        struct version *version = &versions->list[i];
        if (!version->is_gone && !has_value(version) && is_under(&version->header, horizon))
            version->is_gone = true;
    }
}
