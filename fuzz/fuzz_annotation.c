// A key and any bytes are an annotation or refused: one that holds its invariants, and whose one
// value these bytes are. An id and a time in text are the one text of what they say, or a time
// written shorter.
#include "app/annotations/annotation.h"
#include "app/annotations/utc_time.h"
#include "base/check.h"
#include "input.h"

static void check_value(struct slice key, struct slice value)
{
    static struct annotation annotation;
    struct annotation_id id;
    struct buf again;
    if (annotation_key_decode(key, &id) != ERR_OK ||
        annotation_decode(&id, value, &annotation) != ERR_OK)
        return;
    CHECK(annotation_check(&annotation, NULL) == ERR_OK);
    buf_init(&again, ANNOTATION_VALUE_BYTES_MAX);
    annotation_encode(&again, &annotation);
    CHECK(slice_equal(buf_slice(&again), value));
    buf_release(&again);
}

static void check_texts(struct slice text)
{
    struct annotation_id id;
    uint64_t time_ms = 0;
    uint64_t same_ms = 0;
    struct buf again;
    buf_init(&again, 64);
    if (annotation_id_parse(text, &id) == ERR_OK) {
        annotation_id_append(&again, &id);
        CHECK(slice_equal(buf_slice(&again), text));
    } else if (utc_time_parse(text, &time_ms) == ERR_OK) {
        utc_time_append(&again, time_ms);
        CHECK(again.length >= text.length && memcmp(again.bytes, text.bytes, 19) == 0);
        CHECK(utc_time_parse(buf_slice(&again), &same_ms) == ERR_OK && same_ms == time_ms);
    }
    buf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct cursor input = cursor_of(slice_of(bytes, length));
    struct slice key = input_run(&input, ANNOTATION_KEY_BYTES);
    check_value(key, input_rest(&input));
    check_texts(slice_of(bytes, length));
    return 0;
}
