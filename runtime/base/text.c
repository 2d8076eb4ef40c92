/* SPDX-License-Identifier: MIT */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "hawser/options.h"

bool hwsi_glob(const char *pattern, const char *text)
{
    const char *star = NULL, *resume = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = ++pattern;
            resume = text;
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star;
            text = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == 0;
}

void hwsi_text_copy(char *out, size_t capacity, const char *text)
{
    if (capacity == 0)
        return;
    size_t size = strlen(text);
    if (size >= capacity)
        size = capacity - 1;
    memcpy(out, text, size);
    out[size] = 0;
}

void hwsi_text_printable(char *out, size_t capacity, struct hws_slice bytes)
{
    size_t i = 0;
    for (; i < bytes.size && i + 1 < capacity; i++)
        out[i] = bytes.data[i] >= 0x20 && bytes.data[i] < 0x7f ? (char)bytes.data[i] : '?';
    if (capacity)
        out[i] = 0;
}

void hwsi_text_append(char *out, size_t capacity, size_t *used, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t room = *used < capacity ? capacity - *used : 0;
    int size = vsnprintf(room ? out + *used : NULL, room, format, arguments);
    va_end(arguments);
    if (size > 0)
        *used += (size_t)size;
}

void hwsi_say(char *out, size_t capacity, const char *format, ...)
{
    if (!out || capacity == 0)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(out, capacity, format, arguments);
    va_end(arguments);
}

/* Damerau-Levenshtein distance (adjacent letters swapped count once), rows kept on the stack; names are short. */
#define NAME_MOST 64
static unsigned distance(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    if (n > NAME_MOST || m > NAME_MOST)
        return NAME_MOST;
    unsigned rows[3][NAME_MOST + 1];
    unsigned *older = rows[0], *previous = rows[1], *row = rows[2];
    for (size_t j = 0; j <= m; j++)
        previous[j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            unsigned best = previous[j - 1] + (a[i - 1] != b[j - 1]);
            if (previous[j] + 1 < best)
                best = previous[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                older[j - 2] + 1 < best)
                best = older[j - 2] + 1;
            row[j] = best;
        }
        unsigned *spare = older;
        older = previous;
        previous = row;
        row = spare;
    }
    return previous[m];
}

const char *hws_nearest_name(const char *name, const char *const *names, size_t count)
{
    const char *best = NULL;
    unsigned least = (unsigned)strlen(name) / 2 + 1;
    for (size_t i = 0; i < count; i++) {
        unsigned d = distance(name, names[i]);
        bool inside = strlen(name) >= 3 && strstr(names[i], name);
        if (d < least || (inside && !best)) {
            best = names[i];
            least = d < least ? d : least;
        }
    }
    return best;
}
