/* SPDX-License-Identifier: MIT */
/*
 * ctest: timeout=180 serial
 *
 * The delivery contract over real TCP: two systems on one loop, a proxy before each, and a link that is cut again and again at
 * random points while numbered messages flow both ways. Cut by the system itself, by a reset or an end in the middle of a frame, by
 * an end of one direction only.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hawser/hawser.h"
#include "support_delivery.h"
#include "support_proxy.h"

#define PAYLOAD_PADDING 40u
#define BURST 3000u /* messages a millisecond, if they fit */
#define RING_MOST 30000u

struct side {
    struct hws_policy policy; /* first */
    struct bout *bout;
    uint8_t index;
    struct hws_system *system;
    struct proxy proxy;
    char address[32];
    struct hws_pid *sink, *peer;
    uint32_t sent, next;
    uint8_t *state; /* of each message sent: enum state */
    uint64_t accepted, arrived, letters, resent, duplicates;
};
enum state { ACCEPTED = 1, REFUSED = 2, ARRIVED = 4, LETTER = 8 };

struct bout {
    uv_loop_t *loop;
    uv_timer_t pump, guard;
    struct side sides[2];
    struct dice dice;
    uint32_t messages; /* each way */
    unsigned cuts, cuts_wanted, cut_links;
    uint64_t next_cut; /* at so many messages settled */
    bool queue, late;
};

static uint64_t settled(const struct bout *bout)
{
    return bout->sides[0].arrived + bout->sides[1].arrived + bout->sides[0].letters +
           bout->sides[1].letters;
}

static int sink(void *self, struct hws_context *context, const struct hws_message *message)
{
    struct side *side = self;
    struct side *from = &side->bout->sides[!side->index];
    struct number number;
    (void)context;
    if (message->kind != HWS_MESSAGE_user)
        return 0;
    if (!number_read(message->payload, &number) || number.number >= from->sent)
        fail_msg("a payload of %zu bytes is damaged", message->payload.size);
    if (number.number < side->next || from->state[number.number] & (ARRIVED | LETTER))
        fail_msg("%s: #%u came after #%u", side->address, number.number, side->next - 1);
    if (side->bout->queue && number.number != side->next)
        fail_msg("%s: #%u came, #%u is missing", side->address, number.number, side->next);
    side->next = number.number + 1;
    from->state[number.number] |= ARRIVED;
    from->arrived++;
    return 0;
}
static const struct hws_actor_ops sink_ops = { .receive = sink };

static int see_letter(struct hws_policy *policy, const struct hws_letter *letter,
                      struct hws_letter_answer *answer, struct hws_policy_error *error)
{
    struct side *side = (struct side *)(void *)policy;
    struct number number;
    (void)error;
    answer->route = HWS_LETTER_DROP;
    if (!number_read(letter->message->payload, &number) || number.from != side->index)
        fail_msg("a dead letter of %zu bytes is damaged", letter->message->payload.size);
    if (side->state[number.number] & (ARRIVED | LETTER))
        fail_msg("%s: #%u is settled and became a dead letter (%s)", side->address, number.number,
                 hws_reason_name(letter->reason));
    side->state[number.number] |= LETTER;
    side->letters++;
    return 0;
}

static int when_away(struct hws_policy *policy, const char *address,
                     enum hws_disconnected_answer *answer, struct hws_policy_error *error)
{
    (void)address;
    (void)error;
    *answer = ((struct side *)(void *)policy)->bout->queue ? HWS_DISCONNECTED_QUEUE
                                                           : HWS_DISCONNECTED_DEADLETTER;
    return 0;
}
static const struct hws_policy_ops policy_ops = { .dead_letter = see_letter,
                                                  .disconnected = when_away };

/* --- sending and cutting --- */

static bool is_armed(const struct bout *bout)
{
    return bout->sides[0].proxy.armed || bout->sides[1].proxy.armed;
}

/* Each cut has its share of the messages, and what passes until an armed proxy cuts. */
static uint32_t share(const struct bout *bout)
{
    return bout->messages / (bout->cuts_wanted + 2);
}

static uint32_t may_send(const struct bout *bout)
{
    uint32_t most = share(bout) * (bout->cuts + 1 + is_armed(bout));
    return bout->cuts >= bout->cuts_wanted || most > bout->messages ? bout->messages : most;
}

