#include "sim/history_file.h"

#include "base/check.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { CAPACITY_FIRST = 256 };

// A word of the file and what it stands for.
struct word {
    const char *text;
    int meaning;
};

enum { KIND_CAS = LINEAR_DELETE + 1, OUTCOME_ABSENT = LINEAR_REFUSED + 1 };

static const struct word KINDS[] = {
    {"read", LINEAR_READ}, {"put", LINEAR_PUT}, {"delete", LINEAR_DELETE}, {"cas", KIND_CAS}, {0}};
static const struct word CONDITIONS[] = {
    {"absent", CONDITION_ABSENT}, {"present", CONDITION_PRESENT}, {"stamp", CONDITION_STAMP}, {0}};
static const struct word OUTCOMES[] = {{"ok", LINEAR_DONE},           {"absent", OUTCOME_ABSENT},
                                       {"mismatch", LINEAR_MISMATCH}, {"refused", LINEAR_REFUSED},
                                       {"unknown", LINEAR_UNKNOWN},   {0}};

// A line as it is being read: the first thing found wrong with it stays in `problem`.
struct reader {
    const json_t *line;
    const char *problem;
};

static void refuse(struct reader *reader, const char *problem)
{
    if (reader->problem == NULL)
        reader->problem = problem;
}

static const json_t *field(const struct reader *reader, const char *name)
{
    const json_t *found = json_object_get(reader->line, name);
    return found == NULL || json_is_null(found) ? NULL : found;
}

// `otherwise` stands for a field that is left out.
static uint64_t read_number(struct reader *reader, const char *name, uint64_t otherwise)
{
    const json_t *found = field(reader, name);
    if (found == NULL)
        return otherwise;
    if (!json_is_integer(found) || json_integer_value(found) < 0) {
        refuse(reader, "a number is no whole number, or below 0");
        return otherwise;
    }
    return (uint64_t)json_integer_value(found);
}

static int read_word(struct reader *reader, const char *name, const struct word *words,
                     const char *problem)
{
    const char *text = json_string_value(field(reader, name));
    for (const struct word *word = words; text != NULL && word->text != NULL; word++)
        if (strcmp(word->text, text) == 0)
            return word->meaning;
    refuse(reader, problem);
    return words[0].meaning;
}

// Zero when it is left out.
static struct stamp read_stamp(struct reader *reader, const char *name)
{
    struct stamp stamp = {0};
    const json_t *found = field(reader, name);
    if (found == NULL)
        return stamp;
    const char *text = json_string_value(found);
    if (text == NULL || stamp_parse(slice_of_text(text), &stamp) != ERR_OK ||
        stamp_is_zero(stamp)) {
        refuse(reader, "a stamp cannot be read");
        return (struct stamp){0};
    }
    return stamp;
}

static void read_condition(struct reader *reader, int kind, struct linear_operation *out)
{
    out->condition = CONDITION_NONE;
    if (kind == KIND_CAS)
        out->condition = CONDITION_STAMP;
    else if (field(reader, "condition") != NULL)
        out->condition = (enum condition)read_word(reader, "condition", CONDITIONS,
                                                   "the condition is absent, present or stamp");
    out->expected = read_stamp(reader, "expected");
    if ((out->condition == CONDITION_STAMP) == stamp_is_zero(out->expected))
        refuse(reader, "an expected stamp goes with cas, or with the condition stamp");
    if (kind == LINEAR_READ && out->condition != CONDITION_NONE)
        refuse(reader, "a read has no condition");
}

static void read_operation(struct reader *reader, struct history_operation *out)
{
    int kind = read_word(reader, "kind", KINDS, "the kind is read, put, delete or cas");
    struct linear_operation *operation = &out->operation;
    operation->kind = kind == KIND_CAS ? LINEAR_PUT : (enum linear_kind)kind;
    operation->client = read_number(reader, "client", 0);
    read_condition(reader, kind, operation);
    if (operation->kind == LINEAR_PUT) {
        operation->value = read_number(reader, "value", 0);
        if (operation->value == 0)
            refuse(reader, "a put has a value above 0");
    }
}

