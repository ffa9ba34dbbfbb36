/* SPDX-License-Identifier: Apache-2.0 */
/* See session.h.
 *
 * A record is sealed in trusted memory and copied out, or copied in once and opened in trusted
 * memory: the host never sees a buffer while the cryptography works on it. Its nonce is its number,
 * so each way has a key of its own and a number is used once. `written` and `taken` are hints of
 * the host's: one that is too large shows a chunk that is not the next record, or makes us
 * overwrite one that the peer has not read; both end in a record that is not authentic, and the
 * enclave stops.
 *
 * Who is about to park says so in the ring and looks again before it does; who has stored a record,
 * or taken one, looks for that word. The fence between store and look keeps one of the two from
 * missing the other. */
#include "proc/session.h"

#include <errno.h>

#define PAD          64u /* sizes in the open are multiples of that */
#define BUFFER_MIN   4096u
#define MUCH         16384u /* bytes of a record that are not kept in this processor's caches */
#define SPINS        1000u /* a peer that is at work is seldom further away: tens of microseconds */
#define LOOK_NS      UINT64_C(100000) /* sleeps that are shorter begin at once */
#define SALT         BYTES_STR("alcove process tree")
#define WORD(member) offsetof(struct yard_ring, member)

/* In front of the plain text. */
struct record_head {
    uint32_t size; /* of head and body */
    uint32_t end;  /* not 0: the sender's last */
};
#define TEXT_MAX (YARD_CHUNK_SIZE - sizeof(struct yard_chunk_head))
_Static_assert(TEXT_MAX % PAD == 0 && sizeof(struct record_head) + SESSION_RECORD_MAX <= TEXT_MAX,
               "the largest record fits into a chunk");

/* ---- where things are ------------------------------------------------------------------------ */

static host_span way_span(unsigned slot, unsigned mailbox, enum yard_direction direction)
{
    const host_span all = rt_yard_slot(slot);
    uint64_t at, size;
    REQUIRE(mailbox < YARD_BOXES);
    if (mailbox == YARD_BOX_STREAM) {
        size = sizeof(struct yard_stream_way);
        at = offsetof(struct yard_slot, stream) + direction * size;
    } else {
        size = sizeof(struct yard_call_way);
        at = mailbox == YARD_BOX_CONTROL
                 ? offsetof(struct yard_slot, control)
                 : offsetof(struct yard_slot, calls) + (mailbox - YARD_BOX_CALLS) * 2 * size;
        at += direction * size;
    }
    REQUIRE(range_within(at, size, all.size));
    return (host_span){all.addr + at, size};
}

static uint64_t chunk_offset(const struct session_way *w)
{
    return sizeof(struct yard_ring) + (w->count % w->chunks) * YARD_CHUNK_SIZE;
}

bool session_peer_gone(unsigned slot)
{
    return rt_yard_load(rt_yard_slot(slot), offsetof(struct yard_slot, dead)) != 0;
}

/* ---- opening and closing --------------------------------------------------------------------- */

void session_key(const uint8_t secret[32], uint64_t generation, unsigned mailbox, uint8_t ret[32])
{
    struct {
        char purpose[16];
        uint64_t generation, mailbox;
    } info = {"alcove mailbox", generation, mailbox};
    rt_hkdf_sha256(SALT, BYTES(secret, 32), BYTES_OF(info), ret, 32);
}

static void way_key(struct session_way *w, const uint8_t key[32], enum yard_direction direction)
{
    SECRET32 own;
    const struct bytes info =
        direction == YARD_DOWN ? BYTES_STR("alcove down") : BYTES_STR("alcove up");
    rt_hkdf_sha256(SALT, BYTES(key, 32), info, own.bytes, sizeof own.bytes);
    rt_gcm_key(&w->key, own.bytes);
}

static int way_open(struct session_way *w, unsigned slot, unsigned mailbox,
                    enum yard_direction direction, const uint8_t key[32])
{
    w->at = way_span(slot, mailbox, direction);
    w->chunks = mailbox == YARD_BOX_STREAM ? YARD_STREAM_CHUNKS : YARD_CALL_CHUNKS;
    w->count = 0;
    w->buffer_size = BUFFER_MIN;
    w->buffer = (uint8_t *)rt_alloc(w->buffer_size);
    way_key(w, key, direction);
    return w->buffer == NULL ? -ENOMEM : 0;
}