static void send_burst(struct side *side)
{
    static uint8_t room[NUMBER_MOST];
    struct hws_endpoint_statistics statistics = { 0 };
    const char *peer = side->bout->sides[!side->index].address;
    hws_statistics(side->system, peer, &statistics);
    uint32_t until = may_send(side->bout);
    for (unsigned i = 0; i < BURST && side->sent < until && statistics.queue_size + i < RING_MOST;
         i++) {
        size_t size = number_write(
            room, &(struct number){ 'm', side->index, !side->index, side->sent }, PAYLOAD_PADDING);
        uint32_t number = side->sent++;
        int error =
            hws_send(side->system, side->peer,
                     &(struct hws_message){ .payload = { room, size }, .sender = side->sink });
        side->state[number] |= error ? REFUSED : ACCEPTED;
        side->accepted += !error;
        if (error)
            return; /* away: try again in a millisecond */
    }
}

static bool is_up(struct bout *bout)
{
    struct hws_endpoint_statistics statistics;
    for (int i = 0; i < 2; i++)
        if (hws_statistics(bout->sides[i].system, bout->sides[!i].address, &statistics) ||
            statistics.state != HWS_ENDPOINT_connected)
            return false;
    return true;
}

static bool is_drained(struct bout *bout)
{
    struct hws_endpoint_statistics statistics;
    for (int i = 0; i < 2; i++)
        if (hws_statistics(bout->sides[i].system, bout->sides[!i].address, &statistics) ||
            statistics.queue_size)
            return false;
    return true;
}

static void cut(struct bout *bout)
{
    uint64_t side = dice_roll(&bout->dice, 2);
    if (dice_chance(&bout->dice, 4)) {
        bout->cut_links += hws_cut_link(bout->sides[side].system, bout->sides[!side].address) == 0;
        return;
    }
    uint64_t budget =
        dice_roll(&bout->dice, dice_chance(&bout->dice, 3) ? 300 : share(bout) * PAYLOAD_PADDING);
    /* Which proxy the link goes through depends on who dialled: both are armed, and the other one is disarmed when one has cut. */
    enum proxy_end end = (enum proxy_end)dice_roll(&bout->dice, 3);
    proxy_arm(&bout->sides[0].proxy, budget, end);
    proxy_arm(&bout->sides[1].proxy, budget, end);
}

static void count_cuts(struct bout *bout)
{
    unsigned cuts = bout->sides[0].proxy.ended + bout->sides[1].proxy.ended + bout->cut_links;
    if (cuts == bout->cuts)
        return;
    bout->cuts = cuts;
    bout->sides[0].proxy.armed = bout->sides[1].proxy.armed = false;
}

static void on_pump(uv_timer_t *timer)
{
    struct bout *bout = timer->data;
    uint64_t total = (uint64_t)bout->messages * 2;
    for (int i = 0; i < 2; i++)
        send_burst(&bout->sides[i]);
    count_cuts(bout);
    if (!is_armed(bout) && bout->cuts < bout->cuts_wanted && settled(bout) >= bout->next_cut &&
        is_up(bout)) {
        cut(bout);
        count_cuts(bout);
        bout->next_cut =
            (uint64_t)share(bout) * bout->cuts * 2 + dice_roll(&bout->dice, share(bout));
    }
    if (settled(bout) == total && is_drained(bout))
        uv_timer_stop(&bout->pump);
}

static void on_late(uv_timer_t *timer)
{
    ((struct bout *)timer->data)->late = true;
}

/* --- a bout --- */

static void begin(struct bout *bout, uint8_t index)
{
    struct side *side = &bout->sides[index];
    struct hws_options options;
    char listen[32], text[256] = "";
    int port = proxy_free_port(bout->loop);
    assert_int_equal(proxy_start(&side->proxy, bout->loop, port), 0);
    *side = (struct side){ .policy = { .ops = &policy_ops, .name = "test" },
                           .bout = bout,
                           .index = index,
                           .proxy = side->proxy };
    side->state = calloc(bout->messages, 1);
    snprintf(listen, sizeof listen, "127.0.0.1:%d", port);
    snprintf(side->address, sizeof side->address, "127.0.0.1:%d", side->proxy.port);
    hws_options_init(&options);
    options.name = index ? "beta" : "alpha";
    options.listen = listen;
    options.advertise = side->address;
    options.policy = &side->policy;
    options.reconnect_max_retries = 0;
    options.reconnect_initial = HWS_MILLISECOND;
    options.reconnect_max = 20 * HWS_MILLISECOND;
    if (hws_system_new(&options, &side->system, text, sizeof text) ||
        hws_loop_attach(side->system, bout->loop) || hws_start(side->system, text, sizeof text))
        fail_msg("%s", text);
    assert_int_equal(hws_spawn_named(side->system, "sink", &sink_ops, side, &side->sink), 0);
}