static void read_existed(struct reader *reader, struct linear_outcome *out)
{
    const json_t *found = field(reader, "existed");
    if (found == NULL)
        return;
    if (!json_is_boolean(found))
        refuse(reader, "existed is true or false");
    out->existed = json_is_true(found) ? LINEAR_EXISTED_YES : LINEAR_EXISTED_NO;
}

static void read_absent(struct reader *reader, struct history_operation *out)
{
    out->outcome.result = LINEAR_DONE;
    out->outcome.existed =
        out->operation.kind == LINEAR_DELETE ? LINEAR_EXISTED_NO : LINEAR_EXISTED_UNSAID;
    if (out->operation.kind == LINEAR_PUT)
        refuse(reader, "a put is not answered with absent");
}

static void read_ok(struct reader *reader, struct history_operation *out)
{
    struct linear_outcome *outcome = &out->outcome;
    enum linear_kind kind = out->operation.kind;
    outcome->stamp = read_stamp(reader, "stamp");
    if (kind != LINEAR_DELETE && stamp_is_zero(outcome->stamp))
        refuse(reader, "what was read or written has a stamp");
    if (kind == LINEAR_PUT)
        read_existed(reader, outcome);
    if (kind == LINEAR_DELETE)
        outcome->existed = LINEAR_EXISTED_YES;
    if (kind != LINEAR_READ)
        return;
    outcome->value = read_number(reader, "value", 0);
    if (outcome->value == 0)
        refuse(reader, "a read that is ok has a value above 0");
}

static void read_outcome(struct reader *reader, struct history_operation *out)
{
    int meaning = read_word(reader, "outcome", OUTCOMES,
                            "the outcome is ok, absent, mismatch, refused or unknown");
    if (meaning == OUTCOME_ABSENT) {
        read_absent(reader, out);
        return;
    }
    out->outcome.result = (enum linear_result)meaning;
    if (out->outcome.result == LINEAR_DONE)
        read_ok(reader, out);
    if (out->outcome.result != LINEAR_MISMATCH)
        return;
    out->outcome.stamp = read_stamp(reader, "stamp");
    if (out->operation.condition == CONDITION_NONE)
        refuse(reader, "what has no condition is not answered with mismatch");
}

static void read_times(struct reader *reader, struct history_operation *out)
{
    out->start_ns = read_number(reader, "start_ns", HISTORY_FILE_NEVER);
    out->end_ns = read_number(reader, "end_ns", HISTORY_FILE_NEVER);
    if (out->start_ns == HISTORY_FILE_NEVER)
        refuse(reader, "an operation has a start_ns");
    else if (out->end_ns < out->start_ns)
        refuse(reader, "an operation ends before it starts");
    if (out->end_ns == HISTORY_FILE_NEVER && out->outcome.result != LINEAR_UNKNOWN)
        refuse(reader, "an operation without end_ns is of unknown outcome");
}

// NULL when the line could be read; then `out` owns its key.
static const char *read_line(const char *text, size_t length, struct history_operation *out)
{
    json_error_t error;
    json_t *line = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    struct reader reader = {.line = line};
    *out = (struct history_operation){0};
    const char *key = json_string_value(field(&reader, "key"));
    if (!json_is_object(line))
        refuse(&reader, "it is no JSON object");
    if (key == NULL)
        refuse(&reader, "an operation has a key");
    read_operation(&reader, out);
    read_outcome(&reader, out);
    read_times(&reader, out);
    if (reader.problem == NULL)
        out->key = memory_copy(key, strlen(key) + 1);
    json_decref(line);
    return reader.problem;
}

static int compare_operations(const void *left, const void *right)
{
    const struct history_operation *a = left;
    const struct history_operation *b = right;
    int order = strcmp(a->key, b->key);
    return order != 0 ? order : (a->start_ns > b->start_ns) - (a->start_ns < b->start_ns);
}

static int compare_numbers(const void *left, const void *right)
{
    const uint64_t *a = left;
    const uint64_t *b = right;
    return (*a > *b) - (*a < *b);
}

