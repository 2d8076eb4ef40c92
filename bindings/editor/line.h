/* SPDX-License-Identifier: MIT */
/*
 * A line that a person types, edited by libedit, for a program that does other things meanwhile. libedit asks for characters
 * from deep inside its commands (a search, a quoted character, half an escape sequence), so it runs on a thread of its own that
 * only ever runs while the owner waits for it: each call below hands over, and comes back when libedit wants more than there is.
 * The thread runs no Lua and takes no signals.
 *
 *   line_begin() -> LINE_MORE -> line_feed() -> ... -> LINE_DONE, LINE_END, or LINE_COMPLETE
 *   LINE_COMPLETE -> line_completed() -> the same
 *
 * Between the calls, while a line is being typed: line_hide() takes it off the screen, line_show() draws it again below
 * whatever was written, line_cancel() gives it up.
 */
#ifndef HAWSER_EDITOR_LINE_H
#define HAWSER_EDITOR_LINE_H

#include <stdbool.h>
#include <stddef.h>

struct line;

enum line_event {
    LINE_MORE,     /* needs more input */
    LINE_DONE,     /* line_text() is the line, without its end */
    LINE_END,      /* Ctrl-D on an empty line, or the terminal has gone */
    LINE_COMPLETE, /* Tab: line_text() is the line, line_cursor() where in it, in bytes */
};

/* Edits what comes from `input` (a terminal) on `output`. NULL: no terminal to edit on, or out of memory. */
struct line *line_new(int input, int output);
void line_free(struct line *line); /* the terminal is as it was before */

enum line_event line_begin(struct line *line, const char *prompt);
/* The input can be read: reads once. */
enum line_event line_feed(struct line *line);
/* Puts `text` in at the cursor and draws the line anew: it may have been hidden. */
enum line_event line_completed(struct line *line, const char *text);

const char *line_text(const struct line *line);
size_t line_cursor(const struct line *line);
bool line_is_open(const struct line *line); /* begun, and neither done nor cancelled */

void line_cancel(struct line *line);
void line_hide(struct line *line);
void line_show(struct line *line);
void line_resized(struct line *line);
/* Gives the terminal its usual modes, or the editor's again; for a program that is suspended. */
void line_release(struct line *line);
void line_resume(struct line *line);
void line_keys(struct line *line); /* the editor's modes without a line, until line_release() */

int line_columns(const struct line *line);
int line_rows(const struct line *line);

/* The newest entry of the history; several lines are one entry. */
void line_remember(struct line *line, const char *text);

#endif
