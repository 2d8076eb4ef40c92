/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "transport/uverror.h"

#include "base/text.h"
#include "hawser/error.h"

#include <stdbool.h>
#include <string.h>
#include <uv.h>

/* uv_strerror() leaks for numbers it does not know. */
static const char *cause(int error, char *room, size_t size)
{
    return uv_strerror_r(error, room, size);
}

static bool is_unresolved(int error)
{
    return error <= UV_EAI_ADDRFAMILY && error >= UV_EAI_PROTOCOL;
}

int hwsi_uverror_code(int error)
{
    switch (error) {
    case 0: return 0;
    case UV_ENOMEM:
    case UV_EAI_MEMORY: return HWS_ENOMEM;
    case UV_EINVAL: return HWS_EINVAL;
    case UV_ECONNREFUSED:
    case UV_ENOENT: return HWS_EREFUSED;
    case UV_EADDRINUSE: return HWS_EADDRINUSE;
    case UV_EADDRNOTAVAIL:
    case UV_EAFNOSUPPORT:
    case UV_ENAMETOOLONG:
    case UV_ENOTDIR: return HWS_EADDRESS;
    case UV_EACCES:
    case UV_EPERM: return HWS_EACCESS;
    case UV_ETIMEDOUT: return HWS_ETIMEOUT;
    case UV_EOF:
    case UV_EPIPE:
    case UV_ECONNABORTED:
    case UV_ECONNRESET: return HWS_ERESET;
    default: return is_unresolved(error) ? HWS_EHOST : HWS_EIO;
    }
}

static int host_length(const char *address)
{
    const char *colon = strrchr(address, ':');
    return (int)(colon ? (size_t)(colon - address) : strlen(address));
}

int hwsi_uverror_dial(int error, const char *address, char *text, size_t capacity)
{
    char room[96];
    if (is_unresolved(error)) {
        hwsi_say(text, capacity, "cannot resolve host %.*s: %s", host_length(address), address,
                 cause(error, room, sizeof room));
        return hwsi_uverror_code(error);
    }
    switch (error) {
    case 0: return hwsi_uverror_lost(0, address, text, capacity);
    case UV_ECONNREFUSED:
        hwsi_say(text, capacity, "connection to %s refused: nothing listens there", address);
        break;
    case UV_ENOENT:
        hwsi_say(text, capacity, "connection to %s refused: there is no such socket", address);
        break;
    case UV_EAGAIN:
        hwsi_say(text, capacity,
                 "connection to %s refused: too many connections wait to be accepted there",
                 address);
        return HWS_EREFUSED;
    default:
        hwsi_say(text, capacity, "cannot connect to %s: %s", address,
                 cause(error, room, sizeof room));
    }
    return hwsi_uverror_code(error);
}

int hwsi_uverror_listen(int error, const char *address, char *text, size_t capacity)
{
    char room[96];
    const char *why = NULL;
    if (is_unresolved(error)) {
        hwsi_say(text, capacity, "cannot listen on %s: cannot resolve host %.*s: %s", address,
                 host_length(address), address, cause(error, room, sizeof room));
        return hwsi_uverror_code(error);
    }
    switch (error) {
    case UV_EADDRINUSE:
        why = "the address is already in use; stop the other program or choose another port";
        break;
    case UV_EADDRNOTAVAIL:
        why = "this machine has no such address; use one of its own, or 0.0.0.0 for all";
        break;
    case UV_EACCES:
    case UV_EPERM: why = "permission denied; choose a place or port that this user may use"; break;
    case UV_ENOENT: why = "the directory does not exist"; break;
    default: why = cause(error, room, sizeof room);
    }
    hwsi_say(text, capacity, "cannot listen on %s: %s", address, why);
    return error == UV_ENOENT ? HWS_EADDRESS : hwsi_uverror_code(error);
}

int hwsi_uverror_lost(int error, const char *peer, char *text, size_t capacity)
{
    char room[96];
    if (error == 0)
        hwsi_say(text, capacity, "connection to %s closed by this side", peer);
    else if (error == UV_EOF || error == UV_EPIPE)
        hwsi_say(text, capacity, "connection to %s lost: the peer closed it", peer);
    else
        hwsi_say(text, capacity, "connection to %s lost: %s", peer,
                 cause(error, room, sizeof room));
    return hwsi_uverror_code(error);
}
