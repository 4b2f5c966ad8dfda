#include "sim/history_file.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

// Every line is one that can be read, but for what the tests change.
#define TIMES "\"start_ns\":10,\"end_ns\":20"
#define PUT "{\"client\":4,\"key\":\"k\",\"kind\":\"put\",\"value\":7," TIMES ","
#define READ "{\"key\":\"k\",\"kind\":\"read\"," TIMES ","
#define DELETE "{\"key\":\"k\",\"kind\":\"delete\"," TIMES ","

static enum err read_bytes(const char *text, size_t length, struct history_file *file,
                           struct errmsg *detail)
{
    FILE *in = fmemopen((void *)(uintptr_t)text, length, "r");
    assert_non_null(in);
    enum err error = history_file_read(file, in, detail);
    fclose(in);
    return error;
}

static void read_good(const char *text, struct history_file *file)
{
    struct errmsg detail = {""};
    enum err error = read_bytes(text, strlen(text), file, &detail);
    assert_string_equal(detail.text, "");
    assert_int_equal(error, ERR_OK);
}

static void test_history_file__understands_each_kind_of_operation(void **state)
{
    (void)state;
    struct history_file file;
    read_good(PUT
              "\"outcome\":\"ok\",\"stamp\":\"a1-2\",\"existed\":false}\n"
              "\n"
              "{\"key\":\"k\",\"kind\":\"cas\",\"value\":8,\"expected\":\"a1-2\",\"start_ns\":30,"
              "\"end_ns\":31,\"outcome\":\"mismatch\"}\n"
              "{\"key\":\"k\",\"kind\":\"read\",\"value\":7,\"start_ns\":40,\"end_ns\":41,"
              "\"outcome\":\"ok\",\"stamp\":\"a1-2\"}\n"
              "{\"key\":\"k\",\"kind\":\"delete\",\"condition\":\"present\",\"start_ns\":50,"
              "\"end_ns\":null,\"outcome\":\"unknown\"}",
              &file);
    assert_int_equal(file.count, 4);
    const struct history_operation *put = &file.operations[0];
    assert_string_equal(put->key, "k");
    assert_int_equal(put->operation.kind, LINEAR_PUT);
    assert_int_equal(put->operation.client, 4);
    assert_int_equal(put->operation.value, 7);
    assert_int_equal(put->operation.condition, CONDITION_NONE);
    assert_int_equal(put->start_ns, 10);
    assert_int_equal(put->end_ns, 20);
    assert_int_equal(put->outcome.result, LINEAR_DONE);
    assert_int_equal(put->outcome.existed, LINEAR_EXISTED_NO);
    assert_int_equal(put->outcome.stamp.counter, 0xa1);
    assert_int_equal(put->outcome.stamp.id, 2);
    const struct history_operation *cas = &file.operations[1];
    assert_int_equal(cas->operation.kind, LINEAR_PUT);
    assert_int_equal(cas->operation.condition, CONDITION_STAMP);
    assert_int_equal(cas->operation.expected.counter, 0xa1);
    assert_int_equal(cas->outcome.result, LINEAR_MISMATCH);
    assert_true(stamp_is_zero(cas->outcome.stamp));
    const struct history_operation *read = &file.operations[2];
    assert_int_equal(read->operation.kind, LINEAR_READ);
    assert_int_equal(read->operation.value, 0);
    assert_int_equal(read->outcome.value, 7);
    const struct history_operation *delete = &file.operations[3];
    assert_int_equal(delete->operation.kind, LINEAR_DELETE);
    assert_int_equal(delete->operation.condition, CONDITION_PRESENT);
    assert_true(delete->end_ns == HISTORY_FILE_NEVER);
    assert_int_equal(delete->outcome.result, LINEAR_UNKNOWN);
    history_file_release(&file);
}

