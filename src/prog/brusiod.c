// The daemon: one node over libuv, LMDB, TCP and HTTP. All of it runs on the event loop's thread,
// but for the stores' threads.
//
// One turn of the loop: what came in is handed to the host, then (in `prepare`, just before the
// loop sleeps) answers go out over HTTP, the stores' open batches are handed to their threads, and
// each peer gets what is queued for it in one write.

#include "adapter/beacon.h"
#include "adapter/clock_os.h"
#include "adapter/net_tcp.h"
#include "adapter/store_lmdb.h"
#include "adapter/store_logged.h"
#include "adapter/store_settle.h"
#include "app/annotations/annotation.h"
#include "author_key.h"
#include "base/check.h"
#include "daemon_options.h"
#include "front/http/server.h"
#include "host/host.h"
#include "rebuild.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

enum {
    HTTP_NS_PER_TURN_MAX = 5 * 1000 * 1000,
    PATH_BYTES_MAX = 4096,
    SIGNALS = 2,
    LEAVE_MS_MAX = 1000,
    OPEN_FILES_ENOUGH = 4096
};

struct daemon {
    const struct daemon_options *options;
    uv_loop_t loop;
    uv_async_t stores_ended;
    uv_prepare_t prepare;
    uv_poll_t http_poll;
    uv_timer_t http_timer;
    uv_signal_t signals[SIGNALS];
    struct store data; // the port of one of the next two, by the durability
    struct store_lmdb *data_lmdb;
    struct store_logged *data_logged;
    struct store_lmdb *voter;
    struct clock_os *clock;
    struct net_tcp *net;
    struct beacon *beacon; // NULL without --beacon
    struct http_server *http;
    struct host *host;
    struct rebuild rebuild;
    struct signing_secret author;
    uv_timer_t leave_timer;
    bool leaving; // others are to take over first
    bool stopping;
    bool serving_told;
    bool failure_told;
    int status;
};

static void on_data_done(void *context, uint64_t batch, enum err error)
{
    struct daemon *daemon = context;
    host_on_data_done(daemon->host, batch, error);
}

static void on_voter_done(void *context, uint64_t batch, enum err error)
{
    struct daemon *daemon = context;
    host_on_voter_done(daemon->host, batch, error);
}

// On any thread.
static void notify(void *context)
{
    struct daemon *daemon = context;
    uv_async_send(&daemon->stores_ended);
}

static void on_stores_ended(uv_async_t *handle)
{
    struct daemon *daemon = handle->data;
    store_lmdb_poll(daemon->voter);
    if (daemon->data_logged != NULL)
        store_logged_poll(daemon->data_logged);
    else
        store_lmdb_poll(daemon->data_lmdb);
}

static void on_receive(void *context, uint64_t peer, struct slice message)
{
    struct daemon *daemon = context;
    host_on_message(daemon->host, peer, message);
}

static void on_beacon(void *context, uint64_t store_id, const char *address)
{
    struct daemon *daemon = context;
    host_on_beacon(daemon->host, store_id, slice_of_text(address));
}

static void on_wake(void *context)
{
    struct daemon *daemon = context;
    host_on_wake(daemon->host);
}

// --- the end

static void on_closed(void *context)
{
    (void)context;
}

