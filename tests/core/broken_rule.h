// Schedules that go wrong without a rule: in a build with BRUSIO_MUTANTS they are seen to.
#ifndef BRUSIO_TESTS_CORE_BROKEN_RULE_H
#define BRUSIO_TESTS_CORE_BROKEN_RULE_H

#include "base/rule.h"

#include <stdbool.h>

// Runs the schedule without the rule, and fails the test unless it goes wrong; false, having said
// so, when the build cannot.
bool broken_rule_goes_wrong(enum rule rule, bool (*goes_wrong)(void));

// For cmocka, as a teardown: no rule stays broken, however the test ended.
int broken_rule_mend(void **state);

#endif
