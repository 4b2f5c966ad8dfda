#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "front/http/handlers.h"
#include "front/http/router.h"
#include "http_testbed.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static json_t *embedded(void)
{
    json_t *json = json_loads(openapi_text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    return json;
}

static void test_openapi__is_what_docs_hold(void **state)
{
    (void)state;
    // tests/front/http/ is three folders below the project's.
    char path[4096];
    const char *slash = strrchr(__FILE__, '/');
    snprintf(path, sizeof path, "%.*s/../../../docs/openapi.json",
             slash == NULL ? 1 : (int)(slash - __FILE__), slash == NULL ? "." : __FILE__);
    json_t *docs = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    json_t *json = embedded();
    assert_non_null(docs);
    assert_true(json_equal(docs, json));
    json_decref(docs);
    json_decref(json);
}

// The methods of an OpenAPI path, as the router's bits.
static unsigned documented(json_t *item)
{
    static const char *const names[METHOD_COUNT] = {
        [METHOD_GET] = "get",   [METHOD_HEAD] = "head",   [METHOD_PUT] = "put",
        [METHOD_POST] = "post", [METHOD_PATCH] = "patch", [METHOD_DELETE] = "delete"};
    unsigned methods = 0;
    for (int i = 0; i < METHOD_COUNT; i++)
        methods |= (json_object_get(item, names[i]) != NULL ? 1u : 0u) << i;
    return methods;
}

// Every path of the document leads to a route that has its methods, and every route is in the
// document.
static void test_openapi__names_every_route(void **state)
{
    (void)state;
    size_t count = 0;
    const struct route *routes = route_all(&count);
    unsigned *found = calloc(count, sizeof *found);
    json_t *json = embedded();
    const char *name;
    json_t *item;
    json_object_foreach(json_object_get(json, "paths"), name, item)
    {
        struct slice rest;
        const struct route *route = route_find(name, &rest);
        assert_non_null(route);
        found[route - routes] |= documented(item);
    }
    for (size_t i = 0; i < count; i++) {
        unsigned methods = 0;
        for (int m = 0; m < METHOD_COUNT; m++)
            methods |= (m != METHOD_HEAD && routes[i].handlers[m] != NULL ? 1u : 0u) << m;
        assert_int_equal(found[i], methods);
    }
    free(found);
    json_decref(json);
}

static void expect_references(json_t *root, json_t *json)
{
    json_t *item;
    const char *name;
    size_t index;
    json_object_foreach(json, name, item)
    {
        if (strcmp(name, "$ref") == 0) {
            char path[256];
            snprintf(path, sizeof path, "%s", json_string_value(item) + 2);
            json_t *at = root;
            char *rest = NULL;
            for (char *part = strtok_r(path, "/", &rest); part != NULL;
                 part = strtok_r(NULL, "/", &rest))
                at = json_object_get(at, part);
            assert_non_null(at);
        }
        expect_references(root, item);
    }
    json_array_foreach(json, index, item) expect_references(root, item);
}

static void test_openapi__holds_what_it_refers_to(void **state)
{
    (void)state;
    json_t *json = embedded();
    expect_references(json, json);
    json_decref(json);
}

static void test_openapi__is_served(void **state)
{
    (void)state;
    struct testbed t;
    testbed_open(&t);
    assert_int_equal(testbed_ask(&t, "GET /openapi.json", "", NULL), 200);
    assert_string_equal(t.body, openapi_text);
    testbed_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_openapi__is_what_docs_hold),
        cmocka_unit_test(test_openapi__names_every_route),
        cmocka_unit_test(test_openapi__holds_what_it_refers_to),
        cmocka_unit_test(test_openapi__is_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
