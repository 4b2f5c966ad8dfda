// What the program tells its caller when it ends. Documented in `brusio --help`: scripts depend on
// it.
#ifndef BRUSIO_PROG_CLI_EXIT_CODE_H
#define BRUSIO_PROG_CLI_EXIT_CODE_H

enum exit_code {
    EXIT_CODE_OK = 0,
    EXIT_CODE_FAILED = 1,
    EXIT_CODE_USAGE = 2,
    EXIT_CODE_NOT_FOUND = 3,
    EXIT_CODE_CONDITION = 4,
    EXIT_CODE_UNAVAILABLE = 5,
};

#endif
