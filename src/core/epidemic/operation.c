#include "core/epidemic/operation.h"

#include "base/check.h"
#include "core/epidemic/knowledge.h"

// The bytes of an operation that follow each other, all counted by one varint:
//
//     form       1 byte, enum operation_form
//     header     flags, 1 byte; origin, 8; sequence; counter; context; key, counted;
//                of a put: value hash, 32; the value's length; expiry;
//                of what is signed: author, 32
//     signature  64 bytes, of what is signed
//     value      of OPERATION_PUT; its length is in the header
//
// Numbers without a size are varints. The header's bytes alone are what is hashed and signed: form,
// signature and value are outside, so that a put keeps its id when its value goes.

enum {
    FLAG_DEAD = 1,
    FLAG_SIGNED = 2,
    FLAGS_ALL = FLAG_DEAD | FLAG_SIGNED,
    DOMAIN_BYTES_MAX = 32,
    VARINT_BYTES_MAX = 10,
    HEADER_BYTES = 1 + 8 + 2 * VARINT_BYTES_MAX + CONTEXT_BYTES_MAX + 2 + KEY_BYTES_MAX +
                   SHA256_BYTES + 2 * VARINT_BYTES_MAX + SIGNING_KEY_BYTES,
    // What is hashed or signed.
    MESSAGE_BYTES = DOMAIN_BYTES_MAX + 8 + HEADER_BYTES,
};

_Static_assert(1 + HEADER_BYTES + SIGNATURE_BYTES <= OPERATION_HEADER_BYTES_MAX,
               "the bound of a header holds for the longest one");

// What keeps the two uses of a header's bytes, and those of other programs, apart.
static const char id_domain[] = "brusio operation 1";
static const char author_domain[] = "brusio author 1";

static const struct sha256 no_hash;

// A buffer on `bytes` of the caller, which it neither outgrows nor frees.
static struct buf fixed_buf(uint8_t *bytes, size_t length)
{
    return (struct buf){.bytes = bytes, .capacity = length, .max = length};
}

static void append_header(struct buf *out, const struct operation *operation)
{
    uint8_t flags =
        (uint8_t)((operation->dead ? FLAG_DEAD : 0) | (operation->is_signed ? FLAG_SIGNED : 0));
    buf_append_u8(out, flags);
    buf_append_u64_be(out, operation->dot.origin);
    buf_append_varint(out, operation->dot.sequence);
    buf_append_varint(out, operation->counter);
    context_encode(out, &operation->context);
    buf_append_counted(out, operation->key);
    if (!operation->dead) {
        buf_append(out, operation->value_hash.bytes, SHA256_BYTES);
        buf_append_varint(out, operation->value_bytes);
        buf_append_varint(out, operation->expiry_ms);
    }
    if (operation->is_signed)
        buf_append(out, operation->author.bytes, SIGNING_KEY_BYTES);
}

// The domain, the space and the header: what is hashed or signed.
static void append_message(struct buf *out, const char *domain, const struct operation *operation)
{
    CHECK(strlen(domain) <= DOMAIN_BYTES_MAX);
    buf_append_slice(out, slice_of_text(domain));
    buf_append_u64_be(out, operation->space);
    append_header(out, operation);
    CHECK(!out->overflown);
}

struct sha256 operation_id_of(const struct operation *operation)
{
    uint8_t bytes[MESSAGE_BYTES];
    struct buf message = fixed_buf(bytes, sizeof bytes);
    append_message(&message, id_domain, operation);
    return sha256_of(buf_slice(&message));
}

void operation_sign(struct operation *operation, const struct signing_secret *secret)
{
    uint8_t bytes[MESSAGE_BYTES];
    struct buf message = fixed_buf(bytes, sizeof bytes);
    operation->is_signed = true;
    operation->author = signing_key_of(secret);
    append_message(&message, author_domain, operation);
    operation->signature = signing_sign(secret, buf_slice(&message));
}

bool operation_signature_is_good(const struct operation *operation)
{
    uint8_t bytes[MESSAGE_BYTES];
    struct buf message = fixed_buf(bytes, sizeof bytes);
    if (!operation->is_signed)
        return false;
    append_message(&message, author_domain, operation);
    return signing_verify(&operation->author, buf_slice(&message), &operation->signature);
}

static bool has_its_value(const struct operation *operation)
{
    return !operation->dead && operation->value.length == operation->value_bytes;
}

bool operation_value_is_good(const struct operation *operation)
{
    if (!has_its_value(operation))
        return false;
    struct sha256 hash = sha256_of(operation->value);
    return sha256_compare(&hash, &operation->value_hash) == 0;
}

