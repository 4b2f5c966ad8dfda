#include "front/http/gateway.h"

#include "front/http/exchange.h"

void gateway_init(struct gateway *gateway, struct host *host, struct clock clock)
{
    *gateway = (struct gateway){.host = host, .clock = clock};
    for (int i = 0; i < PATIENCE_COUNT; i++)
        list_init(&gateway->lines[i]);
    list_init(&gateway->orphans);
    list_init(&gateway->turns);
    list_init(&gateway->streams);
}

void gateway_release(struct gateway *gateway)
{
    struct list *node;
    while ((node = list_take_first(&gateway->orphans)) != NULL)
        LIST_ITEM(node, struct exchange, waiting)->gateway = NULL;
}

uint64_t gateway_now_us(const struct gateway *gateway)
{
    return gateway->clock.ops->now_us(gateway->clock.self);
}

void gateway_add(struct gateway *gateway, struct exchange *exchange)
{
    exchange->deadline_us = gateway_now_us(gateway) + gateway->limit_us[exchange->patience];
    list_append(&gateway->lines[exchange->patience], &exchange->waiting);
}

static struct exchange *first_in(const struct list *line)
{
    return list_empty(line) ? NULL : LIST_ITEM(line->next, struct exchange, waiting);
}

void gateway_expire(struct gateway *gateway)
{
    for (int i = 0; i < PATIENCE_COUNT; i++) {
        struct exchange *first = first_in(&gateway->lines[i]);
        if (first == NULL)
            continue;
        uint64_t now = gateway_now_us(gateway);
        for (; first != NULL && first->deadline_us <= now; first = first_in(&gateway->lines[i]))
            exchange_give_up(first, "no answer in time");
    }
}

uint64_t gateway_expiry_ms(const struct gateway *gateway)
{
    uint64_t earliest_us = UINT64_MAX;
    for (int i = 0; i < PATIENCE_COUNT; i++) {
        const struct exchange *first = first_in(&gateway->lines[i]);
        if (first != NULL && first->deadline_us < earliest_us)
            earliest_us = first->deadline_us;
    }
    if (earliest_us == UINT64_MAX)
        return UINT64_MAX;
    uint64_t now = gateway_now_us(gateway);
    return earliest_us <= now ? 0 : (earliest_us - now + 999) / 1000;
}

void gateway_dismiss(struct gateway *gateway)
{
    for (int i = 0; i < PATIENCE_COUNT; i++) {
        struct exchange *first = first_in(&gateway->lines[i]);
        for (; first != NULL; first = first_in(&gateway->lines[i]))
            exchange_give_up(first, "this node is stopping");
    }
}
