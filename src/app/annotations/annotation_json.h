// Annotations as JSON, for the REST API.
//
//     {"id": "<author>-<number>", "channel": "films",
//      "link": {"original": "<as written>", "identity": "<of the link>", "name": "..."},
//      "author": "<author>", "text": "...", "rating": 4, "tags": ["a", "b"],
//      "replies_to": "<id>", "created": "2026-03-01T12:30:00.250Z", "modified": "..."}
//
// Promise: every field is always there; without a text it is "", without tags [], and null stands
// for no rating, no annotation that is replied to, and no name. What writers give is read strictly:
// a field that is not known or of the wrong type is refused, with a sentence that names it, and a
// malformed link with the place.
//
// Spaces around a tag are dropped. It does not parse JSON text: the caller bounds its size and
// depth.
#ifndef BRUSIO_APP_ANNOTATIONS_ANNOTATION_JSON_H
#define BRUSIO_APP_ANNOTATIONS_ANNOTATION_JSON_H

#include "app/annotations/annotation.h"

#include <jansson.h>

// Gives the JSON of an annotation that annotation_check accepts.
json_t *annotation_to_json(const struct annotation *annotation);

// What a writer gives: "channel", "link", "text", "rating", "tags" and "replies_to"; all but the
// first two may be left out. What is read passes annotation_check_draft; id and times are for the
// caller to set. `out` borrows from `object`. ERR_INVALID or ERR_TOO_LARGE with `problem`.
WARN_UNUSED enum err annotation_draft_from_json(const json_t *object, struct annotation *out,
                                                struct errmsg *problem);

// What a writer changes: "text", "rating" and "tags", at least one of them; null takes away what
// there was, as in RFC 7396. On ERR_OK `annotation`, which borrows from `object` then, passes
// annotation_check_draft as it did before. ERR_INVALID or ERR_TOO_LARGE with `problem`.
WARN_UNUSED enum err annotation_edit_from_json(const json_t *object, struct annotation *annotation,
                                               struct errmsg *problem);

#endif
