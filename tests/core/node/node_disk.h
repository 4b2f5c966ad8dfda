// A store of a test's node: writes are visible at once; durable when the test says so.
#ifndef BRUSIO_TESTS_CORE_NODE_NODE_DISK_H
#define BRUSIO_TESTS_CORE_NODE_NODE_DISK_H

#include "base/buf.h"
#include "port/store.h"

struct disk_pair {
    enum store_table table;
    struct buf key;
    struct buf value;
};

struct node_disk {
    struct disk_pair *pairs; // ascending by (table, key)
    size_t count, capacity;
};

void node_disk_init(struct node_disk *disk);
void node_disk_release(struct node_disk *disk);

// Borrows `disk`. Only get and scan are there.
struct store node_disk_reader(struct node_disk *disk);

// Copies the bytes.
void node_disk_put(struct node_disk *disk, enum store_table table, struct slice key,
                   struct slice value);
void node_disk_remove(struct node_disk *disk, enum store_table table, struct slice key);

#endif
