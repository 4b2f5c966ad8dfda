// A store under test, whichever adapter it is, that remembers what it reported.
#ifndef BRUSIO_TESTS_ADAPTER_STORE_FIXTURE_H
#define BRUSIO_TESTS_ADAPTER_STORE_FIXTURE_H

#include "adapter/store_lmdb.h"
#include "adapter/store_logged.h"
#include "adapter/store_memory.h"

#include <semaphore.h>

enum store_kind { KIND_MEMORY, KIND_LMDB_COMMIT, KIND_LMDB_INTERVAL, KIND_LOGGED };

enum { REPORTS_MAX = 65536 };

struct store_report {
    uint64_t batch;
    enum err error;
};

struct store_fixture {
    enum store_kind kind;
    struct store port;
    struct store_lmdb *lmdb;
    struct store_memory *memory;
    struct store_logged *logged;
    sem_t notified;
    struct store_report reports[REPORTS_MAX];
    size_t report_count;
};

// Opens; `directory` is not used in memory. 0 stands for the default size. The error of opening.
enum err store_fixture_open(struct store_fixture *fixture, enum store_kind kind,
                            const char *directory, uint64_t size_bytes_max, struct errmsg *detail);
void store_fixture_close(struct store_fixture *fixture);

void store_fixture_poll(struct store_fixture *fixture);

// Polls, as an event loop would, until `batch` is reported; gives the error it was reported with.
enum err store_fixture_wait(struct store_fixture *fixture, uint64_t batch);

void store_fixture_put(struct store_fixture *fixture, enum store_table table, const char *key,
                       const char *value);
uint64_t store_fixture_commit(struct store_fixture *fixture);

// Whether `key` holds exactly `value` (NULL: is absent).
bool store_fixture_holds(struct store_fixture *fixture, enum store_table table, const char *key,
                         const char *value);

#endif
