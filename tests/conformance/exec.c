/* SPDX-License-Identifier: Apache-2.0 */
/* execve, as the program before it and the one after it see it. Each stage ends in an execve of the
 * same program as the next stage, so one process goes through all of them. Run on Linux and in an
 * enclave: the output must be the same. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include <xmmintrin.h>

#define SELF "/proc/self/exe"
#define SAY(...)                                                                                   \
    do {                                                                                           \
        printf(__VA_ARGS__);                                                                       \
        printf("\n");                                                                              \
        fflush(stdout);                                                                            \
    } while (0)

static char dir[] = "/tmp/exec-XXXXXX";
static char *const nothing[] = {NULL};

static const char *in(const char *name)
{
    static char path[4][PATH_MAX];
    static int next;
    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[next], "%s/%s", dir, name);
    return path[next];
}

static void remove_dir(void)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    while (d != NULL && (e = readdir(d)) != NULL) {
        unlink(in(e->d_name));
    }
    closedir(d);
    rmdir(dir);
}

static void make(const char *name, const char *text, mode_t mode)
{
    int fd = open(in(name), O_CREAT | O_WRONLY | O_TRUNC, 0600);
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || fchmod(fd, mode) != 0) {
        SAY("cannot make %s", name);
        exit(1);
    }
    close(fd);
}

/* What execve says when it does not work. */
static void fails(const char *what, const char *path)
{
    char *argv[] = {"x", NULL};
    execve(path, argv, nothing);
    SAY("%s: %s", what, strerrorname_np(errno));
}

static void fails_at(const char *what, int fd, const char *path, int flags)
{
    char *argv[] = {"x", NULL};
    syscall(SYS_execveat, fd, path, argv, nothing, flags);
    SAY("%s: %s", what, strerrorname_np(errno));
}

static void next(char *const argv[], char *const envp[])
{
    execve(SELF, argv, envp);
    SAY("execve: %s", strerrorname_np(errno));
    exit(1);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void refusals_of_scripts(void)
{
    make("missing", "#!/no/such/interpreter\n", 0755);
    fails("script of a missing interpreter", in("missing"));
    make("directory", "#!/tmp\n", 0755);
    fails("script of a directory", in("directory"));
    make("empty-line", "#!\n", 0755);
    fails("script without a name", in("empty-line"));
    make("blanks", "#!   \t \n", 0755);
    fails("script of blanks", in("blanks"));
    make("not-executable", "#!" SELF "\n", 0644);
    fails("script that may not be executed", in("not-executable"));
    char text[600] = "#!/";
    memset(text + 3, 'a', 300);
    make("long", text, 0755);
    fails("script of a long name", in("long"));
    char *deep[] = {"s1", "s2", "s3", "s4", "s5", "s6"};
    for (int i = 0; i < 6; i++) {
        snprintf(text, sizeof text, "#!%s\n", i == 0 ? SELF : in(deep[i - 1]));
        make(deep[i], text, 0755);
    }
    fails("six scripts deep", in("s6"));
    make("loop", "", 0755);
    snprintf(text, sizeof text, "#!%s\n", in("loop"));
    make("loop", text, 0755);
    fails("script of itself", in("loop"));
}

static void refusals(void)
{
    make("text", "just text\n", 0755);
    make("empty", "", 0755);
    make("closed", "\177ELF", 0644);
    fails("nothing there", in("absent"));
    fails("no name", "");
    fails("text", in("text"));
    fails("empty", in("empty"));
    fails("no permission", in("closed"));
    fails("directory", dir);
    fails("below a file", in("text/x"));
    fails("slash behind", in("text/"));
    symlink("b", in("a"));
    symlink("a", in("b"));
    fails("links in a circle", in("a"));
    fails("device", "/dev/null");
    char *name = malloc(5000);
    memset(name, 'x', 4999);
    name[4999] = '\0';
    fails("long path", name);
    fails("no pointer", NULL);
    fails("bad pointer", (const char *)8);
    free(name);
    refusals_of_scripts();

    int fd = open(dir, O_RDONLY | O_DIRECTORY);
    fails_at("relative to a directory", fd, "absent", 0);
    fails_at("relative to nothing", 99, "absent", 0);
    fails_at("relative to a file", open(in("text"), O_RDONLY), "absent", 0);
    fails_at("unknown flag", fd, "text", 0x4);
    fails_at("empty path", fd, "", 0);
    fails_at("the directory itself", fd, "", AT_EMPTY_PATH);
    symlink("text", in("link"));
    fails_at("a link, followed", fd, "link", 0);
    fails_at("a link, not followed", fd, "link", AT_SYMLINK_NOFOLLOW);
    int script = open(in("s1"), O_RDONLY | O_CLOEXEC);
    fails_at("a script that will be closed", script, "", AT_EMPTY_PATH);
}

static void refusals_of_strings(void)
{
    size_t size = 128 << 10;
    char *big = malloc(size + 1);
    memset(big, 'x', size);
    big[size] = '\0';
    char *one[] = {"x", big, NULL};
    execve(SELF, one, nothing);
    SAY("one string of 128 KiB and its NUL: %s", strerrorname_np(errno));
    execve(SELF, nothing, one);
    SAY("the same in the environment: %s", strerrorname_np(errno));
    big[size - 1] = '\0';
    static char *many[66];
    for (int i = 0; i < 65; i++) {
        many[i] = big;
    }
    execve(SELF, many, nothing);
    SAY("8 MiB of strings: %s", strerrorname_np(errno));
    syscall(SYS_execve, SELF, 8, nothing);
    SAY("bad argv: %s", strerrorname_np(errno));
    char *bad[] = {"x", (char *)8, NULL};
    execve(SELF, bad, nothing);
    SAY("bad string: %s", strerrorname_np(errno));
    execve(SELF, nothing, bad);
    SAY("bad string in the environment: %s", strerrorname_np(errno));
    free(big);
}

/* ---- what is kept ---------------------------------------------------------------------------- */

static void on_signal(int s)
{
    (void)s;
}

static void show_file(const char *path)
{
    char text[512];
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, text, sizeof text);
    close(fd);
    printf("%s:", path);
    for (ssize_t i = 0; i < n; i++) {
        putchar(text[i] == '\0' ? '|' : text[i]);
    }
    SAY("%s", n > 0 && text[n - 1] == '\n' ? "end" : "");
}

