#include "app/annotations/url.h"

#include "app/annotations/text.h"
#include "base/check.h"

#include <arpa/inet.h>

enum { PORT_MAX = 65535 };

// The schemes of which the host and the port are known.
static const struct known_scheme {
    const char *name;
    uint32_t port;
    bool web;
} known_schemes[] = {{"http", 80, true}, {"https", 443, true}, {"ftp", 21, false}};

static const struct known_scheme *scheme_find(struct slice scheme)
{
    for (size_t i = 0; i < sizeof known_schemes / sizeof known_schemes[0]; i++)
        if (scheme.length == strlen(known_schemes[i].name) &&
            text_begins(scheme, known_schemes[i].name))
            return &known_schemes[i];
    return NULL;
}

bool url_is_http(const struct url *url)
{
    const struct known_scheme *known = scheme_find(url->scheme);
    return known != NULL && known->web;
}

// Section 2.2.
static bool is_sub_delimiter(uint8_t byte)
{
    return byte != '\0' && strchr("!$&'()*+,;=", byte) != NULL;
}

static bool fits_name(uint8_t byte)
{
    return text_is_unreserved(byte) || is_sub_delimiter(byte);
}

static bool fits_userinfo(uint8_t byte)
{
    return fits_name(byte) || byte == ':';
}

static bool fits_path(uint8_t byte)
{
    return fits_userinfo(byte) || byte == '@' || byte == '/';
}

static bool fits_query(uint8_t byte)
{
    return fits_path(byte) || byte == '?';
}

// The first place from `at` on, before `end`, where `byte` stands, or `end`.
static size_t find(struct slice text, size_t at, size_t end, uint8_t byte)
{
    while (at < end && text.bytes[at] != byte)
        at++;
    return at;
}

static struct slice part(struct slice text, size_t at, size_t end)
{
    return slice_of(text.bytes + at, end - at);
}

static enum err parse_scheme(struct slice text, struct url *out, struct link_fault *fault)
{
    static const char expected[] = "a link begins with a scheme and a colon, as in https:";
    size_t at = 0;
    while (at < text.length) {
        uint8_t byte = text.bytes[at];
        bool later = at > 0 && (text_is_digit(byte) || byte == '+' || byte == '-' || byte == '.');
        if (!text_is_letter(byte) && !later)
            break;
        at++;
    }
    if (at < text.length && (text.bytes[at] <= ' ' || text.bytes[at] >= 0x7f))
        return link_fault_byte(fault, at, text.bytes[at]);
    if (at == 0 || at == text.length || text.bytes[at] != ':')
        return link_fault_set(fault, at, expected);
    out->scheme = part(text, 0, at);
    return ERR_OK;
}

static bool fits_address(uint8_t byte)
{
    return text_hex_value(byte) >= 0 || byte == ':' || byte == '.';
}

// The IPv6 address between brackets, or false.
static bool read_ipv6(struct slice host, struct in6_addr *out)
{
    char text[INET6_ADDRSTRLEN];
    if (host.length < 2 || host.length - 2 >= sizeof text)
        return false;
    for (size_t i = 1; i < host.length - 1; i++)
        if (!fits_address(host.bytes[i]))
            return false;
    memcpy(text, host.bytes + 1, host.length - 2);
    text[host.length - 2] = '\0';
    return inet_pton(AF_INET6, text, out) == 1;
}

// An address of a version to come, between brackets: "v", its number, a dot and anything (section
// 3.2.2).
static bool is_future_address(struct slice host)
{
    size_t at = 2;
    size_t end = host.length - 1;
    if (text_lower(host.bytes[1]) != 'v')
        return false;
    while (at < end && text_hex_value(host.bytes[at]) >= 0)
        at++;
    if (at == 2 || at + 1 >= end || host.bytes[at] != '.')
        return false;
    for (at++; at < end; at++)
        if (!fits_userinfo(host.bytes[at]))
            return false;
    return true;
}

// Takes the host that begins at `at`, up to `end` or the colon before the port, to where it ends.
static enum err parse_host(struct slice text, size_t at, size_t end, size_t *host_end,
                           struct link_fault *fault)
{
    struct in6_addr address;
    if (at == end || text.bytes[at] != '[') {
        *host_end = find(text, at, end, ':');
        return link_fault_find(text, at, *host_end, fits_name, fault);
    }
    size_t close = find(text, at, end, ']');
    if (close == end)
        return link_fault_set(fault, at, "a bracket that is not closed");
    struct slice host = part(text, at, close + 1);
    if (!read_ipv6(host, &address) && !is_future_address(host))
        return link_fault_set(fault, at + 1, "not an IPv6 address");
    *host_end = close + 1;
    if (*host_end < end && text.bytes[*host_end] != ':')
        return link_fault_set(fault, *host_end, "a port or the path follows an address");
    return ERR_OK;
}

