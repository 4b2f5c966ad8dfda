// Which annotations a reader wants to see, and in what order.
//
// Promise: a query is put together from names and values, each checked as it comes, with a sentence
// that names what is wrong. For two annotations of different channels or ids, one comes before the
// other; reading page after page, each after the last one's cursor, shows each annotation once that
// stays as it is meanwhile.
//
//     channel   those of one channel link      those about what this link names, however it is
//     written author    those of one author, 32 hexadecimal digits q         those with this text,
//     or with a tag that holds it; the case of A to Z does not count muted     "show": those of
//     muted authors too sort      "time" (of the last change; default), "created", or "rating"
//     (then time) order     "desc" (default) or "asc" limit     1 to ANNOTATION_LIMIT_MAX; default
//     ANNOTATION_LIMIT_DEFAULT cursor    goes on behind the page that gave it, with the same sort
//     and order
//
// Invariants
//  1. Each is given at most once.
//
// It folds the case of ASCII only, and finds bytes, not words: "E" finds "e" but not "é".
#ifndef BRUSIO_APP_ANNOTATIONS_ANNOTATION_QUERY_H
#define BRUSIO_APP_ANNOTATIONS_ANNOTATION_QUERY_H

#include "app/annotations/annotation.h"

#define ANNOTATION_LIMIT_MAX 1000u
#define ANNOTATION_LIMIT_DEFAULT 100u
#define ANNOTATION_NEEDLE_BYTES_MAX 256u
#define ANNOTATION_MUTES_MAX 1000u
// The text of a cursor.
#define ANNOTATION_CURSOR_BYTES_MAX (2 * (ANNOTATION_KEY_BYTES + ANNOTATION_CHANNEL_BYTES_MAX + 16))

enum annotation_sort {
    ANNOTATION_SORT_TIME,
    ANNOTATION_SORT_CREATED,
    ANNOTATION_SORT_RATING,
    ANNOTATION_SORT_COUNT
};

// Where an annotation stands among the others.
struct annotation_place {
    uint8_t rank;     // under `rating`: one more than the rating, 0 without one; else 0
    uint64_t time_ms; // of the last change, or of creation
    struct annotation_id id;
    uint8_t channel_length;
    uint8_t channel[ANNOTATION_CHANNEL_BYTES_MAX];
};

struct annotation_query {
    unsigned given; // bits of what was set
    size_t channel_length;
    uint8_t channel[ANNOTATION_CHANNEL_BYTES_MAX];
    size_t identity_length;
    uint8_t identity[LINK_IDENTITY_BYTES_MAX];
    uint8_t author[ANNOTATION_AUTHOR_BYTES];
    size_t needle_length;
    uint8_t needle[ANNOTATION_NEEDLE_BYTES_MAX]; // in lower case
    bool shows_muted;
    enum annotation_sort sort;
    bool ascending;
    uint32_t limit;
    struct annotation_place after; // of the cursor
    uint8_t cursor_sort;           // those that the cursor was made with
    uint8_t cursor_ascending;
    uint32_t mute_count;
    uint8_t (*mutes)[ANNOTATION_AUTHOR_BYTES]; // owned
};

// Everything, by time. To be ended by annotation_query_release.
void annotation_query_init(struct annotation_query *query);
void annotation_query_release(struct annotation_query *query);

// ERR_INVALID or ERR_TOO_LARGE with `problem`.
WARN_UNUSED enum err annotation_query_set(struct annotation_query *query, struct slice name,
                                          struct slice value, struct errmsg *problem);

// To be called when all is set: whether it fits together. ERR_INVALID with `problem`.
WARN_UNUSED enum err annotation_query_check(const struct annotation_query *query,
                                            struct errmsg *problem);

// Whether it names neither an order nor a page: as those may who are told of news.
bool annotation_query_is_filter(const struct annotation_query *query);

// Leaves the annotations of an author out, unless the query shows the muted. Past
// ANNOTATION_MUTES_MAX nothing is added.
void annotation_query_mute(struct annotation_query *query,
                           const uint8_t author[ANNOTATION_AUTHOR_BYTES]);
bool annotation_query_is_muted(const struct annotation_query *query,
                               const uint8_t author[ANNOTATION_AUTHOR_BYTES]);

// The channel and the author that it names, with no bytes when it names none; borrowed.
struct slice annotation_query_channel(const struct annotation_query *query);
struct slice annotation_query_author(const struct annotation_query *query);

// Whether the annotation is one of those; muted authors aside.
bool annotation_query_matches(const struct annotation_query *query,
                              const struct annotation *annotation);

// Where it stands. The place before which a page begins is `query->after`, if there was a cursor.
struct annotation_place annotation_query_place(const struct annotation_query *query,
                                               const struct annotation *annotation);
bool annotation_query_goes_on(const struct annotation_query *query);

// Less than, equal to or greater than 0: `a` comes before `b`, is it, or comes behind.
int annotation_query_compare(const struct annotation_query *query, const struct annotation_place *a,
                             const struct annotation_place *b);

// Appends the cursor of a page that ends with this place, at most ANNOTATION_CURSOR_BYTES_MAX.
void annotation_query_append_cursor(const struct annotation_query *query,
                                    const struct annotation_place *last, struct buf *out);

#endif
