// A host that keeps records in memory and does what a test tells it: answers at once, later, or
// with an error.
#ifndef BRUSIO_TESTS_FRONT_HTTP_FAKE_HOST_H
#define BRUSIO_TESTS_FRONT_HTTP_FAKE_HOST_H

#include "host/host.h"

enum { FAKE_RECORDS_MAX = 16, FAKE_HELD_MAX = 16 };

struct fake_record {
    uint8_t key[KEY_BYTES_MAX];
    size_t key_bytes;
    uint8_t *value;
    size_t value_bytes;
    uint32_t keyspace;
    struct stamp stamp;
    bool present;
};

struct host {
    struct cluster_map map; // nodes 1 to 3, keyspaces `default` (id 1) and `team/notes` (id 2)
    bool has_map;
    struct node_status status;
    struct fake_record records[FAKE_RECORDS_MAX];
    uint64_t sequence;

    enum err error;      // what the next requests are answered with, unless ERR_OK
    node_set awaited;    // beside ERR_UNAVAILABLE
    unsigned fail_after; // requests that still go well before `error` counts

    bool holds; // keeps requests until fake_host_release
    struct {
        host_reply *reply;
        void *context;
    } held[FAKE_HELD_MAX];
    unsigned held_count;

    unsigned request_count;
    struct request last; // without slices
    uint8_t last_cursor[KEY_BYTES_MAX];
    size_t last_cursor_bytes;
    uint8_t last_prefix[KEY_BYTES_MAX];
    size_t last_prefix_bytes;

    uint64_t now_us;
};

void fake_host_init(struct host *host);
void fake_host_clear(struct host *host);

// Answers what is held with `reply`.
void fake_host_release(struct host *host, const struct reply *reply);

struct clock fake_host_clock(struct host *host);

#endif
