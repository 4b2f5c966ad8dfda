#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "core/effect/effects.h"

// More than the first capacity of any array.
#define MANY 100

static int open_effects(void **state)
{
    static struct effects effects;
    effects_init(&effects);
    *state = &effects;
    return 0;
}

static int close_effects(void **state)
{
    effects_release(*state);
    return 0;
}

static bool is_text(const struct effects *effects, struct effect_span span, const char *text)
{
    return slice_equal(effects_bytes(effects, span), slice_of_text(text));
}

static void put_text(struct effects *effects, enum effect_store store, const char *key,
                     const char *value)
{
    effects_put(effects, store, STORE_META, slice_of_text(key), slice_of_text(value));
}

static void send_ping(struct effects *effects, uint64_t peer, uint64_t to_incarnation)
{
    struct message message = {.kind = MESSAGE_PING};
    effects_send(effects, peer, to_incarnation, &message);
}

static struct message sent(const struct effects *effects, size_t index)
{
    struct message message;
    assert_in_range(index, 0, effects->send_count - 1);
    assert_int_equal(
        message_decode(effects_bytes(effects, effects->sends[index].message), &message), ERR_OK);
    return message;
}

static void test_effects__begins_empty(void **state)
{
    struct effects *effects = *state;
    assert_true(effects_empty(effects));
    assert_true(effects->wake_us == UINT64_MAX);
    assert_int_equal(effects->tokens[EFFECT_DATA], 0);
}

static void test_effects__fills_the_head_of_messages(void **state)
{
    struct effects *effects = *state;
    effects->epoch = 7;
    effects->incarnation = 3;
    send_ping(effects, 100, 9);
    effects->epoch = 8;
    send_ping(effects, 101, 0);
    struct message first = sent(effects, 0);
    struct message second = sent(effects, 1);
    assert_int_equal(effects->sends[0].peer, 100);
    assert_int_equal(effects->sends[1].peer, 101);
    assert_int_equal(first.epoch, 7);
    assert_int_equal(second.epoch, 8);
    assert_int_equal(first.from_incarnation, 3);
    assert_int_equal(first.to_incarnation, 9);
    assert_int_equal(second.to_incarnation, 0);
    assert_true(second.sequence > first.sequence);
}

static void test_effects__sequence_grows_over_steps(void **state)
{
    struct effects *effects = *state;
    uint64_t last = 0;
    for (unsigned i = 0; i < MANY; i++) {
        send_ping(effects, 1, 1);
        uint64_t sequence = sent(effects, 0).sequence;
        assert_true(sequence > last);
        last = sequence;
        effects_clear(effects);
    }
}

static void test_effects__keeps_copies_in_order(void **state)
{
    struct effects *effects = *state;
    char key[16];
    char value[16];
    for (unsigned i = 0; i < MANY; i++) {
        snprintf(key, sizeof key, "key-%u", i);
        snprintf(value, sizeof value, "value-%u", i);
        put_text(effects, i % 2 == 0 ? EFFECT_DATA : EFFECT_VOTER, key, value);
        effects_remove(effects, EFFECT_DATA, STORE_MARKS, slice_of_text(key));
        effects_route(effects, i, key);
    }
    assert_int_equal(effects->write_count, 2 * MANY);
    assert_int_equal(effects->route_count, MANY);
    for (unsigned i = 0; i < MANY; i++) {
        const struct effect_write *put = &effects->writes[2 * i];
        const struct effect_write *removal = &effects->writes[2 * i + 1];
        snprintf(key, sizeof key, "key-%u", i);
        snprintf(value, sizeof value, "value-%u", i);
        assert_int_equal(put->store, i % 2 == 0 ? EFFECT_DATA : EFFECT_VOTER);
        assert_int_equal(put->table, STORE_META);
        assert_false(put->remove);
        assert_true(is_text(effects, put->key, key));
        assert_true(is_text(effects, put->value, value));
        assert_int_equal(removal->table, STORE_MARKS);
        assert_true(removal->remove);
        assert_true(is_text(effects, removal->key, key));
        assert_int_equal(removal->value.length, 0);
        assert_int_equal(effects->routes[i].peer, i);
        assert_string_equal(effects_bytes(effects, effects->routes[i].address).bytes, key);
    }
}

