#include "app/annotations/annotation_query.h"

#include "app/annotations/text.h"
#include "base/check.h"

#include <stdlib.h>

void annotation_query_init(struct annotation_query *query)
{
    memset(query, 0, sizeof *query);
    query->limit = ANNOTATION_LIMIT_DEFAULT;
}

void annotation_query_release(struct annotation_query *query)
{
    free(query->mutes);
    query->mutes = NULL;
    query->mute_count = 0;
}

// --- setting

static enum err set_channel(struct annotation_query *query, struct slice value,
                            struct errmsg *problem)
{
    enum err error = annotation_check_channel(value, problem);
    if (error != ERR_OK)
        return error;
    query->channel_length = value.length;
    memcpy(query->channel, value.bytes, value.length);
    return ERR_OK;
}

static enum err set_link(struct annotation_query *query, struct slice value, struct errmsg *problem)
{
    struct link link;
    struct link_fault fault;
    struct buf identity;
    enum err error = link_parse(value, &link, &fault);
    if (error != ERR_OK)
        return errmsg_set(problem, error, "the link is wrong at byte %zu: %s", fault.at,
                          fault.reason);
    buf_init(&identity, LINK_IDENTITY_BYTES_MAX);
    link_identity(&link, &identity);
    CHECK(!identity.overflown && identity.length > 0);
    query->identity_length = identity.length;
    memcpy(query->identity, identity.bytes, identity.length);
    buf_release(&identity);
    return ERR_OK;
}

static enum err set_author(struct annotation_query *query, struct slice value,
                           struct errmsg *problem)
{
    if (annotation_author_parse(value, query->author) == ERR_OK)
        return ERR_OK;
    return errmsg_set(problem, ERR_INVALID,
                      "the author must be 32 hexadecimal digits in lower case");
}

static enum err set_needle(struct annotation_query *query, struct slice value,
                           struct errmsg *problem)
{
    size_t at;
    const char *reason;
    if (value.length > ANNOTATION_NEEDLE_BYTES_MAX)
        return errmsg_set(problem, ERR_TOO_LARGE, "q is too long: at most %u bytes",
                          ANNOTATION_NEEDLE_BYTES_MAX);
    if (value.length == 0)
        return errmsg_set(problem, ERR_INVALID, "q is empty: leave it out");
    if (!text_is_clean(value, "\n\t", &at, &reason))
        return errmsg_set(problem, ERR_INVALID, "q is wrong at byte %zu: %s", at, reason);
    for (size_t i = 0; i < value.length; i++)
        query->needle[i] = text_lower(value.bytes[i]);
    query->needle_length = value.length;
    return ERR_OK;
}

static enum err set_muted(struct annotation_query *query, struct slice value,
                          struct errmsg *problem)
{
    query->shows_muted = slice_equal(value, slice_of_text("show"));
    return query->shows_muted ? ERR_OK : errmsg_set(problem, ERR_INVALID, "muted must be \"show\"");
}

static enum err set_sort(struct annotation_query *query, struct slice value, struct errmsg *problem)
{
    static const char *const names[ANNOTATION_SORT_COUNT] = {[ANNOTATION_SORT_TIME] = "time",
                                                             [ANNOTATION_SORT_CREATED] = "created",
                                                             [ANNOTATION_SORT_RATING] = "rating"};
    for (unsigned i = 0; i < ANNOTATION_SORT_COUNT; i++) {
        query->sort = (enum annotation_sort)i;
        if (slice_equal(value, slice_of_text(names[i])))
            return ERR_OK;
    }
    return errmsg_set(problem, ERR_INVALID, "sort must be \"time\", \"created\" or \"rating\"");
}

static enum err set_order(struct annotation_query *query, struct slice value,
                          struct errmsg *problem)
{
    query->ascending = slice_equal(value, slice_of_text("asc"));
    if (query->ascending || slice_equal(value, slice_of_text("desc")))
        return ERR_OK;
    return errmsg_set(problem, ERR_INVALID, "order must be \"asc\" or \"desc\"");
}

static enum err set_limit(struct annotation_query *query, struct slice value,
                          struct errmsg *problem)
{
    uint32_t limit = 0;
    bool good = value.length > 0 && value.length <= 4;
    for (size_t i = 0; good && i < value.length; i++) {
        good = text_is_digit(value.bytes[i]);
        limit = limit * 10 + (uint32_t)(value.bytes[i] - '0');
    }
    if (!good || limit < 1 || limit > ANNOTATION_LIMIT_MAX)
        return errmsg_set(problem, ERR_INVALID, "the limit must be an integer from 1 to %u",
                          ANNOTATION_LIMIT_MAX);
    query->limit = limit;
    return ERR_OK;
}

