// The functions behind the table of commands. Each gets what stands behind its verb and gives back
// the exit code; they throw Error.
#pragma once

#include "client/commands/command.hpp"

namespace berth::client {

int run_attach(Context& context, const Arguments& arguments);
int run_commit(Context& context, const Arguments& arguments);
int run_container_prune(Context& context, const Arguments& arguments);
int run_cp(Context& context, const Arguments& arguments);
int run_create(Context& context, const Arguments& arguments);
int run_exec(Context& context, const Arguments& arguments);
int run_export(Context& context, const Arguments& arguments);
int run_diff(Context& context, const Arguments& arguments);
int run_df(Context& context, const Arguments& arguments);
int run_events(Context& context, const Arguments& arguments);
int run_history(Context& context, const Arguments& arguments);
int run_image_prune(Context& context, const Arguments& arguments);
int run_import(Context& context, const Arguments& arguments);
int run_images(Context& context, const Arguments& arguments);
int run_info(Context& context, const Arguments& arguments);
int run_inspect(Context& context, const Arguments& arguments);
int run_inspect_container(Context& context, const Arguments& arguments);
int run_inspect_image(Context& context, const Arguments& arguments);
int run_kill(Context& context, const Arguments& arguments);
int run_load(Context& context, const Arguments& arguments);
int run_login(Context& context, const Arguments& arguments);
int run_logout(Context& context, const Arguments& arguments);
int run_push(Context& context, const Arguments& arguments);
int run_search(Context& context, const Arguments& arguments);
int run_logs(Context& context, const Arguments& arguments);
int run_port(Context& context, const Arguments& arguments);
int run_checkpoint_create(Context& context, const Arguments& arguments);
int run_checkpoint_ls(Context& context, const Arguments& arguments);
int run_checkpoint_rm(Context& context, const Arguments& arguments);
int run_network_create(Context& context, const Arguments& arguments);
int run_network_ls(Context& context, const Arguments& arguments);
int run_network_rm(Context& context, const Arguments& arguments);
int run_network_prune(Context& context, const Arguments& arguments);
int run_inspect_network(Context& context, const Arguments& arguments);
int run_volume_create(Context& context, const Arguments& arguments);
int run_volume_ls(Context& context, const Arguments& arguments);
int run_volume_rm(Context& context, const Arguments& arguments);
int run_volume_prune(Context& context, const Arguments& arguments);
int run_inspect_volume(Context& context, const Arguments& arguments);
int run_pause(Context& context, const Arguments& arguments);
int run_ps(Context& context, const Arguments& arguments);
int run_pull(Context& context, const Arguments& arguments);
int run_rename(Context& context, const Arguments& arguments);
int run_resize(Context& context, const Arguments& arguments);
int run_restart(Context& context, const Arguments& arguments);
int run_rm(Context& context, const Arguments& arguments);
int run_rmi(Context& context, const Arguments& arguments);
int run_run(Context& context, const Arguments& arguments);
int run_save(Context& context, const Arguments& arguments);
int run_start(Context& context, const Arguments& arguments);
int run_stats(Context& context, const Arguments& arguments);
int run_stop(Context& context, const Arguments& arguments);
int run_system_prune(Context& context, const Arguments& arguments);
int run_tag(Context& context, const Arguments& arguments);
int run_top(Context& context, const Arguments& arguments);
int run_unpause(Context& context, const Arguments& arguments);
int run_update(Context& context, const Arguments& arguments);
int run_version(Context& context, const Arguments& arguments);
int run_wait(Context& context, const Arguments& arguments);

}  // namespace berth::client
