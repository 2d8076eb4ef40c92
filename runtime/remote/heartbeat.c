/* SPDX-License-Identifier: MIT */
/*
 * Life on a link. Any inbound byte is life. A link that has been silent for heartbeat_interval is asked with a PING; an answer that
 * the detector thinks overdue makes the peer suspect (connected -> suspended), any byte makes it reachable again, and
 * heartbeat_timeout without a byte ends the link. So an idle healthy link lives for ever.
 *
 * When this timer itself comes late, it is this process that was stopped (a laptop's lid, SIGSTOP) or busy: that time is not counted
 * against the peer, which is asked anew. Its answer may lie in the socket already, since timers fire first.
 */
#include "base/text.h"
#include "remote/manager.h"

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void ping(struct hwsi_endpoint *endpoint, uint64_t now)
{
    struct hwsi_heartbeat *beat = &endpoint->heartbeat;
    /* One PING is outstanding at a time; the timer comes again if there is no memory for this one. */
    if (hwsi_connection_control(endpoint->connection,
                                &(struct hwsi_control){ .kind = HWSI_FRAME_PING, .a = now }))
        return;
    beat->pinged = now ? now : 1;
    hwsi_endpoint_touch(endpoint);
}

static void suspect(struct hwsi_endpoint *endpoint, uint64_t now)
{
    char detail[96];
    endpoint->heartbeat.suspect = true;
    hwsi_say(detail, sizeof detail, "no answer for %.1f s, nothing heard for %.1f s",
             (double)(now - endpoint->heartbeat.pinged) / HWS_SECOND,
             (double)(now - endpoint->heartbeat.heard) / HWS_SECOND);
    hwsi_endpoint_suspended(endpoint, detail);
}

static uint64_t judge(struct hwsi_endpoint *endpoint, const struct hws_options *options,
                      uint64_t now)
{
    struct hwsi_heartbeat *beat = &endpoint->heartbeat;
    uint64_t end = beat->heard + options->heartbeat_timeout;
    if (now >= end)
        return 0;
    if (!beat->pinged && now >= beat->heard + options->heartbeat_interval)
        ping(endpoint, now);
    if (!beat->pinged)
        return beat->heard + options->heartbeat_interval > now
                   ? beat->heard + options->heartbeat_interval
                   : now + options->heartbeat_interval;
    uint64_t asked = beat->heard > beat->pinged
                         ? beat->heard
                         : beat->pinged; /* what came since then is life too */
    uint64_t overdue = asked + hwsi_detector_patience(&beat->detector, options);
    if (!beat->suspect && now >= overdue)
        suspect(endpoint, now);
    return beat->suspect ? end : sooner(overdue, end);
}

static void beat_due(struct hwsi_timer *timer)
{
    struct hwsi_endpoint *endpoint = HWSI_ENTRY(timer, struct hwsi_endpoint, heartbeat.timer);
    struct hwsi_local *local = endpoint->manager->local;
    uint64_t now = hwsi_now(local), due = timer->due;
    if (!endpoint->connection)
        return;
    if (now - due > local->options->phi_min_deviation) {
        endpoint->heartbeat.heard = sooner(now, endpoint->heartbeat.heard + (now - due));
        endpoint->heartbeat.pinged = 0;
        ping(endpoint, now);
    }
    uint64_t next = judge(endpoint, local->options, now);
    if (next) {
        hwsi_timer_start(timer, next);
        return;
    }
    char detail[96];
    hwsi_say(detail, sizeof detail, "nothing heard for %.1f s (heartbeat_timeout)",
             (double)(now - endpoint->heartbeat.heard) / HWS_SECOND);
    hwsi_connection_close(endpoint->connection, HWSI_FRAME_BYE, HWSI_REFUSED_timeout, detail);
    hwsi_endpoint_link_lost(endpoint, HWS_LINK_heartbeat, detail);
}

enum hws_endpoint_step hwsi_heartbeat_step(const struct hwsi_endpoint *endpoint, uint64_t *due)
{
    const struct hwsi_heartbeat *beat = &endpoint->heartbeat;
    const struct hws_options *options = endpoint->manager->local->options;
    uint64_t end = beat->heard + options->heartbeat_timeout,
             idle = beat->heard + options->heartbeat_interval;
    if (!hwsi_timer_running(&beat->timer) && endpoint->state == HWS_ENDPOINT_connected)
        return HWS_STEP_none; /* the link was lost a moment ago */
    if (beat->suspect) {
        *due = end;
        return HWS_STEP_disconnect;
    }
    if (beat->pinged) {
        *due = sooner(beat->timer.due, end);
        return HWS_STEP_suspect;
    }
    *due = idle > beat->timer.due ? idle : beat->timer.due;
    return HWS_STEP_ping;
}

int hwsi_heartbeat_init(struct hwsi_endpoint *endpoint)
{
    struct hwsi_local *local = endpoint->manager->local;
    hwsi_detector_init(&endpoint->heartbeat.detector, local->options);
    return hwsi_timer_register(local->timers, &endpoint->heartbeat.timer, beat_due);
}

void hwsi_heartbeat_free(struct hwsi_endpoint *endpoint)
{
    hwsi_timer_unregister(&endpoint->heartbeat.timer);
    hwsi_detector_free(&endpoint->heartbeat.detector, endpoint->manager->local->heap);
}

void hwsi_heartbeat_start(struct hwsi_endpoint *endpoint)
{
    struct hwsi_heartbeat *beat = &endpoint->heartbeat;
    struct hwsi_local *local = endpoint->manager->local;
    beat->heard = hwsi_now(local);
    beat->suspect = false;
    beat->pinged = 0;
    ping(endpoint, beat->heard); /* the first round trip time */
    hwsi_timer_start(&beat->timer, hwsi_later(local, local->options->heartbeat_interval));
    if (beat->pinged)
        hwsi_timer_start(
            &beat->timer,
            hwsi_later(local, sooner(hwsi_detector_patience(&beat->detector, local->options),
                                     local->options->heartbeat_timeout)));
}

void hwsi_heartbeat_stop(struct hwsi_endpoint *endpoint)
{
    hwsi_timer_stop(&endpoint->heartbeat.timer);
}

void hwsi_heartbeat_heard(struct hwsi_endpoint *endpoint)
{
    struct hwsi_heartbeat *beat = &endpoint->heartbeat;
    struct hwsi_local *local = endpoint->manager->local;
    beat->heard = hwsi_now(local);
    if (!beat->suspect)
        return;
    beat->suspect = false;
    beat->pinged = 0;
    hwsi_timer_start(&beat->timer, hwsi_later(local, local->options->heartbeat_interval));
    hwsi_endpoint_reachable(endpoint);
}

bool hwsi_heartbeat_answered(struct hwsi_endpoint *endpoint, uint64_t pinged)
{
    struct hwsi_heartbeat *beat = &endpoint->heartbeat;
    struct hwsi_local *local = endpoint->manager->local;
    uint64_t now = hwsi_now(local);
    if (!beat->pinged || pinged != beat->pinged)
        return pinged >= endpoint->connection->opened &&
               pinged <= now; /* of a PING of this link that is forgotten by now */
    beat->pinged = 0;
    endpoint->rtt = now - pinged;
    hwsi_rtt_record(&endpoint->rtts, local->heap, endpoint->rtt);
    hwsi_detector_sample(&beat->detector, local->heap, (uint32_t)local->options->phi_samples,
                         endpoint->rtt);
    hwsi_timer_start(&beat->timer, hwsi_later(local, local->options->heartbeat_interval));
    return true;
}
