/* SPDX-License-Identifier: MIT */
#include "remote/manager.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/utf8.h"

enum hws_link_reason hwsi_reason_of_error(int error)
{
    switch (error) {
    case HWS_EREFUSED: return HWS_LINK_refused;
    case HWS_ETIMEOUT: return HWS_LINK_timeout;
    case HWS_EHOST: return HWS_LINK_dns;
    case HWS_EPROTOCOL:
    case HWS_ETOOLARGE:
    case HWS_EDECODE: return HWS_LINK_protocol;
    case HWS_EVERSION: return HWS_LINK_version;
    case HWS_ENOMEM: return HWS_LINK_memory;
    case HWS_EADDRESS:
    case HWS_ENOTSUP:
    case HWS_EACCESS: return HWS_LINK_unreachable;
    default: return HWS_LINK_reset;
    }
}

enum hws_link_reason hwsi_reason_of_refusal(uint64_t code)
{
    switch (code) {
#define X(name, number, sentence) \
    case number: return HWS_LINK_##name;
        HWSI_REFUSALS(X)
#undef X
    default: return HWS_LINK_unknown;
    }
}

void hwsi_manager_link_refused(struct hwsi_manager *manager, const char *peer,
                               enum hwsi_refusal code, const char *detail)
{
    enum hws_link_reason reason = hwsi_reason_of_refusal(code);
    manager->links_refused[reason]++;
    hwsi_publish(manager->local, &(struct hws_event){ .type = HWS_EVENT_LinkRefused,
                                                      .address = peer,
                                                      .reason = hws_link_reason_name(reason),
                                                      .detail = detail });
}

/* --- transports and the listener --- */

int hwsi_manager_add_transport(struct hwsi_manager *manager, struct hws_transport *transport)
{
    if (manager->transport_count == HWSI_TRANSPORTS_MAX) {
        transport->ops->release(transport);
        return HWS_EFULL;
    }
    manager->transports[manager->transport_count++] = transport;
    return 0;
}

static struct hws_transport *find_scheme(const struct hwsi_manager *manager, const char *scheme,
                                         size_t size)
{
    for (size_t i = 0; i < manager->transport_count; i++) {
        const char *known = manager->transports[i]->ops->scheme;
        if (strlen(known) == size && memcmp(known, scheme, size) == 0)
            return manager->transports[i];
    }
    return NULL;
}

struct hws_transport *hwsi_manager_transport(const struct hwsi_manager *manager,
                                             const char *address, const char **rest)
{
    const char *colon = strchr(address, ':');
    struct hws_transport *transport =
        colon ? find_scheme(manager, address, (size_t)(colon - address)) : NULL;
    *rest = transport ? colon + 1 : address;
    return transport || !colon ? transport : find_scheme(manager, "tcp", 3);
}

static int on_accept(struct hws_listener_handler *handler, struct hws_link *link)
{
    struct hwsi_manager *manager = HWSI_ENTRY(handler, struct hwsi_manager, listener_handler);
    if (manager->stopping)
        return HWS_ECLOSED;
    if (manager->waiting_count >= manager->local->options->pending_handshakes) {
        hwsi_manager_link_refused(manager, link->peer, HWSI_REFUSED_busy,
                                  hwsi_refusal_sentence(HWSI_REFUSED_busy));
        return HWS_EFULL;
    }
    struct hwsi_connection *connection = hwsi_connection_new(manager, NULL, false);
    if (!connection)
        return HWS_ENOMEM;
    connection->link = link;
    link->handler = &connection->handler;
    return 0;
}

static bool unroutable(const char *address)
{
    return strncmp(address, "0.0.0.0:", 8) == 0 || strncmp(address, "[::]:", 5) == 0;
}

void hwsi_client_address(char *out, uint64_t uid)
{
    snprintf(out, HWSI_CLIENT_ADDRESS, "client-%016llx:0", (unsigned long long)uid);
}

bool hwsi_is_client_address(const char *address)
{
    size_t size = strlen(address);
    return strncmp(address, "client-", 7) == 0 && size > 2 && strcmp(address + size - 2, ":0") == 0;
}

