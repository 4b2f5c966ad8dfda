#include "core/epidemic/bundle_export.h"

#include "base/check.h"

// Rounds: a plan is what is known here and was not walked yet; once it was walked, what became
// known meanwhile is the next plan. When a plan comes out empty, nothing has changed since the last
// walk ended, and the close follows in the same call. What was superseded before it was walked is
// covered by something that became known later, and so is of a later plan.
//
// Bare headers of dots that are not known are walked after that, and counted apart: as soon as such
// a dot is known (its value came), it has to be walked again.

enum err bundle_export_begin(struct bundle_export *export, struct space *space,
                             const struct bundle_header *header, struct buf *out)
{
    CHECK(header->space == space->id);
    *export = (struct bundle_export){.space = space};
    enum err error = bundle_write_header(&export->writer, header, out);
    if (error == ERR_OK)
        knowledge_copy(&export->done, &header->since);
    return error;
}

void bundle_export_release(struct bundle_export *export)
{
    knowledge_release(&export->done);
    knowledge_release(&export->strays);
    knowledge_release(&export->plan);
}

// What the plan was is done. Gives the next one, empty when there is none.
static enum err plan_next(struct bundle_export *export)
{
    struct space *space = export->space;
    enum err error =
        knowledge_merge(export->plan_is_stray ? &export->strays : &export->done, &export->plan);
    if (error != ERR_OK)
        return error;
    export->next = (struct dot){0};
    export->plan_is_stray = false;
    knowledge_missing(&space->known, &export->done, &export->plan);
    if (!knowledge_is_empty(&export->plan))
        return ERR_OK;
    export->plan_is_stray = true;
    knowledge_missing(&space->strays, &export->done, &export->plan);
    knowledge_missing(&export->plan, &export->strays, &export->plan);
    return ERR_OK;
}

// One call's part of a walk.
struct stretch {
    struct bundle_export *export;
    struct buf *out;
    size_t end; // `out` takes nothing more from this length on
    bool full;
    enum err error;
};

static bool write_operation(void *context, const struct operation *operation,
                            enum operation_form form, uint64_t id_head)
{
    struct stretch *stretch = context;
    struct bundle_export *export = stretch->export;
    (void)id_head;
    if (stretch->out->length >= stretch->end) {
        stretch->full = true;
        export->next = operation->dot;
        return false;
    }
    stretch->error = bundle_write_operation(&export->writer, operation, form, stretch->out);
    export->operations++;
    return stretch->error == ERR_OK;
}

static bool may_go_on(const struct stretch *stretch)
{
    return !stretch->full && stretch->error == ERR_OK;
}

static void walk_origin(struct stretch *stretch, const struct intervals *intervals)
{
    struct bundle_export *export = stretch->export;
    uint64_t least = intervals->origin == export->next.origin ? export->next.sequence : 1;
    for (uint32_t i = 0; i < intervals->count && may_go_on(stretch); i++) {
        struct interval interval = intervals->list[i];
        if (interval.last < least)
            continue;
        if (interval.first < least)
            interval.first = least;
        enum err error =
            space_walk_origin(export->space, intervals->origin, interval, write_operation, stretch);
        if (stretch->error == ERR_OK)
            stretch->error = error;
    }
}

static void walk_plan(struct stretch *stretch)
{
    const struct knowledge *plan = &stretch->export->plan;
    for (uint32_t i = 0; i < plan->count && may_go_on(stretch); i++) {
        if (plan->origins[i].origin >= stretch->export->next.origin)
            walk_origin(stretch, &plan->origins[i]);
    }
}

static enum err write_close(struct bundle_export *export, struct slice stability, struct buf *out)
{
    const struct space *space = export->space;
    struct bundle_close close = {.stability = stability};
    if (!export->is_unsure && !space->forgetting) {
        close.known = space->known;
        close.horizon = space->horizon;
    }
    export->over = true;
    return bundle_write_close(&export->writer, &close, out);
}

enum err bundle_export_next(struct bundle_export *export, size_t budget_bytes,
                            struct slice stability, struct buf *out)
{
    struct stretch stretch = {.export = export, .out = out, .end = out->length + budget_bytes};
    CHECK(!export->over && budget_bytes > 0);
    export->is_unsure |= export->space->damaged;
    for (;;) {
        walk_plan(&stretch);
        if (!may_go_on(&stretch))
            return stretch.error;
        stretch.error = plan_next(export);
        if (stretch.error != ERR_OK)
            return stretch.error;
        if (knowledge_is_empty(&export->plan))
            return write_close(export, stability, out);
    }
}
