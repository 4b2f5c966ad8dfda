#include "cli/progress.h"

#include "base/check.h"

#include <string.h>

enum { BAR_CELLS = 30, TENTHS = 10, NOTHING_TOLD = TENTHS + 1 };

void progress_init(struct progress *progress, const struct output *output, const char *unit)
{
    *progress = (struct progress){.output = output, .unit = unit, .told_tenths = NOTHING_TOLD};
}

// `parts` of the way, rounded down, so that only what is done shows as done.
static unsigned done_parts(uint64_t left, uint64_t most, unsigned parts)
{
    return most == 0 ? parts : (unsigned)((most - left) * parts / most);
}

void progress_format(char text[PROGRESS_LINE_BYTES], uint64_t left, uint64_t most, const char *unit)
{
    char bar[BAR_CELLS + 1];
    unsigned full = done_parts(left, most, BAR_CELLS);
    CHECK(left <= most && full <= BAR_CELLS);
    memset(bar, '.', BAR_CELLS);
    memset(bar, '#', full);
    bar[BAR_CELLS] = '\0';
    snprintf(text, PROGRESS_LINE_BYTES, "[%s] %3u%%  %llu %s left", bar,
             done_parts(left, most, 100), (unsigned long long)left, unit);
}

static void draw(struct progress *progress, uint64_t left)
{
    char text[PROGRESS_LINE_BYTES];
    progress_format(text, left, progress->most, progress->unit);
    // The rest of a longer line from before is cleared.
    printf("\r%s\033[K", text);
    fflush(stdout);
    progress->drawn = true;
}

void progress_show(struct progress *progress, uint64_t left)
{
    if (left > progress->most) {
        progress->most = left;
        progress->told_tenths = NOTHING_TOLD;
    }
    if (progress->output->json)
        return;
    if (progress->output->terminal) {
        draw(progress, left);
        return;
    }
    unsigned tenths = done_parts(left, progress->most, TENTHS);
    if (progress->most == 0 || tenths == progress->told_tenths)
        return;
    progress->told_tenths = tenths;
    printf("%llu of %llu %s left\n", (unsigned long long)left, (unsigned long long)progress->most,
           progress->unit);
    fflush(stdout);
}

void progress_end(struct progress *progress)
{
    if (progress->drawn)
        putchar('\n');
    progress->drawn = false;
}
