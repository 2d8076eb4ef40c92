/* SPDX-License-Identifier: MIT */
/* Runs actors: a queue of those with something to do, each for at most dispatcher_throughput messages at a time. */
#include "actor/alarm.h"
#include "actor/family.h"

static bool has_work(const struct hws_context *actor)
{
    if (actor->halting)
        return !hwsi_has_children(actor);
    if (actor->stopping || actor->later)
        return true;
    return !actor->suspended && (actor->starting || actor->lanes[0].count || actor->lanes[1].count);
}

void hwsi_schedule(struct hws_context *actor)
{
    if (!actor->running && hwsi_list_empty(&actor->run) && has_work(actor)) {
        hwsi_list_append(&actor->local->runnable, &actor->run);
        hwsi_due(actor->local);
    }
}

static void drop_current(struct hws_context *actor)
{
    struct hws_message *message = actor->current;
    if (!message)
        return;
    if (message->kind == HWS_MESSAGE_terminated)
        actor->told--;
    actor->current = NULL;
    actor->local->backlog -= actor->current_lane == HWSI_LANE_USER && !actor->suspended;
    hwsi_message_release(message);
    hwsi_lane_advance(&actor->local->nodes, &actor->lanes[actor->current_lane]);
}

const struct hws_message *hws_context_next(struct hws_context *actor)
{
    do {
        drop_current(actor);
        if (actor->budget == 0 || actor->suspended || actor->stopping)
            return NULL;
        unsigned lane = actor->lanes[HWSI_LANE_SYSTEM].count ? HWSI_LANE_SYSTEM : HWSI_LANE_USER;
        if (actor->lanes[lane].count == 0)
            return NULL;
        actor->budget--;
        actor->current_lane = (uint8_t)lane;
        actor->current = hwsi_lane_first(&actor->lanes[lane]);
    } while (actor->current->kind == HWSI_MESSAGE_nothing);
    return actor->current;
}

static void publish_failure(struct hws_context *actor, int error, const char *what)
{
    hwsi_publish(actor->local, &(struct hws_event){ .type = HWS_EVENT_ActorFailed,
                                                    .pid = actor->pid,
                                                    .detail = actor->failure ? actor->failure
                                                                             : hws_strerror(error),
                                                    .reason = what,
                                                    .count = actor->failures });
    hwsi_free_text(actor->local->heap, actor->failure);
    actor->failure = NULL;
}

static bool may_restart(struct hws_context *actor)
{
    const struct hws_options *options = actor->local->options;
    const struct hwsi_family *family = actor->family;
    uint64_t now = hwsi_now(actor->local);
    if (now - actor->window_start > (family ? family->restart_window : options->restart_window) ||
        actor->restarts == 0) {
        actor->window_start = now;
        actor->restarts = 0;
    }
    return ++actor->restarts <= (family ? family->restart_limit : options->restart_limit);
}

/* `own`: a handler of its own failed, not a child that escalated. */
static void supervise(struct hws_context *actor, int error, bool own)
{
    static const char *const names[] = {
#define X(name) #name,
        HWS_SUPERVISIONS(X)
#undef X
    };
    enum hws_supervision way = actor->supervision;
    actor->failures++;
    if (own || way != HWS_SUPERVISE_resume)
        hws_context_resume(actor); /* what it waited for is over */
    if (way == HWS_SUPERVISE_restart && !may_restart(actor))
        way = HWS_SUPERVISE_stop;
    if (way == HWS_SUPERVISE_escalate)
        hwsi_family_escalate(actor, error);
    publish_failure(actor, error, names[way]);
    if (way == HWS_SUPERVISE_stop || way == HWS_SUPERVISE_escalate)
        actor->stopping = actor->failed = true;
    if (way != HWS_SUPERVISE_restart)
        return;
    actor->starting = true;
    hwsi_alarms_cancel(actor);
    hwsi_family_halt(actor);
}

/* Who asked hears at once that there will be no answer, also from far away. */
static void answer_failed(const struct hws_context *actor)
{
    const struct hws_message *message = actor->current;
    if (message && message->kind == HWS_MESSAGE_user && message->request_id && message->sender)
        hws_respond_failed(actor->local->system, message->sender, message->request_id);
}

static int handle_messages(struct hws_context *actor)
{
    if (actor->ops->receive_batch)
        return actor->ops->receive_batch(actor->self, actor);
    const struct hws_message *message;
    int error = 0;
    while (error >= 0 && (message = hws_context_next(actor)))
        error = actor->ops->receive(actor->self, actor, message);
    return error;
}

static int start(struct hws_context *actor)
{
    actor->starting = false;
    int error = actor->ops->started ? actor->ops->started(actor->self, actor) : 0;
    if (error < 0 && actor->supervision != HWS_SUPERVISE_escalate)
        actor->supervision = HWS_SUPERVISE_stop;
    return error;
}

static void letters_of_lane(struct hws_context *actor)
{
    struct hwsi_lane *lane = &actor->lanes[HWSI_LANE_USER];
    actor->local->backlog -= actor->suspended ? 0 : lane->count;
    for (; lane->count; hwsi_lane_drop(&actor->local->nodes, lane)) {
        struct hws_message *message = hwsi_lane_first(lane);
        if (message->kind == HWS_MESSAGE_user)
            hwsi_letter(actor->local, actor->pid, message, HWS_REASON_stopped);
    }
    for (lane = &actor->lanes[HWSI_LANE_SYSTEM]; lane->count;)
        hwsi_lane_drop(&actor->local->nodes, lane);
    for (int i = 0; i < HWSI_LANES; i++)
        while (actor->lanes[i].head) /* taken for a message for which there was no memory */
            hwsi_mailbox_shrink(&actor->local->nodes, &actor->lanes[i]);
}

