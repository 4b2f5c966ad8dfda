#include "front/http/optimistic_fields.h"

#include "front/http/json_text.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/random.h>

struct flag_field {
    const char *name;
    size_t offset; // of a bool in struct optimistic
};

struct pace_field {
    const char *name;
    size_t offset; // of a uint64_t in struct optimistic, in ms
};

static const struct flag_field FLAGS[] = {{"family", offsetof(struct optimistic, is_family)},
                                          {"signed", offsetof(struct optimistic, is_signed)}};

static const struct pace_field PACES[] = {
    {"rumor_ms", offsetof(struct optimistic, rumor_ms)},
    {"anti_entropy_ms", offsetof(struct optimistic, anti_entropy_ms)},
    {"audit_ms", offsetof(struct optimistic, audit_ms)},
    {"retention_ms", offsetof(struct optimistic, retention_ms)},
    {"stability_ms", offsetof(struct optimistic, stability_ms)},
};

enum { FLAG_COUNT = sizeof FLAGS / sizeof FLAGS[0], PACE_COUNT = sizeof PACES / sizeof PACES[0] };

static const char RUMOR_K[] = "rumor_k";

static bool fail(struct exchange *exchange, const struct errmsg *problem)
{
    exchange_fail(exchange, 400, "invalid", "%s", problem->text);
    return false;
}

bool optimistic_take_mode(struct exchange *exchange, const struct fields *fields,
                          bool *is_optimistic)
{
    struct slice mode = slice_of_text("strong");
    struct errmsg problem;
    if (fields_have(fields, "mode") && fields_text(fields, "mode", &mode, &problem) != ERR_OK)
        return fail(exchange, &problem);
    *is_optimistic = slice_equal(mode, slice_of_text("optimistic"));
    if (*is_optimistic || slice_equal(mode, slice_of_text("strong")))
        return true;
    exchange_fail(exchange, 400, "invalid", "the field \"mode\" must be strong or optimistic");
    return false;
}

// Fields of strong keyspaces get a message of their own.
static bool refuse_others(struct exchange *exchange, const struct fields *fields)
{
    static const char *const strong[] = {"strategy", "replication_factor", "min_in_sync"};
    const char *known[3 + FLAG_COUNT + PACE_COUNT] = {"name", "mode", RUMOR_K};
    struct errmsg problem;
    for (size_t i = 0; i < sizeof strong / sizeof strong[0]; i++) {
        if (!fields_have(fields, strong[i]))
            continue;
        exchange_fail(exchange, 400, "invalid",
                      "the field \"%s\" is for strong keyspaces: every member keeps all of an "
                      "optimistic one; remove it",
                      strong[i]);
        return false;
    }
    for (size_t i = 0; i < FLAG_COUNT; i++)
        known[3 + i] = FLAGS[i].name;
    for (size_t i = 0; i < PACE_COUNT; i++)
        known[3 + FLAG_COUNT + i] = PACES[i].name;
    return fields_only(fields, known, sizeof known / sizeof known[0], &problem) == ERR_OK ||
           fail(exchange, &problem);
}

static bool take_flag(struct exchange *exchange, const struct fields *fields,
                      const struct flag_field *field, struct optimistic *out)
{
    struct errmsg problem;
    bool *value = (bool *)(void *)((char *)out + field->offset);
    return !fields_have(fields, field->name) ||
           fields_boolean(fields, field->name, value, &problem) == ERR_OK ||
           fail(exchange, &problem);
}

static bool take_pace(struct exchange *exchange, const struct fields *fields,
                      const struct pace_field *field, struct optimistic *out)
{
    struct errmsg problem;
    int64_t value = 0;
    if (!fields_have(fields, field->name))
        return true;
    if (fields_integer(fields, field->name, OPTIMISTIC_MS_MIN, (int64_t)OPTIMISTIC_MS_MAX, &value,
                       &problem) != ERR_OK)
        return fail(exchange, &problem);
    *(uint64_t *)(void *)((char *)out + field->offset) = (uint64_t)value;
    return true;
}

static bool take_rumor_k(struct exchange *exchange, const struct fields *fields,
                         struct optimistic *out)
{
    struct errmsg problem;
    int64_t value = 0;
    if (!fields_have(fields, RUMOR_K))
        return true;
    if (fields_integer(fields, RUMOR_K, 1, OPTIMISTIC_RUMOR_K_MAX, &value, &problem) != ERR_OK)
        return fail(exchange, &problem);
    out->rumor_k = (uint32_t)value;
    return true;
}

bool optimistic_take_settings(struct exchange *exchange, const struct fields *fields,
                              struct optimistic *out)
{
    *out = optimistic_default();
    bool good = refuse_others(exchange, fields) && take_rumor_k(exchange, fields, out);
    for (size_t i = 0; good && i < FLAG_COUNT; i++)
        good = take_flag(exchange, fields, &FLAGS[i], out);
    for (size_t i = 0; good && i < PACE_COUNT; i++)
        good = take_pace(exchange, fields, &PACES[i], out);
    if (!good)
        return false;
    if (getrandom(&out->secret, sizeof out->secret, 0) == (ssize_t)sizeof out->secret)
        return true;
    exchange_fail(exchange, 500, "io", "the system gives no random bytes: %s", strerror(errno));
    return false;
}

bool optimistic_refuse_settings(struct exchange *exchange, const struct fields *fields)
{
    const char *found = fields_have(fields, RUMOR_K) ? RUMOR_K : NULL;
    for (size_t i = 0; i < FLAG_COUNT; i++)
        found = fields_have(fields, FLAGS[i].name) ? FLAGS[i].name : found;
    for (size_t i = 0; i < PACE_COUNT; i++)
        found = fields_have(fields, PACES[i].name) ? PACES[i].name : found;
    if (found == NULL)
        return true;
    exchange_fail(exchange, 400, "invalid",
                  "the field \"%s\" is for optimistic keyspaces: give \"mode\":\"optimistic\", or "
                  "remove it",
                  found);
    return false;
}

void optimistic_append_settings(struct buf *out, const struct optimistic *optimistic)
{
    const char *base = (const char *)optimistic;
    for (size_t i = 0; i < FLAG_COUNT; i++) {
        bool value = *(const bool *)(const void *)(base + FLAGS[i].offset);
        buf_append_format(out, ",\"%s\":%s", FLAGS[i].name, value ? "true" : "false");
    }
    buf_append_format(out, ",\"%s\":%" PRIu32, RUMOR_K, optimistic->rumor_k);
    for (size_t i = 0; i < PACE_COUNT; i++) {
        uint64_t value = *(const uint64_t *)(const void *)(base + PACES[i].offset);
        buf_append_format(out, ",\"%s\":%" PRIu64, PACES[i].name, value);
    }
}
