#include "app/annotations/utc_time.h"

#include "app/annotations/text.h"
#include "base/check.h"

enum { YEAR_FIRST = 1970, FRACTION_DIGITS = 3 };

static const uint64_t second_ms = 1000;
static const uint64_t day_ms = 86400000;

static bool is_leap(uint32_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static uint32_t month_days(uint32_t year, uint32_t month)
{
    static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year) ? 1u : 0u);
}

// From year 1 to the beginning of `year`, in the calendar of today.
static uint32_t days_before(uint32_t year)
{
    uint32_t past = year - 1;
    return past * 365 + past / 4 - past / 100 + past / 400;
}

void utc_time_append(struct buf *out, uint64_t time_ms)
{
    CHECK(time_ms <= UTC_TIME_MS_MAX);
    uint32_t days = (uint32_t)(time_ms / day_ms);
    uint32_t in_day_ms = (uint32_t)(time_ms % day_ms);
    uint32_t in_day_s = in_day_ms / 1000;
    // Never too late; the loop adds the few years that are missing (at most 16).
    uint32_t year = YEAR_FIRST + days / 366;
    while (days_before(year + 1) - days_before(YEAR_FIRST) <= days)
        year++;
    days -= days_before(year) - days_before(YEAR_FIRST);
    uint32_t month = 1;
    for (; days >= month_days(year, month); month++)
        days -= month_days(year, month);
    buf_append_format(out, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", year, month, days + 1,
                      in_day_s / 3600, in_day_s / 60 % 60, in_day_s % 60, in_day_ms % 1000);
}

// Takes `digits` digits; anything else makes the cursor fail.
static uint32_t take_number(struct cursor *in, unsigned digits)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < digits; i++) {
        uint8_t digit = cursor_u8(in);
        in->failed |= !text_is_digit(digit);
        value = value * 10 + (uint32_t)(digit - '0');
    }
    return in->failed ? 0 : value;
}

static uint32_t take_after(struct cursor *in, uint8_t mark, unsigned digits)
{
    in->failed |= cursor_u8(in) != mark;
    return take_number(in, digits);
}

// The milliseconds of ".<1 to 3 digits>", of none 0.
static uint32_t take_fraction(struct cursor *in)
{
    uint32_t value = 0;
    unsigned digits = 0;
    if (cursor_left(in) == 0 || *in->next != '.')
        return 0;
    (void)cursor_u8(in);
    for (; digits < FRACTION_DIGITS && cursor_left(in) > 0 && text_is_digit(*in->next); digits++)
        value = value * 10 + take_number(in, 1);
    in->failed |= digits == 0;
    for (; digits < FRACTION_DIGITS; digits++)
        value *= 10;
    return value;
}

enum err utc_time_parse(struct slice text, uint64_t *time_ms)
{
    struct cursor in = cursor_of(text);
    uint32_t year = take_number(&in, 4);
    uint32_t month = take_after(&in, '-', 2);
    uint32_t day = take_after(&in, '-', 2);
    uint32_t hour = take_after(&in, 'T', 2);
    uint32_t minute = take_after(&in, ':', 2);
    uint32_t second = take_after(&in, ':', 2);
    uint32_t fraction_ms = take_fraction(&in);
    in.failed |= cursor_u8(&in) != 'Z';
    if (cursor_finish(&in) != ERR_OK || year < YEAR_FIRST || month < 1 || month > 12 || day < 1 ||
        day > month_days(year, month) || hour > 23 || minute > 59 || second > 59)
        return ERR_INVALID;
    uint64_t days = days_before(year) - days_before(YEAR_FIRST) + day - 1;
    for (uint32_t i = 1; i < month; i++)
        days += month_days(year, i);
    *time_ms = days * day_ms + (hour * 3600 + minute * 60 + second) * second_ms + fraction_ms;
    return ERR_OK;
}
