/* SPDX-License-Identifier: MIT */
/* Parents and children: ids, what a failure at each depth leads to, the order in which a tree ends, and its bounds. */
#include "support_rig.h"

#include <stdio.h>
#include <string.h>

/* An actor that starts its children and fails at each message; the log gets its name with what happens to it. */
struct node {
    const char *name;
    struct node *children[3];
    enum hws_supervision supervision;
    uint64_t restart_limit, restart_window;
    struct hws_context *context;
    bool waits, refused, cannot_start;
    unsigned released, terminated[HWS_TERMINATED_COUNT];
};
static char journal[256];

static void note(const struct node *node, const char *what)
{
    size_t used = strlen(journal);
    snprintf(journal + used, sizeof journal - used, "%s%s", node->name, what);
}

static const struct hws_actor_ops ops;

static int spawn_child(struct hws_context *parent, struct node *node)
{
    return hws_context_spawn(parent, &ops, node,
                             &(struct hws_spawn_options){ .name = node->name,
                                                          .supervision = node->supervision,
                                                          .restart_limit = node->restart_limit,
                                                          .restart_window = node->restart_window },
                             NULL);
}

static int node_started(void *data, struct hws_context *context)
{
    struct node *node = data;
    node->context = context;
    if (node->cannot_start)
        return HWS_EFAILED;
    note(node, "+");
    for (struct node **child = node->children; *child; child++)
        assert_int_equal(spawn_child(context, *child), 0);
    return 0;
}
static int node_receive(void *data, struct hws_context *context, const struct hws_message *message)
{
    struct node *node = data;
    if (message->kind == HWS_MESSAGE_terminated)
        node->terminated[message->reason]++;
    if (message->kind != HWS_MESSAGE_user)
        return 0;
    if (node->waits) {
        hws_context_suspend(context);
        return 0;
    }
    note(node, "!");
    return HWS_EFAILED;
}
static void node_stopped(void *data, struct hws_context *context)
{
    static struct node late = { .name = "late" };
    struct node *node = data;
    note(node, "-");
    node->refused = spawn_child(context, &late) == HWS_ECLOSED;
}
static void node_released(void *data)
{
    struct node *node = data;
    node->released++;
    node->context = NULL;
}
static const struct hws_actor_ops ops = { .receive = node_receive,
                                          .started = node_started,
                                          .stopped = node_stopped,
                                          .released = node_released };

/* a has b and c, b has d. */
struct tree {
    struct rig rig;
    struct node a, b, c, d;
};

static void tree_new(struct tree *tree)
{
    memset(tree, 0, sizeof *tree);
    rig_start_default(&tree->rig);
    tree->a = (struct node){ .name = "a", .children = { &tree->b, &tree->c } };
    tree->b = (struct node){ .name = "b", .children = { &tree->d } };
    tree->c = (struct node){ .name = "c" };
    tree->d = (struct node){ .name = "d" };
}

static void tree_start(struct tree *tree)
{
    journal[0] = 0;
    assert_int_equal(
        hws_spawn(tree->rig.system, &ops, &tree->a,
                  &(struct hws_spawn_options){ .name = "a", .supervision = tree->a.supervision },
                  NULL),
        0);
    rig_turn(&tree->rig);
    assert_string_equal(journal, "a+b+c+d+");
    journal[0] = 0;
}

static void stop(struct tree *tree, const char *id)
{
    struct hws_pid *pid = rig_pid(&tree->rig, id);
    assert_int_equal(hws_stop_actor(tree->rig.system, pid), 0);
    hws_pid_release(pid);
}

#define RESUME HWS_SUPERVISE_resume
#define RESTART HWS_SUPERVISE_restart
#define STOP HWS_SUPERVISE_stop
#define ESCALATE HWS_SUPERVISE_escalate

