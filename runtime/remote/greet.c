/* SPDX-License-Identifier: MIT */
/*
 * What a handshake means for the association: the same one goes on, a fresh one learns who its peer is, or the peer is another
 * one now and everything starts again (docs/wire.md, "Resuming").
 */
#include "remote/manager.h"

static bool is_same(const struct hwsi_association *association, const struct hwsi_hello *hello)
{
    const struct hwsi_ring *lanes = association->lanes;
    bool untouched = lanes[0].released == 0 && lanes[1].released == 0;
    return association->bound && association->remote_uid == hello->uid &&
           association->remote_session == hello->session &&
           (hello->known_session == association->session ||
            (hello->known_session == 0 && untouched));
}

/*
 * It was written before this session was known over there, and is read after that: a dial that was given up, whose bytes were slow. Who
 * really has not seen our WELCOME can not have acknowledged anything.
 */
bool hwsi_endpoint_is_late(const struct hwsi_endpoint *endpoint, const struct hwsi_hello *hello)
{
    const struct hwsi_association *association = endpoint->association;
    if (!association || !association->bound || association->remote_uid != hello->uid ||
        association->remote_session != hello->session || hello->known_session != 0)
        return false;
    for (int i = 0; i < HWSI_LANES; i++)
        if (association->lanes[i].released)
            return true;
    return false;
}

/* The smaller of both sides' max_frame_size counts. */
static void limit_frames(struct hwsi_association *association, const struct hwsi_hello *hello)
{
    association->frame_limit = association->local->options->max_frame_size;
    if (hello->max_frame_size && hello->max_frame_size < association->frame_limit)
        association->frame_limit = hello->max_frame_size;
}

/* Was anything queued, before the peer's limit was known, that is too large for it? */
static bool holds_too_large(const struct hwsi_association *association)
{
    struct hwsi_ring_cursor cursor = { 0 };
    struct hws_slice frame;
    if (association->frame_limit >= association->local->options->max_frame_size)
        return false;
    while (hwsi_ring_walk(&association->lanes[HWSI_LANE_USER], &cursor, &frame))
        if (frame.size - HWSI_FRAME_PREFIX > association->frame_limit)
            return true;
    return false;
}

static void bind(struct hwsi_association *association, const struct hwsi_hello *hello)
{
    association->bound = true;
    association->remote_uid = hello->uid;
    association->remote_session = hello->session;
    association->remote_seed = hello->seed;
}

static int resume(struct hwsi_endpoint *endpoint, const struct hwsi_hello *hello)
{
    struct hwsi_association *association = endpoint->association;
    uint64_t written = hwsi_ring_written(&association->lanes[HWSI_LANE_USER]), count;
    bool known = hello->known_session != 0;
    if (hwsi_association_resumed(association, known ? hello->received_system : 0,
                                 known ? hello->received_user : 0, &count))
        return HWS_EPROTOCOL;
    uint64_t released = association->lanes[HWSI_LANE_USER].released;
    endpoint->resent += written > released ? written - released : 0;
    hwsi_endpoint_acknowledged(endpoint, count);
    return 0;
}

/* The watch behind a WATCH that moved: what ends it is judged by the number on the new stream. */
static int renumber_watch(struct hwsi_association *to, const struct hwsi_system_message *message)
{
    struct hwsi_names *names = to->local->names;
    struct hws_pid *target = NULL, *watcher = NULL;
    int error = hwsi_pid_intern(names, to->address, message->target, &target);
    if (!error)
        error = hwsi_pid_intern(names, names->local, message->sender, &watcher);
    struct hwsi_watch *watch = error ? NULL : hwsi_watch_find(to->local, watcher, target);
    if (watch)
        watch->sequence = to->lanes[HWSI_LANE_SYSTEM].appended;
    hwsi_pid_release(watcher);
    hwsi_pid_release(target);
    return error;
}

