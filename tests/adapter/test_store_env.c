// The tables of a store: those of an older format, and those that came later.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/check.h"
#include "scratch_directory.h"
#include "store_fixture.h"

#include <lmdb.h>

static struct scratch_directory scratch;
static struct store_fixture fixture;
static struct errmsg detail;

static int make_scratch(void **state)
{
    (void)state;
    scratch_directory_init(&scratch);
    detail.text[0] = '\0';
    return 0;
}

static int remove_scratch(void **state)
{
    (void)state;
    scratch_directory_release(&scratch);
    return 0;
}

static enum err open_as(enum store_kind kind)
{
    return store_fixture_open(&fixture, kind, scratch.path, 0, &detail);
}

static void check_refused_as_damaged(void)
{
    enum err error = open_as(KIND_LMDB_COMMIT);
    if (error == ERR_OK)
        store_fixture_close(&fixture);
    assert_int_equal(error, ERR_CORRUPT);
    assert_non_null(strstr(detail.text, scratch.path));
    assert_non_null(strstr(detail.text, "data.mdb"));
}

// The tables that stores of older formats do not have.
static const enum store_table later_tables[] = {STORE_OPERATIONS, STORE_VERSIONS, STORE_SPACES};
static const char *const later_names[] = {"operations", "versions", "spaces"};

enum { LATER = sizeof later_tables / sizeof later_tables[0] };

// Works on the closed store by LMDB alone: whether it had the table `name`, which goes if
// `removes`.
static bool had_table(const char *name, bool removes)
{
    MDB_env *env = NULL;
    MDB_txn *txn = NULL;
    MDB_dbi table = 0;
    CHECK(mdb_env_create(&env) == MDB_SUCCESS && mdb_env_set_maxdbs(env, 8) == MDB_SUCCESS);
    CHECK(mdb_env_open(env, scratch.path, 0, 0600) == MDB_SUCCESS);
    CHECK(mdb_txn_begin(env, NULL, 0, &txn) == MDB_SUCCESS);
    int result = mdb_dbi_open(txn, name, 0, &table);
    CHECK(result == MDB_SUCCESS || result == MDB_NOTFOUND);
    CHECK(result != MDB_SUCCESS || !removes || mdb_drop(txn, table, 1) == MDB_SUCCESS);
    CHECK(mdb_txn_commit(txn) == MDB_SUCCESS);
    mdb_env_close(env);
    return result == MDB_SUCCESS;
}

// Leaves a store as an older brusio wrote it, with a pair in each of its tables.
static void write_older_store(enum store_kind kind)
{
    assert_int_equal(open_as(kind), ERR_OK);
    store_fixture_put(&fixture, STORE_RECORDS, "record", "1");
    store_fixture_put(&fixture, STORE_MARKS, "mark", "2");
    store_fixture_put(&fixture, STORE_META, "meta", "3");
    assert_int_equal(store_fixture_wait(&fixture, store_fixture_commit(&fixture)), ERR_OK);
    store_fixture_close(&fixture);
    for (unsigned i = 0; i < LATER; i++)
        assert_true(had_table(later_names[i], true));
}

static void check_older_data(void)
{
    assert_true(store_fixture_holds(&fixture, STORE_RECORDS, "record", "1"));
    assert_true(store_fixture_holds(&fixture, STORE_MARKS, "mark", "2"));
    assert_true(store_fixture_holds(&fixture, STORE_META, "meta", "3"));
}

static void check_older_store_gets_all_tables(enum store_kind kind)
{
    write_older_store(kind);
    assert_int_equal(open_as(kind), ERR_OK);
    check_older_data();
    for (unsigned i = 0; i < LATER; i++) {
        assert_true(store_fixture_holds(&fixture, later_tables[i], later_names[i], NULL));
        store_fixture_put(&fixture, later_tables[i], later_names[i], "new");
    }
    assert_int_equal(store_fixture_wait(&fixture, store_fixture_commit(&fixture)), ERR_OK);
    store_fixture_close(&fixture);

    assert_int_equal(open_as(kind), ERR_OK);
    check_older_data();
    for (unsigned i = 0; i < LATER; i++)
        assert_true(store_fixture_holds(&fixture, later_tables[i], later_names[i], "new"));
    store_fixture_close(&fixture);
    for (unsigned i = 0; i < LATER; i++)
        assert_true(had_table(later_names[i], false));
}

static void test_store_env__store_of_an_older_format_gets_the_later_tables(void **state)
{
    (void)state;
    check_older_store_gets_all_tables(KIND_LMDB_COMMIT);
}

static void test_store_env__so_does_a_logged_store(void **state)
{
    (void)state;
    check_older_store_gets_all_tables(KIND_LOGGED);
}

static void test_store_env__one_later_table_that_is_missing_is_made_too(void **state)
{
    (void)state;
    write_older_store(KIND_LMDB_COMMIT);
    assert_int_equal(open_as(KIND_LMDB_COMMIT), ERR_OK);
    store_fixture_close(&fixture);
    // As if only some had been made.
    assert_true(had_table("versions", true));
    assert_int_equal(open_as(KIND_LMDB_COMMIT), ERR_OK);
    check_older_data();
    store_fixture_close(&fixture);
    assert_true(had_table("versions", false));
}

static void test_store_env__store_without_a_table_that_all_formats_have_is_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"records", "marks", "meta"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(open_as(KIND_LMDB_COMMIT), ERR_OK);
        store_fixture_close(&fixture);
        assert_true(had_table(names[i], true));
        check_refused_as_damaged();
        // And it is not made, neither then nor beside those that an older store has not.
        assert_false(had_table(names[i], false));
        for (unsigned j = 0; j < LATER; j++)
            assert_true(had_table(later_names[j], true));
        check_refused_as_damaged();
        assert_false(had_table(names[i], false));
        assert_false(had_table(later_names[0], false));
        remove_scratch(NULL);
        make_scratch(NULL);
    }
}

#define TEST(name)                                                                                 \
    cmocka_unit_test_setup_teardown(test_store_env__##name, make_scratch, remove_scratch)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(store_of_an_older_format_gets_the_later_tables),
        TEST(so_does_a_logged_store),
        TEST(one_later_table_that_is_missing_is_made_too),
        TEST(store_without_a_table_that_all_formats_have_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
