#include "core/map/voter_store.h"

#include "base/hash.h"

enum { FORMAT = 1, CHECKSUM_BYTES = 8 };

static struct slice name_of(const char *name)
{
    return slice_of_text(name);
}

// Writes format, checksum, and what `body` holds.
static void put_sealed(struct effects *effects, const char *name, const struct buf *body)
{
    struct buf sealed;
    buf_init(&sealed, STORE_VALUE_BYTES_MAX);
    buf_append_u8(&sealed, FORMAT);
    buf_append_u64_be(&sealed, hash64(buf_slice(body), FORMAT));
    buf_append_slice(&sealed, buf_slice(body));
    effects_put(effects, EFFECT_VOTER, STORE_META, name_of(name), buf_slice(&sealed));
    buf_release(&sealed);
}

static enum err get_sealed(const struct store *store, const char *name, struct cursor *out)
{
    struct slice sealed;
    enum err error = store->ops->get(store->self, STORE_META, name_of(name), &sealed);
    if (error != ERR_OK)
        return error;
    struct cursor in = cursor_of(sealed);
    uint8_t format = cursor_u8(&in);
    uint64_t checksum = cursor_u64_be(&in);
    struct slice body = cursor_bytes(&in, cursor_left(&in));
    if (!in.failed && format > FORMAT)
        return ERR_VERSION;
    if (in.failed || format != FORMAT || hash64(body, FORMAT) != checksum)
        return ERR_CORRUPT;
    *out = cursor_of(body);
    return ERR_OK;
}

static bool has_secret(const struct identity *identity)
{
    const struct signing_secret none = {0};
    return memcmp(&identity->secret, &none, sizeof none) != 0;
}

void voter_store_put_identity(struct effects *effects, const struct identity *identity)
{
    struct buf body;
    buf_init(&body, STORE_VALUE_BYTES_MAX);
    buf_append_u64_be(&body, identity->store_id);
    buf_append_varint(&body, identity->incarnation);
    buf_append_u64_be(&body, identity->cluster.high);
    buf_append_u64_be(&body, identity->cluster.low);
    if (has_secret(identity))
        buf_append(&body, identity->secret.bytes, SIGNING_SECRET_BYTES);
    put_sealed(effects, "identity", &body);
    buf_release(&body);
}

enum err voter_store_identity(const struct store *store, struct identity *out)
{
    struct cursor in;
    enum err error = get_sealed(store, "identity", &in);
    if (error != ERR_OK)
        return error;
    out->store_id = cursor_u64_be(&in);
    out->incarnation = cursor_varint(&in);
    out->cluster.high = cursor_u64_be(&in);
    out->cluster.low = cursor_u64_be(&in);
    // Nodes of the first brusio had none.
    struct slice secret = cursor_bytes(&in, cursor_left(&in) > 0 ? SIGNING_SECRET_BYTES : 0);
    out->secret = (struct signing_secret){0};
    if (secret.length > 0)
        memcpy(out->secret.bytes, secret.bytes, SIGNING_SECRET_BYTES);
    bool possible = has_secret(out) == (secret.length > 0);
    return cursor_finish(&in) == ERR_OK && possible ? ERR_OK : ERR_CORRUPT;
}

void voter_store_put_map(struct effects *effects, const struct cluster_map *map)
{
    struct buf body;
    buf_init(&body, CLUSTER_MAP_BYTES_MAX);
    cluster_map_encode(&body, map);
    put_sealed(effects, "map", &body);
    buf_release(&body);
}

enum err voter_store_map(const struct store *store, struct cluster_map *out)
{
    struct cursor in;
    enum err error = get_sealed(store, "map", &in);
    if (error != ERR_OK)
        return error;
    struct slice bytes = cursor_bytes(&in, cursor_left(&in));
    return cluster_map_decode(bytes, out) == ERR_OK ? ERR_OK : ERR_CORRUPT;
}

static void append_ballot(struct buf *out, const struct ballot *ballot)
{
    buf_append_varint(out, ballot->counter);
    buf_append_varint(out, ballot->store_id);
    buf_append_varint(out, ballot->incarnation);
}

static struct ballot read_ballot(struct cursor *in)
{
    struct ballot ballot = {.counter = cursor_varint(in)};
    ballot.store_id = cursor_varint(in);
    ballot.incarnation = cursor_varint(in);
    return ballot;
}

void voter_store_put_acceptor(struct effects *effects, const struct acceptor_state *state)
{
    struct buf body;
    buf_init(&body, STORE_VALUE_BYTES_MAX);
    buf_append_varint(&body, state->base_epoch);
    append_ballot(&body, &state->promised);
    append_ballot(&body, &state->accepted);
    buf_append_slice(&body, state->accepted_map);
    put_sealed(effects, "acceptor", &body);
    buf_release(&body);
}

enum err voter_store_acceptor(const struct store *store, struct acceptor_state *out)
{
    struct cursor in;
    enum err error = get_sealed(store, "acceptor", &in);
    if (error != ERR_OK)
        return error;
    out->base_epoch = cursor_varint(&in);
    out->promised = read_ballot(&in);
    out->accepted = read_ballot(&in);
    out->accepted_map = cursor_bytes(&in, cursor_left(&in));
    bool possible = ballot_compare(&out->promised, &out->accepted) >= 0 &&
                    (out->accepted.counter == 0 || out->accepted_map.length > 0);
    return cursor_finish(&in) == ERR_OK && possible ? ERR_OK : ERR_CORRUPT;
}
