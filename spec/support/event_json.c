/* SPDX-License-Identifier: MIT */
/* Prints the JSON line of every event, its fields filled with samples: spec/docs_spec.lua compares docs/events.md with it. */
#include <stdio.h>

#include "hawser/hawser.h"

static const uint8_t payload[] = { 0x81, 0xa1, 'a', 0x01 };

static struct hws_pid *pid_of(struct hws_system *system, const char *text)
{
    struct hws_pid *pid = NULL;
    hws_pid_parse(system, text, &pid);
    return pid;
}

int main(void)
{
    struct hws_options options;
    struct hws_system *system;
    char line[1024];
    hws_options_init(&options);
    options.name = "json";
    if (hws_system_new(&options, &system, NULL, 0))
        return 1;
    struct hws_event event = {
        .time = 1500 * HWS_MILLISECOND,
        .address = "127.0.0.1:25521",
        .name = "beta",
        .file = "night.lua",
        .version = "1f2e3d4c",
        .reason = "word",
        .detail = "a sentence",
        .level = "warning",
        .state = "reconnecting",
        .from = "connected",
        .step = "dial",
        .since = 1250 * HWS_MILLISECOND,
        .next = 1900 * HWS_MILLISECOND,
        .uid = UINT64_C(0x7b7ed5d4c13f3c13),
        .incarnation = 1,
        .attempt = 2,
        .delay = 400 * HWS_MILLISECOND,
        .count = 3,
        .success = true,
        .resumed = true,
        .pid = pid_of(system, "127.0.0.1:25521/echo"),
        .sender = pid_of(system, "127.0.0.1:25520/$1"),
        .watcher = pid_of(system, "127.0.0.1:25520/guard"),
        .message = { payload, sizeof payload },
        .correlation = { UINT64_C(0x1122334455667788), 0xff },
    };
    for (int type = 0; type < HWS_EVENT_COUNT; type++) {
        event.type = (enum hws_event_type)type;
        if (hws_event_json(&event, line, sizeof line) >= sizeof line)
            return 1;
        puts(line);
    }
    hws_pid_release(event.pid);
    hws_pid_release(event.sender);
    hws_pid_release(event.watcher);
    hws_system_free(system);
    return 0;
}