int hwsi_manager_listen(struct hwsi_manager *manager, char *message, size_t capacity)
{
    const struct hws_options *options = manager->local->options;
    const char *rest, *address;
    char full[HWS_ADDRESS_MAX + 16];
    struct hws_transport *transport = hwsi_manager_transport(manager, options->listen, &rest);
    if (!transport) {
        hwsi_say(
            message, capacity,
            "cannot listen on %s: no transport speaks this address; expected host:port or unix:/path",
            options->listen);
        return HWS_EADDRESS;
    }
    int error = transport->ops->listen(transport, rest, &manager->listener_handler,
                                       &manager->listener, message, capacity);
    if (error)
        return error;
    hwsi_say(full, sizeof full, "%.*s%s", (int)(rest - options->listen), options->listen,
             manager->listener->address);
    address = options->advertise ? options->advertise : full;
    if (hwsi_manager_transport(manager, address, &rest) && !unroutable(rest) &&
        hwsi_text_valid(hws_slice_text(address), HWS_ADDRESS_MAX, HWSI_TEXT_WORD))
        error = hwsi_names_set_local(manager->local->names, address);
    else
        error = HWS_EADDRESS;
    if (error == HWS_EADDRESS)
        hwsi_say(
            message, capacity,
            "peers can not reach %s: set the option advertise to an address that they can dial",
            address);
    if (error)
        hwsi_manager_close_listener(manager);
    else
        hwsi_publish(manager->local, &(struct hws_event){ .type = HWS_EVENT_ListenStarted,
                                                          .address = address,
                                                          .name = options->name });
    return error;
}

void hwsi_manager_close_listener(struct hwsi_manager *manager)
{
    if (manager->listener)
        manager->listener->ops->close(manager->listener);
    manager->listener = NULL;
}

/* --- endpoints --- */

int hwsi_manager_endpoint(struct hwsi_manager *manager, struct hwsi_address *address,
                          struct hwsi_endpoint **out)
{
    if (address->endpoint) {
        *out = address->endpoint;
        return 0;
    }
    if (address->local)
        return HWS_EADDRESS;
    if (manager->endpoint_count >= manager->local->options->endpoints)
        return HWS_EFULL;
    return hwsi_endpoint_new(manager, address, out);
}

static int refuse(const char *address, const char *why, char *message, size_t capacity)
{
    hwsi_say(message, capacity,
             "%s can not be dialled: %s; expected another system's host:port or unix:/path",
             address, why);
    return HWS_EADDRESS;
}

int hwsi_manager_check(const struct hwsi_manager *manager, const char *address, char *message,
                       size_t capacity)
{
    const char *rest;
    if (hwsi_is_client_address(address))
        return 0;
    if (*address && strcmp(address, manager->local->names->local->text) == 0)
        return refuse(address, "it is the system's own address", message, capacity);
    struct hws_transport *transport = hwsi_manager_transport(manager, address, &rest);
    if (!transport)
        return refuse(address, "no transport speaks this address", message, capacity);
    return transport->ops->check ? transport->ops->check(transport, rest, message, capacity) : 0;
}

/* `endpoint` (may be NULL) becomes a tombstone; those past their time or number are freed. */
void hwsi_manager_bury(struct hwsi_manager *manager, struct hwsi_endpoint *endpoint)
{
    const struct hws_options *options = manager->local->options;
    uint64_t now = hwsi_now(manager->local);
    if (endpoint) {
        hwsi_list_append(&manager->tombs, &endpoint->tomb);
        manager->tomb_count++;
    }
    struct hwsi_list *first;
    /* At the end all are freed at once: who closes endpoint after endpoint has the next one in hand. */
    while (!manager->stopping && (first = hwsi_list_first(&manager->tombs))) {
        struct hwsi_endpoint *oldest = HWSI_ENTRY(first, struct hwsi_endpoint, tomb);
        if (manager->tomb_count <= options->tombstones &&
            now - oldest->since < options->tombstone_duration) {
            hwsi_timer_start(&manager->tomb_timer, oldest->since + options->tombstone_duration);
            return;
        }
        if (oldest == endpoint) { /* where none are kept: who closes it has it in hand */
            hwsi_timer_start(&manager->tomb_timer, now);
            return;
        }
        hwsi_list_remove(first);
        manager->tomb_count--;
        hwsi_endpoint_free(oldest);
    }
}

