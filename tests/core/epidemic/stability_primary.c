#include "stability_primary.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

void primary_init(struct primary *primary, node_id node, const struct stability_record *newest)
{
    *primary = (struct primary){.space = {.id = SAMPLE_SPACE}, .secret = sample_secret()};
    primary->secret.bytes[0] = node;
    primary->key = signing_key_of(&primary->secret);
    primary->moment = (struct stability_moment){
        .epoch = 4, .now_us = 77, .lease_held = true, .secret = &primary->secret};
    stability_maker_init(&primary->maker, node, PRIMARY_RETENTION_MS, newest);
}

void primary_release(struct primary *primary)
{
    stability_maker_release(&primary->maker);
    knowledge_release(&primary->space.stable);
    knowledge_release(&primary->space.horizon);
    knowledge_release(&primary->durable);
}

bool primary_speaks(struct primary *primary)
{
    enum err error = stability_make(&primary->maker, &primary->space, &primary->durable,
                                    &primary->moment, &primary->record);
    stability_maker_invariants(&primary->maker);
    assert_true(error == ERR_OK || error == ERR_RETRY);
    assert_true((error == ERR_OK) == (primary->record != NULL));
    if (error != ERR_OK)
        return false;
    assert_true(stability_signature_is_good(primary->record, &primary->key));
    assert_true(primary->record->space == SAMPLE_SPACE);
    return true;
}
