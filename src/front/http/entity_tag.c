#include "front/http/entity_tag.h"

#include "front/http/percent.h"

void entity_tag_format(struct stamp stamp, char text[ENTITY_TAG_BYTES])
{
    text[0] = '"';
    stamp_format(stamp, text + 1);
    size_t length = strlen(text);
    text[length] = '"';
    text[length + 1] = 0;
}

static bool is_star(struct slice text)
{
    return text.length == 1 && text.bytes[0] == '*';
}

static enum err parse_tag(struct slice text, struct stamp *out)
{
    if (text.length < 2 || text.bytes[0] != '"' || text.bytes[text.length - 1] != '"')
        return ERR_INVALID;
    return stamp_parse(slice_of(text.bytes + 1, text.length - 2), out);
}

enum err entity_tag_condition(struct slice if_match, struct slice if_none_match,
                              enum condition *condition, struct stamp *expected)
{
    *condition = CONDITION_NONE;
    *expected = (struct stamp){0};
    if (if_match.bytes != NULL && if_none_match.bytes != NULL)
        return ERR_INVALID;
    if (if_none_match.bytes != NULL) {
        if (!is_star(if_none_match))
            return ERR_INVALID;
        *condition = CONDITION_ABSENT;
    } else if (if_match.bytes != NULL && is_star(if_match)) {
        *condition = CONDITION_PRESENT;
    } else if (if_match.bytes != NULL) {
        if (parse_tag(if_match, expected) != ERR_OK || stamp_is_zero(*expected))
            return ERR_INVALID;
        *condition = CONDITION_STAMP;
    }
    return ERR_OK;
}

static bool is_separator(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == ',';
}

bool entity_tag_list_has(struct slice if_none_match, struct stamp stamp)
{
    if (if_none_match.bytes == NULL)
        return false;
    if (is_star(if_none_match))
        return true;
    char text[ENTITY_TAG_BYTES];
    entity_tag_format(stamp, text);
    struct slice wanted = slice_of_text(text);
    size_t i = 0;
    while (i < if_none_match.length) {
        size_t start = i;
        while (i < if_none_match.length && !is_separator(if_none_match.bytes[i]))
            i++;
        struct slice tag = slice_of(if_none_match.bytes + start, i - start);
        if (tag.length > 2 && memcmp(tag.bytes, "W/", 2) == 0)
            tag = slice_of(tag.bytes + 2, tag.length - 2);
        if (slice_equal(tag, wanted))
            return true;
        i++;
    }
    return false;
}

enum err operation_id_parse(struct slice text, struct operation_id *out)
{
    if (text.length != 32)
        return ERR_INVALID;
    uint64_t halves[2] = {0, 0};
    for (size_t i = 0; i < 32; i++) {
        int value = hex_digit_value(text.bytes[i]);
        if (value < 0)
            return ERR_INVALID;
        halves[i / 16] = halves[i / 16] << 4 | (uint64_t)value;
    }
    if (halves[0] == 0 && halves[1] == 0)
        return ERR_INVALID;
    *out = (struct operation_id){.high = halves[0], .low = halves[1]};
    return ERR_OK;
}
