/* SPDX-License-Identifier: Apache-2.0 */
/* Test tool: test_results DIR writes a result for each example, forged under a root of our own as
 * an honest daemon and aggregator would make it, and what tests change in one:
 * DIR/NAME/result.cbor, DIR/log-key, DIR/bare.cbor. All of it holds at the time that stands in the
 * files. */
#include "query/test_forge.h"

#include <stdio.h>
#include <stdlib.h>

#include "query/store.h"

static uint8_t file[RESULT_FILE_MAX];
static struct forged f;

static void save(const char *dir, const char *name, size_t size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *out = fopen(path, "wb");
    if (out == NULL || fwrite(file, 1, size, out) != size || fclose(out) != 0) {
        perror(path);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"share", "histogram", "mean",  "quantile", "od",
                                        "count", "week",      "zones", "hostile",  "empty"};
    struct diag d = {""};
    struct result result;
    if (argc != 2) {
        fprintf(stderr, "usage: test_results DIR\n");
        return 2;
    }
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        char folder[4096];
        forged_example(&f, names[i]);
        size_t size = forged_file(&f, file, sizeof file);
        snprintf(folder, sizeof folder, "%s/%s", argv[1], names[i]);
        if (result_read(BYTES(file, size), &result, &d) != 0 ||
            store_write(folder, &result, &d) != 0) {
            fprintf(stderr, "%s\n", d.text);
            return 1;
        }
    }
    forged_example(&f, "share");
    f.bare = true;
    save(argv[1], "bare.cbor", forged_file(&f, file, sizeof file));
    hex_encode((char *)file, f.log.key.point, QUERY_KEY_SIZE);
    save(argv[1], "log-key", 2 * QUERY_KEY_SIZE);
    return 0;
}
