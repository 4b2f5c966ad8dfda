#include "core/epidemic/peers.h"

#include "base/check.h"
#include "base/hash.h"

#include <stdlib.h>

enum {
    LIST_FIRST = 16,
    // One draw in so many goes to a peer that is away: for a contact, and for a greeting, by which
    // one that was just met first becomes somebody to contact.
    AWAY_ONE_IN = 8,
    AWAY_GREETED_ONE_IN = 2,
    // So often a peer is drawn blindly before all are looked at: most are there, and most draws
    // hit.
    BLIND_DRAWS = 16,
};

static struct peer *of_node(const struct table_node *node)
{
    return (struct peer *)(void *)((char *)(uintptr_t)node - offsetof(struct peer, node));
}

static bool matches(const struct table_node *node, const void *wanted)
{
    return of_node(node)->store_id == *(const uint64_t *)wanted;
}

static uint64_t hash_of(const struct peers *peers, uint64_t store_id)
{
    return hash64(slice_of(&store_id, sizeof store_id), peers->hash_seed);
}

void peers_init(struct peers *peers, uint64_t self, uint32_t peers_max, uint64_t seed)
{
    CHECK(peers_max >= 1 && peers_max <= PEERS_MAX);
    *peers = (struct peers){.peers_max = peers_max, .self = self};
    rng_init(&peers->rng, seed);
    peers->hash_seed = rng_u64(&peers->rng);
    table_init(&peers->table);
}

static void peer_free(struct peer *peer)
{
    free(peer->spaces);
    free(peer);
}

void peers_release(struct peers *peers)
{
    for (uint32_t i = 0; i < peers->count; i++)
        peer_free(peers->list[i]);
    free(peers->list);
    table_release(&peers->table);
    peers->list = NULL;
    peers->count = 0;
    peers->capacity = 0;
}

struct peer *peers_find(const struct peers *peers, uint64_t store_id)
{
    struct table_node *node =
        table_find(&peers->table, hash_of(peers, store_id), matches, &store_id);
    return node != NULL ? of_node(node) : NULL;
}

// --- who is in the list

static void remove_at(struct peers *peers, uint32_t place)
{
    struct peer *peer = peers->list[place];
    table_remove(&peers->table, &peer->node);
    peers->count--;
    memmove(&peers->list[place], &peers->list[place + 1],
            (peers->count - place) * sizeof *peers->list);
    peer_free(peer);
}

void peers_remove(struct peers *peers, uint64_t store_id)
{
    for (uint32_t i = 0; i < peers->count; i++) {
        if (peers->list[i]->store_id == store_id) {
            remove_at(peers, i);
            return;
        }
    }
}

// Whether `a` has to go before `b`; of equals, who joined first.
static bool goes_before(const struct peer *a, const struct peer *b)
{
    if (a->is_member != b->is_member)
        return b->is_member;
    return a->heard_us < b->heard_us;
}

// False when everybody has a better claim than the one that is to come. Who was never heard goes
// first, so that a stream of made-up names displaces little but itself.
static bool make_room(struct peers *peers, bool for_member)
{
    uint32_t worst = 0;
    if (peers->count < peers->peers_max)
        return true;
    for (uint32_t i = 1; i < peers->count; i++)
        if (goes_before(peers->list[i], peers->list[worst]))
            worst = i;
    if (peers->list[worst]->is_member && !for_member)
        return false;
    peers->displaced = peers->list[worst]->is_member ? 0 : peers->list[worst]->store_id;
    remove_at(peers, worst);
    return true;
}

static void reserve(struct peers *peers)
{
    if (peers->count < peers->capacity)
        return;
    peers->capacity = peers->capacity > 0 ? peers->capacity * 2 : LIST_FIRST;
    peers->list = memory_resize(peers->list, peers->capacity * sizeof *peers->list);
}