static void prepare_kept(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN}, handle = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &ignore, NULL);
    sigaction(SIGUSR2, &handle, NULL);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGUSR2);
    sigprocmask(SIG_SETMASK, &set, NULL);
    raise(SIGTERM);
    kill(getpid(), SIGUSR2);
    static char stack[65536];
    stack_t s = {.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&s, NULL);
    struct itimerval t = {.it_value = {.tv_sec = 1000}};
    setitimer(ITIMER_REAL, &t, NULL);
    timer_t timer;
    timer_create(CLOCK_MONOTONIC, NULL, &timer);
    umask(027);
    if (chdir(dir) != 0) {
        SAY("chdir: %s", strerrorname_np(errno));
    }
    dup2(1, 20);
    dup2(1, 21);
    fcntl(21, F_SETFD, FD_CLOEXEC);
    open(in("text"), O_RDONLY | O_CLOEXEC);
    int offset = open("text", O_RDONLY);
    dup2(offset, 22);
    lseek(22, 5, SEEK_SET);
    _mm_setcsr(_mm_getcsr() | _MM_ROUND_UP);
    prctl(PR_SET_NAME, "a-name");
    prctl(PR_SET_PDEATHSIG, SIGHUP);
}

static void show_kept(void)
{
    struct sigaction a;
    sigaction(SIGUSR1, NULL, &a);
    SAY("ignored stays ignored: %d", a.sa_handler == SIG_IGN);
    sigaction(SIGUSR2, NULL, &a);
    SAY("handled becomes default: %d, flags %d", a.sa_handler == SIG_DFL, (int)a.sa_flags);
    sigset_t set;
    sigprocmask(SIG_SETMASK, NULL, &set);
    SAY("blocked: TERM %d USR2 %d USR1 %d", sigismember(&set, SIGTERM), sigismember(&set, SIGUSR2),
        sigismember(&set, SIGUSR1));
    sigpending(&set);
    SAY("pending: TERM %d USR2 %d", sigismember(&set, SIGTERM), sigismember(&set, SIGUSR2));
    stack_t s;
    sigaltstack(NULL, &s);
    SAY("alternate stack off: %d", s.ss_flags == SS_DISABLE);
    struct itimerval t;
    getitimer(ITIMER_REAL, &t);
    SAY("interval timer runs: %d", t.it_value.tv_sec > 900);
    struct itimerspec spec;
    long gone = syscall(SYS_timer_gettime, 0, &spec);
    SAY("POSIX timer: %s", gone < 0 ? strerrorname_np(errno) : "there");
    mode_t mask = umask(022);
    char cwd[PATH_MAX];
    SAY("umask %o, directory kept %d", mask,
        strncmp(getcwd(cwd, sizeof cwd), "/tmp/exec-", 10) == 0);
    SAY("descriptors: 20 %d, 21 %d, at %ld", fcntl(20, F_GETFD), fcntl(21, F_GETFD),
        (long)lseek(22, 0, SEEK_CUR));
    SAY("rounding is the default: %d", _MM_GET_ROUNDING_MODE() == _MM_ROUND_NEAREST);
    int death = -1;
    prctl(PR_GET_PDEATHSIG, &death);
    SAY("death signal: %d", death);
    show_file("/proc/self/comm");
}

