// A write-ahead log of records and of anything else between them: exactly the records that were
// written are found, in order, and replay of two such logs visits each number once. A batch's
// operations of any bytes load as what is written again as the same bytes, or not at all.
#include "adapter/log_replay.h"
#include "adapter/store_batch.h"
#include "base/check.h"
#include "base/hash.h"
#include "input.h"

enum { LOG_BYTES_MAX = 1 << 20, RECORDS_MAX = 64 };

// Of the input: a fuzzer that sees what a checksum is compared with could forge a record otherwise,
// as nobody can who does not know the seed.
static uint64_t seed;

static void write_record(struct buf *log, uint64_t sequence, struct slice ops)
{
    struct log_head head = log_head_of(seed, sequence, ops);
    buf_append(log, &head, sizeof head);
    buf_append_slice(log, ops);
}

struct visits {
    uint64_t next;
};

static enum err visit(void *context, const struct log_record *record)
{
    struct visits *visits = context;
    struct store_batch batch;
    CHECK(record->sequence == visits->next);
    visits->next++;
    store_batch_init(&batch);
    if (store_batch_load(&batch, record->ops) == ERR_OK)
        CHECK(slice_equal(buf_slice(&batch.ops), record->ops));
    else
        CHECK(batch.ops.length == 0);
    store_batch_release(&batch);
    return ERR_OK;
}

static void find_all(const struct buf *log, uint64_t first, uint64_t count)
{
    struct log_record record;
    size_t position = 0;
    uint64_t found = 0;
    while (log_record_find(buf_slice(log), seed, 1, &position, &record)) {
        CHECK(record.sequence == first + found);
        found++;
    }
    CHECK(found == count && position <= log->length);
}

// One of the two logs: numbers go on where the other one ended.
static uint64_t write_log(struct cursor *input, struct buf *log, uint64_t first)
{
    uint64_t count = 0;
    buf_init(log, LOG_BYTES_MAX);
    while (count < RECORDS_MAX && input_more(input)) {
        unsigned what = input_below(input, 4);
        if (what == 0)
            break;
        if (what == 1)
            buf_append_slice(log, input_run(input, 255));
        else
            write_record(log, first + count++, input_run(input, 255));
    }
    find_all(log, first, count);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct cursor input = cursor_of(slice_of(bytes, length));
    seed = hash64(slice_of(bytes, length), 1);
    struct buf logs[LOG_FILES];
    struct visits visits = {.next = 1};
    bool gap = false;
    uint64_t first_count = write_log(&input, &logs[0], 1);
    uint64_t second_count = write_log(&input, &logs[1], 1 + first_count);
    bool swapped = input_below(&input, 2) == 1;
    const struct slice files[LOG_FILES] = {buf_slice(&logs[swapped]), buf_slice(&logs[!swapped])};
    CHECK(log_replay(files, seed, 1, visit, &visits, &gap) == ERR_OK && !gap);
    CHECK(visits.next == 1 + first_count + second_count);
    for (unsigned i = 0; i < LOG_FILES; i++)
        buf_release(&logs[i]);
    return 0;
}
