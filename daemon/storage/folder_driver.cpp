#include "daemon/storage/folder_driver.hpp"

#include <cerrno>

#include <fcntl.h>
#include <linux/fs.h>
#include <nlohmann/json.hpp>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "common/log/log.hpp"
#include "daemon/storage/folder.hpp"
#include "daemon/storage/probe.hpp"
#include "daemon/storage/tree.hpp"

namespace berth::storage {

namespace {

constexpr std::string_view kDigestPrefix = "sha256:";

void make_folder(const std::filesystem::path& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) throw_errno("mkdir", path.native());
  // The process's umask must not close what containers look through.
  check_errno(::chmod(path.c_str(), mode), "chmod", path.native());
}

/// Has ext4 place what is made in the folder apart (chattr(1), attribute T): beside a layer of many
/// files that was deleted a moment ago, making new ones takes ten times as long, since ext4 does
/// not use their inodes again for a minute and looks at each of them. Other file systems refuse.
void spread_children(int folder) {
  int flags = 0;
  if (::ioctl(folder, FS_IOC_GETFLAGS, &flags) != 0 || (flags & FS_TOPDIR_FL) != 0) return;
  flags |= FS_TOPDIR_FL;
  (void)::ioctl(folder, FS_IOC_SETFLAGS, &flags);
}

std::string link_text(int folder, const char* name) {
  std::string text(256, '\0');
  const ssize_t length = ::readlinkat(folder, name, text.data(), text.size());
  text.resize(static_cast<std::size_t>(length < 0 ? 0 : length));
  return text;
}

LayerInfo read_meta(const std::filesystem::path& path) {
  const auto meta = nlohmann::json::parse(read_file(path, std::size_t{64} << 10U));
  LayerInfo info;
  info.parent = ChainId(meta.at("parent").get<std::string>());
  info.size = meta.at("size").get<std::uint64_t>();
  return info;
}

void write_meta(const std::filesystem::path& path, const LayerInfo& info) {
  const nlohmann::json meta{{"parent", info.parent.str()}, {"size", info.size}};
  const Fd file = open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
  write_all(file.get(), meta.dump(), path.native());
}

}  // namespace

FolderDriver::FolderDriver(DriverOptions options, std::string name)
    : options_(std::move(options)), name_(std::move(name)), naming_(options_.control) {
  // Absolute: the paths travel to processes with other working folders.
  root_ = std::filesystem::absolute(options_.data_root) / "layers" / name_;
  std::error_code error;
  std::filesystem::create_directories(root_, error);
  if (error) throw_errno("mkdir", root_.native(), error.value());
  make_folder(root_, 0711);
  for (const char* const part : {"drafts", "writable", "trash"})
    make_folder(root_ / part, 0711);
  make_folder(empty_folder_path(), 0755);
  root_fd_ = open_file(root_, O_RDONLY | O_DIRECTORY);
  writable_fd_ = open_file(root_ / "writable", O_RDONLY | O_DIRECTORY);
  trash_fd_ = open_file(root_ / "trash", O_RDONLY | O_DIRECTORY);
  spread_children(open_file(drafts_folder(), O_RDONLY | O_DIRECTORY).get());
  clear_leftovers();
  read_layers();
  read_writables();
}

// ---- start-up

void FolderDriver::clear_leftovers() {
  for (const std::string& trashed : names_in(trash_fd_.get()))
    delete_later(trashed);
  const Fd drafts = open_file(drafts_folder(), O_RDONLY | O_DIRECTORY);
  for (const std::string& draft : names_in(drafts.get())) {
    delete_later(move_to_trash(drafts_folder() / draft));
  }
}

void FolderDriver::read_layers() {
  for (const std::string& hex : names_in(root_fd_.get())) {
    const std::string chain = std::string(kDigestPrefix) + hex;
    if (!is_digest(chain)) continue;
    try {
      layers_.add(ChainId(chain), read_meta(root_ / hex / "meta"));
    } catch (const std::exception& error) {
      log::warn("layer {} cannot be used and is removed: {}", hex, error.what());
      delete_later(move_to_trash(root_ / hex));
    }
  }
}

void FolderDriver::read_writables() {
  for (const std::string& id : names_in(writable_fd_.get())) {
    const ChainId top(link_text(writable_fd_.get(), (id + "/parent").c_str()));
    if (!top.empty()) layers_.acquire(top);
    writables_.emplace(ContainerId(id), top);
  }
}