void hwsi_manager_exhume(struct hwsi_manager *manager, struct hwsi_endpoint *endpoint)
{
    if (hwsi_list_empty(&endpoint->tomb))
        return;
    hwsi_list_remove(&endpoint->tomb);
    manager->tomb_count--;
}

static void tombs_due(struct hwsi_timer *timer)
{
    hwsi_manager_bury(HWSI_ENTRY(timer, struct hwsi_manager, tomb_timer), NULL);
}

struct hwsi_hello hwsi_manager_hello(const struct hwsi_manager *manager,
                                     const struct hwsi_association *association)
{
    return (struct hwsi_hello){ .version = HWSI_WIRE_VERSION,
                                .name = hws_slice_text(manager->local->options->name),
                                .address = hws_slice_text(manager->local->names->local->text),
                                .uid = manager->uid,
                                .seed = association->seed,
                                .session = association->session,
                                .known_session = association->remote_session,
                                .max_frame_size = manager->local->options->max_frame_size,
                                .received_system = association->received[HWSI_LANE_SYSTEM],
                                .received_user = association->received[HWSI_LANE_USER] };
}

/* When both dial at once, the dial of the system whose address sorts first is kept. */
static bool our_dial_wins(const struct hwsi_manager *manager, const struct hwsi_endpoint *endpoint)
{
    return strcmp(manager->local->names->local->text, endpoint->address->text) < 0;
}

static bool is_duplicate(const struct hwsi_manager *manager, const struct hwsi_endpoint *endpoint,
                         const struct hwsi_hello *hello)
{
    const struct hwsi_connection *up = endpoint->connection;
    bool late = hwsi_endpoint_is_late(endpoint, hello);
    if (late || !our_dial_wins(manager, endpoint))
        return late;
    /* A dial that is not open yet the peer has not heard of, and may never. */
    if (endpoint->dialing && endpoint->dialing->phase == HWSI_GREETING)
        return true;
    /* Its dial crossed ours; a young link of ours is not given up for it. An older one may be dead without our knowing. */
    return up && up->dialed && endpoint->association->remote_uid == hello->uid &&
           hwsi_now(manager->local) - up->opened < manager->local->options->handshake_timeout;
}

/* A peer without an address of its own is known by its uid. */
static int peer_address(struct hwsi_manager *manager, const struct hwsi_hello *hello,
                        struct hwsi_address **out)
{
    char client[HWSI_CLIENT_ADDRESS];
    hwsi_client_address(client, hello->uid);
    return hwsi_address_intern(manager->local->names,
                               hello->address.size ? hello->address : hws_slice_text(client), out);
}

enum hwsi_refusal hwsi_manager_judge(struct hwsi_manager *manager, const struct hwsi_hello *hello,
                                     struct hwsi_endpoint **out)
{
    struct hwsi_address *address;
    if (hello->uid == manager->uid)
        return HWSI_REFUSED_self;
    if (manager->stopping)
        return HWSI_REFUSED_shutdown;
    if (peer_address(manager, hello, &address))
        return HWSI_REFUSED_busy;
    /* First: who is refused must not get an endpoint for every address that it makes up. */
    bool blocked = hwsi_manager_refuses(manager, address->text, hello->name);
    int error = blocked ? 0 : hwsi_manager_endpoint(manager, address, out);
    hwsi_address_release(address);
    if (blocked)
        return HWSI_REFUSED_blocked;
    if (error)
        return error == HWS_EADDRESS ? HWSI_REFUSED_self : HWSI_REFUSED_busy;
    if ((*out)->state == HWS_ENDPOINT_quarantined && (*out)->quarantined_uid == hello->uid)
        return HWSI_REFUSED_quarantined;
    if (hwsi_endpoint_refuses_stale(*out, hello->uid))
        return HWSI_REFUSED_stale;
    hwsi_endpoint_release(*out, "new_uid");
    if (is_duplicate(manager, *out, hello))
        return HWSI_REFUSED_duplicate;
    return hwsi_endpoint_associate(*out) ? HWSI_REFUSED_busy : HWSI_REFUSED_none;
}

