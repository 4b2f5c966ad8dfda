// Pages against a naive twin that sorts everything; and the bounds.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "app/annotations/annotation_selection.h"
#include "samples.h"
#include "stored.h"

#include <stdio.h>
#include <stdlib.h>

enum { COUNT = 200 };

// What a store holds: with few times and ratings, so that many are alike.
struct world {
    struct annotation annotations[COUNT];
    char texts[COUNT][16];
    size_t order[COUNT]; // of offering
};

static void make_world(struct world *world, struct rng *rng)
{
    for (size_t i = 0; i < COUNT; i++) {
        struct annotation *annotation = &world->annotations[i];
        sample_bare(annotation);
        annotation->id.author[0] = (uint8_t)rng_below(rng, 3);
        annotation->id.number[0] = (uint8_t)i;
        annotation->channel = slice_of_text("films");
        annotation->has_rating = !rng_one_in(rng, 4);
        annotation->rating = annotation->has_rating ? (uint8_t)rng_below(rng, 6) : 0;
        annotation->created_ms = rng_below(rng, 10);
        annotation->modified_ms = annotation->created_ms + rng_below(rng, 10);
        snprintf(world->texts[i], sizeof world->texts[i], "t%u", (unsigned)rng_below(rng, 4));
        annotation->text = slice_of_text(world->texts[i]);
        size_t other = (size_t)rng_below(rng, i + 1);
        world->order[i] = world->order[other];
        world->order[other] = i;
    }
}

static void offer(struct annotation_selection *selection, const struct annotation *annotation)
{
    struct stored stored;
    stored_init(&stored);
    stored.id = annotation->id;
    stored_add(&stored, 1, annotation, true);
    struct scan_entry scanned = stored_scan(&stored);
    annotation_selection_offer(selection, slice_of_text("films"), &scanned);
    stored_release(&stored);
}

static void set(struct annotation_query *query, const char *name, const char *value)
{
    struct errmsg problem = {""};
    if (annotation_query_set(query, slice_of_text(name), slice_of_text(value), &problem) != ERR_OK)
        fail_msg("%s=%s: %s", name, value, problem.text);
}

static void begin_query(struct annotation_query *query, unsigned draw)
{
    static const char *const sorts[] = {"time", "created", "rating"};
    static const char *const needles[] = {NULL, "t1"};
    uint8_t author[ANNOTATION_AUTHOR_BYTES] = {1, 2};
    char limit[8];
    annotation_query_init(query);
    set(query, "sort", sorts[draw % 3]);
    set(query, "order", draw / 3 % 2 == 0 ? "asc" : "desc");
    snprintf(limit, sizeof limit, "%u", 1 + draw * 7 % 70);
    set(query, "limit", limit);
    if (needles[draw / 6 % 2] != NULL)
        set(query, "q", needles[draw / 6 % 2]);
    if (draw / 12 % 2 == 0) {
        struct annotation sample;
        sample_bare(&sample);
        memcpy(author, sample.id.author, sizeof author);
        author[0] = 1;
        annotation_query_mute(query, author);
    }
}

static const struct annotation_query *sorted_by;

static int compare(const void *a, const void *b)
{
    struct annotation_place first =
        annotation_query_place(sorted_by, *(const struct annotation *const *)a);
    struct annotation_place second =
        annotation_query_place(sorted_by, *(const struct annotation *const *)b);
    return annotation_query_compare(sorted_by, &first, &second);
}

// All that match, sorted.
static size_t naive(const struct world *world, const struct annotation_query *query,
                    const struct annotation *out[COUNT])
{
    size_t count = 0;
    for (size_t i = 0; i < COUNT; i++) {
        const struct annotation *annotation = &world->annotations[i];
        if (annotation_query_matches(query, annotation) &&
            !annotation_query_is_muted(query, annotation->id.author))
            out[count++] = annotation;
    }
    sorted_by = query;
    qsort(out, count, sizeof *out, compare);
    return count;
}

// Goes through all pages; each must be the next piece of the twin's list.
static void expect_pages(const struct world *world, unsigned draw)
{
    static struct annotation_query query;
    const struct annotation *wanted[COUNT];
    char cursor[ANNOTATION_CURSOR_BYTES_MAX + 1] = "";
    begin_query(&query, draw);
    size_t count = naive(world, &query, wanted);
    size_t at = 0;
    do {
        struct annotation_selection selection;
        if (cursor[0] != '\0') {
            annotation_query_release(&query);
            begin_query(&query, draw);
            set(&query, "cursor", cursor);
        }
        annotation_selection_init(&selection, &query);
        for (size_t i = 0; i < COUNT; i++)
            offer(&selection, &world->annotations[world->order[i]]);
        assert_true(selection.total == count);
        json_t *json = annotation_selection_to_json(&selection);
        const json_t *items = json_object_get(json, "annotations");
        assert_true(json_array_size(items) <= query.limit);
        for (size_t i = 0; i < json_array_size(items); i++, at++) {
            struct annotation_id id;
            const char *text = json_string_value(json_object_get(json_array_get(items, i), "id"));
            assert_int_equal(annotation_id_parse(slice_of_text(text), &id), ERR_OK);
            assert_true(at < count && annotation_id_equal(&id, &wanted[at]->id));
        }
        const json_t *next = json_object_get(json, "cursor");
        assert_int_equal(json_is_null(next), at == count);
        snprintf(cursor, sizeof cursor, "%s", at == count ? "" : json_string_value(next));
        json_decref(json);
        annotation_selection_release(&selection);
    } while (cursor[0] != '\0');
    assert_int_equal(at, count);
    annotation_query_release(&query);
}

