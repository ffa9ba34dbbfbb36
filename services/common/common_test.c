/* SPDX-License-Identifier: Apache-2.0 */
/* What all services share: frames that a host sends in any state, memory that comes and goes,
 * hello. */
#include "services/frames.h"
#include "services/kit.h"
#include "test_kit.h"
#include "tests/tap.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct service_buffer got;

/* A stream with these bytes in it. */
static int stream(const void *data, size_t size)
{
    int fd = memfd_create("stream", MFD_CLOEXEC);
    REQUIRE(fd >= 0 && write(fd, data, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

static int read_from(const void *data, size_t size)
{
    int fd = stream(data, size);
    int r = frames_read(fd, &got, NULL);
    close(fd);
    return r;
}

static void test_sizes(void)
{
    static const size_t sizes[] = {0, 1, 65535, 65536, 65537, 131072, SERVICE_BUFFER_MAX};
    uint8_t *data = malloc(SERVICE_BUFFER_MAX);
    REQUIRE(data != NULL);
    for (size_t i = 0; i < SERVICE_BUFFER_MAX; i++) {
        data[i] = (uint8_t)(i * 7 + (i >> 9));
    }
    unsigned good = 0;
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        int fd = memfd_create("message", MFD_CLOEXEC);
        struct bytes message = BYTES(data, sizes[i]);
        REQUIRE(fd >= 0 && frames_write(fd, message, NULL) == 0 &&
                frames_write(fd, BYTES_STR("next"), NULL) == 0 && lseek(fd, 0, SEEK_SET) == 0);
        good += frames_read(fd, &got, NULL) == FRAMES_MESSAGE &&
                bytes_equal(service_buffer_bytes(&got), message) &&
                frames_read(fd, &got, NULL) == FRAMES_MESSAGE &&
                bytes_equal_str(service_buffer_bytes(&got), "next") &&
                frames_read(fd, &got, NULL) == FRAMES_END;
        close(fd);
    }
    CHECK(good == ARRAY_SIZE(sizes), "messages of all sizes arrive as they were sent, one by one");
    CHECK(frames_write(STDOUT_FILENO, BYTES(data, SERVICE_BUFFER_MAX + 1), NULL) == -EMSGSIZE,
          "a message that is too long is not sent");
    free(data);
}

static void test_broken(void)
{
    static uint8_t full[4 + FRAME_MAX] = {0, 0, 1, 0};
    CHECK(read_from("", 0) == FRAMES_END, "nothing is the end");
    CHECK(read_from("\5\0\0", 3) == -EBADMSG, "a size that was cut off is an error");
    CHECK(read_from("\5\0\0\0only", 8) == -EBADMSG, "a frame that was cut off, too");
    CHECK(read_from("\1\0\1\0", 4) == -EBADMSG, "and a frame of 65,537 bytes");
    CHECK(read_from("\xff\xff\xff\xff", 4) == -EBADMSG, "and one of four billion");
    CHECK(read_from(full, sizeof full) == -EBADMSG, "a full frame wants another one");
    int fd = memfd_create("endless", MFD_CLOEXEC);
    size_t frames = SERVICE_BUFFER_MAX / FRAME_MAX + 2;
    for (size_t i = 0; i < frames; i++) {
        REQUIRE(write(fd, full, sizeof full) == (ssize_t)sizeof full);
    }
    REQUIRE(lseek(fd, 0, SEEK_SET) == 0);
    CHECK(frames_read(fd, &got, NULL) == -EMSGSIZE && got.capacity <= SERVICE_BUFFER_MAX,
          "a message without an end ends at the largest record");
    close(fd);
    CHECK(frames_read(-1, &got, NULL) == -EBADF && frames_write(-1, BYTES_STR("x"), NULL) == -EBADF,
          "what read and write fail with is said");
}

static void test_buffer(void)
{
    struct service_buffer b = {0};
    REQUIRE(service_buffer_reserve(&b, 10) == 0);
    memcpy(b.data, "0123456789", 10);
    b.size = 10;
    CHECK(service_buffer_reserve(&b, 1u << 20) == 0 && b.capacity >= 1u << 20 &&
              bytes_equal_str(service_buffer_bytes(&b), "0123456789"),
          "memory grows, and what is in it stays");
    service_buffer_reset(&b);
    CHECK(b.data == NULL && b.capacity == 0 && b.size == 0, "much memory is given back");
    REQUIRE(service_buffer_reserve(&b, 10) == 0);
    memset(b.data, 7, 10);
    b.size = 10;
    uint8_t *place = b.data;
    service_buffer_reset(&b);
    CHECK(b.data == place && b.data[0] == 0 && b.data[9] == 0 && b.size == 0,
          "a little is kept, and wiped");
    CHECK(service_buffer_reserve(&b, SERVICE_BUFFER_MAX + 1) == -EMSGSIZE && b.data == place,
          "more than the largest record is refused");
    service_buffer_done(&b);
}

static void test_answers(void)
{
    static uint8_t large[300000];
    const struct wire_task task = {.message = BYTES_OF(large)};
    struct wire_task again;
    CHECK(service_answer(WIRE_task, &task, &got, NULL) == 0 &&
              wire_read_task(service_buffer_bytes(&got), &again, NULL) == 0 &&
              again.message.size == sizeof large,
          "an answer gets the memory that it needs");
    struct wire_refused r = {.code = WIRE_CODE_COUNT};
    CHECK(service_answer(WIRE_refused, &r, &got, NULL) == -EINVAL && got.size == 0,
          "a record that nobody would read is not written");
    struct diag d = {"quotes \xff somebody"};
    CHECK(service_refuse(WIRE_CODE_LATE, &d, &got) == 0 &&
              wire_read_refused(service_buffer_bytes(&got), &r, NULL) == 0 &&
              r.code == WIRE_CODE_LATE && r.sentence.size == 0,
          "a refusal whose sentence is no text goes out without it");
}

static enum wire_record take(struct service_kit *kit, struct bytes record)
{
    int err;
    enum wire_record which = service_take(kit, record, &got, &err);
    REQUIRE(err == 0);
    return which;
}

static bool answered(enum wire_record which, enum wire_code code)
{
    struct wire_refused r;
    struct wire_done done;
    struct bytes answer = service_buffer_bytes(&got);
    return which == WIRE_RECORDS &&
           (code == WIRE_CODE_OK ? wire_read_done(answer, &done, NULL) == 0
                                 : wire_read_refused(answer, &r, NULL) == 0 && r.code == code);
}

static void test_kit(void)
{
    static struct test_machine machine;
    static struct test_enclave one, other;
    struct service_buffer hello = {0}, wrong = {0}, work = {0};
    struct wire_work w;
    memset(&w, 0, sizeof w);
    test_machine_make(&machine);
    test_enclave_make(&one, &machine, "one", 1);
    test_enclave_make(&other, &machine, "other", 2);
    test_hello(&one, &hello);
    test_hello(&other, &wrong);
    REQUIRE(service_answer(WIRE_work, &w, &work, NULL) == 0);
    struct service_kit kit = {.env = &one.env};
    CHECK(answered(take(&kit, service_buffer_bytes(&work)), WIRE_CODE_STATE),
          "nothing comes before hello");
    CHECK(answered(take(&kit, service_buffer_bytes(&wrong)), WIRE_CODE_IDENTITY) && !kit.ready,
          "a hello with another manifest is refused");
    CHECK(answered(take(&kit, BYTES(hello.data, hello.size - 1)), WIRE_CODE_FORMAT),
          "so is one that was cut off");
    CHECK(answered(take(&kit, service_buffer_bytes(&hello)), WIRE_CODE_OK) && kit.ready &&
              kit.mrenclave[0] == 1,
          "after its own it knows who it is");
    uint8_t *first = kit.kept.data;
    CHECK(answered(take(&kit, service_buffer_bytes(&wrong)), WIRE_CODE_IDENTITY) && kit.ready &&
              kit.kept.data == first,
          "a wrong one changes nothing later on");
    CHECK(answered(take(&kit, service_buffer_bytes(&hello)), WIRE_CODE_OK) && kit.ready,
          "a newer one takes its place");
    CHECK(take(&kit, service_buffer_bytes(&work)) == WIRE_work, "other records are the core's");
    CHECK(answered(take(&kit, BYTES_STR("x")), WIRE_CODE_FORMAT), "and what is none is refused");
    struct binding b = {.purpose = BINDING_PURPOSE_CUSTODIAN, .fresh = BINDING_FRESH_TIME};
    CHECK(service_evidence(&kit, &b, &got, NULL) == -EINVAL,
          "there is no evidence for a binding without a key");
    struct hpke_private_key key;
    REQUIRE(hpke_private_make(HPKE_KEM_X25519, &key) == 0);
    b.key = key.public_key;
    CHECK(service_evidence(&kit, &b, &got, NULL) == 0 && got.size > 1000, "with one there is");
    one.no_quotes = true;
    struct diag d = {""};
    CHECK(service_evidence(&kit, &b, &got, &d) == -ENODEV && d.text[0] != '\0',
          "and where nobody quotes, that is said");
    service_kit_done(&kit);
    service_buffer_done(&hello);
    service_buffer_done(&wrong);
    service_buffer_done(&work);
}

int main(void)
{
    test_sizes();
    test_broken();
    test_buffer();
    test_answers();
    test_kit();
    service_buffer_done(&got);
    return tap_done();
}
