/* SPDX-License-Identifier: MIT */
/* What a peer may write to "$services": requests that lie, break off, name others, come in floods. Nothing is harmed, all is answered. */
#include "support_rig.h"

#include <stdio.h>
#include <string.h>

#include "actor/roster.h"
#include "wire/service.h"

#define BYTES(text) text, sizeof text - 1

struct fixture {
    struct rig rig;
    struct rig_link *link;
    unsigned made, released, kind_released;
    uint64_t request;
    bool unregister, take_name;
};
static struct fixture fixture;

static int receive(void *self, struct hws_context *context, const struct hws_message *message)
{
    (void)self;
    (void)context;
    (void)message;
    return 0;
}
/* What a kind's `data` holds its actors may use until their end. */
static void on_released(void *self)
{
    if (self)
        assert_int_equal(fixture.kind_released, 0);
    fixture.released++;
}
static const struct hws_actor_ops ops = { .receive = receive, .released = on_released };

static int make(void *data, const struct hws_kind_request *request,
                struct hws_kind_product *product, char *detail, size_t capacity)
{
    (void)data;
    (void)detail;
    (void)capacity;
    if (fixture.unregister)
        assert_int_equal(hws_unregister_kind(fixture.rig.system, request->kind), 0);
    if (fixture.take_name)
        assert_int_equal(hws_spawn_named(fixture.rig.system, request->name, &ops, NULL, NULL), 0);
    product->ops = &ops;
    product->self = &fixture;
    fixture.made++;
    return 0;
}
static void kind_released(void *data)
{
    (void)data;
    fixture.kind_released++;
}
static const struct hws_kind_ops kind_ops = { .make = make, .released = kind_released };

static void connect_and_allow(const char *pattern)
{
    struct hwsi_hello peer = rig_peer(7, 8);
    memset(&fixture, 0, sizeof fixture);
    rig_start_default(&fixture.rig);
    fixture.link = rig_connect(&fixture.rig, &peer);
    assert_int_equal(hws_register_kind(fixture.rig.system, "k", &kind_ops, NULL), 0);
    if (pattern) {
        assert_int_equal(hws_allow_kind(fixture.rig.system, "k", &pattern, 1), 0);
        assert_int_equal(hws_allow_diagnostics(fixture.rig.system, &pattern, 1), 0);
    }
}

static void ask_as(const char *sender, const void *payload, size_t size)
{
    struct hwsi_deliver deliver = { .target = { .text = hws_slice_text("$services") },
                                    .request_id = ++fixture.request,
                                    .payload = hws_slice_of(payload, size) };
    if (sender)
        deliver.sender.text = hws_slice_text(sender);
    rig_deliver(fixture.link, &deliver);
    rig_turn(&fixture.rig);
}

/* The answer to the last request, or a dead letter's reason as a negative number. */
static int answer(struct hwsi_service_answer *out)
{
    struct hws_slice body;
    int kind;
    while ((kind = rig_frame(fixture.link, &body)) >= 0) {
        struct hwsi_deliver deliver;
        struct hwsi_system_message message;
        if (kind == HWSI_FRAME_DELIVER) {
            assert_int_equal(hwsi_deliver_decode(body, &deliver), 0);
            assert_int_equal(deliver.request_id, fixture.request);
            assert_int_equal(hwsi_service_answer_decode(deliver.payload, out), 0);
            return 0;
        }
        if (kind == HWSI_FRAME_SYSTEM) {
            assert_int_equal(hwsi_system_message_decode(body, &message), 0);
            assert_int_equal(message.number, fixture.request);
            return -(int)message.reason;
        }
    }
    fail_msg("no answer");
    return 0;
}

static bool says(struct hws_slice text, const char *wanted)
{
    return text.size == strlen(wanted) && memcmp(text.data, wanted, text.size) == 0;
}

static void ask(const struct hwsi_service_request *request)
{
    uint8_t bytes[1024];
    assert_true(hwsi_service_request_bound(request) <= sizeof bytes);
    ask_as(NULL, bytes, hwsi_service_request_encode(bytes, request));
}

static void expect_error(const char *code)
{
    struct hwsi_service_answer got;
    assert_int_equal(answer(&got), 0);
    assert_true(says(got.status, "error"));
    assert_true(says(got.code, code));
    assert_true(got.detail.size > 0);
}

static const struct hwsi_service_request spawn_k = { .request = { (const uint8_t *)"spawn", 5 },
                                                     .kind = { (const uint8_t *)"k", 1 } };

