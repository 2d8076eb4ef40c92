/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "transport/tcp.h"

#include "base/text.h"
#include "transport/acceptor.h"
#include "transport/address.h"
#include "transport/dialer.h"
#include "transport/family.h"
#include "transport/uverror.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

/* The size of the address, or 0 when the host is a name. */
static socklen_t numeric(const struct hwsi_host_port *address, struct sockaddr_storage *out)
{
    if (uv_ip4_addr(address->host, address->port, (struct sockaddr_in *)out) == 0)
        return sizeof(struct sockaddr_in);
    if (uv_ip6_addr(address->host, address->port, (struct sockaddr_in6 *)out) == 0)
        return sizeof(struct sockaddr_in6);
    return 0;
}

static unsigned port_of(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET6 ? ntohs(((const struct sockaddr_in6 *)address)->sin6_port)
                                          : ntohs(((const struct sockaddr_in *)address)->sin_port);
}

static void welcome(struct hwsi_acceptor *acceptor, int fd, const struct sockaddr_storage *from,
                    char *peer, size_t capacity)
{
    struct hwsi_host_port address = { .bracketed = from->ss_family == AF_INET6 };
    (void)acceptor;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
    uv_ip_name((const struct sockaddr *)from, address.host, sizeof address.host);
    hwsi_host_port_format(&address, port_of(from), peer, capacity);
}

static const struct hwsi_acceptor_ops tcp_acceptor_ops = { .welcome = welcome };

/* Blocks while a name is looked up. */
static int resolve_now(struct hwsi_sockets *sockets, const struct hwsi_host_port *address,
                       struct sockaddr_storage *out, socklen_t *size)
{
    static const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
    uv_getaddrinfo_t request;
    char service[8];
    int error;
    *size = numeric(address, out);
    if (*size)
        return 0;
    hwsi_say(service, sizeof service, "%u", (unsigned)address->port);
    error = uv_getaddrinfo(sockets->loop, &request, NULL, address->host, service, &hints);
    if (error)
        return error;
    memcpy(out, request.addrinfo->ai_addr, request.addrinfo->ai_addrlen);
    *size = request.addrinfo->ai_addrlen;
    uv_freeaddrinfo(request.addrinfo);
    return 0;
}

/* A bound socket, and in `where` the address it got. 0 or a libuv error. */
static int bound(struct sockaddr_storage *where, socklen_t size, int *out)
{
    int fd, error = hwsi_sockets_open(where->ss_family, &fd);
    if (error)
        return error;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)) != 0 ||
        bind(fd, (struct sockaddr *)where, size) != 0 ||
        getsockname(fd, (struct sockaddr *)where, &size) != 0) {
        error = uv_translate_sys_error(errno);
        close(fd);
        return error;
    }
    *out = fd;
    return 0;
}

static int tcp_listen(struct hws_transport *transport, const char *text,
                      struct hws_listener_handler *handler, struct hws_listener **out, char *detail,
                      size_t capacity)
{
    struct hwsi_sockets *sockets = ((struct hwsi_family *)transport)->sockets;
    struct hwsi_acceptor *acceptor;
    struct hwsi_host_port address;
    struct sockaddr_storage where;
    socklen_t size;
    char name[sizeof address.host + 16];
    int fd = -1, error = hwsi_host_port_parse(&address, text, detail, capacity);
    if (error)
        return error;
    error = resolve_now(sockets, &address, &where, &size);
    if (!error)
        error = bound(&where, size, &fd);
    if (!error) {
        hwsi_host_port_format(&address, port_of(&where), name, sizeof name);
        error = hwsi_acceptor_new(sockets, &tcp_acceptor_ops, fd, name, handler, &acceptor);
    }
    if (error)
        return hwsi_uverror_listen(error, text, detail, capacity);
    *out = &acceptor->listener;
    return 0;
}

static int dialable(struct hwsi_host_port *address, const char *text, char *detail, size_t capacity)
{
    int error = hwsi_host_port_parse(address, text, detail, capacity);
    if (error || address->port)
        return error;
    hwsi_say(detail, capacity, "\"%.200s\" can not be dialled: port 0 is no port", text);
    return HWS_EADDRESS;
}

static int tcp_check(struct hws_transport *transport, const char *text, char *detail,
                     size_t capacity)
{
    struct hwsi_host_port address;
    (void)transport;
    return dialable(&address, text, detail, capacity);
}

static int tcp_dial(struct hws_transport *transport, const char *text,
                    struct hws_link_handler *handler, struct hws_link **out, char *detail,
                    size_t capacity)
{
    struct hwsi_family *family = (struct hwsi_family *)transport;
    struct hwsi_host_port address;
    struct sockaddr_storage where;
    int error = dialable(&address, text, detail, capacity);
    if (error)
        return error;
    if (numeric(&address, &where))
        return hwsi_family_dial(family, text, (struct sockaddr *)&where, numeric(&address, &where),
                                handler, out, detail, capacity);
    return hwsi_family_dial_name(family, text, address.host, address.port, handler, out, detail,
                                 capacity);
}

static const struct hws_transport_ops tcp_ops = { "tcp", tcp_listen, tcp_dial, hwsi_family_release,
                                                  tcp_check };

int hwsi_tcp_new(struct hwsi_sockets *sockets, void (*released)(void *data), void *data,
                 struct hws_transport **out)
{
    return hwsi_family_new(sockets, &tcp_ops, released, data, out);
}
