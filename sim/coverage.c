#include "sim/coverage.h"

#include "model/record.h"

#include <inttypes.h>

void coverage_add(struct coverage *to, const struct coverage *from)
{
    for (unsigned i = 0; i < COVERAGE_KIND_COUNT; i++)
        to->kinds[i] += from->kinds[i];
    for (unsigned i = 0; i < MESSAGE_KIND_COUNT; i++)
        to->messages[i] += from->messages[i];
    for (unsigned i = 0; i < FAULT_KIND_COUNT; i++)
        to->faults[i] += from->faults[i];
}

static void of_inv(struct coverage *coverage, const struct message *message)
{
    struct record record;
    if (record_decode(message->inv.record, &record) != ERR_OK)
        return;
    if (record.dead)
        coverage_met(coverage, COVERAGE_CERTIFICATE);
    if (stamp_epoch(record.stamp) < message->epoch)
        coverage_met(coverage, COVERAGE_RECORD_SENT_AGAIN);
}

void coverage_of_message(struct coverage *coverage, const struct message *message)
{
    coverage->messages[message->kind]++;
    if (message->kind == MESSAGE_INV)
        of_inv(coverage, message);
    else if (message->kind == MESSAGE_TAKEOVER && message->takeover.records.length > 0)
        coverage_met(coverage, COVERAGE_TAKEOVER_RECORDS);
    else if (message->kind == MESSAGE_SYNC_RECORDS && message->sync_records.records.length > 0)
        coverage_met(coverage, COVERAGE_SYNC_SENT);
}

static void of_node(struct coverage *coverage, const struct map_node *before,
                    const struct map_node *after)
{
    if (before == NULL) {
        coverage_met(coverage, COVERAGE_NODE_ADMITTED);
        return;
    }
    if (before->incarnation != after->incarnation)
        coverage_met(coverage, COVERAGE_INCARNATION);
    if (before->state == after->state)
        return;
    if (after->state == NODE_FAILED)
        coverage_met(coverage, COVERAGE_NODE_FAILED);
    if (before->state == NODE_FAILED)
        coverage_met(coverage, COVERAGE_NODE_RECOVERED);
    if (after->state == NODE_DOWN)
        coverage_met(coverage, COVERAGE_NODE_DOWN);
    if (before->state == NODE_DOWN && after->state == NODE_UP)
        coverage_met(coverage, COVERAGE_NODE_UP);
}

// Whether anything changed for the slot.
static bool of_slot(struct coverage *coverage, const struct replica_set *before,
                    const struct replica_set *after, node_set live)
{
    node_set left = before->in_sync & ~after->in_sync;
    if (after->join_epoch > before->join_epoch)
        coverage_met(coverage, COVERAGE_JOIN_BEGUN);
    if (node_set_count(after->joining) > 1)
        coverage_met(coverage, COVERAGE_JOIN_SECOND);
    if ((before->joining & ~after->joining & ~after->in_sync) != 0)
        coverage_met(coverage, COVERAGE_JOIN_GIVEN_UP);
    if ((before->joining & after->in_sync) != 0)
        coverage_met(coverage, COVERAGE_PROMOTED);
    if ((left & live) != 0)
        coverage_met(coverage, COVERAGE_DROPPED_LIVE);
    if ((left & ~live) != 0)
        coverage_met(coverage, COVERAGE_SHRUNK);
    if (before->primary != after->primary)
        coverage_met(coverage, after->primary == NODE_NONE    ? COVERAGE_PRIMARY_LOST
                               : before->primary == NODE_NONE ? COVERAGE_PRIMARY_FOUND
                                                              : COVERAGE_PRIMARY_MOVED);
    return before->in_sync != after->in_sync || before->joining != after->joining ||
           before->primary != after->primary;
}

void coverage_of_step(struct coverage *coverage, const struct cluster_map *before,
                      const struct cluster_map *after, const uint16_t *slots, unsigned slot_count)
{
    if (before->epoch == 0)
        return;
    for (unsigned i = 0; i < after->node_count; i++)
        of_node(coverage, cluster_map_node_of_store(before, after->nodes[i].store_id),
                &after->nodes[i]);
    for (unsigned i = 0; i < before->node_count; i++)
        if (cluster_map_node_of_store(after, before->nodes[i].store_id) == NULL)
            coverage_met(coverage, COVERAGE_NODE_REMOVED);
    if (before->voters != after->voters)
        coverage_met(coverage, COVERAGE_VOTERS);
    const struct keyspace *first = &before->keyspaces[0].keyspace;
    const struct keyspace *second = &after->keyspaces[0].keyspace;
    if (first->strategy != second->strategy ||
        first->replication_factor != second->replication_factor)
        coverage_met(coverage, COVERAGE_STRATEGY);
    bool any = false;
    for (unsigned i = 0; i < slot_count; i++)
        any |= of_slot(coverage, map_keyspace_slot(&before->keyspaces[0], slots[i]),
                       map_keyspace_slot(&after->keyspaces[0], slots[i]), cluster_map_live(before));
    if (!any)
        coverage_met(coverage, COVERAGE_NOTHING);
}

static const char *const kind_texts[COVERAGE_KIND_COUNT] = {
#define X(name, text) text,
    COVERAGE_TABLE(X)
#undef X
};

static const char *kind_text(unsigned kind)
{
    return kind_texts[kind];
}

static const char *message_text(unsigned kind)
{
    return message_name((enum message_kind)kind);
}

static const char *fault_text(unsigned kind)
{
    return fault_name((enum fault_kind)kind);
}

// What is of optimistic keyspaces only is not missed by runs over strong ones.
static bool message_is_spared(unsigned kind)
{
    return message_is_optimistic((enum message_kind)kind);
}

struct part {
    const char *what;
    const uint64_t *counts;
    unsigned count;
    const char *(*text)(unsigned kind);
    bool (*is_spared)(unsigned kind); // whether it need not be met; NULL: all must
};

unsigned coverage_print(const struct coverage *coverage, FILE *out)
{
    const struct part parts[] = {
        {"fault", coverage->faults, FAULT_KIND_COUNT, fault_text, NULL},
        {"message", coverage->messages, MESSAGE_KIND_COUNT, message_text, message_is_spared},
        {"met", coverage->kinds, COVERAGE_KIND_COUNT, kind_text, NULL},
    };
    unsigned never = 0;
    for (unsigned p = 0; p < sizeof parts / sizeof parts[0]; p++)
        for (unsigned i = 0; i < parts[p].count; i++)
            fprintf(out, "%12" PRIu64 "  %s: %s\n", parts[p].counts[i], parts[p].what,
                    parts[p].text(i));
    for (unsigned p = 0; p < sizeof parts / sizeof parts[0]; p++) {
        for (unsigned i = 0; i < parts[p].count; i++) {
            if (parts[p].counts[i] > 0 || (parts[p].is_spared != NULL && parts[p].is_spared(i)))
                continue;
            fprintf(out, "never met: %s: %s\n", parts[p].what, parts[p].text(i));
            never++;
        }
    }
    return never;
}
