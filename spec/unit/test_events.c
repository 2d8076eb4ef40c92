/* SPDX-License-Identifier: MIT */
/* The EventStream: patterns, changes from inside handlers, the bounded queue, JSON. */
#include "support_rig.h"

#include <string.h>

struct listener {
    struct rig *rig;
    struct hws_subscription *subscription, *other;
    unsigned heard;
    uint64_t count;
    void (*act)(struct listener *self, const struct hws_event *event);
};

static void on_event(void *data, const struct hws_event *event)
{
    struct listener *self = data;
    self->heard++;
    self->count += event->count;
    if (self->act)
        self->act(self, event);
}

static void listen_to(struct rig *rig, struct listener *listener, const char *pattern)
{
    listener->rig = rig;
    assert_int_equal(
        hws_subscribe(rig->system, pattern, on_event, listener, &listener->subscription, NULL), 0);
}

static int ignore(void *self, struct hws_context *context, const struct hws_message *message)
{
    (void)self;
    (void)context;
    (void)message;
    return 0;
}
static const struct hws_actor_ops ops = { .receive = ignore };

static void test_patterns(void **state)
{
    struct rig rig;
    struct listener exact = { 0 }, glob = { 0 }, later = { 0 };
    struct hws_subscription *none;
    const char *nearest = NULL;
    (void)state;
    rig_start_default(&rig);
    listen_to(&rig, &exact, "ActorStarted");
    listen_to(&rig, &glob, "Actor*");
    assert_int_equal(hws_subscribe(rig.system, "ActorStartd", on_event, NULL, &none, &nearest),
                     HWS_ENOTFOUND);
    assert_string_equal(nearest, "ActorStarted");
    assert_int_equal(hws_subscribe(rig.system, "x", on_event, NULL, &none, NULL), HWS_ENOTFOUND);
    assert_int_equal(hws_spawn_named(rig.system, "a", &ops, NULL, NULL), 0);
    listen_to(&rig, &later, "ActorStarted"); /* published before it subscribed */
    assert_int_equal(exact.heard, 0);        /* never from inside the call */
    rig_turn(&rig);
    struct hws_pid *a = rig_pid(&rig, "a");
    hws_stop_actor(rig.system, a);
    rig_turn(&rig);
    assert_int_equal(exact.heard, 1);
    assert_int_equal(glob.heard, 2);
    assert_int_equal(later.heard, 0);
    hws_pid_release(a);
    hws_unsubscribe(exact.subscription);
    hws_unsubscribe(glob.subscription);
    hws_unsubscribe(NULL);
    hws_unsubscribe(later.subscription);
    rig_end(&rig);
}

static struct listener late;
static void act_change(struct listener *self, const struct hws_event *event)
{
    (void)event;
    if (self->heard > 1)
        return;
    hws_unsubscribe(self->other);
    hws_unsubscribe(self->subscription);
    hws_unsubscribe(self->subscription);
    listen_to(self->rig, &late, "*");
    rig_send(self->rig, "nobody");
}

static void test_changes_inside_a_handler(void **state)
{
    struct rig rig;
    struct listener first = { .act = act_change }, second = { 0 };
    (void)state;
    late = (struct listener){ 0 };
    rig_start_default(&rig);
    listen_to(&rig, &first, "Actor*");
    listen_to(&rig, &second, "Actor*");
    first.other = second.subscription;
    assert_int_equal(hws_spawn_named(rig.system, "a", &ops, NULL, NULL), 0);
    assert_int_equal(hws_spawn_named(rig.system, "b", &ops, NULL, NULL), 0);
    rig_turn(&rig);
    assert_int_equal(first.heard, 1);
    assert_int_equal(second.heard, 0);
    assert_int_equal(late.heard, 1); /* the dead letter; not what had been published before */
    hws_unsubscribe(late.subscription);
    rig_end(&rig);
}

static void test_bounded_queue(void **state)
{
    struct rig rig;
    struct hws_options options;
    struct listener letters = { 0 }, dropped = { 0 };
    struct hws_system_statistics s;
    (void)state;
    rig_options(&rig, &options);
    options.event_queue_size = 16;
    options.dead_letter_log_rate = 0;
    rig_start(&rig, &options);
    listen_to(&rig, &letters, "DeadLetter");
    listen_to(&rig, &dropped, "EventsDropped");
    for (int i = 0; i < 50; i++)
        rig_send(&rig, "nobody");
    assert_int_equal(hws_spawn_named(rig.system, "a", &ops, NULL, NULL),
                     0); /* there is a reserve for what matters */
    rig_turn(&rig);
    assert_int_equal(letters.heard, 16);
    assert_int_equal(rig_count(&rig, HWS_EVENT_ActorStarted), 1);
    assert_int_equal(dropped.heard, 1);
    assert_int_equal(dropped.count, 34);
    hws_system_statistics(rig.system, &s);
    assert_int_equal(s.events_dropped, 34);
    assert_int_equal(s.dead_letters, 50);
    hws_unsubscribe(letters.subscription);
    hws_unsubscribe(dropped.subscription);
    rig_end(&rig);
}

