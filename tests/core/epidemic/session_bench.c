#include "session_bench.h"

#include "base/check.h"

#include <stdlib.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

enum { FLIGHTS_MAX = 100000, ALLOWANCE_BYTES = 1 << 30 };

static const struct stamp no_stability;

static void on_news(void *context, struct space *space, struct dot dot)
{
    struct session_peer *peer = context;
    assert_true(knowledge_has(&space->known, dot));
    peer->news++;
}

struct session_bench *session_bench_new(unsigned count, const struct space_setting *setting)
{
    struct session_bench *bench = memory_zeroed(1, sizeof *bench);
    bench->spaces = bench_new(count, setting);
    bench->next_id = 1;
    for (unsigned i = 0; i < count; i++) {
        list_init(&bench->peers[i].sessions);
        bench->peers[i].world = (struct session_world){
            .context = &bench->peers[i], .on_news = on_news, .allowance_bytes = ALLOWANCE_BYTES};
    }
    return bench;
}

static struct session *session_at(struct list *link)
{
    return LIST_ITEM(link, struct session, link);
}

static void leave_sessions(struct session_peer *peer)
{
    while (!list_empty(&peer->sessions)) {
        struct session *session = session_at(peer->sessions.next);
        list_remove(&session->link);
        session_free(session);
    }
}

void session_bench_free(struct session_bench *bench)
{
    for (unsigned i = 0; i < bench->spaces->count; i++)
        leave_sessions(&bench->peers[i]);
    session_bench_lose_all(bench);
    free(bench->queue);
    bench_free(bench->spaces);
    free(bench);
}

struct space *session_bench_space(struct session_bench *bench, unsigned replica)
{
    return bench_space(bench->spaces, replica);
}

// --- steps

static void send(struct session_bench *bench, unsigned from, unsigned to, struct slice bytes)
{
    if (bench->queue_count == bench->queue_capacity) {
        bench->queue_capacity = bench->queue_capacity > 0 ? 2 * bench->queue_capacity : 16;
        bench->queue = memory_resize(bench->queue, bench->queue_capacity * sizeof *bench->queue);
    }
    bench->queue[bench->queue_count++] = (struct session_packet){
        .from = from,
        .to = to,
        .bytes = slice_of(memory_copy(bytes.bytes, bytes.length), bytes.length)};
}

static void count(struct session_bench *bench, struct slice bytes)
{
    struct message message;
    assert_int_equal(message_decode(bytes, &message), ERR_OK);
    bench->sent.messages++;
    bench->sent.bytes += bytes.length;
    if (message.kind == MESSAGE_SESSION_PORTION)
        bench->sent.operation_bytes += message.session_portion.operations.length;
}

void session_bench_step(struct session_bench *bench, unsigned replica)
{
    const struct effects *effects = bench_effects(bench->spaces, replica);
    for (size_t i = 0; i < effects->send_count; i++) {
        const struct effect_send *sent = &effects->sends[i];
        struct slice bytes = effects_bytes(effects, sent->message);
        assert_true(sent->peer >= 1 && sent->peer <= bench->spaces->count);
        count(bench, bytes);
        send(bench, replica, (unsigned)sent->peer - 1, bytes);
    }
    bench_step(bench->spaces, replica);
}

static void end_sessions(struct session_bench *bench, unsigned replica)
{
    struct session_peer *peer = &bench->peers[replica];
    for (struct list *at = peer->sessions.next, *next; at != &peer->sessions; at = next) {
        struct session *session = session_at(at);
        next = at->next;
        session_invariants(session);
        if (!session_is_over(session))
            continue;
        peer->last = (struct session_outcome){.verdict = session->verdict,
                                              .out_verdict = session->out_verdict,
                                              .compared = session->audit.done,
                                              .clean = session->audit.clean};
        peer->ended++;
        peer->control_bytes += session->control_bytes;
        peer->operations_sent += session->operations_sent;
        list_remove(&session->link);
        session_free(session);
    }
}

void session_bench_sync(struct session_bench *bench, unsigned replica)
{
    struct session_peer *peer = &bench->peers[replica];
    struct effects *effects = bench_effects(bench->spaces, replica);
    bench_sync(bench->spaces, replica);
    for (struct list *at = peer->sessions.next; at != &peer->sessions; at = at->next) {
        struct session *session = session_at(at);
        session_on_durable(session, effects, session->space->store->durable);
        session_pump(session, effects, bench->now_us);
    }
    session_bench_step(bench, replica);
    end_sessions(bench, replica);
}

