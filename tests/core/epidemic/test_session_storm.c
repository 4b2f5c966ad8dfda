// Several peers and their sessions, interleaved message by message at random, with writes, garbage,
// cuts, crashes and old disks: after every step each peer is what it knows, and in the end all are
// equal.

#include "session_storm.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

enum { SEEDS = 5000, STEPS = 160, SESSIONS_MAX = 40 };

static void test_session__storms_end_with_equal_peers(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct session_storm storm;
        session_storm_begin(&storm, seed, 0);
        session_storm_run(&storm, STEPS);
        session_storm_calm(&storm);
        session_storm_converge(&storm, SESSIONS_MAX);
        session_storm_end(&storm);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_session__storms_end_with_equal_peers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
