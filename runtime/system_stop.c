/* SPDX-License-Identifier: MIT */
/* Stopping in order: drain, stop the actors, say goodbye, account for what is left, tell it. */
#include "system_private.h"

/* Who stops a program by hand wants to know what it waits for. */
static void tell_waiting(void *data)
{
    struct hws_system *system = data;
    if (system->stage == HWSI_DRAINING)
        hwsi_log(&system->local, HWS_LOG_warning,
                 "stopping: waits up to %.1f s more for what is queued or not acknowledged",
                 (double)(system->stop_timer.due - hwsi_now(&system->local)) / HWS_SECOND);
}

int hws_stop(struct hws_system *system, const char *reason, uint64_t deadline)
{
    uint64_t due = hwsi_later(&system->local,
                              deadline == HWS_NEVER ? system->options.shutdown_deadline : deadline);
    if (system->stage == HWSI_RUNNING) {
        system->stage = HWSI_DRAINING;
        system->stop_reason = hwsi_copy_text(system->heap, reason ? reason : "stopped");
        system->local.stopping = true;
        hwsi_manager_close_listener(&system->manager);
        hwsi_timer_start(&system->stop_timer, due);
        hws_after(system, HWS_SECOND, tell_waiting, system, NULL); /* without memory: no word */
    } else if (system->stage == HWSI_DRAINING && due < system->stop_timer.due) {
        hwsi_timer_start(&system->stop_timer, due);
        system->stop_seen = false;
    }
    hwsi_due(&system->local);
    return 0;
}

bool hws_is_stopped(const struct hws_system *system)
{
    return system->told_stopped;
}

static bool drained(struct hws_system *system)
{
    if (!hwsi_timer_running(&system->stop_timer) ||
        system->stop_timer.due <= hwsi_now(&system->local))
        return true;
    return !hwsi_dispatch_pending(&system->local) && hwsi_manager_idle(&system->manager);
}

static void close_down(struct hws_system *system)
{
    struct hwsi_local *local = &system->local;
    system->stage = HWSI_CLOSED_DOWN;
    hwsi_timer_stop(&system->stop_timer);
    hwsi_stop_all(local);
    hwsi_posts_deliver(system); /* posted after the last turn: dead letters */
    hwsi_manager_close_endpoints(
        &system->manager, system->stop_reason ? system->stop_reason : "stopped", &system->leftover);
    local->closed = true;
    hwsi_requests_fail_all(local, HWS_ECLOSED);
    if (system->waits.count)
        hwsi_waits_run(system);
}

static void tell(struct hws_system *system)
{
    system->stage = HWSI_STOPPED;
    hwsi_publish(
        &system->local,
        &(struct hws_event){ .type = HWS_EVENT_Shutdown,
                             .reason = system->stop_reason ? system->stop_reason : "stopped",
                             .detail = system->leftover.count ? system->leftover.text : NULL,
                             .count = system->leftover.count });
    if (system->leftover.count)
        hwsi_log(&system->local, HWS_LOG_warning, "stopped: %llu %s not delivered: %s",
                 (unsigned long long)system->leftover.count,
                 system->leftover.count == 1 ? "message was" : "messages were",
                 system->leftover.text);
    hwsi_events_dispatch(&system->local, UINT64_MAX);
}

void hwsi_system_stop_step(struct hws_system *system)
{
    if (system->stage == HWSI_DRAINING && drained(system))
        close_down(system);
    if (system->stage != HWSI_CLOSED_DOWN)
        return;
    struct hwsi_local *local = &system->local;
    if (hwsi_dispatch_pending(local) || local->events.queued ||
        !hwsi_list_empty(&system->manager.pressure.changed) ||
        !hwsi_manager_closed(&system->manager))
        return;
    tell(system);
}
