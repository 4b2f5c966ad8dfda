#include "core/strong/pending.h"

#include "base/check.h"

#include <stdlib.h>

void pendings_init(struct pendings *pendings)
{
    list_init(&pendings->by_age);
    pendings->count = 0;
    pendings->bytes = 0;
}

static struct pending *add(struct pendings *pendings, uint64_t handle, size_t bytes,
                           uint64_t now_us)
{
    struct pending *pending = memory_zeroed(1, sizeof *pending + bytes);
    pending->handle = handle;
    pending->since_us = now_us;
    list_init(&pending->link);
    list_init(&pending->age_link);
    list_append(&pendings->by_age, &pending->age_link);
    pending->byte_count = bytes;
    pendings->count++;
    pendings->bytes += bytes;
    return pending;
}

struct pending *pendings_add(struct pendings *pendings, uint64_t handle,
                             const struct request *request, uint64_t now_us)
{
    size_t bytes = request->key.length + request->value.length + request->prefix.length +
                   request->cursor.key.length;
    struct pending *pending = add(pendings, handle, bytes, now_us);
    uint8_t *at = pending->bytes;
    pending->request = *request;
    pending->request.key = slice_copy_to(&at, request->key);
    pending->request.value = slice_copy_to(&at, request->value);
    pending->request.prefix = slice_copy_to(&at, request->prefix);
    pending->request.cursor.key = slice_copy_to(&at, request->cursor.key);
    return pending;
}

void pending_decide(struct pending *pending, const struct reply *reply, bool wrote)
{
    CHECK(reply->value.length == 0 && reply->entries.length == 0 && reply->cursor.key.length == 0);
    pending->decided = true;
    pending->wrote = wrote;
    pending->reply = *reply;
}

struct pending *pendings_add_decided(struct pendings *pendings, uint64_t handle,
                                     const struct reply *reply, bool wrote, uint64_t now_us)
{
    struct pending *pending = add(pendings, handle, 0, now_us);
    pending_decide(pending, reply, wrote);
    return pending;
}

void pendings_detach(struct pendings *pendings, struct pending *pending)
{
    CHECK(pendings->count > 0);
    pendings->count--;
    pendings->bytes -= pending->byte_count;
    list_remove(&pending->link);
    list_remove(&pending->age_link);
}

void pendings_remove(struct pendings *pendings, struct pending *pending)
{
    pendings_detach(pendings, pending);
    free(pending);
}

struct pending *pendings_oldest(const struct pendings *pendings)
{
    return list_empty(&pendings->by_age)
               ? NULL
               : LIST_ITEM(pendings->by_age.next, struct pending, age_link);
}