static void read_place(struct cursor *in, struct annotation_place *out)
{
    *out = (struct annotation_place){.rank = cursor_u8(in), .time_ms = cursor_u64_be(in)};
    struct slice key = cursor_bytes(in, ANNOTATION_KEY_BYTES);
    struct slice channel = cursor_bytes(in, cursor_left(in));
    if (channel.length == 0 || annotation_check_channel(channel, NULL) != ERR_OK ||
        annotation_key_decode(key, &out->id) != ERR_OK) {
        in->failed = true;
        return;
    }
    out->channel_length = (uint8_t)channel.length;
    memcpy(out->channel, channel.bytes, channel.length);
}

static enum err set_cursor(struct annotation_query *query, struct slice value,
                           struct errmsg *problem)
{
    uint8_t bytes[ANNOTATION_CURSOR_BYTES_MAX / 2];
    size_t length = value.length / 2;
    struct cursor in = cursor_of(slice_of(bytes, length));
    if (length > sizeof bytes || !text_read_hex(value, bytes, length))
        in = cursor_of(slice_of(NULL, 0));
    query->cursor_sort = cursor_u8(&in);
    query->cursor_ascending = cursor_u8(&in);
    read_place(&in, &query->after);
    if (cursor_finish(&in) == ERR_OK)
        return ERR_OK;
    return errmsg_set(problem, ERR_INVALID, "the cursor must be one that an earlier page gave");
}

struct setting {
    const char *name;
    enum err (*set)(struct annotation_query *query, struct slice value, struct errmsg *problem);
};

enum {
    SETTING_CHANNEL,
    SETTING_LINK,
    SETTING_AUTHOR,
    SETTING_NEEDLE,
    SETTING_MUTED,
    SETTING_SORT,
    SETTING_ORDER,
    SETTING_LIMIT,
    SETTING_CURSOR,
    SETTING_COUNT
};

static const struct setting settings[SETTING_COUNT] = {
    [SETTING_CHANNEL] = {"channel", set_channel}, [SETTING_LINK] = {"link", set_link},
    [SETTING_AUTHOR] = {"author", set_author},    [SETTING_NEEDLE] = {"q", set_needle},
    [SETTING_MUTED] = {"muted", set_muted},       [SETTING_SORT] = {"sort", set_sort},
    [SETTING_ORDER] = {"order", set_order},       [SETTING_LIMIT] = {"limit", set_limit},
    [SETTING_CURSOR] = {"cursor", set_cursor},
};

static bool is_given(const struct annotation_query *query, unsigned setting)
{
    return (query->given & 1u << setting) != 0;
}

enum err annotation_query_set(struct annotation_query *query, struct slice name, struct slice value,
                              struct errmsg *problem)
{
    for (unsigned i = 0; i < SETTING_COUNT; i++) {
        if (!slice_equal(name, slice_of_text(settings[i].name)))
            continue;
        if (is_given(query, i))
            return errmsg_set(problem, ERR_INVALID, "%s is given twice", settings[i].name);
        query->given |= 1u << i;
        return settings[i].set(query, value, problem);
    }
    return errmsg_set(problem, ERR_INVALID,
                      "there is no such argument: channel, link, author, q, muted, sort, order, "
                      "limit and cursor are taken");
}

enum err annotation_query_check(const struct annotation_query *query, struct errmsg *problem)
{
    if (is_given(query, SETTING_CURSOR) && (query->cursor_sort != (uint8_t)query->sort ||
                                            query->cursor_ascending != (uint8_t)query->ascending))
        return errmsg_set(problem, ERR_INVALID,
                          "the cursor is of another sort or order: begin without one");
    return ERR_OK;
}

bool annotation_query_is_filter(const struct annotation_query *query)
{
    return query->given < 1u << SETTING_SORT;
}

// --- muted authors

static int compare_authors(const void *a, const void *b)
{
    return memcmp(a, b, ANNOTATION_AUTHOR_BYTES);
}

void annotation_query_mute(struct annotation_query *query,
                           const uint8_t author[ANNOTATION_AUTHOR_BYTES])
{
    if (query->mutes == NULL)
        query->mutes = memory_zeroed(ANNOTATION_MUTES_MAX, sizeof *query->mutes);
    if (query->mute_count == ANNOTATION_MUTES_MAX)
        return;
    memcpy(query->mutes[query->mute_count++], author, ANNOTATION_AUTHOR_BYTES);
    // They come in order; this is for those that do not.
    uint32_t at = query->mute_count - 1;
    for (; at > 0 && compare_authors(query->mutes[at - 1], author) > 0; at--)
        memcpy(query->mutes[at], query->mutes[at - 1], ANNOTATION_AUTHOR_BYTES);
    memcpy(query->mutes[at], author, ANNOTATION_AUTHOR_BYTES);
}

