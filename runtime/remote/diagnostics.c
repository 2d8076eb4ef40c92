/* SPDX-License-Identifier: MIT */
/* Tells about this system's actors: lists, page by page, and what one of them is at. */
#include "base/text.h"
#include "remote/pattern.h"
#include "remote/services.h"
#include "wire/token.h"

/* Work for one page: a look at an id, and an expression held against one. */
#define LOOKS_MOST 10000u
#define MATCHES_MOST 250u
#define PAGE_DEFAULT 100u
#define WATCHERS_COUNTED 100000u
#define WATCHERS_EASY 1000u /* are counted within a turn */

/* True: refused and answered. */
static bool refuse_asker(const struct hwsi_question *question)
{
    const struct hwsi_local *local = question->host->local;
    if (question->own ||
        hwsi_peers_match(&local->diagnostics_peers, question->name, question->address))
        return false;
    hwsi_refuse(question, HWS_SPAWN_error, HWS_EACCESS, "not_allowed",
                "diagnostics are not open to system %s at %s; the system asked decides with "
                "allow_diagnostics",
                question->name, question->address);
    return true;
}

/* --- lists --- */

/* Ids are written as an array whose count is known at the end. */
struct page {
    uint8_t *bytes;
    size_t size, room;
    uint64_t count, most;
};

static bool page_add(struct page *page, const struct hws_pid *pid)
{
    if (page->count == page->most || page->room - page->size < pid->id_size + 3u)
        return false;
    struct hws_slice id = { (const uint8_t *)pid->id, pid->id_size };
    page->size = (size_t)(hwsi_put_str(page->bytes + page->size, id) - page->bytes);
    page->count++;
    return true;
}

static void answer_page(const struct hwsi_question *question, struct page *page, uint64_t next)
{
    page->bytes[0] = 0xdc;
    hwsi_put_big(page->bytes + 1, 2, page->count);
    hwsi_answer(question, &(struct hwsi_service_answer){
                              .status = hws_slice_text(hws_spawn_status_name(HWS_SPAWN_ok)),
                              .processes = { page->bytes, page->size },
                              .next = next });
}

/* Looks from the cursor on. *next: 0 at the end. Negative: the pattern costs too much. */
static int fill_page(struct hwsi_local *local, const struct hwsi_pattern *pattern, uint64_t cursor,
                     struct page *page, uint64_t *next)
{
    size_t index = hwsi_roster_after(&local->roster, cursor);
    size_t looks = pattern->match == HWS_MATCH_regex ? MATCHES_MOST : LOOKS_MOST;
    const struct hwsi_roster_entry *entry;
    *next = cursor;
    while ((entry = hwsi_roster_next(&local->roster, &index))) {
        const struct hws_pid *pid = entry->actor ? entry->actor->pid : NULL;
        int matches =
            pid && pid->actor == entry->actor
                ? hwsi_pattern_match(pattern,
                                     (struct hws_slice){ (const uint8_t *)pid->id, pid->id_size })
                : 0;
        if (matches < 0)
            return matches;
        if (looks-- == 0 || (matches && !page_add(page, pid)))
            return 0;
        *next = entry->number;
    }
    *next = 0;
    return 0;
}

/* The one of that id, found at once. */
static void add_exact(struct hwsi_local *local, struct hws_slice id, struct page *page)
{
    const struct hws_pid *pid = hwsi_pid_find(local->names, local->names->local, id);
    if (pid && pid->actor)
        page_add(page, pid);
}

static void tell_page(const struct hwsi_question *question, const struct hwsi_pattern *pattern)
{
    struct hwsi_local *local = question->host->local;
    const struct hwsi_service_request *request = &question->request;
    struct page page = { .size = 3, .room = question->room - 64 };
    uint64_t next = 0;
    int error = 0;
    page.most = !request->limit                 ? PAGE_DEFAULT
                : request->limit < HWS_PAGE_MAX ? request->limit
                                                : HWS_PAGE_MAX;
    page.bytes = hwsi_alloc_raw(local->heap, page.room);
    if (!page.bytes)
        return;
    if (pattern->match == HWS_MATCH_exact)
        add_exact(local, pattern->text, &page);
    else
        error = fill_page(local, pattern, request->cursor, &page, &next);
    if (error)
        hwsi_refuse(question, HWS_SPAWN_error, error, "invalid",
                    "the regular expression takes too many steps; make it simpler");
    else
        answer_page(question, &page, next);
    hwsi_free(local->heap, page.bytes, page.room);
}

