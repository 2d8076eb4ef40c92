/* SPDX-License-Identifier: MIT */
/*
 * The EndpointWriter: from the rings into the link, many frames a write. Lanes change only between frames: what is written in
 * part goes on first, then control frames, then the system lane, then the user lane.
 */
#include "remote/manager.h"

#define SLICES 16
#define TRY_AGAIN (10 * HWS_MILLISECOND) /* an ACK that found no memory */

struct batch {
    struct hws_slice slices[SLICES];
    int8_t lanes[SLICES];
    size_t count, bytes;
};

static struct hwsi_ring *lane_ring(struct hwsi_connection *connection, int lane)
{
    if (lane == HWSI_CONTROL_LANE)
        return &connection->control;
    return &connection->endpoint->association->lanes[lane];
}

static void add_lane(struct hwsi_connection *connection, struct batch *batch, int lane)
{
    uint64_t frames = connection->manager->local->options->endpoint_writer_batch_size;
    size_t count = hwsi_ring_gather(lane_ring(connection, lane), batch->slices + batch->count,
                                    SLICES - batch->count, frames);
    for (; count; count--) {
        batch->bytes += batch->slices[batch->count].size;
        batch->lanes[batch->count++] = (int8_t)lane;
    }
}

static void add_partial(struct hwsi_connection *connection, struct batch *batch)
{
    struct hws_slice rest = hwsi_ring_partial(lane_ring(connection, connection->partial));
    if (!rest.size)
        return;
    batch->slices[0] = rest;
    batch->lanes[0] = connection->partial;
    batch->count = 1;
    batch->bytes = rest.size;
}

static bool has_more(struct hwsi_connection *connection, int lane)
{
    return hwsi_ring_unwritten(lane_ring(connection, lane));
}

static void build(struct hwsi_connection *connection, struct batch *batch, int lanes)
{
    batch->count = batch->bytes = 0;
    int partial = connection->partial;
    int first_waiting = HWSI_NO_LANE;
    for (int lane = lanes - 1; lane >= HWSI_CONTROL_LANE; lane--)
        if (lane != partial && has_more(connection, lane))
            first_waiting = lane;
    if (partial != HWSI_NO_LANE && first_waiting > partial) {
        add_lane(connection, batch,
                 partial); /* nothing waits that may overtake: go on with the lane */
        return;
    }
    if (partial != HWSI_NO_LANE)
        add_partial(connection, batch);
    for (int lane = HWSI_CONTROL_LANE; lane < lanes && batch->count < SLICES; lane++)
        if (lane != partial && has_more(connection, lane))
            add_lane(connection, batch, lane);
}

static void written(struct hwsi_connection *connection, const struct batch *batch, size_t taken)
{
    if (taken) /* else what is written in part still is */
        connection->partial = HWSI_NO_LANE;
    for (size_t i = 0; i < batch->count && taken; i++) {
        size_t here = batch->slices[i].size < taken ? batch->slices[i].size : taken;
        struct hwsi_ring *ring = lane_ring(connection, batch->lanes[i]);
        hwsi_ring_advance(ring, here);
        taken -= here;
        connection->partial = hwsi_ring_partial(ring).size ? batch->lanes[i] : HWSI_NO_LANE;
    }
    hwsi_ring_release(&connection->control, hwsi_ring_written(&connection->control));
}

static bool owes_acknowledgement(const struct hwsi_connection *connection)
{
    const uint64_t *received = connection->endpoint->association->received;
    return received[0] != connection->told[0] || received[1] != connection->told[1];
}

static void put_acknowledgement(struct hwsi_connection *connection)
{
    const uint64_t *received = connection->endpoint->association->received;
    if (hwsi_connection_control(
            connection,
            &(struct hwsi_control){ .kind = HWSI_FRAME_ACK, .a = received[0], .b = received[1] })) {
        /* Out of memory. Nothing else may ever be written here. */
        hwsi_timer_start(&connection->endpoint->acknowledge,
                         hwsi_later(connection->manager->local, TRY_AGAIN));
        return;
    }
    connection->told[0] = received[0];
    connection->told[1] = received[1];
    connection->unacknowledged_bytes = 0;
}

/* With anything else that is written anyway, or when enough has come in; else in a while. */
static void plan_acknowledgement(struct hwsi_connection *connection)
{
    const struct hws_options *options = connection->manager->local->options;
    struct hwsi_timer *timer = &connection->endpoint->acknowledge;
    if (!owes_acknowledgement(connection))
        return;
    if (connection->unacknowledged_bytes >= options->acknowledge_bytes ||
        has_more(connection, HWSI_LANE_SYSTEM) || has_more(connection, HWSI_LANE_USER))
        put_acknowledgement(connection);
    else if (!hwsi_timer_running(timer))
        hwsi_timer_start(timer, hwsi_now(connection->manager->local) + options->acknowledge_after);
}

void hwsi_writer_acknowledge(struct hwsi_connection *connection)
{
    if (!owes_acknowledgement(connection))
        return;
    put_acknowledgement(connection);
    hwsi_writer_flush(connection, true);
}

/* Cuts a batch down to whole segments; what is left goes with what comes next. */
static void keep_whole_segments(struct batch *batch)
{
    size_t rest = batch->bytes % HWSI_SEGMENT;
    batch->bytes -= rest;
    while (rest) {
        struct hws_slice *last = &batch->slices[batch->count - 1];
        size_t cut = last->size < rest ? last->size : rest;
        last->size -= cut;
        rest -= cut;
        batch->count -= last->size == 0;
    }
}

void hwsi_writer_flush(struct hwsi_connection *connection, bool all)
{
    struct batch batch;
    int lanes = connection->phase == HWSI_UP ? HWSI_LANES : 0;
    if (!connection->link)
        return;
    /* In the middle of a turn some of what was read is not handled yet: the ACK is for the turn's end. */
    if (lanes && connection->writable && all)
        plan_acknowledgement(connection);
    while (connection->writable) {
        build(connection, &batch, lanes);
        if (!all)
            keep_whole_segments(&batch);
        if (!batch.count)
            return;
        size_t taken = 0;
        int error =
            connection->link->ops->write(connection->link, batch.slices, batch.count, &taken);
        connection->writable = !error && taken == batch.bytes;
        if (!error)
            written(connection, &batch, taken);
        connection->sent_bytes += taken;
        if (connection->endpoint)
            connection->endpoint->sent_bytes += taken;
    }
}