static struct peer *append(struct peers *peers, uint64_t store_id, bool is_member)
{
    if (!make_room(peers, is_member))
        return NULL;
    reserve(peers);
    struct peer *peer = memory_zeroed(1, sizeof *peer);
    peer->store_id = store_id;
    table_add(&peers->table, &peer->node, hash_of(peers, store_id));
    peers->list[peers->count++] = peer;
    return peer;
}

struct peer *peers_add(struct peers *peers, uint64_t store_id, struct slice address, bool is_member,
                       bool *out_changed)
{
    char copy[ADDRESS_BYTES_MAX + 1];
    *out_changed = false;
    peers->displaced = 0;
    if (store_id == 0 || store_id == peers->self || !address_copy(copy, address))
        return NULL;
    struct peer *peer = peers_find(peers, store_id);
    if (peer == NULL)
        peer = append(peers, store_id, is_member);
    if (peer == NULL)
        return NULL;
    peer->is_member = is_member;
    *out_changed = address.length > 0 && !slice_equal(slice_of_text(peer->address), address);
    if (*out_changed)
        memcpy(peer->address, copy, address.length + 1);
    return peer;
}

uint64_t peers_take_displaced(struct peers *peers)
{
    uint64_t displaced = peers->displaced;
    peers->displaced = 0;
    return displaced;
}

// --- what is known of one

static int compare_spaces(const void *a, const void *b)
{
    uint64_t one = *(const uint64_t *)a;
    uint64_t other = *(const uint64_t *)b;
    return (one > other) - (one < other);
}

enum err peer_set_spaces(struct peer *peer, struct slice spaces)
{
    size_t count = spaces.length / sizeof(uint64_t);
    struct cursor in = cursor_of(spaces);
    if (spaces.length % sizeof(uint64_t) != 0)
        return ERR_INVALID;
    if (count > PEER_SPACES_MAX)
        return ERR_TOO_LARGE;
    peer->spaces = memory_resize(peer->spaces, count * sizeof *peer->spaces);
    for (size_t i = 0; i < count; i++)
        peer->spaces[i] = cursor_u64_be(&in);
    if (count > 0)
        qsort(peer->spaces, count, sizeof *peer->spaces, compare_spaces);
    peer->space_count = 0;
    for (size_t i = 0; i < count; i++)
        if (i == 0 || peer->spaces[i] != peer->spaces[peer->space_count - 1])
            peer->spaces[peer->space_count++] = peer->spaces[i];
    return ERR_OK;
}

bool peer_keeps(const struct peer *peer, uint64_t space)
{
    uint32_t low = 0;
    uint32_t high = peer->space_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (peer->spaces[middle] < space)
            low = middle + 1;
        else
            high = middle;
    }
    return low < peer->space_count && peer->spaces[low] == space;
}

bool peer_is_heard(const struct peer *peer, uint64_t now_us)
{
    return peer->heard_us != 0 &&
           (now_us <= peer->heard_us || now_us - peer->heard_us < PEER_SILENT_US);
}

// --- choices

struct wish {
    uint64_t space; // 0: any
    uint64_t now_us;
    bool away; // not heard, or not greeted yet
};

static bool suits(const struct peer *peer, const struct wish *wish)
{
    bool heard = peer_is_heard(peer, wish->now_us);
    bool away = !peer->greeted || !heard;
    // Whose address is not known comes by itself.
    if (away != wish->away || (!heard && peer->address[0] == '\0'))
        return false;
    return wish->space == 0 || !peer->greeted || peer_keeps(peer, wish->space);
}

static struct peer *pick_here(struct peers *peers, const struct wish *wish)
{
    struct peer *picked = NULL;
    uint64_t found = 0;
    for (unsigned i = 0; i < BLIND_DRAWS && peers->count > 0; i++) {
        struct peer *peer = peers->list[rng_below(&peers->rng, peers->count)];
        if (suits(peer, wish))
            return peer;
    }
    for (uint32_t i = 0; i < peers->count; i++)
        if (suits(peers->list[i], wish) && rng_below(&peers->rng, ++found) == 0)
            picked = peers->list[i];
    return picked;
}

