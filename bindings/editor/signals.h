/* SPDX-License-Identifier: MIT */
/*
 * The signals of an interactive program, as bytes to read from two pipes, so that a loop can wait for them: one for Ctrl-C alone,
 * which a running evaluation looks at, and one for the rest, a letter each: w the window's size, z stop (while a line is being
 * edited; otherwise the process stops at once), t terminate, h the terminal has gone.
 *
 * A third Ctrl-C that nobody has read ends the process: a C function is stuck. One set a process.
 */
#ifndef HAWSER_EDITOR_SIGNALS_H
#define HAWSER_EDITOR_SIGNALS_H

#include <stdbool.h>

bool signals_open(void); /* false: no descriptors left */
void signals_close(void);
int signals_interrupts(void); /* descriptors */
int signals_others(void);
/* What has come since; -1: nothing. */
int signals_next(int descriptor);
/* Ctrl-C has been dealt with. */
void signals_clear_interrupts(void);
void signals_editing(bool editing);
/* Stops the process as SIGTSTP would have. */
void signals_suspend(void);

#endif