// Whether two puts of the run have one value.
static bool repeats_value(const struct history_operation *run, uint32_t count)
{
    uint64_t *values = memory_new(count * sizeof *values);
    uint32_t puts = 0;
    bool repeats = false;
    for (uint32_t i = 0; i < count; i++)
        if (run[i].operation.kind == LINEAR_PUT)
            values[puts++] = run[i].operation.value;
    qsort(values, puts, sizeof *values, compare_numbers);
    for (uint32_t i = 1; i < puts; i++)
        repeats = repeats || values[i] == values[i - 1];
    free(values);
    return repeats;
}

static enum err check_values(const struct history_file *file, struct errmsg *detail)
{
    uint32_t run;
    for (uint32_t first = 0; (run = history_file_run(file, first)) > 0; first += run)
        if (repeats_value(file->operations + first, run))
            return errmsg_set(detail, ERR_INVALID, "two puts of key %.200s have one value",
                              file->operations[first].key);
    return ERR_OK;
}

// The next line without its end; of one that is too long, as much as shows that. False at the end.
static bool next_line(FILE *in, char text[HISTORY_FILE_LINE_BYTES_MAX + 1], size_t *length)
{
    int byte = getc(in);
    if (byte == EOF)
        return false;
    for (*length = 0; byte != EOF && byte != '\n' && *length <= HISTORY_FILE_LINE_BYTES_MAX;
         byte = getc(in))
        text[(*length)++] = (char)byte;
    return true;
}

static bool is_blank(const char *text, size_t length)
{
    size_t blanks = 0;
    while (blanks < length && (text[blanks] == ' ' || text[blanks] == '\r'))
        blanks++;
    return blanks == length;
}

static enum err add_line(struct history_file *file, const char *text, size_t length,
                         uint64_t number, struct errmsg *detail)
{
    if (file->count == HISTORY_FILE_OPERATIONS_MAX)
        return errmsg_set(detail, ERR_TOO_LARGE, "there are more than %u operations",
                          HISTORY_FILE_OPERATIONS_MAX);
    if (length > HISTORY_FILE_LINE_BYTES_MAX)
        return errmsg_set(detail, ERR_TOO_LARGE, "line %" PRIu64 " has more than %d bytes", number,
                          HISTORY_FILE_LINE_BYTES_MAX);
    if (file->count == file->capacity) {
        file->capacity = file->capacity > 0 ? file->capacity * 2 : CAPACITY_FIRST;
        file->operations =
            memory_resize(file->operations, file->capacity * sizeof file->operations[0]);
    }
    const char *problem = read_line(text, length, &file->operations[file->count]);
    if (problem != NULL)
        return errmsg_set(detail, ERR_INVALID, "line %" PRIu64 ": %s", number, problem);
    file->count++;
    return ERR_OK;
}

enum err history_file_read(struct history_file *file, FILE *in, struct errmsg *detail)
{
    char text[HISTORY_FILE_LINE_BYTES_MAX + 1];
    size_t length;
    enum err error = ERR_OK;
    *file = (struct history_file){0};
    for (uint64_t number = 1; error == ERR_OK && next_line(in, text, &length); number++)
        if (!is_blank(text, length))
            error = add_line(file, text, length, number, detail);
    if (error == ERR_OK && ferror(in))
        error = errmsg_set(detail, ERR_IO, "it cannot be read");
    if (error != ERR_OK)
        return error;
    if (file->count > 0)
        qsort(file->operations, file->count, sizeof file->operations[0], compare_operations);
    return check_values(file, detail);
}

void history_file_release(struct history_file *file)
{
    for (uint32_t i = 0; i < file->count; i++)
        free(file->operations[i].key);
    free(file->operations);
    *file = (struct history_file){0};
}

uint32_t history_file_run(const struct history_file *file, uint32_t first)
{
    uint32_t end = first;
    while (end < file->count && strcmp(file->operations[end].key, file->operations[first].key) == 0)
        end++;
    return end - first;
}
