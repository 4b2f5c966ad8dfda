// cluster.json: there and back, and every kind of damage.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "cli/cluster_file.h"
#include "cli/cluster_ports.h"
#include "cli/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static struct cluster_file sample(void)
{
    struct cluster_file file = {.complete = true,
                                .strategy = "consistent",
                                .replication_factor = 2,
                                .durability = "commit",
                                .node_count = 2};
    file.nodes[0] = (struct cluster_file_node){
        .number = 1,
        .http_port = 5000,
        .peer_port = 6000,
        .record = NODE_KILLED,
        .process = {.pid = 77, .start_time = 123456789012, .boot_id = "b"}};
    file.nodes[1] = (struct cluster_file_node){
        .number = 2, .http_port = 5001, .peer_port = 6001, .record = NODE_STOPPED};
    return file;
}

static void assert_same(const struct cluster_file *a, const struct cluster_file *b)
{
    assert_int_equal(a->complete, b->complete);
    assert_string_equal(a->strategy, b->strategy);
    assert_int_equal(a->replication_factor, b->replication_factor);
    assert_string_equal(a->durability, b->durability);
    assert_int_equal(a->node_count, b->node_count);
    for (size_t i = 0; i < a->node_count; i++) {
        assert_int_equal(a->nodes[i].number, b->nodes[i].number);
        assert_int_equal(a->nodes[i].http_port, b->nodes[i].http_port);
        assert_int_equal(a->nodes[i].peer_port, b->nodes[i].peer_port);
        assert_int_equal(a->nodes[i].record, b->nodes[i].record);
        assert_int_equal(a->nodes[i].process.pid, b->nodes[i].process.pid);
        assert_int_equal(a->nodes[i].process.start_time, b->nodes[i].process.start_time);
        assert_string_equal(a->nodes[i].process.boot_id, b->nodes[i].process.boot_id);
    }
}

static void test_cluster_file__comes_back_from_disk(void **state)
{
    (void)state;
    char directory[] = "/tmp/brusio-test-XXXXXX";
    assert_non_null(mkdtemp(directory));
    struct errmsg detail = {0};
    struct cluster_file back;
    assert_int_equal(cluster_file_load(&back, directory, &detail), ERR_NOT_FOUND);
    struct cluster_file file = sample();
    assert_int_equal(cluster_file_save(&file, directory, &detail), ERR_OK);
    assert_int_equal(cluster_file_load(&back, directory, &detail), ERR_OK);
    assert_same(&file, &back);
    // A second save replaces the first.
    file.nodes[0].record = NODE_RUNNING;
    assert_int_equal(cluster_file_save(&file, directory, &detail), ERR_OK);
    assert_int_equal(cluster_file_load(&back, directory, &detail), ERR_OK);
    assert_same(&file, &back);
    char path[FILE_PATH_BYTES_MAX];
    struct stat status;
    assert_int_equal(file_path(path, &detail, "%s/cluster.json", directory), ERR_OK);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(file_write(path, slice_of_text("{\"version\": 1, "), 0600, &detail), ERR_OK);
    assert_int_equal(cluster_file_load(&back, directory, &detail), ERR_CORRUPT);
    assert_int_equal(file_remove_tree(directory, &detail), ERR_OK);
}

// Sets one member, of the file or (with `node`) of its first node, to what `value` says in JSON
// (NULL: removes it).
static enum err decode_with(const char *name, const char *value, bool node)
{
    struct cluster_file file = sample();
    struct cluster_file back;
    struct errmsg detail = {0};
    json_t *object = cluster_file_encode(&file);
    json_t *place = node ? json_array_get(json_object_get(object, "nodes"), 0) : object;
    if (value == NULL)
        json_object_del(place, name);
    else
        json_object_set_new(place, name, json_loads(value, JSON_DECODE_ANY, NULL));
    enum err e = cluster_file_decode(&back, object, &detail);
    json_decref(object);
    return e;
}

static void test_cluster_file__refuses_damage(void **state)
{
    (void)state;
    static const char *const members[] = {"version", "strategy", "durability", "replication_factor",
                                          "nodes"};
    static const char *const node_members[] = {"node_id",   "pid",       "start_time", "boot_id",
                                               "http_port", "peer_port", "state"};
    static const char *const wrong[] = {
        NULL,   "null",
        "-1",   "[]",
        "{}",   "1.5",
        "true", "\"a text that is longer than any member can be, whatever its name\""};
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
        for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
            if (decode_with(members[i], wrong[k], false) != ERR_CORRUPT)
                fail_msg("%s: %s", members[i], wrong[k]);
        }
        for (size_t i = 0; i < sizeof node_members / sizeof *node_members; i++) {
            if (decode_with(node_members[i], wrong[k], true) != ERR_CORRUPT)
                fail_msg("node: %s: %s", node_members[i], wrong[k]);
        }
    }
    assert_int_equal(decode_with("node_id", "2", true), ERR_CORRUPT);
    assert_int_equal(decode_with("http_port", "65536", true), ERR_CORRUPT);
    assert_int_equal(decode_with("http_port", "0", true), ERR_CORRUPT);
    assert_int_equal(decode_with("http_port", "6001", true), ERR_CORRUPT); // the other's peer port
    assert_int_equal(decode_with("state", "\"dead\"", true), ERR_CORRUPT);
    assert_int_equal(decode_with("version", "2", false), ERR_VERSION);
    assert_int_equal(decode_with("more", "{}", false), ERR_OK);
}

