/* SPDX-License-Identifier: MIT */
/*
 * A network inside the process, in virtual time, the same every time for the same seed: for tests and simulations of one system
 * or of a thousand. Systems attached to one loopback share its clock; nothing moves until hws_loopback_step() or _run() is called.
 *
 * Addresses are texts of any kind; a system that listens on one (options.listen = "loop:a:1") is dialled by the same text.
 *
 * Machines: a system runs on the machine of its name. What is said of a machine (its clock, its pauses, the ways between it
 * and others) may be said before the system exists and holds over its restarts; systems of the same name share a machine.
 *
 * All calls are for the one thread that steps. They may come between steps and from handlers of systems, where not said otherwise.
 */
#ifndef HAWSER_LOOPBACK_H
#define HAWSER_LOOPBACK_H

#include "hawser/system.h"

struct hws_loopback;

struct hws_loopback_options {
    uint64_t seed;      /* 0 is a seed like any other */
    uint64_t latency;   /* ns a byte is under way */
    uint64_t jitter;    /* ns added at random, order kept */
    size_t pipe_bytes;  /* bytes under way each way before a writer must wait; 0: 256 KiB */
    bool split_writes;  /* deliver and take bytes in random pieces, from 1 byte up */
    double drop_link;   /* the chance that a delivery cuts its link instead, 0 to 1 */
    uint64_t bandwidth; /* bytes a second of each link, each way; 0: no limit */
    struct hws_allocator *allocator; /* NULL: hws_default_allocator() */
};

/* HWS_EINVAL: as hws_loopback_set_way(); HWS_ENOMEM. */
HWS_API int hws_loopback_new(const struct hws_loopback_options *options, struct hws_loopback **out);
/* After every system attached to it is freed. */
HWS_API void hws_loopback_free(struct hws_loopback *loopback);
HWS_API struct hws_clock *
hws_loopback_clock(struct hws_loopback *loopback); /* the world's; give it as options.clock */
/* The clock of one machine, which hws_loopback_stall_clock() and _jump_clock() reach: options.clock of the systems there. */
HWS_API int hws_loopback_clock_of(struct hws_loopback *loopback, const char *machine,
                                  struct hws_clock **out);
/* Adds the transport "loop" to a new system and drives the system. Before hws_start(). */
HWS_API int hws_loopback_attach(struct hws_loopback *loopback, struct hws_system *system);

/* --- time --- */

/* Does the one thing that is due next (an arrival, a turn, ...) and moves the clock to it. False: nothing will ever be due. */
HWS_API bool hws_loopback_step(struct hws_loopback *loopback);
/* Steps until the clock has moved by `duration` ns; the clock ends there exactly. */
HWS_API void hws_loopback_run(struct hws_loopback *loopback, uint64_t duration);
/* Steps until `done(data)`, which is asked before each step, or the clock has moved by `limit`; was it done? */
HWS_API bool hws_loopback_run_until(struct hws_loopback *loopback, bool (*done)(void *data),
                                    void *data, uint64_t limit);
HWS_API uint64_t hws_loopback_next(struct hws_loopback *loopback); /* when; HWS_NEVER: never */

/* X(name): what a step did, to or by a machine */
#define HWS_LOOPBACK_STEPS(X)                                          \
    X(turn)     /* a system took its turn */                           \
    X(dial)     /* a dial came through, was refused, or tries again */ \
    X(accept)   /* a system that was paused takes a link */            \
    X(arrival)  /* bytes came in, or could not */                      \
    X(writable) /* a link takes bytes again */                         \
    X(closed)   /* a link's end was told */
enum hws_loopback_step_kind {
#define X(name) HWS_LOOPBACK_STEP_##name,
    HWS_LOOPBACK_STEPS(X)
#undef X
};
struct hws_loopback_step {
    uint64_t time;
    uint64_t number; /* counted from 1 */
    enum hws_loopback_step_kind kind;
    const char *machine; /* whose */
    const char *peer;    /* the other machine of the link, or the address dialled; "" for turns */
    uint64_t bytes;      /* read, of an arrival */
};
/* `fn` is called after each step; NULL: nobody. It may do what may be done between steps, but not step. */
HWS_API void hws_loopback_on_step(struct hws_loopback *loopback,
                                  void (*fn)(void *data, const struct hws_loopback_step *step),
                                  void *data);
/* A hash of every step so far, and how many: equal for equal runs. */
HWS_API uint64_t hws_loopback_digest(const struct hws_loopback *loopback, uint64_t *steps);

/* --- the ways between machines --- */

