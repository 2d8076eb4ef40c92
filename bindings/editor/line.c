/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "line.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include <histedit.h>

#define HISTORY_SIZE 1000
#define INPUT_SIZE 4096
#define COLUMNS 80
#define ROWS 24

struct line {
    EditLine *edit;
    History *history;
    FILE *in, *out;
    int input;
    pthread_t thread;
    sem_t go, back; /* the hand-over */
    enum line_event event;
    bool open, hidden, cancelled, quitting;
    bool gone; /* the terminal */
    char *prompt;
    char *text; /* of the last event */
    size_t cursor;
    const char *insertion;
    unsigned char pending[INPUT_SIZE];
    size_t first, size; /* of the bytes that libedit has not seen */
};

/* --- the hand-over --- */

static void await(sem_t *semaphore)
{
    while (sem_wait(semaphore) != 0 && errno == EINTR)
        continue;
}

/* On the owner's thread: libedit goes on until it has something to tell. */
static enum line_event run(struct line *line)
{
    sem_post(&line->go);
    await(&line->back);
    if (line->event == LINE_DONE || line->event == LINE_END)
        line->open = false;
    return line->event;
}

/* On libedit's thread. */
static void tell(struct line *line, enum line_event event)
{
    line->event = event;
    sem_post(&line->back);
    await(&line->go);
}

/* --- on libedit's thread --- */

static struct line *line_of(EditLine *edit)
{
    void *line = NULL;
    el_get(edit, EL_CLIENTDATA, &line);
    return line;
}

static char *prompt_of(EditLine *edit)
{
    return line_of(edit)->prompt;
}

/* The next character of what was read; 0 when it is not complete. What is no UTF-8 is a question mark. */
static int take_character(struct line *line, wchar_t *out)
{
    mbstate_t state;
    if (line->first == line->size)
        return 0;
    memset(&state, 0, sizeof state);
    size_t left = line->size - line->first;
    size_t used = mbrtowc(out, (const char *)line->pending + line->first, left, &state);
    if (used == (size_t)-2 && left < MB_CUR_MAX)
        return 0;
    if (used == (size_t)-1 || used == (size_t)-2) {
        *out = L'?';
        used = 1;
    }
    line->first += used ? used : 1;
    return 1;
}

static int read_character(EditLine *edit, wchar_t *out)
{
    struct line *line = line_of(edit);
    while (!line->cancelled && !line->quitting) {
        if (take_character(line, out))
            return 1;
        if (line->gone)
            return 0;
        tell(line, LINE_MORE);
    }
    return 0;
}

static void set_text(struct line *line, const char *text, size_t size)
{
    free(line->text);
    line->text = strndup(text, size);
}

static unsigned char complete(EditLine *edit, int key)
{
    struct line *line = line_of(edit);
    const LineInfo *info = el_line(edit);
    (void)key;
    set_text(line, info->buffer, (size_t)(info->lastchar - info->buffer));
    line->cursor = (size_t)(info->cursor - info->buffer);
    line->insertion = "";
    tell(line, LINE_COMPLETE);
    if (line->insertion[0] && el_insertstr(edit, line->insertion) != 0)
        return CC_ERROR;
    if (!line->hidden)
        return CC_REFRESH;
    line->hidden = false;
    el_set(edit, EL_REFRESH);
    return CC_NORM;
}

static void *edit_lines(void *data)
{
    struct line *line = data;
    await(&line->go);
    while (!line->quitting) {
        int size = 0;
        const char *text = el_gets(line->edit, &size);
        enum line_event event = LINE_END;
        if (text && size > 0) {
            size_t length = (size_t)size - (text[size - 1] == '\n');
            set_text(line, text, length);
            event = LINE_DONE;
        }
        tell(line, event);
    }
    return NULL;
}

/* --- making one --- */

static void bind_keys(EditLine *edit)
{
    static const char *const keys[][2] = {
        { "^I", "hawser-complete" },          { "^R", "em-inc-search-prev" },
        { "\033[1~", "ed-move-to-beg" },      { "\033[4~", "ed-move-to-end" },
        { "\033[7~", "ed-move-to-beg" },      { "\033[8~", "ed-move-to-end" },
        { "\033[H", "ed-move-to-beg" },       { "\033[F", "ed-move-to-end" },
        { "\033[3~", "ed-delete-next-char" }, { "\033[1;5C", "em-next-word" },
        { "\033[1;5D", "ed-prev-word" },      { "^W", "ed-delete-prev-word" },
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        el_set(edit, EL_BIND, keys[i][0], keys[i][1], NULL);
}

/* What a line starts (os.execute()) does not inherit it. NULL: no copy, or no memory. */
static FILE *open_copy(int descriptor, const char *mode)
{
    int copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    FILE *file = copy < 0 ? NULL : fdopen(copy, mode);
    if (copy >= 0 && !file)
        close(copy);
    return file;
}

static bool open_libedit(struct line *line, int output)
{
    HistEvent event;
    line->in = open_copy(line->input, "r");
    line->out = open_copy(output, "w");
    if (!line->in || !line->out)
        return false;
    line->edit = el_init("hawser", line->in, line->out, line->out);
    line->history = history_init();
    if (!line->edit || !line->history)
        return false;
    history(line->history, &event, H_SETSIZE, HISTORY_SIZE);
    el_set(line->edit, EL_CLIENTDATA, line);
    el_set(line->edit, EL_PROMPT, prompt_of);
    el_set(line->edit, EL_SIGNAL, 0);
    el_set(line->edit, EL_EDITOR, "emacs");
    el_set(line->edit, EL_HIST, history, line->history);
    el_set(line->edit, EL_GETCFN, read_character);
    /* The narrow el_set() would copy the texts and never free them. */
    el_wset(line->edit, EL_ADDFN, L"hawser-complete", L"Completes the word", complete);
    bind_keys(line->edit);
    el_source(line->edit, NULL);
    return true;
}

static bool start_thread(struct line *line)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&line->thread, NULL, edit_lines, line);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error == 0;
}