static void test_garbage(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
    } payloads[] = {
        { BYTES("\xc0") },                                         /* nil */
        { BYTES("\x80") },                                         /* asks nothing */
        { BYTES("\x93\xa1x\x01\xc0") },                            /* no map */
        { BYTES("\x81\xa7request\x05") },                          /* a number for a text */
        { BYTES("\x82\xa7request\xa5spawn\xa7request\xa5spawn") }, /* twice */
        { BYTES("\x81\xa7request\xa4live") },                      /* unknown */
        { BYTES("\xdf\x00\x00\x00\x00") },                         /* an empty map, longest form */
        { BYTES("\x82\xa7request\xa5spawn\xa4kind\xc4\x01k") },    /* bin for a text */
    };
    (void)state;
    connect_and_allow("*");
    for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++) {
        struct hwsi_service_answer got;
        ask_as(NULL, payloads[i].bytes, payloads[i].size);
        assert_int_equal(answer(&got), 0);
        assert_true(says(got.status, "error"));
    }
    /* What asks for no answer gets none, and a stop stops nobody for long. */
    struct hwsi_deliver deliver = { .target = { .text = hws_slice_text("$services") },
                                    .payload = rig_value() };
    rig_deliver(fixture.link, &deliver);
    rig_system(fixture.link, HWSI_SYSTEM_STOP, "$services", NULL, 0, 0);
    rig_turn(&fixture.rig);
    ask(&spawn_k);
    struct hwsi_service_answer got;
    assert_int_equal(answer(&got), 0);
    assert_true(says(got.status, "ok"));
    assert_int_equal(fixture.made, 1);
    rig_end(&fixture.rig);
    assert_int_equal(fixture.released, 1);
    assert_int_equal(fixture.kind_released, 1);
}

static void test_names(void **state)
{
    static const char *const bad[] = { "", "$1", "$services", "a/b", "a b", "x://y", "\xff" };
    char longest[HWS_ID_MAX + 2] = "";
    (void)state;
    connect_and_allow("*");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct hwsi_service_request request = spawn_k;
        request.name = hws_slice_text(bad[i]);
        ask(&request);
        expect_error("EINVAL");
    }
    memset(longest, 'n', HWS_ID_MAX + 1);
    struct hwsi_service_request request = spawn_k;
    request.name = hws_slice_text(longest);
    ask(&request);
    expect_error("EINVAL");
    request.name.size--;
    struct hwsi_service_answer got;
    ask(&request);
    assert_int_equal(answer(&got), 0);
    assert_true(says(got.status, "ok"));
    ask(&request);
    assert_int_equal(answer(&got), 0);
    assert_true(says(got.status, "process_name_already_exists"));
    assert_int_equal(got.id.size, HWS_ID_MAX);
    assert_int_equal(fixture.made, 1);
    rig_end(&fixture.rig);
}

/* A request that says it comes from a third system is judged, and answered, as the peer's own. */
static void test_third_party(void **state)
{
    (void)state;
    connect_and_allow("third:*");
    ask_as("hawser.tcp://third:1/$system", BYTES("\x82\xa7request\xa5spawn\xa4kind\xa1k"));
    expect_error("EACCESS");
    assert_int_equal(fixture.made, 0);
    const struct rig_event *event = rig_event(&fixture.rig, HWS_EVENT_ServiceRefused, 0);
    assert_string_equal(event->address, RIG_PEER);
    assert_string_equal(event->reason, "not_allowed");
    rig_end(&fixture.rig);
}

/* Names and addresses are two things: a system can not be named like an address. */
static void test_allow(void **state)
{
    static const struct {
        const char *pattern;
        bool open;
    } cases[] = { { "peer", true },   { "peer:1", true }, { "p?er", true }, { "peer:*", true },
                  { "*", true },      { "*:*", true },    { "pee", false }, { "peer:2", false },
                  { "here*", false }, { "eer", false },   { "p*1", false } };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct hwsi_service_answer got;
        connect_and_allow(cases[i].pattern);
        ask(&spawn_k);
        assert_int_equal(answer(&got), 0);
        assert_true(says(got.status, cases[i].open ? "ok" : "error"));
        assert_int_equal(hws_allow_kind(fixture.rig.system, "k", NULL, 0), 0);
        ask(&spawn_k);
        expect_error("EACCESS");
        rig_end(&fixture.rig);
    }
    connect_and_allow(NULL);
    const char *none = "";
    assert_int_equal(hws_allow_kind(fixture.rig.system, "k", &none, 1), HWS_EINVAL);
    assert_int_equal(hws_allow_kind(fixture.rig.system, "x", NULL, 0), HWS_ENOTFOUND);
    assert_int_equal(hws_register_kind(fixture.rig.system, "k", &kind_ops, NULL), HWS_EEXIST);
    assert_int_equal(hws_register_kind(fixture.rig.system, "a b", &kind_ops, NULL), HWS_EINVAL);
    rig_end(&fixture.rig);
}

