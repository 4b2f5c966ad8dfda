// Beacons over the broadcast address of the loopback network, and what anybody may send there.
#include "adapter/beacon.h"
#include "base/random.h"
#include "net_testbed.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <setjmp.h>
#include <cmocka.h>

enum { INTERVAL_MS = 20, QUIET_MS = 3600 * 1000, BURST = 2 * BEACON_HEARD_BURST };

#define BROADCAST "127.255.255.255"

// One beacon, and a raw socket on the same address and port.
struct scene {
    struct testbed bed;
    struct beacon *beacon;
    int raw;
    struct sockaddr_in place;
    uint64_t heard;
    uint64_t last_id;
    char last_address[300];
    bool closes_on_heard;
    bool closed;
};

static void on_closed(void *context)
{
    *(bool *)context = true;
}

static void on_heard(void *context, uint64_t store_id, const char *address)
{
    struct scene *scene = context;
    assert_false(scene->closed || scene->beacon == NULL);
    scene->heard++;
    scene->last_id = store_id;
    snprintf(scene->last_address, sizeof scene->last_address, "%s", address);
    if (scene->closes_on_heard) {
        beacon_close(scene->beacon, on_closed, &scene->closed);
        scene->beacon = NULL;
    }
}

static struct beacon_config config_of(struct scene *scene, uint64_t interval_ms)
{
    return (struct beacon_config){.loop = &scene->bed.loop,
                                  .broadcast = BROADCAST,
                                  .port = ntohs(scene->place.sin_port),
                                  .interval_ms = interval_ms,
                                  .store_id = ID_A,
                                  .address = "127.0.0.1:5101",
                                  .key = slice_of_text(TESTBED_KEY),
                                  .heard = on_heard,
                                  .context = scene};
}

static void open_beacon(struct scene *scene, const struct beacon_config *config)
{
    struct errmsg detail = {.text = ""};
    if (beacon_open(config, &scene->beacon, &detail) != ERR_OK)
        fail_msg("%s", detail.text);
}

// A socket that shares its port, on one that the system chooses.
static int open_raw(struct sockaddr_in *place)
{
    int one = 1;
    socklen_t length = sizeof *place;
    int raw = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    *place = (struct sockaddr_in){.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK | 0x00ffffff)};
    if (raw < 0 || setsockopt(raw, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        setsockopt(raw, SOL_SOCKET, SO_BROADCAST, &one, sizeof one) != 0 ||
        bind(raw, (const struct sockaddr *)place, sizeof *place) != 0 ||
        getsockname(raw, (struct sockaddr *)place, &length) != 0)
        return -1;
    return raw;
}

static bool can_broadcast(const struct scene *scene)
{
    const struct sockaddr *to = (const struct sockaddr *)&scene->place;
    return scene->raw >= 0 && sendto(scene->raw, "x", 1, 0, to, sizeof scene->place) == 1;
}

static int begin(void **state)
{
    static struct scene scene;
    scene = (struct scene){.heard = 0};
    testbed_init(&scene.bed);
    scene.raw = open_raw(&scene.place);
    *state = &scene;
    return 0;
}

static int end(void **state)
{
    struct scene *scene = *state;
    if (scene->beacon != NULL)
        beacon_close(scene->beacon, on_closed, &scene->closed);
    TESTBED_UNTIL(&scene->bed, scene->beacon == NULL || scene->closed);
    testbed_release(&scene->bed);
    close(scene->raw);
    return 0;
}

// The scene of a test with a beacon that is quiet after its first datagram, if the machine can do
// what is tested.
static struct scene *quiet_scene(void **state)
{
    struct scene *scene = *state;
    if (!can_broadcast(scene)) {
        print_message("skipped: this machine does not broadcast to " BROADCAST "\n");
        skip();
    }
    struct beacon_config config = config_of(scene, QUIET_MS);
    open_beacon(scene, &config);
    TESTBED_UNTIL(&scene->bed, beacon_counters(scene->beacon).own == 1);
    return scene;
}

