// commit: a container becomes an image.
#include "api/error.hpp"
#include "api/fields.hpp"
#include "client/commands/command_line.hpp"
#include "client/commands/pull_image.hpp"
#include "client/commands/verbs.hpp"

namespace berth::client {

int run_commit(Context& context, const Arguments& arguments) {
  CommandLine line("commit", "commit [OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
                   "Create a new image from a container's changes");
  std::string author;
  std::string message;
  std::vector<std::string> changes;
  bool pause = true;
  line.text("-a,--author", author, "Author (e.g., \"John Hannibal Smith <hannibal@a-team.com>\")");
  line.list("-c,--change", changes, "Apply Dockerfile instruction to the created image");
  line.text("-m,--message", message, "Commit message");
  line.flag("-p,--pause", pause, "Pause container during commit");
  const Arguments names = line.parse(arguments, 1, 2);
  const ImageName image = names.size() > 1 ? split_image_name(names[1]) : ImageName{};
  std::vector<std::pair<std::string, std::string>> parameters{
      {"container", names[0]}, {"repo", image.repository}, {"tag", image.tag},
      {"author", author},      {"comment", message},       {"pause", pause ? "" : "0"}};
  for (const std::string& change : changes)
    parameters.emplace_back("changes", change);
  const auto made = api::from_text<api::IdResponse>(
      context.client().call("POST", "/commit" + query_string(parameters)));
  print(made.id + "\n");
  return 0;
}

}  // namespace berth::client