/* ---- threads --------------------------------------------------------------------------------- */

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;

static void *wait_for_lock(void *p)
{
    pthread_mutex_lock(&held);
    return p;
}

static void *sleep_long(void *p)
{
    sleep(1000);
    return p;
}

static void *make_calls(void *p)
{
    for (;;) {
        syscall(SYS_getppid);
        sched_yield();
    }
    return p;
}

static int self = -1; /* /proc/self/exe cannot be followed once the main thread has ended */

static void *exec_next(void *p)
{
    char *argv[] = {"program", p, NULL};
    fexecve(self, argv, nothing);
    SAY("fexecve: %s", strerrorname_np(errno));
    return NULL;
}

static void some_threads(void)
{
    pthread_t t;
    pthread_mutex_lock(&held);
    pthread_create(&t, NULL, wait_for_lock, NULL);
    pthread_create(&t, NULL, sleep_long, NULL);
    pthread_create(&t, NULL, make_calls, NULL);
    usleep(20000);
}

static int count_threads(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/task");
    while (d != NULL && n < 100) {
        struct dirent *e = readdir(d);
        if (e == NULL) {
            break;
        }
        n += e->d_name[0] != '.';
    }
    return n;
}

/* ---- stages ---------------------------------------------------------------------------------- */

static void show_arguments(int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        /* Scripts lie in a folder of random name. */
        SAY("argv[%d] %s%s", i, strncmp(argv[i], dir, 10) == 0 ? "DIR" : "",
            strncmp(argv[i], dir, 10) == 0 ? argv[i] + sizeof dir - 1 : argv[i]);
    }
    for (char **e = environ; *e != NULL; e++) {
        SAY("env %s", *e);
    }
}

static void stage_start(void)
{
    refusals();
    refusals_of_strings();
    remove_dir();
    char *argv[] = {"zero", "arguments", "", "two words", "\xff\x01", NULL};
    char *envp[] = {"A=1", "EMPTY=", "no-equals", "B=x y", NULL};
    next(argv, envp);
}

static void stage_arguments(int argc, char **argv)
{
    show_arguments(argc, argv);
    show_file("/proc/self/cmdline");
    show_file("/proc/self/environ");
    show_file("/proc/self/comm");
    SAY("named: %s", (const char *)getauxval(AT_EXECFN));
    SAY("secure: %lu, page %lu, aligned stack %d", getauxval(AT_SECURE), getauxval(AT_PAGESZ),
        (int)((uintptr_t)(argv - 1) % 16));
    char exe[PATH_MAX] = "";
    SAY("exe: %s", readlink(SELF, exe, sizeof exe - 1) > 0 ? strrchr(exe, '/') : "?");
    strcpy(dir, "/tmp/exec-XXXXXX");
    if (mkdtemp(dir) == NULL) {
        exit(1);
    }
    make("script", "#! \t " SELF "  in-script one argument \t\nrest\n", 0755);
    char *script_argv[] = {"lost", "and", "more", NULL};
    char *envp[] = {"FROM=script", NULL};
    execve(in("script"), script_argv, envp);
    exit(1);
}

static void stage_in_script(int argc, char **argv)
{
    memcpy(dir, argv[2], strlen(dir));
    show_arguments(argc, argv);
    show_file("/proc/self/comm");
    SAY("named: %s", strrchr((const char *)getauxval(AT_EXECFN), '/'));
    make("first", "#!" SELF " two-scripts", 0755); /* no newline at the end */
    char text[PATH_MAX];
    snprintf(text, sizeof text, "#!%s\n", in("first"));
    make("second", text, 0755);
    execve(in("second"), nothing, nothing);
    exit(1);
}

