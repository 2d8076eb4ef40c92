/* SPDX-License-Identifier: MIT */
#include "hawser/options.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "base/text.h"

enum unit { UNIT_count, UNIT_bytes, UNIT_ns, UNIT_ratio, UNIT_flag };
static const char *const unit_names[] = { "count", "bytes", "s", "ratio", "flag" };

struct option {
    const char *name;
    enum unit unit;
    size_t offset;
    double initial, least, most; /* ns for ns */
    const char *doc;
};

static const struct option options_table[] = {
#define X(name, unit, initial, least, most, doc) \
    { #name,                                     \
      UNIT_##unit,                               \
      offsetof(struct hws_options, name),        \
      (double)(initial),                         \
      (double)(least),                           \
      (double)(most),                            \
      doc },
    HWS_OPTIONS(X)
#undef X
};
#define OPTION_COUNT (sizeof options_table / sizeof *options_table)

static double scale(const struct option *option)
{
    return option->unit == UNIT_ns ? (double)HWS_SECOND : 1;
}

static void store(struct hws_options *options, const struct option *option, double value)
{
    char *place = (char *)options + option->offset;
    if (option->unit == UNIT_ratio)
        memcpy(place, &value, sizeof value);
    else
        memcpy(place, &(uint64_t){ (uint64_t)(value + 0.5) }, sizeof(uint64_t));
}

static double fetch(const struct hws_options *options, const struct option *option)
{
    const char *place = (const char *)options + option->offset;
    double ratio;
    uint64_t number;
    if (option->unit == UNIT_ratio) {
        memcpy(&ratio, place, sizeof ratio);
        return ratio;
    }
    memcpy(&number, place, sizeof number);
    return (double)number;
}

void hws_options_init(struct hws_options *options)
{
    memset(options, 0, sizeof *options);
    for (size_t i = 0; i < OPTION_COUNT; i++)
        store(options, &options_table[i], options_table[i].initial);
}

static int check_range(const struct option *option, double value, char *message, size_t capacity)
{
    if (value >= option->least && value <= option->most)
        return 0;
    hwsi_say(message, capacity, "option %s is %.9g, expected %.9g to %.9g%s%s (default %.9g): %s",
             option->name, value / scale(option), option->least / scale(option),
             option->most / scale(option),
             option->unit == UNIT_count || option->unit == UNIT_flag ? "" : " ",
             option->unit == UNIT_count || option->unit == UNIT_flag ? ""
                                                                     : unit_names[option->unit],
             option->initial / scale(option), option->doc);
    return HWS_EOPTION;
}

int hws_options_set(struct hws_options *options, const char *name, double value, char *message,
                    size_t capacity)
{
    const char *names[OPTION_COUNT];
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option *option = &options_table[i];
        names[i] = option->name;
        if (strcmp(option->name, name) != 0)
            continue;
        int error = check_range(option, value * scale(option), message, capacity);
        if (!error)
            store(options, option, value * scale(option));
        return error;
    }
    const char *nearest = hws_nearest_name(name, names, OPTION_COUNT);
    hwsi_say(message, capacity, "unknown option %s%s%s%s", name, nearest ? "; did you mean " : "",
             nearest ? nearest : "", nearest ? "?" : "");
    return HWS_EOPTION;
}

static int check_name(const char *option, const char *name, char *message, size_t capacity)
{
    size_t size = name ? strlen(name) : 0;
    bool fine = size >= 1 && size <= 64;
    for (size_t i = 0; fine && i < size; i++)
        fine = isalnum((unsigned char)name[i]) || strchr("_.-", name[i]);
    if (fine)
        return 0;
    hwsi_say(message, capacity,
             "option %s %s%s%s, expected 1 to 64 of letters, digits, '_', '.' and '-'", option,
             name ? "\"" : "", name ? name : "missing", name ? "\"" : "");
    return HWS_EOPTION;
}

static int check_blocked(const char *const *names, char *message, size_t capacity)
{
    int error = 0;
    for (; names && *names && !error; names++)
        error = check_name("blocked names a system", *names, message, capacity);
    return error;
}

int hws_options_check(const struct hws_options *options, char *message, size_t capacity)
{
    int error = check_name("name is", options->name, message, capacity);
    if (!error)
        error = check_blocked(options->blocked, message, capacity);
    for (size_t i = 0; !error && i < OPTION_COUNT; i++)
        error =
            check_range(&options_table[i], fetch(options, &options_table[i]), message, capacity);
    if (!error && options->reconnect_initial > options->reconnect_max) {
        hwsi_say(message, capacity, "option reconnect_initial is above reconnect_max");
        error = HWS_EOPTION;
    }
    if (!error && options->heartbeat_interval >= options->heartbeat_timeout) {
        hwsi_say(message, capacity, "option heartbeat_interval is not below heartbeat_timeout");
        error = HWS_EOPTION;
    }
    if (!error && options->throttle_warning >= options->throttle_critical) {
        hwsi_say(message, capacity, "option throttle_warning is not below throttle_critical");
        error = HWS_EOPTION;
    }
    if (!error && options->advertise && !options->listen) {
        hwsi_say(message, capacity,
                 "option advertise needs listen: who does not listen can not be dialled");
        error = HWS_EOPTION;
    }
    return error;
}

bool hws_options_describe(size_t index, struct hws_option_info *out)
{
    if (index >= OPTION_COUNT)
        return false;
    const struct option *option = &options_table[index];
    *out = (struct hws_option_info){ option->name,
                                     unit_names[option->unit],
                                     option->doc,
                                     option->initial / scale(option),
                                     option->least / scale(option),
                                     option->most / scale(option) };
    return true;
}

double hws_options_get(const struct hws_options *options, size_t index)
{
    return index < OPTION_COUNT
               ? fetch(options, &options_table[index]) / scale(&options_table[index])
               : NAN;
}
