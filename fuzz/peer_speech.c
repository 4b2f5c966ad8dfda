#include "peer_speech.h"

#include "base/check.h"
#include "core/map/next_map.h"

enum { PIECES_MAX = 24 };

const char *const peer_speech_keys[PEER_SPEECH_KEYS] = {"a", "b", "c", "d", "e", "f", "g", "{a}h"};

void peer_speech_init(struct peer_speech *speech)
{
    memset(speech, 0, sizeof *speech);
    buf_init(&speech->field, SPEECH_BYTES_MAX);
    // Memory from the start: an empty field has a place in it, too.
    (void)buf_extend(&speech->field, 1);
    for (unsigned i = 0; i < SPEECH_RUNS; i++)
        buf_init(&speech->runs[i], SPEECH_BYTES_MAX);
}

void peer_speech_release(struct peer_speech *speech)
{
    buf_release(&speech->field);
    for (unsigned i = 0; i < SPEECH_RUNS; i++)
        buf_release(&speech->runs[i]);
}

// --- what the node has said

static void keep_number(struct peer_speech *speech, uint64_t number)
{
    speech->numbers[speech->number_count++ % SPEECH_NUMBERS] = number;
}

static void keep_run(struct peer_speech *speech, struct slice bytes)
{
    struct buf *run = &speech->runs[speech->run_count % SPEECH_RUNS];
    if (bytes.length == 0 || bytes.length > SPEECH_BYTES_MAX)
        return;
    buf_clear(run);
    buf_append_slice(run, bytes);
    speech->run_count++;
}

