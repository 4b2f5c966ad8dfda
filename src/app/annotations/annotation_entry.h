// An annotation as a node has it: the version that is shown, and those that are in conflict with
// it.
//
// Promise: any bytes of a store are an entry or refused; the JSON of an entry is that of the
// annotation with, beside its fields,
//
//     "state": "tentative" or "stable", "version": "<stamp>",
//     "conflicts": [{<the fields of that version>, "state": ..., "version": ...}]
//
// Versions are in conflict when their writers did not know of each other. Only an author writes
// under the author's keys, so that both are one author's, written on two nodes.
//
// Invariants
//  1. The key is the annotation's id, and the value names the channel that it was found in: a value
//     that was copied to another channel is no entry.
//
// A conflicting version that cannot be read is shown as {"state", "version"} alone. It does not
// check signatures: what a node has was checked when it came.
#ifndef BRUSIO_APP_ANNOTATIONS_ANNOTATION_ENTRY_H
#define BRUSIO_APP_ANNOTATIONS_ANNOTATION_ENTRY_H

#include "app/annotations/annotation.h"
#include "model/request.h"

#include <jansson.h>

// Large, as an annotation is; borrows from what it was read from.
struct annotation_entry {
    struct annotation annotation;
    struct stamp stamp;
    bool is_stable;
    struct slice value;     // the annotation, encoded
    struct slice conflicts; // version_entry_append's bytes
};

// Of an annotation in the channel, with the versions in conflict with it. ERR_INVALID, ERR_VERSION
// (a newer program wrote it).
WARN_UNUSED enum err annotation_entry_read(struct slice channel, const struct annotation_id *id,
                                           const struct version_entry *winner,
                                           struct slice conflicts, struct annotation_entry *out);

// Of one key of a scan of the channel.
WARN_UNUSED enum err annotation_entry_of_scan(struct slice channel,
                                              const struct scan_entry *scanned,
                                              struct annotation_entry *out);

// The version of this stamp, the shown one or one in conflict with it, into `out`. ERR_NOT_FOUND.
WARN_UNUSED enum err annotation_entry_find(const struct annotation_entry *entry,
                                           struct stamp version, struct version_entry *out);

// Gives the JSON of an entry that was read.
json_t *annotation_entry_to_json(const struct annotation_entry *entry);

#endif
