/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#define PCRE2_CODE_UNIT_WIDTH 8
#include "remote/pattern.h"

#include <pcre2.h>
#include <string.h>

#include "base/text.h"

#define STEPS_MOST 2000 /* of backtracking, on one id */
#define MEMORY_MOST 256 /* KiB, for one match */
#define NESTING_MOST 50 /* parentheses */

struct hwsi_regex {
    struct hwsi_heap *heap;
    pcre2_general_context *general;
    pcre2_match_context *limits;
    pcre2_code *code;
    pcre2_match_data *data;
};

/* --- PCRE2's memory is the system's; what it frees it gives back without the size --- */

struct block {
    size_t size;
    max_align_t bytes[];
};

static void *give(size_t size, void *heap)
{
    if (size > SIZE_MAX - sizeof(struct block))
        return NULL;
    struct block *block = hwsi_alloc_raw(heap, sizeof *block + size);
    if (!block)
        return NULL;
    block->size = sizeof *block + size;
    return block->bytes;
}

static void take_back(void *bytes, void *heap)
{
    if (!bytes)
        return;
    struct block *block = (struct block *)(void *)((char *)bytes - offsetof(struct block, bytes));
    hwsi_free(heap, block, block->size);
}

/* --- --- */

static void regex_free(struct hwsi_regex *regex)
{
    if (!regex)
        return;
    pcre2_match_data_free(regex->data);
    pcre2_code_free(regex->code);
    pcre2_match_context_free(regex->limits);
    pcre2_general_context_free(regex->general);
    hwsi_free(regex->heap, regex, sizeof *regex);
}

static int compile(struct hwsi_regex *regex, struct hws_slice text, char *detail, size_t capacity)
{
    PCRE2_UCHAR sentence[128];
    PCRE2_SIZE at;
    int error;
    pcre2_compile_context *context = pcre2_compile_context_create(regex->general);
    if (!context)
        return HWS_ENOMEM;
    pcre2_set_parens_nest_limit(context, NESTING_MOST);
    pcre2_set_max_pattern_length(context, HWS_PATTERN_MAX);
    regex->code = pcre2_compile(text.data, text.size, PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &error,
                                &at, context);
    pcre2_compile_context_free(context);
    if (regex->code)
        return 0;
    if (error == PCRE2_ERROR_NOMEMORY)
        return HWS_ENOMEM;
    if (pcre2_get_error_message(error, sentence, sizeof sentence) < 0)
        sentence[0] = 0;
    hwsi_say(detail, capacity, "the pattern is no regular expression, at byte %zu: %s",
             (size_t)at + 1, (const char *)sentence);
    return HWS_EINVAL;
}

static int regex_new(struct hwsi_heap *heap, struct hws_slice text, struct hwsi_regex **out,
                     char *detail, size_t capacity)
{
    struct hwsi_regex *regex = hwsi_alloc(heap, sizeof *regex);
    if (!regex)
        return HWS_ENOMEM;
    regex->heap = heap;
    regex->general = pcre2_general_context_create(give, take_back, heap);
    regex->limits = regex->general ? pcre2_match_context_create(regex->general) : NULL;
    int error = regex->limits ? compile(regex, text, detail, capacity) : HWS_ENOMEM;
    if (!error) {
        pcre2_set_match_limit(regex->limits, STEPS_MOST);
        pcre2_set_depth_limit(regex->limits, STEPS_MOST);
        pcre2_set_heap_limit(regex->limits, MEMORY_MOST);
        regex->data = pcre2_match_data_create(1, regex->general);
        error = regex->data ? 0 : HWS_ENOMEM;
    }
    if (error)
        regex_free(regex);
    else
        *out = regex;
    return error;
}

int hwsi_pattern_init(struct hwsi_pattern *pattern, struct hwsi_heap *heap, enum hws_match match,
                      struct hws_slice text, char *detail, size_t capacity)
{
    *pattern = (struct hwsi_pattern){ .match = match, .text = text };
    if (text.size > HWS_PATTERN_MAX) {
        hwsi_say(detail, capacity, "the pattern has %zu bytes, expected at most %u", text.size,
                 HWS_PATTERN_MAX);
        return HWS_EINVAL;
    }
    return match == HWS_MATCH_regex ? regex_new(heap, text, &pattern->regex, detail, capacity) : 0;
}

void hwsi_pattern_free(struct hwsi_pattern *pattern)
{
    regex_free(pattern->regex);
    pattern->regex = NULL;
}

static int match_regex(const struct hwsi_regex *regex, struct hws_slice id)
{
    int result = pcre2_match(regex->code, id.data, id.size, 0, PCRE2_NO_UTF_CHECK, regex->data,
                             regex->limits);
    if (result >= 0)
        return 1;
    return result == PCRE2_ERROR_NOMATCH    ? 0
           : result == PCRE2_ERROR_NOMEMORY ? HWS_ENOMEM
                                            : HWS_EINVAL;
}

int hwsi_pattern_match(const struct hwsi_pattern *pattern, struct hws_slice id)
{
    struct hws_slice text = pattern->text;
    switch (pattern->match) {
    case HWS_MATCH_regex: return match_regex(pattern->regex, id);
    case HWS_MATCH_exact: return id.size == text.size && memcmp(id.data, text.data, id.size) == 0;
    default: return text.size == 0 || memmem(id.data, id.size, text.data, text.size) != NULL;
    }
}
