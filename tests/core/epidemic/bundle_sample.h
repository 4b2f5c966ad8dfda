// Bundles of samples, and what reading some bytes as a bundle comes to.
#ifndef BRUSIO_TESTS_CORE_EPIDEMIC_BUNDLE_SAMPLE_H
#define BRUSIO_TESTS_CORE_EPIDEMIC_BUNDLE_SAMPLE_H

#include "core/epidemic/bundle.h"
#include "operation_sample.h"

#define BUNDLE_SAMPLE_BYTES_MAX 4096u

// Something in every field. To be ended by sample_bundle_release.
struct sample_bundle {
    struct bundle_header header;
    struct bundle_close close;
};

struct sample_bundle sample_bundle_of(void);
void sample_bundle_release(struct sample_bundle *sample);

// The bytes of a bundle of the first so many samples. For buf_release.
struct buf sample_bundle_bytes(unsigned samples);

// What a whole reading came to.
struct bundle_reading {
    enum err error;
    uint64_t position;
    unsigned operations;
    bool over;
};

struct bundle_reading bundle_read_in_portions(struct slice bytes, size_t portion);
// In one portion, which must hold it.
struct bundle_reading bundle_read_whole(struct slice bytes);

#endif
