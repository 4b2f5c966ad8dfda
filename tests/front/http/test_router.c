// Paths as a table: the route of each, and what is left for its handler.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "front/http/handlers.h"
#include "front/http/router.h"

static void test_router__finds_routes(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        exchange_handler *get; // NULL: no route
        const char *rest;
    } cases[] = {
        {"/nodes", handle_nodes, ""},
        {"/nodes/", NULL, NULL},
        {"/nodesx", NULL, NULL},
        {"/read/", handle_read, ""},
        {"/read/a/b", handle_read, "a/b"},
        {"/v1/keyspaces", handle_keyspaces, ""},
        {"/v1/keyspaces/", handle_keyspace, ""},
        {"/v1/keyspaces/a%2Fb", handle_keyspace, "a%2Fb"},
        {"/v1/keyspaces/a/b", handle_keyspace, "a/b"},
        {"/v1/keyspaces/a%2Fb/stability", handle_stability, "a%2Fb"},
        {"/v1/keyspaces/a%2Fstability", handle_keyspace, "a%2Fstability"},
        {"/v1/keyspaces/stability", handle_keyspace, "stability"},
        {"/v1/keyspaces//stability", handle_stability, ""},
        {"/v1/keyspaces/a/stability/", handle_keyspace, "a/stability/"},
        {"/v1/keyspaces/bundle/bundle", handle_bundle_export, "bundle"},
        {"/v1/peers", handle_peers, ""},
        {"/v1/peers/", NULL, NULL},
        {"/", NULL, NULL},
        {"", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct slice rest;
        const struct route *route = route_find(cases[i].path, &rest);
        if ((route == NULL) != (cases[i].get == NULL))
            fail_msg("%s", cases[i].path);
        if (route == NULL)
            continue;
        assert_ptr_equal(route->handlers[METHOD_GET], cases[i].get);
        assert_true(slice_equal(rest, slice_of_text(cases[i].rest)));
    }
}

static bool ends_with(struct slice text, struct slice end)
{
    return text.length >= end.length &&
           memcmp(text.bytes + text.length - end.length, end.bytes, end.length) == 0;
}

// The invariants of the header: no path leads to two routes of a kind.
static void test_router__has_one_route_for_each_path(void **state)
{
    (void)state;
    size_t count = 0;
    const struct route *routes = route_all(&count);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < count; k++) {
            struct slice path = slice_of_text(routes[i].path);
            struct slice other = slice_of_text(routes[k].path);
            bool begins = other.length >= path.length &&
                          memcmp(other.bytes, path.bytes, path.length) == 0 &&
                          (path.bytes[path.length - 1] == '/' || other.length == path.length);
            if (i == k || !begins || (routes[i].suffix == NULL) != (routes[k].suffix == NULL))
                continue;
            assert_non_null(routes[i].suffix);
            assert_false(
                ends_with(slice_of_text(routes[k].suffix), slice_of_text(routes[i].suffix)));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_router__finds_routes),
        cmocka_unit_test(test_router__has_one_route_for_each_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
