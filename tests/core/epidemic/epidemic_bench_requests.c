// What is asked of the peers of an epidemic_bench, and what is seen there.
#include "epidemic_bench.h"

#include "base/check.h"

#include <stdlib.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

enum { READ_BYTES = 4096 };

static bool speaks_of_writes(enum request_kind kind)
{
    return kind == REQUEST_PUT || kind == REQUEST_DELETE || kind == REQUEST_IMPORT ||
           kind == REQUEST_EXPORT || kind == REQUEST_KEEP;
}

size_t epidemic_bench_ask(struct epidemic_bench *bench, unsigned number,
                          const struct request *request)
{
    struct epidemic_bench_peer *peer = &bench->peers[number];
    assert_true(peer->is_up);
    if (bench->reply_count == bench->reply_capacity) {
        bench->reply_capacity = bench->reply_capacity > 0 ? 2 * bench->reply_capacity : 16;
        bench->replies =
            memory_resize(bench->replies, bench->reply_capacity * sizeof *bench->replies);
    }
    struct epidemic_bench_reply *reply = &bench->replies[bench->reply_count];
    *reply = (struct epidemic_bench_reply){.peer = number, .error = ERR_COUNT};
    reply->batch = speaks_of_writes(request->kind) ? peer->disk.batch : 0;
    buf_init(&reply->key, KEY_BYTES_MAX);
    buf_init(&reply->value, EFFECTS_BYTES_MAX);
    buf_init(&reply->versions, EFFECTS_BYTES_MAX);
    buf_init(&reply->entries, EFFECTS_BYTES_MAX);
    size_t handle = bench->reply_count++;
    if (request->kind == REQUEST_KEEP || request->kind == REQUEST_KEPT)
        epidemic_request_own(&peer->epidemic, &peer->effects, bench->now_us, handle, request);
    else
        epidemic_request(&peer->epidemic, &peer->effects, bench->now_us, handle,
                         EPIDEMIC_BENCH_SPACE, request);
    epidemic_bench_carry(bench, number);
    return handle;
}

size_t epidemic_bench_put(struct epidemic_bench *bench, unsigned peer, const char *key,
                          const char *value)
{
    const struct request request = {
        .kind = REQUEST_PUT, .key = slice_of_text(key), .value = slice_of_text(value)};
    return epidemic_bench_ask(bench, peer, &request);
}

size_t epidemic_bench_put_bytes(struct epidemic_bench *bench, unsigned peer, const char *key,
                                size_t bytes)
{
    uint8_t *value = memory_new(bytes);
    memset(value, 'v', bytes);
    const struct request request = {
        .kind = REQUEST_PUT, .key = slice_of_text(key), .value = slice_of(value, bytes)};
    size_t handle = epidemic_bench_ask(bench, peer, &request);
    free(value);
    return handle;
}

size_t epidemic_bench_delete(struct epidemic_bench *bench, unsigned peer, const char *key)
{
    const struct request request = {.kind = REQUEST_DELETE, .key = slice_of_text(key)};
    return epidemic_bench_ask(bench, peer, &request);
}

size_t epidemic_bench_exchange(struct epidemic_bench *bench, unsigned peer, unsigned other)
{
    const struct request request = {.kind = REQUEST_EXCHANGE, .since = EPIDEMIC_BENCH_ID(other)};
    return epidemic_bench_ask(bench, peer, &request);
}

enum err epidemic_bench_error(const struct epidemic_bench *bench, size_t reply)
{
    return bench->replies[reply].error;
}

// --- reading

static const char *read_as(struct epidemic_bench *bench, unsigned peer, const char *key,
                           bool only_stable)
{
    static char text[READ_BYTES];
    const struct request request = {
        .kind = REQUEST_READ, .key = slice_of_text(key), .only_stable = only_stable};
    size_t handle = epidemic_bench_ask(bench, peer, &request);
    const struct epidemic_bench_reply *reply = &bench->replies[handle];
    struct version_entry entry;
    if (reply->error != ERR_OK)
        return reply->error == ERR_NOT_FOUND ? "-" : err_name(reply->error);
    struct buf out = {.bytes = (uint8_t *)text, .capacity = sizeof text, .max = sizeof text};
    buf_append_slice(&out, buf_slice(&reply->value));
    struct cursor in = cursor_of(buf_slice(&reply->versions));
    while (version_entry_next(&in, &entry)) {
        buf_append_u8(&out, '|');
        buf_append_slice(&out, entry.value);
    }
    buf_append_u8(&out, 0);
    assert_false(out.overflown || in.failed);
    return text;
}

const char *epidemic_bench_read(struct epidemic_bench *bench, unsigned peer, const char *key)
{
    return read_as(bench, peer, key, false);
}

const char *epidemic_bench_read_stable(struct epidemic_bench *bench, unsigned peer, const char *key)
{
    return read_as(bench, peer, key, true);
}

// --- looking

bool epidemic_bench_all_equal(struct epidemic_bench *bench)
{
    const struct space *first = NULL;
    for (unsigned i = 0; i < bench->count; i++) {
        if (!bench->peers[i].is_up)
            continue;
        const struct space *space = epidemic_bench_space(bench, i);
        if (first == NULL)
            first = space;
        if (!knowledge_equal(&first->known, &space->known) ||
            !space_digests_equal(&first->digests, &space->digests))
            return false;
    }
    return true;
}

uint64_t epidemic_bench_sent(const struct epidemic_bench *bench, enum message_kind kind)
{
    uint64_t sent = 0;
    for (unsigned i = 0; i < bench->count; i++)
        sent += bench->peers[i].sent[kind];
    return sent;
}