static void way_close(struct session_way *w)
{
    if (w->buffer != NULL) {
        secure_zero(w->buffer, w->buffer_size);
        rt_free(w->buffer);
    }
    secure_zero(w, sizeof *w);
}

int session_open(struct session *s, unsigned slot, unsigned mailbox, enum yard_direction sends,
                 unsigned peer, const uint8_t key[32])
{
    REQUIRE(!s->open);
    s->open = true;
    s->ended = false;
    s->peer = peer;
    s->stream = mailbox == YARD_BOX_STREAM;
    int r = way_open(&s->out, slot, mailbox, sends, key);
    r = r == 0 ? way_open(&s->in, slot, mailbox, sends == YARD_DOWN ? YARD_UP : YARD_DOWN, key) : r;
    if (r != 0) {
        session_close(s);
    }
    return r;
}

void session_reset(unsigned slot, unsigned mailbox)
{
    for (int i = 0; i < 2; i++) {
        const host_span at = way_span(slot, mailbox, i == 0 ? YARD_DOWN : YARD_UP);
        rt_yard_store(at, WORD(written), 0);
        rt_yard_store(at, WORD(taken), 0);
        rt_yard_store(at, WORD(reader), 0);
        rt_yard_store(at, WORD(writer), 0);
    }
    rt_yard_fence();
}

void session_close(struct session *s)
{
    way_close(&s->out);
    way_close(&s->in);
    s->open = false;
}

/* ---- waiting --------------------------------------------------------------------------------- */

static uint64_t me(void)
{
    return rt_thread_number(rt_self()) + 1u;
}

/* Wakes who said in that word that it waits. The number is the host's to say, and the host's to
 * use. */
static void wake_waiter(const struct session *s, const struct session_way *w, uint64_t word)
{
    rt_yard_fence();
    const uint64_t number = rt_yard_load(w->at, word);
    if (number != 0) {
        rt_yard_store(w->at, word, 0);
        rt_process_wake(s->peer, (unsigned)((number - 1) % THREADS_MAX));
    }
}

static bool has_record(const struct session_way *w)
{
    return rt_yard_load(w->at, WORD(written)) > w->count;
}

/* A sender that waits is woken when half of the ring is free: woken for each record, it would sleep
 * again after each. */
static bool is_half_empty(const struct session_way *w)
{
    return rt_yard_load(w->at, WORD(written)) - w->count <= w->chunks / 2;
}

static bool has_room(const struct session_way *w)
{
    return w->count - rt_yard_load(w->at, WORD(taken)) < w->chunks;
}

bool session_has_room(const struct session *s)
{
    return has_room(&s->out);
}

bool session_ready(const struct session *s)
{
    return s->ended || has_record(&s->in) || session_peer_gone(s->peer);
}

static bool any_ready(struct session *const *sessions, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (sessions[i] != NULL && session_ready(sessions[i])) {
            return true;
        }
    }
    return false;
}

static void announce(struct session *const *sessions, size_t count, uint64_t number)
{
    for (size_t i = 0; i < count; i++) {
        if (sessions[i] != NULL) {
            rt_yard_store(sessions[i]->in.at, WORD(reader), number);
        }
    }
}

struct several {
    struct session *const *sessions;
    size_t count;
};

static bool several_ready(const void *what)
{
    const struct several *s = (const struct several *)what;
    return any_ready(s->sessions, s->count);
}

int session_wait_any(struct session *const *sessions, size_t count, uint64_t timeout_ns)
{
    const struct several all = {sessions, count};
    int r = 0;
    if (any_ready(sessions, count) ||
        (timeout_ns >= LOOK_NS && rt_look(several_ready, &all) && any_ready(sessions, count))) {
        return 0;
    }
    announce(sessions, count, me());
    rt_yard_fence();
    if (!any_ready(sessions, count)) {
        r = rt_wait(timeout_ns);
    }
    announce(sessions, count, 0);
    return r;
}

int session_wait(struct session *s, uint64_t timeout_ns)
{
    return session_wait_any(&s, 1, timeout_ns);
}

/* Over a stream nothing comes back but the word that nobody reads any more. */
static bool gave_up(const struct session *s)
{
    return s->stream && has_record(&s->in);
}

static void announce_writer(const struct session *s, uint64_t number)
{
    rt_yard_store(s->out.at, WORD(writer), number);
    if (s->stream) {
        rt_yard_store(s->in.at, WORD(reader), number);
    }
}

/* A stream's ends take turns of some microseconds: sleeping and being woken costs more, for both.
 */
