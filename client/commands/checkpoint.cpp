// checkpoint create, ls and rm.
#include "api/checkpoint.hpp"

#include "api/fields.hpp"
#include "client/commands/command_line.hpp"
#include "client/commands/verbs.hpp"

namespace berth::client {

namespace {

constexpr const char* kFolderHelp = "Use a custom checkpoint storage directory";

std::string path_of(const std::string& container) {
  return "/containers/" + escape_url(container) + "/checkpoints";
}

}  // namespace

int run_checkpoint_create(Context& context, const Arguments& arguments) {
  CommandLine line("checkpoint create", "checkpoint create [OPTIONS] CONTAINER CHECKPOINT",
                   "Create a checkpoint from a running container");
  api::CheckpointRequest request;
  bool leave_running = false;
  line.text("--checkpoint-dir", request.checkpoint_dir, kFolderHelp);
  line.flag("--leave-running", leave_running, "Leave the container running after checkpoint");
  const Arguments names = line.parse(arguments, 2, 2);
  request.checkpoint_id = names[1];
  request.exit = !leave_running;
  context.client().call("POST", path_of(names[0]), api::to_text(request));
  print(names[1] + "\n");
  return 0;
}

int run_checkpoint_ls(Context& context, const Arguments& arguments) {
  CommandLine line("checkpoint ls", "checkpoint ls [OPTIONS] CONTAINER",
                   "List checkpoints for a container");
  std::string folder;
  line.text("--checkpoint-dir", folder, kFolderHelp);
  const std::string container = line.parse(arguments, 1, 1).front();
  const auto found = api::list_from_text<api::CheckpointSummary>(
      context.client().call("GET", path_of(container) + query_string({{"dir", folder}})));
  print("CHECKPOINT NAME\n");
  for (const api::CheckpointSummary& checkpoint : found)
    print(checkpoint.name + "\n");
  return 0;
}

int run_checkpoint_rm(Context& context, const Arguments& arguments) {
  CommandLine line("checkpoint rm", "checkpoint rm [OPTIONS] CONTAINER CHECKPOINT",
                   "Remove a checkpoint");
  std::string folder;
  line.text("--checkpoint-dir", folder, kFolderHelp);
  const Arguments names = line.parse(arguments, 2, 2);
  context.client().call(
      "DELETE", path_of(names[0]) + "/" + escape_url(names[1]) + query_string({{"dir", folder}}));
  return 0;
}

}  // namespace berth::client
