#include "app/annotations/magnet.h"

#include "app/annotations/text.h"
#include "base/check.h"

#include <stdlib.h>

enum { HASH_BYTES = 20, HASH_BASE32_DIGITS = 32, KIND_BYTES_MAX = 31 };

// What is known of a kind's names. Of `hex_digits` 0 the name is text whose case does not count.
static const struct topic_kind {
    const char *name;
    const char *canonical;
    size_t hex_digits;
    bool base32; // may be so too
} topic_kinds[] = {
    {"btih", "btih", 40, true},  {"sha1", "sha1", 40, true},
    {"aich", "aich", 40, true},  {"btmh", "btmh", 68, false},
    {"ed2k", "ed2k", 32, false}, {"ed2khash", "ed2k", 32, false},
    {"md5", "md5", 32, false},   {"bitprint", "bitprint", 0, false},
    {"tree", "tree", 0, false},
};

static const struct topic_kind *kind_find(struct slice name)
{
    for (size_t i = 0; i < sizeof topic_kinds / sizeof topic_kinds[0]; i++)
        if (slice_equal(name, slice_of_text(topic_kinds[i].name)))
            return &topic_kinds[i];
    return NULL;
}

// Takes the next parameter off `*rest`'s front; one without an equals sign is a name. False at the
// end.
static bool next_parameter(struct slice *rest, struct slice *name, struct slice *value)
{
    size_t end = 0;
    size_t sign = 0;
    if (rest->bytes == NULL)
        return false;
    while (end < rest->length && rest->bytes[end] != '&')
        end++;
    while (sign < end && rest->bytes[sign] != '=')
        sign++;
    size_t begin = sign < end ? sign + 1 : end;
    *name = slice_of(rest->bytes, sign);
    *value = slice_of(rest->bytes + begin, end - begin);
    *rest = end < rest->length ? slice_of(rest->bytes + end + 1, rest->length - end - 1)
                               : slice_of(NULL, 0);
    return true;
}

static bool is_topic(struct slice name)
{
    if (!text_begins(name, "xt") || name.length == 3 || (name.length > 3 && name.bytes[2] != '.'))
        return false;
    for (size_t i = 3; i < name.length; i++)
        if (!text_is_digit(name.bytes[i]))
            return false;
    return true;
}

static bool next_topic(struct slice *rest, struct slice *value)
{
    struct slice name;
    while (next_parameter(rest, &name, value))
        if (is_topic(name))
            return true;
    return false;
}

static bool is_hex(struct slice text)
{
    for (size_t i = 0; i < text.length; i++)
        if (text_hex_value(text.bytes[i]) < 0)
            return false;
    return true;
}

// RFC 4648, section 6: 32 digits of 5 bits each are 20 bytes.
static bool read_base32(struct slice text, uint8_t out[HASH_BYTES])
{
    uint32_t bits = 0;
    unsigned count = 0;
    if (text.length != HASH_BASE32_DIGITS)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        uint8_t digit = text_lower(text.bytes[i]);
        if (!text_is_letter(digit) && (digit < '2' || digit > '7'))
            return false;
        bits = (bits << 5 | (uint32_t)(digit >= 'a' ? digit - 'a' : digit - '2' + 26)) & 0xffff;
        count += 5;
        if (count >= 8) {
            count -= 8;
            *out++ = (uint8_t)(bits >> count);
        }
    }
    return true;
}

// Appends the name of a topic as invariant 2 has it; returns why it is none of its kind, or NULL.
static const char *append_name(struct buf *out, const struct topic_kind *kind, struct slice name)
{
    uint8_t hash[HASH_BYTES];
    if (kind == NULL) {
        buf_append_slice(out, name);
        return NULL;
    }
    if (kind->base32 && read_base32(name, hash)) {
        text_append_hex(out, slice_of(hash, sizeof hash));
        return NULL;
    }
    if (kind->hex_digits > 0 && (name.length != kind->hex_digits || !is_hex(name)))
        return "an xt whose hash has a wrong length or a wrong character";
    for (size_t i = 0; i < name.length; i++)
        buf_append_u8(out, text_lower(name.bytes[i]));
    return NULL;
}

