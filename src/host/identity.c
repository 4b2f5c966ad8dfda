#include "host/identity.h"

#include "base/random.h"

static struct slice owner_name(void)
{
    return slice_of_text("owner");
}

static bool see_one(void *context, struct slice key, struct slice value)
{
    bool *seen = context;
    (void)key;
    (void)value;
    *seen = true;
    return false;
}

// Whether nobody has written a record yet. What cannot be read is not empty.
static bool is_empty(const struct store *data)
{
    bool seen = false;
    struct slice nothing = slice_of(NULL, 0);
    enum err error = data->ops->scan(data->self, STORE_RECORDS, nothing, nothing, see_one, &seen);
    return error == ERR_OK && !seen;
}

// The data store belongs to the voter store of the same node, and says so. `young`: the data store
// may not say so yet. The node was never a member, for it begins only once its identity is durable
// in both stores, and a start that was cut short there may have left one without the other; or it
// lost power before its data store, of durability `interval`, was ever synced, and with it all that
// it held.
static enum err check_owner(const struct store *data, uint64_t store_id, bool young,
                            struct errmsg *detail)
{
    struct slice bytes;
    enum err error = data->ops->get(data->self, STORE_META, owner_name(), &bytes);
    if (error == ERR_NOT_FOUND)
        return young ? ERR_OK
                     : errmsg_set(detail, ERR_CORRUPT,
                                  "the data store does not say whose it is; restore it, or start "
                                  "on an empty "
                                  "directory with --join");
    if (error != ERR_OK)
        return errmsg_set(detail, error, "the data store cannot be read: %s", err_sentence(error));
    struct cursor in = cursor_of(bytes);
    if (cursor_u64_be(&in) != store_id && !(young && is_empty(data)))
        return errmsg_set(
            detail, ERR_FOREIGN,
            "the data store belongs to another node than the voter store beside it; put the right "
            "ones together, or start on an empty directory with --join");
    return ERR_OK;
}

static void put_owner(struct effects *effects, uint64_t store_id)
{
    struct buf value;
    buf_init(&value, 8);
    buf_append_u64_be(&value, store_id);
    effects_put(effects, EFFECT_DATA, STORE_META, owner_name(), buf_slice(&value));
    buf_release(&value);
}

enum err identity_begin(const struct node_config *config, const struct store *data,
                        const struct store *voter, struct effects *effects, struct identity *out,
                        struct errmsg *detail)
{
    struct identity identity = {0};
    enum err error = voter_store_identity(voter, &identity);
    bool fresh = error == ERR_NOT_FOUND;
    if (error != ERR_OK && !fresh)
        return errmsg_set(detail, error, "the voter store cannot be read: %s", err_sentence(error));
    bool begins =
        config->init || config->join_address != NULL || (config->roams && config->hears_beacons);
    if (cluster_id_is_zero(identity.cluster) && !begins)
        return errmsg_set(
            detail, ERR_NOT_FOUND,
            "there is no node in this directory; start it with --init (a new cluster), with "
            "--join HOST:PORT (of a member), or, as a roaming peer, with --peer --beacon");
    if (!cluster_id_is_zero(identity.cluster) && config->init)
        return errmsg_set(
            detail, ERR_EXISTS,
            "this directory holds a node of a cluster already; start it without --init");
    if (fresh) {
        struct rng rng;
        rng_init(&rng, config->seed);
        do
            identity.store_id = rng_u64(&rng);
        while (identity.store_id == 0);
    }
    const struct signing_secret none = {0};
    if (memcmp(&identity.secret, &none, sizeof none) == 0)
        identity.secret = config->fresh_secret;
    bool bare = config->claim != CLAIM_WHOLE && is_empty(data);
    bool young = cluster_id_is_zero(identity.cluster) || bare;
    error = check_owner(data, identity.store_id, young, detail);
    if (error != ERR_OK)
        return error;
    identity.incarnation++;
    voter_store_put_identity(effects, &identity);
    effects_token(effects, EFFECT_VOTER);
    if (young) {
        put_owner(effects, identity.store_id);
        effects_token(effects, EFFECT_DATA);
    }
    *out = identity;
    return ERR_OK;
}