static int compare_pairs(const void *a, const void *b)
{
    const struct disk_pair *left = a;
    const struct disk_pair *right = b;
    if (left->table != right->table)
        return left->table < right->table ? -1 : 1;
    int order = slice_compare(disk_pair_key(left), disk_pair_key(right));
    return order != 0 ? order : (left->batch > right->batch) - (left->batch < right->batch);
}

static bool same_key(const struct disk_pair *a, const struct disk_pair *b)
{
    return a->table == b->table && slice_equal(disk_pair_key(a), disk_pair_key(b));
}

// Sorts all that is queued into the disk; of pairs with one key the last counts.
static void settle_queue(struct space_disk *disk)
{
    size_t total = disk->pair_count + disk->queue_count;
    struct disk_pair *all = memory_new((total + 1) * sizeof *all);
    size_t left = 0;
    for (size_t i = 0; i < total; i++) {
        bool is_queued = i >= disk->pair_count;
        all[i] = is_queued ? disk->queue[i - disk->pair_count] : disk->pairs[i];
        all[i].batch = (uint32_t)i; // the age, for now
    }
    qsort(all, total, sizeof *all, compare_pairs);
    for (size_t i = 0; i < total; i++) {
        if ((i + 1 < total && same_key(&all[i], &all[i + 1])) || all[i].remove)
            free(all[i].bytes);
        else
            all[left++] = all[i];
    }
    free(disk->pairs);
    disk->pairs = all;
    disk->pair_count = left;
    disk->pair_capacity = total + 1;
    disk->queue_count = 0;
}

void session_bench_sync_much(struct session_bench *bench, unsigned replica)
{
    settle_queue(&bench->spaces->replicas[replica].disk);
    session_bench_sync(bench, replica);
}

static void sweep(struct session_bench *bench, unsigned replica)
{
    struct space *space = session_bench_space(bench, replica);
    while (!space_sweep(space, bench_effects(bench->spaces, replica), 64))
        ;
    session_bench_step(bench, replica);
    session_bench_sync(bench, replica);
}

void session_bench_age(struct session_bench *bench, unsigned primary, unsigned told)
{
    struct knowledge stable = {0};
    knowledge_copy(&stable, &session_bench_space(bench, primary)->known);
    bench_publish(bench->spaces, primary, &stable);
    knowledge_release(&stable);
    sweep(bench, primary);
    for (unsigned i = 0; i < bench->spaces->count; i++) {
        if ((told >> i & 1) == 0)
            continue;
        bench_tell(bench->spaces, primary, i);
        sweep(bench, i);
    }
}

// --- sessions

void session_bench_open(struct session_bench *bench, unsigned from, unsigned to, bool audit)
{
    struct session_peer *peer = &bench->peers[from];
    uint64_t id = bench->next_id++ * UINT64_C(0x9e3779b97f4a7c15);
    struct session *session =
        session_open(session_bench_space(bench, from), &peer->world, to + 1, id, id ^ 77, audit,
                     no_stability, bench_effects(bench->spaces, from), bench->now_us);
    list_append(&peer->sessions, &session->link);
    session_bench_step(bench, from);
}

size_t session_bench_count(const struct session_bench *bench, unsigned replica)
{
    size_t count = 0;
    const struct list *head = &bench->peers[replica].sessions;
    for (const struct list *at = head->next; at != head; at = at->next)
        count++;
    return count;
}

struct session *session_bench_session(struct session_bench *bench, unsigned replica)
{
    struct list *head = &bench->peers[replica].sessions;
    return list_empty(head) ? NULL : session_at(head->next);
}

static struct session *find(struct session_bench *bench, unsigned replica, unsigned other,
                            uint64_t id)
{
    struct list *head = &bench->peers[replica].sessions;
    for (struct list *at = head->next; at != head; at = at->next)
        if (session_at(at)->peer == other + 1 && session_at(at)->id == id)
            return session_at(at);
    return NULL;
}