// Appends a topic of which the escapes are normalised; returns why it is none, or NULL.
static const char *append_topic(struct buf *out, struct slice topic)
{
    static const char urn[] = "urn:";
    char kind[KIND_BYTES_MAX + 1];
    size_t length = 0;
    size_t at = sizeof urn - 1;
    if (!text_begins(topic, urn))
        return "an xt begins with urn:";
    for (; at < topic.length && topic.bytes[at] != ':'; at++) {
        uint8_t byte = topic.bytes[at];
        if (length == KIND_BYTES_MAX ||
            !(text_is_letter(byte) || text_is_digit(byte) || byte == '-'))
            return "an xt whose kind is no name: urn:<kind>:<hash>";
        kind[length++] = (char)text_lower(byte);
    }
    if (length == 0 || at + 1 >= topic.length)
        return "an xt is urn:<kind>:<hash>";
    const struct topic_kind *known = kind_find(slice_of(kind, length));
    struct slice canonical =
        known != NULL ? slice_of_text(known->canonical) : slice_of(kind, length);
    buf_append(out, urn, sizeof urn - 1);
    buf_append_slice(out, canonical);
    buf_append_u8(out, ':');
    return append_name(out, known, slice_of(topic.bytes + at + 1, topic.length - at - 1));
}

// As append_topic, of the value of a parameter as written.
static const char *append_value(struct buf *out, struct slice value)
{
    struct buf topic;
    buf_init(&topic, value.length);
    url_append_escaped(&topic, value, ":");
    const char *reason = append_topic(out, buf_slice(&topic));
    buf_release(&topic);
    return reason;
}

static enum err check_topics(struct slice text, struct slice parameters, struct link_fault *fault)
{
    struct slice rest = parameters;
    struct slice value;
    unsigned count = 0;
    enum err error = ERR_OK;
    struct buf scratch;
    buf_init(&scratch, parameters.length + MAGNET_GROWTH_MAX);
    while (error == ERR_OK && next_topic(&rest, &value)) {
        const char *reason = append_value(&scratch, value);
        if (++count > MAGNET_TOPICS_MAX)
            reason = "more than 16 xt";
        if (reason != NULL)
            error = link_fault_set(fault, (size_t)(value.bytes - text.bytes), reason);
        buf_clear(&scratch);
    }
    if (error == ERR_OK && count == 0)
        error = link_fault_set(fault, (size_t)(parameters.bytes - text.bytes),
                               "a magnet link has an xt=urn:<kind>:<hash>");
    buf_release(&scratch);
    return error;
}

enum err magnet_parse(struct slice text, struct magnet *out, struct link_fault *fault)
{
    struct url url;
    if (url_parse(text, &url, fault) != ERR_OK)
        return ERR_INVALID;
    if (url.host.bytes != NULL || url.path.length > 0 || url.query.bytes == NULL)
        return link_fault_set(fault, url.scheme.length + 1,
                              "a question mark follows the colon of a magnet link");
    *out = (struct magnet){.parameters = url.query};
    return check_topics(text, url.query, fault);
}

static int compare_topics(const void *a, const void *b)
{
    return slice_compare(*(const struct slice *)a, *(const struct slice *)b);
}

void magnet_identify(const struct magnet *magnet, struct buf *out)
{
    struct slice rest = magnet->parameters;
    struct slice value;
    struct slice topics[MAGNET_TOPICS_MAX];
    size_t ends[MAGNET_TOPICS_MAX];
    size_t count = 0;
    struct buf names;
    buf_init(&names, magnet->parameters.length + MAGNET_GROWTH_MAX);
    while (next_topic(&rest, &value)) {
        CHECK(count < MAGNET_TOPICS_MAX && append_value(&names, value) == NULL);
        ends[count++] = names.length;
    }
    CHECK(count > 0 && !names.overflown);
    for (size_t i = 0; i < count; i++) {
        size_t begin = i > 0 ? ends[i - 1] : 0;
        topics[i] = slice_of(names.bytes + begin, ends[i] - begin);
    }
    qsort(topics, count, sizeof topics[0], compare_topics);
    buf_append_slice(out, slice_of_text("magnet:?xt="));
    buf_append_slice(out, topics[0]);
    for (size_t i = 1; i < count; i++) {
        if (slice_equal(topics[i], topics[i - 1]))
            continue;
        buf_append_slice(out, slice_of_text("&xt="));
        buf_append_slice(out, topics[i]);
    }
    buf_release(&names);
}