static void send_raw(struct scene *scene, struct slice bytes)
{
    ssize_t sent = -1;
    TESTBED_UNTIL(&scene->bed, (sent = sendto(scene->raw, bytes.bytes, bytes.length, 0,
                                              (const struct sockaddr *)&scene->place,
                                              sizeof scene->place)) >= 0);
    assert_int_equal(sent, bytes.length);
}

static void encode(struct buf *out, const char *key, uint64_t store_id, const char *address)
{
    struct beacon_datagram datagram = {.store_id = store_id};
    snprintf(datagram.address, sizeof datagram.address, "%s", address);
    buf_init(out, BEACON_BYTES_MAX);
    assert_int_equal(beacon_datagram_encode(out, slice_of_text(key), &datagram), ERR_OK);
}

static void send_datagram(struct scene *scene, const char *key, uint64_t store_id,
                          const char *address)
{
    struct buf bytes;
    encode(&bytes, key, store_id, address);
    send_raw(scene, buf_slice(&bytes));
    buf_release(&bytes);
}

// A last datagram, so that what was sent before has come too.
static void expect_heard(struct scene *scene, uint64_t count)
{
    send_datagram(scene, TESTBED_KEY, ID_C, "127.0.0.1:5103");
    TESTBED_UNTIL(&scene->bed, scene->heard > 0 && scene->last_id == ID_C);
    assert_int_equal(scene->heard, count + 1);
    scene->heard = 0;
    scene->last_id = 0;
}

static void test_beacon__two_on_one_port_hear_each_other_again_and_again(void **state)
{
    struct scene *scene = quiet_scene(state);
    struct scene other = {.heard = 0};
    struct beacon_config config = config_of(scene, INTERVAL_MS);
    config.store_id = ID_B;
    config.address = "127.0.0.1:5102";
    config.context = &other;
    open_beacon(&other, &config);
    TESTBED_UNTIL(&scene->bed, scene->heard >= 5);
    assert_int_equal(scene->last_id, ID_B);
    assert_string_equal(scene->last_address, "127.0.0.1:5102");
    // It is quiet itself: the other one hears it when it speaks again.
    assert_int_equal(beacon_counters(scene->beacon).own, 1);
    send_datagram(scene, TESTBED_KEY, ID_A, "127.0.0.1:5101");
    TESTBED_UNTIL(&scene->bed, other.last_id == ID_A);
    assert_string_equal(other.last_address, "127.0.0.1:5101");
    assert_true(beacon_counters(other.beacon).sent >= 5);
    assert_int_equal(beacon_counters(other.beacon).unsent, 0);
    beacon_close(other.beacon, on_closed, &other.closed);
    TESTBED_UNTIL(&scene->bed, other.closed);
}

static void test_beacon__every_address_is_the_one_that_it_came_from(void **state)
{
    struct scene *scene = quiet_scene(state);
    send_datagram(scene, TESTBED_KEY, ID_B, "0.0.0.0:5102");
    TESTBED_UNTIL(&scene->bed, scene->heard == 1);
    assert_string_equal(scene->last_address, "127.0.0.1:5102");
    send_datagram(scene, TESTBED_KEY, ID_B, "[::]:5104");
    TESTBED_UNTIL(&scene->bed, scene->heard == 2);
    assert_string_equal(scene->last_address, "127.0.0.1:5104");
}

static void test_beacon__another_key_is_denied(void **state)
{
    struct scene *scene = quiet_scene(state);
    send_datagram(scene, "the key of some other cluster", ID_B, "127.0.0.1:5102");
    expect_heard(scene, 0);
    assert_int_equal(beacon_counters(scene->beacon).denied, 1);
}

static void test_beacon__its_own_is_not_heard(void **state)
{
    struct scene *scene = quiet_scene(state);
    send_datagram(scene, TESTBED_KEY, ID_A, "127.0.0.1:5109");
    expect_heard(scene, 0);
    assert_int_equal(beacon_counters(scene->beacon).own, 2);
}