void operation_set_value(struct operation *operation, struct slice value)
{
    // Not cut to 32 bits, which could make a short length of a long value.
    uint32_t length = value.length < UINT32_MAX ? (uint32_t)value.length : UINT32_MAX;
    operation->value = value;
    operation->value_bytes = length;
    operation->value_hash = sha256_of(value);
}

static enum err check_put(const struct operation *operation)
{
    if (operation->value_bytes > VALUE_BYTES_MAX)
        return ERR_TOO_LARGE;
    return operation->value.length == 0 || has_its_value(operation) ? ERR_OK : ERR_INVALID;
}

static enum err check_delete(const struct operation *operation)
{
    bool is_empty = operation->value.length == 0 && operation->value_bytes == 0 &&
                    operation->expiry_ms == 0 &&
                    sha256_compare(&operation->value_hash, &no_hash) == 0;
    return is_empty ? ERR_OK : ERR_INVALID;
}

enum err operation_check(const struct operation *operation)
{
    if (operation->dot.origin == 0 || operation->dot.sequence == 0 ||
        operation->dot.sequence > KNOWLEDGE_SEQUENCE_MAX)
        return ERR_INVALID;
    if (operation->counter == 0 || operation->counter > OPERATION_COUNTER_MAX)
        return ERR_INVALID;
    if (operation_covers(operation, operation->dot))
        return ERR_INVALID;
    if (operation->key.length > KEY_BYTES_MAX)
        return ERR_TOO_LARGE;
    if (!key_is_valid(operation->key))
        return ERR_INVALID;
    return operation->dead ? check_delete(operation) : check_put(operation);
}

// Whether the operation can have this form: deletes have one, puts the two others.
static bool form_suits(enum operation_form form, const struct operation *operation)
{
    switch (form) {
    case OPERATION_PUT:
        return has_its_value(operation);
    case OPERATION_DELETE:
        return operation->dead;
    case OPERATION_BARE:
        return !operation->dead;
    case OPERATION_FORM_COUNT:
        break;
    }
    return false;
}

void operation_encode(struct buf *out, const struct operation *operation, enum operation_form form)
{
    uint8_t bytes[HEADER_BYTES];
    struct buf header = fixed_buf(bytes, sizeof bytes);
    struct slice signature = slice_of(operation->signature.bytes, SIGNATURE_BYTES);
    struct slice value = operation->value;
    CHECK(operation_check(operation) == ERR_OK && form_suits(form, operation));
    if (!operation->is_signed)
        signature.length = 0;
    if (form != OPERATION_PUT)
        value.length = 0;
    append_header(&header, operation);
    CHECK(!header.overflown);
    buf_append_varint(out, 1 + header.length + signature.length + value.length);
    buf_append_u8(out, (uint8_t)form);
    buf_append_slice(out, buf_slice(&header));
    buf_append_slice(out, signature);
    buf_append_slice(out, value);
}

static void read_exactly(struct cursor *in, uint8_t *bytes, size_t length)
{
    struct slice taken = cursor_bytes(in, length);
    if (taken.length > 0)
        memcpy(bytes, taken.bytes, taken.length);
}

static void decode_header(struct cursor *in, struct operation *out)
{
    uint8_t flags = cursor_u8(in);
    if ((flags & ~FLAGS_ALL) != 0)
        in->failed = true;
    out->dead = (flags & FLAG_DEAD) != 0;
    out->is_signed = (flags & FLAG_SIGNED) != 0;
    out->dot.origin = cursor_u64_be(in);
    out->dot.sequence = cursor_varint(in);
    out->counter = cursor_varint(in);
    context_decode(in, &out->context);
    out->key = cursor_counted(in);
    if (!out->dead) {
        read_exactly(in, out->value_hash.bytes, SHA256_BYTES);
        out->value_bytes = (uint32_t)cursor_varint_max(in, VALUE_BYTES_MAX);
        out->expiry_ms = cursor_varint(in);
    }
    if (out->is_signed)
        read_exactly(in, out->author.bytes, SIGNING_KEY_BYTES);
}

void operation_decode(struct cursor *in, uint64_t space, struct operation *out,
                      enum operation_form *form)
{
    struct cursor block = cursor_of(cursor_counted(in));
    *out = (struct operation){.space = space};
    *form = (enum operation_form)cursor_u8(&block);
    decode_header(&block, out);
    if (out->is_signed)
        read_exactly(&block, out->signature.bytes, SIGNATURE_BYTES);
    if (*form == OPERATION_PUT)
        out->value = cursor_bytes(&block, out->value_bytes);
    if (cursor_finish(&block) == ERR_OK && form_suits(*form, out) && operation_check(out) == ERR_OK)
        return;
    *out = (struct operation){.space = space};
    *form = OPERATION_FORM_COUNT;
    in->failed = true;
}
