/* SPDX-License-Identifier: MIT */
#include "transport/address.h"

#include "base/text.h"
#include "hawser/error.h"

#include <string.h>

static int refuse(const char *text, const char *why, char *detail, size_t capacity)
{
    hwsi_say(detail, capacity, "\"%.200s\" is no address: %s", text, why);
    return HWS_EADDRESS;
}

/* -1: not a port. Signs, blanks and leading zeros beyond five digits are none. */
static long port_of(const char *text)
{
    size_t length = strspn(text, "0123456789");
    long port = 0;
    if (length == 0 || length > 5 || text[length] != '\0')
        return -1;
    for (; *text; text++)
        port = port * 10 + (*text - '0');
    return port <= 65535 ? port : -1;
}

int hwsi_host_port_parse(struct hwsi_host_port *out, const char *text, char *detail,
                         size_t capacity)
{
    bool bracketed = text[0] == '[';
    const char *host = bracketed ? text + 1 : text;
    const char *end = bracketed ? strchr(host, ']') : strrchr(host, ':');
    const char *colon = bracketed && end ? end + 1 : end;
    if (bracketed && !end)
        return refuse(text, "the closing bracket is missing", detail, capacity);
    if (!colon || *colon != ':')
        return refuse(text, "the port is missing; write host:port", detail, capacity);
    if (end == host)
        return refuse(text, "the host is missing; write 0.0.0.0 for all addresses of this machine",
                      detail, capacity);
    if (!bracketed && memchr(host, ':', (size_t)(end - host)))
        return refuse(text, "an IPv6 address goes in brackets, [::1]:25520", detail, capacity);
    if ((size_t)(end - host) >= sizeof out->host)
        return refuse(text, "the host is longer than 255 bytes", detail, capacity);
    if (port_of(colon + 1) < 0)
        return refuse(text, "the port is not a number from 0 to 65535", detail, capacity);
    memcpy(out->host, host, (size_t)(end - host));
    out->host[end - host] = '\0';
    out->bracketed = bracketed;
    out->port = (uint16_t)port_of(colon + 1);
    return 0;
}

void hwsi_host_port_format(const struct hwsi_host_port *address, unsigned port, char *text,
                           size_t capacity)
{
    hwsi_say(text, capacity, address->bracketed ? "[%s]:%u" : "%s:%u", address->host, port);
}