#define F_NONE (void)speech, (void)from;
#define F_U64(field) keep_number(speech, from->field);
#define F_FLAG(field) (void)from->field;
#define F_STAMP(field) keep_number(speech, from->field.counter);
#define F_SLICE(field) keep_run(speech, from->field);
#define F_REST(field) keep_run(speech, from->field);
#define MESSAGE(name, NAME, fields)                                                                \
    static void hear_##name(struct peer_speech *speech, const struct message_##name *from)         \
    {                                                                                              \
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

void peer_speech_hear(struct peer_speech *speech, const struct message *message)
{
    switch (message->kind) {
#define MESSAGE(name, NAME, fields)                                                                \
    case MESSAGE_##NAME:                                                                           \
        hear_##name(speech, &message->name);                                                       \
        break;
#include "wire/messages.def"
#undef MESSAGE
    case MESSAGE_KIND_COUNT:
        break;
    }
}

// --- what may stand in a field

static uint64_t any_number(struct peer_speech *speech, struct cursor *input)
{
    unsigned how = input_below(input, 8);
    const struct cluster_map *map = speech->map;
    if (how == 0)
        return cursor_u64_be(input);
    if (how == 1 && map != NULL)
        return map->epoch + input_below(input, 3) - 1;
    if (how == 2 && map != NULL)
        return map->nodes[input_below(input, map->node_count)].store_id;
    if (how == 3 && map != NULL)
        return map->nodes[input_below(input, map->node_count)].incarnation;
    if (how >= 4 && how <= 6 && speech->number_count > 0)
        return speech->numbers[input_below(input, SPEECH_NUMBERS)] + (how == 6);
    return cursor_u8(input);
}

static struct stamp any_stamp(struct peer_speech *speech, struct cursor *input)
{
    uint64_t epoch = speech->map != NULL ? speech->map->epoch : 1;
    if (input_below(input, 4) == 0)
        return (struct stamp){any_number(speech, input), any_number(speech, input)};
    return stamp_make((epoch + 2 - input_below(input, 4)) & STAMP_EPOCH_MAX, input_below(input, 8),
                      1 + input_below(input, 4));
}

struct slice peer_speech_key(struct cursor *input)
{
    unsigned which = cursor_u8(input);
    if (which >= 250)
        return input_run(input, KEY_BYTES_MAX);
    return slice_of_text(peer_speech_keys[which % PEER_SPEECH_KEYS]);
}

static void add_record(struct peer_speech *speech, struct cursor *input, struct buf *out)
{
    struct record record = {.stamp = any_stamp(speech, input), .dead = input_below(input, 4) == 0};
    if (!record.dead)
        record.value = input_run(input, 16);
    record.operation.low = input_below(input, 3);
    record_encode(out, &record);
}

static void add_map(struct peer_speech *speech, struct cursor *input, struct buf *out)
{
    static struct wants wants;
    static struct cluster_map next;
    if (speech->map == NULL)
        return;
    wants_clear(&wants);
    wants.bump = true;
    static const enum change_kind kinds[] = {CHANGE_FAIL, CHANGE_RECOVER, CHANGE_REMOVE};
    unsigned how = input_below(input, 5);
    node_id node = (node_id)(1 + input_below(input, 4));
    struct change change = {.kind = kinds[how % 3], .node = node};
    struct want_admit admit = {.store_id = 100u + node,
                               .incarnation = 5 + input_below(input, 3),
                               .fresh = node > 3,
                               .peer_address = "127.0.0.1:5109",
                               .http_address = "127.0.0.1:5009"};
    if (how < 3)
        wants_add_change(&wants, &change);
    else if (how == 3)
        wants_add_admit(&wants, &admit);
    cluster_map_init(&next);
    if (next_map_compute(speech->map, &wants, &next))
        cluster_map_encode(out, &next);
    cluster_map_release(&next);
}

static void add_slots(struct cursor *input, struct buf *out)
{
    struct slot_set slots;
    slot_set_clear(&slots);
    for (unsigned count = input_below(input, 4); count > 0; count--)
        slot_set_add(&slots, slot_of_key(peer_speech_key(input)));
    if (input_below(input, 8) == 0)
        slots.words[input_below(input, SLOTS / 64)] = ~UINT64_C(0);
    slot_set_encode(out, &slots);
}

static void add_request(struct peer_speech *speech, struct cursor *input, struct buf *out)
{
    struct request request;
    peer_speech_request(speech, input, &request);
    if (request_check(&request) == ERR_OK)
        request_encode(out, &request);
}

static void add_reply(struct peer_speech *speech, struct cursor *input, struct buf *out)
{
    struct reply reply = {.error = (enum err)input_below(input, ERR_COUNT),
                          .existed = input_below(input, 2) == 1,
                          .stamp = any_stamp(speech, input),
                          .value = input_run(input, 16)};
    reply.cursor.slot = input_below(input, 2) == 0 ? SLOTS : slot_of_key(reply.value);
    reply.entries = input_run(input, 32);
    reply_encode(out, &reply);
}

// One piece of a field: encodings that stand in messages, alone or one behind the other.
static void add_piece(struct peer_speech *speech, struct cursor *input, struct buf *out)
{
    struct buf record;
    switch (input_below(input, 12)) {
    case 0:
        buf_append_slice(out, input_run(input, 255));
        break;
    case 1:
        buf_append_slice(out, peer_speech_key(input));
        break;
    case 2:
        buf_append_counted(out, peer_speech_key(input));
        break;
    case 3:
        add_record(speech, input, out);
        break;
    case 4:
        buf_init(&record, SPEECH_BYTES_MAX);
        add_record(speech, input, &record);
        buf_append_counted(out, buf_slice(&record));
        buf_release(&record);
        break;
    case 5:
        buf_append_varint(out, any_number(speech, input));
        break;
    case 6:
        add_slots(input, out);
        break;
    case 7:
        add_map(speech, input, out);
        break;
    case 8:
        add_request(speech, input, out);
        break;
    case 9:
        add_reply(speech, input, out);
        break;
    default:
        buf_append_slice(out, buf_slice(&speech->runs[input_below(input, SPEECH_RUNS)]));
        break;
    }
}

// Offsets, not slices: the buffer moves while it grows.
static struct slice any_bytes(struct peer_speech *speech, struct cursor *input)
{
    struct buf *field = &speech->field;
    size_t start = field->length;
    unsigned pieces = input_below(input, PIECES_MAX);
    do
        add_piece(speech, input, field);
    while (pieces-- > PIECES_MAX - 8);
    return slice_of(NULL, field->length - start);
}

// --- messages

#define F_NONE (void)speech, (void)input, (void)to;
#define F_U64(field) to->field = any_number(speech, input);
#define F_FLAG(field) to->field = input_below(input, 2) == 1;
#define F_STAMP(field) to->field = any_stamp(speech, input);
#define F_SLICE(field) to->field = any_bytes(speech, input);
#define F_REST(field) to->field = any_bytes(speech, input);
#define MESSAGE(name, NAME, fields)                                                                \
    static void say_##name(struct peer_speech *speech, struct cursor *input,                       \
                           struct message_##name *to)                                              \
    {                                                                                              \
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

// Gives the fields, in order, the bytes that were built for them.
#define F_NONE (void)to, (void)at;
#define F_U64(field)
#define F_FLAG(field)
#define F_STAMP(field)
#define F_SLICE(field)                                                                             \
    to->field.bytes = *at;                                                                         \
    *at += to->field.length;
#define F_REST(field) F_SLICE(field)
#define MESSAGE(name, NAME, fields)                                                                \
    static void place_##name(struct message_##name *to, const uint8_t **at)                        \
    {                                                                                              \
        (void)to, (void)at;                                                                        \
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

void peer_speech_message(struct peer_speech *speech, struct cursor *input, struct message *out)
{
    buf_clear(&speech->field);
    out->kind = (enum message_kind)input_below(input, MESSAGE_KIND_COUNT);
    switch (out->kind) {
#define MESSAGE(name, NAME, fields)                                                                \
    case MESSAGE_##NAME: {                                                                         \
        say_##name(speech, input, &out->name);                                                     \
        const uint8_t *at = speech->field.bytes;                                                   \
        place_##name(&out->name, &at);                                                             \
        break;                                                                                     \
    }
#include "wire/messages.def"
#undef MESSAGE
    case MESSAGE_KIND_COUNT:
        break;
    }
    CHECK(!speech->field.overflown);
}

// --- requests

void peer_speech_request(struct peer_speech *speech, struct cursor *input, struct request *out)
{
    *out = (struct request){.kind = (enum request_kind)input_below(input, REQUEST_KIND_COUNT),
                            .keyspace = input_below(input, 3),
                            .consistency = (enum consistency)input_below(input, CONSISTENCY_COUNT),
                            .limit = 1};
    switch (out->kind) {
    case REQUEST_PUT:
        out->value = input_run(input, 32);
        out->operation.low = input_below(input, 3);
        // Falls through: a delete has all else that a put has.
        __attribute__((fallthrough));
    case REQUEST_DELETE:
        out->condition = (enum condition)input_below(input, CONDITION_COUNT);
        if (out->condition == CONDITION_STAMP)
            out->expected = any_stamp(speech, input);
        __attribute__((fallthrough));
    case REQUEST_READ:
        out->key = peer_speech_key(input);
        break;
    case REQUEST_LIST:
        out->limit = input_below(input, 4);
        out->cursor.slot = (uint16_t)(input_below(input, 9) * (SLOTS / 8));
        break;
    default:
        out->change =
            (struct change){.kind = (enum change_kind)input_below(input, CHANGE_KIND_COUNT),
                            .node = (node_id)input_below(input, 5),
                            .keyspace = input_below(input, 3),
                            .name = "users",
                            .strategy = (enum strategy)input_below(input, STRATEGY_COUNT),
                            .replication_factor = (uint8_t)input_below(input, 4),
                            .min_in_sync = (uint8_t)input_below(input, 4)};
        break;
    }
}
