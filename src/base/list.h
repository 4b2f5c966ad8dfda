// An intrusive doubly linked list: the node lives inside the thing that is listed, nothing is
// allocated.
//
// Invariants: a list head, and a node in no list, link to themselves; removing a node twice is
// harmless.
#ifndef BRUSIO_BASE_LIST_H
#define BRUSIO_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next;
    struct list *previous;
};

static inline void list_init(struct list *list)
{
    list->next = list;
    list->previous = list;
}

static inline bool list_empty(const struct list *list)
{
    return list->next == list;
}

// Puts `node` last.
static inline void list_append(struct list *head, struct list *node)
{
    node->previous = head->previous;
    node->next = head;
    head->previous->next = node;
    head->previous = node;
}

static inline void list_remove(struct list *node)
{
    node->previous->next = node->next;
    node->next->previous = node->previous;
    list_init(node);
}

// Takes the first node out, or returns NULL.
static inline struct list *list_take_first(struct list *head)
{
    if (list_empty(head))
        return NULL;
    struct list *node = head->next;
    list_remove(node);
    return node;
}

// Moves all nodes of `from` to the end of `to`.
static inline void list_move_all(struct list *to, struct list *from)
{
    if (list_empty(from))
        return;
    from->next->previous = to->previous;
    to->previous->next = from->next;
    from->previous->next = to;
    to->previous = from->previous;
    list_init(from);
}

// The thing of `type` whose member `field` is `node`.
#define LIST_ITEM(node, type, field) ((type *)(void *)((char *)(node)-offsetof(type, field)))

#endif