static void close_handle(uv_handle_t *handle)
{
    if (handle->loop != NULL && !uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void stop(struct daemon *daemon)
{
    if (daemon->stopping)
        return;
    daemon->stopping = true;
    close_handle((uv_handle_t *)&daemon->http_poll);
    close_handle((uv_handle_t *)&daemon->http_timer);
    close_handle((uv_handle_t *)&daemon->leave_timer);
    close_handle((uv_handle_t *)&daemon->prepare);
    close_handle((uv_handle_t *)&daemon->stores_ended);
    for (int i = 0; i < SIGNALS; i++)
        close_handle((uv_handle_t *)&daemon->signals[i]);
    if (daemon->http != NULL)
        http_server_close(daemon->http);
    daemon->http = NULL;
    if (daemon->net != NULL)
        net_tcp_close(daemon->net, on_closed, NULL);
    beacon_close(daemon->beacon, on_closed, NULL);
    if (daemon->clock != NULL)
        clock_os_close(daemon->clock, on_closed, NULL);
}

// --- leaving

static void on_left(uv_timer_t *handle)
{
    stop(handle->data);
}

static void leave(struct daemon *daemon)
{
    if (daemon->leaving)
        return;
    daemon->leaving = true;
    host_stop(daemon->host);
    uv_timer_start(&daemon->leave_timer, on_left, LEAVE_MS_MAX, 0);
}

// The first signal lets others take over; a second one ends the node at once.
static void on_signal(uv_signal_t *handle, int number)
{
    struct daemon *daemon = handle->data;
    log_line(LOG_INFO, "signal %d: %s", number, daemon->leaving ? "stopping at once" : "stopping");
    if (daemon->leaving || daemon->host == NULL)
        stop(daemon);
    else
        leave(daemon);
}

// --- turns of the loop

static const char *failure_advice(enum err failure)
{
    switch (failure) {
    case ERR_FOREIGN:
        return "start this node on its own cluster, or join on an empty directory";
    case ERR_REMOVED:
        return "to join again, start it on an empty directory";
    case ERR_FULL:
        return "nothing more is acknowledged by this node; make room, then start it again";
    default:
        return "nothing more is acknowledged by this node; look at the disk, then start it again, "
               "or with --rebuild if its data is damaged";
    }
}

static bool is_suspect(const struct daemon *daemon)
{
    return daemon->data_logged != NULL ? store_logged_suspect(daemon->data_logged)
                                       : store_lmdb_suspect(daemon->data_lmdb);
}

// For how many slots the map lists this node alone.
static unsigned count_slots_alone(const struct daemon *daemon)
{
    const struct cluster_map *map = host_map(daemon->host);
    node_set self = node_bit(host_status(daemon->host).self);
    unsigned count = 0;
    for (unsigned i = 0; i < map->keyspace_count; i++)
        for (unsigned slot = 0; slot < SLOTS; slot++)
            count += map_keyspace_slot(&map->keyspaces[i], (uint16_t)slot)->in_sync == self;
    return count;
}

// A map names this process: what its store lacked it holds no more, or what it has counts.
static void end_suspicion(struct daemon *daemon)
{
    if (!is_suspect(daemon))
        return;
    unsigned alone = count_slots_alone(daemon);
    if (alone > 0)
        log_line(LOG_WARNING,
                 "no replica surely had everything in %u slots, where what this node has counts: "
                 "writes that were acknowledged in the last second before the loss of power may be "
                 "lost",
                 alone);
    enum err error = daemon->data_logged != NULL ? store_logged_trust(daemon->data_logged)
                                                 : store_lmdb_trust(daemon->data_lmdb);
    if (error != ERR_OK)
        log_line(LOG_WARNING, "the store stays under suspicion: %s", err_sentence(error));
}

static void report(struct daemon *daemon)
{
    enum err failure = host_failure(daemon->host);
    if (failure != ERR_OK && !daemon->failure_told) {
        log_line(LOG_ERROR, "stopping: %s; %s", err_sentence(failure), failure_advice(failure));
        daemon->failure_told = true;
        daemon->status = failure == ERR_REMOVED ? EXIT_SUCCESS : EXIT_FAILURE;
        leave(daemon);
    }
    bool gone = daemon->leaving && host_has_left(daemon->host) && host_is_idle(daemon->host);
    if (gone || (failure != ERR_OK && host_is_over(daemon->host))) {
        stop(daemon);
        return;
    }
    rebuild_watch(&daemon->rebuild, daemon->host, uv_now(&daemon->loop));
    if (!daemon->serving_told && host_map(daemon->host) != NULL) {
        struct node_status status = host_status(daemon->host);
        if (daemon->options->roams) {
            log_line(LOG_INFO, "roaming, with the map of epoch %llu, at http://%s",
                     (unsigned long long)status.epoch, daemon->options->http_advertised);
            daemon->serving_told = true;
        }
        if (!status.serving)
            return;
        end_suspicion(daemon);
        log_line(LOG_INFO, "node %u serves, in epoch %llu, at http://%s", status.self,
                 (unsigned long long)status.epoch, daemon->options->http_advertised);
        daemon->serving_told = true;
    }
}

static void on_http_timer(uv_timer_t *handle)
{
    struct daemon *daemon = handle->data;
    http_server_run(daemon->http);
}

static void on_prepare(uv_prepare_t *handle)
{
    struct daemon *daemon = handle->data;
    // Leases must not wait for clients: a turn gives these a bounded time.
    uint64_t end_ns = uv_hrtime() + HTTP_NS_PER_TURN_MAX;
    while (http_server_wants_run(daemon->http) && uv_hrtime() < end_ns)
        http_server_run(daemon->http);
    host_turn_end(daemon->host);
    report(daemon);
    if (daemon->stopping)
        return;
    uint64_t timeout_ms =
        http_server_wants_run(daemon->http) ? 0 : http_server_timeout_ms(daemon->http);
    if (timeout_ms == UINT64_MAX)
        uv_timer_stop(&daemon->http_timer);
    else
        uv_timer_start(&daemon->http_timer, on_http_timer, timeout_ms, 0);
}

static void on_http_ready(uv_poll_t *handle, int status, int events)
{
    struct daemon *daemon = handle->data;
    (void)status;
    (void)events;
    http_server_run(daemon->http);
}

// --- the start

static enum err store_path(const struct daemon *daemon, const char *name, char path[PATH_BYTES_MAX],
                           struct errmsg *detail)
{
    const char *directory = daemon->options->data_directory;
    if ((size_t)snprintf(path, PATH_BYTES_MAX, "%s/%s", directory, name) >= PATH_BYTES_MAX)
        return errmsg_set(detail, ERR_TOO_LARGE, "the path of %s is too long", directory);
    return ERR_OK;
}

static enum err open_lmdb(struct daemon *daemon, const char *path, store_done *done,
                          struct store_lmdb **out, struct errmsg *detail)
{
    struct store_lmdb_config config = {.directory = path,
                                       .size_bytes_max = daemon->options->store_bytes_max,
                                       .durability = DURABILITY_COMMIT,
                                       .notify = notify,
                                       .done = done,
                                       .context = daemon};
    return store_lmdb_open(&config, out, detail);
}

static enum err open_data_logged(struct daemon *daemon, const char *path, struct errmsg *detail)
{
    struct store_logged_config config = {.directory = path,
                                         .size_bytes_max = daemon->options->store_bytes_max,
                                         .notify = notify,
                                         .done = on_data_done,
                                         .context = daemon};
    enum err error = store_logged_open(&config, &daemon->data_logged, detail);
    if (error == ERR_OK)
        daemon->data = store_logged_port(daemon->data_logged);
    return error;
}

// A run with the other durability may have left a log.
static enum err open_data_lmdb(struct daemon *daemon, const char *path, struct errmsg *detail)
{
    enum err error = store_settle(path, daemon->options->store_bytes_max, detail);
    if (error == ERR_OK)
        error = open_lmdb(daemon, path, on_data_done, &daemon->data_lmdb, detail);
    if (error == ERR_OK)
        daemon->data = store_lmdb_port(daemon->data_lmdb);
    return error;
}

static enum err open_stores(struct daemon *daemon, struct errmsg *detail)
{
    const char *directory = daemon->options->data_directory;
    char path[PATH_BYTES_MAX];
    if (mkdir(directory, 0700) != 0 && errno != EEXIST)
        return errmsg_set(detail, ERR_IO, "cannot make %s: %s", directory, strerror(errno));
    enum err error = rebuild_begin(&daemon->rebuild, directory, daemon->options->rebuild, detail);
    if (error == ERR_OK)
        error = store_path(daemon, "voter", path, detail);
    if (error == ERR_OK)
        error = open_lmdb(daemon, path, on_voter_done, &daemon->voter, detail);
    if (error == ERR_OK)
        error = store_path(daemon, "data", path, detail);
    if (error == ERR_OK)
        error = daemon->options->durability == DURABILITY_INTERVAL
                    ? open_data_logged(daemon, path, detail)
                    : open_data_lmdb(daemon, path, detail);
    return error;
}

// What signed keyspaces hold: annotations, as far as a header tells.
static bool fits_annotation(const struct operation *operation)
{
    return operation->key.length == ANNOTATION_KEY_BYTES &&
           operation->value_bytes <= ANNOTATION_VALUE_BYTES_MAX;
}

static enum err open_beacon(struct daemon *daemon, struct errmsg *detail)
{
    const struct daemon_options *options = daemon->options;
    struct beacon_config config = {.loop = &daemon->loop,
                                   .broadcast = options->beacon_address,
                                   .port = options->beacon_port,
                                   .store_id = host_store_id(daemon->host),
                                   .address = options->peer_advertised,
                                   .key = slice_of_text(options->key),
                                   .heard = on_beacon,
                                   .context = daemon};
    if (options->beacon_port == 0)
        return ERR_OK;
    return beacon_open(&config, &daemon->beacon, detail);
}

static enum err open_host(struct daemon *daemon, struct errmsg *detail)
{
    const struct daemon_options *options = daemon->options;
    struct node_config config = {.init = options->init,
                                 .join_address = options->join,
                                 .peer_address = options->peer_named,
                                 .http_address = options->http_advertised,
                                 .strategy = options->strategy,
                                 .replication_factor = options->replication_factor,
                                 .sync_bytes_per_s = options->sync_bytes_per_s,
                                 .repair_delay_ms = options->repair_delay_ms,
                                 .roams = options->roams,
                                 .hears_beacons = options->beacon_port != 0,
                                 .keyspaces = options->keyspaces,
                                 .keyspace_count = options->keyspace_count,
                                 .gossip_bytes_per_s = options->gossip_bytes_per_s,
                                 .signed_fits = fits_annotation,
                                 .author = &daemon->author};
    if (getrandom(&config.seed, sizeof config.seed, 0) != (ssize_t)sizeof config.seed ||
        getrandom(&config.fresh_secret, sizeof config.fresh_secret, 0) !=
            (ssize_t)sizeof config.fresh_secret)
        return errmsg_set(detail, ERR_IO, "the system gives no random bytes: %s", strerror(errno));
    if (is_suspect(daemon)) {
        config.claim = options->trust_store ? CLAIM_TRUSTED : CLAIM_SUSPECT;
        log_line(LOG_WARNING,
                 "after a loss of power this node's store may lack acknowledged writes; %s",
                 options->trust_store
                     ? "it counts as it is (--trust-store)"
                     : "it serves again once other replicas have everything that it had, or all "
                       "that lost power are back: then the newest of what they have counts. If "
                       "some never come back, start the node with the newest data with "
                       "--trust-store");
    }
    struct host_ports ports = {.data = daemon->data,
                               .voter = store_lmdb_port(daemon->voter),
                               .clock = clock_os_port(daemon->clock)};
    enum err error = host_new(&config, &ports, &daemon->host, detail);
    if (error != ERR_OK)
        return error;
    struct net_tcp_config net = {.loop = &daemon->loop,
                                 .listen_address = options->peer_listen,
                                 .store_id = host_store_id(daemon->host),
                                 .key = slice_of_text(options->key),
                                 .receive = on_receive,
                                 .context = daemon};
    error = net_tcp_open(&net, &daemon->net, detail);
    if (error == ERR_OK) {
        struct net port = net_tcp_port_ops(daemon->net);
        host_connect(daemon->host, &port);
    }
    if (error == ERR_OK)
        error = open_beacon(daemon, detail);
    return error;
}

static enum err open_http(struct daemon *daemon, struct errmsg *detail)
{
    struct http_server_config config = {.listen_address = daemon->options->http_listen,
                                        .token = daemon->options->token,
                                        .host = daemon->host,
                                        .clock = clock_os_port(daemon->clock)};
    enum err error = http_server_open(&config, &daemon->http, detail);
    if (error != ERR_OK)
        return error;
    uv_poll_init(&daemon->loop, &daemon->http_poll, http_server_fd(daemon->http));
    daemon->http_poll.data = daemon;
    uv_poll_start(&daemon->http_poll, UV_READABLE, on_http_ready);
    uv_timer_init(&daemon->loop, &daemon->http_timer);
    daemon->http_timer.data = daemon;
    return ERR_OK;
}

static void watch(struct daemon *daemon)
{
    static const int numbers[SIGNALS] = {SIGTERM, SIGINT};
    uv_timer_init(&daemon->loop, &daemon->leave_timer);
    daemon->leave_timer.data = daemon;
    uv_prepare_init(&daemon->loop, &daemon->prepare);
    daemon->prepare.data = daemon;
    uv_prepare_start(&daemon->prepare, on_prepare);
    for (int i = 0; i < SIGNALS; i++) {
        uv_signal_init(&daemon->loop, &daemon->signals[i]);
        daemon->signals[i].data = daemon;
        uv_signal_start(&daemon->signals[i], on_signal, numbers[i]);
    }
}

static enum err start(struct daemon *daemon, struct errmsg *detail)
{
    uv_async_init(&daemon->loop, &daemon->stores_ended, on_stores_ended);
    daemon->stores_ended.data = daemon;
    daemon->clock = clock_os_open(&daemon->loop, on_wake, daemon);
    enum err error = open_stores(daemon, detail);
    if (error == ERR_OK)
        error = author_key_open(daemon->options->data_directory, &daemon->author, detail);
    if (error == ERR_OK)
        error = open_host(daemon, detail);
    if (error == ERR_OK)
        error = open_http(daemon, detail);
    if (error == ERR_OK)
        watch(daemon);
    return error;
}

static void close_stores(struct daemon *daemon)
{
    host_free(daemon->host);
    store_logged_close(daemon->data_logged);
    store_lmdb_close(daemon->data_lmdb);
    store_lmdb_close(daemon->voter);
}

// Each client and peer takes a file descriptor: as many as the system lets this user have.
static void raise_open_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= OPEN_FILES_ENOUGH)
        return;
    limit.rlim_cur = limit.rlim_max < OPEN_FILES_ENOUGH ? limit.rlim_max : OPEN_FILES_ENOUGH;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        log_line(LOG_WARNING, "cannot raise the limit of open files: %s", strerror(errno));
}

int main(int count, char **arguments)
{
    struct daemon_options options;
    switch (daemon_options_read(count, arguments, &options)) {
    case OPTIONS_DONE:
        return EXIT_SUCCESS;
    case OPTIONS_BAD:
        return 2;
    case OPTIONS_RUN:
        break;
    }
    log_set_level(options.log_level);
    raise_open_files();
    struct daemon daemon = {.options = &options, .status = EXIT_SUCCESS};
    struct errmsg detail = {""};
    CHECK(uv_loop_init(&daemon.loop) == 0);
    enum err error = start(&daemon, &detail);
    if (error != ERR_OK) {
        log_line(LOG_ERROR, "cannot start: %s",
                 detail.text[0] != '\0' ? detail.text : err_sentence(error));
        daemon.status = EXIT_FAILURE;
        stop(&daemon);
    }
    uv_run(&daemon.loop, UV_RUN_DEFAULT);
    close_stores(&daemon);
    uv_loop_close(&daemon.loop);
    return daemon.status;
}
