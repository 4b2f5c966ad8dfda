// One to five nodes in one thread of virtual time, over a network that a test cuts, slows and
// robs.
//
// Promise: messages between two nodes, of which the one routed the other's address, arrive in
// order, 0.1 ms after they were sent, unless the test holds, cuts or loses them; what a node writes
// is durable at once, unless its disk hangs. Replies are kept by handle.
#ifndef BRUSIO_TESTS_CORE_NODE_NODE_BENCH_H
#define BRUSIO_TESTS_CORE_NODE_NODE_BENCH_H

#include "core/node/node.h"
#include "node_disk.h"

#define BENCH_NODES_MAX 5
#define BENCH_HANDLES_MAX 64
#define BENCH_MS UINT64_C(1000)
#define BENCH_SECOND (1000 * BENCH_MS)
#define BENCH_STORE_ID(number) (100u + (number))

struct bench_reply {
    enum err error; // ERR_COUNT while there is none
    bool existed;
    node_set awaited;
    struct buf value;
    uint64_t at_us;
};

// By number, which is the id in the map too as long as nobody is removed.
struct bench_node {
    struct node *node; // NULL: not running
    struct effects effects;
    struct effects carried;
    struct node_disk disks[EFFECT_STORE_COUNT];
    struct store readers[EFFECT_STORE_COUNT];
    uint64_t told[EFFECT_STORE_COUNT]; // tokens that were reported durable
    bool hangs;                        // its data disk: nothing gets durable
    bool sleeps;                       // the process is stopped: nothing is heard, no time passes
    bool roams;                        // a roaming peer
    bool is_elusive;                   // and one that names no address
    bool routes[BENCH_NODES_MAX + 1];  // it knows where these are
    uint64_t wake_us;
};

struct bench_packet {
    unsigned from;
    unsigned to;
    uint64_t due_us;
    struct buf bytes;
};

struct node_bench {
    uint64_t now_us;
    uint64_t delay_us;        // of what is sent from now on
    uint64_t repair_delay_ms; // of nodes that are started from now on
    unsigned count;
    struct bench_node nodes[BENCH_NODES_MAX + 1];
    bool cut[BENCH_NODES_MAX + 1][BENCH_NODES_MAX + 1]; // from, to
    enum message_kind lost_kind;  // messages of this kind are lost; MESSAGE_KIND_COUNT: none
    enum message_kind held_kind;  // those of this kind are held back, and put into `held`
    struct bench_packet *packets; // oldest first
    size_t packet_count, packet_capacity;
    struct bench_packet held[BENCH_HANDLES_MAX];
    size_t held_count;
    struct bench_reply replies[BENCH_HANDLES_MAX];
    uint64_t handle_count;
};

// Nodes 1 to `count`: 1 begins a cluster whose keyspace every node holds, the others join, and time
// passes until all are in sync and hold leases. To be ended by node_bench_free.
struct node_bench *node_bench_new(unsigned count);
void node_bench_free(struct node_bench *bench);

// Time passes.
void node_bench_run(struct node_bench *bench, uint64_t pass_us);

// The process dies; starts again, as the next incarnation, from what is on its disks.
void node_bench_kill(struct node_bench *bench, unsigned number);
void node_bench_start(struct node_bench *bench, unsigned number);
// The same, still told to join through node 1, as by a command line that never changes.
void node_bench_start_joining(struct node_bench *bench, unsigned number);
// A new node with empty disks that joins through node 1.
void node_bench_join(struct node_bench *bench, unsigned number);

// A new roaming peer with empty disks, which is told of node 1, or hears beacons.
void node_bench_roam(struct node_bench *bench, unsigned number, bool is_told);
// A beacon reaches node `number`: node `said` is at `address`.
void node_bench_beacon(struct node_bench *bench, unsigned number, unsigned said,
                       const char *address);
// "127.0.0.1:5102", of node 2.
const char *node_bench_address(unsigned number);

// Nothing gets from or to the node any more, or everything again.
void node_bench_isolate(struct node_bench *bench, unsigned number, bool cut);

// An event that only has a kind.
void node_bench_tell(struct node_bench *bench, unsigned number, enum node_event_kind kind);

// What was held back is delivered now.
void node_bench_deliver_held(struct node_bench *bench);

// Each gives a handle of a reply. Text in keys and values.
uint64_t node_bench_ask(struct node_bench *bench, unsigned number, const struct request *request);
uint64_t node_bench_put(struct node_bench *bench, unsigned number, const char *key,
                        const char *value);
uint64_t node_bench_read(struct node_bench *bench, unsigned number, const char *key,
                         enum consistency consistency);
uint64_t node_bench_change(struct node_bench *bench, unsigned number, enum change_kind kind,
                           node_id node);
enum err node_bench_error(const struct node_bench *bench, uint64_t handle);
bool node_bench_gave(const struct node_bench *bench, uint64_t handle, const char *value);

// Runs until it has answered, for ten seconds at most; the answer's error, ERR_COUNT without one.
enum err node_bench_await(struct node_bench *bench, uint64_t handle);

struct node_status node_bench_status(const struct node_bench *bench, unsigned number);

// The state of a node by the newest map that node `teller` knows; NODE_STATE_COUNT: not a member.
enum node_state node_bench_state(const struct node_bench *bench, unsigned teller, unsigned number);

// The number of the node that orders writes of this key, by the newest map of node `teller`; 0:
// nobody.
unsigned node_bench_primary(const struct node_bench *bench, unsigned teller, const char *key);

// A key whose writes this node orders.
const char *node_bench_key_of(const struct node_bench *bench, unsigned number);

#endif
