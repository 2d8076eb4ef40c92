/* SPDX-License-Identifier: MIT */
/*
 * The desk between a system's thread and those who read its statistics. The one lock of the runtime: readers take it, and a turn
 * does when one of them has asked.
 */
#include "system_snapshot.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "system_private.h"

/* One block: this, the endpoints, the connections. */
struct hwsi_shared_snapshot {
    struct hws_snapshot shown; /* first */
    atomic_uint refs;
    struct hws_allocator *allocator;
    size_t size;
};

/* --- making one, on the system's thread --- */

const char *hws_connection_phase_name(enum hws_connection_phase phase)
{
    static const char *const names[] = {
#define X(name) #name,
        HWS_CONNECTION_PHASES(X)
#undef X
    };
    return phase < HWS_CONNECTION_PHASE_COUNT ? names[phase] : "unknown";
}

static enum hws_connection_phase phase_of(const struct hwsi_connection *connection)
{
    switch (connection->phase) {
    case HWSI_DIALING: return HWS_CONNECTION_dialing;
    case HWSI_GREETING: return HWS_CONNECTION_greeting;
    case HWSI_WAITING: return HWS_CONNECTION_waiting;
    case HWSI_UP: return HWS_CONNECTION_up;
    default: return HWS_CONNECTION_closing;
    }
}

static void fill_connection(const struct hwsi_connection *connection,
                            struct hws_connection_statistics *out)
{
    const struct hwsi_endpoint *endpoint = connection->endpoint;
    const char *peer = connection->link ? connection->link->peer : NULL;
    out->phase = phase_of(connection);
    out->dialed = connection->dialed;
    out->since = connection->opened ? connection->opened : connection->made;
    out->received_bytes = connection->received_bytes;
    out->sent_bytes = connection->sent_bytes;
    out->uid = endpoint ? endpoint->uid : 0;
    hwsi_text_copy(out->address, sizeof out->address, endpoint ? endpoint->address->text : "");
    hwsi_text_copy(out->name, sizeof out->name, endpoint ? endpoint->name : "");
    hwsi_text_copy(out->peer, sizeof out->peer, peer ? peer : "");
}

void hws_each_connection(struct hws_system *system,
                         void (*fn)(void *data, const struct hws_connection_statistics *connection),
                         void *data)
{
    struct hwsi_list *head = &system->manager.connections;
    for (struct hwsi_list *node = head->next; node != head; node = node->next) {
        struct hws_connection_statistics statistics;
        fill_connection(HWSI_ENTRY(node, struct hwsi_connection, node), &statistics);
        fn(data, &statistics);
    }
}

static void add_endpoint(void *data, const struct hws_endpoint_statistics *statistics)
{
    struct hws_endpoint_statistics **next = data;
    *(*next)++ = *statistics;
}

static void add_connection(void *data, const struct hws_connection_statistics *statistics)
{
    struct hws_connection_statistics **next = data;
    *(*next)++ = *statistics;
}

/* From the allocator itself: what the heap counts belongs to the system's thread. */
static struct hwsi_shared_snapshot *snapshot_new(struct hws_system *system)
{
    struct hws_system_statistics totals;
    hws_system_statistics(system, &totals);
    struct hws_endpoint_statistics *endpoint;
    struct hws_connection_statistics *connection;
    size_t size = sizeof(struct hwsi_shared_snapshot) + totals.endpoints * sizeof *endpoint +
                  totals.connections * sizeof *connection;
    struct hws_allocator *allocator = system->options.allocator;
    struct hwsi_shared_snapshot *made = allocator->reallocate(allocator, NULL, 0, size);
    if (!made)
        return NULL;
    endpoint = (struct hws_endpoint_statistics *)(void *)(made + 1);
    connection = (struct hws_connection_statistics *)(void *)(endpoint + totals.endpoints);
    made->shown = (struct hws_snapshot){ .time = hwsi_now(&system->local),
                                         .system = totals,
                                         .endpoint_count = totals.endpoints,
                                         .connection_count = totals.connections,
                                         .endpoints = endpoint,
                                         .connections = connection };
    atomic_init(&made->refs, 1);
    made->allocator = allocator;
    made->size = size;
    hws_statistics_snapshot(system, add_endpoint, &endpoint);
    hws_each_connection(system, add_connection, &connection);
    return made;
}

static struct hwsi_shared_snapshot *retain(struct hwsi_shared_snapshot *snapshot)
{
    atomic_fetch_add_explicit(&snapshot->refs, 1, memory_order_relaxed);
    return snapshot;
}

static void release(struct hwsi_shared_snapshot *snapshot)
{
    if (snapshot && atomic_fetch_sub_explicit(&snapshot->refs, 1, memory_order_acq_rel) == 1)
        snapshot->allocator->reallocate(snapshot->allocator, snapshot, snapshot->size, 0);
}

void hws_snapshot_release(const struct hws_snapshot *snapshot)
{
    release((struct hwsi_shared_snapshot *)(void *)snapshot);
}

/* --- the system's side of the desk --- */

