// Any command line, one word to a line, is valid options or an error with a sentence.
#include "base/check.h"
#include "cli/options.h"

#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 80 };

static void check_options(const struct options *options)
{
    CHECK(options->word_count <= OPTION_WORDS_MAX);
    CHECK(options->endpoint_count <= OPTION_ENDPOINTS_MAX);
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        const struct option_spec *spec = option_spec_of((enum option_id)id);
        if (!options_have(options, (enum option_id)id) || id == OPTION_ENDPOINT)
            continue;
        if (spec->kind == OPTION_KIND_NUMBER)
            CHECK(options->number[id] >= spec->least && options->number[id] <= spec->most);
        if (spec->kind == OPTION_KIND_CHOICE)
            CHECK(options->text[id] != NULL && strstr(spec->value_name, options->text[id]) != NULL);
        if (spec->kind == OPTION_KIND_TEXT)
            CHECK(options->text[id] != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static struct options options;
    char *words[WORDS_MAX];
    int count = 0;
    struct errmsg detail = {""};
    char *text = memory_new(length + 1);
    if (length > 0)
        memcpy(text, bytes, length);
    text[length] = '\0';
    for (char *word = text; word != NULL && count < WORDS_MAX;) {
        char *end = strchr(word, '\n');
        if (end != NULL)
            *end++ = '\0';
        // Each at its own place, so that a read past its end is seen.
        words[count++] = memory_copy(word, strlen(word) + 1);
        word = end;
    }
    if (options_parse(&options, count, words, &detail) == ERR_OK)
        check_options(&options);
    else
        CHECK(detail.text[0] != '\0');
    for (int i = 0; i < count; i++)
        free(words[i]);
    free(text);
    return 0;
}