void hwsi_tell_processes(struct hwsi_question *question)
{
    static const char *const names[] = {
#define X(name) #name,
        HWS_MATCHES(X)
#undef X
    };
    struct hwsi_service_request *request = &question->request;
    struct hwsi_pattern pattern;
    char detail[HWS_DETAIL_MAX] = "";
    if (refuse_asker(question))
        return;
    int match = request->match.data ? hwsi_service_name(names, HWS_MATCH_COUNT, request->match)
                                    : (int)HWS_MATCH_part;
    if (match < 0) {
        hwsi_refuse(question, HWS_SPAWN_error, HWS_EINVAL, "invalid",
                    "match: expected part, exact or regex");
        return;
    }
    question->laborious = match != HWS_MATCH_exact;
    int error = hwsi_pattern_init(&pattern, question->host->local->heap, (enum hws_match)match,
                                  request->pattern, detail, sizeof detail);
    if (error) {
        hwsi_refuse(question, HWS_SPAWN_error, error, "invalid", "%s",
                    detail[0] ? detail : hws_strerror(error));
        return;
    }
    tell_page(question, &pattern);
    hwsi_pattern_free(&pattern);
}

/* --- one process --- */

const char *hws_process_state_name(enum hws_process_state state)
{
    static const char *const names[] = {
#define X(name) #name,
        HWS_PROCESS_STATES(X)
#undef X
    };
    return state < HWS_PROCESS_STATE_COUNT ? names[state] : "unknown";
}

static enum hws_process_state state_of(const struct hws_context *actor)
{
    if (actor->stopping || actor->halting)
        return HWS_PROCESS_stopping;
    if (actor->suspended)
        return HWS_PROCESS_suspended;
    if (actor->starting)
        return HWS_PROCESS_starting;
    return actor->running || actor->lanes[HWSI_LANE_USER].count ||
                   actor->lanes[HWSI_LANE_SYSTEM].count
               ? HWS_PROCESS_busy
               : HWS_PROCESS_idle;
}

static uint64_t memory_of(const struct hws_context *actor)
{
    uint64_t memory = sizeof *actor;
    for (int i = 0; i < HWSI_LANES; i++) {
        const struct hwsi_lane *lane = &actor->lanes[i];
        uint64_t places = lane->head ? lane->head->read + lane->count : 0;
        memory += (places + HWSI_MAILBOX_NODE - 1) / HWSI_MAILBOX_NODE * sizeof *lane->head;
    }
    return memory;
}

static uint64_t watchers_of(const struct hws_context *actor)
{
    uint64_t count = 0;
    for (const struct hwsi_list *node = actor->watchers.next;
         node != &actor->watchers && count < WATCHERS_COUNTED; node = node->next)
        count++;
    return count;
}

void hwsi_tell_diagnostics(struct hwsi_question *question)
{
    struct hwsi_local *local = question->host->local;
    struct hws_slice id = question->request.id;
    char shown[128], detail[HWS_DETAIL_MAX];
    if (refuse_asker(question))
        return;
    const struct hws_pid *pid =
        id.data ? hwsi_pid_find(local->names, local->names->local, id) : NULL;
    const struct hws_context *actor = pid ? pid->actor : NULL;
    if (!actor) {
        hwsi_text_printable(shown, sizeof shown, id);
        hwsi_say(detail, sizeof detail, "no actor \"%s\" lives here", shown);
        hwsi_answer_error(question, HWS_SPAWN_error, HWS_ENOTFOUND, detail);
        return;
    }
    uint64_t watchers = watchers_of(actor);
    question->laborious = watchers > WATCHERS_EASY;
    hwsi_answer(question, &(struct hwsi_service_answer){
                              .status = hws_slice_text(hws_spawn_status_name(HWS_SPAWN_ok)),
                              .id = id,
                              .kind = actor->kind ? hws_slice_text(actor->kind->name)
                                                  : (struct hws_slice){ 0 },
                              .state = hws_slice_text(hws_process_state_name(state_of(actor))),
                              .mailbox_length = actor->lanes[HWSI_LANE_USER].count +
                                                actor->lanes[HWSI_LANE_SYSTEM].count,
                              .mailbox_size = actor->mailbox_size,
                              .handled = actor->handled,
                              .failures = actor->failures,
                              .watchers = watchers,
                              .memory = memory_of(actor) });
}
