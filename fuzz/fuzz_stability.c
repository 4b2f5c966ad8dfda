// Any bytes decode to a stability record or to an error; a record has one encoding, its horizon is
// within what is stable, and nobody takes it without the right signature.
#include "base/check.h"
#include "core/epidemic/stability.h"

static const struct signing_key *key_of(const void *context, node_id node)
{
    return node_bit(node) != 0 ? context : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    const struct signing_key key = {{1, 2, 3}};
    struct stability_record record = {0};
    struct buf again;
    if (stability_decode(slice_of(bytes, length), &record) != ERR_OK) {
        CHECK(knowledge_is_empty(&record.stable) && knowledge_is_empty(&record.horizon));
        return 0;
    }
    CHECK(knowledge_contains(&record.stable, &record.horizon));
    buf_init(&again, STABILITY_BYTES_MAX);
    stability_encode(&again, &record);
    CHECK(slice_equal(buf_slice(&again), slice_of(bytes, length)));
    const struct stability_authority authority = {.space = record.space,
                                                  .epoch = 1000,
                                                  .primary = record.node,
                                                  .since = 1,
                                                  .key_of = key_of,
                                                  .context = &key};
    enum stability_verdict verdict = stability_judge(&record, &authority);
    CHECK(verdict == STABILITY_FORGED || verdict == STABILITY_LATER);
    buf_release(&again);
    stability_release(&record);
    return 0;
}
