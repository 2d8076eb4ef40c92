/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define STUCK 3

static const int numbers[] = { SIGINT, SIGWINCH, SIGTSTP, SIGTERM, SIGHUP };
#define COUNT (sizeof numbers / sizeof *numbers)

/* Globals, because a signal handler gets no argument. */
static int interrupts[2] = { -1, -1 }, others[2] = { -1, -1 };
static struct sigaction before[COUNT];
static struct termios modes;
static bool has_modes;
static volatile sig_atomic_t unread, is_editing;

static void put(const int *pipe, char letter)
{
    ssize_t written = write(pipe[1], &letter, 1);
    (void)written;
}

static void on_interrupt(void)
{
    if (++unread >= STUCK) {
        if (has_modes)
            tcsetattr(STDIN_FILENO, TCSANOW, &modes);
        _exit(128 + SIGINT);
    }
    put(interrupts, 'c');
}

static void on_signal(int number)
{
    int error = errno;
    if (number == SIGINT)
        on_interrupt();
    else if (number == SIGWINCH)
        put(others, 'w');
    else if (number == SIGTSTP && !is_editing)
        kill(getpid(), SIGSTOP);
    else
        put(others, number == SIGTSTP ? 'z' : number == SIGTERM ? 't' : 'h');
    errno = error;
}

static bool open_pipes(void)
{
    if (pipe2(interrupts, O_NONBLOCK | O_CLOEXEC) != 0)
        return false;
    if (pipe2(others, O_NONBLOCK | O_CLOEXEC) == 0)
        return true;
    close(interrupts[0]);
    close(interrupts[1]);
    return false;
}

bool signals_open(void)
{
    struct sigaction action;
    if (!open_pipes())
        return false;
    has_modes = tcgetattr(STDIN_FILENO, &modes) == 0;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    for (size_t i = 0; i < COUNT; i++)
        sigaction(numbers[i], &action, &before[i]);
    return true;
}

void signals_close(void)
{
    for (size_t i = 0; i < COUNT; i++)
        sigaction(numbers[i], &before[i], NULL);
    for (int i = 0; i < 2; i++) {
        close(interrupts[i]);
        close(others[i]);
        interrupts[i] = others[i] = -1;
    }
}

int signals_interrupts(void)
{
    return interrupts[0];
}

int signals_others(void)
{
    return others[0];
}

int signals_next(int descriptor)
{
    unsigned char letter;
    return read(descriptor, &letter, 1) == 1 ? letter : -1;
}

void signals_clear_interrupts(void)
{
    while (signals_next(interrupts[0]) >= 0)
        continue;
    unread = 0;
}

void signals_editing(bool editing)
{
    is_editing = editing;
}

void signals_suspend(void)
{
    kill(getpid(), SIGSTOP);
}
