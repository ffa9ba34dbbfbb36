/* SPDX-License-Identifier: Apache-2.0 */
/* alcove run: runs a bundle in an enclave and becomes its exit status. */
#include "cli.h"
#include "host/run.h"
#include "host/trace.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

const char verb_run_help[] =
    "usage: alcove run BUNDLE [OPTION]...\n"
    "\n"
    "Runs the program that BUNDLE names in an enclave of its own and exits with its exit status, or\n"
    "ends by its signal. The program sees its measured layers, the inputs and outputs that its\n"
    "manifest declares, and nothing else of this machine: no files, no environment, no arguments.\n"
    "\n"
    "  --input NAME=PATH    give the file PATH as the declared input NAME\n"
    "  --output NAME=PATH   write the declared output NAME to PATH when the program ends with status 0\n"
    "  --volume NAME=PATH   keep the declared sealed volume NAME in the file PATH, which is made if it is\n"
    "                       not there; only an enclave that has the volume's key can read it\n"
    "  --quote FILE         write evidence of this run to FILE: which program ran, on which inputs, with\n"
    "                       which outputs; check it with `alcove verify`\n"
    "  --nonce HEX          up to 64 bytes that the evidence repeats, so that it can be told to be fresh\n"
    "  --machine NAME       soft (default) or sgx (the hardware; nobody has run this yet)\n"
    "  --trace[=WHAT]       print what the program asks of the system. WHAT is a list of sys (all system\n"
    "                       calls, the default), file, desc, net, process, mm, signal (groups of them),\n"
    "                       host (what the enclave asks of this machine) and names of system calls; !X\n"
    "                       leaves X out. Only bundles built with \"debug: true\" can be traced\n"
    "  --trace-file FILE    write traces and reports to FILE, not to standard error\n"
    "  --stats              say at the end what the program used, and the manifest lines for it; only\n"
    "                       bundles built with \"debug: true\"\n"
    "  --perf               say at the end which hostcalls took how long and, of bundles built with\n"
    "                       \"debug: true\", which system calls\n"
    "  --gdb[=FILE]         run under gdb, which finds the symbols of runtime and program, on the terminal\n"
    "                       or with the commands of FILE; for bundles built with \"debug: true\" on the\n"
    "                       software machine\n"
    "  --trap-only          software machine: emulate enclave instructions by trap, not by translation\n"
    "  --help               this text\n"
    "\n"
    "Exit status: the program's own; 125 when it could not be started or the enclave died, 2 for wrong\n"
    "usage.\n";

#define EXIT_NOT_RUN 125

static int parse_file(char *text, struct run_file *files, size_t *count, const char *option)
{
    char *equals = strchr(text, '=');
    if (equals == NULL || equals == text || equals[1] == '\0') {
        return cli_usage("run", "%s wants NAME=PATH, got \"%s\"", option, text);
    }
    if (*count == RUN_FILES_MAX) {
        return cli_usage("run", "more than %u times %s", RUN_FILES_MAX, option);
    }
    *equals = '\0';
    files[(*count)++] = (struct run_file){text, equals + 1};
    return CLI_OK;
}

static int parse_trace(const char *list, struct run_request *q)
{
    struct diag d = {""};
    return host_trace_select(list, &q->trace, q->trace_calls, &d) == 0
               ? CLI_OK
               : cli_usage("run", "--trace: %s", d.text);
}

static int parse_nonce(const char *hex, uint8_t *nonce, struct bytes *ret)
{
    size_t n = strlen(hex) / 2;
    if (n == 0 || n > NONCE_MAX || !hex_decode(nonce, n, BYTES(hex, strlen(hex)))) {
        return cli_usage("run", "--nonce wants 1 to %u bytes in hexadecimal", NONCE_MAX);
    }
    *ret = BYTES(nonce, n);
    return CLI_OK;
}

enum {
    OPT_INPUT = 256,
    OPT_OUTPUT,
    OPT_VOLUME,
    OPT_QUOTE,
    OPT_NONCE,
    OPT_MACHINE,
    OPT_TRACE,
    OPT_TRACE_FILE,
    OPT_STATS,
    OPT_PERF,
    OPT_GDB,
    OPT_TRAP,
    OPT_HELP
};

