#include "cli/output.h"

#include "base/check.h"
#include "base/utf8.h"
#include "cli/encoding.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

// The longest printed text: a key or a message, each byte of which may become four.
enum { PRINTABLE_BYTES_MAX = 1024 * 1024, CELL_BYTES_MAX = 512, MEMBER_BYTES_MAX = 64 };

static const char *const color_codes[] = {"",         "\033[1m",  "\033[2m",
                                          "\033[31m", "\033[32m", "\033[33m"};

void output_init(struct output *output, bool json)
{
    const char *no_color = getenv("NO_COLOR");
    bool colors = no_color == NULL || no_color[0] == '\0';
    bool terminal = isatty(STDOUT_FILENO) == 1;
    *output = (struct output){.json = json,
                              .terminal = terminal,
                              .color = colors && terminal,
                              .color_errors = colors && isatty(STDERR_FILENO) == 1};
}

const char *output_color(const struct output *output, enum color color)
{
    return output->color ? color_codes[color] : "";
}

const char *output_plain(const struct output *output)
{
    return output->color ? "\033[0m" : "";
}

void output_json(json_t *value)
{
    CHECK(value != NULL);
    json_dumpf(value, stdout, JSON_ENCODE_ANY);
    putchar('\n');
    json_decref(value);
}

// The name of a member that holds bytes which are no UTF-8.
static void name_base64(char base64_name[MEMBER_BYTES_MAX], const char *name)
{
    snprintf(base64_name, MEMBER_BYTES_MAX, "%s_base64", name);
}

void output_json_bytes(json_t *object, const char *name, struct slice bytes)
{
    const char *start = bytes.length > 0 ? (const char *)bytes.bytes : "";
    if (utf8_is_valid(bytes)) {
        json_object_set_new(object, name, json_stringn(start, bytes.length));
        return;
    }
    char base64_name[MEMBER_BYTES_MAX];
    name_base64(base64_name, name);
    struct buf base64;
    buf_init(&base64, bytes.length * 2 + 8);
    encoding_base64(&base64, bytes);
    json_object_set_new(object, base64_name,
                        json_stringn((const char *)base64.bytes, base64.length));
    buf_release(&base64);
}

void output_read_bytes(struct buf *out, const json_t *object, const char *name)
{
    char base64_name[MEMBER_BYTES_MAX];
    const json_t *text = json_object_get(object, name);
    size_t before = out->length;
    name_base64(base64_name, name);
    const char *base64 = json_string_value(json_object_get(object, base64_name));
    if (json_is_string(text))
        buf_append(out, json_string_value(text), json_string_length(text));
    else if (base64 != NULL && encoding_base64_read(out, slice_of_text(base64)) != ERR_OK)
        out->length = before;
}

void output_duration(char text[OUTPUT_DURATION_BYTES], uint64_t ms)
{
    static const struct {
        const char *name;
        uint64_t ms;
    } units[] = {{"d", 86400000}, {"h", 3600000}, {"min", 60000}, {"s", 1000}, {"ms", 1}};
    size_t at = 0;
    while (units[at].ms > 1 && ms < units[at].ms)
        at++;
    snprintf(text, OUTPUT_DURATION_BYTES, "%llu %s", (unsigned long long)(ms / units[at].ms),
             units[at].name);
}

void output_printable(FILE *stream, struct slice bytes)
{
    struct buf text;
    buf_init(&text, PRINTABLE_BYTES_MAX);
    encoding_printable(&text, bytes);
    if (text.length > 0)
        fwrite(text.bytes, 1, text.length, stream);
    buf_release(&text);
}