bool annotation_query_is_muted(const struct annotation_query *query,
                               const uint8_t author[ANNOTATION_AUTHOR_BYTES])
{
    return !query->shows_muted && query->mute_count > 0 &&
           bsearch(author, query->mutes, query->mute_count, sizeof *query->mutes,
                   compare_authors) != NULL;
}

// --- matching

struct slice annotation_query_channel(const struct annotation_query *query)
{
    return slice_of(query->channel, query->channel_length);
}

struct slice annotation_query_author(const struct annotation_query *query)
{
    return slice_of(query->author, is_given(query, SETTING_AUTHOR) ? ANNOTATION_AUTHOR_BYTES : 0);
}

static bool holds(struct slice text, struct slice needle)
{
    for (size_t at = 0; at + needle.length <= text.length; at++) {
        size_t same = 0;
        while (same < needle.length && text_lower(text.bytes[at + same]) == needle.bytes[same])
            same++;
        if (same == needle.length)
            return true;
    }
    return false;
}

static bool says(const struct annotation *annotation, struct slice needle)
{
    bool found = holds(annotation->text, needle);
    for (unsigned i = 0; i < annotation->tag_count && !found; i++)
        found = holds(annotation->tags[i], needle);
    return found;
}

bool annotation_query_matches(const struct annotation_query *query,
                              const struct annotation *annotation)
{
    struct slice channel = annotation_query_channel(query);
    struct slice identity = slice_of(query->identity, query->identity_length);
    struct slice author = annotation_query_author(query);
    struct slice needle = slice_of(query->needle, query->needle_length);
    return (channel.length == 0 || slice_equal(channel, annotation->channel)) &&
           (identity.length == 0 || slice_equal(identity, annotation_identity(annotation))) &&
           (author.length == 0 ||
            memcmp(author.bytes, annotation->id.author, ANNOTATION_AUTHOR_BYTES) == 0) &&
           (needle.length == 0 || says(annotation, needle));
}

// --- order

struct annotation_place annotation_query_place(const struct annotation_query *query,
                                               const struct annotation *annotation)
{
    struct annotation_place place = {.id = annotation->id,
                                     .time_ms = query->sort == ANNOTATION_SORT_CREATED
                                                    ? annotation->created_ms
                                                    : annotation->modified_ms,
                                     .channel_length = (uint8_t)annotation->channel.length};
    CHECK(annotation->channel.length <= sizeof place.channel);
    memcpy(place.channel, annotation->channel.bytes, annotation->channel.length);
    if (query->sort == ANNOTATION_SORT_RATING && annotation->has_rating)
        place.rank = (uint8_t)(annotation->rating + 1);
    return place;
}

bool annotation_query_goes_on(const struct annotation_query *query)
{
    return is_given(query, SETTING_CURSOR);
}

// Upwards.
static int compare_places(const struct annotation_place *a, const struct annotation_place *b)
{
    if (a->rank != b->rank)
        return a->rank < b->rank ? -1 : 1;
    if (a->time_ms != b->time_ms)
        return a->time_ms < b->time_ms ? -1 : 1;
    int order = memcmp(&a->id, &b->id, sizeof a->id);
    return order != 0 ? order
                      : slice_compare(slice_of(a->channel, a->channel_length),
                                      slice_of(b->channel, b->channel_length));
}

int annotation_query_compare(const struct annotation_query *query, const struct annotation_place *a,
                             const struct annotation_place *b)
{
    return query->ascending ? compare_places(a, b) : compare_places(b, a);
}

void annotation_query_append_cursor(const struct annotation_query *query,
                                    const struct annotation_place *last, struct buf *out)
{
    struct buf bytes;
    buf_init(&bytes, ANNOTATION_CURSOR_BYTES_MAX / 2);
    buf_append_u8(&bytes, (uint8_t)query->sort);
    buf_append_u8(&bytes, query->ascending);
    buf_append_u8(&bytes, last->rank);
    buf_append_u64_be(&bytes, last->time_ms);
    annotation_key_encode(&bytes, &last->id);
    buf_append(&bytes, last->channel, last->channel_length);
    CHECK(!bytes.overflown);
    text_append_hex(out, buf_slice(&bytes));
    buf_release(&bytes);
}