// The value of a port's digits, or something over PORT_MAX when it is.
static uint32_t port_value(struct slice port)
{
    uint32_t value = 0;
    for (size_t i = 0; i < port.length && value <= PORT_MAX; i++)
        value = value * 10 + port.bytes[i] - '0';
    return value;
}

static enum err check_port(struct slice text, size_t at, size_t end, struct link_fault *fault)
{
    for (size_t i = at; i < end; i++)
        if (!text_is_digit(text.bytes[i]))
            return link_fault_set(fault, i, "a port is a number");
    if (port_value(part(text, at, end)) > PORT_MAX)
        return link_fault_set(fault, at, "a port is at most 65535");
    return ERR_OK;
}

static enum err parse_authority(struct slice text, size_t at, size_t end, struct url *out,
                                struct link_fault *fault)
{
    size_t sign = find(text, at, end, '@');
    size_t host_end = end;
    if (sign < end) {
        if (link_fault_find(text, at, sign, fits_userinfo, fault) != ERR_OK)
            return ERR_INVALID;
        out->userinfo = part(text, at, sign);
        at = sign + 1;
    }
    if (parse_host(text, at, end, &host_end, fault) != ERR_OK)
        return ERR_INVALID;
    out->host = part(text, at, host_end);
    if (host_end == at && scheme_find(out->scheme) != NULL)
        return link_fault_set(fault, at, "the host is missing");
    if (host_end == end)
        return ERR_OK;
    out->port = part(text, host_end + 1, end);
    return check_port(text, host_end + 1, end, fault);
}

enum err url_parse(struct slice text, struct url *out, struct link_fault *fault)
{
    *out = (struct url){.port = {NULL, 0}};
    if (parse_scheme(text, out, fault) != ERR_OK)
        return ERR_INVALID;
    size_t at = out->scheme.length + 1;
    size_t fragment = find(text, at, text.length, '#');
    size_t query = find(text, at, fragment, '?');
    if (at == text.length)
        return link_fault_set(fault, at, "nothing follows the scheme");
    if (query - at >= 2 && text.bytes[at] == '/' && text.bytes[at + 1] == '/') {
        size_t end = find(text, at + 2, query, '/');
        if (parse_authority(text, at + 2, end, out, fault) != ERR_OK)
            return ERR_INVALID;
        at = end;
    } else if (scheme_find(out->scheme) != NULL) {
        return link_fault_set(fault, at, "two slashes and a host follow this scheme");
    }
    out->path = part(text, at, query);
    if (query < fragment)
        out->query = part(text, query + 1, fragment);
    if (fragment < text.length)
        out->fragment = part(text, fragment + 1, text.length);
    if (link_fault_find(text, at, query, fits_path, fault) != ERR_OK ||
        (query < fragment &&
         link_fault_find(text, query + 1, fragment, fits_query, fault) != ERR_OK) ||
        (fragment < text.length &&
         link_fault_find(text, fragment + 1, text.length, fits_query, fault) != ERR_OK))
        return ERR_INVALID;
    return ERR_OK;
}

enum err url_check_address(struct slice text, size_t at, size_t end, struct link_fault *fault)
{
    size_t host_end = end;
    if (parse_host(text, at, end, &host_end, fault) != ERR_OK)
        return ERR_INVALID;
    if (host_end == at)
        return link_fault_set(fault, at, "the host is missing");
    if (host_end == end || host_end + 1 == end)
        return link_fault_set(fault, end, "a colon and a port follow the host");
    if (check_port(text, host_end + 1, end, fault) != ERR_OK)
        return ERR_INVALID;
    if (port_value(part(text, host_end + 1, end)) == 0)
        return link_fault_set(fault, host_end + 1, "a port is at least 1");
    return ERR_OK;
}

static void append_lower(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.length; i++)
        buf_append_u8(out, text_lower(text.bytes[i]));
}

void url_append_escaped(struct buf *out, struct slice text, const char *plain)
{
    for (size_t at = 0; at < text.length; at++) {
        int value = text_escape_value(text, at);
        if (value < 0) {
            buf_append_u8(out, text.bytes[at]);
            continue;
        }
        if (text_is_unreserved((uint8_t)value) || (value != 0 && strchr(plain, value) != NULL))
            buf_append_u8(out, (uint8_t)value);
        else
            buf_append_format(out, "%%%02X", (unsigned)value);
        at += 2;
    }
}

