#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "world.h"

const char *const world_keys[WORLD_KEYS] = {"a", "aa", "aab", "ab", "b",     "ba",    "bb",
                                            "c", "c ", "caa", "d",  "d\x7f", "d\xff", "\xff"};

unsigned world_key(struct slice key)
{
    for (unsigned i = 0; i < WORLD_KEYS; i++)
        if (slice_equal(key, slice_of_text(world_keys[i])))
            return i;
    fail();
    return 0;
}

static enum err fake_get(void *self, enum store_table table, struct slice key, struct slice *out)
{
    const struct world *world = self;
    unsigned index = world_key(key);
    if (table == 0 && index == world->damaged)
        return ERR_CORRUPT;
    const struct cell *cell = &world->shown.at[table][index];
    *out = cell_value(cell);
    return cell->present ? ERR_OK : ERR_NOT_FOUND;
}

static bool is_within(unsigned key, struct slice first, struct slice end)
{
    return slice_compare(slice_of_text(world_keys[key]), first) >= 0 &&
           (end.length == 0 || slice_compare(slice_of_text(world_keys[key]), end) < 0);
}

static enum err fake_scan(void *self, enum store_table table, struct slice first, struct slice end,
                          store_visit *visit, void *context)
{
    const struct world *world = self;
    for (unsigned key = 0; key < WORLD_KEYS; key++) {
        const struct cell *cell = &world->shown.at[table][key];
        if (!cell->present || !is_within(key, first, end))
            continue;
        if (table == 0 && key == world->damaged)
            return ERR_CORRUPT;
        if (!visit(context, slice_of_text(world_keys[key]), cell_value(cell)))
            break;
    }
    return ERR_OK;
}

// The writing half of the port stays empty: a overlay never calls it.
static const struct store_ops fake_ops = {.get = fake_get, .scan = fake_scan};

void world_open(struct world *world)
{
    memset(world, 0, sizeof *world);
    world->base = (struct store){.ops = &fake_ops, .self = world};
    world->damaged = WORLD_KEYS;
    effects_init(&world->effects);
    overlay_init(&world->overlay, &world->base);
}

void world_close(struct world *world)
{
    overlay_release(&world->overlay);
    effects_release(&world->effects);
}

static struct cell cell_of(struct slice value)
{
    struct cell cell = {.present = true, .length = value.length};
    assert_in_range(value.length, 0, VALUE_BYTES);
    if (value.length > 0)
        memcpy(cell.value, value.bytes, value.length);
    return cell;
}

void world_show(struct world *world, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct queued *queued = &world->queue[i];
        world->shown.at[queued->table][queued->key] = queued->cell;
    }
    world->queued -= count;
    memmove(world->queue, &world->queue[count], world->queued * sizeof world->queue[0]);
}

// Hands the one write in the effects over to the store, as a host does.
static void carry(struct world *world)
{
    assert_int_equal(world->effects.write_count, 1);
    const struct effect_write *write = &world->effects.writes[0];
    assert_int_equal(write->store, EFFECT_DATA);
    if (world->queued == WORLD_QUEUE_MAX)
        world_show(world, WORLD_QUEUE_MAX / 2);
    struct queued *queued = &world->queue[world->queued++];
    *queued = (struct queued){.token = TOKEN_UNBOUND, .table = (unsigned)write->table};
    queued->key = world_key(effects_bytes(&world->effects, write->key));
    if (!write->remove)
        queued->cell = cell_of(effects_bytes(&world->effects, write->value));
    effects_clear(&world->effects);
}

void world_put(struct world *world, unsigned table, const char *key, struct slice value)
{
    unsigned index = world_key(slice_of_text(key));
    world->expected.at[table][index] = cell_of(value);
    world->tokens[table][index] = TOKEN_UNBOUND;
    overlay_put(&world->overlay, &world->effects, table, slice_of_text(key), value);
    carry(world);
}

void world_put_text(struct world *world, const char *key, const char *value)
{
    world_put(world, 0, key, slice_of_text(value));
}

void world_remove(struct world *world, unsigned table, const char *key)
{
    unsigned index = world_key(slice_of_text(key));
    world->expected.at[table][index] = (struct cell){0};
    world->tokens[table][index] = TOKEN_UNBOUND;
    overlay_remove(&world->overlay, &world->effects, table, slice_of_text(key));
    carry(world);
}

void world_stock(struct world *world, const char *key, const char *value)
{
    unsigned index = world_key(slice_of_text(key));
    world->shown.at[0][index] = cell_of(slice_of_text(value));
    world->expected.at[0][index] = world->shown.at[0][index];
}

static void bind_queue(struct world *world)
{
    for (size_t i = 0; i < world->queued; i++)
        if (world->queue[i].token == TOKEN_UNBOUND)
            world->queue[i].token = world->effects.tokens[EFFECT_DATA];
}

uint64_t world_token(struct world *world)
{
    uint64_t token = overlay_token(&world->overlay, &world->effects);
    for (unsigned table = 0; table < WORLD_TABLES; table++)
        for (unsigned key = 0; key < WORLD_KEYS; key++)
            if (world->tokens[table][key] == TOKEN_UNBOUND)
                world->tokens[table][key] = token;
    bind_queue(world);
    return token;
}

uint64_t world_token_of_another(struct world *world)
{
    uint64_t token = effects_token(&world->effects, EFFECT_DATA);
    bind_queue(world);
    return token;
}

void world_report(struct world *world, uint64_t token)
{
    size_t count = 0;
    while (count < world->queued && world->queue[count].token <= token)
        count++;
    world_show(world, count);
    world->reported = token;
    overlay_on_durable(&world->overlay, token);
    overlay_invariants(&world->overlay);
}

void world_assert_gets(struct world *world, const char *key, const char *value)
{
    struct slice out;
    enum err error = overlay_get(&world->overlay, 0, slice_of_text(key), &out);
    assert_int_equal(error, value != NULL ? ERR_OK : ERR_NOT_FOUND);
    if (value != NULL)
        assert_true(slice_equal(out, slice_of_text(value)));
}

struct visit {
    const struct cells *expected;
    unsigned table;
    unsigned next;  // the first key that was not seen yet
    unsigned left;  // visits until it ends the scan
    unsigned count; // of visits
    struct slice first;
    struct slice end;
};

// Moves on to the next key that the scan must show; WORLD_KEYS when there is none.
static void skip_absent(struct visit *visit)
{
    while (visit->next < WORLD_KEYS && !(visit->expected->at[visit->table][visit->next].present &&
                                         is_within(visit->next, visit->first, visit->end)))
        visit->next++;
}

static bool visit_expected(void *context, struct slice key, struct slice value)
{
    struct visit *visit = context;
    skip_absent(visit);
    assert_int_equal(world_key(key), visit->next);
    assert_true(slice_equal(value, cell_value(&visit->expected->at[visit->table][visit->next])));
    assert_true(visit->left > 0);
    visit->next++;
    visit->count++;
    return --visit->left > 0;
}

unsigned world_scan(struct world *world, unsigned table, struct slice first, struct slice end,
                    unsigned most)
{
    struct visit visit = {
        .expected = &world->expected, .table = table, .left = most, .first = first, .end = end};
    enum err error = overlay_scan(&world->overlay, table, first, end, visit_expected, &visit);
    assert_int_equal(error, ERR_OK);
    skip_absent(&visit);
    assert_true(visit.left == 0 || visit.next == WORLD_KEYS);
    return visit.count;
}

unsigned world_scan_text(struct world *world, const char *first, const char *end, unsigned most)
{
    return world_scan(world, 0, slice_of_text(first), slice_of_text(end), most);
}
