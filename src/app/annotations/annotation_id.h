// Which annotation: who wrote it, and a number that its writer drew.
//
// Promise: any bytes are an id or refused; one id has one text and one key.
//
// Invariants
//  1. The author is the first 16 bytes of the SHA-256 of the author's Ed25519 public key, the
//     number 8 bytes drawn at random when the annotation is made. All zeros mean no annotation.
//  2. The text is "<author>-<number>" in hexadecimal, lower case.
//  3. The key under which an annotation is stored is the author's bytes and then the number's, so
//     that an author's annotations stand side by side.
//
// It does not draw numbers, and does not prove that the author is who wrote.
#ifndef BRUSIO_APP_ANNOTATIONS_ANNOTATION_ID_H
#define BRUSIO_APP_ANNOTATIONS_ANNOTATION_ID_H

#include "base/buf.h"
#include "base/signing.h"

#define ANNOTATION_AUTHOR_BYTES 16
#define ANNOTATION_NUMBER_BYTES 8
#define ANNOTATION_KEY_BYTES (ANNOTATION_AUTHOR_BYTES + ANNOTATION_NUMBER_BYTES)
#define ANNOTATION_ID_TEXT_BYTES (2 * ANNOTATION_KEY_BYTES + 1)

struct annotation_id {
    uint8_t author[ANNOTATION_AUTHOR_BYTES];
    uint8_t number[ANNOTATION_NUMBER_BYTES];
};

// The id of the annotation to which this author gives this number.
struct annotation_id annotation_id_of(const struct signing_key *author,
                                      const uint8_t number[ANNOTATION_NUMBER_BYTES]);

// The id under which this author writes again what somebody wrote as `original`: the same each
// time, so that it is written once.
struct annotation_id annotation_id_adopted(const struct signing_key *author,
                                           const struct annotation_id *original);

bool annotation_id_is_none(const struct annotation_id *id);
bool annotation_id_equal(const struct annotation_id *a, const struct annotation_id *b);

// Appends the text, ANNOTATION_ID_TEXT_BYTES.
void annotation_id_append(struct buf *out, const struct annotation_id *id);

// ERR_INVALID when `text` is not the text of an id, or of none.
WARN_UNUSED enum err annotation_id_parse(struct slice text, struct annotation_id *out);

// An author alone, as an id's text begins. ERR_INVALID.
WARN_UNUSED enum err annotation_author_parse(struct slice text,
                                             uint8_t out[ANNOTATION_AUTHOR_BYTES]);

// Appends the key, ANNOTATION_KEY_BYTES.
void annotation_key_encode(struct buf *out, const struct annotation_id *id);

// ERR_INVALID when `key` is not the key of an annotation.
WARN_UNUSED enum err annotation_key_decode(struct slice key, struct annotation_id *out);

#endif
