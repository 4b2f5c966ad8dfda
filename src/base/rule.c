#include "base/rule.h"

#ifdef BRUSIO_MUTANTS
enum rule rule_broken = RULE_COUNT;
#endif

const char *rule_name(enum rule rule)
{
    static const char *const names[RULE_COUNT] = {
#define X(name, text) text,
        RULE_TABLE(X)
#undef X
    };
    return (unsigned)rule < RULE_COUNT ? names[rule] : "none";
}
