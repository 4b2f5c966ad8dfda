#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "annotation_testbed.h"

#include <stdio.h>
#include <stdlib.h>

int annotation_testbed_setup(void **state)
{
    testbed_setup(state);
    struct testbed *testbed = *state;
    fake_host_annotate(&testbed->host);
    return 0;
}

json_t *annotation_testbed_ask(struct testbed *testbed, const char *target, const char *body,
                               unsigned status)
{
    if (testbed_ask(testbed, target, "", body) != status)
        fail_msg("%s: %u %s", target, testbed->status, testbed->body);
    json_t *json = json_loadb(testbed->body, testbed->body_bytes, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    return json;
}

void annotation_testbed_refuse(struct testbed *testbed, const char *target, const char *body,
                               unsigned status, const char *name, const char *words)
{
    testbed_ask(testbed, target, "", body);
    testbed_expect_error(testbed, status, name);
    if (strstr(testbed->body, words) == NULL)
        fail_msg("%s %s: %s", target, body != NULL ? body : "", testbed->body);
}

void annotation_testbed_say(struct testbed *testbed, const char *text, char id[ANNOTATION_TEXT])
{
    char body[1024];
    snprintf(body, sizeof body,
             "{\"channel\":\"films\",\"link\":\"http://a/b\",\"text\":\"%s\",\"rating\":3}", text);
    json_t *json = annotation_testbed_ask(testbed, "POST /v1/annotations", body, 201);
    const json_t *annotation = json_object_get(json, "annotation");
    snprintf(id, ANNOTATION_TEXT, "%s", json_string_value(json_object_get(annotation, "id")));
    json_decref(json);
}

static void put(struct host *host, const struct annotation *annotation)
{
    struct buf key;
    struct buf value;
    buf_init(&key, ANNOTATION_KEY_BYTES);
    buf_init(&value, ANNOTATION_VALUE_BYTES_MAX);
    annotation_key_encode(&key, &annotation->id);
    annotation_encode(&value, annotation);
    for (int i = 0; i < FAKE_RECORDS_MAX; i++) {
        struct fake_record *record = &host->records[i];
        if (record->present)
            continue;
        free(record->value);
        *record = (struct fake_record){.keyspace = FAKE_ANNOTATIONS,
                                       .key_bytes = key.length,
                                       .value = malloc(value.length),
                                       .value_bytes = value.length,
                                       .stamp = stamp_make(9, ++host->sequence, 2),
                                       .present = true};
        memcpy(record->key, key.bytes, key.length);
        memcpy(record->value, value.bytes, value.length);
        memcpy(record->channel, annotation->channel.bytes, annotation->channel.length);
        break;
    }
    buf_release(&key);
    buf_release(&value);
}

void annotation_testbed_store(struct testbed *testbed, const char *channel, const char *text,
                              char id[ANNOTATION_TEXT])
{
    static struct annotation annotation;
    struct link_fault fault;
    struct buf name;
    annotation = (struct annotation){.id = {.author = {0xab}, .number = {0}},
                                     .channel = slice_of_text(channel),
                                     .text = slice_of_text(text),
                                     .created_ms = FAKE_WALL_MS + 1000,
                                     .modified_ms = FAKE_WALL_MS + 1000};
    annotation.id.number[0] = (uint8_t)(testbed->host.sequence + 1);
    assert_int_equal(annotation_set_link(&annotation, slice_of_text("HTTP://A/b#c"), &fault),
                     ERR_OK);
    put(&testbed->host, &annotation);
    buf_init(&name, ANNOTATION_ID_TEXT_BYTES);
    annotation_id_append(&name, &annotation.id);
    memcpy(id, name.bytes, name.length);
    id[name.length] = '\0';
    buf_release(&name);
}
