// The entry point of the programs of C++ tests; Catch2's own code is compiled here, once.
#define CATCH_CONFIG_RUNNER
#include "catch.h"

int main(int argc, char** argv) { return Catch::Session().run(argc, argv); }
