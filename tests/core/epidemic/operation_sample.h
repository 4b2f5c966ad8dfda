// Operations to test with: one of each kind, with something in every field.
#ifndef BRUSIO_TESTS_CORE_EPIDEMIC_OPERATION_SAMPLE_H
#define BRUSIO_TESTS_CORE_EPIDEMIC_OPERATION_SAMPLE_H

#include "core/epidemic/operation.h"

#define SAMPLE_SPACE UINT64_C(0x0102030405060708)
#define SAMPLE_ORIGIN UINT64_C(0x1112131415161718)
#define SAMPLE_SEQUENCE 300u

enum sample {
    SAMPLE_PUT, // of "value" at "key", not signed
    SAMPLE_DELETE,
    SAMPLE_SIGNED_PUT,
    SAMPLE_SIGNED_DELETE,
    SAMPLE_EMPTY_PUT, // a value of no bytes
    SAMPLE_COUNT
};

// Borrows nothing but constants.
struct operation sample_of(enum sample sample);

// The form in which the sample travels with all that it has.
enum operation_form sample_form(enum sample sample);

// Who signs: TEST 1 of RFC 8032, section 7.1.
struct signing_secret sample_secret(void);

// Whether operation_decode takes an operation from the beginning of the bytes. What it takes must
// pass operation_check, what it refuses must leave nothing behind (asserted).
bool sample_is_taken(struct slice bytes);

#endif
