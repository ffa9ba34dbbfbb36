/* SPDX-License-Identifier: Apache-2.0 */
/* First lines of scripts, and plans of execve as they travel between enclaves. */
#include "exec/exec.h"

#include <stdlib.h>
#include <string.h>

#include "exec/script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

void *rt_alloc(size_t n)
{
    return calloc(1, n == 0 ? 1 : n);
}

void rt_free(void *p)
{
    free(p);
}

void program_close(struct program_source *s)
{
    REQUIRE(s->file == NULL && s->interpreter == NULL);
}

static void check_script(struct bytes head)
{
    struct script_line line;
    if (script_parse(head, &line) != 0) {
        return;
    }
    const uint8_t *end = head.data + head.size;
    REQUIRE(script_is(head) && line.interpreter.size > 0);
    REQUIRE(line.interpreter.data >= head.data + 2 && line.argument.data <= end &&
            line.interpreter.data + line.interpreter.size <= line.argument.data &&
            line.argument.data + line.argument.size <= end);
    for (size_t i = 0; i < line.interpreter.size; i++) {
        uint8_t c = line.interpreter.data[i];
        REQUIRE(c != '\0' && c != ' ' && c != '\t' && c != '\n');
    }
    for (size_t i = 0; i < line.argument.size; i++) {
        REQUIRE(line.argument.data[i] != '\0' && line.argument.data[i] != '\n');
    }
}

static void check_plan(struct bytes packed)
{
    struct exec_plan plan;
    uint8_t *again;
    size_t size;
    if (exec_unpack(packed, &plan) != 0) {
        return;
    }
    REQUIRE(strlen(plan.name) < sizeof plan.name && strlen(plan.path) < sizeof plan.path);
    size_t seen = 0;
    for (size_t i = 0; i < plan.argv.count; i++) {
        seen += strlen((const char *)plan.argv.data + seen) + 1;
    }
    REQUIRE(seen == plan.argv.size);
    const struct bytes words[2] = {BYTES_STR("interpreter"), BYTES_STR("")};
    struct exec_strings with;
    REQUIRE(exec_strings_make(words, 2, &with) == 0);
    size_t count = plan.argv.count;
    REQUIRE(exec_strings_replace_first(&plan.argv, &with) == 0);
    REQUIRE(plan.argv.count == (count == 0 ? 2 : count + 1));
    exec_strings_free(&with);
    REQUIRE(exec_pack(&plan, &again, &size) == 0);
    struct exec_plan second;
    REQUIRE(exec_unpack(BYTES(again, size), &second) == 0);
    REQUIRE(second.argv.size == plan.argv.size && second.env.count == plan.env.count);
    free(again);
    exec_plan_free(&second);
    exec_plan_free(&plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_script(BYTES(data, size < SCRIPT_HEAD_SIZE ? size : SCRIPT_HEAD_SIZE));
    check_plan(BYTES(data, size));
    return 0;
}
