// Knowledge in bytes, and its hash.
//
//   knowledge = count of origins, then for each: origin, intervals
//   intervals = count, then for each: first, last
//
// All are varints. Each number is written as its difference from the least one that could stand in
// its place (an origin follows the one before, an interval leaves a gap of at least one number), so
// that no bytes break the order, and each set has one encoding.
#include "base/check.h"
#include "core/epidemic/knowledge.h"

enum { WORDS_MAX = 256 };

void intervals_encode(struct buf *out, const struct intervals *intervals)
{
    uint64_t least = 1;
    buf_append_varint(out, intervals->count);
    for (uint32_t i = 0; i < intervals->count; i++) {
        struct interval interval = intervals->list[i];
        buf_append_varint(out, interval.first - least);
        buf_append_varint(out, interval.last - interval.first);
        least = interval.last + 2;
    }
}

void knowledge_encode(struct buf *out, const struct knowledge *knowledge)
{
    uint64_t least = 1;
    buf_append_varint(out, knowledge->count);
    for (uint32_t i = 0; i < knowledge->count; i++) {
        buf_append_varint(out, knowledge->origins[i].origin - least);
        intervals_encode(out, &knowledge->origins[i]);
        least = knowledge->origins[i].origin + 1;
    }
}

// A number of at least `least` and at most `most`, written as its difference from `least`.
static uint64_t read_from(struct cursor *in, uint64_t least, uint64_t most)
{
    if (least > most)
        in->failed = true;
    return in->failed ? 0 : least + cursor_varint_max(in, most - least);
}

// Adds the intervals as they are read, so that memory grows with what was read and not with what a
// count claims. When the cursor fails, some were added.
static void read_intervals(struct cursor *in, uint64_t origin, struct knowledge *out)
{
    uint64_t least = 1;
    uint64_t count = cursor_varint_max(in, KNOWLEDGE_INTERVALS_MAX);
    if (count == 0)
        in->failed = true;
    for (uint64_t i = 0; i < count && !in->failed; i++) {
        struct interval interval;
        interval.first = read_from(in, least, KNOWLEDGE_SEQUENCE_MAX);
        interval.last = read_from(in, interval.first, KNOWLEDGE_SEQUENCE_MAX);
        if (in->failed || knowledge_add_interval(out, origin, interval) != ERR_OK)
            in->failed = true;
        least = interval.last + 2;
    }
}

void knowledge_decode(struct cursor *in, struct knowledge *out)
{
    uint64_t origin = 0;
    CHECK(knowledge_is_empty(out));
    uint64_t count = cursor_varint_max(in, KNOWLEDGE_ORIGINS_MAX);
    for (uint64_t i = 0; i < count && !in->failed; i++) {
        if (origin == UINT64_MAX)
            in->failed = true;
        origin = read_from(in, origin + 1, UINT64_MAX);
        read_intervals(in, origin, out);
    }
    if (in->failed)
        knowledge_clear(out);
}

void intervals_decode(struct cursor *in, uint64_t origin, struct knowledge *out)
{
    struct knowledge read;
    knowledge_init(&read);
    read_intervals(in, origin, &read);
    if (!in->failed && knowledge_merge(out, &read) != ERR_OK)
        in->failed = true;
    knowledge_release(&read);
}

// The hash of a sequence of words of any length in constant memory: block by block, each beginning
// with the hash of all that came before.
struct word_hash {
    uint64_t salt;
    uint32_t count;
    uint8_t bytes[WORDS_MAX * sizeof(uint64_t)];
};

static void put_word(struct word_hash *hash, uint64_t word)
{
    uint8_t *place = hash->bytes + hash->count++ * sizeof word;
    for (unsigned i = 0; i < sizeof word; i++)
        place[i] = (uint8_t)(word >> (8 * i));
}

static struct hash128 hash_so_far(const struct word_hash *hash)
{
    return hash128(slice_of(hash->bytes, hash->count * sizeof(uint64_t)), hash->salt);
}

static void add_word(struct word_hash *hash, uint64_t word)
{
    if (hash->count == WORDS_MAX) {
        struct hash128 before = hash_so_far(hash);
        hash->count = 0;
        put_word(hash, before.high);
        put_word(hash, before.low);
    }
    put_word(hash, word);
}

struct hash128 knowledge_hash(const struct knowledge *knowledge, uint64_t salt)
{
    struct word_hash hash = {.salt = salt};
    add_word(&hash, knowledge->count);
    for (uint32_t i = 0; i < knowledge->count; i++) {
        const struct intervals *intervals = &knowledge->origins[i];
        add_word(&hash, intervals->origin);
        add_word(&hash, intervals->count);
        for (uint32_t j = 0; j < intervals->count; j++) {
            add_word(&hash, intervals->list[j].first);
            add_word(&hash, intervals->list[j].last);
        }
    }
    return hash_so_far(&hash);
}
