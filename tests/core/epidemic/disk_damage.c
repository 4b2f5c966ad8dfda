#include "disk_damage.h"

#include "core/epidemic/space_store.h"

static void remove_operations(struct space_disk *disk, uint64_t space, struct slice key)
{
    for (size_t i = disk->pair_count; i-- > 0;) {
        const struct disk_pair *pair = &disk->pairs[i];
        struct stored stored;
        if (pair->table == STORE_OPERATIONS &&
            stored_decode(disk_pair_value(pair), space, &stored) == ERR_OK &&
            slice_equal(stored.operation.key, key))
            space_disk_remove(disk, STORE_OPERATIONS, disk_pair_key(pair));
    }
}

void disk_damage_lose_key(struct space_disk *disk, uint64_t space, const char *key)
{
    struct slice text = slice_of_text(key);
    struct space_key name;
    remove_operations(disk, space, text);
    space_key_versions(&name, space, slot_of_key(text), text);
    space_disk_remove(disk, STORE_VERSIONS, space_key_slice(&name));
}
