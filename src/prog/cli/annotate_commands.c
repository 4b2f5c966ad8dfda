#include "cli/annotate_commands.h"

#include "cli/annotation_view.h"
#include "cli/annotations.h"

#include <string.h>
#include <unistd.h>

enum { TEXT_BYTES_MAX = 64 * 1024 };

// The text of operand `at`: itself, or what standard input holds for "-", without a line's end
// behind it. `given` owns the latter.
static enum err take_text(const struct session *session, size_t at, struct buf *given,
                          const char **text, struct errmsg *detail)
{
    *text = session->word_count > at ? session->words[at] : NULL;
    if (*text == NULL || strcmp(*text, "-") != 0)
        return ERR_OK;
    enum err e = file_read_descriptor(given, STDIN_FILENO, "standard input", detail);
    while (given->length > 0 && given->bytes[given->length - 1] == '\n')
        given->length--;
    if (e == ERR_OK && given->length > 0 && memchr(given->bytes, 0, given->length) != NULL)
        e = errmsg_set(detail, ERR_INVALID, "the text holds a zero byte");
    buf_append_u8(given, 0);
    *text = (const char *)given->bytes;
    return e;
}

static struct annotation_words words_of(const struct session *session)
{
    const struct options *options = &session->options;
    return (struct annotation_words){.rating = options->text[OPTION_RATING],
                                     .tags = options->text[OPTION_TAGS],
                                     .channel = options->text[OPTION_CHANNEL],
                                     .replies_to = options->text[OPTION_REPLY_TO]};
}

// Prints the annotation, which is taken, or why there is none.
static enum exit_code finish(const struct session *session, enum err e, json_t *annotation,
                             const char *done, bool whole, const struct errmsg *detail)
{
    if (e != ERR_OK) {
        enum exit_code code = session_fail(session, e, detail);
        return e == ERR_NOT_FOUND ? EXIT_CODE_NOT_FOUND : code;
    }
    if (session->output.json) {
        output_json(json_pack("{ss,sO}", "status", "success", "annotation", annotation));
    } else if (done != NULL) {
        printf("%s ", done);
        annotation_view_print_text(json_object_get(annotation, "id"));
        putchar('\n');
    } else {
        annotation_view_print(&session->output, annotation, whole);
    }
    json_decref(annotation);
    return session_finish(session);
}

enum exit_code annotate_add_command(struct session *session)
{
    struct errmsg detail = {0};
    struct buf given;
    json_t *annotation = NULL;
    struct annotation_words words = words_of(session);
    if (words.channel == NULL)
        return session_usage(session, "name the channel: --channel NAME");
    buf_init(&given, TEXT_BYTES_MAX);
    words.link = session->words[0];
    enum err e = take_text(session, 1, &given, &words.text, &detail);
    if (e == ERR_OK)
        e = annotations_add(&session->client, &words, &annotation, &detail);
    buf_release(&given);
    return finish(session, e, annotation, "added", false, &detail);
}

// Asks about one annotation: "/v1/annotations/<id><suffix>" in the channel of --channel.
static enum err ask_one(struct session *session, enum method method, const char *suffix,
                        const json_t *body, json_t **annotation, struct errmsg *detail)
{
    struct buf path;
    json_t *answer = NULL;
    enum err e = ERR_TOO_LARGE;
    annotations_path_begin(&path, "/v1/annotations/");
    annotations_path_segment(&path, session->words[0]);
    buf_append_slice(&path, slice_of_text(suffix));
    annotations_path_argument(&path, "channel", session->options.text[OPTION_CHANNEL]);
    const char *text = annotations_path_end(&path, detail);
    if (text != NULL)
        e = client_ask_json(&session->client, method, text, body,
                            annotation != NULL ? &answer : NULL, detail);
    buf_release(&path);
    return e == ERR_OK && annotation != NULL ? annotations_take(answer, annotation, detail) : e;
}

enum exit_code annotate_edit_command(struct session *session)
{
    struct errmsg detail = {0};
    struct buf given;
    json_t *annotation = NULL;
    struct annotation_words words = words_of(session);
    words.channel = NULL;
    if (session->word_count < 2 && words.rating == NULL && words.tags == NULL)
        return session_usage(session, "say what to change: TEXT, --rating or --tags");
    buf_init(&given, TEXT_BYTES_MAX);
    enum err e = take_text(session, 1, &given, &words.text, &detail);
    json_t *body = e == ERR_OK ? annotations_body(&words, &detail) : NULL;
    if (body == NULL)
        e = e == ERR_OK ? ERR_INVALID : e;
    else
        e = ask_one(session, METHOD_PATCH, "", body, &annotation, &detail);
    json_decref(body);
    buf_release(&given);
    return finish(session, e, annotation, "changed", false, &detail);
}

enum exit_code annotate_rm_command(struct session *session)
{
    struct errmsg detail = {0};
    enum err e = ask_one(session, METHOD_DELETE, "", NULL, NULL, &detail);
    if (e != ERR_OK)
        return finish(session, e, NULL, NULL, false, &detail);
    if (session->output.json) {
        json_t *object = json_pack("{ss}", "status", "success");
        output_json_bytes(object, "id", slice_of_text(session->words[0]));
        output_json(object);
    } else {
        printf("deleted ");
        output_printable(stdout, slice_of_text(session->words[0]));
        putchar('\n');
    }
    return session_finish(session);
}

enum exit_code annotate_show_command(struct session *session)
{
    struct errmsg detail = {0};
    json_t *annotation = NULL;
    enum err e = ask_one(session, METHOD_GET, "", NULL, &annotation, &detail);
    return finish(session, e, annotation, NULL, true, &detail);
}

enum exit_code annotate_restore_command(struct session *session)
{
    struct errmsg detail = {0};
    json_t *annotation = NULL;
    json_t *body = json_object();
    output_json_bytes(body, "version", slice_of_text(session->words[1]));
    enum err e = ask_one(session, METHOD_POST, "/restore", body, &annotation, &detail);
    json_decref(body);
    return finish(session, e, annotation, "restored", false, &detail);
}
