#include "core/epidemic/versions.h"

#include "base/check.h"
#include "base/rule.h"
#include "core/epidemic/joint.h"

#include <stdlib.h>

// Entries of the list: what is here, one arrival too many, and what the store had and is gone.
#define VERSIONS_LISTED_MAX (2u * VERSIONS_MAX + 1u)

// --- The table of rule R7

// What is here of an arriving operation's dot.
enum presence {
    PRESENCE_NONE,
    PRESENCE_BARE,  // the header with this id, without its value
    PRESENCE_WHOLE, // the header with this id, and the value if it is a put's
    PRESENCE_OTHER  // only another operation with this dot: it was used twice
};

// What a row holds for: sets of values, one bit each.
enum {
    PUT = 1 << OPERATION_PUT,
    DELETE = 1 << OPERATION_DELETE,
    BARE = 1 << OPERATION_BARE,
    ANY_FORM = PUT | DELETE | BARE,

    NO = 1 << false,
    YES = 1 << true,
    EITHER = NO | YES,

    NONE = 1 << PRESENCE_NONE,
    HEADER = 1 << PRESENCE_BARE,
    WHOLE = 1 << PRESENCE_WHOLE,
    OTHER = 1 << PRESENCE_OTHER,
    ABSENT = NONE | OTHER,
    ANYTHING = ABSENT | HEADER | WHOLE
};

struct row {
    uint8_t forms;
    uint8_t known;
    uint8_t audit;
    uint8_t presence;
    uint8_t covered;
    enum arrival arrival;
    bool learned;
    enum version_state state; // VERSION_STATE_COUNT: nothing here changes
};

// The first row that fits holds. An audit gives back what is lost here (rule R13): of puts, those
// that nothing covers; other headers in any case, for what they cover.
// clang-format off
static const struct row rows[] = {
    // form    known audit   here      covered arrival              learned state
    {PUT,      NO,   EITHER, ABSENT,   NO,     ARRIVAL_LIVE,        true,   VERSION_LIVE},
    {PUT,      NO,   EITHER, ABSENT,   YES,    ARRIVAL_COVERED,     true,   VERSION_BARE},
    {PUT,      NO,   EITHER, HEADER,   NO,     ARRIVAL_REVIVED,     true,   VERSION_LIVE},
    {PUT,      NO,   EITHER, HEADER,   YES,    ARRIVAL_COVERED,     true,   VERSION_STATE_COUNT},
    {DELETE,   NO,   EITHER, ABSENT,   EITHER, ARRIVAL_CERTIFICATE, true,   VERSION_CERTIFICATE},
    {BARE,     NO,   EITHER, ABSENT,   EITHER, ARRIVAL_BARE,        false,  VERSION_BARE},
    {BARE,     NO,   EITHER, ANYTHING, EITHER, ARRIVAL_KNOWN,       false,  VERSION_STATE_COUNT},
    {ANY_FORM, NO,   EITHER, WHOLE,    EITHER, ARRIVAL_KNOWN,       true,   VERSION_STATE_COUNT},
    {PUT,      YES,  YES,    ABSENT,   NO,     ARRIVAL_LIVE,        false,  VERSION_LIVE},
    {PUT,      YES,  YES,    HEADER,   NO,     ARRIVAL_REVIVED,     false,  VERSION_LIVE},
    {DELETE,   YES,  YES,    ABSENT,   EITHER, ARRIVAL_CERTIFICATE, false,  VERSION_CERTIFICATE},
    {BARE,     YES,  YES,    ABSENT,   EITHER, ARRIVAL_BARE,        false,  VERSION_BARE},
    {ANY_FORM, YES,  EITHER, OTHER,    EITHER, ARRIVAL_TWIN,        false,  VERSION_STATE_COUNT},
    {ANY_FORM, YES,  EITHER, ANYTHING, EITHER, ARRIVAL_KNOWN,       false,  VERSION_STATE_COUNT},
};
// clang-format on

