#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

static const char *const names[ERR_COUNT] = {
#define X(name, text, sentence) text,
    ERR_TABLE(X)
#undef X
};

static const char *const sentences[ERR_COUNT] = {
#define X(name, text, sentence) sentence,
    ERR_TABLE(X)
#undef X
};

const char *err_name(enum err e)
{
    return (unsigned)e < ERR_COUNT ? names[e] : "unnamed";
}

const char *err_sentence(enum err e)
{
    return (unsigned)e < ERR_COUNT ? sentences[e] : "an unnamed error";
}

enum err errmsg_set(struct errmsg *detail, enum err e, const char *format, ...)
{
    if (detail == NULL)
        return e;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail->text, sizeof detail->text, format, arguments);
    va_end(arguments);
    return e;
}