static void spin(const struct session *s, bool (*done)(const struct session_way *),
                 const struct session_way *w)
{
    for (unsigned i = 0; s->stream && i < SPINS && !done(w); i++) {
        __builtin_ia32_pause();
    }
}

static bool is_full(const struct session *s, bool end)
{
    return !has_room(&s->out) && (end || !gave_up(s)) && !session_peer_gone(s->peer);
}

/* The end is sent to who gave up, too: it waits for that. */
static int wait_for_room(struct session *s, bool end)
{
    spin(s, has_room, &s->out);
    while (is_full(s, end)) {
        announce_writer(s, me());
        rt_yard_fence();
        if (is_full(s, end)) {
            ignore_result(rt_wait(UINT64_MAX), "why it returned is the host's word");
        }
        announce_writer(s, 0);
    }
    return (gave_up(s) && !end) || session_peer_gone(s->peer) ? -EPIPE : 0;
}

/* ---- records --------------------------------------------------------------------------------- */

static bool grow(struct session_way *w, size_t size)
{
    if (size <= w->buffer_size) {
        return true;
    }
    uint8_t *larger = (uint8_t *)rt_alloc(YARD_CHUNK_SIZE);
    if (larger == NULL) {
        return false;
    }
    secure_zero(w->buffer, w->buffer_size);
    rt_free(w->buffer);
    w->buffer = larger;
    w->buffer_size = YARD_CHUNK_SIZE;
    return true;
}

static struct rt_gcm_job job_of(const struct session_way *w, void *data, size_t size)
{
    struct rt_gcm_job job = {.key = &w->key, .in = data, .out = data, .size = size};
    store_le64(job.nonce, w->count);
    return job;
}

static void put(uint8_t *to, struct bytes part)
{
    if (part.size > 0) {
        memcpy(to, part.data, part.size);
    }
}

static int send_record(struct session *s, struct bytes head, struct bytes body, bool end)
{
    struct session_way *w = &s->out;
    const struct record_head h = {.size = (uint32_t)(head.size + body.size), .end = end};
    const size_t used = sizeof h + h.size, text = (used + PAD - 1) / PAD * PAD;
    if (!grow(w, text)) {
        return -ENOMEM;
    }
    memcpy(w->buffer, &h, sizeof h);
    put(w->buffer + sizeof h, head);
    put(w->buffer + sizeof h + head.size, body);
    memset(w->buffer + used, 0, text - used);
    int r = end && has_room(w) ? 0 : wait_for_room(s, end);
    if (r != 0) {
        return r;
    }
    struct rt_gcm_job job = job_of(w, w->buffer, text);
    struct yard_chunk_head chunk = {.size = text};
    rt_gcm_seal(&job, 1);
    memcpy(chunk.tag, job.tag, sizeof chunk.tag);
    const uint64_t at = chunk_offset(w);
    copy_to_host(w->at, at, BYTES_OF(chunk));
    if (text < MUCH) {
        copy_to_host(w->at, at + sizeof chunk, BYTES(w->buffer, text));
    } else {
        copy_to_host_past_caches(w->at, at + sizeof chunk, BYTES(w->buffer, text));
    }
    rt_yard_store(w->at, WORD(written), ++w->count);
    wake_waiter(s, w, WORD(reader));
    return 0;
}

int session_send(struct session *s, struct bytes head, struct bytes body)
{
    if (head.size > SESSION_RECORD_MAX || body.size > SESSION_RECORD_MAX - head.size) {
        return -EMSGSIZE;
    }
    return send_record(s, head, body, false);
}

void session_end(struct session *s)
{
    ignore_result(send_record(s, BYTES(NULL, 0), BYTES(NULL, 0), true), "if it is gone, it knows");
}

