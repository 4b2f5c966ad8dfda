#include "host/identity.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

// A store of one pair, for a name that is asked for.
struct small {
    struct slice name;
    struct slice value; // empty: none
    bool has_records;
};

static enum err get(void *self, enum store_table table, struct slice key, struct slice *out)
{
    const struct small *small = self;
    if (table != STORE_META || small->value.length == 0 || !slice_equal(key, small->name))
        return ERR_NOT_FOUND;
    *out = small->value;
    return ERR_OK;
}

static enum err scan(void *self, enum store_table table, struct slice first, struct slice end,
                     store_visit *visit, void *context)
{
    const struct small *small = self;
    (void)first;
    (void)end;
    if (table == STORE_RECORDS && small->has_records)
        (void)visit(context, slice_of_text("key"), slice_of_text("value"));
    return ERR_OK;
}

static const struct store_ops ops = {.get = get, .scan = scan};

// What the voter store of a member holds, made by the code that reads it.
static struct slice sealed_identity(struct effects *effects)
{
    const struct identity identity = {
        .store_id = 7, .incarnation = 3, .cluster = {.high = 1, .low = 2}};
    voter_store_put_identity(effects, &identity);
    return effects_bytes(effects, effects->writes[0].value);
}

static enum err begin(enum claim claim, bool has_records, struct identity *out, bool *marks_data)
{
    struct effects given, effects;
    struct errmsg detail;
    effects_init(&given);
    effects_init(&effects);
    struct small voter = {.name = slice_of_text("identity"), .value = sealed_identity(&given)};
    struct small data = {.has_records = has_records};
    const struct store voter_store = {.ops = &ops, .self = &voter};
    const struct store data_store = {.ops = &ops, .self = &data};
    const struct node_config config = {.claim = claim};
    enum err error = identity_begin(&config, &data_store, &voter_store, &effects, out, &detail);
    *marks_data = false;
    for (size_t i = 0; i < effects.write_count; i++)
        *marks_data |= effects.writes[i].store == EFFECT_DATA;
    effects_release(&given);
    effects_release(&effects);
    return error;
}

// Power went before the data store, of durability `interval`, was ever synced: it has nothing, not
// even whose it is, while the voter store knows that this is a member.
static void test_identity__a_suspect_that_lost_everything_begins_again(void **state)
{
    (void)state;
    struct identity identity;
    bool marks_data;
    assert_int_equal(begin(CLAIM_SUSPECT, false, &identity, &marks_data), ERR_OK);
    assert_int_equal(identity.store_id, 7);
    assert_int_equal(identity.incarnation, 4);
    assert_true(marks_data);
    assert_int_equal(begin(CLAIM_TRUSTED, false, &identity, &marks_data), ERR_OK);
}

static void test_identity__who_should_have_all_and_has_nothing_does_not_start(void **state)
{
    (void)state;
    struct identity identity;
    bool marks_data;
    assert_int_equal(begin(CLAIM_WHOLE, false, &identity, &marks_data), ERR_CORRUPT);
    // Records, and nobody's: no loss of power does that.
    assert_int_equal(begin(CLAIM_SUSPECT, true, &identity, &marks_data), ERR_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identity__a_suspect_that_lost_everything_begins_again),
        cmocka_unit_test(test_identity__who_should_have_all_and_has_nothing_does_not_start)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
