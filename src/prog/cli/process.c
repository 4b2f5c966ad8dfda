#include "cli/process.h"

#include "cli/file.h"
#include "cli/interrupt.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STAT_BYTES_MAX = 4096, START_TIME_FIELD = 22, POLL_MS = 20, KILLED_WAIT_MS = 10000 };

bool process_parse_stat(const char *stat, char *state, uint64_t *start_time)
{
    // The second field is the program's name in parentheses, and may itself hold blanks and
    // parentheses.
    const char *at = strrchr(stat, ')');
    if (at == NULL || at[1] != ' ' || at[2] == '\0')
        return false;
    at += 2;
    *state = *at;
    for (int field = 3; field < START_TIME_FIELD; field++) {
        at = strchr(at, ' ');
        if (at == NULL)
            return false;
        at++;
    }
    char *end;
    errno = 0;
    *start_time = strtoull(at, &end, 10);
    return end != at && errno == 0;
}

// A small file of /proc as text; "" when it cannot be read.
static void read_text(const char *path, char *text, size_t text_bytes)
{
    struct buf bytes;
    buf_init(&bytes, text_bytes - 1);
    if (file_read(&bytes, path, NULL) != ERR_OK)
        buf_clear(&bytes);
    if (bytes.length > 0)
        memcpy(text, bytes.bytes, bytes.length);
    text[bytes.length] = '\0';
    text[strcspn(text, "\n")] = '\0';
    buf_release(&bytes);
}

static bool read_stat(pid_t pid, char *state, uint64_t *start_time)
{
    char path[64];
    char text[STAT_BYTES_MAX];
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    read_text(path, text, sizeof text);
    return process_parse_stat(text, state, start_time);
}

static void read_boot_id(char boot_id[BOOT_ID_BYTES])
{
    read_text("/proc/sys/kernel/random/boot_id", boot_id, BOOT_ID_BYTES);
}

bool process_running(const struct process *process)
{
    char state;
    uint64_t start_time;
    char boot_id[BOOT_ID_BYTES];
    if (process->pid <= 0 || !read_stat(process->pid, &state, &start_time))
        return false;
    read_boot_id(boot_id);
    return start_time == process->start_time && strcmp(boot_id, process->boot_id) == 0 &&
           state != 'Z' && state != 'X';
}

// In the child: never returns. Reports the reason through `report` when the program cannot be
// started.
static _Noreturn void become(char *const *arguments, int log, int null, int report)
{
    setsid();
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    bool ready = dup2(null, STDIN_FILENO) >= 0 && dup2(log, STDOUT_FILENO) >= 0 &&
                 dup2(log, STDERR_FILENO) >= 0 && close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == 0;
    if (ready)
        execv(arguments[0], arguments);
    int reason = errno;
    if (write(report, &reason, sizeof reason) < 0)
        _exit(126);
    _exit(127);
}

// Waits until the child has become the program: ERR_IO with the reason when it has not.
static enum err await_program(pid_t child, int report, const char *program, struct errmsg *detail)
{
    int reason = 0;
    ssize_t count;
    do
        count = read(report, &reason, sizeof reason);
    while (count < 0 && errno == EINTR);
    if (count != (ssize_t)sizeof reason)
        return ERR_OK;
    waitpid(child, NULL, 0);
    return errmsg_set(detail, ERR_IO, "cannot run %s: %s", program, strerror(reason));
}

enum err process_spawn(struct process *process, char *const *arguments, const char *log_path,
                       struct errmsg *detail)
{
    int report[2] = {-1, -1};
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    enum err e = ERR_OK;
    if (null < 0 || log < 0 || pipe2(report, O_CLOEXEC) != 0) {
        e = errmsg_set(detail, ERR_IO, "cannot open %s: %s", log < 0 ? log_path : "a pipe",
                       strerror(errno));
        goto done;
    }
    pid_t child = fork();
    if (child == 0)
        become(arguments, log, null, report[1]);
    close(report[1]);
    report[1] = -1;
    if (child < 0) {
        e = errmsg_set(detail, ERR_IO, "cannot start a process: %s", strerror(errno));
        goto done;
    }
    // An unreaped child keeps its /proc entry, so its start time can be read even if it ends at
    // once.
    char state;
    *process = (struct process){.pid = child};
    read_boot_id(process->boot_id);
    e = await_program(child, report[0], arguments[0], detail);
    if (e == ERR_OK && !read_stat(child, &state, &process->start_time)) {
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        e = errmsg_set(detail, ERR_IO, "cannot read /proc/%ld/stat", (long)child);
    }
    if (e != ERR_OK)
        *process = (struct process){0};
done:
    close(null);
    close(log);
    close(report[0]);
    close(report[1]);
    return e;
}

void process_signal(const struct process *process, int signal)
{
    if (process->pid <= 0)
        return;
    // The descriptor holds on to one process: if that is ours after it was opened, it stays ours,
    // even when the pid is given to another between the look and the signal.
    int descriptor = pidfd_open(process->pid, 0);
    bool kernel_is_old = descriptor < 0 && errno == ENOSYS;
    if (process_running(process)) {
        if (descriptor >= 0)
            pidfd_send_signal(descriptor, signal, NULL, 0);
        else if (kernel_is_old)
            kill(process->pid, signal);
    }
    if (descriptor >= 0)
        close(descriptor);
}

bool process_wait(const struct process *process, uint64_t limit_ms)
{
    uint64_t end_ms = interrupt_now_ms() + limit_ms;
    while (process_running(process)) {
        if (interrupt_now_ms() >= end_ms)
            return false;
        interrupt_sleep(POLL_MS);
    }
    return true;
}

enum err process_stop(const struct process *process, uint64_t grace_ms, bool *forced,
                      struct errmsg *detail)
{
    process_signal(process, SIGTERM);
    bool ended = process_wait(process, grace_ms);
    if (forced != NULL)
        *forced = !ended;
    if (!ended) {
        process_signal(process, SIGKILL);
        ended = process_wait(process, KILLED_WAIT_MS);
    }
    return ended ? ERR_OK
                 : errmsg_set(detail, ERR_TIMEOUT, "process %ld does not end", (long)process->pid);
}

bool process_reap(const struct process *process, char *how, size_t how_bytes)
{
    int status;
    if (process->pid <= 0 || waitpid(process->pid, &status, WNOHANG) != process->pid)
        return false;
    if (WIFSIGNALED(status))
        snprintf(how, how_bytes, "signal %d", WTERMSIG(status));
    else
        snprintf(how, how_bytes, "exit code %d", WEXITSTATUS(status));
    return true;
}
