// The handlers of all routes. Each answers its exchange, or asks the host and names who will.
#ifndef BRUSIO_FRONT_HTTP_HANDLERS_H
#define BRUSIO_FRONT_HTTP_HANDLERS_H

#include "front/http/exchange.h"

// records.c: keys and values as JSON, in keyspace `default`.
void handle_write(struct exchange *exchange);
void handle_read(struct exchange *exchange);
void handle_delete(struct exchange *exchange);

// drills.c: making a node fail and recover.
void handle_fail(struct exchange *exchange);
void handle_recover(struct exchange *exchange);

// nodes.c: who is there, and who is to leave.
void handle_nodes(struct exchange *exchange);
void handle_v1_nodes(struct exchange *exchange);
void handle_v1_node_remove(struct exchange *exchange);

// placement.c: where the keys of keyspace `default` are.
void handle_set_strategy(struct exchange *exchange);
void handle_nodes_for_key(struct exchange *exchange);

// kv.c: keys and values as raw bytes, in every keyspace. handle_kv_get lists when no key is named.
void handle_kv_get(struct exchange *exchange);
void handle_kv_put(struct exchange *exchange);
void handle_kv_delete(struct exchange *exchange);

// optimistic_kv.c: what kv.c asks for when the keyspace is an optimistic one.
void ask_optimistic_get(struct exchange *exchange, struct request *request);
void ask_optimistic_write(struct exchange *exchange, struct request *request);

// listing.c: the keys of a keyspace.
void handle_kv_list(struct exchange *exchange);

// keyspaces.c
void handle_keyspaces(struct exchange *exchange);
void handle_keyspace(struct exchange *exchange);
void handle_keyspace_create(struct exchange *exchange);
void handle_keyspace_change(struct exchange *exchange);

// channels.c: channels of annotations.
void handle_channels(struct exchange *exchange);
void handle_channel_subscribe(struct exchange *exchange);
void handle_channel_unsubscribe(struct exchange *exchange);

// annotation_list.c
void handle_annotations(struct exchange *exchange);

// annotations.c: one annotation, and what else stands below /v1/annotations/.
void handle_annotation_create(struct exchange *exchange);
void handle_annotation_get(struct exchange *exchange);
void handle_annotation_post(struct exchange *exchange);
void handle_annotation_restore(struct exchange *exchange);
void handle_annotation_patch(struct exchange *exchange);
void handle_annotation_delete(struct exchange *exchange);

// annotation_export.c, annotation_import.c, annotation_feed.c
void handle_annotation_export(struct exchange *exchange);
void handle_annotation_import(struct exchange *exchange);
void handle_annotation_feed(struct exchange *exchange);

// authors.c: whom this node's user does not want to see.
void handle_muted(struct exchange *exchange);
void handle_mute(struct exchange *exchange);
void handle_unmute(struct exchange *exchange);

// peers.c: whom this node exchanges optimistic keyspaces with.
void handle_peers(struct exchange *exchange);

// spaces.c: an optimistic keyspace, or channel, as this node keeps it.
void handle_stability(struct exchange *exchange);
void handle_subscribe(struct exchange *exchange);
void handle_unsubscribe(struct exchange *exchange);
void handle_exchange(struct exchange *exchange);

// bundles.c: the operations of an optimistic keyspace, to be carried as a file.
void handle_bundle_export(struct exchange *exchange);
void handle_bundle_import(struct exchange *exchange);

// health.c
void handle_livez(struct exchange *exchange);
void handle_readyz(struct exchange *exchange);

// openapi.c: the description of the interface, a JSON document as text. docs/openapi.json is the
// same, laid out for people; tests hold the two, and the router's paths and methods, together.
extern const char openapi_text[];
void handle_openapi(struct exchange *exchange);

#endif
