// An answer as the HTTP library takes it.
#ifndef BRUSIO_FRONT_HTTP_ANSWER_H
#define BRUSIO_FRONT_HTTP_ANSWER_H

#include "front/http/exchange.h"

struct MHD_Response;

// Gives a response to be ended by MHD_destroy_response; takes the answer's body. NULL when there is
// no memory.
struct MHD_Response *answer_response(struct answer *answer);

// Adds what the answer's fields say as headers. False when there is no memory.
bool answer_add_headers(const struct answer *answer, struct MHD_Response *response);

#endif
