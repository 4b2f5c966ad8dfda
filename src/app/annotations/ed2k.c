#include "app/annotations/ed2k.h"

#include "app/annotations/text.h"
#include "app/annotations/url.h"

#include <inttypes.h>

enum { HASH_DIGITS = 2 * ED2K_HASH_BYTES, ROOT_HASH_DIGITS = 32 };

// A link that is read from left to right; after the first fault nothing more is taken.
struct reader {
    struct slice text;
    size_t at;
    struct link_fault *fault;
    bool failed;
};

static void fail(struct reader *reader, size_t at, const char *reason)
{
    if (!reader->failed)
        (void)link_fault_set(reader->fault, at, reason);
    reader->failed = true;
}

static bool is_next(const struct reader *reader, const char *word)
{
    struct slice rest = slice_of(reader->text.bytes + reader->at, reader->text.length - reader->at);
    return !reader->failed && text_begins(rest, word);
}

// Takes `word`, in any case, if it is next.
static bool take(struct reader *reader, const char *word)
{
    bool found = is_next(reader, word);
    if (found)
        reader->at += strlen(word);
    return found;
}

// Takes `word`; the place of a fault is the first byte that differs.
static void expect(struct reader *reader, const char *word, const char *reason)
{
    for (; *word != '\0' && !reader->failed; word++) {
        const char next[] = {*word, '\0'};
        if (!take(reader, next))
            fail(reader, reader->at, reason);
    }
}

// Where the field ends that begins here: at its bar, or the end.
static size_t field_end(const struct reader *reader)
{
    size_t end = reader->at;
    while (end < reader->text.length && reader->text.bytes[end] != '|')
        end++;
    return end;
}

static bool fits_field(uint8_t byte)
{
    return byte > ' ' && byte != 0x7f;
}

static struct slice take_name(struct reader *reader)
{
    size_t begin = reader->at;
    size_t end = field_end(reader);
    struct slice name = slice_of(reader->text.bytes + begin, end - begin);
    size_t at = 0;
    const char *reason = NULL;
    if (reader->failed)
        return name;
    if (name.length == 0)
        fail(reader, begin, "the name is missing");
    else if (link_fault_find(reader->text, begin, end, fits_field, reader->fault) != ERR_OK)
        reader->failed = true;
    else if (!text_is_clean(name, "", &at, &reason))
        fail(reader, begin + at, reason);
    reader->at = end;
    expect(reader, "|", "the link is cut off: the name ends with |");
    return name;
}

static uint64_t take_size(struct reader *reader)
{
    size_t begin = reader->at;
    uint64_t size = 0;
    for (; !reader->failed && reader->at < reader->text.length; reader->at++) {
        uint8_t byte = reader->text.bytes[reader->at];
        uint64_t digit = (uint64_t)byte - '0';
        if (!text_is_digit(byte))
            break;
        if (size > (UINT64_MAX - digit) / 10)
            fail(reader, begin, "the size is over 18446744073709551615 bytes");
        else
            size = size * 10 + digit;
    }
    expect(reader, "|", "the size is decimal digits, and ends with |");
    if (reader->at - begin < 2)
        fail(reader, begin, "the size is missing");
    else if (size == 0)
        fail(reader, begin, "the size is at least 1 byte");
    return size;
}

static void take_hash(struct reader *reader, uint8_t out[ED2K_HASH_BYTES])
{
    for (size_t i = 0; i < HASH_DIGITS && !reader->failed; i++, reader->at++) {
        int value =
            reader->at < reader->text.length ? text_hex_value(reader->text.bytes[reader->at]) : -1;
        if (value < 0)
            fail(reader, reader->at, "a hash has 32 hexadecimal digits");
        else
            out[i / 2] = (uint8_t)(out[i / 2] << 4 | value);
    }
}

static void take_part_hashes(struct reader *reader)
{
    uint8_t hash[ED2K_HASH_BYTES];
    do
        take_hash(reader, hash);
    while (take(reader, ":"));
    expect(reader, "|",
           "part hashes have 32 hexadecimal digits each, : between them, and | behind");
}

