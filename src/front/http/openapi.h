// The description of the HTTP interface, in OpenAPI 3.1.
//
// docs/openapi.json is the same document, laid out for people:
//   curl -H "Authorization: Bearer $TOKEN" http://localhost:5000/openapi.json | jq . > docs/openapi.json
// The tests hold the two, and the router's paths and methods, against each other.
#ifndef BRUSIO_FRONT_HTTP_OPENAPI_H
#define BRUSIO_FRONT_HTTP_OPENAPI_H

// A JSON document, as text.
extern const char openapi_text[];

#endif
