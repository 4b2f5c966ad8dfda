#include "sim_epidemic_run.h"

#include "base/check.h"
#include "base/number.h"
#include "base/rule.h"
#include "sim/epidemic_quiet.h"
#include "sim/epidemic_run.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { JOBS_MAX = 64, QUIET_PEERS = 1000 };

static const char help[] =
    "Usage: brusio-sim epidemic run --seeds A..B [--peers N] [--jobs J] [--json] [--verbose]\n"
    "       brusio-sim epidemic run --seeds A --trace\n"
    "       brusio-sim epidemic run --quiet-network [--seeds A..B] [--peers N] [--json]\n"
    "\n"
    "Runs peers of one optimistic keyspace in virtual time, with the node's own code, amid faults\n"
    "that each seed draws: lost, late and repeated messages, cut sessions, partitions, peers that\n"
    "are away, crashes, destroyed, restored and cloned disks, full ones, bundles old and new,\n"
    "clocks ahead, unsubscribing, a primary that moves, stores that are silently damaged. In the\n"
    "end all come back, and must come to know the same and show the same; what was covered is\n"
    "never shown again, what was acknowledged is not lost while a store has it, what was stable\n"
    "stays so.\n"
    "\n"
    "  --seeds A..B     the seeds to run, both included (or one: --seeds A)\n"
    "  --peers N        so many peers, 2 to 5000 (default: drawn, 2 to 50)\n"
    "  --jobs J         so many seeds at once, 1 to 64 (default 1)\n"
    "  --quiet-network  no faults, the settings that keyspaces have by default, and one write:\n"
    "                   how far it goes, how soon, and what that costs (1000 peers by default)\n"
    "  --verbose        a line for each seed\n"
    "  --trace          print every event; the same seed prints the same\n"
    "  --json           what all seeds did, as one JSON object (of a quiet network: one each)\n"
    "  --break RULE     break a protocol rule on purpose (in a build that can)\n"
    "\n"
    "Exit status: 0 all seeds passed; 1 one failed (it is named), or a quiet network took longer\n"
    "or sent more than it may; 2 usage.\n";

struct options {
    uint64_t first;
    uint64_t last;
    uint32_t peers;
    unsigned jobs;
    bool quiet;
    bool trace;
    bool json;
    bool verbose;
};

// --- one job: every so many-th seed, in a process of its own

// What a job tells: that a seed begins, and how it ended.
struct told {
    uint64_t seed;
    bool ended;
    struct epidemic_run_result result;
};

static void tell(int fd, const struct told *told)
{
    const uint8_t *bytes = (const uint8_t *)told;
    for (size_t done = 0; done < sizeof *told;) {
        ssize_t written = write(fd, bytes + done, sizeof *told - done);
        CHECK(written > 0);
        done += (size_t)written;
    }
}

static void run_job(const struct options *options, unsigned job, int fd)
{
    for (uint64_t seed = options->first + job; seed <= options->last; seed += options->jobs) {
        struct epidemic_run_setting setting = {
            .seed = seed, .peers = options->peers, .trace = options->trace};
        struct told told = {.seed = seed};
        tell(fd, &told);
        epidemic_run(&setting, &told.result);
        told.ended = true;
        tell(fd, &told);
    }
}

// --- all of them

struct job {
    pid_t pid;
    int fd; // -1: over
    struct told last;
};

struct totals {
    uint64_t seeds;
    uint64_t failed;
    struct epidemic_run_result sum;
};

static void fail(const struct options *options, struct totals *totals, uint64_t seed,
                 const char *why)
{
    totals->failed++;
    printf("seed %" PRIu64 " failed: %s\n", seed, why);
    printf("run it again: brusio-sim epidemic run --seeds %" PRIu64, seed);
    if (options->peers > 0)
        printf(" --peers %" PRIu32, options->peers);
#ifdef BRUSIO_MUTANTS
    if (rule_broken != RULE_COUNT)
        printf(" --break %s", rule_name(rule_broken));
#endif
    printf(" --trace\n");
}

static void take(const struct options *options, struct totals *totals, const struct told *told)
{
    const struct epidemic_run_result *result = &told->result;
    if (!told->ended)
        return;
    totals->seeds++;
    epidemic_run_add(&totals->sum, result);
    if (options->verbose)
        printf("seed %" PRIu64 ": %s, %u peers, %" PRIu64 " operations, %" PRIu64
               " messages, trace %016" PRIx64 "\n",
               told->seed, epidemic_scene_name(result->scene), result->peers, result->operations,
               result->messages, result->trace_hash);
    if (!result->passed)
        fail(options, totals, told->seed, result->violation);
}

