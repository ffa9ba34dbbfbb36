/* SPDX-License-Identifier: Apache-2.0 */
/* The host's files under sealed volumes. What is read here is ciphertext nobody vouched for; what
 * is written was sealed before. A host that lies about having written it is found out at the next
 * open, or never: that is the reader's business. */
#include "thread.h"

#define EIO 5

static int64_t call(unsigned number, size_t volume, uint64_t a, uint64_t b, struct bytes to_host,
                    void *from_host, size_t from_size)
{
    const uint64_t args[HOSTCALL_ARGS] = {volume, a, b};
    return rt_hostcall(number, args, to_host, from_host, from_size);
}

int rt_volume_size(size_t volume, uint64_t *ret)
{
    int64_t r = call(HOSTCALL_volume_size, volume, 0, 0, BYTES(NULL, 0), NULL, 0);
    if (r >= 0) {
        *ret = (uint64_t)r;
    }
    return r < 0 ? (int)r : 0;
}

int rt_volume_read(size_t volume, uint64_t offset, void *to, size_t n)
{
    REQUIRE(n <= HOSTCALL_DATA_MAX);
    int64_t r = call(HOSTCALL_volume_read, volume, offset, n, BYTES(NULL, 0), to, n);
    return r == (int64_t)n ? 0 : -EIO;
}

int rt_volume_write(size_t volume, uint64_t offset, struct bytes data)
{
    int64_t r = call(HOSTCALL_volume_write, volume, offset, 0, data, NULL, 0);
    return r == (int64_t)data.size ? 0 : r < 0 ? (int)r : -EIO;
}

int rt_volume_sync(size_t volume)
{
    return (int)call(HOSTCALL_volume_sync, volume, 0, 0, BYTES(NULL, 0), NULL, 0);
}

int rt_volume_resize(size_t volume, uint64_t size)
{
    return (int)call(HOSTCALL_volume_resize, volume, size, 0, BYTES(NULL, 0), NULL, 0);
}
