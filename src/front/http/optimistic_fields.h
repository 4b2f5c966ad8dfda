// The fields by which a keyspace is made optimistic.
//
// Promise: as placement_fields.h has it.
#ifndef BRUSIO_FRONT_HTTP_OPTIMISTIC_FIELDS_H
#define BRUSIO_FRONT_HTTP_OPTIMISTIC_FIELDS_H

#include "front/http/exchange.h"
#include "front/http/fields.h"

// "mode": strong, unless it is there.
bool optimistic_take_mode(struct exchange *exchange, const struct fields *fields,
                          bool *is_optimistic);

// All others but the name, which the caller takes; those that are not there get what
// optimistic_default gives. The secret is drawn from the operating system. No other fields may be
// there.
bool optimistic_take_settings(struct exchange *exchange, const struct fields *fields,
                              struct optimistic *out);

// Are none of those there? They would do nothing in a strong keyspace.
bool optimistic_refuse_settings(struct exchange *exchange, const struct fields *fields);

// The settings, as an answer shows them: `,"family":...` and so on.
void optimistic_append_settings(struct buf *out, const struct optimistic *optimistic);

#endif
