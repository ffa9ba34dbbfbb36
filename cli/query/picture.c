/* SPDX-License-Identifier: Apache-2.0 */
#include "query/picture.h"

#include <errno.h>
#include <stdlib.h>

#include "build/file.h"
#include "query/chart.h"

int picture_svg(const struct result_checked *c, const struct query_facts *facts, const char *path,
                struct diag *d)
{
    struct scene scene;
    char *text = NULL;
    size_t size = 0;
    int err = chart_draw(c, facts, &scene, d);
    FILE *out = open_memstream(&text, &size);
    if (err == 0 && (out == NULL || scene_write_svg(&scene, out) != 0)) {
        err = diag_fail(d, -ENOMEM, "no memory for the picture");
    }
    if (out != NULL && fclose(out) != 0 && err == 0) {
        err = diag_fail(d, -ENOMEM, "no memory for the picture");
    }
    err = err != 0 ? err : file_write(path, BYTES(text, size), 0644, d);
    free(text);
    scene_done(&scene);
    return err;
}

int picture_png(const struct result_checked *c, const struct query_facts *facts, const char *path,
                struct diag *d)
{
    struct scene scene;
    int err = chart_draw(c, facts, &scene, d);
    err = err != 0 ? err : scene_write_png(&scene, path, d);
    scene_done(&scene);
    return err;
}
