#include "core/epidemic/bundle_import.h"

#include "base/check.h"
#include "base/rule.h"

void bundle_import_init(struct bundle_import *import, struct space *space)
{
    *import = (struct bundle_import){.space = space};
    bundle_reader_init(&import->reader);
}

void bundle_import_release(struct bundle_import *import)
{
    bundle_reader_release(&import->reader);
}

// The next part, of this space.
static enum err read_next(struct bundle_import *import, enum bundle_part *out)
{
    struct bundle_reader *reader = &import->reader;
    enum err error = bundle_read_next(reader, out);
    if (error == ERR_OK && *out == BUNDLE_HEADER && reader->header.space != import->space->id)
        reader->error = error = ERR_FOREIGN;
    return error;
}

enum err bundle_import_check(struct bundle_import *import, struct slice portion)
{
    enum bundle_part part = BUNDLE_HEADER;
    enum err error = ERR_OK;
    CHECK(!import->is_checked);
    bundle_feed(&import->reader, portion);
    while (error == ERR_OK && part != BUNDLE_MORE && part != BUNDLE_OVER) {
        error = read_next(import, &part);
        import->operations += part == BUNDLE_OPERATION;
    }
    return error;
}

enum err bundle_import_checked(struct bundle_import *import)
{
    CHECK(!import->is_checked);
    enum err error = bundle_read_end(&import->reader);
    if (error != ERR_OK)
        return error;
    import->checked = import->reader.sum;
    import->is_checked = true;
    bundle_reader_rewind(&import->reader);
    return ERR_OK;
}

static void apply_operation(struct bundle_import *import, struct effects *effects,
                            bundle_news *news, void *context)
{
    const struct operation *operation = &import->reader.operation;
    enum space_outcome outcome =
        space_apply(import->space, effects, operation, import->reader.form, SPACE_FROM_SESSION);
    import->outcomes[outcome]++;
    if (outcome == SPACE_NEWS && news != NULL)
        news(context, import->space, operation->dot);
}

enum err bundle_import_apply(struct bundle_import *import, struct effects *effects,
                             struct slice portion, bundle_news *news, void *context)
{
    struct bundle_reader *reader = &import->reader;
    enum bundle_part part = BUNDLE_HEADER;
    CHECK(import->is_checked);
    bundle_feed(reader, portion);
    while (part != BUNDLE_MORE && part != BUNDLE_OVER) {
        enum err error = read_next(import, &part);
        if (error != ERR_OK)
            return error;
        if (part == BUNDLE_HEADER)
            space_hear(import->space, effects, &reader->header.since);
        else if (part == BUNDLE_OPERATION)
            apply_operation(import, effects, news, context);
    }
    return ERR_OK;
}

// Why known here by now is enough, although some of it came only with this bundle: what came was
// applied, so that each of its dots is held, or covered, like any other that is known.
static enum bundle_verdict judge_close(const struct bundle_import *import)
{
    const struct knowledge *known = &import->space->known;
    const struct bundle_reader *reader = &import->reader;
    if (import->outcomes[SPACE_REFUSED] > 0 || import->outcomes[SPACE_BAD] > 0)
        return BUNDLE_REFUSED;
    if (RULE(BUNDLE_SINCE) && !knowledge_contains(known, &reader->header.since))
        return BUNDLE_GAP;
    return knowledge_contains(known, &reader->close.horizon) ? BUNDLE_APPLIED : BUNDLE_BEHIND;
}

enum err bundle_import_close(struct bundle_import *import, struct effects *effects,
                             enum bundle_verdict *out)
{
    struct bundle_reader *reader = &import->reader;
    CHECK(import->is_checked);
    enum err error = bundle_read_end(reader);
    if (error == ERR_OK && sha256_compare(&reader->sum, &import->checked) != 0)
        reader->error = error = ERR_CORRUPT;
    if (error != ERR_OK)
        return error;
    space_hear(import->space, effects, &reader->close.known);
    *out = judge_close(import);
    if (*out != BUNDLE_APPLIED)
        return ERR_OK;
    error = space_apply_close(import->space, effects, &reader->close.known);
    if (error != ERR_OK)
        return error;
    // With what the exporter knew comes what it dropped for knowing that all know it.
    static const struct knowledge none;
    return space_stabilise(import->space, effects, &none, &reader->close.horizon);
}