/* What was never written to the old peer is for the new one: encode it again with the new one's numbers. */
static int move_unwritten(struct hwsi_association *from, struct hwsi_association *to)
{
    struct hwsi_ring_cursor cursor = { 0 };
    struct hws_slice frame;
    struct hwsi_own_frame own;
    int error = 0;
    while (!error && hwsi_ring_walk(&from->lanes[HWSI_LANE_USER], &cursor, &frame)) {
        if (cursor.number <= from->lanes[HWSI_LANE_USER].most_written)
            continue;
        error = hwsi_association_read_own(from, frame, cursor.number, &own);
        if (error)
            break;
        if (own.target && own.message.request_id)
            hwsi_request_moved(from->local, own.message.request_id);
        if (own.target) { /* an answer to the old peer's request is of no use to the new one */
            if (!own.explicit_correlation)
                own.message.correlation = (struct hws_correlation){ 0 };
            error = hwsi_association_append(to, own.target, &own.message);
        }
        if (error == HWS_ETOOLARGE) /* the new peer takes less; told only when all has gone well */
            error = hwsi_association_leave(from, cursor.number);
        hwsi_own_frame_release(&own);
    }
    struct hwsi_system_message message;
    for (cursor = (struct hwsi_ring_cursor){ 0 };
         !error && hwsi_ring_walk(&from->lanes[HWSI_LANE_SYSTEM], &cursor, &frame);) {
        struct hws_slice body = { frame.data + HWSI_FRAME_PREFIX, frame.size - HWSI_FRAME_PREFIX };
        if (cursor.number <= from->lanes[HWSI_LANE_SYSTEM].most_written ||
            hwsi_system_message_decode(body, &message))
            continue;
        if (message.code == HWSI_SYSTEM_WATCH || message.code == HWSI_SYSTEM_STOP)
            error = hwsi_association_notify(to, &message);
        if (!error && message.code == HWSI_SYSTEM_WATCH)
            error = renumber_watch(to, &message);
    }
    return error;
}

static int start_again(struct hwsi_endpoint *endpoint, const struct hwsi_hello *hello,
                       bool keep_session)
{
    struct hwsi_manager *manager = endpoint->manager;
    struct hwsi_association *old = endpoint->association;
    uint64_t session = keep_session ? old->session : hwsi_random_id(manager->random);
    struct hwsi_association *fresh =
        hwsi_association_new(manager->local, endpoint->address, session,
                             keep_session ? old->seed : hwsi_random_u64(manager->random));
    if (!fresh)
        return HWS_ENOMEM;
    limit_frames(fresh, hello);
    uint64_t requests_until = manager->local->requests.last_order;
    /* First: the watches that move get numbers of the new stream. */
    hwsi_watcher_peer_gone(endpoint,
                           old->remote_uid == hello->uid ? HWS_TERMINATED_address_terminated
                                                         : HWS_TERMINATED_restarted,
                           old->lanes[HWSI_LANE_SYSTEM].most_written);
    int error = move_unwritten(old, fresh);
    if (error) {
        hwsi_association_leave_none(old);
        hwsi_association_free(fresh);
        return HWS_ENOMEM;
    }
    old->was_written = old->lanes[HWSI_LANE_USER].most_written;
    old->moved = true;
    old->unwritten = HWS_REASON_disconnected;
    old->requests_until = requests_until;
    endpoint->association = fresh;
    hwsi_list_append(&manager->remains, &old->node);
    hwsi_due(manager->local);
    if (endpoint->level)
        hwsi_endpoint_level_down(endpoint); /* for what did not go on */
    return 0;
}

int hwsi_endpoint_greet(struct hwsi_endpoint *endpoint, const struct hwsi_hello *hello,
                        bool *resumed)
{
    struct hwsi_association *association = endpoint->association;
    bool knows_ours = hello->known_session == association->session;
    bool took_some = hello->received_system || hello->received_user;
    *resumed = is_same(association, hello);
    if (*resumed)
        return resume(endpoint, hello);
    if (knows_ours && took_some)
        return HWS_EPROTOCOL; /* it has what an unknown peer can't have */
    if (!association->bound)
        limit_frames(association, hello);
    if (association->bound || holds_too_large(association)) {
        int error = start_again(endpoint, hello, knows_ours || !association->bound);
        if (error)
            return error;
    }
    for (int i = 0; i < HWSI_LANES; i++)
        hwsi_ring_rewind(&endpoint->association->lanes[i]);
    bind(endpoint->association, hello);
    return 0;
}
