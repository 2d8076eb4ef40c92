/* SPDX-License-Identifier: MIT */
#include "remote/association.h"

struct hwsi_association *hwsi_association_new(struct hwsi_local *local,
                                              struct hwsi_address *address, uint64_t session,
                                              uint64_t seed)
{
    struct hwsi_association *association = hwsi_alloc(local->heap, sizeof *association);
    if (!association)
        return NULL;
    if (hwsi_pid_intern(local->names, address, hws_slice_text("$system"), &association->root)) {
        hwsi_free(local->heap, association, sizeof *association);
        return NULL;
    }
    association->local = local;
    association->address = address;
    address->refs++;
    association->frame_limit = local->options->max_frame_size;
    association->session = session;
    association->seed = seed;
    hwsi_list_init(&association->node);
    for (int i = 0; i < HWSI_LANES; i++)
        hwsi_ring_init(&association->lanes[i], local->pool);
    hwsi_outbound_init(&association->out, local->heap, (uint32_t)local->options->symbol_table_size);
    hwsi_inbound_init(&association->in, local->heap);
    return association;
}

void hwsi_association_free(struct hwsi_association *association)
{
    if (!association)
        return;
    for (int i = 0; i < HWSI_LANES; i++)
        hwsi_ring_free(&association->lanes[i]);
    hwsi_outbound_free(&association->out);
    hwsi_inbound_free(&association->in);
    hwsi_association_leave_none(association);
    hwsi_list_remove(&association->node);
    hwsi_pid_release(association->root);
    hwsi_address_release(association->address);
    hwsi_free(association->local->heap, association, sizeof *association);
}

#define URI_ROOM (HWSI_SYMBOL_TEXT_MAX + 1)

size_t hwsi_association_room(const struct hws_pid *target, const struct hws_message *message)
{
    return HWSI_DELIVER_OVERHEAD + message->payload.size + (target ? target->id_size : 0) +
           (message->sender ? URI_ROOM : 0) + (message->type ? message->type->size : 0);
}

/* Every field by itself, and only what the shape of the message needs: this is the message path. */
static void fill_symbols(struct hwsi_association *association, struct hwsi_deliver *deliver,
                         struct hws_pid *target, const struct hws_message *message, char *uri)
{
    deliver->target =
        target ? hwsi_outbound_target(&association->out, target) : (struct hwsi_symbol){ 0 };
    deliver->sender = hwsi_outbound_sender(&association->out, message->sender, uri, URI_ROOM);
    deliver->type = hwsi_outbound_type(&association->out, message->type);
}

/* Has every name in it a number already? */
static bool is_steady(const struct hwsi_outbound *out, const struct hws_pid *target,
                      const struct hws_message *message)
{
    const struct hws_pid *sender = message->sender;
    return (!target || target->place.owner == out) &&
           (!sender || (sender->place.owner == out && sender->address->local)) &&
           (!message->type || message->type->place.owner == out);
}

static void fill_steady(struct hwsi_deliver *deliver, const struct hws_pid *target,
                        const struct hws_message *message)
{
    deliver->target.index = target ? target->place.index : 0;
    deliver->target.text.data = NULL;
    deliver->target.text.size = 0;
    deliver->sender.index = message->sender ? message->sender->place.index : 0;
    deliver->type.index = message->type ? message->type->place.index : 0;
    deliver->sender.text.data = deliver->type.text.data = NULL;
    deliver->sender.text.size = deliver->type.text.size = 0;
}