static const struct row *row_of(enum operation_form form, bool known, bool audit,
                                enum presence presence, bool covered)
{
    const struct row *row = rows;
    const struct row *end = rows + sizeof rows / sizeof rows[0];
    while (row < end &&
           !((row->forms >> form & 1) && (row->known >> known & 1) && (row->audit >> audit & 1) &&
             (row->presence >> presence & 1) && (row->covered >> covered & 1)))
        row++;
    CHECK(row < end);
    return row;
}

// --- The list

void versions_init(struct versions *versions)
{
    *versions = (struct versions){0};
}

void versions_release(struct versions *versions)
{
    free(versions->list);
    versions_init(versions);
}

void versions_clear(struct versions *versions)
{
    versions->count = 0;
}

static bool is_of(const struct version *version, struct dot dot, const struct sha256 *id)
{
    return dot_equal(version->header.dot, dot) && sha256_compare(&version->id, id) == 0;
}

// Gone or not; NULL when it is not listed.
static struct version *find_listed(const struct versions *versions, struct dot dot,
                                   const struct sha256 *id)
{
    for (uint32_t i = 0; i < versions->count; i++)
        if (is_of(&versions->list[i], dot, id))
            return &versions->list[i];
    return NULL;
}

const struct version *versions_find(const struct versions *versions, struct dot dot,
                                    const struct sha256 *id)
{
    const struct version *found = find_listed(versions, dot, id);
    return found != NULL && !found->is_gone ? found : NULL;
}

bool versions_cover(const struct versions *versions, struct dot dot)
{
    for (uint32_t i = 0; i < versions->count; i++) {
        const struct version *by = &versions->list[i];
        if (!by->is_gone && operation_covers(&by->header, dot))
            return true;
    }
    return false;
}

static uint32_t count_here(const struct versions *versions)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < versions->count; i++)
        count += !versions->list[i].is_gone;
    return count;
}

static struct version *append(struct versions *versions)
{
    if (versions->count == versions->capacity) {
        CHECK(versions->count < VERSIONS_LISTED_MAX);
        versions->capacity = versions->capacity > 0 ? 2 * versions->capacity : 2;
        versions->list = memory_resize(versions->list, versions->capacity * sizeof *versions->list);
    }
    return &versions->list[versions->count++];
}

static void set_header(struct version *version, const struct operation *header,
                       const struct sha256 *id)
{
    version->header = *header;
    version->header.value = slice_of(NULL, 0);
    version->id = *id;
    version->is_gone = false;
}

enum err versions_load(struct versions *versions, const struct operation *header,
                       const struct sha256 *id, enum version_state state)
{
    if ((unsigned)state >= VERSION_STATE_COUNT || header->dead != (state == VERSION_CERTIFICATE) ||
        find_listed(versions, header->dot, id) != NULL)
        return ERR_INVALID;
    if (versions->count >= VERSIONS_MAX)
        return ERR_TOO_LARGE;
    struct version *version = append(versions);
    set_header(version, header, id);
    version->state = version->was = state;
    version->is_new = false;
    return ERR_OK;
}

// --- Arrivals

// A place for a header that is not here: what is gone comes back to its own, and who neither was in
// the store nor stays leaves its own to others.
static struct version *make_place(struct versions *versions, const struct operation *operation,
                                  const struct sha256 *id)
{
    struct version *place = find_listed(versions, operation->dot, id);
    if (place != NULL)
        return place;
    for (uint32_t i = 0; i < versions->count && place == NULL; i++)
        if (versions->list[i].is_new && versions->list[i].is_gone)
            place = &versions->list[i];
    if (place == NULL)
        place = append(versions);
    place->is_new = true;
    return place;
}

