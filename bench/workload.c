#include "workload.h"

#include "base/check.h"

#include <stdio.h>

enum { KEY_BYTES = 16, READS_PER_WRITE = 9 };

void workload_init(struct workload *workload, uint64_t seed, uint64_t keys, const char *token)
{
    CHECK(keys > 0 && keys <= WORKLOAD_KEYS_MAX);
    rng_init(&workload->rng, seed);
    workload->keys = keys;
    workload->filled = 0;
    int length = snprintf(workload->head, sizeof workload->head,
                          " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n", token);
    CHECK(length > 0 && (size_t)length < sizeof workload->head);
    for (size_t i = 0; i < sizeof workload->value; i++)
        workload->value[i] = (char)('a' + rng_below(&workload->rng, 26));
}

// Cheaper than printf, which would cost as much as the rest of a request.
static struct slice key_of(uint64_t number, char text[KEY_BYTES])
{
    static const char prefix[] = "key-";
    enum { PREFIX = sizeof prefix - 1, DIGITS = 6 };
    memcpy(text, prefix, PREFIX);
    for (int i = DIGITS - 1; i >= 0; i--, number /= 10)
        text[PREFIX + i] = (char)('0' + number % 10);
    return slice_of(text, PREFIX + DIGITS);
}

static struct slice random_key(struct workload *workload, char text[KEY_BYTES])
{
    return key_of(rng_below(&workload->rng, workload->keys), text);
}

static void append_text(struct buf *out, const char *text)
{
    buf_append_slice(out, slice_of_text(text));
}

static void append_put(const struct workload *workload, struct buf *out, struct slice key)
{
    append_text(out, "PUT /v1/kv/default/");
    buf_append_slice(out, key);
    append_text(out, workload->head);
    _Static_assert(WORKLOAD_VALUE_BYTES == 100, "the length is spelled out");
    append_text(out, "Content-Length: 100\r\n\r\n");
    buf_append(out, workload->value, sizeof workload->value);
}

void workload_fill(void *context, struct buf *out)
{
    struct workload *workload = context;
    char text[KEY_BYTES];
    append_put(workload, out, key_of(workload->filled++ % workload->keys, text));
}

void workload_put(void *context, struct buf *out)
{
    struct workload *workload = context;
    char text[KEY_BYTES];
    append_put(workload, out, random_key(workload, text));
}

void workload_write(void *context, struct buf *out)
{
    static const char begin[] = "{\"key\":\"", middle[] = "\",\"value\":\"", end[] = "\"}";
    struct workload *workload = context;
    char text[KEY_BYTES];
    struct slice key = random_key(workload, text);
    size_t length =
        sizeof begin + sizeof middle + sizeof end - 3 + key.length + sizeof workload->value;
    append_text(out, "POST /write");
    append_text(out, workload->head);
    buf_append_format(out, "Content-Length: %zu\r\n\r\n", length);
    append_text(out, begin);
    buf_append_slice(out, key);
    append_text(out, middle);
    buf_append(out, workload->value, sizeof workload->value);
    append_text(out, end);
}

void workload_read(void *context, struct buf *out)
{
    struct workload *workload = context;
    char text[KEY_BYTES];
    append_text(out, "GET /read/");
    buf_append_slice(out, random_key(workload, text));
    append_text(out, workload->head);
    append_text(out, "\r\n");
}

void workload_mixed(void *context, struct buf *out)
{
    struct workload *workload = context;
    if (rng_below(&workload->rng, READS_PER_WRITE + 1) == 0)
        workload_write(context, out);
    else
        workload_read(context, out);
}

void workload_request(const struct workload *workload, struct buf *out, const char *method,
                      const char *path, const char *body)
{
    buf_append_format(out, "%s %s%sContent-Length: %zu\r\n\r\n%s", method, path, workload->head,
                      strlen(body), body);
}
