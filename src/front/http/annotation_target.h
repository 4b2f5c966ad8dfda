// What a request about annotations names: the family of their channels, an annotation, an author, a
// body; and the answers that show one.
//
// Promise: each function that returns bool or NULL has answered the exchange with the reason when
// it returns false or NULL, unless its comment says otherwise.
#ifndef BRUSIO_FRONT_HTTP_ANNOTATION_TARGET_H
#define BRUSIO_FRONT_HTTP_ANNOTATION_TARGET_H

#include "app/annotations/annotation_entry.h"
#include "app/annotations/annotation_query.h"
#include "front/http/exchange.h"
#include "front/http/fields.h"

// The family of signed keyspaces whose channels hold annotations.
#define ANNOTATION_FAMILY "annotations"
// A body that describes one annotation: every byte of its texts as six characters, and the rest.
#define ANNOTATION_BODY_BYTES_MAX (64u << 10)

// One annotation of one channel; or, without a channel, wherever it is kept here.
struct annotation_target {
    uint32_t family;
    struct annotation_id id;
    size_t channel_length;
    uint8_t channel[ANNOTATION_CHANNEL_BYTES_MAX];
};

// The family's id; `*found` is false, and nothing is answered, while there is none. False when
// there is something else of its name, or no map.
bool annotation_family(struct exchange *exchange, uint32_t *family, bool *found);

// Goes on with `then` once there is a family, which is made if there is none.
void annotation_family_make(struct exchange *exchange, exchange_step *then);

// Who writes here: the user of this node.
bool annotation_author(struct exchange *exchange, struct signing_key *out);

// The id, of the text before anything else in the path.
bool annotation_take_id(struct exchange *exchange, struct slice text, struct annotation_id *out);

// Decodes the percent-encoded argument `channel` into the target; without one its length is 0.
bool annotation_take_channel(struct exchange *exchange, struct annotation_target *target);

// Refuses arguments of the query that are not among the `count` names.
bool annotation_arguments_only(struct exchange *exchange, const char *const *names, size_t count);

// Sets the query from the arguments.
bool annotation_take_query(struct exchange *exchange, struct annotation_query *query);

// Parses the body, of an object. Gives fields to be ended by fields_free.
struct fields *annotation_body(struct exchange *exchange);

// Answers with the problem that a reader of the model has found.
void annotation_fail(struct exchange *exchange, enum err error, const struct errmsg *problem);

// Answers with what the host said to a write, which is not ERR_OK.
void annotation_fail_write(struct exchange *exchange, const struct reply *reply);

// Answers with JSON; takes `json`.
void annotation_answer(struct exchange *exchange, unsigned status, json_t *json);

// Answers with an entry, as {"status": "success", "annotation": {...}} and its version as the tag.
void annotation_answer_entry(struct exchange *exchange, unsigned status,
                             const struct annotation_entry *entry);

// Appends JSON to bytes; takes `json`.
void annotation_append_json(struct buf *out, json_t *json);

// The names of the channels that are kept here, at most EPIDEMIC_REPLICAS_MAX.
struct annotation_channel {
    char name[KEYSPACE_NAME_BYTES_MAX + 1];
};
struct annotation_channels {
    struct annotation_channel *items; // owned; ended by annotation_channels_release
    size_t count;
};
void annotation_channels_gather(const struct exchange *exchange, uint32_t family,
                                struct annotation_channels *out);
void annotation_channels_release(struct annotation_channels *channels);
bool annotation_channels_have(const struct annotation_channels *channels, struct slice name);

// The family's id, 0 while there is none; and that the channel is kept here, if one is named.
bool annotation_take_family(struct exchange *exchange, struct slice channel, uint32_t *family);

#endif