static void test_cluster_file__bounds_nodes(void **state)
{
    (void)state;
    struct cluster_file file = sample();
    struct cluster_file back;
    struct errmsg detail = {0};
    json_t *object = cluster_file_encode(&file);
    json_t *nodes = json_object_get(object, "nodes");
    while (json_array_size(nodes) <= CLUSTER_NODES_MAX)
        json_array_append(nodes, json_array_get(nodes, 0));
    assert_int_equal(cluster_file_decode(&back, object, &detail), ERR_CORRUPT);
    json_decref(object);
}

static void expect_numbers(const struct cluster_file *file, const unsigned *numbers, size_t count)
{
    assert_int_equal(file->node_count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(file->nodes[i].number, numbers[i]);
        assert_int_equal(cluster_file_find(file, numbers[i]), i);
    }
}

static void test_cluster_file__bears_gaps(void **state)
{
    (void)state;
    struct cluster_file file = sample();
    struct cluster_file back;
    struct errmsg detail = {0};
    assert_int_equal(cluster_file_insert(&file, 64), 2);
    file.nodes[2].http_port = 5064;
    file.nodes[2].peer_port = 6064;
    cluster_file_remove(&file, 0);
    expect_numbers(&file, (const unsigned[]){2, 64}, 2);
    assert_int_equal(cluster_file_find(&file, 1), 2);
    file.nodes[0].record = NODE_LEAVING;
    json_t *object = cluster_file_encode(&file);
    assert_int_equal(cluster_file_decode(&back, object, &detail), ERR_OK);
    assert_same(&file, &back);
    // Not in order, twice, too high.
    json_t *nodes = json_object_get(object, "nodes");
    static const int wrong[] = {65, 64, 0};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        json_object_set_new(json_array_get(nodes, 0), "node_id", json_integer(wrong[i]));
        assert_int_equal(cluster_file_decode(&back, object, &detail), ERR_CORRUPT);
    }
    json_decref(object);
    assert_int_equal(cluster_file_insert(&file, 1), 0);
    assert_int_equal(cluster_file_insert(&file, 7), 2);
    expect_numbers(&file, (const unsigned[]){1, 2, 7, 64}, 4);
    assert_int_equal(file.nodes[1].record, NODE_LEAVING);
    assert_int_equal(file.nodes[3].http_port, 5064);
}

static void test_cluster_ports__lay_out(void **state)
{
    (void)state;
    struct cluster_file file = {.node_count = 3};
    struct errmsg detail = {0};
    assert_int_equal(cluster_ports_lay_out(&file, 5000, 6000, &detail), ERR_OK);
    assert_int_equal(file.nodes[2].http_port, 5002);
    assert_int_equal(file.nodes[2].peer_port, 6002);
    assert_int_equal(cluster_ports_lay_out(&file, 5000, 5003, &detail), ERR_OK);
    assert_int_equal(cluster_ports_lay_out(&file, 5000, 5002, &detail), ERR_INVALID);
    assert_int_equal(cluster_ports_lay_out(&file, 5002, 5000, &detail), ERR_INVALID);
    assert_int_equal(cluster_ports_lay_out(&file, 5003, 5000, &detail), ERR_OK);
    assert_int_equal(cluster_ports_lay_out(&file, 5000, 65533, &detail), ERR_OK);
    assert_int_equal(cluster_ports_lay_out(&file, 5000, 65534, &detail), ERR_INVALID);
}

static void test_cluster_ports__pick_differs(void **state)
{
    (void)state;
    struct cluster_file file = {.node_count = 20};
    struct errmsg detail = {0};
    assert_int_equal(cluster_ports_pick(&file, &detail), ERR_OK);
    for (size_t i = 0; i < file.node_count; i++) {
        assert_int_equal(cluster_ports_check(&file.nodes[i], &detail), ERR_OK);
        assert_int_not_equal(file.nodes[i].http_port, file.nodes[i].peer_port);
        for (size_t k = 0; k < i; k++) {
            assert_int_not_equal(file.nodes[i].http_port, file.nodes[k].http_port);
            assert_int_not_equal(file.nodes[i].peer_port, file.nodes[k].peer_port);
        }
    }
}

static void test_cluster_ports__add_one(void **state)
{
    (void)state;
    struct cluster_file file = {.node_count = 2};
    struct errmsg detail = {0};
    // Ports whose next ones are free as well.
    do {
        assert_int_equal(cluster_ports_pick(&file, &detail), ERR_OK);
        file.nodes[1].http_port = file.nodes[0].http_port + 1;
        file.nodes[1].peer_port = file.nodes[0].peer_port + 1;
    } while (cluster_ports_check(&file.nodes[1], &detail) != ERR_OK ||
             file.nodes[1].http_port == file.nodes[0].peer_port ||
             file.nodes[1].peer_port == file.nodes[0].http_port);
    assert_int_equal(cluster_ports_add(&file, 1, &detail), ERR_OK);
    assert_int_equal(file.nodes[1].http_port, file.nodes[0].http_port + 1);
    assert_int_equal(file.nodes[1].peer_port, file.nodes[0].peer_port + 1);
    // Past the last port, others are found.
    file.nodes[0].http_port = 65535;
    assert_int_equal(cluster_ports_add(&file, 1, &detail), ERR_OK);
    assert_int_equal(cluster_ports_check(&file.nodes[1], &detail), ERR_OK);
    assert_true(file.nodes[1].http_port > 0 && file.nodes[1].http_port < 65535);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cluster_file__comes_back_from_disk),
        cmocka_unit_test(test_cluster_file__refuses_damage),
        cmocka_unit_test(test_cluster_file__bounds_nodes),
        cmocka_unit_test(test_cluster_file__bears_gaps),
        cmocka_unit_test(test_cluster_ports__lay_out),
        cmocka_unit_test(test_cluster_ports__pick_differs),
        cmocka_unit_test(test_cluster_ports__add_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
