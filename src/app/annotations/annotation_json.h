// Annotations as JSON, for the REST API.
//
//     {"id": "<author>-<number>", "channel": "films", "link": "<as written>",
//      "identity": "<of the link>", "text": "...", "rating": 4, "tags": ["a", "b"],
//      "replies_to": "<id>", "created_ms": 1700000000000, "modified_ms": 1700000000000}
//
// Promise: what annotation_to_json gives is read to the same annotation. Read strictly: a field
// that is not known, of the wrong type, or null is refused, with a sentence that names it, and a
// malformed link with the place.
//
// "text", "rating", "tags" and "replies_to" are left out when there is none. Spaces around a tag
// are dropped. It does not parse JSON text: the caller bounds its size and depth.
#ifndef BRUSIO_APP_ANNOTATIONS_ANNOTATION_JSON_H
#define BRUSIO_APP_ANNOTATIONS_ANNOTATION_JSON_H

#include "app/annotations/annotation.h"

#include <jansson.h>

// Gives the JSON of an annotation that annotation_check accepts.
json_t *annotation_to_json(const struct annotation *annotation);

// All fields; "identity" may be left out, and is that of the link otherwise. What is read passes
// annotation_check. `out` borrows from `object`. ERR_INVALID or ERR_TOO_LARGE with `problem`.
WARN_UNUSED enum err annotation_from_json(const json_t *object, struct annotation *out,
                                          struct errmsg *problem);

// What a writer gives: "channel", "link", "text", "rating", "tags" and "replies_to". What is read
// passes annotation_check_draft; id and times are for the caller to set.
WARN_UNUSED enum err annotation_draft_from_json(const json_t *object, struct annotation *out,
                                                struct errmsg *problem);

#endif