static void start_job(const struct options *options, unsigned number, struct job *job)
{
    int ends[2];
    CHECK(pipe(ends) == 0);
    fflush(stdout);
    job->pid = fork();
    CHECK(job->pid >= 0);
    if (job->pid == 0) {
        close(ends[0]);
        run_job(options, number, ends[1]);
        fflush(stdout);
        _exit(0);
    }
    close(ends[1]);
    job->fd = ends[0];
    job->last = (struct told){.ended = true};
}

// Reads one whole thing told; false when the job is over.
static bool hear(struct job *job)
{
    uint8_t *bytes = (uint8_t *)&job->last;
    struct told before = job->last;
    for (size_t done = 0; done < sizeof job->last;) {
        ssize_t got = read(job->fd, bytes + done, sizeof job->last - done);
        if (got <= 0) {
            job->last = before;
            return false;
        }
        done += (size_t)got;
    }
    return true;
}

static void end_job(const struct options *options, struct job *job, struct totals *totals)
{
    int status = 0;
    char why[64];
    close(job->fd);
    job->fd = -1;
    CHECK(waitpid(job->pid, &status, 0) == job->pid);
    if (WIFSIGNALED(status))
        snprintf(why, sizeof why, "the run was ended by signal %d", WTERMSIG(status));
    else
        snprintf(why, sizeof why, "the run ended with status %d", WEXITSTATUS(status));
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail(options, totals, job->last.seed, why);
}

static void run_all(const struct options *options, struct totals *totals)
{
    struct job jobs[JOBS_MAX];
    struct pollfd polls[JOBS_MAX];
    unsigned left = options->jobs;
    for (unsigned i = 0; i < options->jobs; i++)
        start_job(options, i, &jobs[i]);
    while (left > 0) {
        for (unsigned i = 0; i < options->jobs; i++)
            polls[i] = (struct pollfd){.fd = jobs[i].fd, .events = POLLIN};
        CHECK(poll(polls, options->jobs, -1) > 0);
        for (unsigned i = 0; i < options->jobs; i++) {
            if (polls[i].revents == 0)
                continue;
            if (hear(&jobs[i])) {
                take(options, totals, &jobs[i].last);
            } else {
                end_job(options, &jobs[i], totals);
                left--;
            }
        }
    }
}

// --- what is printed

static void print_faults(const struct totals *totals)
{
    printf("faults:");
    for (unsigned i = 0; i < EPIDEMIC_FAULT_COUNT; i++)
        printf("%s %" PRIu64 " %s", i > 0 ? "," : "", totals->sum.faults[i],
               epidemic_fault_name((enum epidemic_fault_kind)i));
    printf("\n");
}

static double per_peer(const struct totals *totals, uint64_t amount)
{
    return totals->sum.peers > 0 ? (double)amount / totals->sum.peers : 0;
}

static void print_totals(const struct options *options, const struct totals *totals)
{
    const struct epidemic_run_result *sum = &totals->sum;
    if (options->json) {
        printf("{\"seeds\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"peers\":%u,\"virtual_s\":%" PRIu64
               ",\"operations\":%" PRIu64 ",\"looks\":%" PRIu64 ",\"messages\":%" PRIu64
               ",\"payloads_per_peer\":%.3f,\"payload_bytes_per_peer\":%.0f,"
               "\"control_bytes_per_peer\":%.0f,\"settling_ms_max\":%" PRIu64 "}\n",
               totals->seeds, totals->failed, sum->peers, sum->virtual_us / 1000000,
               sum->operations, sum->looks, sum->messages, per_peer(totals, sum->counts.payloads),
               per_peer(totals, sum->counts.payload_bytes),
               per_peer(totals, sum->counts.control_bytes), sum->settling_us / 1000);
        return;
    }
    if (totals->failed > 0)
        printf("%" PRIu64 " of %" PRIu64 " seeds failed\n", totals->failed,
               options->last - options->first + 1);
    else
        printf("%" PRIu64 " seeds passed: %u peers, %.1f peer-hours, %" PRIu64
               " operations, %" PRIu64 " looks, %" PRIu64 " messages, %" PRIu64 " sessions\n",
               totals->seeds, sum->peers,
               (double)sum->virtual_us / 3.6e9 * sum->peers / (double)totals->seeds,
               sum->operations, sum->looks, sum->messages, sum->counts.sessions);
    print_faults(totals);
}

// --- a quiet network