/* The next record, opened in the buffer: its text there, and how much of it is used. */
static size_t open_next(struct session *s)
{
    struct session_way *w = &s->in;
    struct yard_chunk_head chunk;
    struct record_head h;
    const uint64_t at = chunk_offset(w);
    copy_from_host(&chunk, w->at, at, sizeof chunk);
    if (chunk.size % PAD != 0 || chunk.size < PAD || chunk.size > TEXT_MAX) {
        rt_fatal("a record between enclaves has %lu bytes: the host changed it", chunk.size);
    }
    if (!grow(w, chunk.size)) {
        return SIZE_MAX;
    }
    copy_from_host(w->buffer, w->at, at + sizeof chunk, chunk.size);
    struct rt_gcm_job job = job_of(w, w->buffer, chunk.size);
    memcpy(job.tag, chunk.tag, sizeof job.tag);
    if (rt_gcm_open(&job, 1) != 1) {
        rt_fatal("record %lu between two enclaves of this tree is not authentic: the host changed, "
                 "replayed or reordered it",
                 w->count);
    }
    memcpy(&h, w->buffer, sizeof h);
    if (h.size > chunk.size - sizeof h) {
        rt_fatal("a record between enclaves says that it has %u of %lu bytes", h.size, chunk.size);
    }
    s->ended = h.end != 0;
    return h.size;
}

static int wait_for_record(struct session *s)
{
    spin(s, has_record, &s->in);
    while (!s->ended && !has_record(&s->in)) {
        if (session_peer_gone(s->peer)) {
            /* What it sent before its end is still there to be read. */
            return has_record(&s->in) ? 0 : -EPIPE;
        }
        ignore_result(session_wait(s, UINT64_MAX), "what is there tells, not why it returned");
    }
    return s->ended ? -EPIPE : 0;
}

int session_receive(struct session *s, void *ret, size_t size, size_t *ret_size)
{
    struct session_way *w = &s->in;
    int r = wait_for_record(s);
    if (r != 0) {
        return r;
    }
    const size_t n = open_next(s);
    if (s->ended) {
        return -EPIPE;
    }
    if (n == SIZE_MAX || n > size) {
        return n == SIZE_MAX ? -ENOMEM : -EMSGSIZE;
    }
    memcpy(ret, w->buffer + sizeof(struct record_head), n);
    *ret_size = n;
    rt_yard_store(w->at, WORD(taken), ++w->count);
    if (is_half_empty(w)) {
        wake_waiter(s, w, WORD(writer));
    }
    return 0;
}

void session_drain(struct session *s)
{
    struct session_way *w = &s->in;
    while (s->open && wait_for_record(s) == 0 && open_next(s) != SIZE_MAX && !s->ended) {
        rt_yard_store(w->at, WORD(taken), ++w->count);
        if (is_half_empty(w)) {
            wake_waiter(s, w, WORD(writer));
        }
    }
}

/* ---- before there is a key ------------------------------------------------------------------- */

int session_plain_send(unsigned slot, unsigned mailbox, enum yard_direction direction,
                       unsigned peer, struct bytes message)
{
    const host_span at = way_span(slot, mailbox, direction);
    REQUIRE(message.size <= SESSION_RECORD_MAX);
    copy_to_host(at, sizeof(struct yard_ring) + sizeof(struct yard_chunk_head), message);
    rt_yard_store(at, sizeof(struct yard_ring), message.size);
    rt_yard_store(at, WORD(written), 1);
    rt_yard_fence();
    const uint64_t number = rt_yard_load(at, WORD(reader));
    if (number != 0) {
        rt_process_wake(peer, (unsigned)((number - 1) % THREADS_MAX));
    }
    return session_peer_gone(peer) ? -EPIPE : 0;
}

bool session_plain_ready(unsigned slot, unsigned mailbox, enum yard_direction direction)
{
    return rt_yard_load(way_span(slot, mailbox, direction), WORD(written)) != 0;
}

void session_plain_announce(unsigned slot, unsigned mailbox, enum yard_direction direction,
                            bool wait)
{
    rt_yard_store(way_span(slot, mailbox, direction), WORD(reader), wait ? me() : 0);
    rt_yard_fence();
}

int session_plain_receive(unsigned slot, unsigned mailbox, enum yard_direction direction,
                          unsigned peer, void *ret, size_t size)
{
    const host_span at = way_span(slot, mailbox, direction);
    while (!session_plain_ready(slot, mailbox, direction)) {
        if (session_peer_gone(peer)) {
            return -EPIPE;
        }
        session_plain_announce(slot, mailbox, direction, true);
        if (!session_plain_ready(slot, mailbox, direction) && !session_peer_gone(peer)) {
            ignore_result(rt_wait(UINT64_MAX), "what is there tells");
        }
        session_plain_announce(slot, mailbox, direction, false);
    }
    if (rt_yard_load(at, sizeof(struct yard_ring)) != size) {
        return -EBADMSG;
    }
    copy_from_host(ret, at, sizeof(struct yard_ring) + sizeof(struct yard_chunk_head), size);
    return 0;
}