// RFC 5952, section 4: the longest run of two groups of zeros or more, the first of equals, is left
// out. Written here, since systems differ in how they write addresses that embed those of IPv4.
static void append_ipv6(struct buf *out, const struct in6_addr *address)
{
    uint32_t groups[8];
    size_t run = 8;
    size_t run_length = 1;
    for (size_t i = 0; i < 8; i++)
        groups[i] = (uint32_t)address->s6_addr[2 * i] << 8 | address->s6_addr[2 * i + 1];
    for (size_t i = 0; i < 8; i++) {
        size_t end = i;
        while (end < 8 && groups[end] == 0)
            end++;
        if (end - i > run_length) {
            run = i;
            run_length = end - i;
        }
    }
    buf_append_u8(out, '[');
    for (size_t i = 0; i < 8; i++) {
        if (i == run) {
            buf_append(out, "::", 2);
            i += run_length - 1;
        } else {
            buf_append_format(out, i > 0 && i != run + run_length ? ":%x" : "%x", groups[i]);
        }
    }
    buf_append_u8(out, ']');
}

// Lower case everywhere but in the escapes that remain.
static void append_host(struct buf *out, struct slice host)
{
    struct in6_addr address;
    size_t from = out->length;
    if (read_ipv6(host, &address)) {
        append_ipv6(out, &address);
        return;
    }
    url_append_escaped(out, host, "");
    for (size_t at = from; at < out->length; at++) {
        if (out->bytes[at] == '%')
            at += 2;
        else
            out->bytes[at] = text_lower(out->bytes[at]);
    }
}

// Section 5.2.4, for a path that begins with a slash: each segment is taken with the slash before
// it.
static void append_without_dots(struct buf *out, struct slice path)
{
    size_t from = out->length;
    for (size_t at = 0; at < path.length;) {
        size_t end = find(path, at + 1, path.length, '/');
        struct slice segment = part(path, at + 1, end);
        bool up = slice_equal(segment, slice_of_text(".."));
        bool dots = up || slice_equal(segment, slice_of_text("."));
        while (up && out->length > from && out->bytes[--out->length] != '/')
            continue;
        if (!dots)
            buf_append_slice(out, part(path, at, end));
        else if (end == path.length)
            buf_append_u8(out, '/');
        at = end;
    }
}

static void append_path(struct buf *out, struct slice path, bool has_host)
{
    struct buf escaped;
    struct buf plain;
    buf_init(&escaped, path.length);
    buf_init(&plain, path.length);
    url_append_escaped(&escaped, path, "");
    if (path.length > 0 && path.bytes[0] == '/')
        append_without_dots(&plain, buf_slice(&escaped));
    else
        buf_append_slice(&plain, buf_slice(&escaped));
    CHECK(!escaped.overflown && !plain.overflown);
    // Without a host, two slashes at the beginning would make one of what follows.
    if (!has_host && plain.length >= 2 && plain.bytes[0] == '/' && plain.bytes[1] == '/')
        buf_append(out, "/.", 2);
    buf_append_slice(out, buf_slice(&plain));
    buf_release(&escaped);
    buf_release(&plain);
}

static void append_port(struct buf *out, const struct url *url)
{
    const struct known_scheme *known = scheme_find(url->scheme);
    uint32_t port = port_value(url->port);
    if (url->port.length > 0 && (known == NULL || known->port != port))
        buf_append_format(out, ":%u", port);
}

void url_normalize(const struct url *url, struct buf *out)
{
    append_lower(out, url->scheme);
    buf_append_u8(out, ':');
    if (url->host.bytes != NULL)
        buf_append(out, "//", 2);
    if (url->userinfo.bytes != NULL) {
        url_append_escaped(out, url->userinfo, "");
        buf_append_u8(out, '@');
    }
    append_host(out, url->host);
    append_port(out, url);
    if (url->path.length == 0 && url_is_http(url))
        buf_append_u8(out, '/');
    append_path(out, url->path, url->host.bytes != NULL);
    if (url->query.bytes != NULL) {
        buf_append_u8(out, '?');
        url_append_escaped(out, url->query, "");
    }
    if (url->fragment.bytes != NULL) {
        buf_append_u8(out, '#');
        url_append_escaped(out, url->fragment, "");
    }
}