static void print_quiet(const struct options *options, uint64_t seed,
                        const struct epidemic_quiet_result *result)
{
    double peers = options->peers;
    double payloads = (double)result->payloads / peers;
    double payload_bytes = (double)result->payload_bytes / peers;
    double control_bytes = (double)result->control_bytes / peers;
    double idle_bytes = (double)result->idle_bytes / peers;
    if (options->json)
        printf("{\"seed\":%" PRIu64 ",\"peers\":%" PRIu32 ",\"rounds\":%" PRIu64
               ",\"rounds_max\":%" PRIu64 ",\"cold_rounds\":%" PRIu64 ",\"residue\":%" PRIu32
               ",\"payloads_per_peer\":%.3f,\"payload_bytes_per_peer\":%.1f,"
               "\"control_bytes_per_peer\":%.1f,\"idle_bytes_per_peer\":%.1f}\n",
               seed, options->peers, result->rounds, result->rounds_max, result->cold_rounds,
               result->residue, payloads, payload_bytes, control_bytes, idle_bytes);
    else
        printf("seed %" PRIu64 ": %" PRIu32 " peers, one write: everybody has it after %" PRIu64
               " rounds (at most %" PRIu64 "), nobody tells of it after %" PRIu64
               ", residue %" PRIu32 "\n  for each peer: %.3f payloads (%.1f bytes), %.1f bytes of "
               "all else (%.1f when idle for as long)\n",
               seed, options->peers, result->rounds, result->rounds_max, result->cold_rounds,
               result->residue, payloads, payload_bytes, control_bytes, idle_bytes);
}

static int run_quiet(struct options *options)
{
    bool passed = true;
    if (options->peers == 0)
        options->peers = QUIET_PEERS;
    for (uint64_t seed = options->first; seed <= options->last; seed++) {
        struct epidemic_quiet_setting setting = {.seed = seed, .peers = options->peers};
        struct epidemic_quiet_result result;
        epidemic_quiet_run(&setting, &result);
        print_quiet(options, seed, &result);
        if (!result.passed)
            printf("seed %" PRIu64 " failed: %s\n", seed, result.violation);
        passed &= result.passed;
    }
    return passed ? 0 : 1;
}

// --- the command line

static bool take_seeds(const char *text, struct options *out)
{
    char first[24];
    const char *dots = strstr(text, "..");
    size_t length = dots != NULL ? (size_t)(dots - text) : strlen(text);
    if (length >= sizeof first)
        return false;
    memcpy(first, text, length);
    first[length] = '\0';
    if (!number_parse(first, 0, UINT64_MAX / 2, &out->first))
        return false;
    out->last = out->first;
    return dots == NULL || number_parse(dots + 2, out->first, UINT64_MAX / 2, &out->last);
}

static bool take_rule(const char *text)
{
#ifdef BRUSIO_MUTANTS
    for (unsigned rule = 0; rule < RULE_COUNT; rule++) {
        if (strcmp(text, rule_name((enum rule)rule)) == 0) {
            rule_broken = (enum rule)rule;
            return true;
        }
    }
#endif
    fprintf(stderr, "brusio-sim: this build cannot break the rule %s\n", text);
    return false;
}

static bool take_option(const char *name, const char *text, struct options *out)
{
    uint64_t number;
    if (strcmp(name, "--seeds") == 0)
        return take_seeds(text, out);
    if (strcmp(name, "--break") == 0)
        return take_rule(text);
    if (strcmp(name, "--peers") == 0 && number_parse(text, 2, EPIDEMIC_WORLD_PEERS_MAX, &number)) {
        out->peers = (uint32_t)number;
        return true;
    }
    if (strcmp(name, "--jobs") == 0 && number_parse(text, 1, JOBS_MAX, &number)) {
        out->jobs = (unsigned)number;
        return true;
    }
    return false;
}

static bool take_arguments(int count, char **arguments, struct options *out)
{
    bool seeds = false;
    for (int i = 0; i < count; i++) {
        if (strcmp(arguments[i], "--trace") == 0)
            out->trace = true;
        else if (strcmp(arguments[i], "--json") == 0)
            out->json = true;
        else if (strcmp(arguments[i], "--quiet-network") == 0)
            out->quiet = true;
        else if (strcmp(arguments[i], "--verbose") == 0)
            out->verbose = true;
        else if (i + 1 == count || !take_option(arguments[i], arguments[i + 1], out))
            return false;
        else
            seeds |= strcmp(arguments[i++], "--seeds") == 0;
    }
    return (seeds || out->quiet) && (!out->trace || (out->first == out->last && !out->quiet));
}

int sim_epidemic_run(int count, char **arguments)
{
    struct options options = {.first = 1, .last = 1, .jobs = 1};
    struct totals totals = {.seeds = 0};
    if (count >= 1 && strcmp(arguments[count - 1], "--help") == 0) {
        fputs(help, stdout);
        return 0;
    }
    if (!take_arguments(count, arguments, &options)) {
        fputs("brusio-sim: unusable arguments; see brusio-sim epidemic run --help\n", stderr);
        return 2;
    }
    if (options.quiet)
        return run_quiet(&options);
    run_all(&options, &totals);
    print_totals(&options, &totals);
    return totals.failed > 0 ? 1 : 0;
}