static void test_effects__an_empty_route_leads_nowhere(void **state)
{
    struct effects *effects = *state;
    put_text(effects, EFFECT_DATA, "key", "value");
    effects_route(effects, 5, NULL);
    effects_route(effects, 6, "h:1");
    assert_int_equal(effects_bytes(effects, effects->routes[0].address).length, 0);
    assert_int_equal(effects_bytes(effects, effects->routes[1].address).length, 4);
}

static void test_effects__replies_come_back(void **state)
{
    struct effects *effects = *state;
    const struct reply given = {.error = ERR_OK, .existed = true, .value = slice_of_text("value")};
    struct reply reply;
    for (unsigned i = 0; i < MANY; i++)
        effects_reply(effects, i, &given);
    assert_int_equal(effects->reply_count, MANY);
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(effects->replies[i].handle, i);
        struct slice bytes = effects_bytes(effects, effects->replies[i].reply);
        assert_int_equal(reply_decode(bytes, &reply), ERR_OK);
        assert_true(reply.existed && slice_equal(reply.value, given.value));
    }
}

static void test_effects__tokens_grow_for_each_store_and_survive_clear(void **state)
{
    struct effects *effects = *state;
    uint64_t first = effects_token(effects, EFFECT_VOTER);
    effects_clear(effects);
    uint64_t second = effects_token(effects, EFFECT_VOTER);
    assert_true(second > first);
    assert_int_equal(effects->tokens[EFFECT_DATA], 0);
    assert_int_equal(effects->tokens[EFFECT_VOTER], second);
}

static void test_effects__wakes_at_the_earliest(void **state)
{
    struct effects *effects = *state;
    effects_wake(effects, 50);
    effects_wake(effects, 70);
    assert_int_equal(effects->wake_us, 50);
    effects_wake(effects, 20);
    assert_int_equal(effects->wake_us, 20);
    effects_clear(effects);
    assert_true(effects->wake_us == UINT64_MAX);
}

static void test_effects__clear_leaves_the_head(void **state)
{
    struct effects *effects = *state;
    effects->epoch = 4;
    effects->incarnation = 2;
    send_ping(effects, 1, 1);
    put_text(effects, EFFECT_DATA, "key", "value");
    effects_clear(effects);
    assert_true(effects_empty(effects));
    assert_int_equal(effects->bytes.length, 0);
    assert_int_equal(effects->epoch, 4);
    assert_int_equal(effects->incarnation, 2);
    send_ping(effects, 1, 1);
    assert_int_equal(sent(effects, 0).sequence, 2);
}

// Twice, so that the memory of the first carried ones is the home of the next.
static void test_effects__hands_over_and_goes_on(void **state)
{
    struct effects *effects = *state;
    struct effects carried;
    effects_init(&carried);
    effects->epoch = 4;
    effects->incarnation = 2;
    for (unsigned round = 1; round <= 2; round++) {
        send_ping(effects, 1, 1);
        put_text(effects, EFFECT_DATA, "key", "value");
        uint64_t token = effects_token(effects, EFFECT_DATA);
        effects_wake(effects, 30);
        effects_hand_over(effects, &carried);
        assert_true(effects_empty(effects));
        assert_int_equal(effects->bytes.length, 0);
        assert_int_equal(sent(&carried, 0).sequence, 2 * round - 1);
        assert_true(is_text(&carried, carried.writes[0].value, "value"));
        assert_int_equal(carried.tokens[EFFECT_DATA], token);
        assert_int_equal(effects->wake_us, 30);
        // Going on leaves what is carried alone.
        send_ping(effects, 2, 1);
        assert_int_equal(sent(effects, 0).epoch, 4);
        assert_int_equal(sent(effects, 0).sequence, 2 * round);
        assert_int_equal(sent(&carried, 0).sequence, 2 * round - 1);
        effects_clear(&carried);
        effects_clear(effects);
    }
    effects_release(&carried);
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(test_effects__##name, open_effects, close_effects)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(begins_empty),
        TEST(fills_the_head_of_messages),
        TEST(sequence_grows_over_steps),
        TEST(keeps_copies_in_order),
        TEST(an_empty_route_leads_nowhere),
        TEST(replies_come_back),
        TEST(tokens_grow_for_each_store_and_survive_clear),
        TEST(wakes_at_the_earliest),
        TEST(clear_leaves_the_head),
        TEST(hands_over_and_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
