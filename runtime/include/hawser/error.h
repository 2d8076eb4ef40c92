/* SPDX-License-Identifier: MIT */
/*
 * Errors: every fallible call returns 0 or a negative HWS_E... code. The codes are hawser's own, not errno's or libuv's:
 * the transports map those where they meet them. Codes are stable within a major version; names are what Lua sees
 * (`nil, message, "ETIMEOUT"`).
 */
#ifndef HAWSER_ERROR_H
#define HAWSER_ERROR_H

#if defined(__GNUC__)
#define HWS_API __attribute__((visibility("default")))
#else
#define HWS_API
#endif

/* X(name, number, sentence) */
#define HWS_ERRORS(X)                                                           \
    X(EINVAL, -1, "an argument is invalid")                                     \
    X(ENOMEM, -2, "out of memory")                                              \
    X(ECLOSED, -3, "the system, actor or link is closed")                       \
    X(EFULL, -4, "a bounded queue is full")                                     \
    X(ETOOLARGE, -5, "the message is larger than max_frame_size")               \
    X(EENCODE, -6, "the payload is not one well-formed msgpack value")          \
    X(EDECODE, -7, "the bytes received can not be decoded")                     \
    X(ENOTFOUND, -8, "no such actor, address or name")                          \
    X(EEXIST, -9, "the name is taken")                                          \
    X(ETIMEOUT, -10, "the deadline has passed")                                 \
    X(EREFUSED, -11, "the connection was refused")                              \
    X(EADDRINUSE, -12, "the address is already in use")                         \
    X(EADDRESS, -13, "the address is malformed or can not be used")             \
    X(EHOST, -14, "the host name can not be resolved")                          \
    X(ERESET, -15, "the connection was lost")                                   \
    X(EPROTOCOL, -16, "the peer broke the wire protocol")                       \
    X(EVERSION, -17, "the peer speaks another protocol version")                \
    X(EDISCONNECTED, -18, "the endpoint is not connected")                      \
    X(EDEADLETTER, -19, "the message became a dead letter")                     \
    X(EPOLICY, -20, "the policy failed or gave an answer that can not be used") \
    X(ESTATE, -21, "the call is not possible in this state")                    \
    X(EIO, -22, "an input or output error")                                     \
    X(EACCESS, -23, "permission denied")                                        \
    X(ENOTSUP, -24, "not supported here")                                       \
    X(EOPTION, -25, "an option is unknown or out of range")                     \
    X(EFAILED, -26, "the handler failed")                                       \
    X(ETHROTTLED, -27, "the policy refuses deliveries at this throttle level")  \
    X(EBLOCKED, -28, "the peer is on the block list")                           \
    X(EGATED, -29, "the endpoint is gated after a refusal")                     \
    X(EQUARANTINED, -30, "the peer is quarantined")

enum hws_error {
#define X(name, number, sentence) HWS_##name = number,
    HWS_ERRORS(X)
#undef X
};

/* A sentence for people, and the name ("ETIMEOUT"). Never NULL; any thread. Unknown codes give "unknown error"/"EUNKNOWN". */
HWS_API const char *hws_strerror(int error);
HWS_API const char *hws_errname(int error);

#endif
