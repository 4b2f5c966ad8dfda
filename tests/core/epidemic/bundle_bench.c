#include "bundle_bench.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

enum { EXPORTER = 42 };

static struct bundle_header header_since(const struct knowledge *since)
{
    struct bundle_header header = {
        .space = BENCH_SPACE, .keyspace = "notes", .exporter = EXPORTER, .created_ms = 7};
    if (since != NULL)
        knowledge_copy(&header.since, since);
    return header;
}

void bundle_bench_begin(struct space_bench *bench, unsigned from, const struct knowledge *since,
                        struct bundle_export *export, struct buf *out)
{
    struct bundle_header header = header_since(since);
    buf_init(out, BUNDLE_BENCH_BYTES_MAX);
    assert_int_equal(bundle_export_begin(export, bench_space(bench, from), &header, out), ERR_OK);
    knowledge_release(&header.since);
}

struct buf bundle_bench_export(struct space_bench *bench, unsigned from,
                               const struct knowledge *since, size_t budget)
{
    struct bundle_export export;
    struct buf out;
    bundle_bench_begin(bench, from, since, &export, &out);
    while (!export.over)
        assert_int_equal(
            bundle_export_next(&export, budget, slice_of_text(BUNDLE_BENCH_RECORD), &out), ERR_OK);
    bundle_export_release(&export);
    return out;
}

struct buf bundle_bench_forge(const struct operation *operation, enum operation_form form,
                              const struct knowledge *known)
{
    struct bundle_header header = header_since(NULL);
    struct bundle_close close = {.known = *known};
    struct bundle_writer writer;
    struct buf out;
    buf_init(&out, BUNDLE_BENCH_BYTES_MAX);
    assert_int_equal(bundle_write_header(&writer, &header, &out), ERR_OK);
    assert_int_equal(bundle_write_operation(&writer, operation, form, &out), ERR_OK);
    assert_int_equal(bundle_write_close(&writer, &close, &out), ERR_OK);
    return out;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

enum err bundle_bench_import(struct space_bench *bench, unsigned to, struct slice bytes,
                             size_t portion, enum bundle_verdict *out)
{
    struct effects *effects = bench_effects(bench, to);
    struct bundle_import import;
    enum err error = ERR_OK;
    bundle_import_init(&import, bench_space(bench, to));
    for (size_t at = 0; at < bytes.length && error == ERR_OK; at += portion)
        error = bundle_import_check(&import,
                                    slice_of(bytes.bytes + at, least(portion, bytes.length - at)));
    if (error == ERR_OK)
        error = bundle_import_checked(&import);
    for (size_t at = 0; at < bytes.length && error == ERR_OK; at += portion)
        error = bundle_import_apply(&import, effects,
                                    slice_of(bytes.bytes + at, least(portion, bytes.length - at)),
                                    NULL, NULL);
    if (error == ERR_OK)
        error = bundle_import_close(&import, effects, out);
    if (error == ERR_OK)
        assert_true(slice_equal(import.reader.close.stability, slice_of(NULL, 0)) ||
                    slice_equal(import.reader.close.stability, slice_of_text(BUNDLE_BENCH_RECORD)));
    bundle_import_release(&import);
    bench_step(bench, to);
    return error;
}

enum bundle_verdict bundle_bench_take(struct space_bench *bench, unsigned to, struct buf bytes)
{
    enum bundle_verdict verdict = BUNDLE_VERDICT_COUNT;
    assert_int_equal(
        bundle_bench_import(bench, to, buf_slice(&bytes), BUNDLE_PORTION_BYTES_MAX, &verdict),
        ERR_OK);
    buf_release(&bytes);
    return verdict;
}
