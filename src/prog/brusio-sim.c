// The simulator: whole clusters in virtual time, one seed each.

#include "base/number.h"
#include "base/rule.h"
#include "sim/strong_pool.h"
#include "sim/strong_shrink.h"
#include "sim_check.h"
#include "sim_epidemic.h"
#include "sim_sync.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "Usage: brusio-sim strong --seeds A..B [--jobs J] [--coverage] [--verbose]\n"
    "       brusio-sim strong --seeds A [--shrink | --trace | --plan] [--without 3,7-12]\n"
    "       brusio-sim check FILE    (see brusio-sim check --help)\n"
    "       brusio-sim sync          (see brusio-sim sync --help)\n"
    "       brusio-sim epidemic      (see brusio-sim epidemic --help)\n"
    "\n"
    "Runs clusters of strong keyspaces in virtual time: the daemon's own host and cores over a "
    "simulated network,\n"
    "store and clock. Clients read, write, delete and compare-and-set while processes crash, "
    "stop and start again,\n"
    "power is lost, the network splits, loses, repeats, reorders and delays, disks are slow, full "
    "and broken, clocks\n"
    "drift, nodes join, drills fail and recover nodes, and the strategy and the factor change. "
    "Each seed draws its own\n"
    "mix of these. Then faults stop, and the cluster must become whole. Each key's history must "
    "be linearizable.\n"
    "\n"
    "  --seeds A..B   the seeds to run, both included (or one: --seeds A)\n"
    "  --jobs J       so many seeds at once, 1 to 64 (default 1)\n"
    "  --nodes N      3 to 16 nodes; drawn from 3 to 7 by each seed unless given\n"
    "  --steps S      operations of clients in each run (default 250)\n"
    "  --rounds R     rounds of faults, 1 to 3 (default 3)\n"
    "  --without F    leave out these faults of the plan, by number: 3,7-12\n"
    "  --coverage     what was met, and how often; what no seed met fails the run\n"
    "  --all          go on after a seed that failed\n"
    "  --shrink       look for the smallest run that fails as this seed does\n"
    "  --plan         print the seed's faults\n"
    "  --trace        print every event of a run; the same seed prints the same\n"
    "  --verbose      a line for every seed\n"
#ifdef BRUSIO_MUTANTS
    "  --break RULE   break a protocol rule on purpose\n"
#endif
    "\n"
    "Exit status: 0 all seeds passed; 1 one failed (it is named, and how to run it again), or "
    "something was never\n"
    "met; 2 usage.\n";

enum { STEPS_MAX = 20000, NODES_LEAST = 3, NODES_MOST = 16 };

struct options {
    struct strong_run_setting setting;
    uint64_t last;
    unsigned jobs;
    bool coverage;
    bool all;
    bool shrink;
    bool plan;
    bool verbose;
};

struct totals {
    const struct options *options;
    uint64_t seeds;
    uint64_t virtual_us;
    uint64_t operations;
    uint64_t epochs;
    uint64_t messages;
    uint64_t events;
    struct coverage coverage;
    uint64_t failed;
    uint64_t failed_seed; // the lowest
    char violation[sizeof((struct strong_run_result *)0)->violation];
};

static bool parse_range(const char *text, const char *between, uint64_t last_most, uint64_t *first,
                        uint64_t *last)
{
    char start[32];
    const char *dots = strstr(text, between);
    if (dots == NULL) {
        bool good = number_parse(text, 0, last_most, first);
        *last = *first;
        return good;
    }
    size_t length = (size_t)(dots - text);
    if (length >= sizeof start)
        return false;
    memcpy(start, text, length);
    start[length] = '\0';
    return number_parse(start, 0, last_most, first) &&
           number_parse(dots + strlen(between), *first, last_most, last);
}