// What the arrival covers loses its value, unless that is the stable one still.
static void cover_others(struct versions *versions, const struct operation *by,
                         const struct knowledge *stable)
{
    for (uint32_t i = 0; i < versions->count; i++) {
        struct version *version = &versions->list[i];
        bool has_value = version->state == VERSION_LIVE || version->state == VERSION_KEPT;
        if (version->is_gone || !has_value || !operation_covers(by, version->header.dot))
            continue;
        bool keep = knowledge_has(stable, version->header.dot) && !knowledge_has(stable, by->dot);
        version->state = keep ? VERSION_KEPT : VERSION_BARE;
    }
}

static void take(struct versions *versions, const struct operation *operation,
                 const struct sha256 *id, enum version_state state, const struct knowledge *stable)
{
    struct version *version = make_place(versions, operation, id);
    set_header(version, operation, id);
    version->state = state;
    if (version->is_new)
        version->was = state;
    cover_others(versions, operation, stable);
    versions_tidy(versions);
}

// A full key takes what makes room for itself, or nobody could join its versions any more. False
// when it was not taken; then nothing has changed.
static bool take_if_room(struct versions *versions, const struct operation *operation,
                         const struct sha256 *id, enum version_state state,
                         const struct knowledge *stable)
{
    struct version *before = NULL;
    uint32_t count = versions->count;
    if (count_here(versions) >= VERSIONS_MAX)
        before = memory_copy(versions->list, count * sizeof *before);
    take(versions, operation, id, state, stable);
    bool taken = before == NULL || count_here(versions) <= VERSIONS_MAX;
    if (!taken) {
        memcpy(versions->list, before, count * sizeof *before);
        versions->count = count;
    }
    free(before);
    return taken;
}

static enum presence presence_of(const struct versions *versions, struct dot dot,
                                 const struct sha256 *id)
{
    enum presence presence = PRESENCE_NONE;
    for (uint32_t i = 0; i < versions->count; i++) {
        const struct version *version = &versions->list[i];
        if (version->is_gone || !dot_equal(version->header.dot, dot))
            continue;
        if (is_of(version, dot, id))
            return version->state == VERSION_BARE ? PRESENCE_BARE : PRESENCE_WHOLE;
        presence = PRESENCE_OTHER;
    }
    return presence;
}

struct arrival_result versions_apply(struct versions *versions, const struct operation *operation,
                                     const struct sha256 *id, enum operation_form form, bool known,
                                     bool audit, const struct knowledge *stable)
{
    CHECK((unsigned)form < OPERATION_FORM_COUNT && operation->dead == (form == OPERATION_DELETE));
    enum presence presence = presence_of(versions, operation->dot, id);
    bool covered = versions_cover(versions, operation->dot);
    const struct row *row = row_of(form, known, audit, presence, covered);
    if (row->state != VERSION_STATE_COUNT &&
        !take_if_room(versions, operation, id, row->state, stable))
        return (struct arrival_result){.arrival = ARRIVAL_CROWDED, .learned = false};
    return (struct arrival_result){.arrival = row->arrival, .learned = row->learned};
}

// --- What goes

// Past so many headers none is held back for readers of what is stable.
enum { HELD_BACK_MAX = VERSIONS_MAX / 4 };

// Whether it may go at all: what has a value has a reader.
static bool is_spent(const struct version *version)
{
    return !version->is_gone &&
           (version->state == VERSION_CERTIFICATE || version->state == VERSION_BARE);
}

// Whether the others say all that this header says. No context covers its own header's dot.
static bool is_told_by_others(const struct versions *versions, const struct joint *joint,
                              const struct operation *header)
{
    if (!RULE(TIDY_CONTEXT))
        return versions_cover(versions, header->dot);
    return joint_covers(joint, header->dot) && joint_spares(joint, &header->context);
}

// The kept versions that the header covers: its own word decides, once it is stable, that readers
// of what is stable see them no more. With many headers here they lose their values instead of
// holding it back; then such readers are told that what they ask for is not here. Whether it is
// held back.
static bool is_held_back(struct versions *versions, const struct operation *header, bool crowded)
{
    bool held = false;
    for (uint32_t i = 0; i < versions->count; i++) {
        struct version *version = &versions->list[i];
        if (version->is_gone || version->state != VERSION_KEPT ||
            !operation_covers(header, version->header.dot))
            continue;
        held |= !crowded;
        if (crowded)
            version->state = VERSION_BARE;
    }
    return held;
}

