#include "front/http/placement_fields.h"

struct fields *placement_fields_parse(struct exchange *exchange)
{
    struct fields *fields = NULL;
    struct errmsg problem;
    if (fields_parse(buf_slice(&exchange->body), &fields, &problem) != ERR_OK)
        exchange_fail(exchange, 400, "invalid", "%s", problem.text);
    return fields;
}

bool placement_take_strategy(struct exchange *exchange, const struct fields *fields,
                             enum strategy *out)
{
    struct slice name;
    struct errmsg problem;
    if (fields_text(fields, "strategy", &name, &problem) != ERR_OK)
        exchange_fail(exchange, 400, "invalid", "%s", problem.text);
    else if (strategy_parse(name, out) != ERR_OK)
        exchange_fail(
            exchange, 400, "invalid",
            "there is no such strategy: the field \"strategy\" must be full or consistent");
    else
        return true;
    return false;
}

static bool take_count(struct exchange *exchange, const struct fields *fields, const char *name,
                       unsigned most, uint8_t *out)
{
    if (!fields_have(fields, name))
        return true;
    int64_t value = 0;
    struct errmsg problem;
    if (fields_integer(fields, name, 1, most, &value, &problem) != ERR_OK) {
        exchange_fail(exchange, 400, "invalid", "%s", problem.text);
        return false;
    }
    *out = (uint8_t)value;
    return true;
}

bool placement_take_factor(struct exchange *exchange, const struct fields *fields,
                           const struct cluster_map *map, uint8_t *out)
{
    return take_count(exchange, fields, "replication_factor", map->node_count, out);
}

bool placement_take_min_in_sync(struct exchange *exchange, const struct fields *fields,
                                unsigned most, uint8_t *out)
{
    return take_count(exchange, fields, "min_in_sync", most, out);
}