/* -1: it is none, or lacks its value. */
static int parse_option(int option, struct run_request *q, uint8_t *nonce)
{
    switch (option) {
    case OPT_INPUT:
        return parse_file(optarg, q->inputs, &q->input_count, "--input");
    case OPT_OUTPUT:
        return parse_file(optarg, q->outputs, &q->output_count, "--output");
    case OPT_VOLUME:
        return parse_file(optarg, q->volumes, &q->volume_count, "--volume");
    case OPT_QUOTE:
        q->evidence_path = optarg;
        return CLI_OK;
    case OPT_NONCE:
        return parse_nonce(optarg, nonce, &q->nonce);
    case OPT_MACHINE:
        q->machine = optarg;
        return CLI_OK;
    case OPT_TRACE:
        return parse_trace(optarg == NULL ? "sys" : optarg, q);
    case OPT_TRACE_FILE:
        q->trace_path = optarg;
        return CLI_OK;
    case OPT_STATS:
        q->trace |= TRACE_STATS;
        return CLI_OK;
    case OPT_PERF:
        q->trace |= TRACE_PERF;
        return CLI_OK;
    case OPT_GDB:
        q->gdb = optarg == NULL ? "" : optarg;
        return CLI_OK;
    case OPT_TRAP:
        q->trap_only = true;
        return CLI_OK;
    default:
        return -1;
    }
}

static int parse(int argc, char **argv, struct run_request *q, uint8_t *nonce)
{
    static const struct option options[] = {{"input", required_argument, NULL, OPT_INPUT},
                                            {"output", required_argument, NULL, OPT_OUTPUT},
                                            {"volume", required_argument, NULL, OPT_VOLUME},
                                            {"quote", required_argument, NULL, OPT_QUOTE},
                                            {"nonce", required_argument, NULL, OPT_NONCE},
                                            {"machine", required_argument, NULL, OPT_MACHINE},
                                            {"trace", optional_argument, NULL, OPT_TRACE},
                                            {"trace-file", required_argument, NULL, OPT_TRACE_FILE},
                                            {"stats", no_argument, NULL, OPT_STATS},
                                            {"perf", no_argument, NULL, OPT_PERF},
                                            {"gdb", optional_argument, NULL, OPT_GDB},
                                            {"trap-only", no_argument, NULL, OPT_TRAP},
                                            {NULL, 0, NULL, 0}};
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        int r = parse_option(option, q, nonce);
        if (r < 0) {
            return cli_usage("run", "unknown or incomplete option '%s'", argv[optind - 1]);
        }
        if (r != CLI_OK) {
            return r;
        }
    }
    if (optind != argc - 1) {
        return cli_usage("run", "give exactly one bundle");
    }
    if (q->nonce.size > 0 && q->evidence_path == NULL) {
        return cli_usage("run", "--nonce goes with --quote FILE");
    }
    if (q->trace_path != NULL && q->trace == 0) {
        return cli_usage("run", "--trace-file goes with --trace, --stats or --perf");
    }
    q->bundle = argv[optind];
    return CLI_OK;
}

/* Ends like the workload ended: by the same signal, without a core file of ours. */
static int die_by(int signal_number)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
    return 128 + signal_number;
}

int verb_run(int argc, char **argv)
{
    struct run_request q = {.machine = "soft"};
    uint8_t nonce[NONCE_MAX];
    struct run_result result = {0};
    struct diag d = {""};
    int r = parse(argc, argv, &q, nonce);
    if (r != CLI_OK) {
        return r;
    }
    r = host_run(&q, &result, &d);
    if (r == -EINTR) {
        return die_by((int)result.value);
    }
    if (r != 0) {
        cli_fail("run", &d);
        return EXIT_NOT_RUN;
    }
    if (result.unquoted.text[0] != '\0') {
        fprintf(stderr, "alcove: run: the workload got no quote: %s\n", result.unquoted.text);
    }
    switch (result.kind) {
    case EXIT_STATUS:
        return (int)(result.value & 0xff);
    case EXIT_SIGNAL:
        return die_by((int)(result.value & 0x7f));
    case EXIT_REFUSED:
    case EXIT_RUNTIME:
        return EXIT_NOT_RUN; /* the runtime has said why */
    }
    return EXIT_NOT_RUN;
}
