#include "cli/client.h"

#include <stdio.h>
#include <string.h>

enum err target_add(struct target *target, const char *endpoint, struct errmsg *detail)
{
    bool has_scheme = strstr(endpoint, "://") != NULL;
    if (has_scheme && strncmp(endpoint, "http://", 7) != 0 && strncmp(endpoint, "https://", 8) != 0)
        return errmsg_set(detail, ERR_INVALID, "the endpoint '%s' is neither http:// nor https://",
                          endpoint);
    size_t length = strlen(endpoint);
    while (length > 0 && endpoint[length - 1] == '/')
        length--;
    if (length == 0 || strpbrk(endpoint, " \t\r\n") != NULL)
        return errmsg_set(detail, ERR_INVALID,
                          "'%s' is not an endpoint such as http://127.0.0.1:5000", endpoint);
    if (target->endpoint_count == OPTION_ENDPOINTS_MAX)
        return errmsg_set(detail, ERR_TOO_LARGE, "more than %d endpoints", OPTION_ENDPOINTS_MAX);
    char *place = target->endpoints[target->endpoint_count];
    int written = snprintf(place, ENDPOINT_BYTES_MAX, "%s%.*s", has_scheme ? "" : "http://",
                           (int)length, endpoint);
    if (written < 0 || written >= ENDPOINT_BYTES_MAX)
        return errmsg_set(detail, ERR_INVALID, "an endpoint is longer than %d bytes",
                          ENDPOINT_BYTES_MAX - 1);
    target->endpoint_count++;
    return ERR_OK;
}

enum err target_set_token(struct target *target, const char *token, struct errmsg *detail)
{
    size_t length = strlen(token);
    if (length == 0 || length >= sizeof target->token)
        return errmsg_set(detail, ERR_INVALID, "a token has 1 to %d characters",
                          SECRET_BYTES_MAX - 1);
    for (size_t i = 0; i < length; i++) {
        if (token[i] <= ' ' || token[i] > '~')
            return errmsg_set(detail, ERR_INVALID,
                              "a token holds printable ASCII without blanks only");
    }
    memcpy(target->token, token, length + 1);
    return ERR_OK;
}
