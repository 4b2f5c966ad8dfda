#include "wire/message.h"

const char *message_name(enum message_kind kind)
{
    static const char *const names[MESSAGE_KIND_COUNT] = {
#define MESSAGE(name, NAME, fields) #NAME,
#include "wire/messages.def"
#undef MESSAGE
    };
    return (unsigned)kind < MESSAGE_KIND_COUNT ? names[kind] : "unknown";
}

bool message_is_urgent(enum message_kind kind)
{
    switch (kind) {
    case MESSAGE_PING:
    case MESSAGE_LEASE_WANT:
    case MESSAGE_LEASE:
    case MESSAGE_JOIN:
    case MESSAGE_MAP:
    case MESSAGE_MAP_WANT:
    case MESSAGE_WANTS:
    case MESSAGE_PREPARE:
    case MESSAGE_PROMISE:
    case MESSAGE_ACCEPT:
    case MESSAGE_ACCEPTED:
    case MESSAGE_REFUSE:
    case MESSAGE_RELEASE_WANT:
    case MESSAGE_RELEASE:
        return true;
    default:
        return false;
    }
}

bool message_is_optimistic(enum message_kind kind)
{
    switch (kind) {
    case MESSAGE_PEER_HELLO:
    case MESSAGE_RUMOR:
    case MESSAGE_RUMOR_ANSWER:
    case MESSAGE_RUMOR_OPERATIONS:
    case MESSAGE_SESSION_OPEN:
    case MESSAGE_SESSION_KNOWN:
    case MESSAGE_SESSION_PORTION:
    case MESSAGE_SESSION_TAKEN:
    case MESSAGE_SESSION_CLOSE:
    case MESSAGE_SESSION_END:
    case MESSAGE_AUDIT_GROUPS:
    case MESSAGE_AUDIT_SLOTS:
    case MESSAGE_AUDIT_LIST:
    case MESSAGE_AUDIT_VERDICT:
    case MESSAGE_STABILITY:
        return true;
    default:
        return false;
    }
}

#define F_NONE (void)body;
#define F_U64(field) buf_append_varint(out, body->field);
#define F_FLAG(field) buf_append_u8(out, body->field);
#define F_STAMP(field) stamp_encode(out, body->field);
#define F_SLICE(field) buf_append_counted(out, body->field);
#define F_REST(field) buf_append_slice(out, body->field);
#define MESSAGE(name, NAME, fields)                                                                \
    static void encode_##name(struct buf *out, const struct message_##name *body)                  \
    {                                                                                              \
        (void)out;                                                                                 \
        fields                                                                                     \
    }
#include "wire/messages.def"
#undef MESSAGE
#undef F_NONE
#undef F_U64
#undef F_FLAG
#undef F_STAMP
#undef F_SLICE
#undef F_REST

void message_encode(struct buf *out, const struct message *message)
{
    buf_append_u8(out, (uint8_t)message->kind);
    buf_append_varint(out, message->epoch);
    buf_append_varint(out, message->sequence);
    buf_append_varint(out, message->from_incarnation);
    buf_append_varint(out, message->to_incarnation);
    switch (message->kind) {
#define MESSAGE(name, NAME, fields)                                                                \
    case MESSAGE_##NAME:                                                                           \
        encode_##name(out, &message->name);                                                        \
        break;
#include "wire/messages.def"
#undef MESSAGE
    case MESSAGE_KIND_COUNT:
        break;
    }
}

static bool decode_flag(struct cursor *in)
{
    uint8_t value = cursor_u8(in);
    in->failed |= value > 1;
    return value == 1;
}

#define F_NONE body->nothing = 0;
#define F_U64(field) body->field = cursor_varint(in);
#define F_FLAG(field) body->field = decode_flag(in);
#define F_STAMP(field) body->field = stamp_decode(in);
#define F_SLICE(field) body->field = cursor_counted(in);
#define F_REST(field) body->field = cursor_bytes(in, cursor_left(in));
#define MESSAGE(name, NAME, fields)                                                                \
    static void decode_##name(struct cursor *in, struct message_##name *body)                      \
    {                                                                                              \
        (void)in;                                                                                  \
        fields                                                                                     \
    }
#include "wire/messages.def"
#undef MESSAGE

enum err message_decode(struct slice bytes, struct message *out)
{
    struct cursor in = cursor_of(bytes);
    uint8_t kind = cursor_u8(&in);
    out->epoch = cursor_varint(&in);
    out->sequence = cursor_varint(&in);
    out->from_incarnation = cursor_varint(&in);
    out->to_incarnation = cursor_varint(&in);
    if (in.failed || kind >= MESSAGE_KIND_COUNT)
        return ERR_INVALID;
    out->kind = (enum message_kind)kind;
    switch (out->kind) {
#define MESSAGE(name, NAME, fields)                                                                \
    case MESSAGE_##NAME:                                                                           \
        decode_##name(&in, &out->name);                                                            \
        break;
#include "wire/messages.def"
#undef MESSAGE
    case MESSAGE_KIND_COUNT:
        break;
    }
    return cursor_finish(&in);
}