static bool parse_without(const char *text, struct strong_run_setting *out)
{
    while (*text != '\0') {
        char part[32];
        size_t length = strcspn(text, ",");
        uint64_t first;
        uint64_t last;
        if (length >= sizeof part)
            return false;
        memcpy(part, text, length);
        part[length] = '\0';
        if (!parse_range(part, "-", FAULTS_MAX, &first, &last))
            return false;
        for (uint64_t number = first; number <= last; number++)
            out->without[number] = 1;
        text += length + (text[length] == ',');
    }
    return true;
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
    {"jobs", required_argument, NULL, 'j'},
    {"nodes", required_argument, NULL, 'n'},
    {"steps", required_argument, NULL, 'o'},
    {"rounds", required_argument, NULL, 'r'},
    {"without", required_argument, NULL, 'w'},
    {"coverage", no_argument, NULL, 'c'},
    {"all", no_argument, NULL, 'a'},
    {"shrink", no_argument, NULL, 'k'},
    {"plan", no_argument, NULL, 'p'},
    {"trace", no_argument, NULL, 't'},
    {"verbose", no_argument, NULL, 'v'},
#ifdef BRUSIO_MUTANTS
    {"break", required_argument, NULL, 'b'},
#endif
    {0},
};

static bool parse_number(uint64_t least, uint64_t most, unsigned *out)
{
    uint64_t number;
    if (!number_parse(optarg, least, most, &number))
        return false;
    *out = (unsigned)number;
    return true;
}