static void free_all(struct line *line)
{
    if (line->edit)
        el_end(line->edit);
    if (line->history)
        history_end(line->history);
    if (line->in)
        (void)fclose(line->in);
    if (line->out)
        (void)fclose(line->out);
    sem_destroy(&line->go);
    sem_destroy(&line->back);
    free(line->prompt);
    free(line->text);
    free(line);
}

/* libedit works in the locale's characters. */
static void set_locale(void)
{
    (void)setlocale(LC_CTYPE, "");
    if (MB_CUR_MAX == 1)
        (void)setlocale(LC_CTYPE, "C.UTF-8");
}

struct line *line_new(int input, int output)
{
    struct line *line = calloc(1, sizeof *line);
    if (!line)
        return NULL;
    line->input = input;
    sem_init(&line->go, 0, 0);
    sem_init(&line->back, 0, 0);
    set_locale();
    if (!open_libedit(line, output) || !start_thread(line)) {
        free_all(line);
        return NULL;
    }
    return line;
}

void line_free(struct line *line)
{
    if (!line)
        return;
    line->quitting = true;
    /* Inside el_gets() libedit first returns, which gives the terminal its modes back. */
    if (line->open)
        run(line);
    sem_post(&line->go);
    pthread_join(line->thread, NULL);
    free_all(line);
}

/* --- a line --- */

enum line_event line_begin(struct line *line, const char *prompt)
{
    free(line->prompt);
    line->prompt = strdup(prompt);
    line->cancelled = line->hidden = false;
    line->open = true;
    /* Before the prompt is there, as what is typed from then on is not for the terminal to echo. */
    el_set(line->edit, EL_PREP_TERM, 1);
    return run(line);
}

enum line_event line_feed(struct line *line)
{
    if (line->first > 0) {
        memmove(line->pending, line->pending + line->first, line->size - line->first);
        line->size -= line->first;
        line->first = 0;
    }
    ssize_t size = read(line->input, line->pending + line->size, INPUT_SIZE - line->size);
    if (size > 0)
        line->size += (size_t)size;
    else if (size == 0 || (errno != EINTR && errno != EAGAIN))
        line->gone = true;
    return line->open ? run(line) : LINE_MORE;
}

enum line_event line_completed(struct line *line, const char *text)
{
    line->insertion = text;
    return run(line);
}

const char *line_text(const struct line *line)
{
    return line->text ? line->text : "";
}

size_t line_cursor(const struct line *line)
{
    return line->cursor;
}

bool line_is_open(const struct line *line)
{
    return line->open;
}

void line_cancel(struct line *line)
{
    line->first = line->size = 0;
    if (!line->open)
        return;
    line->cancelled = true;
    run(line);
}

/* --- the screen --- */

static struct winsize size_of(const struct line *line)
{
    struct winsize size = { 0 };
    if (ioctl(fileno(line->out), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        size = (struct winsize){ .ws_col = COLUMNS, .ws_row = ROWS };
    return size;
}

int line_columns(const struct line *line)
{
    return size_of(line).ws_col;
}

int line_rows(const struct line *line)
{
    return size_of(line).ws_row;
}

/* How far below the prompt's row `text` ends, when it begins in `column`. */
static int rows_of(const char *text, const char *end, int *column, int columns)
{
    mbstate_t state;
    int rows = 0;
    memset(&state, 0, sizeof state);
    while (text < end) {
        wchar_t character;
        size_t used = mbrtowc(&character, text, (size_t)(end - text), &state);
        if (used == 0 || used == (size_t)-1 || used == (size_t)-2)
            break;
        text += used;
        int width = wcwidth(character);
        width = width < 0 ? 2 : width; /* ^A */
        if (character == L'\n' || *column + width > columns) {
            rows++;
            *column = 0;
        }
        *column += character == L'\n' ? 0 : width;
    }
    if (*column == columns) {
        rows++;
        *column = 0;
    }
    return rows;
}

void line_hide(struct line *line)
{
    if (!line->open || line->hidden)
        return;
    const LineInfo *info = el_line(line->edit);
    int columns = line_columns(line), column = 0;
    int rows = rows_of(line->prompt, line->prompt + strlen(line->prompt), &column, columns);
    rows += rows_of(info->buffer, info->cursor, &column, columns);
    if (rows > 0)
        (void)fprintf(line->out, "\033[%dA", rows);
    (void)fputs("\r\033[J", line->out);
    (void)fflush(line->out);
    line->hidden = true;
}

void line_show(struct line *line)
{
    if (!line->open || !line->hidden)
        return;
    line->hidden = false;
    el_set(line->edit, EL_REFRESH);
}

void line_resized(struct line *line)
{
    el_resize(line->edit);
}

void line_release(struct line *line)
{
    el_set(line->edit, EL_PREP_TERM, 0);
}

void line_resume(struct line *line)
{
    if (line->open)
        el_set(line->edit, EL_PREP_TERM, 1);
}

void line_keys(struct line *line)
{
    el_set(line->edit, EL_PREP_TERM, 1);
}

void line_remember(struct line *line, const char *text)
{
    HistEvent event;
    history(line->history, &event, H_ENTER, text);
}
