/* SPDX-License-Identifier: Apache-2.0 */
/* Processes: fork a child that ends at once, and one that executes the program named. */
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum { COUNT = 30 };

static double children(char *program)
{
    double begin = now();
    for (int i = 0; i < COUNT; i++) {
        pid_t child = fork();
        need(child >= 0, "fork");
        if (child == 0) {
            if (program != NULL) {
                execl(program, program, (char *)NULL);
                _exit(127);
            }
            _exit(0);
        }
        int status;
        need(waitpid(child, &status, 0) == child && status == 0, "waitpid");
    }
    return (now() - begin) / COUNT;
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: processes fork | processes exec PROGRAM\n");
        return 2;
    }
    char *program = argc == 3 ? argv[2] : NULL;
    children(program); /* the first ones fill what later ones use again */
    show(argv[1], children(program));
    return 0;
}
