// Any JSON that a server may answer is a list of nodes within its bounds, or an error with a
// sentence that leaves a list that can be released.
#include "base/check.h"
#include "cli/node_list.h"

static void check_list(const struct node_list *list)
{
    CHECK(list->count <= NODE_LIST_MAX);
    for (size_t i = 0; i < list->count; i++) {
        const struct node_entry *entry = &list->entries[i];
        CHECK(strnlen(entry->state, sizeof entry->state) < sizeof entry->state);
        CHECK(strnlen(entry->address, sizeof entry->address) < sizeof entry->address);
        CHECK(node_list_find(list, entry->id) != NULL);
    }
    CHECK(!node_list_settled(list) || node_list_all_up(list));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct node_list list;
    struct errmsg detail = {""};
    json_t *answer =
        json_loadb((const char *)bytes, length, JSON_ALLOW_NUL | JSON_DECODE_ANY, NULL);
    if (answer == NULL)
        return 0;
    node_list_init(&list);
    // Twice: the second replaces what the first gave.
    for (unsigned i = 0; i < 2; i++) {
        if (node_list_decode(&list, answer, &detail) == ERR_OK)
            check_list(&list);
        else
            CHECK(detail.text[0] != '\0');
    }
    node_list_release(&list);
    json_decref(answer);
    return 0;
}