static void test_unknown_kind(void **state)
{
    struct hwsi_service_answer got;
    struct hwsi_service_request request = spawn_k;
    (void)state;
    connect_and_allow("*");
    request.kind = hws_slice_text("nothing");
    ask(&request);
    assert_int_equal(answer(&got), -HWS_REASON_no_such_kind);
    assert_string_equal(rig_event(&fixture.rig, HWS_EVENT_DeadLetter, 0)->reason, "no_such_kind");
    rig_end(&fixture.rig);
}

/* A constructor that unregisters its kind, or takes the name itself. */
static void test_wild_constructor(void **state)
{
    struct hwsi_service_answer got;
    struct hwsi_service_request request = spawn_k;
    (void)state;
    connect_and_allow("*");
    fixture.take_name = true;
    request.name = hws_slice_text("mine");
    ask(&request);
    expect_error("EEXIST");
    assert_int_equal(fixture.released, 1);
    fixture.take_name = false;
    fixture.unregister = true;
    ask(&spawn_k);
    assert_int_equal(answer(&got), 0);
    assert_true(says(got.status, "ok"));
    assert_int_equal(fixture.kind_released, 0); /* one of it lives */
    rig_end(&fixture.rig);
    assert_int_equal(fixture.kind_released, 1);
}

/* Lists are answered one a turn, so that a flood of them keeps nobody waiting. */
static void test_flood_of_lists(void **state)
{
    struct hwsi_service_request request = { .request = hws_slice_text("processes") };
    uint8_t bytes[256];
    (void)state;
    connect_and_allow("*");
    struct hwsi_deliver deliver = { .target = { .text = hws_slice_text("$services") },
                                    .request_id = 5,
                                    .payload = { bytes,
                                                 hwsi_service_request_encode(bytes, &request) } };
    for (int i = 0; i < 10; i++)
        rig_deliver(fixture.link, &deliver);
    for (int i = 0; i < 10; i++) {
        struct hws_slice body;
        unsigned answers = 0;
        hws_turn(fixture.rig.system);
        for (int kind; (kind = rig_frame(fixture.link, &body)) >= 0;)
            answers += kind == HWSI_FRAME_DELIVER;
        assert_int_equal(answers, 1);
    }
    rig_end(&fixture.rig);
}

/* The same for what is asked about an actor that many watch: they are counted one by one. */
static void test_flood_of_diagnostics(void **state)
{
    struct hwsi_service_request request = { .request = hws_slice_text("diagnostics"),
                                            .id = { (const uint8_t *)"star", 4 } };
    uint8_t bytes[256];
    char watcher[16];
    (void)state;
    connect_and_allow("*");
    assert_int_equal(hws_spawn_named(fixture.rig.system, "star", &ops, NULL, NULL), 0);
    for (int i = 0; i < 2000; i++) {
        (void)snprintf(watcher, sizeof watcher, "w%d", i);
        rig_system(fixture.link, HWSI_SYSTEM_WATCH, "star", watcher, 0, 0);
    }
    struct hwsi_deliver deliver = { .target = { .text = hws_slice_text("$services") },
                                    .request_id = 5,
                                    .payload = { bytes,
                                                 hwsi_service_request_encode(bytes, &request) } };
    rig_turn(&fixture.rig);
    for (int i = 0; i < 3; i++)
        rig_deliver(fixture.link, &deliver);
    for (int i = 0; i < 3; i++) {
        struct hws_slice body;
        unsigned answers = 0;
        hws_turn(fixture.rig.system);
        for (int kind; (kind = rig_frame(fixture.link, &body)) >= 0;)
            answers += kind == HWSI_FRAME_DELIVER;
        assert_int_equal(answers, 1);
    }
    rig_end(&fixture.rig);
}