int hwsi_association_append(struct hwsi_association *association, struct hws_pid *target,
                            const struct hws_message *message)
{
    struct hwsi_ring *ring = &association->lanes[HWSI_LANE_USER];
    bool steady = is_steady(&association->out, target, message);
    size_t room = steady ? HWSI_DELIVER_OVERHEAD + message->payload.size
                         : hwsi_association_room(target, message);
    if (room > association->frame_limit)
        return HWS_ETOOLARGE;
    uint8_t *place = hwsi_ring_reserve(ring, room);
    if (!place)
        return HWS_ENOMEM;
    char uri[URI_ROOM];
    struct hwsi_deliver deliver;
    if (steady)
        fill_steady(&deliver, target, message);
    else
        fill_symbols(association, &deliver, target, message, uri);
    deliver.request_id = message->request_id;
    deliver.has_correlation = target && (message->correlation.hi | message->correlation.lo);
    deliver.correlation.hi = message->correlation.hi;
    deliver.correlation.lo = message->correlation.lo;
    deliver.payload.data = message->payload.data;
    deliver.payload.size = message->payload.size;
    hwsi_ring_commit(ring, hwsi_deliver_encode(place, &deliver));
    return 0;
}

int hwsi_association_notify(struct hwsi_association *association,
                            const struct hwsi_system_message *message)
{
    struct hwsi_ring *ring = &association->lanes[HWSI_LANE_SYSTEM];
    uint8_t *place = hwsi_ring_reserve(ring, hwsi_system_message_bound(message));
    if (!place)
        return HWS_ENOMEM;
    hwsi_ring_commit(ring, hwsi_system_message_encode(place, message));
    return 0;
}

static void release_lanes(struct hwsi_ring *lanes, uint64_t system, uint64_t user, uint64_t *count)
{
    *count = user > lanes[HWSI_LANE_USER].released ? user - lanes[HWSI_LANE_USER].released : 0;
    hwsi_ring_release(&lanes[HWSI_LANE_SYSTEM], system);
    hwsi_ring_release(&lanes[HWSI_LANE_USER], user);
}

int hwsi_association_acknowledged(struct hwsi_association *association, uint64_t system,
                                  uint64_t user, uint64_t *count)
{
    struct hwsi_ring *lanes = association->lanes;
    if (system > hwsi_ring_written(&lanes[HWSI_LANE_SYSTEM]) ||
        user > hwsi_ring_written(&lanes[HWSI_LANE_USER]))
        return HWS_EPROTOCOL;
    release_lanes(lanes, system, user, count);
    return 0;
}

int hwsi_association_resumed(struct hwsi_association *association, uint64_t system, uint64_t user,
                             uint64_t *count)
{
    struct hwsi_ring *lanes = association->lanes;
    if (system > lanes[HWSI_LANE_SYSTEM].most_written || user > lanes[HWSI_LANE_USER].most_written)
        return HWS_EPROTOCOL;
    if (system < lanes[HWSI_LANE_SYSTEM].released || user < lanes[HWSI_LANE_USER].released)
        return HWS_EPROTOCOL; /* it acknowledged more than that before */
    release_lanes(lanes, system, user, count);
    for (int i = 0; i < HWSI_LANES; i++)
        hwsi_ring_rewind(&lanes[i]);
    return 0;
}

static int own_pid(struct hwsi_association *association, const struct hwsi_symbol *symbol,
                   struct hwsi_address *home, struct hws_pid **out)
{
    struct hwsi_names *names = association->local->names;
    *out = NULL;
    if (symbol->index)
        *out = hwsi_pid_retain(association->out.entries[symbol->index - 1].pid);
    if (symbol->index || !symbol->text.data)
        return 0;
    int error = hwsi_pid_intern(names, home, symbol->text, out);
    return error == HWS_EADDRESS ? hwsi_pid_parse(names, symbol->text, out)
                                 : error; /* a third party's URI is no valid id */
}

static int own_atom(struct hwsi_association *association, const struct hwsi_symbol *symbol,
                    struct hws_atom **out)
{
    *out = NULL;
    if (symbol->index)
        *out = hwsi_atom_retain(association->out.entries[symbol->index - 1].atom);
    if (symbol->index || !symbol->text.data)
        return 0;
    return hwsi_atom_intern(association->local->names, symbol->text, out);
}