static void end_watches(struct hws_context *actor)
{
    enum hws_terminated_reason reason =
        actor->failed ? HWS_TERMINATED_failed : HWS_TERMINATED_stopped;
    while (!hwsi_list_empty(&actor->watching)) {
        struct hwsi_watch *watch = HWSI_ENTRY(actor->watching.next, struct hwsi_watch, by_watcher);
        if (!watch->target->address->local)
            actor->local->router->ops->notify(actor->local->router, HWSI_NOTICE_UNWATCH,
                                              watch->target, watch->watcher, 0, 0, NULL);
        hwsi_watch_remove(actor->local, watch);
    }
    while (!hwsi_list_empty(&actor->watchers))
        hwsi_watch_fire(actor->local,
                        HWSI_ENTRY(actor->watchers.next, struct hwsi_watch, by_target), reason);
}

static void finish(struct hws_context *actor)
{
    struct hwsi_local *local = actor->local;
    actor->running = true; /* nothing schedules it any more */
    actor->stopping = true;
    hwsi_list_remove(&actor->run);
    actor->pid->actor = NULL;
    if (actor->ops->stopped)
        actor->ops->stopped(actor->self, actor);
    drop_current(actor);
    letters_of_lane(actor);
    end_watches(actor);
    hwsi_publish(local, &(struct hws_event){ .type = HWS_EVENT_ActorStopped,
                                             .pid = actor->pid,
                                             .reason = actor->failed ? "failed" : "stopped" });
    hwsi_list_remove(&actor->all);
    hwsi_roster_remove(&local->roster, actor->number);
    local->actor_count--;
    hwsi_alarms_cancel(actor);
    hwsi_family_leave(actor);
    if (actor->ops->released)
        actor->ops->released(actor->self);
    hwsi_kind_left(&local->kinds, actor->kind); /* what the kind holds `released` may have needed */
    hwsi_free_text(local->heap, actor->failure);
    hwsi_pid_release(actor->pid);
    hwsi_free(local->heap, actor, sizeof *actor);
}

/* Its children go first. */
static void wind_up(struct hws_context *actor)
{
    hwsi_alarms_cancel(actor);
    if (!hwsi_family_halt(actor))
        finish(actor);
}

static void visit(struct hws_context *actor, uint64_t throughput)
{
    int error = 0;
    actor->running = true;
    actor->budget = throughput;
    actor->halting = false; /* if it was, its children are gone */
    if (actor->later) {
        bool own = actor->later == HWSI_LATER_OWN;
        actor->later = HWSI_LATER_NONE;
        supervise(actor, actor->later_error, own);
    }
    if (actor->starting && !actor->stopping && !actor->halting)
        error = start(actor);
    if (error >= 0 && !actor->stopping && !actor->suspended && !actor->halting)
        error = handle_messages(actor);
    if (error < 0)
        answer_failed(actor);
    drop_current(actor);
    if (error < 0)
        supervise(actor, error, true);
    uint64_t handled = throughput - actor->budget;
    actor->handled += handled;
    actor->local->delivered += handled;
    actor->local->spent += handled ? handled : 1; /* a start or an end costs something, too */
    actor->running = false;
    if (actor->stopping)
        wind_up(actor);
    else
        hwsi_schedule(actor);
}

bool hwsi_dispatch_pending(const struct hwsi_local *local)
{
    return !hwsi_list_empty(&local->runnable) || !hwsi_list_empty(&local->requests.done);
}

/* Visits each actor that is in the queue now. One that has more to do, or sends to itself, comes again in the next round. */
static void run_round(struct hwsi_local *local, uint64_t throughput, uint64_t until)
{
    struct hwsi_list round, *node;
    hwsi_list_init(&round);
    hwsi_list_splice(&round, &local->runnable);
    while ((node = hwsi_list_first(&round)) && local->spent < until) {
        uint64_t left = until - local->spent;
        hwsi_list_remove(node);
        visit(HWSI_ENTRY(node, struct hws_context, run), throughput < left ? throughput : left);
        if (local->flush_soon) {
            local->flush_soon = false;
            local->router->ops->flush(local->router);
        }
    }
    /* Those not visited keep their place before those that were. */
    hwsi_list_splice(&round, &local->runnable);
    hwsi_list_splice(&local->runnable, &round);
}

/* So many rounds at most, that actors which keep each other busy do not keep the loop from its sockets. */
#define ROUNDS_A_TURN 16

void hwsi_dispatch(struct hwsi_local *local, uint64_t budget)
{
    uint64_t until = local->spent + budget;
    for (int round = 0;
         round < ROUNDS_A_TURN && local->spent < until && hwsi_dispatch_pending(local); round++) {
        while (local->spent < until && hwsi_requests_run(local)) {
            local->delivered++;
            local->spent++;
        }
        run_round(local, local->options->dispatcher_throughput, until);
    }
}

void hwsi_stop_all(struct hwsi_local *local)
{
    /* The newest first: a child is younger than its parent. */
    while (!hwsi_list_empty(&local->actors))
        finish(HWSI_ENTRY(local->actors.previous, struct hws_context, all));
}
