// A host that keeps records in memory and does what a test tells it: answers at once, later, or
// with an error.
#ifndef BRUSIO_TESTS_FRONT_HTTP_FAKE_HOST_H
#define BRUSIO_TESTS_FRONT_HTTP_FAKE_HOST_H

#include "host/host.h"

enum { FAKE_RECORDS_MAX = 32, FAKE_HELD_MAX = 16 };

#define FAKE_WALL_MS UINT64_C(1600000000123)

// The ids of its optimistic keyspaces; `team` is a family with a channel `linux`.
enum { FAKE_DIARY = 3, FAKE_TEAM = 4, FAKE_SECRETS = 5, FAKE_ANNOTATIONS = 6 };
// Where what users keep for themselves lies among the records.
#define FAKE_OWN UINT32_MAX

struct fake_record {
    uint8_t key[KEY_BYTES_MAX];
    size_t key_bytes;
    uint8_t *value;
    size_t value_bytes;
    uint32_t keyspace;
    char channel[KEYSPACE_NAME_BYTES_MAX + 1];
    struct stamp stamp;
    uint64_t expiry_ms; // told, and not judged
    bool present;
};

struct host {
    // Nodes 1 to 3; keyspaces `default` (id 1) and `team/notes` (id 2); optimistic ones `diary`,
    // `team` and `secrets`.
    struct cluster_map map;
    bool has_map;
    struct signing_secret author; // of the user of this node
    // Keeps `diary` and `team/linux`; knows nodes 2 (just heard) and 3 (never), and a roaming peer.
    struct epidemic epidemic;
    bool has_epidemic;
    struct store store;   // of it; empty
    bool is_stable;       // what reads of optimistic keyspaces find, and
    struct buf conflicts; // the versions in conflict with it
    const char *bundle;   // what an export gives
    struct bundle_counts import;
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
    char last_channel[KEYSPACE_NAME_BYTES_MAX + 1];
    size_t last_value_bytes;
    uint8_t last_cursor[KEY_BYTES_MAX];
    size_t last_cursor_bytes;
    uint8_t last_prefix[KEY_BYTES_MAX];
    size_t last_prefix_bytes;

    uint64_t now_us;
};

void fake_host_init(struct host *host);
void fake_host_clear(struct host *host);

// Adds the family `annotations`, of which it keeps the channels `films` and `links`.
void fake_host_annotate(struct host *host);

// The id of what is optimistic: of a channel, or with "" of a keyspace.
uint64_t fake_host_space(const struct host *host, uint32_t keyspace, const char *channel);

// Answers what is held with `reply`.
void fake_host_release(struct host *host, const struct reply *reply);

struct clock fake_host_clock(struct host *host);

#endif