static void test_beacon__what_is_cut_or_too_long_is_dropped(void **state)
{
    struct scene *scene = quiet_scene(state);
    struct buf bytes;
    uint8_t longer[2000] = {0};
    uint64_t before = beacon_counters(scene->beacon).malformed;
    encode(&bytes, TESTBED_KEY, ID_B, "127.0.0.1:5102");
    memcpy(longer, bytes.bytes, bytes.length);
    send_raw(scene, slice_of(longer, 0));
    send_raw(scene, slice_of(longer, 1));
    send_raw(scene, slice_of(longer, bytes.length - 1));
    send_raw(scene, slice_of(longer, bytes.length + 1));
    send_raw(scene, slice_of(longer, BEACON_BYTES_MAX));
    send_raw(scene, slice_of(longer, BEACON_BYTES_MAX + 1));
    send_raw(scene, slice_of(longer, sizeof longer));
    expect_heard(scene, 0);
    assert_int_equal(beacon_counters(scene->beacon).malformed, before + 7);
    send_raw(scene, buf_slice(&bytes));
    expect_heard(scene, 1);
    buf_release(&bytes);
}

// Its beginning, which is all that is read, would pass alone.
static void test_beacon__the_longest_one_is_dropped_with_a_byte_more(void **state)
{
    struct scene *scene = quiet_scene(state);
    struct buf bytes;
    char address[BEACON_ADDRESS_BYTES_MAX + 1];
    uint8_t longer[BEACON_BYTES_MAX + 1] = {0};
    memset(address, 'h', sizeof address);
    memcpy(address + BEACON_ADDRESS_BYTES_MAX - 5, ":5102", 6);
    encode(&bytes, TESTBED_KEY, ID_B, address);
    assert_int_equal(bytes.length, BEACON_BYTES_MAX);
    memcpy(longer, bytes.bytes, bytes.length);
    send_raw(scene, slice_of(longer, sizeof longer));
    expect_heard(scene, 0);
    send_raw(scene, buf_slice(&bytes));
    expect_heard(scene, 1);
    buf_release(&bytes);
}

static void test_beacon__any_bytes_are_dropped(void **state)
{
    struct scene *scene = quiet_scene(state);
    struct rng rng;
    struct buf good;
    uint8_t bytes[BEACON_BYTES_MAX + 40];
    rng_init(&rng, 1);
    encode(&good, TESTBED_KEY, ID_B, "127.0.0.1:5102");
    for (unsigned round = 0; round < 200; round++) {
        size_t length = (size_t)rng_below(&rng, sizeof bytes + 1);
        size_t kept = (size_t)rng_below(&rng, 64);
        for (size_t at = 0; at < length; at++)
            bytes[at] = at < kept ? good.bytes[at] : (uint8_t)rng_u64(&rng);
        send_raw(scene, slice_of(bytes, length));
        testbed_turn(&scene->bed);
    }
    expect_heard(scene, 0);
    buf_release(&good);
}

// What came with the right key, but for its own.
static uint64_t taken(const struct scene *scene)
{
    struct beacon_counters counters = beacon_counters(scene->beacon);
    return counters.heard + counters.excess;
}

static void test_beacon__a_flood_is_heard_in_part(void **state)
{
    struct scene *scene = quiet_scene(state);
    uint64_t begun_ms = uv_now(&scene->bed.loop);
    for (unsigned i = 0; i < BURST; i++) {
        send_datagram(scene, TESTBED_KEY, ID_B + i, "127.0.0.1:5102");
        testbed_turn(&scene->bed);
    }
    TESTBED_UNTIL(&scene->bed, taken(scene) == BURST);
    uint64_t passed_ms = uv_now(&scene->bed.loop) - begun_ms;
    assert_true(scene->heard >= BEACON_HEARD_BURST);
    assert_true(scene->heard <= BEACON_HEARD_BURST + 1 + passed_ms * BEACON_HEARD_PER_S / 1000);
    assert_int_equal(beacon_counters(scene->beacon).heard, scene->heard);
    // And again, a while later.
    uint64_t heard = scene->heard;
    TESTBED_UNTIL(&scene->bed, uv_now(&scene->bed.loop) - begun_ms > passed_ms + 100);
    send_datagram(scene, TESTBED_KEY, ID_B, "127.0.0.1:5102");
    TESTBED_UNTIL(&scene->bed, scene->heard == heard + 1);
}

