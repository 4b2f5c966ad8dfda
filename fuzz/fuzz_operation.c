// Any bytes decode to operations, one after the other, or fail the cursor: each of them keeps the
// invariants, has one encoding in its form, and can be hashed and verified. A put keeps its id when
// it goes on without its value. Their contexts are joined as sets.
#include "base/check.h"
#include "core/epidemic/operation.h"

// Signatures cost more than all else: only the first few of an input are tried.
enum { SPACE = 7, VERIFIED_MAX = 2 };

static void check_encoding(const struct operation *operation, enum operation_form form,
                           struct slice expected)
{
    struct buf again;
    buf_init(&again, OPERATION_BYTES_MAX);
    operation_encode(&again, operation, form);
    CHECK(slice_equal(buf_slice(&again), expected));
    buf_release(&again);
}

static bool same_id(const struct operation *a, const struct operation *b)
{
    struct sha256 a_id = operation_id_of(a);
    struct sha256 b_id = operation_id_of(b);
    return sha256_compare(&a_id, &b_id) == 0;
}

static void check_without_value(const struct operation *put)
{
    struct buf bytes;
    struct operation bare;
    enum operation_form form;
    buf_init(&bytes, OPERATION_HEADER_BYTES_MAX);
    operation_encode(&bytes, put, OPERATION_BARE);
    struct cursor in = cursor_of(buf_slice(&bytes));
    operation_decode(&in, SPACE, &bare, &form);
    CHECK(cursor_finish(&in) == ERR_OK && form == OPERATION_BARE);
    CHECK(bare.value.length == 0 && same_id(put, &bare));
    buf_release(&bytes);
}

static void check_identity(const struct operation *operation, unsigned *verified)
{
    struct operation other = *operation;
    other.space++;
    CHECK(!same_id(operation, &other));
    CHECK(!operation_value_is_good(operation) || !operation->dead);
    if (!operation->is_signed)
        CHECK(!operation_signature_is_good(operation));
    else if ((*verified)++ < VERIFIED_MAX && operation_signature_is_good(operation))
        CHECK(!operation_signature_is_good(&other));
}

// Makes `all` the join of itself and `more`, as far as there is room.
static void check_join(struct context *all, const struct context *more)
{
    const struct context before = *all;
    bool fits = true;
    for (uint32_t i = 0; i < more->count; i++)
        fits = context_raise(all, more->entries[i]) == ERR_OK && fits;
    context_invariants(all);
    CHECK(context_contains(all, &before));
    CHECK(context_contains(all, more) == fits);
    CHECK(fits || all->count == CONTEXT_ENTRIES_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    unsigned verified = 0;
    struct context contexts = {0};
    struct cursor in = cursor_of(slice_of(bytes, length));
    while (cursor_left(&in) > 0) {
        struct operation operation;
        enum operation_form form;
        const uint8_t *start = in.next;
        operation_decode(&in, SPACE, &operation, &form);
        if (in.failed) {
            CHECK(form == OPERATION_FORM_COUNT && operation.key.length == 0);
            break;
        }
        context_invariants(&operation.context);
        CHECK(operation_check(&operation) == ERR_OK);
        check_encoding(&operation, form, slice_of(start, (size_t)(in.next - start)));
        if (!operation.dead)
            check_without_value(&operation);
        check_identity(&operation, &verified);
        check_join(&contexts, &operation.context);
    }
    return 0;
}
