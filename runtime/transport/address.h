/* SPDX-License-Identifier: MIT */
/*
 * "host:port" and "[v6]:port", taken apart. Pure: nothing is resolved here. A host is a name, a dotted IPv4 address or, in
 * brackets, an IPv6 address; the port is 0 to 65535.
 */
#ifndef HAWSER_TRANSPORT_ADDRESS_H
#define HAWSER_TRANSPORT_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hwsi_host_port {
    char host[256]; /* without brackets */
    bool bracketed; /* the host was written in brackets */
    uint16_t port;
};

/* 0 or HWS_EADDRESS with a sentence in `detail` that says what is missing. */
int hwsi_host_port_parse(struct hwsi_host_port *out, const char *text, char *detail,
                         size_t capacity);

/* Writes it back, with another port; cut off at `capacity`. */
void hwsi_host_port_format(const struct hwsi_host_port *address, unsigned port, char *text,
                           size_t capacity);

#endif
