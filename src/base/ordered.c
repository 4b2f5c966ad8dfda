// A treap (Seidel and Aragon, 1996): a search tree by key that is a heap by random weights.
#include "base/ordered.h"

#include "base/check.h"

void ordered_init(struct ordered *ordered)
{
    *ordered = (struct ordered){0};
    rng_init(&ordered->rng, 0);
}

struct ordered_node *ordered_seek(const struct ordered *ordered, struct slice key)
{
    struct ordered_node *found = NULL;
    struct ordered_node *node = ordered->root;
    while (node != NULL) {
        int order = slice_compare(key, node->key);
        if (order == 0)
            return node;
        if (order < 0)
            found = node;
        node = order < 0 ? node->left : node->right;
    }
    return found;
}

struct ordered_node *ordered_find(const struct ordered *ordered, struct slice key)
{
    struct ordered_node *node = ordered_seek(ordered, key);
    return node != NULL && slice_equal(node->key, key) ? node : NULL;
}

struct ordered_node *ordered_next(const struct ordered_node *node)
{
    if (node->right != NULL) {
        struct ordered_node *next = node->right;
        while (next->left != NULL)
            next = next->left;
        return next;
    }
    while (node->parent != NULL && node == node->parent->right)
        node = node->parent;
    return node->parent;
}

// Where the map points to `node`.
static struct ordered_node **link_to(struct ordered *ordered, const struct ordered_node *node)
{
    if (node->parent == NULL)
        return &ordered->root;
    return node->parent->left == node ? &node->parent->left : &node->parent->right;
}

// Exchanges `node` and its parent, keeping the order of keys.
static void rotate_up(struct ordered *ordered, struct ordered_node *node)
{
    struct ordered_node *parent = node->parent;
    bool from_left = parent->left == node;
    struct ordered_node *moved = from_left ? node->right : node->left;
    *link_to(ordered, parent) = node;
    node->parent = parent->parent;
    parent->parent = node;
    if (from_left) {
        node->right = parent;
        parent->left = moved;
    } else {
        node->left = parent;
        parent->right = moved;
    }
    if (moved != NULL)
        moved->parent = parent;
}

void ordered_add(struct ordered *ordered, struct ordered_node *node, struct slice key)
{
    struct ordered_node *parent = NULL;
    struct ordered_node **link = &ordered->root;
    while (*link != NULL) {
        parent = *link;
        int order = slice_compare(key, parent->key);
        CHECK(order != 0);
        link = order < 0 ? &parent->left : &parent->right;
    }
    *node = (struct ordered_node){.parent = parent, .key = key, .weight = rng_u64(&ordered->rng)};
    *link = node;
    ordered->count++;
    while (node->parent != NULL && node->weight > node->parent->weight)
        rotate_up(ordered, node);
}

static struct ordered_node *heavier_child(const struct ordered_node *node)
{
    if (node->left == NULL || node->right == NULL)
        return node->left != NULL ? node->left : node->right;
    return node->left->weight > node->right->weight ? node->left : node->right;
}

void ordered_remove(struct ordered *ordered, struct ordered_node *node)
{
    for (struct ordered_node *child; (child = heavier_child(node)) != NULL;)
        rotate_up(ordered, child);
    *link_to(ordered, node) = NULL;
    node->parent = NULL;
    ordered->count--;
}

void ordered_invariants(const struct ordered *ordered)
{
    CHECK(ordered->root == NULL || ordered->root->parent == NULL);
    size_t count = 0;
    const struct ordered_node *before = NULL;
    const struct ordered_node *node = ordered_seek(ordered, slice_of(NULL, 0));
    for (; node != NULL; node = ordered_next(node)) {
        CHECK(before == NULL || slice_compare(before->key, node->key) < 0);
        CHECK(node->parent == NULL || node->weight <= node->parent->weight);
        CHECK(node->left == NULL || node->left->parent == node);
        CHECK(node->right == NULL || node->right->parent == node);
        before = node;
        count++;
    }
    CHECK(count == ordered->count);
}
