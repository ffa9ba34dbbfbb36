/* SPDX-License-Identifier: Apache-2.0 */
/* Feeds numbers from standard input to the running-mean enclave and prints what it gives out.
 * Usage: mean_host IMAGE.sgxs SIGSTRUCT [soft|sgx] */
#include "mean.h"
#define SDK_CALLS "mean.def"
#include "host/sdk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int host_published(void *context, const struct mean *in, struct sdk_nothing *ret_out)
{
    (void)ret_out;
    *(uint64_t *)context += 1;
    fprintf(stderr, "the enclave says that it published a mean of %lu samples\n",
            (unsigned long)in->count);
    return 0;
}

static int feed(struct sdk_enclave *enclave, struct diag *d)
{
    struct sdk_nothing nothing = {0};
    struct sample sample;
    struct mean mean;
    long value;
    while (scanf("%ld", &value) == 1) {
        sample.value = value;
        int r = call_add(enclave, &sample, &nothing, d);
        if (r == -ERANGE) {
            printf("%ld is out of range\n", value);
            continue;
        }
        r = r != 0 ? r : call_mean(enclave, &nothing, &mean, d);
        if (r == 0) {
            printf("mean of %lu: %ld\n", (unsigned long)mean.count, (long)mean.value);
        } else if (r != -EAGAIN) {
            return r;
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    uint64_t published = 0;
    struct sdk_config config = {.ocall = sdk_serve_ocall, .ocall_context = &published};
    struct sdk_enclave *enclave = NULL;
    struct bytes sigstruct;
    struct diag d = {""};
    if (argc < 3) {
        fprintf(stderr, "usage: %s IMAGE.sgxs SIGSTRUCT [soft|sgx]\n", argv[0]);
        return 2;
    }
    config.ops = machine_by_name(argc > 3 ? argv[3] : "soft");
    if (config.ops == NULL || host_read_file(argv[1], 1u << 27, &config.sgxs, &d) != 0 ||
        host_read_file(argv[2], sizeof config.sigstruct, &sigstruct, &d) != 0 ||
        sigstruct.size != sizeof config.sigstruct) {
        fprintf(stderr, "mean_host: %s\n", d.text[0] == '\0' ? "wrong arguments" : d.text);
        return 2;
    }
    memcpy(&config.sigstruct, sigstruct.data, sizeof config.sigstruct);
    int r = sdk_open(&config, &enclave, &d);
    r = r != 0 ? r : feed(enclave, &d);
    if (r != 0) {
        fprintf(stderr, "mean_host: %s\n", d.text);
    }
    sdk_close(enclave);
    return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
