#include "core/epidemic/stability.h"

#include "base/check.h"

// The bytes of a record:
//
//     space      8
//     epoch, sequence   varints
//     signer     1
//     stable, horizon   as knowledge is encoded
//     signature  64, over a domain name of our own and all of the above

static const char domain[] = "brusio stability 1";

static bool is_valid(const struct stability_record *record)
{
    return record->number.counter != 0 && record->number.id != 0 && record->node != NODE_NONE &&
           record->node <= NODES_MAX && knowledge_contains(&record->stable, &record->horizon);
}

void stability_release(struct stability_record *record)
{
    knowledge_release(&record->stable);
    knowledge_release(&record->horizon);
    *record = (struct stability_record){0};
}

static void append_body(struct buf *out, const struct stability_record *record)
{
    CHECK(is_valid(record));
    buf_append_u64_be(out, record->space);
    buf_append_varint(out, record->number.counter);
    buf_append_varint(out, record->number.id);
    buf_append_u8(out, record->node);
    knowledge_encode(out, &record->stable);
    knowledge_encode(out, &record->horizon);
}

// What is signed; for buf_release.
static struct buf message_of(const struct stability_record *record)
{
    struct buf message;
    buf_init(&message, sizeof domain - 1 + STABILITY_BYTES_MAX - SIGNATURE_BYTES);
    buf_append_slice(&message, slice_of_text(domain));
    append_body(&message, record);
    return message;
}

enum err stability_sign(struct stability_record *record, const struct signing_secret *secret)
{
    struct buf message = message_of(record);
    enum err error = message.overflown ? ERR_TOO_LARGE : ERR_OK;
    if (error == ERR_OK)
        record->signature = signing_sign(secret, buf_slice(&message));
    buf_release(&message);
    return error;
}

bool stability_signature_is_good(const struct stability_record *record,
                                 const struct signing_key *key)
{
    if (!is_valid(record))
        return false;
    struct buf message = message_of(record);
    bool good = !message.overflown && signing_verify(key, buf_slice(&message), &record->signature);
    buf_release(&message);
    return good;
}

void stability_encode(struct buf *out, const struct stability_record *record)
{
    append_body(out, record);
    buf_append(out, record->signature.bytes, SIGNATURE_BYTES);
}

enum err stability_decode(struct slice bytes, struct stability_record *out)
{
    struct cursor in = cursor_of(bytes);
    if (bytes.length > STABILITY_BYTES_MAX)
        return ERR_TOO_LARGE;
    CHECK(knowledge_is_empty(&out->stable) && knowledge_is_empty(&out->horizon));
    out->space = cursor_u64_be(&in);
    out->number.counter = cursor_varint(&in);
    out->number.id = cursor_varint(&in);
    out->node = cursor_u8(&in);
    knowledge_decode(&in, &out->stable);
    knowledge_decode(&in, &out->horizon);
    struct slice signature = cursor_bytes(&in, SIGNATURE_BYTES);
    if (cursor_finish(&in) != ERR_OK || !is_valid(out)) {
        stability_release(out);
        return ERR_INVALID;
    }
    memcpy(out->signature.bytes, signature.bytes, SIGNATURE_BYTES);
    return ERR_OK;
}

enum stability_verdict stability_judge(const struct stability_record *record,
                                       const struct stability_authority *authority)
{
    if (record->space != authority->space)
        return STABILITY_FORGED;
    if (record->number.counter > authority->epoch)
        return STABILITY_LATER;
    const struct signing_key *key = authority->key_of(authority->context, record->node);
    if (key == NULL)
        return STABILITY_FENCED;
    if (!stability_signature_is_good(record, key))
        return STABILITY_FORGED;
    if (record->number.counter >= authority->since && record->node != authority->primary)
        return STABILITY_FENCED;
    return STABILITY_TAKE;
}
