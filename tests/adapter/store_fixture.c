#include "store_fixture.h"

#include "base/check.h"

static void notify(void *context)
{
    struct store_fixture *fixture = context;
    CHECK(sem_post(&fixture->notified) == 0);
}

static void done(void *context, uint64_t batch, enum err error)
{
    struct store_fixture *fixture = context;
    CHECK(fixture->report_count < REPORTS_MAX);
    fixture->reports[fixture->report_count++] =
        (struct store_report){.batch = batch, .error = error};
}

enum err store_fixture_open(struct store_fixture *fixture, enum store_kind kind,
                            const char *directory, uint64_t size_bytes_max, struct errmsg *detail)
{
    fixture->kind = kind;
    fixture->lmdb = NULL;
    fixture->memory = NULL;
    fixture->logged = NULL;
    fixture->report_count = 0;
    CHECK(sem_init(&fixture->notified, 0, 0) == 0);
    if (kind == KIND_MEMORY) {
        struct store_memory_config config = {
            .size_bytes_max = size_bytes_max, .notify = notify, .done = done, .context = fixture};
        fixture->memory = store_memory_new(&config);
        fixture->port = store_memory_port(fixture->memory);
        return ERR_OK;
    }
    if (kind == KIND_LOGGED) {
        struct store_logged_config config = {.directory = directory,
                                             .size_bytes_max = size_bytes_max,
                                             .notify = notify,
                                             .done = done,
                                             .context = fixture};
        enum err error = store_logged_open(&config, &fixture->logged, detail);
        if (error == ERR_OK)
            fixture->port = store_logged_port(fixture->logged);
        return error;
    }
    struct store_lmdb_config config = {.directory = directory,
                                       .size_bytes_max = size_bytes_max,
                                       .durability = kind == KIND_LMDB_COMMIT ? DURABILITY_COMMIT
                                                                              : DURABILITY_INTERVAL,
                                       .notify = notify,
                                       .done = done,
                                       .context = fixture};
    enum err error = store_lmdb_open(&config, &fixture->lmdb, detail);
    if (error == ERR_OK)
        fixture->port = store_lmdb_port(fixture->lmdb);
    return error;
}

void store_fixture_close(struct store_fixture *fixture)
{
    store_lmdb_close(fixture->lmdb);
    store_memory_close(fixture->memory);
    store_logged_close(fixture->logged);
    fixture->lmdb = NULL;
    fixture->memory = NULL;
    fixture->logged = NULL;
    sem_destroy(&fixture->notified);
}

void store_fixture_poll(struct store_fixture *fixture)
{
    if (fixture->kind == KIND_MEMORY)
        store_memory_poll(fixture->memory);
    else if (fixture->kind == KIND_LOGGED)
        store_logged_poll(fixture->logged);
    else
        store_lmdb_poll(fixture->lmdb);
}

static bool reported(const struct store_fixture *fixture, uint64_t batch, enum err *out)
{
    for (size_t i = 0; i < fixture->report_count; i++) {
        *out = fixture->reports[i].error;
        if (fixture->reports[i].batch >= batch)
            return true;
    }
    return false;
}

enum err store_fixture_wait(struct store_fixture *fixture, uint64_t batch)
{
    enum err error = ERR_OK;
    store_fixture_poll(fixture);
    while (!reported(fixture, batch, &error)) {
        CHECK(sem_wait(&fixture->notified) == 0);
        store_fixture_poll(fixture);
    }
    return error;
}

void store_fixture_put(struct store_fixture *fixture, enum store_table table, const char *key,
                       const char *value)
{
    fixture->port.ops->put(fixture->port.self, table, slice_of_text(key), slice_of_text(value));
}

uint64_t store_fixture_commit(struct store_fixture *fixture)
{
    return fixture->port.ops->commit(fixture->port.self);
}

bool store_fixture_holds(struct store_fixture *fixture, enum store_table table, const char *key,
                         const char *value)
{
    struct slice found;
    enum err error = fixture->port.ops->get(fixture->port.self, table, slice_of_text(key), &found);
    CHECK(error == ERR_OK || error == ERR_NOT_FOUND);
    if (value == NULL || error == ERR_NOT_FOUND)
        return value == NULL && error == ERR_NOT_FOUND;
    return slice_equal(found, slice_of_text(value));
}