static void stage_two_scripts(int argc, char **argv)
{
    memcpy(dir, argv[2], strlen(dir));
    show_arguments(argc, argv);
    make("text", "just text\n", 0644);
    prepare_kept();
    char *kept[] = {"program", "kept", NULL};
    next(kept, nothing);
}

static void stage_kept(void)
{
    show_kept();
    if (getcwd(dir, sizeof dir) != NULL) {
        remove_dir();
    }
    uintptr_t at =
        (uintptr_t)mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset((void *)at, 0x5a, 1 << 20);
    char text[32];
    snprintf(text, sizeof text, "%lx", (unsigned long)at);
    char *argv[] = {"program", "memory", text, NULL};
    next(argv, nothing);
}

static void stage_memory(char **argv)
{
    (void)argv;
    size_t found = 0;
    for (int i = 0; i < 64; i++) { /* fresh memory holds nothing of the program before */
        const char *p = mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        for (size_t j = 0; j < 1 << 20; j += 8) {
            found += p[j] != 0;
        }
    }
    SAY("bytes of the program before: %zu", found);
    char *heap = malloc(100000);
    for (size_t i = 0; i < 100000; i++) {
        found += heap[i] == 0x5a;
    }
    SAY("in the heap: %zu", found);
    static char *envp[2001];
    for (int i = 0; i < 2000; i++) {
        envp[i] = malloc(64);
        snprintf(envp[i], 64, "VARIABLE_%d=%*d", i, i % 40, i);
    }
    char *next_argv[] = {"program", "environment", NULL};
    next(next_argv, envp);
}

static void stage_environment(void)
{
    size_t n = 0, bytes = 0;
    for (char **e = environ; *e != NULL; e++) {
        n++;
        bytes += strlen(*e);
    }
    SAY("%zu variables, %zu bytes, the last %s", n, bytes, environ[n - 1]);
    some_threads();
    SAY("threads before: %d", count_threads());
    char *argv[] = {"program", "threads", NULL};
    next(argv, nothing);
}

static void stage_threads(void)
{
    SAY("threads after: %d", count_threads());
    some_threads();
    pthread_t t;
    self = open(SELF, O_RDONLY | O_CLOEXEC);
    pthread_create(&t, NULL, exec_next, "other-thread");
    pthread_join(t, NULL);
    SAY("a thread's execve came back");
    exit(1);
}

static void stage_other_thread(void)
{
    SAY("threads after: %d, main again: %d", count_threads(), getpid() == (int)syscall(SYS_gettid));
    pthread_t t;
    self = open(SELF, O_PATH | O_CLOEXEC);
    pthread_create(&t, NULL, exec_next, "last");
    pthread_exit(NULL);
}

int main(int argc, char **argv)
{
    const char *stage = argc < 2 ? "start" : argv[1];
    if (strcmp(stage, "start") == 0) {
        if (mkdtemp(dir) == NULL) {
            return 1;
        }
        stage_start();
    } else if (strcmp(stage, "arguments") == 0) {
        stage_arguments(argc, argv);
    } else if (strcmp(stage, "in-script one argument") == 0) {
        stage_in_script(argc, argv);
    } else if (strcmp(stage, "two-scripts") == 0) {
        stage_two_scripts(argc, argv);
    } else if (strcmp(stage, "kept") == 0) {
        stage_kept();
    } else if (strcmp(stage, "memory") == 0) {
        stage_memory(argv);
    } else if (strcmp(stage, "environment") == 0) {
        stage_environment();
    } else if (strcmp(stage, "threads") == 0) {
        stage_threads();
    } else if (strcmp(stage, "other-thread") == 0) {
        stage_other_thread();
    } else if (strcmp(stage, "last") == 0) {
        SAY("threads at last: %d, main again: %d", count_threads(),
            getpid() == (int)syscall(SYS_gettid));
        char *end[] = {"program", "end", NULL};
        next(end, nothing);
    } else if (strcmp(stage, "end") == 0) {
        SAY("end");
        return 42;
    }
    SAY("stage %s did not go on", stage);
    return 1;
}