void FolderDriver::collect(const std::set<ContainerId>& known) {
  std::vector<ContainerId> unknown;
  for (const auto& [id, top] : writables_) {
    if (!known.contains(id)) unknown.push_back(id);
  }
  for (const ContainerId& id : unknown) {
    delete_later(move_to_trash(writable_folder(id)));
    drop_writable(id);
  }
  sweep();
}

// ---- layers

void FolderDriver::make_diff(int folder, const std::filesystem::path& /*below*/) const {
  check_errno(::mkdirat(folder, "diff", 0755), "mkdirat", "diff");
  // The process's umask must not close what containers look through.
  check_errno(::fchmodat(folder, "diff", 0755, 0), "fchmodat", "diff");
}

std::filesystem::path FolderDriver::layer_diff(const ChainId& chain) const {
  return root_ / digest_hex(chain.str()) / "diff";
}

const LayerInfo& FolderDriver::layer(const ChainId& chain) const {
  const LayerInfo* const info = layers_.find(chain);
  if (info == nullptr) {
    throw Error(ErrorKind::kNotFound, "the layer " + chain.str() + " is missing");
  }
  return *info;
}

LayerPlace FolderDriver::place(const ChainId& chain) const {
  layer(chain);
  return {layer_diff(chain), root_ / digest_hex(chain.str()) / "recipe"};
}

Task<LayerDraft> FolderDriver::begin_layer(ChainId parent) {
  LayerDraft draft;
  draft.name = random_hex(16);
  draft.folder = drafts_folder() / draft.name / "diff";
  draft.recipe = draft.folder.parent_path() / "recipe";
  draft.whiteouts = whiteouts();
  std::filesystem::path parent_diff;
  if (!parent.empty() && !fills_in_parallel()) {
    layer(parent);
    parent_diff = layer_diff(parent);
  }
  auto prepare = [this, folder = draft.folder, parent_diff] {
    make_folder(folder.parent_path(), 0711);
    const Fd parent = open_file(folder.parent_path(), O_RDONLY | O_DIRECTORY);
    make_diff(parent.get(), parent_diff);
    return open_at(parent.get(), "diff", O_RDONLY | O_DIRECTORY);
  };
  draft.root = co_await options_.bulk.run(std::move(prepare));
  co_return draft;
}

Task<LayerHold> FolderDriver::commit_layer(LayerDraft draft, ChainId chain, LayerInfo info) {
  std::exception_ptr failure;
  const AsyncMutex::Lock lock = co_await naming_.lock();
  if (!exists(chain)) {
    auto publish = [this, draft_folder = drafts_folder() / draft.name, info,
                    target = root_ / digest_hex(chain.str())] {
      write_meta(draft_folder / "meta", info);
      // A layer that was dropped a moment ago may still have the name.
      std::string stale = move_to_trash(target);
      check_errno(::rename(draft_folder.c_str(), target.c_str()), "rename", target.native());
      return stale;
    };
    try {
      std::string stale = co_await options_.fast.run(std::move(publish));
      if (!stale.empty()) delete_later(std::move(stale));
      layers_.add(chain, std::move(info));
      co_return LayerHold(*this, std::move(chain));
    } catch (...) {
      failure = std::current_exception();
    }
  }
  co_await discard_draft(std::move(draft));
  if (failure) std::rethrow_exception(failure);
  co_return LayerHold(*this, std::move(chain));
}

Task<> FolderDriver::discard_draft(LayerDraft draft) {
  auto move = [this, folder = drafts_folder() / draft.name] { return move_to_trash(folder); };
  std::string trashed = co_await options_.fast.run(std::move(move));
  if (!trashed.empty()) delete_later(std::move(trashed));
}

Task<> FolderDriver::sync() {
  auto work = [this] { check_errno(::syncfs(root_fd_.get()), "syncfs", root_.native()); };
  co_await options_.bulk.run(std::move(work));
}

void FolderDriver::sweep() {
  for (const ChainId& chain : layers_.take_unneeded()) {
    options_.tasks.spawn("removing layer " + chain.str(),
                         [this, chain] { return remove_layer(chain); });
  }
}