/* Who fails, what a, b and d do about a failure, and all that comes of it. */
static void test_directives(void **state)
{
    static const struct {
        const char *id;
        enum hws_supervision a, b, d;
        const char *journal;
        size_t failures, left;
    } cases[] = {
        { "a/b/d", STOP, STOP, RESUME, "d!", 1, 4 },
        { "a/b/d", STOP, STOP, RESTART, "d!d+", 1, 4 },
        { "a/b/d", STOP, STOP, STOP, "d!d-", 1, 3 },
        { "a/b/d", STOP, RESUME, ESCALATE, "d!d-", 2, 3 },
        { "a/b/d", STOP, RESTART, ESCALATE, "d!d-b+d+", 2, 4 },
        { "a/b/d", RESTART, STOP, ESCALATE, "d!d-b-", 2, 2 },
        { "a/b/d", RESUME, ESCALATE, ESCALATE, "d!d-b-", 3, 2 },
        { "a/b/d", RESTART, ESCALATE, ESCALATE, "d!d-b-c-a+b+c+d+", 3, 4 },
        { "a/b/d", ESCALATE, ESCALATE, ESCALATE, "d!d-b-c-a-", 3, 0 },
        { "a/b", STOP, RESUME, STOP, "b!", 1, 4 },
        { "a/b", STOP, RESTART, STOP, "b!d-b+d+", 1, 4 },
        { "a/b", RESTART, STOP, RESTART, "b!d-b-", 1, 2 },
        { "a/b", RESUME, ESCALATE, RESUME, "b!d-b-", 2, 2 },
        { "a", RESUME, STOP, STOP, "a!", 1, 4 },
        { "a", RESTART, RESUME, RESUME, "a!c-d-b-a+b+c+d+", 1, 4 },
        { "a", STOP, RESTART, RESTART, "a!c-d-b-a-", 1, 0 },
        { "a", ESCALATE, RESTART, RESTART, "a!c-d-b-a-", 1, 0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        static struct tree tree;
        struct hws_system_statistics statistics;
        tree_new(&tree);
        tree.a.supervision = cases[i].a;
        tree.b.supervision = cases[i].b;
        tree.d.supervision = cases[i].d;
        tree_start(&tree);
        assert_int_equal(rig_send(&tree.rig, cases[i].id), 0);
        rig_turn(&tree.rig);
        assert_string_equal(journal, cases[i].journal);
        assert_int_equal(rig_count(&tree.rig, HWS_EVENT_ActorFailed), cases[i].failures);
        hws_system_statistics(tree.rig.system, &statistics);
        assert_int_equal(statistics.actors, cases[i].left);
        rig_end(&tree.rig);
        assert_int_equal(tree.a.released, 1);
    }
}

static void test_escalated_failure_says_whose_it_is(void **state)
{
    static struct tree tree;
    (void)state;
    tree_new(&tree);
    tree.d.supervision = ESCALATE;
    tree_start(&tree);
    rig_send(&tree.rig, "a/b/d");
    rig_turn(&tree.rig);
    assert_string_equal(rig_event(&tree.rig, HWS_EVENT_ActorFailed, 1)->reason, "escalate");
    assert_string_equal(rig_event(&tree.rig, HWS_EVENT_ActorFailed, 0)->reason, "resume");
    assert_string_equal(rig_event(&tree.rig, HWS_EVENT_ActorFailed, 0)->detail,
                        "child a/b/d failed: the handler failed");
    rig_end(&tree.rig);
}

/* A handler that waits goes on waiting when its actor is resumed, and not when it is restarted. */
static void test_escalation_to_one_that_waits(void **state)
{
    static const enum hws_supervision ways[] = { RESUME, RESTART };
    (void)state;
    for (int i = 0; i < 2; i++) {
        static struct tree tree;
        tree_new(&tree);
        tree.b.supervision = ways[i];
        tree.b.waits = true;
        tree.d.supervision = ESCALATE;
        tree_start(&tree);
        rig_send(&tree.rig, "a/b");
        rig_turn(&tree.rig);
        rig_send(&tree.rig, "a/b/d");
        rig_turn(&tree.rig);
        assert_string_equal(journal, i ? "d!d-b+d+" : "d!d-");
        tree.b.waits = false;
        rig_send(&tree.rig, "a/b");
        rig_turn(&tree.rig);
        assert_string_equal(journal, i ? "d!d-b+d+b!d-b+d+" : "d!d-");
        if (i == 0)
            hws_context_resume(tree.b.context);
        rig_turn(&tree.rig);
        assert_non_null(strstr(journal, "b!"));
        rig_end(&tree.rig);
    }
}

/* A child that ends with its parent's restart, and fails as it does, is no second failure of the parent's. */
static void test_escalation_to_one_that_restarts(void **state)
{
    static struct tree tree;
    (void)state;
    tree_new(&tree);
    tree.a.supervision = RESTART;
    tree.b.supervision = ESCALATE;
    tree.b.waits = true;
    tree_start(&tree);
    rig_send(&tree.rig, "a/b");
    rig_turn(&tree.rig);
    rig_send(&tree.rig, "a");
    hws_context_failed_later(tree.b.context, HWS_EFAILED, "after all");
    rig_turn(&tree.rig);
    assert_int_equal(rig_count(&tree.rig, HWS_EVENT_ActorFailed), 2);
    assert_string_equal(journal, "a!c-d-b-a+b+c+d+");
    rig_end(&tree.rig);
}

static void test_who_cannot_start_stops_or_escalates(void **state)
{
    static const enum hws_supervision ways[] = { RESUME, RESTART, STOP, ESCALATE };
    (void)state;
    for (int i = 0; i < 4; i++) {
        static struct tree tree;
        static struct node more;
        more = (struct node){ .name = "more", .supervision = ways[i], .cannot_start = true };
        tree_new(&tree);
        tree.c.supervision = STOP;
        tree_start(&tree);
        assert_int_equal(spawn_child(tree.c.context, &more), 0);
        rig_turn(&tree.rig);
        assert_string_equal(journal, ways[i] == ESCALATE ? "more-c-" : "more-");
        rig_end(&tree.rig);
    }
}

static void test_a_stop_goes_from_the_leaves_up(void **state)
{
    static struct tree tree;
    (void)state;
    tree_new(&tree);
    tree_start(&tree);
    stop(&tree, "a");
    stop(&tree, "a");
    assert_int_equal(rig_send(&tree.rig, "a"), 0); /* it has not stopped yet: a dead letter then */
    rig_turn(&tree.rig);
    assert_string_equal(journal, "c-d-b-a-");
    assert_true(tree.a.refused && tree.b.refused && tree.d.refused);
    assert_string_equal(rig_event(&tree.rig, HWS_EVENT_DeadLetter, 0)->reason, "stopped");
    assert_int_equal(rig_send(&tree.rig, "a/b/d"), HWS_ENOTFOUND);
    rig_end(&tree.rig);
}

static void test_the_end_of_the_system_goes_the_same_way(void **state)
{
    static struct tree tree;
    (void)state;
    tree_new(&tree);
    tree_start(&tree);
    hws_stop(tree.rig.system, "over", 0);
    rig_turn(&tree.rig);
    assert_string_equal(journal, "d-c-b-a-");
    rig_end(&tree.rig);
}

static void test_a_stop_in_the_middle_of_a_restart(void **state)
{
    static struct tree tree;
    (void)state;
    tree_new(&tree);
    tree.a.supervision = RESTART;
    tree_start(&tree);
    rig_send(&tree.rig, "a");
    rig_send(&tree.rig, "a");
    while (!strstr(journal, "a!")) /* until it has failed, and its children have not ended */
        hws_turn(tree.rig.system);
    stop(&tree, "a");
    rig_turn(&tree.rig);
    assert_non_null(strstr(journal, "d-b-"));
    assert_int_equal(tree.a.released, 1);
    rig_end(&tree.rig);
}

/* One that waits for its children takes no messages, keeps them, and is not visited in vain. */
static void test_mailbox_stays_over_a_restart(void **state)
{
    static struct tree tree;
    (void)state;
    tree_new(&tree);
    tree.a.supervision = RESTART;
    tree_start(&tree);
    for (int i = 0; i < 3; i++)
        rig_send(&tree.rig, "a");
    rig_turn(&tree.rig);
    /* The second failure comes before the new children's first turn. */
    assert_string_equal(journal, "a!c-d-b-a+a!b-c-a+a!b-c-a+b+c+d+");
    assert_true(hws_next_turn(tree.rig.system) > tree.rig.now);
    rig_end(&tree.rig);
}

static void test_watchers_hear_once(void **state)
{
    static struct tree tree;
    static const char *const ids[] = { "a", "a/b", "a/b/d", "a/c" };
    struct node watcher = { .name = "w" };
    (void)state;
    tree_new(&tree);
    tree_start(&tree);
    assert_int_equal(hws_spawn_named(tree.rig.system, "w", &ops, &watcher, NULL), 0);
    struct hws_pid *w = rig_pid(&tree.rig, "w");
    for (int i = 0; i < 4; i++) {
        struct hws_pid *pid = rig_pid(&tree.rig, ids[i]);
        assert_int_equal(hws_watch(tree.rig.system, w, pid), 0);
        hws_pid_release(pid);
    }
    stop(&tree, "a/b");
    stop(&tree, "a");
    rig_turn(&tree.rig);
    assert_int_equal(watcher.terminated[HWS_TERMINATED_stopped], 4);
    hws_pid_release(w);
    rig_end(&tree.rig);
    assert_int_equal(watcher.terminated[HWS_TERMINATED_stopped], 4);
}

static void test_restart_limit_of_its_own(void **state)
{
    static struct tree tree;
    (void)state;
    tree_new(&tree);
    tree.d = (struct node){
        .name = "d", .supervision = RESTART, .restart_limit = 2, .restart_window = 10 * HWS_SECOND
    };
    tree_start(&tree);
    for (int i = 0; i < 2; i++)
        rig_send(&tree.rig, "a/b/d");
    rig_turn(&tree.rig);
    assert_string_equal(journal, "d!d+d!d+");
    rig_pass(&tree.rig, 11 * HWS_SECOND); /* its window is over, the system's is not */
    for (int i = 0; i < 3; i++)
        rig_send(&tree.rig, "a/b/d");
    rig_turn(&tree.rig);
    assert_string_equal(journal, "d!d+d!d+d!d+d!d+d!d-");
    rig_end(&tree.rig);
}

static void count_child(void *data, struct hws_pid *pid)
{
    char *text = data;
    snprintf(text + strlen(text), 64 - strlen(text), "%s ", hws_pid_id(pid));
}

static void test_ids(void **state)
{
    static struct tree tree;
    static struct node more = { .name = "x" };
    char text[64] = "", longest[HWS_ID_MAX + 1];
    struct hws_pid *pid;
    (void)state;
    tree_new(&tree);
    tree_start(&tree);
    struct hws_context *a = tree.a.context;
    hws_context_each_child(a, count_child, text);
    assert_string_equal(text, "a/b a/c ");
    hws_context_each_child(tree.c.context, count_child, text);
    assert_string_equal(text, "a/b a/c ");
    assert_null(hws_context_parent(a));
    assert_string_equal(hws_pid_id(hws_context_parent(tree.d.context)), "a/b");
    static const struct {
        const char *name;
        int error;
    } cases[] = { { "b", HWS_EEXIST },    { "b/d", HWS_EADDRESS }, { "", HWS_EADDRESS },
                  { "/", HWS_EADDRESS },  { "x y", HWS_EADDRESS }, { "x://y", HWS_EADDRESS },
                  { "x\n", HWS_EADDRESS } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(hws_context_spawn_named(a, cases[i].name, &ops, &more, NULL),
                         cases[i].error);
        if (cases[i].error == HWS_EADDRESS)
            assert_int_equal(hws_spawn_named(tree.rig.system, cases[i].name, &ops, &more, NULL),
                             cases[i].error);
    }
    memset(longest, 'n', HWS_ID_MAX);
    longest[HWS_ID_MAX - 1] = 0; /* with "a/" two too long */
    assert_int_equal(hws_context_spawn_named(a, longest, &ops, &more, NULL), HWS_EADDRESS);
    longest[HWS_ID_MAX - 2] = 0;
    assert_int_equal(hws_context_spawn_named(a, longest, &ops, &more, &pid), 0);
    assert_int_equal(strlen(hws_pid_id(pid)), HWS_ID_MAX);
    hws_pid_release(pid);
    assert_int_equal(hws_context_spawn(a, &ops, &more, NULL, &pid), 0);
    assert_string_equal(hws_pid_id(pid), "a/$1");
    hws_pid_release(pid);
    rig_turn(&tree.rig);
    rig_end(&tree.rig);
    assert_int_equal(more.released, 2);
}

/* Each makes a child until the id is full. */
static int deeper(void *data, struct hws_context *context);
static const struct hws_actor_ops deep = { .receive = node_receive, .started = deeper };

static int deeper(void *data, struct hws_context *context)
{
    unsigned *depth = data;
    int error = hws_context_spawn_named(context, "n", &deep, data, NULL);
    *depth += error == 0;
    return error == 0 || error == HWS_EADDRESS ? 0 : error;
}

static void test_nests_as_deep_as_ids_are_long(void **state)
{
    struct rig rig;
    unsigned depth = 1;
    struct hws_system_statistics statistics;
    (void)state;
    rig_start_default(&rig);
    assert_int_equal(hws_spawn_named(rig.system, "n", &deep, &depth, NULL), 0);
    rig_turn(&rig);
    assert_int_equal(depth, (HWS_ID_MAX + 1) / 2);
    struct hws_pid *pid = rig_pid(&rig, "n");
    assert_int_equal(hws_stop_actor(rig.system, pid), 0);
    rig_turn(&rig);
    hws_system_statistics(rig.system, &statistics);
    assert_int_equal(statistics.actors, 0);
    hws_pid_release(pid);
    rig_end(&rig);
}

static unsigned many_released;
static void release_one(void *data)
{
    (void)data;
    many_released++;
}

static void test_many_children(void **state)
{
    static const struct hws_actor_ops child = { .receive = node_receive, .released = release_one };
    static struct tree tree;
    enum { MANY = 100000 };
    (void)state;
    tree_new(&tree);
    tree_start(&tree);
    hws_unsubscribe(tree.rig.subscription); /* the rig keeps only so many events */
    tree.rig.subscription = NULL;
    many_released = 0;
    for (int i = 0; i < MANY; i++)
        assert_int_equal(hws_context_spawn(tree.a.context, &child, NULL, NULL, NULL), 0);
    rig_turn(&tree.rig);
    stop(&tree, "a");
    for (unsigned before = 0; many_released < MANY; before = many_released) {
        hws_turn(tree.rig.system); /* a part of them, so that the loop gets to its sockets */
        assert_in_range(many_released - before, 0, 16384);
    }
    rig_turn(&tree.rig);
    assert_int_equal(tree.a.released, 1);
    rig_end(&tree.rig);
}

static void test_spawns_without_memory(void **state)
{
    static struct tree tree;
    static struct node more = { .name = "more" };
    (void)state;
    tree_new(&tree);
    tree_start(&tree);
    for (uint64_t i = 1;; i++) {
        uint64_t blocks = tree.rig.blocks;
        tree.rig.fail_in = i;
        int error = spawn_child(tree.d.context, &more);
        bool failed = tree.rig.fail_in == 0;
        tree.rig.fail_in = 0;
        if (error == 0) {
            if (!failed)
                break;
            stop(&tree, "a/b/d/more");
            rig_turn(&tree.rig);
            continue;
        }
        assert_int_equal(error, HWS_ENOMEM);
        assert_true(tree.rig.blocks <= blocks + 1); /* the parent's record stays */
    }
    rig_end(&tree.rig);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_directives),
        cmocka_unit_test(test_escalated_failure_says_whose_it_is),
        cmocka_unit_test(test_escalation_to_one_that_waits),
        cmocka_unit_test(test_escalation_to_one_that_restarts),
        cmocka_unit_test(test_who_cannot_start_stops_or_escalates),
        cmocka_unit_test(test_a_stop_goes_from_the_leaves_up),
        cmocka_unit_test(test_the_end_of_the_system_goes_the_same_way),
        cmocka_unit_test(test_a_stop_in_the_middle_of_a_restart),
        cmocka_unit_test(test_mailbox_stays_over_a_restart),
        cmocka_unit_test(test_watchers_hear_once),
        cmocka_unit_test(test_restart_limit_of_its_own),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_nests_as_deep_as_ids_are_long),
        cmocka_unit_test(test_many_children),
        cmocka_unit_test(test_spawns_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
