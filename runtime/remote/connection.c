/* SPDX-License-Identifier: MIT */
#include "remote/connection.h"

#include "remote/manager.h"

static void timed_out(struct hwsi_timer *timer)
{
    struct hwsi_connection *connection = HWSI_ENTRY(timer, struct hwsi_connection, timer);
    struct hwsi_endpoint *endpoint = connection->endpoint;
    bool opening = connection->phase == HWSI_DIALING;
    if (!endpoint)
        hwsi_manager_link_refused(connection->manager, connection->link->peer, HWSI_REFUSED_timeout,
                                  hwsi_refusal_sentence(HWSI_REFUSED_timeout));
    hwsi_connection_close(connection, HWSI_FRAME_REFUSE, HWSI_REFUSED_timeout,
                          hwsi_refusal_sentence(HWSI_REFUSED_timeout));
    if (endpoint)
        hwsi_endpoint_dial_failed(endpoint, HWS_LINK_timeout,
                                  opening ? "no connection within connect_timeout"
                                          : "no handshake within handshake_timeout");
}

struct hwsi_connection *hwsi_connection_new(struct hwsi_manager *manager,
                                            struct hwsi_endpoint *endpoint, bool dialed)
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
    connection->made = hwsi_now(local);
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
    hwsi_timer_start(&connection->timer, hwsi_now(local) + (dialed ? options->connect_timeout
                                                                   : options->handshake_timeout));
    return connection;
}

void hwsi_connection_free(struct hwsi_connection *connection)
{
    hwsi_timer_unregister(&connection->timer);
    hwsi_list_remove(&connection->node);
    hwsi_buffer_release(connection->intake);
    hwsi_ring_free(&connection->control);
    hwsi_due(connection->manager->local); /* it may have been the last that a stop waits for */
    hwsi_free(connection->manager->local->heap, connection, sizeof *connection);
}

/* A host's reason may be of any length; what is cut off does not end inside a character. */
static struct hws_slice cut_text(struct hws_slice text)
{
    if (text.size <= HWSI_CONTROL_TEXT_MAX)
        return text;
    text.size = HWSI_CONTROL_TEXT_MAX;
    while (text.size && (text.data[text.size] & 0xc0) == 0x80)
        text.size--;
    return text;
}

int hwsi_connection_control(struct hwsi_connection *connection, const struct hwsi_control *control)
{
    struct hwsi_control cut = *control;
    uint8_t *place = hwsi_ring_reserve(&connection->control, HWSI_CONTROL_BOUND);
    if (!place)
        return HWS_ENOMEM;
    cut.text = cut_text(control->text);
    hwsi_ring_commit(&connection->control, hwsi_control_encode(place, &cut));
    return 0;
}

int hwsi_connection_hello(struct hwsi_connection *connection, enum hwsi_frame_kind kind,
                          const struct hwsi_hello *hello)
{
    uint8_t *place = hwsi_ring_reserve(&connection->control, HWSI_HELLO_BOUND);
    if (!place)
        return HWS_ENOMEM;
    hwsi_ring_commit(&connection->control, hwsi_hello_encode(place, kind, hello));
    connection->told[HWSI_LANE_SYSTEM] = connection->sequence[HWSI_LANE_SYSTEM] =
        hello->received_system;
    connection->told[HWSI_LANE_USER] = connection->sequence[HWSI_LANE_USER] = hello->received_user;
    return 0;
}

/* The last frame: what the peer may forget is acknowledged first, and no lane is written any more. */
static void say_goodbye(struct hwsi_connection *connection, enum hwsi_phase phase,
                        const struct hwsi_control *last)
{
    if (phase == HWSI_UP)
        hwsi_writer_acknowledge(connection);
    hwsi_connection_control(connection, last);
    hwsi_writer_flush(connection, true);
}

static void leave_endpoint(struct hwsi_connection *connection)
{
    struct hwsi_endpoint *endpoint = connection->endpoint;
    connection->endpoint = NULL;
    if (endpoint && endpoint->connection == connection)
        endpoint->connection = NULL;
    if (endpoint && endpoint->dialing == connection)
        endpoint->dialing = NULL;
}

void hwsi_connection_close(struct hwsi_connection *connection, enum hwsi_frame_kind say,
                           uint64_t code, const char *text)
{
    enum hwsi_phase phase = connection->phase;
    if (phase == HWSI_CLOSING)
        return;
    connection->phase = HWSI_CLOSING;
    connection->manager->waiting_count -= phase == HWSI_WAITING;
    hwsi_timer_stop(&connection->timer);
    if (phase != HWSI_DIALING && connection->link && code)
        say_goodbye(connection, phase,
                    &(struct hwsi_control){ .kind = say, .a = code, .text = hws_slice_text(text) });
    leave_endpoint(connection);
    if (connection->link)
        connection->link->ops->close(connection->link);
}