/* A full page fits into the smallest frame of the two sides, whatever that is. */
static void test_pages_and_frames(void **state)
{
    static const uint64_t limits[] = { 1024, 2000, 65535, 65536, 65537, 66000, 70000 };
    char name[HWS_ID_MAX + 1];
    (void)state;
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct hwsi_hello peer = rig_peer(7, 8);
        const char *everybody = "*";
        struct hwsi_service_answer got;
        memset(&fixture, 0, sizeof fixture);
        rig_start_default(&fixture.rig);
        peer.max_frame_size = limits[i];
        fixture.link = rig_connect(&fixture.rig, &peer);
        assert_int_equal(hws_allow_diagnostics(fixture.rig.system, &everybody, 1), 0);
        for (int j = 0; j < 400; j++) {
            (void)snprintf(name, sizeof name, "%0*d", (int)HWS_ID_MAX, j);
            assert_int_equal(hws_spawn_named(fixture.rig.system, name, &ops, NULL, NULL), 0);
        }
        uint64_t cursor = 0, count, listed = 0;
        do {
            struct hws_slice rest;
            ask(&(struct hwsi_service_request){
                .request = hws_slice_text("processes"), .cursor = cursor, .limit = 1000 });
            assert_int_equal(answer(&got), 0);
            assert_true(says(got.status, "ok"));
            assert_int_equal(hwsi_service_texts(got.processes, &count, &rest), 0);
            assert_true(got.next == 0 || got.next > cursor);
            listed += count;
            cursor = got.next;
        } while (cursor);
        assert_int_equal(listed, 401); /* "$services" too */
        rig_end(&fixture.rig);
    }
}

/* Whatever allocation fails, nobody is half made. */
static void test_memory(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 40; n++) {
        connect_and_allow("*");
        fixture.rig.fail_in = n;
        ask(&spawn_k);
        fixture.rig.fail_in = 0;
        rig_turn(&fixture.rig);
        struct hws_system_statistics statistics;
        hws_system_statistics(fixture.rig.system, &statistics);
        assert_true(fixture.made - fixture.released == 0 || statistics.actors == 2);
        rig_end(&fixture.rig);
        assert_int_equal(fixture.made, fixture.released);
        assert_int_equal(fixture.kind_released, 1);
    }
}

/* --- answers that lie --- */

static struct hws_spawned spawned;
static void on_spawned(void *data, int status, const struct hws_message *response)
{
    hws_read_spawned(data, status, response, &spawned);
    hws_pid_release(spawned.pid);
}

static enum hws_spawn_status answered_with(const char *payload, size_t size)
{
    struct hws_slice body;
    struct hwsi_deliver got = { 0 };
    assert_int_equal(hws_spawn_remote(fixture.rig.system, RIG_PEER, "k", NULL, on_spawned,
                                      fixture.rig.system, NULL),
                     0);
    rig_turn(&fixture.rig);
    while (rig_frame(fixture.link, &body) >= 0)
        if (hwsi_frame_kind(body) == HWSI_FRAME_DELIVER)
            assert_int_equal(hwsi_deliver_decode(body, &got), 0);
    struct hwsi_deliver deliver = { .request_id = got.request_id,
                                    .payload = hws_slice_of(payload, size) };
    rig_deliver(fixture.link, &deliver);
    rig_turn(&fixture.rig);
    return spawned.status;
}

static void test_lying_answers(void **state)
{
    (void)state;
    connect_and_allow(NULL);
    assert_int_equal(answered_with(BYTES("\x82\xa6status\xa2ok\xa2id\xa1x")), HWS_SPAWN_ok);
    assert_int_equal(answered_with(BYTES("\xc0")), HWS_SPAWN_error);
    assert_int_equal(spawned.error, HWS_EDECODE);
    assert_int_equal(answered_with(BYTES("\x81\xa6status\xa2ok")), HWS_SPAWN_error); /* no id */
    assert_int_equal(answered_with(BYTES("\x82\xa6status\xa2ok\xa2id\xa3x y")), HWS_SPAWN_error);
    assert_int_equal(answered_with(BYTES("\x82\xa6status\xa2ok\xa6status\xa2ok")), HWS_SPAWN_error);
    assert_int_equal(spawned.error, HWS_EDECODE);
    assert_int_equal(answered_with(BYTES("\x83\xa6status\xa2ok\xa2id\xa1x\xa2id\xa1y")),
                     HWS_SPAWN_error);
    assert_int_equal(spawned.error, HWS_EDECODE);
    assert_int_equal(answered_with(BYTES("\x81\xa6status\xa4what")), HWS_SPAWN_error);
    assert_int_equal(spawned.error, HWS_EFAILED);
    assert_int_equal(answered_with(BYTES("\x83\xa6status\xabunavailable\xa4"
                                         "code\xa5"
                                         "EFULL\xa6"
                                         "detail\xa2\n\x01")),
                     HWS_SPAWN_unavailable);
    assert_int_equal(spawned.error, HWS_EFULL);
    assert_string_equal(spawned.detail, "??");
    rig_end(&fixture.rig);
}

