#include "sim/strong_pool.h"

#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

// A run under way.
struct job {
    pid_t process; // 0: none
    uint64_t seed;
    int from; // what it tells
};

// The result is written at once, so that the pipe holds it whole or not at all.
_Static_assert(sizeof(struct strong_run_result) <= 4096, "a pipe takes it in one piece");

static void run_here(const struct strong_run_setting *setting, int to)
{
    struct strong_run_result result;
    alarm(STRONG_POOL_RUN_SECONDS_MAX);
    strong_run(setting, &result);
    bool told = write(to, &result, sizeof result) == (ssize_t)sizeof result;
    exit(told ? EXIT_SUCCESS : EXIT_FAILURE);
}

static void job_start(struct job *job, const struct strong_run_setting *setting)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    // What stands in the buffer would be printed twice.
    fflush(NULL);
    job->seed = setting->seed;
    job->from = ends[0];
    job->process = fork();
    CHECK(job->process >= 0);
    if (job->process == 0) {
        close(ends[0]);
        run_here(setting, ends[1]);
    }
    close(ends[1]);
}

// Takes what an ended job told, or how it ended.
static void job_end(struct job *job, int status, struct strong_run_result *out)
{
    bool whole = read(job->from, out, sizeof *out) == (ssize_t)sizeof *out;
    close(job->from);
    job->process = 0;
    if (whole && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS)
        return;
    *out = (struct strong_run_result){.passed = false};
    if (WIFSIGNALED(status))
        snprintf(out->violation, sizeof out->violation, "the run was ended by signal %d",
                 WTERMSIG(status));
    else
        snprintf(out->violation, sizeof out->violation, "the run ended with status %d",
                 WEXITSTATUS(status));
}

static struct job *job_of(struct job *jobs, unsigned count, pid_t process)
{
    for (unsigned i = 0; i < count; i++)
        if (jobs[i].process == process)
            return &jobs[i];
    return NULL;
}

// Waits for any job. False when none is under way.
static bool end_any(struct job *jobs, unsigned count, uint64_t *seed, struct strong_run_result *out)
{
    int status;
    pid_t process = wait(&status);
    if (process < 0)
        return false;
    struct job *job = job_of(jobs, count, process);
    CHECK(job != NULL);
    *seed = job->seed;
    job_end(job, status, out);
    return true;
}

void strong_pool_run(const struct strong_run_setting *setting, uint64_t last, unsigned jobs_max,
                     strong_pool_done *done, void *context)
{
    struct job jobs[STRONG_POOL_JOBS_MAX] = {{0}};
    struct strong_run_setting next = *setting;
    struct strong_run_result result;
    uint64_t seed;
    bool more = true;
    CHECK(jobs_max >= 1 && jobs_max <= STRONG_POOL_JOBS_MAX);
    for (;;) {
        struct job *vacant = job_of(jobs, jobs_max, 0);
        if (more && vacant != NULL) {
            job_start(vacant, &next);
            more = next.seed++ < last;
            continue;
        }
        if (!end_any(jobs, jobs_max, &seed, &result))
            break;
        more &= done(context, seed, &result);
    }
}

static bool take_one(void *context, uint64_t seed, const struct strong_run_result *result)
{
    struct strong_run_result *out = context;
    (void)seed;
    *out = *result;
    return true;
}

void strong_pool_run_one(const struct strong_run_setting *setting, struct strong_run_result *out)
{
    strong_pool_run(setting, setting->seed, 1, take_one, out);
}
