// The command line of brusiod.
#ifndef BRUSIO_PROG_DAEMON_OPTIONS_H
#define BRUSIO_PROG_DAEMON_OPTIONS_H

#include "base/log.h"
#include "model/keyspace.h"
#include "port/store.h"

#define SECRET_BYTES_MAX 1024
#define DAEMON_KEYSPACES_MAX 256

struct daemon_options {
    const char *data_directory;
    const char *http_listen;
    const char *peer_listen;
    bool roams;                                  // a roaming peer, no member
    const char *keyspaces[DAEMON_KEYSPACES_MAX]; // that it keeps; none: all
    unsigned keyspace_count;
    uint64_t gossip_bytes_per_s; // 0: no bound
    uint16_t beacon_port;        // of UDP; 0: no beacons
    const char *beacon_address;  // to broadcast to; NULL: the usual one
    const char *http_advertised; // NULL: as listened on
    const char *peer_advertised;
    // The same, but empty for a roaming peer that listens on every address: what that is elsewhere
    // others see from its beacons, if it sends any.
    const char *peer_named;
    char token[SECRET_BYTES_MAX + 1];
    char key[SECRET_BYTES_MAX + 1]; // the cluster key
    bool init;
    const char *join;
    bool rebuild;
    enum strategy strategy;
    uint8_t replication_factor;
    enum durability durability;
    bool trust_store;
    uint64_t repair_delay_ms;
    uint64_t sync_bytes_per_s;
    uint64_t store_bytes_max; // 0: the store's default
    enum log_level log_level;
};

enum options_outcome { OPTIONS_RUN, OPTIONS_DONE, OPTIONS_BAD };

// Reads the command line and the files that it names; says what is wrong on standard error. Text
// borrows from `arguments`.
enum options_outcome daemon_options_read(int count, char **arguments, struct daemon_options *out);

#endif
