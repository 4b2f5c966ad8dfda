#include "sim_epidemic.h"
#include "sim_epidemic_run.h"

#include "base/number.h"
#include "core/epidemic/rumor.h"
#include "sim/epidemic_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char help[] =
    "Usage: brusio-sim epidemic table --variant VARIANT [--nodes N] [--k K] [--runs R]\n"
    "                                 [--seed S] [--json]\n"
    "       brusio-sim epidemic run --help\n"
    "\n"
    "Spreads one rumor among N nodes (default 1000) in synchronous rounds until nobody tells\n"
    "it any more, R times (default 100), and prints the means. Every node is the rumor core\n"
    "itself; Demers et al. (1987), Tables 1 to 3, say what to expect. VARIANT is\n"
    "\n"
    "  push-feedback-counter   who has it tells one node in each round, and stops after K\n"
    "                          rounds (default 4) in vain with no useful one between them\n"
    "  push-blind-coin         who has it tells one node in each round, and stops after each\n"
    "                          by a chance of 1/K\n"
    "  pull-feedback-counter   each node asks one in each round; who has it stops after K\n"
    "                          rounds in which all that asked knew it, as above\n"
    "\n"
    "  residue   the part of the nodes that never had it\n"
    "  traffic   how often it was sent, for each node\n"
    "  t_ave     rounds until a node first had it, the mean over those who had it\n"
    "  t_last    rounds until the last of them first had it\n"
    "\n"
    "With --json, one JSON object; without, each value with its standard error.\n"
    "\n"
    "Exit status: 0 done, 2 usage.\n";

static bool take_number(const char *text, uint64_t least, uint64_t most, uint32_t *out)
{
    uint64_t number;
    if (!number_parse(text, least, most, &number))
        return false;
    *out = (uint32_t)number;
    return true;
}

static bool take(const char *name, const char *text, struct epidemic_table_setting *out)
{
    if (strcmp(name, "--variant") == 0)
        return epidemic_variant_parse(text, &out->variant);
    if (strcmp(name, "--nodes") == 0)
        return take_number(text, 2, EPIDEMIC_TABLE_NODES_MAX, &out->nodes);
    if (strcmp(name, "--k") == 0)
        return take_number(text, 1, RUMOR_K_MAX, &out->k);
    if (strcmp(name, "--runs") == 0)
        return take_number(text, 1, EPIDEMIC_TABLE_RUNS_MAX, &out->runs);
    if (strcmp(name, "--seed") == 0)
        return number_parse(text, 0, UINT64_MAX, &out->seed);
    return false;
}

static void print_json(const struct epidemic_table_setting *setting,
                       const struct epidemic_table_result *result)
{
    printf("{\"variant\":\"%s\",\"nodes\":%" PRIu32 ",\"k\":%" PRIu32 ",\"runs\":%" PRIu32
           ",\"residue\":%.9f,\"traffic\":%.4f,\"t_ave\":%.3f,\"t_last\":%.3f}\n",
           epidemic_variant_name(setting->variant), setting->nodes, setting->k, setting->runs,
           result->residue.mean, result->traffic.mean, result->t_ave_rounds.mean,
           result->t_last_rounds.mean);
}

static void print_measure(const char *name, const struct epidemic_measure *measure, uint32_t runs)
{
    printf("  %-8s %.7f +- %.7f\n", name, measure->mean, epidemic_measure_error(measure, runs));
}

static void print_text(const struct epidemic_table_setting *setting,
                       const struct epidemic_table_result *result)
{
    printf("%s, %" PRIu32 " nodes, k %" PRIu32 ", %" PRIu32 " runs\n",
           epidemic_variant_name(setting->variant), setting->nodes, setting->k, setting->runs);
    print_measure("residue", &result->residue, setting->runs);
    print_measure("traffic", &result->traffic, setting->runs);
    print_measure("t_ave", &result->t_ave_rounds, setting->runs);
    print_measure("t_last", &result->t_last_rounds, setting->runs);
}

static int usage(void)
{
    fputs("brusio-sim: unusable arguments; see brusio-sim epidemic --help\n", stderr);
    return 2;
}

int sim_epidemic(int count, char **arguments)
{
    struct epidemic_table_setting setting = {.variant = EPIDEMIC_VARIANT_COUNT,
                                             .nodes = 1000,
                                             .k = RUMOR_K_DEFAULT,
                                             .runs = 100,
                                             .seed = 1};
    bool json = false;
    if (count >= 1 && strcmp(arguments[0], "run") == 0)
        return sim_epidemic_run(count - 1, arguments + 1);
    if (count >= 1 && strcmp(arguments[count - 1], "--help") == 0) {
        fputs(help, stdout);
        return 0;
    }
    if (count < 1 || strcmp(arguments[0], "table") != 0)
        return usage();
    for (int i = 1; i < count; i++) {
        if (strcmp(arguments[i], "--json") == 0)
            json = true;
        else if (i + 1 == count || !take(arguments[i], arguments[i + 1], &setting))
            return usage();
        else
            i++;
    }
    if (setting.variant == EPIDEMIC_VARIANT_COUNT)
        return usage();
    struct epidemic_table_result result;
    epidemic_table_run(&setting, &result);
    if (json)
        print_json(&setting, &result);
    else
        print_text(&setting, &result);
    return 0;
}