static void take_root_hash(struct reader *reader)
{
    for (size_t i = 0; i < ROOT_HASH_DIGITS && !reader->failed; i++, reader->at++) {
        uint8_t byte = reader->at < reader->text.length ? reader->text.bytes[reader->at] : 0;
        if (!text_is_letter(byte) && (byte < '2' || byte > '7'))
            fail(reader, reader->at, "a root hash has 32 digits of base32 (a to z, 2 to 7)");
    }
    expect(reader, "|", "a root hash has 32 digits of base32, and | behind");
}

static void take_url(struct reader *reader)
{
    struct url url;
    size_t end = field_end(reader);
    struct slice text = slice_of(reader->text.bytes + reader->at, end - reader->at);
    if (url_parse(text, &url, reader->fault) != ERR_OK) {
        reader->fault->at += reader->at;
        reader->failed = true;
    }
    reader->at = end;
    expect(reader, "|", "the link is cut off: the URL ends with |");
}

static void take_parts(struct reader *reader)
{
    bool had_hashes = false;
    bool had_root = false;
    while (!reader->failed && !take(reader, "/")) {
        size_t begin = reader->at;
        if (take(reader, "p=")) {
            if (had_hashes)
                fail(reader, begin, "p= stands there twice");
            had_hashes = true;
            take_part_hashes(reader);
        } else if (take(reader, "h=")) {
            if (had_root)
                fail(reader, begin, "h= stands there twice");
            had_root = true;
            take_root_hash(reader);
        } else if (take(reader, "s=")) {
            take_url(reader);
        } else {
            fail(reader, begin, "after the hash come p=, h= and s=, and at the end /");
        }
    }
}

static void take_sources(struct reader *reader)
{
    expect(reader, "|sources", "nothing but |sources,<host>:<port>|/ follows the /");
    do {
        expect(reader, ",", "a comma and a host follow");
        size_t end = reader->at;
        while (end < reader->text.length && reader->text.bytes[end] != ',' &&
               reader->text.bytes[end] != '|')
            end++;
        if (!reader->failed &&
            url_check_address(reader->text, reader->at, end, reader->fault) != ERR_OK)
            reader->failed = true;
        reader->at = end;
    } while (is_next(reader, ","));
    expect(reader, "|/", "the sources end with |/");
}

enum err ed2k_parse(struct slice text, struct ed2k *out, struct link_fault *fault)
{
    struct reader reader = {.text = text, .fault = fault};
    struct ed2k ed2k = {.size_bytes = 0};
    expect(&reader, "ed2k://|file|", "an ed2k link of a file begins with ed2k://|file|");
    ed2k.name = take_name(&reader);
    ed2k.size_bytes = take_size(&reader);
    take_hash(&reader, ed2k.hash);
    expect(&reader, "|", "a hash has 32 hexadecimal digits, and | behind");
    take_parts(&reader);
    if (reader.at < text.length)
        take_sources(&reader);
    if (reader.at < text.length)
        fail(&reader, reader.at, "the link is over before this");
    if (reader.failed)
        return ERR_INVALID;
    *out = ed2k;
    return ERR_OK;
}

void ed2k_identify(const struct ed2k *ed2k, struct buf *out)
{
    buf_append_slice(out, slice_of_text("ed2k:"));
    text_append_hex(out, slice_of(ed2k->hash, sizeof ed2k->hash));
    buf_append_format(out, ":%" PRIu64, ed2k->size_bytes);
}

bool ed2k_append_name(const struct ed2k *ed2k, struct buf *out)
{
    size_t begin = out->length;
    for (size_t at = 0; at < ed2k->name.length; at++) {
        int value = text_escape_value(ed2k->name, at);
        buf_append_u8(out, value < 0 ? ed2k->name.bytes[at] : (uint8_t)value);
        at += value < 0 ? 0 : 2;
    }
    if (!out->overflown &&
        text_is_clean(slice_of(out->bytes + begin, out->length - begin), "", NULL, NULL))
        return true;
    out->length = begin;
    return false;
}
