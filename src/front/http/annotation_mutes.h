// The authors whom this node's user does not want to see.
//
// They are kept by this node alone, under "mute/<author>", and are told to nobody.
#ifndef BRUSIO_FRONT_HTTP_ANNOTATION_MUTES_H
#define BRUSIO_FRONT_HTTP_ANNOTATION_MUTES_H

#include "app/annotations/annotation_query.h"
#include "front/http/exchange.h"

// Asks the host for all of them, or (its digits named) for one.
void annotation_mutes_ask(struct exchange *exchange, struct slice author_digits,
                          exchange_respond *respond);

// Mutes in the query those of the host's answer.
void annotation_mutes_take(struct annotation_query *query, const struct reply *reply);

#endif
