/* SPDX-License-Identifier: Apache-2.0 */
/* The clock in the boot record, measured while more threads compute than there are processors. */
#include "enclave.h"
#include "tests/tap.h"

#include <stdlib.h>
#include <time.h>

enum { RACERS = 6, ROUNDS = 100, PPM_MAX = 200 };

static atomic_bool over;

static void *race(void *unused)
{
    (void)unused;
    while (!atomic_load(&over)) {
    }
    return NULL;
}

static uint64_t parts_per_million(uint64_t a, uint64_t b)
{
    return (a > b ? a - b : b - a) * 1000000 / b;
}

int main(void)
{
    struct host_enclave *e = (struct host_enclave *)calloc(1, sizeof *e);
    pthread_t racers[RACERS];
    size_t begun = 0;
    while (begun < RACERS && pthread_create(&racers[begun], NULL, race, NULL) == 0) {
        begun++;
    }
    CHECK(e != NULL && begun == RACERS, "%zu threads compute beside it", begun);
    if (e != NULL) {
        uint64_t hz[ROUNDS];
        struct boot_record first = {0};
        for (size_t i = 0; i < ROUNDS; i++) {
            host_clock_start();
            host_boot_fill(e);
            hz[i] = e->boot.tsc_hz;
            if (i == 0) {
                first = e->boot;
            }
        }
        uint64_t ns = e->boot.monotonic_ns - first.monotonic_ns;
        uint64_t right =
            (uint64_t)((unsigned __int128)(e->boot.tsc - first.tsc) * 1000000000 / ns);
        uint64_t worst = 0;
        for (size_t i = 0; i < ROUNDS; i++) {
            uint64_t ppm = parts_per_million(hz[i], right);
            worst = ppm > worst ? ppm : worst;
        }
        CHECK(worst <= PPM_MAX,
              "%d rates measured over 2 ms agree with the one over %lu ms to %d parts in a million (%lu)",
              ROUNDS, ns / 1000000, PPM_MAX, worst);
    }
    atomic_store(&over, true);
    for (size_t i = 0; i < begun; i++) {
        pthread_join(racers[i], NULL);
    }
    free(e);
    return tap_done();
}
