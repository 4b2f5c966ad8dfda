// Annotations over the HTTP API: what the commands, and the menu, ask.
//
// Every change is made as the user of the node that is asked.
#ifndef BRUSIO_PROG_CLI_ANNOTATIONS_H
#define BRUSIO_PROG_CLI_ANNOTATIONS_H

#include "cli/client.h"

enum { ANNOTATION_PATH_BYTES_MAX = 64 * 1024 };

// A path that is put together: to be begun, added to, and ended by annotations_path_end, which
// gives it, or NULL with `detail` when it is too long. To be released by buf_release.
void annotations_path_begin(struct buf *path, const char *start);
void annotations_path_segment(struct buf *path, const char *text); // percent-encoded
// Adds "?name=value", or "&name=value" behind another one; nothing when `value` is NULL.
void annotations_path_argument(struct buf *path, const char *name, const char *value);
const char *annotations_path_end(struct buf *path, struct errmsg *detail);

// What is said. A NULL is left out.
struct annotation_words {
    const char *text;
    const char *rating; // "0" to "5", or "none", which takes it away
    const char *tags;   // separated by commas; "" takes them away
    const char *channel;
    const char *link;
    const char *replies_to;
};

// Gives the body of a request, or NULL with `detail`: text that is not UTF-8, or no rating.
json_t *annotations_body(const struct annotation_words *words, struct errmsg *detail);

// Gives the annotation that was written in `annotation`.
WARN_UNUSED enum err annotations_add(struct client *client, const struct annotation_words *words,
                                     json_t **annotation, struct errmsg *detail);

// Gives a page of those that the path's arguments select.
WARN_UNUSED enum err annotations_page(struct client *client, const char *path, json_t **page,
                                      struct errmsg *detail);

// Takes the annotation out of an answer, which is taken.
WARN_UNUSED enum err annotations_take(json_t *answer, json_t **annotation, struct errmsg *detail);

#endif