static bool take(int option, struct options *out)
{
    switch (option) {
    case 's':
        return parse_range(optarg, "..", UINT64_MAX, &out->setting.seed, &out->last);
    case 'j':
        return parse_number(1, STRONG_POOL_JOBS_MAX, &out->jobs);
    case 'n':
        return parse_number(NODES_LEAST, NODES_MOST, &out->setting.nodes);
    case 'o':
        return parse_number(1, STEPS_MAX, &out->setting.steps);
    case 'r':
        return parse_number(1, FAULT_ROUNDS_MAX, &out->setting.rounds);
    case 'w':
        return parse_without(optarg, &out->setting);
    case 'c':
        out->coverage = true;
        return true;
    case 'a':
        out->all = true;
        return true;
    case 'k':
        out->shrink = true;
        return true;
    case 'p':
        out->plan = true;
        return true;
    case 't':
        out->setting.trace = true;
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

// --- what is printed

// The faults that are left out, as ranges.
static void print_without(const struct strong_run_setting *setting)
{
    const char *before = " --without ";
    for (unsigned first = 1; first <= FAULTS_MAX; first++) {
        unsigned last = first;
        if (setting->without[first] == 0)
            continue;
        while (last < FAULTS_MAX && setting->without[last + 1] != 0)
            last++;
        if (first == last)
            printf("%s%u", before, first);
        else
            printf("%s%u-%u", before, first, last);
        before = ",";
        first = last;
    }
}

static void print_command(const struct strong_run_setting *setting, uint64_t seed)
{
    printf("brusio-sim strong --seeds %" PRIu64, seed);
    if (setting->nodes > 0)
        printf(" --nodes %u", setting->nodes);
    if (setting->steps != STRONG_RUN_STEPS_DEFAULT)
        printf(" --steps %u", setting->steps);
    if (setting->rounds != FAULT_ROUNDS_MAX)
        printf(" --rounds %u", setting->rounds);
    print_without(setting);
#ifdef BRUSIO_MUTANTS
    if (rule_broken != RULE_COUNT)
        printf(" --break %s", rule_name(rule_broken));
#endif
}

static void print_totals(const struct totals *totals)
{
    printf("%" PRIu64 " seeds passed: %.2f simulated cluster-hours, %" PRIu64
           " operations checked, %" PRIu64 " maps, %" PRIu64 " messages, %" PRIu64 " events\n",
           totals->seeds, (double)totals->virtual_us / 3.6e9, totals->operations, totals->epochs,
           totals->messages, totals->events);
    const char *before = "faults: ";
    for (unsigned i = 0; i < FAULT_KIND_COUNT; i++) {
        printf("%s%" PRIu64 " %s", before, totals->coverage.faults[i],
               fault_name((enum fault_kind)i));
        before = ", ";
    }
    printf("\noutcomes: %" PRIu64 " done, %" PRIu64 " mismatched, %" PRIu64 " refused, %" PRIu64
           " unknown\n",
           totals->coverage.kinds[COVERAGE_OUTCOME_DONE],
           totals->coverage.kinds[COVERAGE_OUTCOME_MISMATCH],
           totals->coverage.kinds[COVERAGE_OUTCOME_REFUSED],
           totals->coverage.kinds[COVERAGE_OUTCOME_UNKNOWN]);
}

// --- runs

static bool take_result(void *context, uint64_t seed, const struct strong_run_result *result)
{
    struct totals *totals = context;
    totals->seeds++;
    totals->virtual_us += result->virtual_us;
    totals->operations += result->operations;
    totals->epochs += result->epochs;
    totals->messages += result->messages;
    totals->events += result->events;
    coverage_add(&totals->coverage, &result->coverage);
    if (totals->options->verbose)
        printf("seed %" PRIu64 ": %s trace %016" PRIx64 ", %" PRIu64 " s, %" PRIu64
               " operations, %" PRIu64 " maps, %" PRIu64 " events%s%s\n",
               seed, result->passed ? "passed" : "failed", result->trace_hash,
               result->virtual_us / 1000000, result->operations, result->epochs, result->events,
               result->passed ? "" : ": ", result->violation);
    if (!result->passed && totals->options->all)
        printf("seed %" PRIu64 " failed: %s\n", seed, result->violation);
    if (!result->passed && (totals->failed++ == 0 || seed < totals->failed_seed)) {
        totals->failed_seed = seed;
        memcpy(totals->violation, result->violation, sizeof totals->violation);
    }
    return totals->failed == 0 || totals->options->all;
}

static int run_seeds(const struct options *options)
{
    struct totals totals = {.options = options};
    strong_pool_run(&options->setting, options->last, options->jobs, take_result, &totals);
    if (totals.failed > 0) {
        if (options->all)
            printf("%" PRIu64 " of %" PRIu64 " seeds failed\n", totals.failed, totals.seeds);
        printf("seed %" PRIu64 " failed: %s\nrun it again: ", totals.failed_seed, totals.violation);
        print_command(&options->setting, totals.failed_seed);
        printf(" --trace, or make it smaller: --shrink\n");
        return EXIT_FAILURE;
    }
    print_totals(&totals);
    return options->coverage && coverage_print(&totals.coverage, stdout) > 0 ? EXIT_FAILURE
                                                                             : EXIT_SUCCESS;
}

static int shrink(const struct options *options)
{
    struct strong_run_setting smallest = options->setting;
    struct strong_run_result result;
    if (!strong_shrink(&smallest, &result)) {
        printf("seed %" PRIu64 " passed: there is nothing to make smaller\n", smallest.seed);
        return EXIT_SUCCESS;
    }
    printf("seed %" PRIu64 " failed: %s\nthe smallest run that fails alike: ", smallest.seed,
           result.violation);
    print_command(&smallest, smallest.seed);
    printf("\n");
    strong_run_print_plan(&smallest);
    return EXIT_FAILURE;
}

static int usage(void)
{
    fputs("brusio-sim: unusable arguments; see brusio-sim --help\n", stderr);
    return 2;
}

int main(int count, char **arguments)
{
    if (count >= 2 && strcmp(arguments[1], "check") == 0)
        return sim_check(count - 2, arguments + 2);
    if (count >= 2 && strcmp(arguments[1], "sync") == 0)
        return sim_sync(count - 2, arguments + 2);
    if (count >= 2 && strcmp(arguments[1], "epidemic") == 0)
        return sim_epidemic(count - 2, arguments + 2);
    struct options options = {
        .setting = {.seed = 1, .steps = STRONG_RUN_STEPS_DEFAULT, .rounds = FAULT_ROUNDS_MAX},
        .last = 0,
        .jobs = 1};
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
    bool one = options.setting.seed == options.last;
    if (optind < count || options.setting.seed > options.last ||
        (!one && (options.shrink || options.plan || options.setting.trace)))
        return usage();
    if (options.plan) {
        strong_run_print_plan(&options.setting);
        return EXIT_SUCCESS;
    }
    return options.shrink ? shrink(&options) : run_seeds(&options);
}
