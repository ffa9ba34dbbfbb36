/* SPDX-License-Identifier: Apache-2.0 */
/* A running mean that shows no single number, as an ordinary C program: it reads one number a line
 * and writes the mean of five or more samples, and then only of every fifth one, so that two means
 * never differ by one sample. examples/sdk has the same behind the SDK door.
 *
 * Shim door:        alcove cc -O2 mean.c -o mean
 * Library OS door:  cc -O2 mean.c -o libos/mean */
#include <stdint.h>
#include <stdio.h>

#define GROUP 5u
#define LIMIT 1000000

static int64_t sum;
static uint64_t count;

static int add(FILE *out, long value)
{
    if (value < -LIMIT || value > LIMIT || count == UINT32_MAX) {
        return fprintf(out, "%ld is out of range\n", value);
    }
    sum += value;
    count++;
    if (count % GROUP != 0) {
        return 0;
    }
    return fprintf(out, "mean of %lu: %ld\n", (unsigned long)count, (long)(sum / (int64_t)count));
}

int main(int argc, char **argv)
{
    FILE *in = fopen(argc > 2 ? argv[1] : "/in/samples", "r");
    FILE *out = fopen(argc > 2 ? argv[2] : "/out/mean", "w");
    long value;
    if (in == NULL || out == NULL) {
        perror("mean");
        return 1;
    }
    while (fscanf(in, "%ld", &value) == 1) {
        if (add(out, value) < 0) {
            break;
        }
    }
    if (ferror(in) != 0 || fclose(out) != 0) {
        perror("mean");
        return 1;
    }
    fprintf(stderr, "%lu samples\n", (unsigned long)count);
    return 0;
}
