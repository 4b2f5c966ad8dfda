// Annotations in the W3C Web Annotation Data Model (Recommendation of 23 February 2017), as
// JSON-LD.
//
//     {"@context": "http://www.w3.org/ns/anno.jsonld",
//      "id": "urn:brusio:annotation:<author>-<number>",
//      "type": "Annotation",
//      "motivation": "commenting",
//      "creator": "urn:brusio:author:<author>",
//      "created": "2026-03-01T12:30:00.250Z",
//      "modified": "2026-03-01T12:30:00.250Z",
//      "dcterms:isPartOf": {"id": "urn:brusio:channel:<channel>"},
//      "body": [
//        {"type": "TextualBody", "value": "<text>", "format": "text/plain"},
//        {"type": "TextualBody", "value": "<tag>", "purpose": "tagging"},
//        {"type": "schema:Rating", "schema:ratingValue": 4, "schema:worstRating": 0,
//         "schema:bestRating": 5}],
//      "target": "<link>"}
//
// A reply has the motivation "replying" and names the annotation that it answers in
// "as:inReplyTo": {"id": "urn:brusio:annotation:<id>"}; its target is the link, as in any other, so
// that whoever does not know the term still finds it at what it is about. The prefixes dcterms, as
// (ActivityStreams) and schema (schema.org) are those of the context itself.
//
// Promise: what annotation_to_jsonld gives is read to the same annotation. Read strictly, for
// nothing may be lost on the way: what this profile does not have is refused, with a sentence that
// names it. Taken beside what is written: one body that is no array, a rating without its limits
// (worstRating, bestRating), a text without its format, or with the motivation as its purpose, the
// context in an array of one, and times with a shorter fraction of a second.
//
// It does not expand JSON-LD, and takes no annotations of others: their ids are not ours.
#ifndef BRUSIO_APP_ANNOTATIONS_ANNOTATION_JSONLD_H
#define BRUSIO_APP_ANNOTATIONS_ANNOTATION_JSONLD_H

#include "app/annotations/annotation.h"

#include <jansson.h>

#define ANNOTATION_JSONLD_CONTEXT "http://www.w3.org/ns/anno.jsonld"

// Gives the JSON of an annotation that annotation_check accepts, as a document of its own or (no
// `with_context`) as an item of a page, which has the context.
json_t *annotation_to_jsonld(const struct annotation *annotation, bool with_context);

// "@context" may be left out. What is read passes annotation_check. `out` borrows from `object`.
// ERR_INVALID or ERR_TOO_LARGE with `problem`.
WARN_UNUSED enum err annotation_from_jsonld(const json_t *object, struct annotation *out,
                                            struct errmsg *problem);

// ERR_INVALID unless the "@context" of `object` is the one above, alone.
WARN_UNUSED enum err annotation_jsonld_check_context(const json_t *object, struct errmsg *problem);

#endif
