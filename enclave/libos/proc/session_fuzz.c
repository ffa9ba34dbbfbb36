/* SPDX-License-Identifier: Apache-2.0 */
/* A mailbox in the host's hands: any bytes of ring and chunks change between any sends and
 * receives. Whatever it does, a record that is received is the next one that was sent, or the
 * enclave stops. */
#include "proc/session.h"

#include <errno.h>
#include <stdlib.h>

#include "proc/test_yard.h"

enum { MEMBER = 1, RECORDS = 64, LARGEST = 6000 };
static struct session ends[2]; /* owner, member */
static uint64_t generation;
static uint8_t text[LARGEST + 256], got[SESSION_RECORD_MAX];
static struct {
    uint32_t sent, received;
    uint16_t sizes[RECORDS];
} ways[2]; /* by who sends */

static void open_ends(void)
{
    static const uint8_t secret[32] = "owner and member";
    uint8_t key[32];
    session_reset(MEMBER, YARD_BOX_CONTROL);
    session_key(secret, ++generation, YARD_BOX_CONTROL, key);
    for (unsigned i = 0; i < 2; i++) {
        REQUIRE(session_open(&ends[i], MEMBER, YARD_BOX_CONTROL, i == 0 ? YARD_DOWN : YARD_UP,
                             i == 0 ? MEMBER : YARD_OWNER, key) == 0);
    }
    memset(ways, 0, sizeof ways);
}

static const uint8_t *text_of(unsigned end, uint32_t record)
{
    return text + (end * 128 + record) % 256;
}

static void send_one(unsigned end, uint16_t size)
{
    test_yard_be(end == 0 ? YARD_OWNER : MEMBER, 0);
    if (ways[end].sent == RECORDS || !session_has_room(&ends[end])) {
        return;
    }
    const uint32_t n = ways[end].sent++;
    ways[end].sizes[n] = size % LARGEST;
    REQUIRE(session_send(&ends[end], BYTES_OF(n), BYTES(text_of(end, n), ways[end].sizes[n])) == 0);
}

static void receive_one(unsigned end)
{
    const unsigned from = 1 - end;
    size_t size = 0;
    test_yard_be(end == 0 ? YARD_OWNER : MEMBER, 0);
    if (!session_ready(&ends[end]) || session_receive(&ends[end], got, sizeof got, &size) != 0) {
        return;
    }
    const uint32_t n = ways[from].received++;
    if (n >= ways[from].sent || size != sizeof n + ways[from].sizes[n] || memcmp(got, &n, 4) != 0 ||
        memcmp(got + 4, text_of(from, n), size - 4) != 0) {
        abort();
    }
}

/* What the host does: one byte, one counter, a whole chunk. */
static void change(uint8_t what, uint16_t where, uint8_t value)
{
    struct yard_call_way *way = &test_yard->slots[MEMBER].control[what >> 4 & 1];
    uint8_t *bytes = (uint8_t *)way;
    if ((what & 3) == 0) {
        bytes[where % sizeof way->ring] ^= value;
    } else if ((what & 3) == 1) {
        bytes[sizeof way->ring + (what >> 2 & 1) * YARD_CHUNK_SIZE + where % LARGEST] ^= value;
    } else if ((what & 3) == 2) {
        struct yard_call_way *other = &test_yard->slots[MEMBER].control[value & 1];
        memmove(way->chunks[what >> 2 & 1], other->chunks[value >> 1 & 1], YARD_CHUNK_SIZE);
    } else {
        way->ring.written = where;
    }
}

static void play(const uint8_t *data, size_t size)
{
    for (; size >= 4; data += 4, size -= 4) {
        const uint16_t number = load_le16(data + 1);
        switch (data[0] >> 5) {
        case 0:
        case 1:
            send_one(data[0] >> 5, number);
            break;
        case 2:
        case 3:
            receive_one((data[0] >> 5) - 2u);
            break;
        default:
            change(data[0], number, data[3]);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (test_yard == NULL) {
        test_yard_start();
        for (size_t i = 0; i < sizeof text; i++) {
            text[i] = (uint8_t)(i * 31 + i / 256);
        }
    }
    open_ends();
    test_fatal.armed = true;
    if (setjmp(test_fatal.at) == 0) {
        play(data, size);
    }
    test_fatal.armed = false;
    session_close(&ends[0]);
    session_close(&ends[1]);
    return 0;
}