static void test_beacon__may_be_closed_by_who_hears(void **state)
{
    struct scene *scene = quiet_scene(state);
    scene->closes_on_heard = true;
    send_datagram(scene, TESTBED_KEY, ID_B, "127.0.0.1:5102");
    send_datagram(scene, TESTBED_KEY, ID_B, "127.0.0.1:5102");
    TESTBED_UNTIL(&scene->bed, scene->closed);
    assert_int_equal(scene->heard, 1);
}

static void expect_refusal(struct scene *scene, const struct beacon_config *config, enum err error)
{
    struct errmsg detail = {.text = ""};
    assert_int_equal(beacon_open(config, &scene->beacon, &detail), error);
    assert_true(strlen(detail.text) > 10);
    assert_null(scene->beacon);
}

static void test_beacon__refuses_what_is_no_address(void **state)
{
    struct scene *scene = *state;
    struct beacon_config config = config_of(scene, 0);
    config.port = 5099;
    config.broadcast = "::1";
    expect_refusal(scene, &config, ERR_INVALID);
    config.broadcast = "nobody";
    expect_refusal(scene, &config, ERR_INVALID);
    config.broadcast = BROADCAST;
    config.address = "127.0.0.1:0";
    expect_refusal(scene, &config, ERR_INVALID);
    config.address = "nothing";
    expect_refusal(scene, &config, ERR_INVALID);
}

static void test_beacon__says_that_others_keep_the_port(void **state)
{
    struct scene *scene = *state;
    int none = 0;
    assert_int_equal(setsockopt(scene->raw, SOL_SOCKET, SO_REUSEADDR, &none, sizeof none), 0);
    struct beacon_config config = config_of(scene, 0);
    expect_refusal(scene, &config, ERR_NETWORK);
}

// In a network namespace of its own, where nothing is up.
static void test_beacon__without_a_network_it_tries_again(void **state)
{
    struct scene *scene = *state;
    int before = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (before < 0 || unshare(CLONE_NEWNET) != 0) {
        print_message("skipped: no network namespace for a test of its own without root\n");
        close(before);
        skip();
    }
    struct beacon_config config = config_of(scene, INTERVAL_MS);
    config.broadcast = NULL;
    config.port = BEACON_PORT_DEFAULT;
    struct errmsg detail = {.text = ""};
    enum err error = beacon_open(&config, &scene->beacon, &detail);
    assert_int_equal(setns(before, CLONE_NEWNET), 0);
    close(before);
    assert_int_equal(error, ERR_OK);
    TESTBED_UNTIL(&scene->bed, beacon_counters(scene->beacon).unsent >= 3);
    assert_int_equal(beacon_counters(scene->beacon).sent, 0);
}

#define SCENE_TEST(name) cmocka_unit_test_setup_teardown(test_beacon__##name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(two_on_one_port_hear_each_other_again_and_again),
        SCENE_TEST(every_address_is_the_one_that_it_came_from),
        SCENE_TEST(another_key_is_denied),
        SCENE_TEST(its_own_is_not_heard),
        SCENE_TEST(what_is_cut_or_too_long_is_dropped),
        SCENE_TEST(the_longest_one_is_dropped_with_a_byte_more),
        SCENE_TEST(any_bytes_are_dropped),
        SCENE_TEST(a_flood_is_heard_in_part),
        SCENE_TEST(may_be_closed_by_who_hears),
        SCENE_TEST(refuses_what_is_no_address),
        SCENE_TEST(says_that_others_keep_the_port),
        SCENE_TEST(without_a_network_it_tries_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
