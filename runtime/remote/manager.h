/* SPDX-License-Identifier: MIT */
/*
 * The EndpointManager: one endpoint a remote address, made on first use; the transports and the listener; inbound connections
 * until the handshake says whose they are. All that crosses systems is decided here and in endpoint.c.
 */
#ifndef HAWSER_REMOTE_MANAGER_H
#define HAWSER_REMOTE_MANAGER_H

#include "hawser/remote.h"
#include "policy/policy.h"
#include "remote/endpoint.h"
#include "remote/pressure.h"

#define HWSI_TRANSPORTS_MAX 8
#define HWSI_WATCHES_MAX 1000000 /* a peer that places more hears not_found */

struct hwsi_manager {
    struct hwsi_router router; /* first */
    struct hws_listener_handler listener_handler;
    struct hwsi_local *local;
    struct hwsi_policy *policy;
    struct hwsi_random *random;
    struct hws_transport *transports[HWSI_TRANSPORTS_MAX];
    size_t transport_count;
    struct hws_listener *listener;
    struct hwsi_list endpoints, connections, dirty, remains, tombs;
    struct hwsi_list blocked; /* system names (quarantine.c) */
    struct hwsi_list levels;  /* those in use (levels.h) */
    struct hwsi_timer tomb_timer;
    struct hwsi_pressure pressure;
    size_t endpoint_count, tomb_count, waiting_count;
    uint64_t uid;
    uint64_t links_refused[HWS_LINK_REASON_COUNT]; /* inbound ones, before they were anybody's */
    struct hwsi_dial_totals forgotten;             /* of endpoints that are no more */
    bool stopping, paused;
};

int hwsi_manager_init(struct hwsi_manager *manager, struct hwsi_local *local,
                      struct hwsi_policy *policy, struct hwsi_random *random);
int hwsi_manager_add_transport(struct hwsi_manager *manager, struct hws_transport *transport);
int hwsi_manager_listen(struct hwsi_manager *manager, char *message, size_t capacity);
void hwsi_manager_flush(struct hwsi_manager *manager);
/* Turns remains into dead letters as far as the event queue has room. True: something is left. */
bool hwsi_manager_drain_remains(struct hwsi_manager *manager);
bool hwsi_manager_idle(const struct hwsi_manager
                           *manager); /* nothing unwritten or unacknowledged on a living endpoint */
void hwsi_manager_close_listener(struct hwsi_manager *manager);
/* What stays undelivered when the system stops, and for whom: "5 for beta:1, 2 for gamma:1, and 9 for others". */
struct hwsi_leftover {
    uint64_t count, others;
    char text[512];
};
void hwsi_manager_close_endpoints(struct hwsi_manager *manager, const char *reason,
                                  struct hwsi_leftover *out);
bool hwsi_manager_closed(
    const struct hwsi_manager *manager); /* no connection and no remains are left */
void hwsi_manager_free(struct hwsi_manager *manager);
void hwsi_manager_policy_changed(struct hwsi_manager *manager);

/* What actor/ sends through (router.c). */
extern const struct hwsi_router_ops hwsi_router_ops_remote;

/* Finds or makes. HWS_EFULL: too many endpoints. */
int hwsi_manager_endpoint(struct hwsi_manager *manager, struct hwsi_address *address,
                          struct hwsi_endpoint **out);
/* The transport of an address and the rest of it; NULL: none speaks it. */
struct hws_transport *hwsi_manager_transport(const struct hwsi_manager *manager,
                                             const char *address, const char **rest);
/* 0, or HWS_EADDRESS with a sentence: nobody can ever be dialled there. Before an endpoint is made for somebody to reach. */
int hwsi_manager_check(const struct hwsi_manager *manager, const char *address, char *message,
                       size_t capacity);
struct hwsi_hello hwsi_manager_hello(const struct hwsi_manager *manager,
                                     const struct hwsi_association *association);
/* Decides on a HELLO: none, and the endpoint it is for, or why it is refused. Nothing is torn down yet. */
enum hwsi_refusal hwsi_manager_judge(struct hwsi_manager *manager, const struct hwsi_hello *hello,
                                     struct hwsi_endpoint **out);
/* The peer's new link is taken: lets go of a dial of ours and of the link before. */
void hwsi_manager_make_way(struct hwsi_endpoint *endpoint);
/* How a system without a listening address is known: by its uid. It can't be dialled. */
#define HWSI_CLIENT_ADDRESS 32
void hwsi_client_address(char *out, uint64_t uid);
bool hwsi_is_client_address(const char *address);
void hwsi_manager_policy_failed(struct hwsi_manager *manager, const char *address,
                                const struct hws_policy_error *error);
void hwsi_manager_bury(struct hwsi_manager *manager, struct hwsi_endpoint *endpoint);
void hwsi_manager_exhume(struct hwsi_manager *manager,
                         struct hwsi_endpoint *endpoint); /* it lives again; harmless otherwise */

/* --- the EndpointWatcher (watcher.c) --- */
int hwsi_watcher_receive(struct hwsi_endpoint *endpoint, struct hws_slice body);
void hwsi_watcher_settle(
    struct hwsi_endpoint *endpoint); /* after user frames: Terminateds that waited for them */
/* The peer is gone or another one now: its watches are over. Only those placed up to `sequence` of the system lane. */
void hwsi_watcher_peer_gone(struct hwsi_endpoint *endpoint, enum hws_terminated_reason reason,
                            uint64_t sequence);
/* A letter's or watch's notice on its way out. */
int hwsi_watcher_notify(struct hws_pid *target, struct hws_pid *sender, enum hwsi_notice notice,
                        uint32_t reason, uint64_t number, struct hwsi_endpoint *endpoint,
                        uint64_t *sequence);

/* --- the block list (quarantine.c) --- */
int hwsi_manager_block(struct hwsi_manager *manager, const char *name);
int hwsi_manager_unblock(struct hwsi_manager *manager, const char *name);
bool hwsi_manager_blocks(const struct hwsi_manager *manager, struct hws_slice name);
/* The same for a handshake with `address`: publishes Blocked when it is so. */
bool hwsi_manager_refuses(struct hwsi_manager *manager, const char *address, struct hws_slice name);
void hwsi_manager_each_blocked(const struct hwsi_manager *manager,
                               void (*fn)(void *data, const char *name), void *data);
void hwsi_manager_free_blocked(struct hwsi_manager *manager);

/* What an error of a transport, or a REFUSE's or BYE's code, says about the link. */
enum hws_link_reason hwsi_reason_of_error(int error);
enum hws_link_reason hwsi_reason_of_refusal(uint64_t code);
/* An inbound connection is not taken: tells it. `code` as the peer hears it. */
void hwsi_manager_link_refused(struct hwsi_manager *manager, const char *peer,
                               enum hwsi_refusal code, const char *detail);

#endif
