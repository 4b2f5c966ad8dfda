#include "cli/annotation_view.h"

#include <string.h>

enum { AUTHOR_SHOWN = 8, MINUTE_SHOWN = 16 };

void annotation_view_print_text(const json_t *text)
{
    if (json_is_string(text))
        output_printable(stdout, slice_of(json_string_value(text), json_string_length(text)));
}

static struct slice text_of(const json_t *object, const char *name)
{
    const json_t *text = json_object_get(object, name);
    return json_is_string(text) ? slice_of(json_string_value(text), json_string_length(text))
                                : slice_of(NULL, 0);
}

static struct slice first_bytes(struct slice text, size_t most)
{
    return slice_of(text.bytes, text.length < most ? text.length : most);
}

// "2026-03-01T12:30:00.250Z" as "2026-03-01 12:30".
static void print_minute(struct slice time)
{
    struct slice minute = first_bytes(time, MINUTE_SHOWN);
    const uint8_t *mark = minute.length > 0 ? memchr(minute.bytes, 'T', minute.length) : NULL;
    size_t day = mark != NULL ? (size_t)(mark - minute.bytes) : minute.length;
    output_printable(stdout, slice_of(minute.bytes, day));
    if (mark == NULL)
        return;
    putchar(' ');
    output_printable(stdout, slice_of(mark + 1, minute.length - day - 1));
}

static void print_head(const struct output *output, const json_t *annotation)
{
    const json_t *rating = json_object_get(annotation, "rating");
    size_t conflicts = json_array_size(json_object_get(annotation, "conflicts"));
    printf("%s", output_color(output, COLOR_BOLD));
    if (json_is_integer(rating))
        printf("%lld/5  ", (long long)json_integer_value(rating));
    print_minute(text_of(annotation, "modified"));
    printf("  ");
    annotation_view_print_text(json_object_get(annotation, "channel"));
    printf("  by ");
    output_printable(stdout, first_bytes(text_of(annotation, "author"), AUTHOR_SHOWN));
    printf("...%s  %s", output_plain(output), output_color(output, COLOR_DIM));
    annotation_view_print_text(json_object_get(annotation, "state"));
    printf("%s", output_plain(output));
    if (conflicts > 0)
        printf(", %s%zu conflict%s%s", output_color(output, COLOR_YELLOW), conflicts,
               conflicts == 1 ? "" : "s", output_plain(output));
    putchar('\n');
}

// Line by line, each behind two blanks.
static void print_lines(struct slice text)
{
    while (text.length > 0) {
        const uint8_t *end = memchr(text.bytes, '\n', text.length);
        size_t length = end != NULL ? (size_t)(end - text.bytes) : text.length;
        printf("  ");
        output_printable(stdout, slice_of(text.bytes, length));
        putchar('\n');
        size_t taken = end != NULL ? length + 1 : length;
        text = slice_of(text.bytes + taken, text.length - taken);
    }
}

static void print_said(const json_t *annotation)
{
    const json_t *tags = json_object_get(annotation, "tags");
    print_lines(text_of(annotation, "text"));
    for (size_t i = 0; i < json_array_size(tags); i++) {
        printf(i == 0 ? "  tags: " : ", ");
        annotation_view_print_text(json_array_get(tags, i));
    }
    if (json_array_size(tags) > 0)
        putchar('\n');
}

static void print_named(const char *before, struct slice text)
{
    if (text.length == 0)
        return;
    printf("  %s", before);
    output_printable(stdout, text);
    putchar('\n');
}

static void print_conflicts(const struct output *output, const json_t *conflicts)
{
    for (size_t i = 0; i < json_array_size(conflicts); i++) {
        const json_t *version = json_array_get(conflicts, i);
        printf("%sin conflict with it:%s ", output_color(output, COLOR_YELLOW),
               output_plain(output));
        print_head(output, version);
        print_said(version);
        print_named("version: ", text_of(version, "version"));
    }
}

void annotation_view_print(const struct output *output, const json_t *annotation, bool whole)
{
    const json_t *link = json_object_get(annotation, "link");
    print_head(output, annotation);
    print_named("", text_of(link, "name"));
    print_named("", text_of(link, "original"));
    print_said(annotation);
    print_named("replies to ", text_of(annotation, "replies_to"));
    printf("%s", output_color(output, COLOR_DIM));
    print_named("", text_of(annotation, "id"));
    printf("%s", output_plain(output));
    if (!whole)
        return;
    print_named("created: ", text_of(annotation, "created"));
    print_named("modified: ", text_of(annotation, "modified"));
    print_named("author: ", text_of(annotation, "author"));
    print_named("identity of the link: ", text_of(link, "identity"));
    print_named("version: ", text_of(annotation, "version"));
    print_conflicts(output, json_object_get(annotation, "conflicts"));
}
