// What drivers that keep each layer in a folder have in common.
//
//   <data root>/layers/<driver>/<hex>/diff    a layer's files
//                               <hex>/meta    its parent and size
//                               <hex>/recipe  of its tar, where there is one
//                               drafts/       layers that are being filled; emptied at start
//                               writable/<container>/{diff,work,parent}; parent is a link whose
//                                             text is the chain id that it stands on
//                               trash/        what is being deleted; emptied at start
//                               empty/        the lower folder of images without layers
//
// A layer or writable appears by rename(2), so that a kill at any moment leaves whole ones and
// leftovers in drafts/ and trash/ alone.
#pragma once

#include <unordered_map>

#include "daemon/async/mutex.hpp"
#include "daemon/storage/driver.hpp"
#include "daemon/storage/layer_table.hpp"

namespace berth::storage {

class FolderDriver : public Driver {
 public:
  std::string name() const override { return name_; }
  std::vector<std::pair<std::string, std::string>> status() const override;

  bool exists(const ChainId& chain) const override { return layers_.contains(chain); }
  const LayerInfo& layer(const ChainId& chain) const override;
  LayerPlace place(const ChainId& chain) const override;
  Task<LayerDraft> begin_layer(ChainId parent) override;
  Task<LayerHold> commit_layer(LayerDraft draft, ChainId chain, LayerInfo info) override;
  Task<> discard_draft(LayerDraft draft) override;
  Task<> sync() override;
  void sweep() override;

  Task<> create_writable(ContainerId id, ChainId top) override;
  Task<> remove_writable(ContainerId id) override;
  bool has_writable(const ContainerId& id) const override { return writables_.contains(id); }
  const ChainId& top_of(const ContainerId& id) const override;
  void collect(const std::set<ContainerId>& known) override;
  Task<std::vector<Change>> changes(ContainerId id, std::set<std::string> ignored) override;

 protected:
  /// Makes the folders and reads what is there. Blocks.
  FolderDriver(DriverOptions options, std::string name);

  /// Makes "diff" in a new draft's or writable's folder, ready to be filled or used; `below` is the
  /// diff that it stands on, empty for none. On the bulk pool, or for a writable on the one that
  /// copies_for_writables() chooses.
  virtual void make_diff(int folder, const std::filesystem::path& below) const;
  /// Adds what else a new writable's folder needs.
  virtual void prepare_writable(int /*folder*/) const {}
  /// Deletes an entry of the trash. On the bulk pool.
  virtual void delete_trashed(int trash, const std::string& name) const;
  virtual bool copies_for_writables() const = 0;
  virtual Whiteouts whiteouts() const = 0;
  /// The layers that a writable on `top` differs from, topmost first.
  virtual std::vector<std::filesystem::path> compared_with(const ChainId& top) const = 0;

  std::filesystem::path layer_diff(const ChainId& chain) const;
  std::filesystem::path writable_folder(const ContainerId& id) const;
  std::filesystem::path empty_folder_path() const { return root_ / "empty"; }
  /// The chain id that the container's writable stands on. Throws Error{kNotFound}.
  const LayerTable& layers() const noexcept { return layers_; }

 private:
  void acquire(const ChainId& chain) override { layers_.acquire(chain); }
  void release(const ChainId& chain) noexcept override { layers_.release(chain); }

  std::filesystem::path drafts_folder() const { return root_ / "drafts"; }
  void read_layers();
  void read_writables();
  void clear_leftovers();
  void build_writable(const std::string& name, const ChainId& top) const;
  void drop_writable(const ContainerId& id);
  Task<> remove_layer(ChainId chain);
  /// Moves an entry to the trash and returns its name there; empty when there was none. Blocks.
  std::string move_to_trash(const std::filesystem::path& entry) const;
  /// Deletes an entry of the trash in the background.
  void delete_later(std::string trashed);

  DriverOptions options_;
  std::string name_;
  std::filesystem::path root_;
  Fd root_fd_;
  Fd writable_fd_;
  Fd trash_fd_;
  LayerTable layers_;
  std::unordered_map<ContainerId, ChainId> writables_;
  /// Held while a layer's folder gets or loses its name.
  AsyncMutex naming_;
};

}  // namespace berth::storage
