// What peers say to a node under test: messages of every kind, whose fields are drawn by the bytes
// of a script.
//
// Promise: total and deterministic. A field may be anything, but is often what matters: numbers and
// bytes that the node itself has sent, ids of the map, keys, encoded records, requests and maps.
//
// Invariants
//  1. Everything kept is bounded: the last SPEECH_NUMBERS numbers and SPEECH_RUNS runs of bytes.
//
// It does not say when a message comes, nor from whom.
#ifndef BRUSIO_FUZZ_PEER_SPEECH_H
#define BRUSIO_FUZZ_PEER_SPEECH_H

#include "input.h"
#include "model/cluster_map.h"
#include "model/request.h"
#include "wire/message.h"

enum { SPEECH_NUMBERS = 32, SPEECH_RUNS = 16, SPEECH_BYTES_MAX = 1 << 20 };

struct peer_speech {
    const struct cluster_map *map; // the node's newest, borrowed; NULL before there is one
    uint64_t numbers[SPEECH_NUMBERS];
    unsigned number_count; // ever kept
    struct buf runs[SPEECH_RUNS];
    unsigned run_count;
    struct buf field; // the field that is being built, then what is built of one message
};

void peer_speech_init(struct peer_speech *speech);
void peer_speech_release(struct peer_speech *speech);

// Keeps the fields of a message that the node has sent.
void peer_speech_hear(struct peer_speech *speech, const struct message *message);

// Fills kind and fields in; the head is the caller's. Slices are borrowed until the next call.
void peer_speech_message(struct peer_speech *speech, struct cursor *input, struct message *out);

// The keys that scripts speak of; two of them are in one slot.
enum { PEER_SPEECH_KEYS = 8 };
extern const char *const peer_speech_keys[PEER_SPEECH_KEYS];

// One of these; or, seldom, any bytes.
struct slice peer_speech_key(struct cursor *input);

// A request of any kind, which need not be valid. Slices are borrowed from static text or from the
// script.
void peer_speech_request(struct peer_speech *speech, struct cursor *input, struct request *out);

#endif
