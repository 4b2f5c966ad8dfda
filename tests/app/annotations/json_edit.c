#include "json_edit.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *json_edit_parse(const char *text)
{
    char copy[4096];
    json_error_t error;
    assert_true(strlen(text) < sizeof copy);
    snprintf(copy, sizeof copy, "%s", text);
    for (char *at = copy; *at != '\0'; at++)
        if (*at == '\'')
            *at = '"';
    json_t *value = json_loads(copy, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (value == NULL)
        fail_msg("%s: %s", text, error.text);
    return value;
}

void json_edit_set(json_t *value, const char *path, const char *text)
{
    char name[64];
    for (;;) {
        size_t length = strcspn(path, "/");
        assert_true(value != NULL && length < sizeof name);
        memcpy(name, path, length);
        name[length] = '\0';
        path += length;
        if (*path == '\0')
            break;
        path++;
        value = json_is_array(value) ? json_array_get(value, (size_t)strtoul(name, NULL, 10))
                                     : json_object_get(value, name);
    }
    if (json_is_array(value) && text == NULL)
        assert_int_equal(json_array_remove(value, (size_t)strtoul(name, NULL, 10)), 0);
    else if (json_is_array(value) && strcmp(name, "+") == 0)
        assert_int_equal(json_array_append_new(value, json_edit_parse(text)), 0);
    else if (json_is_array(value))
        assert_int_equal(
            json_array_set_new(value, (size_t)strtoul(name, NULL, 10), json_edit_parse(text)), 0);
    else if (text == NULL)
        assert_int_equal(json_object_del(value, name), 0);
    else
        assert_int_equal(json_object_set_new(value, name, json_edit_parse(text)), 0);
}

json_t *json_edit_over_text(json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT);
    assert_non_null(text);
    json_t *back = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(back);
    free(text);
    json_decref(value);
    return back;
}
