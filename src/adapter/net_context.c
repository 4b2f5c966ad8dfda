#include "adapter/net_context.h"

#include "base/check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { LOG_LINES_BURST = 20, LOG_LINE_MS = 1000, LOG_TEXT_BYTES_MAX = 1024 };

void net_context_init(struct net_context *context, uv_loop_t *loop)
{
    *context = (struct net_context){
        .loop = loop,
        .log_lines_left = LOG_LINES_BURST,
        .log_refilled_ms = uv_now(loop),
    };
    list_init(&context->outlets);
}

void net_context_part_begun(struct net_context *context)
{
    CHECK(!context->closing);
    context->parts_open++;
}

void net_context_part_ended(struct net_context *context)
{
    CHECK(context->parts_open > 0);
    context->parts_open--;
    if (context->closing && context->parts_open == 0)
        context->all_closed(context);
}

static bool may_log(struct net_context *context)
{
    uint64_t lines = (uv_now(context->loop) - context->log_refilled_ms) / LOG_LINE_MS;
    context->log_refilled_ms += lines * LOG_LINE_MS;
    context->log_lines_left += lines;
    if (context->log_lines_left > LOG_LINES_BURST)
        context->log_lines_left = LOG_LINES_BURST;
    if (context->log_lines_left == 0)
        return false;
    context->log_lines_left--;
    return true;
}

void net_context_log(struct net_context *context, enum log_level level, const char *format, ...)
{
    if (!may_log(context)) {
        context->log_left_out++;
        return;
    }
    if (context->log_left_out > 0)
        log_line(LOG_WARNING, "net: %" PRIu64 " more lines were left out", context->log_left_out);
    context->log_left_out = 0;
    char text[LOG_TEXT_BYTES_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    log_line(level, "net: %s", text);
}
