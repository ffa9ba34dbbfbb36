/* SPDX-License-Identifier: Apache-2.0 */
/* The image of a process, as records of any content: kind and size of each are the input's. */
#include "proc/image.h"

#include "mm/mm.h"
#include "proc/image_format.h"
#include "exec/rewrite.h"
#include "test_shim.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct bytes input;

/* Two bytes of size before each record. A size beyond the input fills up with its last byte: large
 * bodies from small inputs. */
static int receive(void *where, void *ret, size_t size, size_t *ret_size)
{
    (void)where;
    if (input.size < 2) {
        return -32; /* EPIPE */
    }
    size_t n = load_le16(input.data), there = input.size - 2;
    n = n * 8 < size ? n * 8 : size;
    there = there < n ? there : n;
    memcpy(ret, input.data + 2, there);
    memset((uint8_t *)ret + there, there == 0 ? 0 : input.data[1 + there], n - there);
    input = BYTES(input.data + 2 + there, input.size - 2 - there);
    *ret_size = n;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct file library = {.id = 5, .measured = true, .size = SHIM_FILE_SIZE};
    static bool started;
    struct rt_frame frame;
    if (!started) {
        shim_fd = &library;
        shim_start(UINT64_C(64) << 20);
        REQUIRE(mm_start(UINT64_C(64) << 20) == 0 && rewrite_start(0) == 0);
        started = true;
    }
    input = BYTES(data, size);
    int r = image_receive(&(struct image_source){.receive = receive}, &frame);
    for (size_t i = 0; r == 0 && i < vma_count(); i++) {
        const struct vma *v = vma_at(i);
        REQUIRE((v->prot & (OS_PROT_WRITE | OS_PROT_EXEC)) != (OS_PROT_WRITE | OS_PROT_EXEC));
        REQUIRE((v->prot & OS_PROT_EXEC) == 0 || v->file == &library);
    }
    mm_reset();
    rewrite_reset();
    REQUIRE(library.references == 0);
    return 0;
}
