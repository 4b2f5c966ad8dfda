#include "core/strong/flight.h"

#include "base/check.h"
#include "base/hash.h"
#include "core/strong/record_store.h"

#include <stdlib.h>

void flights_init(struct flights *flights)
{
    *flights = (struct flights){0};
    table_init(&flights->table);
    list_init(&flights->persisting);
    list_init(&flights->by_age);
}

static void flight_free(struct flights *flights, struct flight *flight)
{
    CHECK(list_empty(&flight->writers) && list_empty(&flight->waiting));
    table_remove(&flights->table, &flight->node);
    list_remove(&flight->persist_link);
    list_remove(&flight->age_link);
    flights->bytes -= flight->key_length + flight->record.value.length;
    flights->kept_count -= flight->kept;
    free(flight->record_bytes);
    free(flight);
}

void flights_release(struct flights *flights)
{
    struct flight *flight;
    while ((flight = flights_next(flights, NULL)) != NULL)
        flight_free(flights, flight);
    table_release(&flights->table);
}

struct wanted {
    uint32_t keyspace;
    struct slice key;
};

static struct flight *of_node(const struct table_node *node)
{
    return (struct flight *)(void *)((char *)(uintptr_t)node - offsetof(struct flight, node));
}

static bool matches(const struct table_node *node, const void *wanted)
{
    const struct wanted *want = wanted;
    const struct flight *flight = of_node(node);
    return flight->keyspace == want->keyspace && slice_equal(flight_key(flight), want->key);
}

struct flight *flights_find(const struct flights *flights, uint32_t keyspace, struct slice key)
{
    if (flights->table.count == 0)
        return NULL;
    struct wanted wanted = {.keyspace = keyspace, .key = key};
    struct table_node *node = table_find(&flights->table, hash64(key, keyspace), matches, &wanted);
    return node != NULL ? of_node(node) : NULL;
}

struct flight *flights_add(struct flights *flights, uint32_t keyspace, uint16_t slot,
                           struct slice key, uint64_t now_us)
{
    struct flight *flight = memory_zeroed(1, sizeof *flight + key.length);
    flight->keyspace = keyspace;
    flight->slot = slot;
    flight->key_length = key.length;
    memcpy(flight->key, key.bytes, key.length);
    flight->touched_us = now_us;
    list_init(&flight->persist_link);
    list_init(&flight->writers);
    list_init(&flight->waiting);
    list_init(&flight->age_link);
    list_append(&flights->by_age, &flight->age_link);
    flights->bytes += key.length;
    table_add(&flights->table, &flight->node, hash64(key, keyspace));
    return flight;
}

static struct slice mark_value(void)
{
    static const uint8_t mark[1] = {1};
    return slice_of(mark, sizeof mark);
}

static void queue_write(struct flights *flights, struct effects *effects, struct flight *flight,
                        struct slice record)
{
    struct store_key name;
    store_key_make(&name, flight->keyspace, flight->slot, flight_key(flight));
    effects_put(effects, EFFECT_DATA, STORE_MARKS, store_key_slice(&name), mark_value());
    effects_put(effects, EFFECT_DATA, STORE_RECORDS, store_key_slice(&name), record);
    flight->persisted = false;
    flight->token = effects_token(effects, EFFECT_DATA);
    list_remove(&flight->persist_link);
    list_append(&flights->persisting, &flight->persist_link);
}

static void set_record(struct flights *flights, struct flight *flight, const struct record *record)
{
    struct buf bytes;
    buf_init(&bytes, VALUE_BYTES_MAX + RECORD_OVERHEAD_MAX);
    record_encode(&bytes, record);
    CHECK(!bytes.overflown);
    flights->bytes -= flight->record.value.length;
    free(flight->record_bytes);
    flight->record_bytes = bytes.bytes; // the flight owns what the buffer owned
    flight->record_length = bytes.length;
    enum err error = record_decode(buf_slice(&bytes), &flight->record);
    CHECK(error == ERR_OK);
    flights->bytes += flight->record.value.length;
}

void flight_write(struct flights *flights, struct effects *effects, struct flight *flight,
                  const struct record *record)
{
    set_record(flights, flight, record);
    queue_write(flights, effects, flight, slice_of(flight->record_bytes, flight->record_length));
}

void flight_restore(struct flights *flights, struct flight *flight, const struct record *record)
{
    set_record(flights, flight, record);
    flight->persisted = true;
}

void flight_touch(struct flights *flights, struct flight *flight, uint64_t now_us)
{
    flight->touched_us = now_us;
    list_remove(&flight->age_link);
    list_append(&flights->by_age, &flight->age_link);
}

struct flight *flights_next_persisted(struct flights *flights, uint64_t token)
{
    if (list_empty(&flights->persisting))
        return NULL;
    struct flight *flight = LIST_ITEM(flights->persisting.next, struct flight, persist_link);
    if (flight->token > token)
        return NULL;
    list_remove(&flight->persist_link);
    flight->persisted = true;
    return flight;
}

static void clear_mark(struct effects *effects, const struct flight *flight)
{
    struct store_key name;
    store_key_make(&name, flight->keyspace, flight->slot, flight_key(flight));
    effects_remove(effects, EFFECT_DATA, STORE_MARKS, store_key_slice(&name));
}

void flight_end(struct flights *flights, struct effects *effects, struct flight *flight)
{
    if (!flight->kept)
        clear_mark(effects, flight);
    flight_free(flights, flight);
}

void flight_keep(struct flights *flights, struct effects *effects, struct flight *flight)
{
    CHECK(!flight->kept && flight->persisted && flight->committed);
    clear_mark(effects, flight);
    list_remove(&flight->age_link);
    flights->bytes -= flight->record.value.length;
    free(flight->record_bytes);
    flight->record_bytes = NULL;
    flight->record.value = slice_of(NULL, 0);
    flight->kept = true;
    flights->kept_count++;
}

struct flight *flights_next(const struct flights *flights, const struct flight *flight)
{
    struct table_node *node =
        flight == NULL ? table_first(&flights->table) : table_next(&flights->table, &flight->node);
    return node != NULL ? of_node(node) : NULL;
}

void flights_invariants(const struct flights *flights)
{
    const struct list *oldest = flights->by_age.next;
    if (oldest == &flights->by_age)
        return;
    const struct flight *flight = LIST_ITEM(oldest, const struct flight, age_link);
    CHECK(!flight->kept && !(flight->persisted && flight->committed));
    CHECK(flight->persisted == list_empty(&flight->persist_link));
}