static void test_history_file__takes_absent_as_the_answer_of_a_read_or_delete(void **state)
{
    (void)state;
    struct history_file file;
    read_good(READ "\"outcome\":\"absent\"}\n" DELETE "\"outcome\":\"absent\"}\n", &file);
    assert_int_equal(file.operations[0].outcome.result, LINEAR_DONE);
    assert_int_equal(file.operations[0].outcome.value, 0);
    assert_int_equal(file.operations[1].outcome.result, LINEAR_DONE);
    assert_int_equal(file.operations[1].outcome.existed, LINEAR_EXISTED_NO);
    history_file_release(&file);
}

static void test_history_file__gathers_the_operations_of_each_key_by_start(void **state)
{
    (void)state;
    struct history_file file;
    read_good("{\"key\":\"b\",\"kind\":\"read\",\"start_ns\":1,\"outcome\":\"unknown\"}\n"
              "{\"key\":\"a\",\"kind\":\"read\",\"start_ns\":9,\"outcome\":\"unknown\"}\n"
              "{\"key\":\"a\",\"kind\":\"read\",\"start_ns\":5,\"outcome\":\"unknown\"}\n",
              &file);
    assert_int_equal(history_file_run(&file, 0), 2);
    assert_int_equal(file.operations[0].start_ns, 5);
    assert_int_equal(file.operations[1].start_ns, 9);
    assert_int_equal(history_file_run(&file, 2), 1);
    assert_string_equal(file.operations[2].key, "b");
    assert_int_equal(history_file_run(&file, 3), 0);
    history_file_release(&file);
}

static void test_history_file__takes_an_empty_file(void **state)
{
    (void)state;
    struct history_file file;
    read_good("\n", &file);
    assert_int_equal(file.count, 0);
    assert_int_equal(history_file_run(&file, 0), 0);
    history_file_release(&file);
}

static void test_history_file__refuses_lines_that_make_no_sense(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "word",
        "[]",
        "{",
        "{\"kind\":\"read\"," TIMES ",\"outcome\":\"unknown\"}",
        "{\"key\":7,\"kind\":\"read\"," TIMES ",\"outcome\":\"unknown\"}",
        "{\"key\":\"k\",\"key\":\"k\",\"kind\":\"read\"," TIMES ",\"outcome\":\"unknown\"}",
        "{\"key\":\"k\",\"kind\":\"write\"," TIMES ",\"outcome\":\"unknown\"}",
        "{\"key\":\"k\",\"kind\":\"put\"," TIMES ",\"outcome\":\"unknown\"}",
        "{\"key\":\"k\",\"kind\":\"put\",\"value\":0," TIMES ",\"outcome\":\"unknown\"}",
        "{\"key\":\"k\",\"kind\":\"put\",\"value\":-1," TIMES ",\"outcome\":\"unknown\"}",
        "{\"key\":\"k\",\"kind\":\"put\",\"value\":\"1\"," TIMES ",\"outcome\":\"unknown\"}",
        "{\"key\":\"k\",\"kind\":\"cas\",\"value\":1," TIMES ",\"outcome\":\"unknown\"}",
        PUT "\"expected\":\"a1-2\",\"outcome\":\"unknown\"}",
        PUT "\"condition\":\"stamp\",\"outcome\":\"unknown\"}",
        PUT "\"condition\":\"never\",\"outcome\":\"unknown\"}",
        PUT "\"outcome\":\"absent\"}",
        PUT "\"outcome\":\"ok\"}",
        PUT "\"outcome\":\"ok\",\"stamp\":\"0-0\"}",
        PUT "\"outcome\":\"ok\",\"stamp\":\"here\"}",
        PUT "\"outcome\":\"ok\",\"stamp\":\"a1-2\",\"existed\":1}",
        PUT "\"outcome\":\"mismatch\"}",
        PUT "\"outcome\":\"good\"}",
        PUT "\"client\":1.5,\"outcome\":\"unknown\"}",
        READ "\"condition\":\"absent\",\"outcome\":\"unknown\"}",
        READ "\"outcome\":\"ok\",\"stamp\":\"a1-2\"}",
        READ "\"value\":7,\"outcome\":\"ok\"}",
        READ "\"outcome\":\"mismatch\"}",
        "{\"key\":\"k\",\"kind\":\"read\",\"end_ns\":20,\"outcome\":\"unknown\"}",
        "{\"key\":\"k\",\"kind\":\"read\",\"start_ns\":30,\"end_ns\":20,\"outcome\":\"unknown\"}",
        "{\"key\":\"k\",\"kind\":\"read\",\"start_ns\":30,\"outcome\":\"absent\"}",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct history_file file;
        struct errmsg detail = {""};
        char text[1024];
        snprintf(text, sizeof text, "\n%s\n", lines[i]);
        if (read_bytes(text, strlen(text), &file, &detail) != ERR_INVALID)
            fail_msg("taken: %s", lines[i]);
        if (strncmp(detail.text, "line 2: ", 8) != 0)
            fail_msg("%s: %s", lines[i], detail.text);
        history_file_release(&file);
    }
}