static void tidy_with(struct versions *versions, struct joint *joint, bool crowded)
{
    for (uint32_t i = 0; i < versions->count; i++) {
        const struct version *version = &versions->list[i];
        if (!version->is_gone)
            joint_add(joint, &version->header.context);
    }
    joint_seal(joint);
    for (uint32_t i = 0; i < versions->count; i++) {
        struct version *version = &versions->list[i];
        if (!is_spent(version) || !is_told_by_others(versions, joint, &version->header) ||
            is_held_back(versions, &version->header, crowded))
            continue;
        version->is_gone = true;
        if (RULE(TIDY_CONTEXT))
            joint_remove(joint, &version->header.context);
    }
}

void versions_tidy(struct versions *versions)
{
    uint32_t here = 0;
    uint32_t spent = 0;
    uint32_t entries = 0;
    for (uint32_t i = 0; i < versions->count; i++) {
        const struct version *version = &versions->list[i];
        if (version->is_gone)
            continue;
        here++;
        spent += is_spent(version);
        entries += version->header.context.count;
    }
    if (spent == 0 || here == 1)
        return;
    struct joint joint;
    joint_init(&joint, entries);
    tidy_with(versions, &joint, here > HELD_BACK_MAX);
    joint_release(&joint);
}

// --- What a write replaces

// Whether a header covers `dot` that is here for its context only. It stays if the write leaves out
// any of that; then it tells others the rest of it too.
static bool is_told_by_spent(const struct versions *versions, struct dot dot)
{
    for (uint32_t i = 0; i < versions->count; i++)
        if (is_spent(&versions->list[i]) && operation_covers(&versions->list[i].header, dot))
            return true;
    return false;
}

// Adds inherited entries, those that spent headers tell or the others. What finds no room is left
// out.
static void inherit(const struct versions *versions, bool told_by_spent, struct context *out)
{
    for (uint32_t i = 0; i < versions->count; i++) {
        const struct version *version = &versions->list[i];
        for (uint32_t j = 0; !version->is_gone && j < version->header.context.count; j++) {
            struct dot entry = version->header.context.entries[j];
            if (is_told_by_spent(versions, entry) != told_by_spent)
                continue;
            enum err room = context_raise(out, entry);
            CHECK(room == ERR_OK || out->count == CONTEXT_ENTRIES_MAX);
        }
    }
}

enum err versions_context(const struct versions *versions, struct context *out)
{
    out->count = 0;
    for (uint32_t i = 0; i < versions->count; i++)
        if (!versions->list[i].is_gone &&
            context_raise(out, versions->list[i].header.dot) != ERR_OK)
            return ERR_TOO_LARGE;
    // First what nobody else tells: left out, it would make one header more stay with each write.
    inherit(versions, false, out);
    inherit(versions, true, out);
    return ERR_OK;
}

void versions_invariants(const struct versions *versions)
{
    CHECK(versions->count <= versions->capacity && versions->count <= VERSIONS_LISTED_MAX);
    CHECK(count_here(versions) <= VERSIONS_MAX);
    for (uint32_t i = 0; i < versions->count; i++) {
        const struct version *version = &versions->list[i];
        const struct operation *header = &version->header;
        CHECK((unsigned)version->state < VERSION_STATE_COUNT);
        CHECK(header->dead == (version->state == VERSION_CERTIFICATE));
        CHECK(header->value.length == 0 && !operation_covers(header, header->dot));
        CHECK(find_listed(versions, header->dot, &version->id) == version);
        CHECK(version->is_gone || version->state != VERSION_LIVE ||
              !versions_cover(versions, header->dot));
    }
}
