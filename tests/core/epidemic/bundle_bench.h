// Bundles between the replicas of a bench.
#ifndef BRUSIO_TESTS_CORE_EPIDEMIC_BUNDLE_BENCH_H
#define BRUSIO_TESTS_CORE_EPIDEMIC_BUNDLE_BENCH_H

#include "core/epidemic/bundle_export.h"
#include "core/epidemic/bundle_import.h"
#include "space_bench.h"

#define BUNDLE_BENCH_BYTES_MAX (1u << 27)
#define BUNDLE_BENCH_RECORD "the newest record"

// Begins an export of all that `since` has not (NULL: of everything) into `out`, which is made.
void bundle_bench_begin(struct space_bench *bench, unsigned from, const struct knowledge *since,
                        struct bundle_export *export, struct buf *out);

// A whole one, in portions of `budget` bytes. For buf_release.
struct buf bundle_bench_export(struct space_bench *bench, unsigned from,
                               const struct knowledge *since, size_t budget);

// A bundle of one operation that claims `known`, whatever it is good for. For buf_release.
struct buf bundle_bench_forge(const struct operation *operation, enum operation_form form,
                              const struct knowledge *known);

// Imports the bytes as a file, in portions, and ends the step. The verdict only with ERR_OK.
enum err bundle_bench_import(struct space_bench *bench, unsigned to, struct slice bytes,
                             size_t portion, enum bundle_verdict *out);

// Imports a bundle that must be whole, and releases it.
enum bundle_verdict bundle_bench_take(struct space_bench *bench, unsigned to, struct buf bytes);

#endif
