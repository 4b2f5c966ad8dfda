#include "cli/demo_nodes.h"

#include "base/check.h"

#include <stdlib.h>

enum { IDENTIFY_TIMEOUT_MS = 5000 };

void demo_nodes_release(struct demo_nodes *nodes)
{
    for (size_t i = 0; nodes->clients != NULL && i < nodes->count; i++)
        client_release(&nodes->clients[i]);
    free(nodes->clients);
    *nodes = (struct demo_nodes){0};
}

struct client *demo_nodes_client(struct demo_nodes *nodes, uint64_t id)
{
    for (size_t i = 0; i < nodes->count; i++) {
        if (nodes->ids[i] == id)
            return &nodes->clients[i];
    }
    return NULL;
}

static enum err check_list(const struct node_list *list, struct errmsg *detail)
{
    if (list->count < 2 || list->count > OPTION_ENDPOINTS_MAX)
        return errmsg_set(detail, ERR_ILLEGAL,
                          "the demonstration needs 2 to %d nodes: this cluster has %zu",
                          OPTION_ENDPOINTS_MAX, list->count);
    for (size_t i = 0; i < list->count; i++) {
        const struct node_entry *entry = &list->entries[i];
        if (!node_entry_up(entry))
            return errmsg_set(detail, ERR_ILLEGAL,
                              "node %llu is %s: the demonstration begins with every node up "
                              "('brusio recover --all', "
                              "or start its process)",
                              (unsigned long long)entry->id, entry->state);
    }
    return ERR_OK;
}

// Which node answers at an endpoint: 0 when none does, or it does not tell.
static uint64_t identify(const struct client *like, const char *endpoint)
{
    struct client *client = memory_zeroed(1, sizeof *client);
    struct target *target = memory_zeroed(1, sizeof *target);
    struct node_list list;
    node_list_init(&list);
    uint64_t id = 0;
    memcpy(target->token, like->target.token, sizeof target->token);
    if (target_add(target, endpoint, NULL) == ERR_OK &&
        client_init(client, target, IDENTIFY_TIMEOUT_MS, NULL) == ERR_OK &&
        node_list_fetch(&list, client, NULL) == ERR_OK)
        id = list.answered_by;
    node_list_release(&list);
    client_release(client);
    free(target);
    free(client);
    return id;
}

static enum err add(struct demo_nodes *nodes, uint64_t id, const struct client *like,
                    const char *endpoint, struct errmsg *detail)
{
    struct target *target = memory_zeroed(1, sizeof *target);
    memcpy(target->token, like->target.token, sizeof target->token);
    enum err e = target_add(target, endpoint, detail);
    if (e == ERR_OK)
        e = client_init(&nodes->clients[nodes->count], target, like->timeout_ms, detail);
    if (e == ERR_OK)
        nodes->ids[nodes->count++] = id;
    free(target);
    return e;
}

enum err demo_nodes_find(struct demo_nodes *nodes, struct client *client, struct errmsg *detail)
{
    *nodes = (struct demo_nodes){0};
    struct node_list list;
    node_list_init(&list);
    enum err e = node_list_fetch(&list, client, detail);
    if (e == ERR_OK)
        e = check_list(&list, detail);
    if (e != ERR_OK)
        goto done;
    nodes->clients = memory_zeroed(list.count, sizeof *nodes->clients);
    for (size_t i = 0;
         e == ERR_OK && i < client->target.endpoint_count && nodes->count < list.count; i++) {
        uint64_t id = identify(client, client->target.endpoints[i]);
        if (id > 0 && node_list_find(&list, id) != NULL && demo_nodes_client(nodes, id) == NULL)
            e = add(nodes, id, client, client->target.endpoints[i], detail);
    }
    for (size_t i = 0; e == ERR_OK && i < list.count; i++) {
        const struct node_entry *entry = &list.entries[i];
        if (demo_nodes_client(nodes, entry->id) != NULL)
            continue;
        if (identify(client, entry->address) == entry->id)
            e = add(nodes, entry->id, client, entry->address, detail);
        else
            e = errmsg_set(detail, ERR_NETWORK,
                           "node %llu does not answer at %s: name its address with --endpoint",
                           (unsigned long long)entry->id, entry->address);
    }
done:
    node_list_release(&list);
    return e;
}
