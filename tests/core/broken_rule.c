#include "broken_rule.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

bool broken_rule_goes_wrong(enum rule rule, bool (*goes_wrong)(void))
{
#ifdef BRUSIO_MUTANTS
    rule_broken = rule;
    assert_true(goes_wrong());
    rule_broken = RULE_COUNT;
    return true;
#else
    (void)goes_wrong;
    print_message("the rule %s can be broken in a build with BRUSIO_MUTANTS only\n",
                  rule_name(rule));
    return false;
#endif
}

int broken_rule_mend(void **state)
{
    (void)state;
#ifdef BRUSIO_MUTANTS
    rule_broken = RULE_COUNT;
#endif
    return 0;
}