Task<> FolderDriver::remove_layer(ChainId chain) {
  AsyncMutex::Lock lock = co_await naming_.lock();
  if (exists(chain)) co_return;  // it came again
  auto move = [this, folder = root_ / digest_hex(chain.str())] { return move_to_trash(folder); };
  std::string trashed = co_await options_.fast.run(std::move(move));
  lock.unlock();
  if (!trashed.empty()) delete_later(std::move(trashed));
}

// ---- containers

std::filesystem::path FolderDriver::writable_folder(const ContainerId& id) const {
  return root_ / "writable" / id.str();
}

const ChainId& FolderDriver::top_of(const ContainerId& id) const {
  const auto found = writables_.find(id);
  if (found == writables_.end()) {
    throw Error(ErrorKind::kNotFound, "container " + id.str() + " has no writable layer");
  }
  return found->second;
}

void FolderDriver::build_writable(const std::string& name, const ChainId& top) const {
  const int parent = writable_fd_.get();
  if (::mkdirat(parent, name.c_str(), 0711) != 0) {
    if (errno == EEXIST) {
      throw Error(ErrorKind::kConflict, "container " + name + " has a writable layer already");
    }
    throw_errno("mkdirat", name);
  }
  const Fd folder = open_at(parent, name, O_RDONLY | O_DIRECTORY);
  if (!top.empty()) {
    check_errno(::symlinkat(top.str().c_str(), folder.get(), "parent"), "symlinkat", "parent");
  }
  make_diff(folder.get(), top.empty() ? std::filesystem::path() : layer_diff(top));
  prepare_writable(folder.get());
}

Task<> FolderDriver::create_writable(ContainerId id, ChainId top) {
  if (!top.empty()) layer(top);
  if (!writables_.emplace(id, top).second) {
    throw Error(ErrorKind::kConflict, "container " + id.str() + " has a writable layer already");
  }
  if (!top.empty()) layers_.acquire(top);
  auto build = [this, id, top] { build_writable(id.str(), top); };
  BlockingPool& pool = copies_for_writables() ? options_.bulk : options_.fast;
  std::exception_ptr failure;
  try {
    co_await pool.run(std::move(build));
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) {
    co_await remove_writable(id);
    std::rethrow_exception(failure);
  }
}

Task<> FolderDriver::remove_writable(ContainerId id) {
  auto move = [this, folder = writable_folder(id)] { return move_to_trash(folder); };
  std::string trashed = co_await options_.fast.run(std::move(move));
  drop_writable(id);
  sweep();
  if (!trashed.empty()) delete_later(std::move(trashed));
}

void FolderDriver::drop_writable(const ContainerId& id) {
  const auto found = writables_.find(id);
  if (found == writables_.end()) return;
  const ChainId top = found->second;
  writables_.erase(found);
  if (!top.empty()) layers_.release(top);
}

Task<std::vector<Change>> FolderDriver::changes(ContainerId id, std::set<std::string> ignored) {
  auto compare = [upper = writable_folder(id) / "diff", lower = compared_with(top_of(id)),
                  form = whiteouts() == Whiteouts::kOverlay ? Upper::kOverlay : Upper::kWhole,
                  ignored = std::move(ignored)] {
    return find_changes(upper, form, lower, ignored);
  };
  co_return co_await options_.bulk.run(std::move(compare));
}

// ---- trash

std::string FolderDriver::move_to_trash(const std::filesystem::path& entry) const {
  std::string name = random_hex(16);
  if (::renameat(AT_FDCWD, entry.c_str(), trash_fd_.get(), name.c_str()) == 0) return name;
  if (errno == ENOENT) return {};
  throw_errno("rename", entry.native());
}

void FolderDriver::delete_later(std::string trashed) {
  options_.tasks.spawn("deleting " + trashed, [this, trashed]() -> Task<> {
    return options_.bulk.run([this, trashed] { delete_trashed(trash_fd_.get(), trashed); });
  });
}

void FolderDriver::delete_trashed(int trash, const std::string& name) const {
  remove_tree(trash, name);
}

std::vector<std::pair<std::string, std::string>> FolderDriver::status() const {
  return {{"Backing Filesystem", file_system_name(root_)},
          {"Layers", std::to_string(layers_.size())}};
}

}  // namespace berth::storage
