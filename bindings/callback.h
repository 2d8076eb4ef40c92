/* SPDX-License-Identifier: MIT */
/*
 * A Lua function that the core will call: a subscriber, a timer, an answer to a request. It is a userdata, which scripts have as
 * the handle by which to cancel it; the registry keeps it, and its system's list has it, until it is freed: when it is done,
 * cancelled, or the system is closed. From then on its memory is the collector's. A script may drop its handle without effect.
 *
 * A kind of callback embeds the struct as its first member and says in its ops how to take it back from the core.
 */
#ifndef HWL_CALLBACK_H
#define HWL_CALLBACK_H

#include "system.h"

struct hwl_callback;
struct hwl_callback_ops {
    size_t size;
    void (*cancel)(struct hwl_callback *callback); /* the core forgets it; never calls it again */
    const char *what;                              /* "subscription", "timer", ... */
};
struct hwl_callback {
    const void *tag;
    const struct hwl_callback_ops *ops;
    struct hwl_system *system; /* retained; NULL: it is over */
    struct hwl_callback *next, **link;
    int ref; /* of the userdata, whose user value is the function */
};

/* Makes one for the function at `index`, linked into the system's list. Raises an error when it is no function, or on memory. */
struct hwl_callback *hwl_callback_new(struct hwl_system *system, lua_State *L, int index,
                                      const struct hwl_callback_ops *ops);
/* Frees it; the core has let go of it already. */
void hwl_callback_free(struct hwl_callback *callback);
/* Cancels and frees it. NULL is fine. */
void hwl_callback_cancel(struct hwl_callback *callback);
void hwl_callbacks_cancel(struct hwl_system *system);

/* Pushes the function. */
void hwl_callback_push(struct hwl_callback *callback, lua_State *L);
/* Pushes the handle, an object whose methods `cancel` and `unsubscribe` end the callback. */
void hwl_callback_push_handle(struct hwl_callback *callback, lua_State *L);
void hwl_open_callbacks(lua_State *L);

#endif