/* The dead letters of a ring that is given up come as fast as the queue takes them: none is dropped. */
static void test_remains_are_not_dropped(void **state)
{
    struct rig rig;
    struct hws_options options;
    struct listener letters = { 0 };
    (void)state;
    rig_options(&rig, &options);
    options.event_queue_size = 16;
    rig_start(&rig, &options);
    listen_to(&rig, &letters, "DeadLetter");
    for (int i = 0; i < 1000; i++)
        assert_int_equal(rig_send(&rig, RIG_PEER "/a"), 0);
    assert_int_equal(hws_close_endpoint(rig.system, RIG_PEER, "enough"), 0);
    rig_turn(&rig);
    assert_int_equal(letters.heard, 1000);
    assert_int_equal(rig_count(&rig, HWS_EVENT_EventsDropped), 0);
    hws_unsubscribe(letters.subscription);
    rig_end(&rig);
}

static void test_json(void **state)
{
    struct rig rig;
    char line[512];
    (void)state;
    rig_start_default(&rig);
    struct hws_pid *pid = rig_pid(&rig, RIG_PEER "/a");
    struct hws_event event = { .type = HWS_EVENT_DeadLetter,
                               .time = 1500 * HWS_MILLISECOND,
                               .pid = pid,
                               .reason = "q\"\\\n",
                               .message = rig_value(),
                               .correlation = { 0x1234, 7 } };
    size_t size = hws_event_json(&event, line, sizeof line);
    assert_string_equal(
        line,
        "{\"event\":\"DeadLetter\",\"time\":1.500000000,\"reason\":\"q\\\"\\\\\\u000a\",\"pid\":\"peer:1/a\","
        "\"message\":\"a568656c6c6f\",\"correlation\":\"000000000000123400000007\"}");
    assert_int_equal(size, strlen(line));
    assert_int_equal(hws_event_json(&event, NULL, 0), size);
    assert_int_equal(hws_event_json(&event, line, 10), size);
    assert_int_equal(strlen(line), 9);
    event = (struct hws_event){ .type = HWS_EVENT_EndpointReconnect,
                                .address = "x",
                                .state = "reconnecting",
                                .since = 1250 * HWS_MILLISECOND,
                                .step = "dial",
                                .next = 1750 * HWS_MILLISECOND,
                                .delay = 250 * HWS_MILLISECOND,
                                .attempt = 2 };
    hws_event_json(&event, line, sizeof line);
    assert_non_null(strstr(line, "\"state\":\"reconnecting\",\"since\":1.250000000,"));
    assert_non_null(strstr(line, "\"attempt\":2,\"delay\":0.25,\"step\":\"dial\","
                                 "\"next\":1.750000000,\"success\":false"));
    event.next = HWS_NEVER;
    hws_event_json(&event, line, sizeof line);
    assert_null(strstr(line, "next"));
    hws_pid_release(pid);
    rig_end(&rig);
}

static void test_tables(void **state)
{
    (void)state;
    for (int i = 0; i < HWS_EVENT_COUNT; i++) {
        assert_true(strlen(hws_event_name((enum hws_event_type)i)) > 0);
        assert_true(strlen(hws_event_doc((enum hws_event_type)i)) > 0);
        assert_int_not_equal(hws_event_fields((enum hws_event_type)i), 0);
    }
    for (int i = 0; i < HWS_FIELD_COUNT; i++) {
        assert_true(strlen(hws_event_field_name((enum hws_event_field)i)) > 0);
        assert_true(strlen(hws_event_field_kind((enum hws_event_field)i)) > 0);
        assert_true(strlen(hws_event_field_doc((enum hws_event_field)i)) > 0);
    }
    assert_string_equal(hws_event_name(HWS_EVENT_COUNT), "unknown");
    assert_string_equal(hws_event_doc(HWS_EVENT_COUNT), "");
    assert_int_equal(hws_event_fields(HWS_EVENT_COUNT), 0);
    assert_string_equal(hws_event_field_name(HWS_FIELD_COUNT), "unknown");
    assert_string_equal(hws_event_field_kind(HWS_FIELD_COUNT), "unknown");
    assert_string_equal(hws_event_field_doc(HWS_FIELD_COUNT), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patterns),      cmocka_unit_test(test_changes_inside_a_handler),
        cmocka_unit_test(test_bounded_queue), cmocka_unit_test(test_remains_are_not_dropped),
        cmocka_unit_test(test_json),          cmocka_unit_test(test_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
