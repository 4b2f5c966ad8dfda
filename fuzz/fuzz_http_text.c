// The texts of HTTP, of any bytes: percent-encoding, base64 for URLs, UTF-8, JSON strings, entity
// tags, conditions, operation ids, tokens. What was taken fits its bounds, and what has one form is
// written in it again.
#include "base/check.h"
#include "base/utf8.h"
#include "front/http/base64.h"
#include "front/http/bearer.h"
#include "front/http/entity_tag.h"
#include "front/http/json_text.h"
#include "front/http/percent.h"
#include "input.h"

#include <jansson.h>

enum { DECODED_MAX = 64 };

static void try_percent(struct slice text)
{
    uint8_t decoded[DECODED_MAX];
    size_t length = 0;
    if (percent_decode(text, decoded, sizeof decoded, &length) != ERR_OK)
        return;
    CHECK(length <= sizeof decoded && length <= text.length && text.length <= 3 * length);
}

static void try_base64(struct slice text)
{
    uint8_t decoded[DECODED_MAX];
    size_t length = 0;
    struct buf again;
    if (base64url_decode(text, decoded, sizeof decoded, &length) != ERR_OK)
        return;
    CHECK(length <= sizeof decoded);
    buf_init(&again, text.length + 4);
    base64url_append(&again, slice_of(decoded, length));
    CHECK(slice_equal(buf_slice(&again), text));
    buf_release(&again);
}

// What one library writes, another one reads; both agree on what is UTF-8.
static void try_json(struct slice text)
{
    struct buf out;
    buf_init(&out, text.length * 6 + 32);
    if (utf8_is_valid(text)) {
        json_append_string(&out, text);
        json_t *string =
            json_loadb((const char *)out.bytes, out.length, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        CHECK(json_is_string(string));
        CHECK(slice_equal(slice_of(json_string_value(string), json_string_length(string)), text));
        json_decref(string);
    } else {
        CHECK(json_stringn((const char *)text.bytes, text.length) == NULL);
    }
    buf_clear(&out);
    json_append_raw(&out, "{");
    json_append_bytes(&out, "key", text);
    json_append_raw(&out, "}");
    json_t *object = json_loadb((const char *)out.bytes, out.length, JSON_ALLOW_NUL, NULL);
    CHECK(!out.overflown && json_object_size(object) == 1);
    json_decref(object);
    buf_release(&out);
}

static void try_tags(struct slice if_match, struct slice if_none_match)
{
    enum condition condition = CONDITION_NONE;
    struct stamp expected = {0};
    struct operation_id operation = {0};
    char tag[ENTITY_TAG_BYTES];
    if (entity_tag_condition(if_match, if_none_match, &condition, &expected) == ERR_OK) {
        CHECK((unsigned)condition < CONDITION_COUNT);
        CHECK(condition != CONDITION_NONE ||
              (if_match.bytes == NULL && if_none_match.bytes == NULL));
    }
    if (condition == CONDITION_STAMP) {
        entity_tag_format(expected, tag);
        CHECK(entity_tag_list_has(slice_of_text(tag), expected));
    }
    (void)entity_tag_list_has(if_none_match, (struct stamp){1, 2});
    if (operation_id_parse(if_match, &operation) == ERR_OK)
        CHECK(if_match.length == 32 && (operation.high != 0 || operation.low != 0));
}

static void try_stamp(struct slice text)
{
    struct stamp stamp;
    struct stamp again;
    char written[STAMP_TEXT_BYTES];
    if (stamp_parse(text, &stamp) != ERR_OK)
        return;
    stamp_format(stamp, written);
    CHECK(stamp_parse(slice_of_text(written), &again) == ERR_OK);
    CHECK(stamp_compare(stamp, again) == 0);
}

static void try_bearer(struct slice header)
{
    bool right = slice_equal(header, slice_of_text("Bearer sesame"));
    bool valid = bearer_is_valid(header, slice_of_text("sesame"));
    CHECK(valid || !right);
    // The scheme's case and the blanks behind it may differ; the token not.
    CHECK(!valid ||
          (header.length >= 13 &&
           slice_equal(slice_of(header.bytes + header.length - 6, 6), slice_of_text("sesame"))));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct slice text = slice_of(bytes, length);
    struct cursor input = cursor_of(text);
    struct slice first = input_run(&input, 255);
    struct slice rest = input_rest(&input);
    try_percent(text);
    try_base64(text);
    try_json(text);
    try_stamp(text);
    try_bearer(text);
    try_tags(text, slice_of(NULL, 0));
    try_tags(slice_of(NULL, 0), text);
    try_tags(first, rest);
    return 0;
}
