/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
/* PIDs as text: "host:port/id", "unix:/path//id", "loop:a:1/id", "id", and URIs. */
#include <stdio.h>
#include <string.h>

#include "actor/names.h"

#define URI_PREFIX "hawser."

static const uint8_t *find(struct hws_slice text, const char *needle)
{
    return memmem(text.data, text.size, needle, strlen(needle));
}

static bool starts_with(struct hws_slice text, const char *prefix)
{
    return text.size >= strlen(prefix) && memcmp(text.data, prefix, strlen(prefix)) == 0;
}

static struct hws_slice after(struct hws_slice text, size_t bytes)
{
    return (struct hws_slice){ text.data + bytes, text.size - bytes };
}

/* Splits "address/id" (or "path//id"); id.data NULL: there is no address, the whole is a local id. */
static void split(struct hws_slice text, bool is_path, struct hws_slice *address,
                  struct hws_slice *id)
{
    const char *separator = is_path ? "//" : "/";
    const uint8_t *slash = find(text, separator);
    *address = *id = (struct hws_slice){ 0 };
    if (!slash)
        return;
    *address = (struct hws_slice){ text.data, (size_t)(slash - text.data) };
    *id = after(text, address->size + strlen(separator));
}

static int intern_both(struct hwsi_names *names, struct hws_slice address_text, struct hws_slice id,
                       struct hws_pid **out)
{
    struct hwsi_address *address;
    int error = hwsi_address_intern(names, address_text, &address);
    if (error)
        return error;
    error = hwsi_pid_intern(names, address, id, out);
    hwsi_address_release(address);
    return error;
}

/* "hawser.SCHEME://[name@]rest" */
static int parse_uri(struct hwsi_names *names, struct hws_slice text, struct hws_pid **out)
{
    struct hws_slice rest = after(text, strlen(URI_PREFIX)), address, id;
    const uint8_t *colon = find(rest, "://");
    if (!colon)
        return HWS_EADDRESS;
    struct hws_slice scheme = { rest.data, (size_t)(colon - rest.data) };
    rest = after(rest, scheme.size + 3);
    bool tcp = scheme.size == 3 && memcmp(scheme.data, "tcp", 3) == 0;
    bool path = scheme.size == 4 && memcmp(scheme.data, "unix", 4) == 0;
    const uint8_t *at = memchr(rest.data, '@', rest.size);
    const uint8_t *slash = memchr(rest.data, '/', rest.size);
    if (at && (!slash || at < slash))
        rest = after(rest, (size_t)(at - rest.data) + 1);
    split(rest, path, &address, &id);
    if (!id.data || address.size == 0 || scheme.size == 0 ||
        scheme.size + 1 + address.size > HWS_ADDRESS_MAX)
        return HWS_EADDRESS;
    if (tcp)
        return intern_both(names, address, id, out);
    uint8_t full[HWS_ADDRESS_MAX];
    memcpy(full, scheme.data, scheme.size);
    full[scheme.size] = ':';
    memcpy(full + scheme.size + 1, address.data, address.size);
    return intern_both(names, (struct hws_slice){ full, scheme.size + 1 + address.size }, id, out);
}

int hwsi_pid_parse(struct hwsi_names *names, struct hws_slice text, struct hws_pid **out)
{
    struct hws_slice address, id;
    if (find(text, "://")) /* no address and no id has that: a URI, ours or none */
        return starts_with(text, URI_PREFIX) ? parse_uri(names, text, out) : HWS_EADDRESS;
    split(text, starts_with(text, "unix:"), &address, &id);
    if (id.data && memchr(address.data, ':', address.size))
        return intern_both(names, address, id, out);
    return hwsi_pid_intern(names, names->local, text, out);
}

size_t hwsi_pid_uri(const struct hws_pid *pid, char *out, size_t capacity)
{
    const char *address = pid->address->text;
    const char *scheme = strncmp(address, "unix:", 5) == 0   ? "unix"
                         : strncmp(address, "loop:", 5) == 0 ? "loop"
                                                             : "tcp";
    const char *rest = scheme[0] == 't' ? address : address + 5;
    return (size_t)snprintf(out, capacity, URI_PREFIX "%s://%s%s%s", scheme, rest,
                            scheme[0] == 'u' ? "//" : "/", pid->id);
}

size_t hws_pid_format(const struct hws_pid *pid, char *out, size_t capacity)
{
    const char *address = pid->address->text;
    const char *separator = strncmp(address, "unix:", 5) == 0 ? "//" : "/";
    return (size_t)snprintf(out, capacity, "%s%s%s", address, *address ? separator : "", pid->id);
}

struct hws_pid *hws_pid_retain(struct hws_pid *pid)
{
    return hwsi_pid_retain(pid);
}

void hws_pid_release(struct hws_pid *pid)
{
    hwsi_pid_release(pid);
}

const char *hws_pid_address(const struct hws_pid *pid)
{
    return pid->address->text;
}

const char *hws_pid_id(const struct hws_pid *pid)
{
    return pid->id;
}

bool hws_pid_is_local(const struct hws_pid *pid)
{
    return pid->address->local;
}

struct hws_atom *hws_atom_retain(struct hws_atom *atom)
{
    return hwsi_atom_retain(atom);
}

void hws_atom_release(struct hws_atom *atom)
{
    hwsi_atom_release(atom);
}

const char *hws_atom_text(const struct hws_atom *atom)
{
    return atom->text;
}