int hwsi_desk_init(struct hwsi_desk *desk)
{
    pthread_condattr_t attributes;
    if (pthread_mutex_init(&desk->lock, NULL))
        return HWS_ENOMEM;
    int error = pthread_condattr_init(&attributes);
    if (!error) {
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        error = pthread_cond_init(&desk->answers, &attributes);
        pthread_condattr_destroy(&attributes);
    }
    if (error)
        pthread_mutex_destroy(&desk->lock);
    desk->open = !error;
    return error ? HWS_ENOMEM : 0;
}

void hwsi_desk_free(struct hwsi_desk *desk)
{
    if (!desk->open)
        return;
    release(desk->last);
    pthread_cond_destroy(&desk->answers);
    pthread_mutex_destroy(&desk->lock);
}

void hwsi_desk_turn(struct hwsi_desk *desk)
{
    atomic_store_explicit(&desk->turner, pthread_self(), memory_order_relaxed);
    atomic_store_explicit(&desk->turned, true, memory_order_release);
}

/* `until`: the tickets that the snapshot answers. */
static void hand_over(struct hwsi_desk *desk, struct hwsi_shared_snapshot *made, uint64_t until,
                      bool over)
{
    struct hwsi_shared_snapshot *old = NULL;
    pthread_mutex_lock(&desk->lock);
    desk->answered = until;
    desk->over = over;
    if (made) {
        old = desk->last;
        desk->last = made;
        desk->last_ticket = until;
    }
    pthread_cond_broadcast(&desk->answers);
    pthread_mutex_unlock(&desk->lock);
    release(old);
}

/* Those given out by now; who comes later asks again. */
static uint64_t take_tickets(struct hwsi_desk *desk)
{
    pthread_mutex_lock(&desk->lock);
    atomic_store_explicit(&desk->asked, false, memory_order_relaxed);
    uint64_t count = desk->tickets;
    pthread_mutex_unlock(&desk->lock);
    return count;
}

void hwsi_desk_answer(struct hws_system *system)
{
    struct hwsi_desk *desk = &system->desk;
    uint64_t until = take_tickets(desk);
    hand_over(desk, snapshot_new(system), until, false);
}

void hwsi_desk_close(struct hws_system *system)
{
    struct hwsi_desk *desk = &system->desk;
    uint64_t until = take_tickets(desk);
    hand_over(desk, until ? snapshot_new(system) : NULL, until, true);
}

/* --- the readers' side --- */

static bool is_turner(struct hwsi_desk *desk)
{
    return atomic_load_explicit(&desk->turned, memory_order_acquire) &&
           pthread_equal(atomic_load_explicit(&desk->turner, memory_order_relaxed), pthread_self());
}

static struct timespec deadline_of(uint64_t timeout)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t rest = timeout % HWS_SECOND + (uint64_t)now.tv_nsec;
    now.tv_sec += (time_t)(timeout / HWS_SECOND + rest / HWS_SECOND);
    now.tv_nsec = (long)(rest % HWS_SECOND);
    return now;
}

/* With the lock held. */
static int await_answer(struct hwsi_desk *desk, uint64_t ticket, uint64_t timeout)
{
    bool endless = timeout > UINT64_C(100) * 365 * 86400 * HWS_SECOND;
    struct timespec deadline = deadline_of(endless ? 0 : timeout);
    int late = 0;
    while (desk->answered < ticket && !desk->over && !late)
        late = endless ? pthread_cond_wait(&desk->answers, &desk->lock)
                       : pthread_cond_timedwait(&desk->answers, &desk->lock, &deadline);
    if (desk->over)
        return HWS_ECLOSED;
    if (desk->answered < ticket)
        return HWS_ETIMEOUT;
    return desk->last_ticket >= ticket ? 0 : HWS_ENOMEM;
}

int hws_snapshot_take(struct hws_system *system, uint64_t timeout, const struct hws_snapshot **out)
{
    struct hwsi_desk *desk = &system->desk;
    struct hwsi_shared_snapshot *taken = NULL;
    bool own = is_turner(desk);
    pthread_mutex_lock(&desk->lock);
    uint64_t ticket = ++desk->tickets;
    bool over = desk->over;
    if (!own && !over)
        atomic_store_explicit(&desk->asked, true, memory_order_relaxed);
    pthread_mutex_unlock(&desk->lock);
    if (own && !over)
        hwsi_desk_answer(system);
    else if (!over)
        hws_wake_from_any_thread(system);
    pthread_mutex_lock(&desk->lock);
    int error = await_answer(desk, ticket, own ? 0 : timeout);
    if (!error)
        taken = retain(desk->last);
    pthread_mutex_unlock(&desk->lock);
    if (!error)
        *out = &taken->shown;
    return error;
}

int hws_snapshot_last(struct hws_system *system, const struct hws_snapshot **out)
{
    struct hwsi_desk *desk = &system->desk;
    pthread_mutex_lock(&desk->lock);
    struct hwsi_shared_snapshot *last = desk->last ? retain(desk->last) : NULL;
    pthread_mutex_unlock(&desk->lock);
    if (!last)
        return HWS_ENOTFOUND;
    *out = &last->shown;
    return 0;
}