static struct hws_process_page page;
static int page_ids;
static void on_page(void *data, int status, const struct hws_message *response)
{
    struct hws_pid *pid;
    (void)data;
    hws_read_processes(status, response, &page);
    page_ids = 0;
    while (hws_next_process(&page, &pid) == 0) {
        page_ids++;
        hws_pid_release(pid);
    }
}

static void test_lying_pages(void **state)
{
    static const char many[] = "\x82\xa6status\xa2ok\xa9processes\xdd\xff\xff\xff\xff";
    (void)state;
    connect_and_allow(NULL);
    struct hws_message response = { .payload = hws_slice_of(
                                        BYTES("\x82\xa6status\xa2ok\xa9processes\x92\xa1"
                                              "a\x05")) };
    assert_int_equal(hws_pid_make(fixture.rig.system, RIG_PEER, "x", &response.who), 0);
    on_page(NULL, 0, &response);
    assert_int_equal(page.error, 0);
    assert_int_equal(page_ids, 1); /* the second is no text */
    response.payload = hws_slice_of(BYTES("\x82\xa6status\xa2ok\xa9processes\xa1"
                                          "a"));
    on_page(NULL, 0, &response);
    assert_int_equal(page.error, HWS_EDECODE);
    response.payload = hws_slice_of(BYTES("\x81\xa6status\xa2ok")); /* no list at all */
    on_page(NULL, 0, &response);
    assert_int_equal(page.error, HWS_EDECODE);
    response.payload = hws_slice_of(BYTES(many));
    on_page(NULL, 0, &response);
    assert_int_equal(page.error, HWS_EDECODE);
    /* More than any question asks for: whoever takes them would hold a PID for every two bytes of a frame. */
    static uint8_t full[30 + 2 * (HWS_PAGE_MAX + 1)];
    static const char head[] = "\x82\xa6status\xa2ok\xa9processes\xdc";
    for (unsigned count = HWS_PAGE_MAX; count <= HWS_PAGE_MAX + 1; count++) {
        size_t size = sizeof head - 1;
        memcpy(full, head, size);
        full[size++] = (uint8_t)(count >> 8);
        full[size++] = (uint8_t)count;
        for (unsigned i = 0; i < count; i++) {
            full[size++] = 0xa1;
            full[size++] = 'a';
        }
        response.payload = hws_slice_of(full, size);
        on_page(NULL, 0, &response);
        assert_int_equal(page.error, count > HWS_PAGE_MAX ? HWS_EDECODE : 0);
        assert_int_equal(page_ids, count > HWS_PAGE_MAX ? 0 : HWS_PAGE_MAX);
    }
    hws_pid_release(response.who);
    rig_end(&fixture.rig);
}

/* --- the roster --- */

static void test_roster(void **state)
{
    static char people[2000];
    uint64_t numbers[2000];
    struct hwsi_roster roster = { .heap = hwsi_heap_new(hws_default_allocator()) };
    uint64_t held = roster.heap->held;
    (void)state;
    for (size_t i = 0; i < 2000; i++) {
        assert_int_equal(hwsi_roster_reserve(&roster), 0);
        numbers[i] = hwsi_roster_add(&roster, (struct hws_context *)(void *)&people[i]);
    }
    size_t capacity = roster.capacity;
    for (size_t i = 0; i < 2000; i++)
        if (i % 100)
            hwsi_roster_remove(&roster, numbers[i]);
    assert_true(roster.capacity < capacity / 8);
    size_t index = hwsi_roster_after(&roster, numbers[500]), found = 0;
    const struct hwsi_roster_entry *entry;
    uint64_t last = numbers[500];
    while ((entry = hwsi_roster_next(&roster, &index))) {
        assert_true(entry->number > last);
        last = entry->number;
        found += entry->actor != NULL;
    }
    assert_int_equal(found, 14);
    assert_int_equal(hwsi_roster_after(&roster, UINT64_MAX), roster.used);
    hwsi_roster_free(&roster);
    assert_int_equal(roster.heap->held, held);
    hwsi_heap_release(roster.heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_garbage),          cmocka_unit_test(test_names),
        cmocka_unit_test(test_third_party),      cmocka_unit_test(test_allow),
        cmocka_unit_test(test_unknown_kind),     cmocka_unit_test(test_wild_constructor),
        cmocka_unit_test(test_flood_of_lists),   cmocka_unit_test(test_memory),
        cmocka_unit_test(test_lying_answers),    cmocka_unit_test(test_lying_pages),
        cmocka_unit_test(test_roster),           cmocka_unit_test(test_flood_of_diagnostics),
        cmocka_unit_test(test_pages_and_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
