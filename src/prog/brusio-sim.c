// The simulator: whole clusters in virtual time, one seed each.

#include "base/number.h"
#include "base/rule.h"
#include "sim/strong_run.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "Usage: brusio-sim strong --seeds A..B [--nodes N] [--steps S] [--trace] [--verbose]\n"
    "\n"
    "Runs clusters of strong keyspaces in virtual time: the daemon's own host and cores over a "
    "simulated network,\n"
    "store and clock. Clients read, write, delete and compare-and-set while messages are lost, "
    "repeated, reordered\n"
    "and delayed, disks are slow, nodes join, drills fail and recover nodes, and the strategy and "
    "the factor change.\n"
    "Then faults stop, and the cluster must become whole. Each key's history must be "
    "linearizable.\n"
    "\n"
    "  --seeds A..B   the seeds to run, both included (or one: --seeds A)\n"
    "  --nodes N      3 to 16 nodes; drawn from 3 to 7 by each seed unless given\n"
    "  --steps S      operations of clients in each run (default 250)\n"
    "  --trace        print every event of a run; the same seed prints the same\n"
    "  --verbose      a line for every seed\n"
#ifdef BRUSIO_MUTANTS
    "  --break RULE   break a protocol rule on purpose\n"
#endif
    "\n"
    "Exit status: 0 all seeds passed; 1 one failed (it is named, and how to run it again); 2 "
    "usage.\n";

enum { STEPS_DEFAULT = 250, STEPS_MAX = 20000, NODES_LEAST = 3, NODES_MOST = 16 };

struct options {
    uint64_t first;
    uint64_t last;
    unsigned nodes;
    unsigned steps;
    bool trace;
    bool verbose;
};

struct totals {
    uint64_t seeds;
    uint64_t virtual_us;
    uint64_t operations;
    uint64_t unsure;
    uint64_t refused;
    uint64_t epochs;
    uint64_t messages;
    uint64_t drills;
    uint64_t changes;
};

static bool parse_seeds(const char *text, struct options *out)
{
    char first[32];
    const char *dots = strstr(text, "..");
    if (dots == NULL) {
        bool good = number_parse(text, 0, UINT64_MAX, &out->first);
        out->last = out->first;
        return good;
    }
    size_t length = (size_t)(dots - text);
    if (length >= sizeof first)
        return false;
    memcpy(first, text, length);
    first[length] = '\0';
    return number_parse(first, 0, UINT64_MAX, &out->first) &&
           number_parse(dots + 2, out->first, UINT64_MAX, &out->last);
}

#ifdef BRUSIO_MUTANTS
static bool break_rule(const char *name)
{
    for (unsigned rule = 0; rule < RULE_COUNT; rule++) {
        if (strcmp(name, rule_name((enum rule)rule)) == 0) {
            rule_broken = (enum rule)rule;
            return true;
        }
    }
    return false;
}
#endif

static const struct option long_options[] = {
    {"seeds", required_argument, NULL, 's'},
    {"nodes", required_argument, NULL, 'n'},
    {"steps", required_argument, NULL, 'o'},
    {"trace", no_argument, NULL, 't'},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, 'h'},
#ifdef BRUSIO_MUTANTS
    {"break", required_argument, NULL, 'b'},
#endif
    {0},
};

static bool take(int option, struct options *out)
{
    uint64_t number;
    switch (option) {
    case 's':
        return parse_seeds(optarg, out);
    case 'n':
        if (!number_parse(optarg, NODES_LEAST, NODES_MOST, &number))
            return false;
        out->nodes = (unsigned)number;
        return true;
    case 'o':
        if (!number_parse(optarg, 1, STEPS_MAX, &number))
            return false;
        out->steps = (unsigned)number;
        return true;
    case 't':
        out->trace = true;
        return true;
    case 'v':
        out->verbose = true;
        return true;
#ifdef BRUSIO_MUTANTS
    case 'b':
        return break_rule(optarg);
#endif
    default:
        return false;
    }
}

static void add(struct totals *totals, const struct strong_run_result *result)
{
    totals->seeds++;
    totals->virtual_us += result->virtual_us;
    totals->operations += result->operations;
    totals->unsure += result->unsure;
    totals->refused += result->refused;
    totals->epochs += result->epochs;
    totals->messages += result->messages;
    totals->drills += result->drills;
    totals->changes += result->changes;
}

static void print_totals(const struct totals *totals)
{
    printf("%" PRIu64 " seeds passed: %.2f simulated cluster-hours, %" PRIu64
           " operations (%" PRIu64 " of unknown outcome, %" PRIu64 " refused), %" PRIu64
           " maps, %" PRIu64 " messages, %" PRIu64 " drills, %" PRIu64 " changes of strategy\n",
           totals->seeds, (double)totals->virtual_us / 3.6e9, totals->operations, totals->unsure,
           totals->refused, totals->epochs, totals->messages, totals->drills, totals->changes);
}

static int run_seeds(const struct options *options)
{
    struct totals totals = {0};
    for (uint64_t seed = options->first;; seed++) {
        struct strong_run_setting setting = {.seed = seed,
                                             .nodes = options->nodes,
                                             .steps = options->steps,
                                             .trace = options->trace};
        struct strong_run_result result;
        strong_run(&setting, &result);
        if (options->verbose)
            printf("seed %" PRIu64 ": %s trace %016" PRIx64 ", %" PRIu64 " operations, %" PRIu64
                   " maps\n",
                   seed, result.passed ? "passed" : "failed", result.trace_hash, result.operations,
                   result.epochs);
        if (!result.passed) {
            printf("seed %" PRIu64 " failed: %s\nrun it again: brusio-sim strong --seeds %" PRIu64,
                   seed, result.violation, seed);
            if (options->nodes > 0)
                printf(" --nodes %u", options->nodes);
            printf(" --steps %u --trace\n", options->steps);
            return EXIT_FAILURE;
        }
        add(&totals, &result);
        if (seed == options->last)
            break;
    }
    print_totals(&totals);
    return EXIT_SUCCESS;
}

static int usage(void)
{
    fputs("brusio-sim: unusable arguments; see brusio-sim --help\n", stderr);
    return 2;
}

int main(int count, char **arguments)
{
    struct options options = {.first = 1, .last = 0, .steps = STEPS_DEFAULT};
    bool helps = count >= 2 && (strcmp(arguments[1], "--help") == 0 ||
                                strcmp(arguments[count - 1], "--help") == 0);
    if (helps) {
        fputs(help, stdout);
        return EXIT_SUCCESS;
    }
    if (count < 2 || strcmp(arguments[1], "strong") != 0)
        return usage();
    optind = 2;
    int option;
    while ((option = getopt_long(count, arguments, "", long_options, NULL)) != -1)
        if (!take(option, &options))
            return usage();
    if (optind < count || options.first > options.last)
        return usage();
    return run_seeds(&options);
}