static void take(struct session_bench *bench, const struct session_packet *packet,
                 const struct message *message)
{
    unsigned to = packet->to;
    struct session_peer *peer = &bench->peers[to];
    struct effects *effects = bench_effects(bench->spaces, to);
    struct space *space = session_bench_space(bench, to);
    uint64_t id = session_of_message(message);
    struct session *session = find(bench, to, packet->from, id);
    assert_int_not_equal(id, 0);
    if (message->kind == MESSAGE_SESSION_OPEN) {
        if (session != NULL)
            return;
        session = session_accept(space, &peer->world, packet->from + 1, &message->session_open,
                                 no_stability, false, effects, bench->now_us);
        if (session != NULL)
            list_append(&peer->sessions, &session->link);
    } else if (session != NULL) {
        session_on_message(session, effects, bench->now_us, message, no_stability);
    } else if (message->kind != MESSAGE_SESSION_END) {
        session_disown(effects, packet->from + 1, BENCH_SPACE, id);
    }
}

static struct session_packet take_out(struct session_bench *bench, size_t packet)
{
    assert_true(packet < bench->queue_count);
    struct session_packet taken = bench->queue[packet];
    bench->queue_count--;
    memmove(bench->queue + packet, bench->queue + packet + 1,
            (bench->queue_count - packet) * sizeof *bench->queue);
    return taken;
}

void session_bench_deliver(struct session_bench *bench, size_t packet, bool sync)
{
    struct session_packet taken = take_out(bench, packet);
    struct message message;
    assert_int_equal(message_decode(taken.bytes, &message), ERR_OK);
    take(bench, &taken, &message);
    session_bench_step(bench, taken.to);
    end_sessions(bench, taken.to);
    if (sync)
        session_bench_sync_much(bench, taken.to);
    free((void *)(uintptr_t)taken.bytes.bytes);
}

void session_bench_lose(struct session_bench *bench, size_t packet)
{
    free((void *)(uintptr_t)take_out(bench, packet).bytes.bytes);
}

void session_bench_lose_all(struct session_bench *bench)
{
    while (bench->queue_count > 0)
        session_bench_lose(bench, bench->queue_count - 1);
}

void session_bench_repeat(struct session_bench *bench, size_t packet)
{
    struct session_packet again = bench->queue[packet];
    send(bench, again.from, again.to, again.bytes);
}

enum message_kind session_bench_kind(const struct session_bench *bench, size_t packet)
{
    struct message message;
    assert_int_equal(message_decode(bench->queue[packet].bytes, &message), ERR_OK);
    return message.kind;
}

bool session_bench_fly(struct session_bench *bench)
{
    size_t under_way = bench->queue_count;
    for (size_t i = 0; i < under_way; i++)
        session_bench_deliver(bench, 0, true);
    bench->sent.flights += under_way > 0;
    return under_way > 0;
}

void session_bench_run(struct session_bench *bench)
{
    unsigned flights = 0;
    while (session_bench_fly(bench))
        assert_true(++flights < FLIGHTS_MAX);
}

bool session_bench_run_to(struct session_bench *bench, unsigned to, enum message_kind kind)
{
    while (bench->queue_count > 0) {
        if (bench->queue[0].to == to && session_bench_kind(bench, 0) == kind)
            return true;
        session_bench_deliver(bench, 0, true);
    }
    return false;
}

void session_bench_wait(struct session_bench *bench, uint64_t us)
{
    bench->now_us += us;
    for (unsigned i = 0; i < bench->spaces->count; i++)
        session_bench_sync(bench, i);
}

struct session_outcome session_bench_exchange(struct session_bench *bench, unsigned from,
                                              unsigned to, bool audit)
{
    session_bench_open(bench, from, to, audit);
    session_bench_run(bench);
    assert_int_equal(session_bench_count(bench, from), 0);
    assert_int_equal(session_bench_count(bench, to), 0);
    return bench->peers[from].last;
}

bool session_bench_make_equal(struct session_bench *bench, unsigned a, unsigned b, unsigned most)
{
    for (unsigned i = 0; i < most && !bench_equal(bench->spaces, a, b); i++)
        session_bench_exchange(bench, a, b, false);
    return bench_equal(bench->spaces, a, b);
}

// --- runs

void session_bench_crash(struct session_bench *bench, unsigned replica, uint32_t batches)
{
    leave_sessions(&bench->peers[replica]);
    bench_crash(bench->spaces, replica, batches);
    assert_int_equal(bench_start(bench->spaces, replica), ERR_OK);
}

void session_bench_restore(struct session_bench *bench, unsigned replica,
                           const struct space_disk *disk)
{
    leave_sessions(&bench->peers[replica]);
    bench_restore(bench->spaces, replica, disk);
}
