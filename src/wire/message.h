// Messages between nodes, made from messages.def.
//
// Promise: decoding any bytes gives a message or ERR_INVALID, never a read outside; encoding what
// was decoded gives the same bytes. Slices of a decoded message borrow from the bytes.
#ifndef BRUSIO_WIRE_MESSAGE_H
#define BRUSIO_WIRE_MESSAGE_H

#include "model/stamp.h"

enum message_kind {
#define MESSAGE(name, NAME, fields) MESSAGE_##NAME,
#include "wire/messages.def"
#undef MESSAGE
    MESSAGE_KIND_COUNT
};

#define F_NONE uint8_t nothing;
#define F_U64(field) uint64_t field;
#define F_FLAG(field) bool field;
#define F_STAMP(field) struct stamp field;
#define F_SLICE(field) struct slice field;
#define F_REST(field) struct slice field;
#define MESSAGE(name, NAME, fields)                                                                \
    struct message_##name {                                                                        \
        fields                                                                                     \
    };
#include "wire/messages.def"
#undef MESSAGE
#undef F_NONE
#undef F_U64
#undef F_FLAG
#undef F_STAMP
#undef F_SLICE
#undef F_REST

struct message {
    enum message_kind kind;
    uint64_t epoch;            // the sender's map
    uint64_t sequence;         // grows with everything that this incarnation of the sender sends
    uint64_t from_incarnation; // of the sender's process
    uint64_t to_incarnation;   // the receiver's, as the sender's map has it; 0 when it has none
    union {
#define MESSAGE(name, NAME, fields) struct message_##name name;
#include "wire/messages.def"
#undef MESSAGE
    };
};

// "INV"; never NULL.
const char *message_name(enum message_kind kind);

// Whether a message of this kind must not wait behind data: leases and the agreement on the map.
// None of these needs the order of links.
bool message_is_urgent(enum message_kind kind);

// Whether a message of this kind is of optimistic keyspaces (core/epidemic): its epoch, sequence
// and incarnations say nothing.
bool message_is_optimistic(enum message_kind kind);

void message_encode(struct buf *out, const struct message *message);
WARN_UNUSED enum err message_decode(struct slice bytes, struct message *out);

#endif
