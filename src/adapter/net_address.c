#include "adapter/net_address.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

enum { PORT_DIGITS_MAX = 5, PORT_MAX = 65535 };

static enum err parse_port(const char *text, uint16_t *out)
{
    unsigned port = 0;
    size_t digits = strlen(text);
    if (digits == 0 || digits > PORT_DIGITS_MAX)
        return ERR_INVALID;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return ERR_INVALID;
        port = port * 10 + (unsigned)(*text - '0');
    }
    *out = (uint16_t)port;
    return port <= PORT_MAX ? ERR_OK : ERR_INVALID;
}

enum err net_address_parse(const char *text, struct net_address *out)
{
    bool bracketed = text[0] == '[';
    const char *host = bracketed ? text + 1 : text;
    const char *host_end = bracketed ? strchr(host, ']') : strchr(host, ':');
    if (host_end == NULL || host_end == host || host_end - host > NET_HOST_BYTES_MAX)
        return ERR_INVALID;
    const char *colon = bracketed ? host_end + 1 : host_end;
    if (*colon != ':')
        return ERR_INVALID;
    size_t host_bytes = (size_t)(host_end - host);
    memcpy(out->host, host, host_bytes);
    out->host[host_bytes] = '\0';
    return parse_port(colon + 1, &out->port);
}

bool net_address_is_literal(const struct net_address *address, struct sockaddr_storage *out)
{
    *out = (struct sockaddr_storage){0};
    return uv_ip4_addr(address->host, address->port, (struct sockaddr_in *)(void *)out) == 0 ||
           uv_ip6_addr(address->host, address->port, (struct sockaddr_in6 *)(void *)out) == 0;
}

bool net_address_is_wildcard(const struct net_address *address)
{
    struct sockaddr_storage place;
    if (!net_address_is_literal(address, &place))
        return false;
    if (place.ss_family == AF_INET)
        return ((const struct sockaddr_in *)(const void *)&place)->sin_addr.s_addr == INADDR_ANY;
    return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)(const void *)&place)->sin6_addr);
}

void net_address_format(const struct sockaddr *from, char text[NET_ADDRESS_TEXT_BYTES])
{
    char host[NET_HOST_BYTES_MAX + 1] = "?";
    if (from->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)from;
        (void)uv_ip4_name(v4, host, sizeof host);
        snprintf(text, NET_ADDRESS_TEXT_BYTES, "%s:%u", host, (unsigned)ntohs(v4->sin_port));
    } else if (from->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)from;
        (void)uv_ip6_name(v6, host, sizeof host);
        snprintf(text, NET_ADDRESS_TEXT_BYTES, "[%s]:%u", host, (unsigned)ntohs(v6->sin6_port));
    } else {
        snprintf(text, NET_ADDRESS_TEXT_BYTES, "an unknown address");
    }
}