static void run_until_pumped(struct bout *bout, uint64_t seconds)
{
    uv_timer_init(bout->loop, &bout->pump);
    uv_timer_init(bout->loop, &bout->guard);
    bout->pump.data = bout->guard.data = bout;
    uv_timer_start(&bout->pump, on_pump, 1, 1);
    uv_timer_start(&bout->guard, on_late, seconds * 1000, 0);
    while (uv_is_active((uv_handle_t *)&bout->pump) && !bout->late)
        uv_run(bout->loop, UV_RUN_ONCE);
    if (bout->late)
        for (int i = 0; i < 2; i++)
            print_error("%s: %u sent, %llu arrived, %llu letters\n", bout->sides[i].address,
                        bout->sides[i].sent, (unsigned long long)bout->sides[i].arrived,
                        (unsigned long long)bout->sides[i].letters);
    assert_false(bout->late);
}

static void end(struct bout *bout)
{
    uv_close((uv_handle_t *)&bout->pump, NULL);
    uv_close((uv_handle_t *)&bout->guard, NULL);
    for (int i = 0; i < 2; i++) {
        struct side *side = &bout->sides[i];
        struct hws_endpoint_statistics statistics;
        if (hws_statistics(side->system, bout->sides[!i].address, &statistics) == 0) {
            side->resent = statistics.resent;
            side->duplicates = statistics.duplicates;
        }
        hws_pid_release(side->sink);
        hws_pid_release(side->peer);
        proxy_stop(&side->proxy);
    }
    for (int i = 0; i < 2; i++)
        hws_stop(bout->sides[i].system, "done", 0);
    while (!hws_is_stopped(bout->sides[0].system) || !hws_is_stopped(bout->sides[1].system))
        uv_run(bout->loop, UV_RUN_ONCE);
    for (int i = 0; i < 2; i++)
        hws_system_free(bout->sides[i].system);
    uv_run(bout->loop, UV_RUN_DEFAULT);
    assert_int_equal(bout->sides[0].proxy.open + bout->sides[1].proxy.open, 0);
    assert_int_equal(uv_loop_close(bout->loop), 0);
}

static void fight(bool queue, uint32_t messages, unsigned cuts)
{
    uv_loop_t loop;
    struct bout *bout = calloc(1, sizeof *bout);
    assert_int_equal(uv_loop_init(&loop), 0);
    *bout = (struct bout){ .loop = &loop,
                           .dice = { messages },
                           .messages = messages,
                           .cuts_wanted = cuts,
                           .queue = queue };
    begin(bout, 0);
    begin(bout, 1);
    for (int i = 0; i < 2; i++)
        assert_int_equal(hws_pid_make(bout->sides[i].system, bout->sides[!i].address, "sink",
                                      &bout->sides[i].peer),
                         0);
    run_until_pumped(bout, 120);
    for (int i = 0; i < 2; i++)
        for (uint32_t n = 0; n < messages; n++) {
            uint8_t state = bout->sides[i].state[n];
            if (state != (ACCEPTED | ARRIVED) && (queue || state != (REFUSED | LETTER)))
                fail_msg("%s: #%u ended in state %u", bout->sides[i].address, n, state);
        }
    end(bout);
    for (int i = 0; i < 2; i++) {
        struct side *side = &bout->sides[i];
        print_message(
            "%s: %llu accepted, %llu arrived, %llu dead letters, %llu resent, %llu duplicates dropped\n",
            i ? "beta" : "alpha", (unsigned long long)side->accepted,
            (unsigned long long)side->arrived, (unsigned long long)side->letters,
            (unsigned long long)side->resent, (unsigned long long)side->duplicates);
        assert_true(queue || side->letters > 0);
        free(side->state);
    }
    print_message("%u cuts, %u of them by call, the others by the proxies\n", bout->cuts,
                  bout->cut_links);
    assert_true(bout->cuts >= cuts);
    free(bout);
}

static void test_queued_messages_arrive_once_in_order(void **state)
{
    (void)state;
    fight(true, 1000000, 200);
}

static void test_messages_arrive_or_are_dead_letters(void **state)
{
    (void)state;
    fight(false, 100000, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_queued_messages_arrive_once_in_order),
                                        cmocka_unit_test(
                                            test_messages_arrive_or_are_dead_letters) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
