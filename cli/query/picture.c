/* SPDX-License-Identifier: Apache-2.0 */
#include "query/picture.h"

#include <errno.h>
#include <stdlib.h>

#include "build/file.h"
#include "query/chart.h"

/* The whole picture in memory, then the file: whoever looks finds the old one or the new one. */
static int picture(const struct result_checked *c, const struct query_facts *facts,
                   const char *path, bool png, struct diag *d)
{
    struct scene scene;
    char *bytes = NULL;
    size_t size = 0;
    int err = chart_draw(c, facts, &scene, d);
    FILE *out = err == 0 ? open_memstream(&bytes, &size) : NULL;
    if (err == 0 && out == NULL) {
        err = diag_fail(d, -ENOMEM, "no memory for the picture");
    }
    if (err == 0 && png) {
        err = scene_write_png(&scene, out, d);
    } else if (err == 0 && scene_write_svg(&scene, out) != 0) {
        err = diag_fail(d, -ENOMEM, "no memory for the picture");
    }
    if (out != NULL && fclose(out) != 0 && err == 0) {
        err = diag_fail(d, -ENOMEM, "no memory for the picture");
    }
    err = err != 0 ? err : file_write(path, BYTES(bytes, size), 0644, d);
    free(bytes);
    scene_done(&scene);
    return err;
}

int picture_svg(const struct result_checked *c, const struct query_facts *facts, const char *path,
                struct diag *d)
{
    return picture(c, facts, path, false, d);
}

int picture_png(const struct result_checked *c, const struct query_facts *facts, const char *path,
                struct diag *d)
{
    return picture(c, facts, path, true, d);
}
