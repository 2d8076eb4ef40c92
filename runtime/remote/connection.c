/* SPDX-License-Identifier: MIT */
#include "remote/connection.h"

#include "remote/manager.h"

static void timed_out(struct hwsi_timer *timer)
{
    struct hwsi_connection *connection = HWSI_ENTRY(timer, struct hwsi_connection, timer);
    struct hwsi_endpoint *endpoint = connection->endpoint;
    bool opening = connection->phase == HWSI_DIALING;
    hwsi_connection_close(connection, HWSI_FRAME_REFUSE, HWSI_REFUSED_timeout, hwsi_refusal_sentence(HWSI_REFUSED_timeout));
    if (endpoint)
        hwsi_endpoint_dial_failed(endpoint, "timeout",
                                  opening ? "no connection within connect_timeout" : "no handshake within handshake_timeout");
}

struct hwsi_connection *hwsi_connection_new(struct hwsi_manager *manager, struct hwsi_endpoint *endpoint, bool dialed)
{
    struct hwsi_local *local = manager->local;
    struct hwsi_connection *connection = hwsi_alloc(local->heap, sizeof *connection);
    if (!connection)
        return NULL;
    if (hwsi_timer_register(local->timers, &connection->timer, timed_out)) {
        hwsi_free(local->heap, connection, sizeof *connection);
        return NULL;
    }
    connection->handler.ops = &hwsi_reader_ops;
    connection->manager = manager;
    connection->endpoint = endpoint;
    connection->dialed = dialed;
    connection->phase = dialed ? HWSI_DIALING : HWSI_WAITING;
    connection->partial = HWSI_NO_LANE;
    connection->writable = !dialed;
    hwsi_ring_init(&connection->control, local->pool);
    hwsi_list_append(&manager->connections, &connection->node);
    manager->waiting_count += !dialed;
    const struct hws_options *options = local->options;
    hwsi_timer_start(&connection->timer, hwsi_now(local) + (dialed ? options->connect_timeout : options->handshake_timeout));
    return connection;
}

void hwsi_connection_free(struct hwsi_connection *connection)
{
    hwsi_timer_unregister(&connection->timer);
    hwsi_list_remove(&connection->node);
    hwsi_buffer_release(connection->intake);
    hwsi_ring_free(&connection->control);
    hwsi_free(connection->manager->local->heap, connection, sizeof *connection);
}

int hwsi_connection_control(struct hwsi_connection *connection, const struct hwsi_control *control)
{
    uint8_t *place = hwsi_ring_reserve(&connection->control, HWSI_CONTROL_BOUND);
    if (!place)
        return HWS_ENOMEM;
    hwsi_ring_commit(&connection->control, hwsi_control_encode(place, control));
    return 0;
}

int hwsi_connection_hello(struct hwsi_connection *connection, enum hwsi_frame_kind kind, const struct hwsi_hello *hello)
{
    uint8_t *place = hwsi_ring_reserve(&connection->control, HWSI_HELLO_BOUND);
    if (!place)
        return HWS_ENOMEM;
    hwsi_ring_commit(&connection->control, hwsi_hello_encode(place, kind, hello));
    connection->told[HWSI_LANE_SYSTEM] = connection->sequence[HWSI_LANE_SYSTEM] = hello->received_system;
    connection->told[HWSI_LANE_USER] = connection->sequence[HWSI_LANE_USER] = hello->received_user;
    return 0;
}

void hwsi_connection_close(struct hwsi_connection *connection, enum hwsi_frame_kind say, uint64_t code, const char *text)
{
    if (connection->phase == HWSI_CLOSING)
        return;
    if (connection->phase != HWSI_DIALING && connection->link && code) {
        hwsi_connection_control(connection, &(struct hwsi_control){.kind = say, .a = code, .text = hws_slice_text(text)});
        hwsi_writer_flush(connection, true);
    }
    connection->manager->waiting_count -= connection->phase == HWSI_WAITING;
    connection->phase = HWSI_CLOSING;
    hwsi_timer_stop(&connection->timer);
    struct hwsi_endpoint *endpoint = connection->endpoint;
    connection->endpoint = NULL;
    if (endpoint && endpoint->connection == connection)
        endpoint->connection = NULL;
    if (endpoint && endpoint->dialing == connection)
        endpoint->dialing = NULL;
    if (connection->link)
        connection->link->ops->close(connection->link);
}
