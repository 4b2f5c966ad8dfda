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
    "/write": {
      "post": {
        "summary": "Create or update a key of keyspace default",
        "parameters": [{"$ref": "#/components/parameters/operation"}],
        "requestBody": {
          "required": true,
          "content": {"application/json": {"schema": {
            "type": "object",
            "required": ["key", "value"],
            "properties": {
              "key": {"type": "string", "minLength": 1, "description": "1 to 480 bytes of UTF-8"},
              "value": {"type": "string", "minLength": 1, "description": "At most 8 MiB of UTF-8"}
            }
          }}}
        },
        "responses": {
          "200": {"$ref": "#/components/responses/key_success"},
          "413": {"$ref": "#/components/responses/error"},
          "503": {"$ref": "#/components/responses/unavailable"},
          "507": {"$ref": "#/components/responses/insufficient_storage"},
          "default": {"$ref": "#/components/responses/error"}
        }
      }
    },
    "/read/{key}": {
      "parameters": [{"$ref": "#/components/parameters/text_key"}],
      "get": {
        "summary": "Read a key of keyspace default: the latest acknowledged value",
        "responses": {
          "200": {
            "description": "The value. One that is not UTF-8 comes as value_base64, and value is left out.",
            "content": {"application/json": {"schema": {
              "type": "object",
              "required": ["status", "key", "message"],
              "properties": {
                "status": {"const": "success"},
                "key": {"type": "string"},
                "value": {"type": "string"},
                "value_base64": {"type": "string", "contentEncoding": "base64"},
                "message": {"type": "string"}
              }
            }}}
          },
          "404": {"$ref": "#/components/responses/error"},
          "503": {"$ref": "#/components/responses/unavailable"},
          "default": {"$ref": "#/components/responses/error"}
        }
      }
    },
    "/delete/{key}": {
      "parameters": [{"$ref": "#/components/parameters/text_key"}],
      "delete": {
        "summary": "Delete a key of keyspace default",
        "parameters": [{"$ref": "#/components/parameters/operation"}],
        "responses": {
          "200": {"$ref": "#/components/responses/key_success"},
          "404": {"$ref": "#/components/responses/error"},
          "503": {"$ref": "#/components/responses/unavailable"},
          "default": {"$ref": "#/components/responses/error"}
        }
      }
    },
    "/fail/{node}": {
      "parameters": [{"$ref": "#/components/parameters/node"}],
      "post": {
        "summary": "A drill: make the replicas of a node behave as dead",
        "responses": {
          "200": {"$ref": "#/components/responses/node_success"},
          "404": {"$ref": "#/components/responses/error"},
          "409": {"$ref": "#/components/responses/error"},
          "default": {"$ref": "#/components/responses/error"}
        }
      }
    },
    "/recover/{node}": {
      "parameters": [{"$ref": "#/components/parameters/node"}],
      "post": {
        "summary": "End the drill; answers when the node serves again",
        "responses": {
          "200": {"$ref": "#/components/responses/node_success"},
          "404": {"$ref": "#/components/responses/error"},
          "409": {"$ref": "#/components/responses/error"},
          "default": {"$ref": "#/components/responses/error"}
        }
      }
    },
    "/nodes": {
      "get": {
        "summary": "The members of the cluster",
        "responses": {
          "200": {
            "description": "alive: in state up",
            "content": {"application/json": {"schema": {
              "type": "object",
              "required": ["status", "nodes"],
              "properties": {
                "status": {"const": "success"},
                "nodes": {"type": "array", "items": {"$ref": "#/components/schemas/node"}}
              }
            }}}
          },
          "default": {"$ref": "#/components/responses/error"}
        }
      }
    },
    "/set_replication_strategy": {
      "post": {
        "summary": "Place keyspace default on every node, or on some by consistent hashing",
        "description": "Answers when the change is agreed; records move afterwards, without stopping reads or writes. Without replication_factor the keyspace keeps the one that it has.",
        "requestBody": {
          "required": true,
          "content": {"application/json": {"schema": {
            "type": "object",
            "required": ["strategy"],
            "properties": {
              "strategy": {"$ref": "#/components/schemas/strategy"},
              "replication_factor": {"$ref": "#/components/schemas/replication_factor"}
            }
          }}}
        },
        "responses": {
          "200": {
            "description": "Agreed",
            "content": {"application/json": {"schema": {
              "type": "object",
              "required": ["status", "message", "strategy", "replication_factor"],
              "properties": {
                "status": {"const": "success"},
                "message": {"type": "string"},
                "strategy": {"$ref": "#/components/schemas/strategy"},
                "replication_factor": {"type": "integer"}
              }
            }}}
          },
          "400": {"$ref": "#/components/responses/error"},
          "default": {"$ref": "#/components/responses/error"}
        }
      }
    },
    "/nodes_for_key/{key}": {
      "parameters": [{"$ref": "#/components/parameters/text_key"}],
      "get": {
        "summary": "The nodes of a key of keyspace default, stored or not",
        "responses": {
          "200": {
            "description": "nodes: the ids of those that the strategy gives the key to. While records move, or a node is away, those that hold it (in_sync) differ.",
            "content": {"application/json": {"schema": {
              "type": "object",
              "required": ["status", "key", "slot", "primary", "nodes", "in_sync", "joining"],
              "properties": {
                "status": {"const": "success"},
                "key": {"type": "string"},
                "slot": {"type": "integer", "minimum": 0, "maximum": 16383},
                "primary": {"type": ["integer", "null"], "description": "Orders the writes; null while none can"},
                "nodes": {"type": "array", "items": {"type": "integer"}},
                "in_sync": {"type": "array", "items": {"type": "integer"}},
                "joining": {"type": "array", "items": {"type": "integer"}}
              }
            }}}
          },
          "default": {"$ref": "#/components/responses/error"}
        }
      }
    },
    "/v1/kv/{keyspace}": {
      "parameters": [{"$ref": "#/components/parameters/keyspace"}],
      "get": {
        "summary": "List the keys of a keyspace, slot by slot",
        "parameters": [
          {"name": "prefix", "in": "query", "schema": {"type": "string"}, "description": "Only keys that begin with these bytes"},
          {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}},
          {"name": "cursor", "in": "query", "schema": {"type": "string"}, "description": "Where an earlier listing ended"}
        ],
        "responses": {
          "200": {
            "description": "Some keys, perhaps none although more follow: go on while cursor is not null",
            "content": {"application/json": {"schema": {
              "type": "object",
              "required": ["status", "keys", "cursor"],
              "properties": {
                "status": {"const": "success"},
                "keys": {"type": "array", "items": {
                  "type": "object",
                  "required": ["etag", "size"],
                  "properties": {
                    "key": {"type": "string"},
                    "key_base64": {"type": "string", "contentEncoding": "base64", "description": "In place of key when that is not UTF-8"},
                    "etag": {"type": "string"},
                    "size": {"type": "integer", "description": "Bytes of the value"}
                  }
                }},
                "cursor": {"type": ["string", "null"]}
              }
            }}}
          },
          "404": {"$ref": "#/components/responses/error"},
          "503": {"$ref": "#/components/responses/unavailable"},
          "default": {"$ref": "#/components/responses/error"}
        }
      }
    },
    "/v1/kv/{keyspace}/{key}": {
      "parameters": [
        {"$ref": "#/components/parameters/keyspace"},
        {"$ref": "#/components/parameters/key"}
      ],
      "get": {
        "summary": "Read a value",
        "parameters": [
          {"name": "consistency", "in": "query", "schema": {"enum": ["strong", "local"], "default": "strong"}, "description": "local: whatever this node has, perhaps old; said in the header Brusio-Consistency"},
          {"name": "If-None-Match", "in": "header", "schema": {"type": "string"}, "description": "304 when the value has one of these etags"}
        ],
        "responses": {
          "200": {
            "description": "The value",
            "headers": {"ETag": {"$ref": "#/components/headers/etag"}},
            "content": {"application/octet-stream": {}}
          },
          "304": {"description": "The value is the one that the client has"},
          "404": {"$ref": "#/components/responses/error"},
          "503": {"$ref": "#/components/responses/unavailable"},
          "default": {"$ref": "#/components/responses/error"}
        }
      },
      "put": {
        "summary": "Create or replace a value, of any bytes, perhaps none",
        "parameters": [
          {"$ref": "#/components/parameters/operation"},
          {"$ref": "#/components/parameters/if_match"},
          {"name": "If-None-Match", "in": "header", "schema": {"const": "*"}, "description": "Only if there is no such key"}
        ],
        "requestBody": {"required": true, "content": {"application/octet-stream": {}}},
        "responses": {
          "201": {"description": "Created", "headers": {"ETag": {"$ref": "#/components/headers/etag"}}},
          "204": {"description": "Replaced", "headers": {"ETag": {"$ref": "#/components/headers/etag"}}},
          "412": {"$ref": "#/components/responses/mismatch"},
          "413": {"$ref": "#/components/responses/error"},
          "503": {"$ref": "#/components/responses/unavailable"},
          "507": {"$ref": "#/components/responses/insufficient_storage"},
          "default": {"$ref": "#/components/responses/error"}
        }
      },
      "delete": {
        "summary": "Delete a key",
        "parameters": [
          {"$ref": "#/components/parameters/operation"},
          {"$ref": "#/components/parameters/if_match"}
        ],
        "responses": {
          "204": {"description": "Deleted"},
          "404": {"$ref": "#/components/responses/error"},
          "412": {"$ref": "#/components/responses/mismatch"},
          "503": {"$ref": "#/components/responses/unavailable"},
          "default": {"$ref": "#/components/responses/error"}
        }
      }
    },
    "/v1/nodes": {
      "get": {
        "summary": "The cluster as this node knows it",
        "responses": {
          "200": {
            "description": "Slots are counted over all keyspaces",
            "content": {"application/json": {"schema": {
              "type": "object",
              "required": ["status", "cluster", "generation", "epoch", "moves_left", "answered_by", "nodes"],
              "properties": {
                "status": {"const": "success"},
                "cluster": {"type": "string"},
                "generation": {"type": "integer"},
                "epoch": {"type": "integer"},
                "moves_left": {"type": "integer", "description": "Replicas of slots that are still to be brought in sync, over all nodes"},
                "answered_by": {
                  "type": "object",
                  "properties": {
                    "node_id": {"type": "integer"},
                    "serving": {"type": "boolean"},
                    "lease_held": {"type": "boolean", "description": "A majority of the voters has granted this node a lease"},
                    "epoch": {"type": "integer"},
                    "in_flight": {"type": "integer", "description": "Records that are not committed yet"},
                    "slots_in_sync": {"type": "integer"},
                    "slots_joining": {"type": "integer"},
                    "slots_awaited": {"type": "integer"},
                    "sync_records": {"type": "integer", "description": "Records that came by sync since this node's start"},
                    "sync_bytes": {"type": "integer"}
                  }
                },
                "nodes": {"type": "array", "items": {"$ref": "#/components/schemas/member"}}
              }
            }}}
          },
          "default": {"$ref": "#/components/responses/error"}
        }
      }
    },
    "/v1/nodes/{node}": {
      "parameters": [{"$ref": "#/components/parameters/node"}],
      "delete": {
        "summary": "Remove a node",
        "description": "Answers as soon as it is agreed. The node goes on serving while others take its slots; then it is listed no more, and its process ends. It can join again only with an empty data directory. A dead node can be removed too.",
        "responses": {
          "202": {
            "description": "The node leaves; /v1/nodes tells how far it is",
            "content": {"application/json": {"schema": {
              "type": "object",
              "required": ["status", "message", "node_id"],
              "properties": {
                "status": {"const": "success"},
                "message": {"type": "string"},
                "node_id": {"type": "integer"},
                "node": {"$ref": "#/components/schemas/member"}
              }
            }}}
          },
          "404": {"$ref": "#/components/responses/error"},
          "409": {"$ref": "#/components/responses/error"},
          "default": {"$ref": "#/components/responses/error"}
        }
      }
    },
    "/v1/keyspaces": {
      "get": {
        "summary": "All keyspaces",
        "responses": {
          "200": {
            "description": "All keyspaces",
            "content": {"application/json": {"schema": {
              "type": "object",
              "required": ["status", "keyspaces"],
              "properties": {
                "status": {"const": "success"},
                "keyspaces": {"type": "array", "items": {"$ref": "#/components/schemas/keyspace"}}
              }
            }}}
          },
          "default": {"$ref": "#/components/responses/error"}
        }
      },
      "post": {
        "summary": "Make a keyspace",
        "requestBody": {
          "required": true,
          "content": {"application/json": {"schema": {
            "type": "object",
            "required": ["name"],
            "additionalProperties": false,
            "properties": {
              "name": {"$ref": "#/components/schemas/keyspace_name"},
              "strategy": {"$ref": "#/components/schemas/strategy", "default": "full"},
              "replication_factor": {"$ref": "#/components/schemas/replication_factor", "description": "3, or the number of nodes if that is less, unless given"},
              "min_in_sync": {"$ref": "#/components/schemas/min_in_sync", "default": 1}
            }
          }}}
        },
        "responses": {
          "201": {"$ref": "#/components/responses/keyspace_success"},
          "409": {"$ref": "#/components/responses/error"},
          "default": {"$ref": "#/components/responses/error"}
        }
      }
    },
    "/v1/keyspaces/{keyspace}": {
      "parameters": [{"$ref": "#/components/parameters/keyspace"}],
      "get": {
        "summary": "One keyspace",
        "responses": {
          "200": {
            "description": "The keyspace",
            "content": {"application/json": {"schema": {
              "type": "object",
              "required": ["status", "keyspace"],
              "properties": {
                "status": {"const": "success"},
                "keyspace": {"$ref": "#/components/schemas/keyspace"}
              }
            }}}
          },
          "404": {"$ref": "#/components/responses/error"},
          "default": {"$ref": "#/components/responses/error"}
        }
      },
      "patch": {
        "summary": "Change a keyspace",
        "description": "What is not given stays. The placement is agreed first, then min_in_sync: if the second fails, the first stands.",
        "requestBody": {
          "required": true,
          "content": {"application/json": {"schema": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": false,
            "properties": {
              "strategy": {"$ref": "#/components/schemas/strategy"},
              "replication_factor": {"$ref": "#/components/schemas/replication_factor"},
              "min_in_sync": {"$ref": "#/components/schemas/min_in_sync"}
            }
          }}}
        },
        "responses": {
          "200": {"$ref": "#/components/responses/keyspace_success"},
          "404": {"$ref": "#/components/responses/error"},
          "409": {"$ref": "#/components/responses/error"},
          "default": {"$ref": "#/components/responses/error"}
        }
      }
    },
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
    "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
    "headers": {
      "etag": {"schema": {"type": "string"}, "description": "The version of the value: its stamp in double quotes"},
      "retry_after": {"schema": {"type": "integer", "minimum": 1}, "description": "Seconds to wait before the request is sent again"}
    },
    "parameters": {
      "text_key": {"name": "key", "in": "path", "required": true, "schema": {"type": "string"}, "description": "1 to 480 bytes of UTF-8, percent-encoded; a slash may stand as it is"},
      "key": {"name": "key", "in": "path", "required": true, "schema": {"type": "string"}, "description": "1 to 480 bytes, any bytes, percent-encoded; a slash may stand as it is"},
      "keyspace": {"name": "keyspace", "in": "path", "required": true, "schema": {"$ref": "#/components/schemas/keyspace_name"}, "description": "A slash in the name is written as %2F"},
      "node": {"name": "node", "in": "path", "required": true, "schema": {"type": "integer", "minimum": 1, "maximum": 64}},
      "operation": {"name": "Idempotency-Key", "in": "header", "schema": {"type": "string", "pattern": "^[0-9a-fA-F]{32}$"}, "description": "Chosen at random for one operation: a PUT that is sent again with it, while the key has no newer version, is answered and not done twice"},
      "if_match": {"name": "If-Match", "in": "header", "schema": {"type": "string"}, "description": "One etag, or * for any present version; not together with If-None-Match"}
    },
    "schemas": {
      "strategy": {"enum": ["full", "consistent"]},
      "replication_factor": {"type": "integer", "minimum": 1, "description": "At most the number of nodes"},
      "min_in_sync": {"type": "integer", "minimum": 1, "description": "Writes need this many live replicas; at most as many as there are"},
      "keyspace_name": {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[a-z0-9]([a-z0-9_./-]*[a-z0-9])?$"},
      "keyspace": {
        "type": "object",
        "required": ["name", "id", "mode", "strategy", "replication_factor", "min_in_sync"],
        "properties": {
          "name": {"$ref": "#/components/schemas/keyspace_name"},
          "id": {"type": "integer"},
          "mode": {"enum": ["strong"]},
          "strategy": {"$ref": "#/components/schemas/strategy"},
          "replication_factor": {"type": "integer"},
          "min_in_sync": {"type": "integer"}
        }
      },
      "node": {
        "type": "object",
        "required": ["node_id", "status", "port", "address", "state"],
        "properties": {
          "node_id": {"type": "integer"},
          "status": {"enum": ["alive", "dead"]},
          "port": {"type": "integer", "description": "For HTTP"},
          "address": {"type": "string", "description": "host:port for HTTP"},
          "state": {"enum": ["up", "down", "failed"]}
        }
      },
      "member": {"allOf": [
        {"$ref": "#/components/schemas/node"},
        {
          "type": "object",
          "properties": {
            "http_address": {"type": "string"},
            "peer_address": {"type": "string"},
            "leaving": {"type": "boolean", "description": "It is being removed"},
            "replaced": {"type": "boolean", "description": "It was down for so long that others took its place"},
            "voter": {"type": "boolean"},
            "slots_in_sync": {"type": "integer"},
            "slots_joining": {"type": "integer"},
            "slots_target": {"type": "integer", "description": "Those that it should hold"},
            "slots_awaited": {"type": "integer", "description": "Of these, those that are not in sync yet"},
            "slots_primary": {"type": "integer"}
          }
        }
      ]},
      "error": {
        "type": "object",
        "required": ["error", "message"],
        "properties": {
          "error": {"type": "string", "description": "Short and stable: invalid, unauthorized, not_found, method_not_allowed, exists, illegal, mismatch, too_large, busy, unavailable, cut_off, retry, timeout, outcome_unknown, insufficient_storage, io, corrupt and others"},
          "message": {"type": "string", "description": "What is wrong, and what to do"},
          "awaited": {"type": "array", "items": {"type": "integer"}, "description": "With unavailable: nodes any of which could answer once it is back"}
        }
      }
    },
    "responses": {
      "key_success": {
        "description": "Done, and durable on every live replica",
        "content": {"application/json": {"schema": {
          "type": "object",
          "required": ["status", "message", "key"],
          "properties": {
            "status": {"const": "success"},
            "message": {"type": "string"},
            "key": {"type": "string"}
          }
        }}}
      },
      "node_success": {
        "description": "Done",
        "content": {"application/json": {"schema": {
          "type": "object",
          "required": ["status", "message", "node_id"],
          "properties": {
            "status": {"const": "success"},
            "message": {"type": "string"},
            "node_id": {"type": "integer"}
          }
        }}}
      },
      "keyspace_success": {
        "description": "Agreed",
        "content": {"application/json": {"schema": {
          "type": "object",
          "required": ["status", "message", "name"],
          "properties": {
            "status": {"const": "success"},
            "message": {"type": "string"},
            "name": {"type": "string"}
          }
        }}}
      },
      "mismatch": {
        "description": "The condition does not hold; ETag names the present version, if there is one",
        "headers": {"ETag": {"$ref": "#/components/headers/etag"}},
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/error"}}}
      },
      "unavailable": {
        "description": "Not now: no replica can answer (unavailable, retry), this node is cut off from the others (cut_off), or it has too much to do or too many connections (busy). Ask again when as many seconds as Retry-After says have passed, or ask another node. Every request may be answered so.",
        "headers": {"Retry-After": {"$ref": "#/components/headers/retry_after"}},
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/error"}}}
      },
      "insufficient_storage": {
        "description": "The disk or the store of a replica is full (insufficient_storage): delete something, or give the node more room. Reads go on.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/error"}}}
      },
      "error": {
        "description": "400 a bad request, 401 no token, 405 another method, 409 a conflict, 413 too large, 503 not now or too busy (with Retry-After), 504 no answer in time or outcome_unknown, 507 insufficient_storage, 500 a fault of this node",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/error"}}}
      }
    }
  }
}
);
// clang-format on

void handle_openapi(struct exchange *exchange)
{
    exchange_bytes(exchange, 200, "application/json",
                   slice_of(openapi_text, sizeof openapi_text - 1));
}
