// Entity tags and conditional requests (RFC 9110 sections 8.8.3 and 13.1), over version stamps.
//
// The tag of a version is its stamp in double quotes, always strong. Of a write's conditions one is
// taken: `If-Match: *`, `If-Match: "<stamp>"` or `If-None-Match: *`; anything else is refused,
// since to ignore a condition that a client set would be to overwrite what it meant to protect.
#ifndef BRUSIO_FRONT_HTTP_ENTITY_TAG_H
#define BRUSIO_FRONT_HTTP_ENTITY_TAG_H

#include "model/request.h"

#define ENTITY_TAG_BYTES (STAMP_TEXT_BYTES + 2)

// Writes `"<stamp>"` and a closing NUL.
void entity_tag_format(struct stamp stamp, char text[ENTITY_TAG_BYTES]);

// The condition of a write. Headers that are absent have `bytes` NULL. ERR_INVALID when they ask
// for what is not taken.
WARN_UNUSED enum err entity_tag_condition(struct slice if_match, struct slice if_none_match,
                                          enum condition *condition, struct stamp *expected);

// Does a read's If-None-Match (a list of tags, weak or strong, or `*`) name this version?
bool entity_tag_list_has(struct slice if_none_match, struct stamp stamp);

// Takes an Idempotency-Key of 32 hexadecimal digits, not all zero; otherwise ERR_INVALID.
WARN_UNUSED enum err operation_id_parse(struct slice text, struct operation_id *out);

#endif