struct hws_loopback_way {
    uint64_t latency, jitter;
    uint64_t bandwidth; /* 0: no limit */
    size_t pipe_bytes;
    double drop_link;
};
/* What holds from `from` to `to`; NULL, NULL: where nothing else was said. */
HWS_API void hws_loopback_get_way(const struct hws_loopback *loopback, const char *from,
                                  const char *to, struct hws_loopback_way *out);
/* Sets it, for what is written from now on. `way` NULL: as where nothing was said. HWS_EINVAL: drop_link or a time out of range, no pipe. */
HWS_API int hws_loopback_set_way(struct hws_loopback *loopback, const char *from, const char *to,
                                 const struct hws_loopback_way *way);

/* Cuts every link that is open now, as a lost connection; bytes under way are lost. */
HWS_API void hws_loopback_cut(struct hws_loopback *loopback);
/* The same between two machines. How many links were cut. */
HWS_API size_t hws_loopback_cut_between(struct hws_loopback *loopback, const char *one,
                                        const char *other);
/* While unreachable, dials to `address` are refused and its links are cut. */
HWS_API int hws_loopback_reachable(struct hws_loopback *loopback, const char *address,
                                   bool reachable);

/*
 * cut: links between the two sides are reset, dials refused. silent: nothing passes, neither bytes nor the end of a link, and
 * nobody is told; dials get no answer. one_way: the same, but only from the left side to the right one.
 * Bytes that a silence holds back arrive when it ends, if their link is still open there, as TCP would send them again.
 */
#define HWS_LOOPBACK_RIFTS(X) X(cut) X(silent) X(one_way)
enum hws_loopback_rift {
#define X(name) HWS_LOOPBACK_RIFT_##name,
    HWS_LOOPBACK_RIFTS(X)
#undef X
};
/* Between each machine of the left and each of the right; replaces what was between them. HWS_ENOMEM: maybe a part of it was done. */
HWS_API int hws_loopback_partition(struct hws_loopback *loopback, const char *const *left,
                                   size_t left_count, const char *const *right, size_t right_count,
                                   enum hws_loopback_rift rift);
/* Ends every rift between two machines, both ways; with NULL for one of them, with anyone; with NULL, NULL, all. */
HWS_API void hws_loopback_heal(struct hws_loopback *loopback, const char *one, const char *other);

/*
 * Cuts the links between two machines, and holds the next dial from either back until the other has dialled as well: then both
 * pass, and cross. Once; over when the dial that waits is given up. HWS_EINVAL: they are one.
 */
HWS_API int hws_loopback_collide(struct hws_loopback *loopback, const char *one, const char *other);

/* --- machines --- */

/*
 * For `duration` from now (HWS_NEVER: until resumed) its systems take no turn and hear nothing, as stopped by SIGSTOP: bytes
 * and links pile up for them, and their clocks go on. A second pause replaces the first; 0 resumes.
 */
HWS_API int hws_loopback_pause(struct hws_loopback *loopback, const char *machine,
                               uint64_t duration);
HWS_API bool hws_loopback_is_paused(const struct hws_loopback *loopback, const char *machine);
/* Its clock stands still for `duration`, and goes on from there: it stays behind by that much. Its systems go on. */
HWS_API int hws_loopback_stall_clock(struct hws_loopback *loopback, const char *machine,
                                     uint64_t duration);
/* Its clock jumps ahead. HWS_EINVAL: so far that it would come round. */
HWS_API int hws_loopback_jump_clock(struct hws_loopback *loopback, const char *machine,
                                    uint64_t by);
/* Its systems together read at most so many bytes a second from now on. 0: as many as come. */
HWS_API int hws_loopback_slow_reader(struct hws_loopback *loopback, const char *machine,
                                     uint64_t bytes_per_second);

/*
 * Ends a system's process between two turns and frees the system. Nothing that it would still say is heard. Its own handlers
 * may be called a last time meanwhile (stopped, dead letters): who wants none of that unsubscribes before.
 *   reset: as by SIGKILL. What was written arrives, then its peers' links are reset; dials to it are refused.
 *   silent: as by power loss. Its links just fall silent, bytes under way are lost, and dials get no answer, until a system is
 *   attached under this name again: then what still comes over an old link is answered with a reset.
 * HWS_ESTATE: it is in its turn. HWS_ENOTFOUND: it is not attached here, or has stopped.
 */
enum hws_loopback_death { HWS_LOOPBACK_DEATH_reset, HWS_LOOPBACK_DEATH_silent };
HWS_API int hws_loopback_kill(struct hws_loopback *loopback, struct hws_system *system,
                              enum hws_loopback_death death);

#endif
