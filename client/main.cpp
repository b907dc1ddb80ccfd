// berth: the command-line client.
#include "client/commands/command.hpp"

int main(int count, char** values) {
  return berth::client::run_command_line({values + 1, values + count});
}
