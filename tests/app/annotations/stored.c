#include "stored.h"

#include "samples.h"

void stored_init(struct stored *stored)
{
    *stored = (struct stored){.id = {.author = {1, 2}, .number = {3}}};
    buf_init(&stored->key, ANNOTATION_KEY_BYTES);
    buf_init(&stored->versions, 1u << 20);
}

void stored_release(struct stored *stored)
{
    buf_release(&stored->key);
    buf_release(&stored->versions);
}

void stored_put(struct stored *stored, uint64_t counter, struct slice value, bool is_stable)
{
    struct version_entry version = {
        .stamp = {.counter = counter, .id = 1}, .is_stable = is_stable, .value = value};
    version_entry_append(&stored->versions, &version);
}

void stored_add(struct stored *stored, uint64_t counter, const struct annotation *annotation,
                bool is_stable)
{
    struct buf value;
    buf_init(&value, ANNOTATION_VALUE_BYTES_MAX);
    annotation_encode(&value, annotation);
    stored_put(stored, counter, buf_slice(&value), is_stable);
    buf_release(&value);
}

void stored_say(struct stored *stored, uint64_t counter, const char *text, bool is_stable)
{
    static struct annotation annotation;
    sample_bare(&annotation);
    annotation.id = stored->id;
    annotation.channel = slice_of_text("films");
    annotation.text = slice_of_text(text);
    stored_add(stored, counter, &annotation, is_stable);
}

struct scan_entry stored_scan(struct stored *stored)
{
    buf_clear(&stored->key);
    annotation_key_encode(&stored->key, &stored->id);
    return (struct scan_entry){.key = buf_slice(&stored->key),
                               .versions = buf_slice(&stored->versions)};
}
