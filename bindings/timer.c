/* SPDX-License-Identifier: MIT */
#include "timer.h"

#include "call.h"
#include "callback.h"

struct timer {
    struct hwl_callback callback;
    struct hws_timer *timer;
};

static void cancel(struct hwl_callback *callback)
{
    hws_timer_cancel(((struct timer *)callback)->timer);
}

static const struct hwl_callback_ops ops = { sizeof(struct timer), cancel };

static int call(lua_State *L)
{
    struct timer *timer = lua_touserdata(L, 1);
    hwl_callback_push(&timer->callback, L);
    hwl_callback_free(&timer->callback);
    lua_call(L, 0, 0);
    return 0;
}

static void fire(void *data)
{
    struct timer *timer = data;
    struct hwl_system *self = hwl_system_retain(timer->callback.system);
    char text[HWL_TEXT];
    timer->timer = NULL;
    if (hwl_call(self->state, self->handler_budget, call, timer, text) != HWL_DONE)
        hwl_report(self, "a timer's function", text);
    hwl_system_release(self);
}

int hwl_system_after(lua_State *L)
{
    struct hwl_system *self = hwl_check_acting(L, 1);
    uint64_t delay = hwl_check_seconds(L, 2, "after");
    struct timer *timer = (struct timer *)hwl_callback_new(self, L, 3, &ops);
    int error = hws_after(self->system, delay, fire, timer, &timer->timer);
    if (error) {
        hwl_callback_free(&timer->callback);
        return hwl_failure(L, error, NULL);
    }
    hwl_callback_push_handle(&timer->callback, L);
    return 1;
}