// Who was tried longest ago, so that each gets its turn however many never answer.
static struct peer *pick_away(struct peers *peers, const struct wish *wish)
{
    struct peer *picked = NULL;
    uint64_t equals = 0;
    for (uint32_t i = 0; i < peers->count; i++) {
        struct peer *peer = peers->list[i];
        if (!suits(peer, wish) || (picked != NULL && peer->tried_us > picked->tried_us))
            continue;
        equals = picked != NULL && peer->tried_us == picked->tried_us ? equals + 1 : 1;
        if (rng_below(&peers->rng, equals) == 0)
            picked = peer;
    }
    return picked;
}

static struct peer *pick(struct peers *peers, const struct wish *wish)
{
    return wish->away ? pick_away(peers, wish) : pick_here(peers, wish);
}

struct peer *peers_choose(struct peers *peers, uint64_t space, uint64_t now_us)
{
    struct wish wish = {.space = space, .now_us = now_us};
    wish.away = rng_one_in(&peers->rng, space == 0 ? AWAY_GREETED_ONE_IN : AWAY_ONE_IN);
    struct peer *peer = pick(peers, &wish);
    wish.away = !wish.away;
    return peer != NULL ? peer : pick(peers, &wish);
}

// --- what is said of others

void peers_tell(struct peers *peers, uint64_t now_us, struct buf *out)
{
    const struct peer *told[PEERS_TOLD_MAX];
    uint64_t found = 0;
    for (uint32_t i = 0; i < peers->count; i++) {
        const struct peer *peer = peers->list[i];
        if (peer->address[0] == '\0' || !peer_is_heard(peer, now_us))
            continue;
        // Reservoir sampling: each that was seen has had the same chance so far.
        uint64_t place = found < PEERS_TOLD_MAX ? found : rng_below(&peers->rng, found + 1);
        found++;
        if (place < PEERS_TOLD_MAX)
            told[place] = peer;
    }
    for (uint64_t i = 0; i < found && i < PEERS_TOLD_MAX; i++) {
        buf_append_u64_be(out, told[i]->store_id);
        buf_append_counted(out, slice_of_text(told[i]->address));
    }
}

enum err peers_hear(struct slice bytes, peers_heard *heard, void *context)
{
    uint64_t ids[PEERS_TOLD_MAX];
    struct slice addresses[PEERS_TOLD_MAX];
    struct cursor in = cursor_of(bytes);
    unsigned count = 0;
    for (; cursor_left(&in) > 0; count++) {
        char copy[ADDRESS_BYTES_MAX + 1];
        if (count == PEERS_TOLD_MAX)
            return ERR_INVALID;
        ids[count] = cursor_u64_be(&in);
        addresses[count] = cursor_counted(&in);
        if (in.failed || ids[count] == 0 || addresses[count].length == 0 ||
            !address_copy(copy, addresses[count]))
            return ERR_INVALID;
    }
    for (unsigned i = 0; i < count; i++)
        heard(context, ids[i], addresses[i]);
    return ERR_OK;
}

static void check_peer(const struct peers *peers, const struct peer *peer)
{
    CHECK(peer->store_id != 0 && peer->store_id != peers->self);
    CHECK(peers_find(peers, peer->store_id) == peer);
    CHECK(memchr(peer->address, 0, sizeof peer->address) != NULL);
    CHECK(peer->space_count <= PEER_SPACES_MAX);
    for (uint32_t i = 1; i < peer->space_count; i++)
        CHECK(peer->spaces[i - 1] < peer->spaces[i]);
}

void peers_invariants(const struct peers *peers)
{
    CHECK(peers->count <= peers->peers_max && peers->count <= peers->capacity);
    CHECK(peers->table.count == peers->count);
    for (uint32_t i = 0; i < peers->count; i++)
        check_peer(peers, peers->list[i]);
}
