#include "host/watched_store.h"

static enum err note(struct watched_store *watched, enum err error)
{
    if (watched->error == ERR_OK && error != ERR_NOT_FOUND)
        watched->error = error;
    return error;
}

static void put(void *self, enum store_table table, struct slice key, struct slice value)
{
    struct watched_store *watched = self;
    watched->inner.ops->put(watched->inner.self, table, key, value);
}

static void drop(void *self, enum store_table table, struct slice key)
{
    struct watched_store *watched = self;
    watched->inner.ops->remove(watched->inner.self, table, key);
}

static uint64_t commit(void *self)
{
    struct watched_store *watched = self;
    return watched->inner.ops->commit(watched->inner.self);
}

static enum err get(void *self, enum store_table table, struct slice key, struct slice *out)
{
    struct watched_store *watched = self;
    return note(watched, watched->inner.ops->get(watched->inner.self, table, key, out));
}

static enum err scan(void *self, enum store_table table, struct slice first, struct slice end,
                     store_visit *visit, void *context)
{
    struct watched_store *watched = self;
    return note(watched,
                watched->inner.ops->scan(watched->inner.self, table, first, end, visit, context));
}

static enum store_room room(void *self)
{
    struct watched_store *watched = self;
    return watched->inner.ops->room(watched->inner.self);
}

struct store watched_store_port(struct watched_store *watched)
{
    static const struct store_ops ops = {
        .put = put, .remove = drop, .commit = commit, .get = get, .scan = scan, .room = room};
    return (struct store){.ops = &ops, .self = watched};
}
