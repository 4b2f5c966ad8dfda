#include "sim_check.h"

#include "sim/history_file.h"
#include "sim/history_replay.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static const char help[] =
    "Usage: brusio-sim check FILE\n"
    "\n"
    "Judges a history that clients of a real cluster recorded: whether each key's operations are\n"
    "linearizable. FILE (- for standard input) has one JSON object per line, such as\n"
    "\n"
    "  {\"client\": 1, \"key\": \"a\", \"kind\": \"put\", \"value\": 7, \"start_ns\": 100, "
    "\"end_ns\": 250,\n"
    "   \"outcome\": \"ok\", \"stamp\": \"10000002b-1\", \"existed\": false}\n"
    "\n"
    "  kind       read, put, delete, cas (a put with an expected stamp)\n"
    "  condition  of a put or delete: absent, present, or stamp with \"expected\"\n"
    "  end_ns     null when no answer came\n"
    "  outcome    ok, absent, mismatch, refused (it had no effect), unknown\n"
    "\n"
    "Every put of a key writes a number of its own, and a key is absent before its first put.\n"
    "\n"
    "Exit status: 0 all linearizable; 1 a violation (explained, from the shortest beginning of "
    "the\n"
    "history that shows it); 2 unusable arguments or file; 3 too hard to decide.\n";

enum { EXIT_LINEARIZABLE, EXIT_VIOLATION, EXIT_UNUSABLE, EXIT_UNDECIDED };

struct tally {
    uint32_t keys;
    uint32_t unknown;
    uint32_t violations;
    uint32_t undecided;
};

static uint64_t first_start(const struct history_file *file)
{
    uint64_t first_ns = HISTORY_FILE_NEVER;
    for (uint32_t i = 0; i < file->count; i++)
        if (file->operations[i].start_ns < first_ns)
            first_ns = file->operations[i].start_ns;
    return first_ns;
}

static void judge_key(const struct history_operation *operations, uint32_t count,
                      uint64_t origin_ns, struct tally *tally)
{
    enum linear_answer answer = history_replay_judge(operations, count, origin_ns, stdout);
    tally->keys++;
    for (uint32_t i = 0; i < count; i++)
        if (operations[i].outcome.result == LINEAR_UNKNOWN &&
            operations[i].operation.kind != LINEAR_READ)
            tally->unknown++;
    tally->violations += answer == LINEAR_VIOLATION;
    tally->undecided += answer == LINEAR_UNDECIDED;
}

static int judge(const struct history_file *file)
{
    struct tally tally = {0};
    uint64_t origin_ns = first_start(file);
    uint32_t run;
    for (uint32_t first = 0; (run = history_file_run(file, first)) > 0; first += run)
        judge_key(file->operations + first, run, origin_ns, &tally);
    printf("%" PRIu32 " keys, %" PRIu32 " operations, %" PRIu32 " writes of unknown outcome: ",
           tally.keys, file->count, tally.unknown);
    if (tally.violations + tally.undecided == 0)
        printf("linearizable\n");
    else
        printf("%" PRIu32 " keys are not linearizable, %" PRIu32 " undecided\n", tally.violations,
               tally.undecided);
    if (tally.violations > 0)
        return EXIT_VIOLATION;
    return tally.undecided > 0 ? EXIT_UNDECIDED : EXIT_LINEARIZABLE;
}

int sim_check(int count, char **arguments)
{
    struct history_file file = {0};
    struct errmsg detail = {""};
    int status = EXIT_UNUSABLE;
    if (count == 1 && strcmp(arguments[0], "--help") == 0) {
        fputs(help, stdout);
        return EXIT_LINEARIZABLE;
    }
    if (count != 1) {
        fputs("brusio-sim: check takes one file; see brusio-sim check --help\n", stderr);
        return EXIT_UNUSABLE;
    }
    bool is_standard = strcmp(arguments[0], "-") == 0;
    FILE *in = is_standard ? stdin : fopen(arguments[0], "re");
    if (in == NULL) {
        fprintf(stderr, "brusio-sim: cannot read %s: %s\n", arguments[0], strerror(errno));
        return EXIT_UNUSABLE;
    }
    if (history_file_read(&file, in, &detail) == ERR_OK)
        status = judge(&file);
    else
        fprintf(stderr, "brusio-sim: %s: %s\n", arguments[0], detail.text);
    history_file_release(&file);
    if (!is_standard)
        fclose(in);
    return status;
}