int hwsi_association_read_own(struct hwsi_association *association, struct hws_slice frame,
                              uint64_t number, struct hwsi_own_frame *out)
{
    struct hwsi_deliver deliver;
    struct hwsi_own_frame own = { 0 };
    struct hws_slice body = { frame.data + HWSI_FRAME_PREFIX, frame.size - HWSI_FRAME_PREFIX };
    int error = hwsi_deliver_decode(body, &deliver);
    if (!error)
        error = own_pid(association, &deliver.target, association->address, &own.target);
    if (!error)
        error = own_pid(association, &deliver.sender, association->local->names->local,
                        &own.message.sender);
    if (!error)
        error = own_atom(association, &deliver.type, &own.message.type);
    if (error) {
        hwsi_own_frame_release(&own);
        return error;
    }
    own.answer = !own.target;
    own.message.payload = deliver.payload;
    own.message.request_id = deliver.request_id;
    own.explicit_correlation = deliver.has_correlation;
    own.message.correlation =
        deliver.has_correlation ? deliver.correlation : hwsi_correlation(association->seed, number);
    *out = own;
    return 0;
}

void hwsi_own_frame_release(struct hwsi_own_frame *own)
{
    hwsi_pid_release(own->target);
    hwsi_pid_release(own->message.sender);
    hwsi_atom_release(own->message.type);
}

/* Without memory for its names a message is told all the same: as one to the peer's root. */
static void read_nameless(struct hws_slice frame, struct hwsi_own_frame *out)
{
    struct hwsi_deliver deliver;
    struct hws_slice body = { frame.data + HWSI_FRAME_PREFIX, frame.size - HWSI_FRAME_PREFIX };
    *out = (struct hwsi_own_frame){ 0 };
    if (hwsi_deliver_decode(body, &deliver))
        return;
    out->answer = !deliver.target.index && !deliver.target.text.data;
    out->message.payload = deliver.payload;
}

int hwsi_association_leave(struct hwsi_association *association, uint64_t number)
{
    size_t size = association->left_count * sizeof number;
    uint64_t *left =
        hwsi_resize(association->local->heap, association->left, size, size + sizeof number);
    if (!left)
        return HWS_ENOMEM;
    left[association->left_count++] = number;
    association->left = left;
    return 0;
}

void hwsi_association_leave_none(struct hwsi_association *association)
{
    hwsi_free(association->local->heap, association->left,
              association->left_count * sizeof *association->left);
    association->left = NULL;
    association->left_count = 0;
}

static bool was_left(const struct hwsi_association *association, uint64_t number)
{
    for (size_t i = 0; i < association->left_count; i++)
        if (association->left[i] == number)
            return true;
    return false;
}

static void letter_of(struct hwsi_association *association, struct hws_slice frame, uint64_t number)
{
    struct hwsi_own_frame own;
    enum hws_dead_letter_reason reason =
        number <= association->was_written ? HWS_REASON_unacknowledged : association->unwritten;
    int error = hwsi_association_read_own(association, frame, number, &own);
    if (error == HWS_ENOMEM)
        read_nameless(frame, &own);
    else if (error)
        return; /* can't be: these are our own frames */
    bool moved = !own.answer && association->moved && number > association->was_written;
    if (moved && was_left(association, number)) {
        reason = HWS_REASON_too_large;
        moved = false;
    }
    if (own.answer) /* named after the one who asked, as far as that is known */
        own.message.request_id = 0;
    if (!own.target)
        own.target = hws_pid_retain(association->root);
    if (!moved)
        hwsi_letter(association->local, own.target, &own.message, reason);
    hwsi_own_frame_release(&own);
}

bool hwsi_remains_drain(struct hwsi_association *association, uint64_t most)
{
    struct hwsi_ring *ring = &association->lanes[HWSI_LANE_USER];
    struct hws_slice frame;
    for (; most && hwsi_events_room(association->local); most--) {
        if (!hwsi_ring_peek(ring, &frame))
            break;
        letter_of(association, frame, ring->released + 1);
        hwsi_ring_pop(ring, &frame);
    }
    if (hwsi_ring_count(ring))
        return true;
    hwsi_requests_fail(association->local, association->address, HWS_EDISCONNECTED,
                       association->requests_until);
    return false;
}