void hwsi_manager_make_way(struct hwsi_endpoint *endpoint)
{
    hwsi_timer_stop(&endpoint->retry);
    if (endpoint->dialing) {
        hwsi_tally_failure(endpoint, HWS_LINK_duplicate);
        hwsi_connection_close(endpoint->dialing, HWSI_FRAME_BYE, HWSI_REFUSED_duplicate, "");
    }
    if (endpoint->connection) {
        hwsi_connection_close(endpoint->connection, HWSI_FRAME_BYE, 0, "");
        hwsi_endpoint_disconnected(endpoint, HWS_LINK_replaced, "the peer dialled again");
    }
}

void hwsi_manager_policy_failed(struct hwsi_manager *manager, const char *address,
                                const struct hws_policy_error *error)
{
    hwsi_publish(manager->local,
                 &(struct hws_event){ .type = HWS_EVENT_PolicyError,
                                      .name = hwsi_policy_name(manager->policy),
                                      .file = hwsi_policy_file(manager->policy),
                                      .version = hwsi_policy_version(manager->policy),
                                      .address = address,
                                      .reason = "fallback",
                                      .detail = error->text });
}

void hwsi_manager_policy_changed(struct hwsi_manager *manager)
{
    for (struct hwsi_list *node = manager->endpoints.next; node != &manager->endpoints;
         node = node->next)
        hwsi_endpoint_levels(HWSI_ENTRY(node, struct hwsi_endpoint, all));
}

/* --- turns --- */

/* An idle link holds no read buffer. */
static void give_back_intake(struct hwsi_connection *connection)
{
    struct hws_buffer *intake = connection->intake;
    if (!intake || intake->refs != 1 || connection->decoded != intake->size)
        return;
    hwsi_buffer_release(intake);
    connection->intake = NULL;
    connection->decoded = 0;
}

void hwsi_manager_flush(struct hwsi_manager *manager)
{
    struct hwsi_list *node;
    while ((node = hwsi_list_first(&manager->dirty))) {
        struct hwsi_endpoint *endpoint = HWSI_ENTRY(node, struct hwsi_endpoint, dirty);
        hwsi_list_remove(node);
        if (!endpoint->connection)
            continue;
        give_back_intake(endpoint->connection);
        hwsi_writer_flush(endpoint->connection, true);
    }
}

/* --- making and freeing it --- */

/* New at every start, and another for each system, also when they are given the same seed. */
static uint64_t new_uid(const struct hwsi_local *local, struct hwsi_random *random)
{
    const char *name = local->options->name;
    uint64_t uid = hwsi_hash_bytes(name, strlen(name),
                                   hwsi_random_u64(random) ^ hwsi_hash_u64(hwsi_now(local)));
    return uid ? uid : 1;
}

int hwsi_manager_init(struct hwsi_manager *manager, struct hwsi_local *local,
                      struct hwsi_policy *policy, struct hwsi_random *random)
{
    memset(manager, 0, sizeof *manager);
    manager->router.ops = &hwsi_router_ops_remote;
    manager->listener_handler.on_accept = on_accept;
    manager->local = local;
    manager->policy = policy;
    manager->random = random;
    manager->uid = new_uid(local, random);
    hwsi_list_init(&manager->endpoints);
    hwsi_list_init(&manager->connections);
    hwsi_list_init(&manager->dirty);
    hwsi_list_init(&manager->remains);
    hwsi_list_init(&manager->tombs);
    hwsi_list_init(&manager->blocked);
    hwsi_list_init(&manager->levels);
    hwsi_pressure_init(&manager->pressure);
    local->router = &manager->router;
    return hwsi_timer_register(local->timers, &manager->tomb_timer, tombs_due);
}

void hwsi_manager_free(struct hwsi_manager *manager)
{
    struct hwsi_list *node;
    if (!manager->local)
        return;
    hwsi_manager_close_listener(manager);
    while ((node = hwsi_list_first(&manager->endpoints)))
        hwsi_endpoint_free(HWSI_ENTRY(node, struct hwsi_endpoint, all));
    while ((node = hwsi_list_first(&manager->remains)))
        hwsi_association_free(HWSI_ENTRY(node, struct hwsi_association, node));
    hwsi_manager_free_blocked(manager);
    hwsi_pressure_free(&manager->pressure);
    hwsi_timer_unregister(&manager->tomb_timer);
    for (size_t i = 0; i < manager->transport_count; i++)
        manager->transports[i]->ops->release(manager->transports[i]);
    manager->transport_count = 0;
}