static void test_annotation_selection__pages_as_its_twin(void **state)
{
    (void)state;
    static struct world world;
    struct rng rng;
    for (uint64_t seed = 1; seed <= 3; seed++) {
        rng_init(&rng, seed);
        make_world(&world, &rng);
        for (unsigned draw = 0; draw < 24; draw++)
            expect_pages(&world, draw);
    }
}

// Long texts: a page ends before its limit, and nothing is skipped between pages.
static void test_annotation_selection__is_bounded_in_bytes(void **state)
{
    (void)state;
    static struct annotation_query query;
    static struct annotation annotation;
    static char text[ANNOTATION_TEXT_BYTES_MAX];
    static char link[LINK_BYTES_MAX + 1];
    static bool seen[2000];
    char cursor[ANNOTATION_CURSOR_BYTES_MAX + 1] = "";
    memset(text, 'x', sizeof text);
    memset(link, 'x', sizeof link - 1);
    memcpy(link, "urn:x:", 6);
    size_t shown = 0;
    size_t pages = 0;
    do {
        struct annotation_selection selection;
        annotation_query_init(&query);
        set(&query, "limit", "1000");
        if (cursor[0] != '\0')
            set(&query, "cursor", cursor);
        annotation_selection_init(&selection, &query);
        for (size_t i = 0; i < 2000; i++) {
            sample_bare(&annotation);
            annotation.channel = slice_of_text("films");
            annotation.id.number[0] = (uint8_t)(i >> 8);
            annotation.id.number[1] = (uint8_t)i;
            // Small ones behind large ones that had to go must not slip in.
            annotation.text = slice_of(text, i % 4 != 0 ? sizeof text : 1);
            if (i % 4 != 0)
                sample_set_link(&annotation, link);
            annotation.modified_ms = i * 7919 % 2003;
            offer(&selection, &annotation);
            assert_true(selection.bytes <= ANNOTATION_SELECTION_BYTES_MAX);
        }
        json_t *json = annotation_selection_to_json(&selection);
        const json_t *items = json_object_get(json, "annotations");
        for (size_t i = 0; i < json_array_size(items); i++) {
            struct annotation_id id;
            const char *name = json_string_value(json_object_get(json_array_get(items, i), "id"));
            assert_int_equal(annotation_id_parse(slice_of_text(name), &id), ERR_OK);
            size_t number = (size_t)id.number[0] << 8 | id.number[1];
            assert_false(seen[number]);
            seen[number] = true;
            shown++;
        }
        const char *next = json_string_value(json_object_get(json, "cursor"));
        snprintf(cursor, sizeof cursor, "%s", next != NULL ? next : "");
        json_decref(json);
        annotation_selection_release(&selection);
        annotation_query_release(&query);
        pages++;
    } while (cursor[0] != '\0');
    assert_int_equal(shown, 2000);
    assert_true(pages >= 2);
}

static void test_annotation_selection__counts_what_it_leaves_out(void **state)
{
    (void)state;
    static struct annotation_query query;
    static struct annotation annotation;
    struct annotation_selection selection;
    struct stored stored;
    annotation_query_init(&query);
    annotation_selection_init(&selection, &query);
    sample_bare(&annotation);
    annotation.channel = slice_of_text("films");
    annotation_query_mute(&query, annotation.id.author);
    offer(&selection, &annotation);
    stored_init(&stored);
    stored_put(&stored, 1, slice_of_text("?"), true);
    struct scan_entry scanned = stored_scan(&stored);
    annotation_selection_offer(&selection, slice_of_text("films"), &scanned);
    assert_true(selection.muted == 1 && selection.unreadable == 1 && selection.total == 0);
    stored_release(&stored);
    annotation_selection_release(&selection);
    annotation_query_release(&query);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_annotation_selection__pages_as_its_twin),
        cmocka_unit_test(test_annotation_selection__is_bounded_in_bytes),
        cmocka_unit_test(test_annotation_selection__counts_what_it_leaves_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