void output_error(const struct output *output, const char *name, const char *message)
{
    fflush(stdout);
    if (output->json) {
        json_t *object = json_object();
        json_object_set_new(object, "error", json_string(name));
        output_json_bytes(object, "message", slice_of_text(message));
        json_dumpf(object, stderr, 0);
        fputc('\n', stderr);
        json_decref(object);
        return;
    }
    fprintf(stderr, "%sbrusio:%s ", output->color_errors ? "\033[1;31m" : "",
            output->color_errors ? "\033[0m" : "");
    // Line by line: a message may quote lines of a log.
    for (const char *line = message; line != NULL;) {
        const char *end = strchr(line, '\n');
        output_printable(stderr, slice_of(line, end != NULL ? (size_t)(end - line) : strlen(line)));
        fputc('\n', stderr);
        line = end != NULL ? end + 1 : NULL;
    }
}

enum err output_flush(struct errmsg *detail)
{
    if (fflush(stdout) == 0 && ferror(stdout) == 0)
        return ERR_OK;
    return errmsg_set(detail, ERR_IO, "cannot write to standard output: %s", strerror(errno));
}

void grid_init(struct grid *grid, size_t columns, const char *const *titles)
{
    CHECK(columns > 0 && columns <= GRID_COLUMNS_MAX);
    *grid = (struct grid){.columns = columns};
    for (size_t i = 0; i < columns; i++) {
        grid->right[i] = titles[i][0] == '>';
        grid_add(grid, COLOR_BOLD, "%s", titles[i] + grid->right[i]);
    }
}

void grid_release(struct grid *grid)
{
    for (size_t i = 0; i < grid->count; i++)
        free(grid->cells[i]);
    free(grid->cells);
    free(grid->colors);
    *grid = (struct grid){0};
}

// Takes `text`.
static void add_cell(struct grid *grid, enum color color, char *text)
{
    CHECK(grid->count < GRID_CELLS_MAX);
    grid->cells = memory_resize(grid->cells, (grid->count + 1) * sizeof *grid->cells);
    grid->colors = memory_resize(grid->colors, (grid->count + 1) * sizeof *grid->colors);
    grid->cells[grid->count] = text;
    grid->colors[grid->count] = color;
    grid->count++;
}

void grid_add_bytes(struct grid *grid, struct slice bytes)
{
    struct buf text;
    buf_init(&text, PRINTABLE_BYTES_MAX);
    encoding_printable(&text, bytes);
    buf_append_u8(&text, 0);
    add_cell(grid, COLOR_NONE,
             text.overflown ? memory_copy("...", 4) : memory_copy(text.bytes, text.length));
    buf_release(&text);
}

void grid_add(struct grid *grid, enum color color, const char *format, ...)
{
    char text[CELL_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    add_cell(grid, color, memory_copy(text, strlen(text) + 1));
}

// Code points, which is what most terminals count as columns.
static size_t cell_width(const char *cell)
{
    size_t width = 0;
    for (; *cell != '\0'; cell++)
        width += ((unsigned char)*cell & 0xC0) != 0x80;
    return width;
}

static void print_cell(const struct grid *grid, const struct output *output, size_t at,
                       size_t width)
{
    const char *cell = grid->cells[at];
    size_t column = at % grid->columns;
    int padding = (int)(width - cell_width(cell));
    bool last = column + 1 == grid->columns;
    if (grid->right[column])
        printf("%*s", padding, "");
    if (grid->colors[at] == COLOR_NONE)
        printf("%s", cell);
    else
        printf("%s%s%s", output_color(output, grid->colors[at]), cell, output_plain(output));
    if (last)
        putchar('\n');
    else
        printf("%*s", grid->right[column] ? 2 : padding + 2, "");
}

void grid_print(const struct grid *grid, const struct output *output)
{
    size_t widths[GRID_COLUMNS_MAX] = {0};
    for (size_t at = 0; at < grid->count; at++) {
        size_t width = cell_width(grid->cells[at]);
        size_t column = at % grid->columns;
        widths[column] = width > widths[column] ? width : widths[column];
    }
    for (size_t at = 0; at < grid->count; at++)
        print_cell(grid, output, at, widths[at % grid->columns]);
}
