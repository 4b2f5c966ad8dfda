// The text is written as JSON, and made a string by the preprocessor. Its parts are files of their
// own.
#include "front/http/handlers.h"

// clang-format off
#define TEXT_OF(...) #__VA_ARGS__

const char openapi_text[] = TEXT_OF(
{
  "openapi": "3.1.0",
  "info": {
    "title": "brusio",
    "version": "0.1.0",
    "description": "A replicated key-value store. Every node answers every request. Errors are JSON: a short stable name in `error`, a sentence in `message`."
  },
  "security": [{"token": []}],
  "paths": {
)
#include "front/http/openapi_records.def"
#include "front/http/openapi_cluster.def"
#include "front/http/openapi_peers.def"
#include "front/http/openapi_annotations.def"
TEXT_OF(
    "/livez": {
      "get": {
        "summary": "Is the process alive?",
        "security": [],
        "responses": {"200": {"description": "It is", "content": {"application/json": {}}}}
      }
    },
    "/readyz": {
      "get": {
        "summary": "Does this node serve?",
        "security": [],
        "responses": {
          "200": {"description": "It does", "content": {"application/json": {}}},
          "503": {"$ref": "#/components/responses/error"}
        }
      }
    },
    "/openapi.json": {
      "get": {
        "summary": "This description",
        "responses": {"200": {"description": "OpenAPI 3.1", "content": {"application/json": {}}}}
      }
    }
  },
  "components": {
)
#include "front/http/openapi_components.def"
TEXT_OF(
  }
}
);
// clang-format on

void handle_openapi(struct exchange *exchange)
{
    exchange_bytes(exchange, 200, "application/json",
                   slice_of(openapi_text, sizeof openapi_text - 1));
}
