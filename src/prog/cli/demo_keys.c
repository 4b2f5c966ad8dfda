#include "cli/demo_keys.h"

#include "cli/file.h"
#include "cli/kv.h"

#include <stdio.h>

enum { PREFIX_RANDOM_BYTES = 4, SHOWN_BYTES_MAX = 80 };

enum err demo_keys_init(struct demo_keys *keys, struct errmsg *detail)
{
    char random[2 * PREFIX_RANDOM_BYTES + 1];
    *keys = (struct demo_keys){0};
    enum err e = file_random_hex(random, PREFIX_RANDOM_BYTES, detail);
    if (e == ERR_OK)
        snprintf(keys->prefix, sizeof keys->prefix, "demo-%s-", random);
    return e;
}

void demo_keys_name(const struct demo_keys *keys, size_t key, char name[DEMO_TEXT_BYTES])
{
    snprintf(name, DEMO_TEXT_BYTES, "%s%zu", keys->prefix, key + 1);
}

static void value_text(const struct demo_keys *keys, size_t key, char text[DEMO_TEXT_BYTES])
{
    snprintf(text, DEMO_TEXT_BYTES, "value %zu, version %u", key + 1, keys->versions[key]);
}

bool demo_keys_write(struct demo_keys *keys, size_t key, struct client *client,
                     struct errmsg *detail)
{
    char name[DEMO_TEXT_BYTES];
    char value[DEMO_TEXT_BYTES];
    struct kv_outcome outcome;
    demo_keys_name(keys, key, name);
    keys->touched[key] = true;
    keys->versions[key] = ++keys->writes;
    value_text(keys, key, value);
    return kv_put(client, DEMO_KEYSPACE, slice_of_text(name), slice_of_text(value), NULL, &outcome,
                  detail) == ERR_OK;
}

bool demo_keys_read(const struct demo_keys *keys, size_t key, struct client *client, bool local,
                    struct errmsg *detail)
{
    char name[DEMO_TEXT_BYTES];
    char expected[DEMO_TEXT_BYTES];
    struct kv_view view = {.local = local};
    struct answer answer;
    answer_init(&answer);
    demo_keys_name(keys, key, name);
    value_text(keys, key, expected);
    enum err e = kv_get(client, DEMO_KEYSPACE, slice_of_text(name), &view, &answer, detail);
    struct slice value = buf_slice(&answer.body);
    bool absent = keys->versions[key] == 0;
    bool same =
        absent ? e == ERR_NOT_FOUND : e == ERR_OK && slice_equal(value, slice_of_text(expected));
    if (!same && e == ERR_OK) {
        size_t shown = value.length < SHOWN_BYTES_MAX ? value.length : SHOWN_BYTES_MAX;
        errmsg_set(detail, e, "%s holds '%.*s' instead of '%s'", name, (int)shown,
                   shown > 0 ? (const char *)value.bytes : "", absent ? "nothing" : expected);
    }
    answer_release(&answer);
    return same;
}

bool demo_keys_delete(struct demo_keys *keys, size_t key, struct client *client,
                      struct errmsg *detail)
{
    char name[DEMO_TEXT_BYTES];
    demo_keys_name(keys, key, name);
    enum err e = kv_delete(client, DEMO_KEYSPACE, slice_of_text(name), NULL, detail);
    if (e == ERR_OK || e == ERR_NOT_FOUND) {
        keys->versions[key] = 0;
        keys->touched[key] = false;
    }
    return e == ERR_OK;
}
