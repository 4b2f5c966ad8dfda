// Rule R7: every case of what arrives and what is here.

#include "one_key.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

// Origins.
enum { A = 1, B, C, D, E };

static const struct knowledge nothing;

// What is here before (each `w` is whole: live or, covered, kept; or a certificate) and what comes
// of it. A pattern's letters: form p(ut) d(elete) b(are); k(nown) or n(ot); a(udit) or not (-);
// here nothing (0), b(are), w(hole), o(ther operation with this dot); c(overed) or u(ncovered); *
// is any. Exactly one pattern fits each case.
static const struct {
    const char *pattern;
    enum arrival arrival;
    bool learned;
    char after; // L(ive), B(are), C(ertificate), 0 not here, = as before
} cases[] = {
    // A put whose dot is not known: into K; live, or covered.
    {"pn*0u", ARRIVAL_LIVE, true, 'L'},
    {"pn*ou", ARRIVAL_LIVE, true, 'L'},
    {"pn*0c", ARRIVAL_COVERED, true, 'B'},
    {"pn*oc", ARRIVAL_COVERED, true, 'B'},
    // The value of a bare header, before a coverer or after.
    {"pn*bu", ARRIVAL_REVIVED, true, 'L'},
    {"pn*bc", ARRIVAL_COVERED, true, 'B'},
    {"pn*w*", ARRIVAL_KNOWN, true, '='},
    // A delete: a certificate, whatever covers it.
    {"dn*0*", ARRIVAL_CERTIFICATE, true, 'C'},
    {"dn*o*", ARRIVAL_CERTIFICATE, true, 'C'},
    {"dn*w*", ARRIVAL_KNOWN, true, '='},
    // A bare header: stored, K unchanged.
    {"bn*0*", ARRIVAL_BARE, false, 'B'},
    {"bn*o*", ARRIVAL_BARE, false, 'B'},
    {"bn*b*", ARRIVAL_KNOWN, false, '='},
    {"bn*w*", ARRIVAL_KNOWN, false, '='},
    // A known dot: nothing; a dot used twice is told apart.
    {"*k-0*", ARRIVAL_KNOWN, false, '0'},
    {"*k-b*", ARRIVAL_KNOWN, false, '='},
    {"*k-w*", ARRIVAL_KNOWN, false, '='},
    {"*k-o*", ARRIVAL_TWIN, false, '0'},
    // But an audit gives back what is lost: values that nothing covers, and other headers.
    {"pka0u", ARRIVAL_LIVE, false, 'L'},
    {"pkaou", ARRIVAL_LIVE, false, 'L'},
    {"pkabu", ARRIVAL_REVIVED, false, 'L'},
    {"pka0c", ARRIVAL_KNOWN, false, '0'},
    {"pkaoc", ARRIVAL_TWIN, false, '0'},
    {"pkabc", ARRIVAL_KNOWN, false, '='},
    {"*kaw*", ARRIVAL_KNOWN, false, '='},
    {"dka0*", ARRIVAL_CERTIFICATE, false, 'C'},
    {"dkao*", ARRIVAL_CERTIFICATE, false, 'C'},
    {"bka0*", ARRIVAL_BARE, false, 'B'},
    {"bkao*", ARRIVAL_BARE, false, 'B'},
    {"bkab*", ARRIVAL_KNOWN, false, '='},
};

static bool fits(const char *pattern, const char *text)
{
    for (size_t i = 0; text[i] != '\0'; i++)
        if (pattern[i] != '*' && pattern[i] != text[i])
            return false;
    return true;
}

// The index of the only case that fits.
static size_t case_of(const char *text)
{
    size_t count = sizeof cases / sizeof cases[0];
    size_t found = count;
    for (size_t i = 0; i < count; i++) {
        if (!fits(cases[i].pattern, text))
            continue;
        assert_int_equal(found, count);
        found = i;
    }
    assert_int_not_equal(found, count);
    return found;
}

static enum version_state state_before(const struct operation *operation, const char *text)
{
    if (text[3] == 'b')
        return VERSION_BARE;
    if (operation->dead)
        return VERSION_CERTIFICATE;
    return text[4] == 'c' ? VERSION_KEPT : VERSION_LIVE;
}

static enum version_state state_after(char letter, enum version_state before)
{
    switch (letter) {
    case 'L':
        return VERSION_LIVE;
    case 'B':
        return VERSION_BARE;
    case 'C':
        return VERSION_CERTIFICATE;
    case '0':
        return VERSION_STATE_COUNT;
    default:
        return before;
    }
}

// B:1 arrives, which replaces A:1; C:1 covers it, if anything does. It covers D:7, too, which is
// nowhere, so that it is never spare.
static size_t one_case(const char *text)
{
    struct versions versions;
    versions_init(&versions);
    struct operation victim = key_put(A);
    struct operation operation = text[0] == 'd' ? key_delete(B) : key_put(B);
    key_cover_first(&operation, A);
    key_cover(&operation, key_dot(D, 7));
    struct operation twin = key_put(B);
    twin.counter = 2;
    key_cover(&twin, key_dot(E, 7));
    struct operation coverer = key_put(C);
    key_cover_first(&coverer, B);

    bool had_it = text[3] == 'b' || text[3] == 'w';
    key_load(&versions, &victim, had_it ? VERSION_BARE : VERSION_LIVE);
    if (text[4] == 'c')
        key_load(&versions, &coverer, VERSION_LIVE);
    if (had_it)
        key_load(&versions, &operation, state_before(&operation, text));
    if (text[3] == 'o')
        key_load(&versions, &twin, text[4] == 'c' ? VERSION_BARE : VERSION_LIVE);
    enum version_state before = key_state(&versions, &operation);

    struct sha256 id = operation_id_of(&operation);
    enum operation_form form = text[0] == 'b' ? OPERATION_BARE : key_whole_form(&operation);
    struct arrival_result result =
        versions_apply(&versions, &operation, &id, form, text[1] == 'k', text[2] == 'a', &nothing);
    size_t which = case_of(text);
    assert_int_equal(result.arrival, cases[which].arrival);
    assert_int_equal(result.learned, cases[which].learned);
    assert_int_equal(key_state(&versions, &operation), state_after(cases[which].after, before));
    bool covers = key_has(&versions, &operation);
    assert_int_equal(key_state(&versions, &victim) == VERSION_LIVE, !covers);
    assert_int_equal(key_has(&versions, &twin), text[3] == 'o');
    key_finish(&versions);
    return which;
}

static void test_versions_table__arrivals_are_those_of_the_table(void **state)
{
    (void)state;
    bool seen[sizeof cases / sizeof cases[0]] = {false};
    for (unsigned i = 0; i < 3 * 2 * 2 * 4 * 2; i++) {
        char text[] = {"pdb"[i % 3],       "kn"[i / 3 % 2], "a-"[i / 6 % 2],
                       "0bwo"[i / 12 % 4], "cu"[i / 48],    '\0'};
        // A delete has no value that could be missing.
        if (text[0] == 'd' && text[3] == 'b')
            continue;
        seen[one_case(text)] = true;
    }
    for (size_t i = 0; i < sizeof seen; i++)
        assert_true(seen[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_versions_table__arrivals_are_those_of_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