static void test_history_file__refuses_two_puts_of_a_key_with_one_value(void **state)
{
    (void)state;
    struct history_file file;
    struct errmsg detail = {""};
    const char *twice = PUT "\"outcome\":\"unknown\"}\n" PUT "\"outcome\":\"refused\"}\n";
    assert_int_equal(read_bytes(twice, strlen(twice), &file, &detail), ERR_INVALID);
    assert_non_null(strstr(detail.text, "key k"));
    history_file_release(&file);
    read_good(PUT "\"outcome\":\"unknown\"}\n"
                  "{\"key\":\"l\",\"kind\":\"put\",\"value\":7," TIMES
                  ",\"outcome\":\"unknown\"}\n",
              &file);
    history_file_release(&file);
}

// A line of exactly so many bytes that can be read.
static char *long_line(size_t length)
{
    static const char head[] = READ "\"outcome\":\"unknown\"";
    char *text = malloc(length + 1);
    assert_non_null(text);
    memset(text, ' ', length);
    memcpy(text, head, sizeof head - 1);
    text[length - 1] = '}';
    text[length] = '\0';
    return text;
}

static void test_history_file__takes_lines_up_to_their_maximum(void **state)
{
    (void)state;
    struct history_file file;
    struct errmsg detail = {""};
    char *text = long_line(HISTORY_FILE_LINE_BYTES_MAX);
    read_good(text, &file);
    assert_int_equal(file.count, 1);
    history_file_release(&file);
    free(text);
    text = long_line(HISTORY_FILE_LINE_BYTES_MAX + 1);
    assert_int_equal(read_bytes(text, strlen(text), &file, &detail), ERR_TOO_LARGE);
    history_file_release(&file);
    free(text);
}

static void test_history_file__refuses_bytes_that_are_no_text(void **state)
{
    (void)state;
    static const char *const lines[] = {"\0{}", "\xff\xfe{}"};
    static const size_t lengths[] = {3, 4};
    for (size_t i = 0; i < 2; i++) {
        struct history_file file;
        struct errmsg detail = {""};
        assert_int_equal(read_bytes(lines[i], lengths[i], &file, &detail), ERR_INVALID);
        history_file_release(&file);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_history_file__understands_each_kind_of_operation),
        cmocka_unit_test(test_history_file__takes_absent_as_the_answer_of_a_read_or_delete),
        cmocka_unit_test(test_history_file__gathers_the_operations_of_each_key_by_start),
        cmocka_unit_test(test_history_file__takes_an_empty_file),
        cmocka_unit_test(test_history_file__refuses_lines_that_make_no_sense),
        cmocka_unit_test(test_history_file__refuses_two_puts_of_a_key_with_one_value),
        cmocka_unit_test(test_history_file__takes_lines_up_to_their_maximum),
        cmocka_unit_test(test_history_file__refuses_bytes_that_are_no_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
