#include "daemon/image/tar_entries.hpp"

#include <algorithm>

#include "common/error.hpp"
#include "common/text.hpp"
#include "daemon/image/entry_path.hpp"

namespace berth::image {

namespace {

/// Longer extended headers are not understood; libarchive's own bound is 1 MiB.
constexpr std::uint64_t kMaxExtension = std::uint64_t{1} << 20U;

bool is_whiteout_name(const std::string& path) {
  return split_path(path).name.starts_with(".wh.");
}

}  // namespace

void TarEntries::feed(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    std::size_t taken = bytes.size();
    if (state_ == State::kHeader) {
      taken = take_header(bytes);
    } else if (state_ == State::kTail) {
      events_.raw(bytes);
    } else {
      taken = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
      const auto part = bytes.first(taken);
      if (state_ != State::kContent) events_.raw(part);
      if (state_ == State::kCapture && captured_.size() < captured_size_) {
        const auto wanted = std::min<std::uint64_t>(part.size(), captured_size_ - captured_.size());
        captured_.append(reinterpret_cast<const char*>(part.data()), wanted);
      }
      left_ -= taken;
      if (left_ == 0) end_content();
    }
    bytes = bytes.subspan(taken);
  }
}

std::size_t TarEntries::take_header(std::span<const std::byte> bytes) {
  const std::size_t taken = std::min(bytes.size(), kTarBlock - filled_);
  const auto part = bytes.first(taken);
  events_.raw(part);
  std::copy(part.begin(), part.end(), block_.begin() + static_cast<std::ptrdiff_t>(filled_));
  filled_ += taken;
  if (filled_ == kTarBlock) {
    filled_ = 0;
    on_header();
  }
  return taken;
}

void TarEntries::on_header() {
  // A lone block of zeros is passed over by some programs and ends the archive for others.
  const auto header = is_zero_block(block_) ? std::nullopt : parse_tar_header(block_);
  if (!header) {
    state_ = State::kTail;
    return;
  }
  begin_entry(*header);
}

void TarEntries::begin_entry(const TarHeader& header) {
  const char type = header.type;
  if (type == 'x' || type == 'g' || type == 'L' || type == 'K') {
    if (header.size > kMaxExtension) {
      state_ = State::kTail;
      return;
    }
    extension_ = type;
    captured_.clear();
    captured_size_ = header.size;
    left_ = header.size + tar_padding(header.size);
    state_ = State::kCapture;
    if (left_ == 0) end_content();
    return;
  }
  Overrides overrides = std::exchange(overrides_, {});
  const std::string name = overrides.path ? *overrides.path : header.name;
  const std::uint64_t size = overrides.size.value_or(header.size);
  const bool file = type == '0' || type == '\0' || type == '7';
  const bool other = type >= '1' && type <= '6';
  std::string path;
  try {
    path = clean_entry_path(name);
  } catch (const Error&) {
    state_ = State::kTail;
    return;
  }
  if ((!file && !other) || (other && size > 0) || size > INT64_MAX / 2) {
    state_ = State::kTail;
    return;
  }
  const bool folder = type == '5' || (file && name.ends_with('/'));
  note(path, folder);
  if (size == 0) return;
  if (overrides.sparse || folder || path.empty() || is_whiteout_name(path)) {
    left_ = size + tar_padding(size);
    state_ = State::kRaw;
  } else {
    begin_file(path, size);
  }
}

void TarEntries::begin_file(const std::string& path, std::uint64_t size) {
  events_.file(path, size);
  left_ = size;
  padding_ = tar_padding(size);
  state_ = State::kContent;
}

void TarEntries::end_content() {
  if (state_ == State::kContent && padding_ > 0) {
    left_ = std::exchange(padding_, 0);
    state_ = State::kRaw;
    return;
  }
  const bool extension = state_ == State::kCapture;
  state_ = State::kHeader;
  if (extension) on_extension();
}

void TarEntries::on_extension() {
  if (extension_ == 'x') {
    read_pax(captured_);
  } else if (extension_ == 'L') {
    overrides_.path = captured_.substr(0, captured_.find('\0'));
  } else if (extension_ == 'g') {
    // What holds for all that follows: only comments are.
    read_pax(captured_);
    const Overrides global = std::exchange(overrides_, {});
    if (global.path || global.size || global.sparse) state_ = State::kTail;
  }
}

/// Records "<length> <key>=<value>\n".
void TarEntries::read_pax(std::string_view text) {
  while (!text.empty()) {
    const std::size_t space = text.find(' ');
    const auto length = parse_number<std::size_t>(text.substr(0, space));
    if (space == std::string_view::npos || !length || *length <= space + 1 ||
        *length > text.size()) {
      state_ = State::kTail;
      return;
    }
    const std::string_view record = text.substr(space + 1, *length - space - 2);
    text.remove_prefix(*length);
    const std::size_t equals = record.find('=');
    const std::string_view key = record.substr(0, equals);
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view() : record.substr(equals + 1);
    if (key == "path") {
      overrides_.path = value;
    } else if (key == "size") {
      const auto size = parse_number<std::uint64_t>(value);
      if (!size) state_ = State::kTail;
      overrides_.size = size;
    } else if (key.starts_with("GNU.sparse.") || key.starts_with("SUN.holes")) {
      overrides_.sparse = true;
    }
  }
}

void TarEntries::note(const std::string& path, bool folder) {
  if (path.empty()) return;
  std::string own = path;
  if (is_whiteout_name(path)) {
    // Hides what is below this layer alone; where the layer has the name itself, who wins is a
    // matter of order.
    const std::size_t name = path.size() - split_path(path).name.size();
    own.erase(name, std::string_view(".wh.").size());
    if (seen_.contains(own)) files_stay_ = false;
    return;
  }
  const auto [found, is_new] = seen_.try_emplace(own, folder);
  if (!is_new && !(found->second && folder)) files_stay_ = false;
  while (own.find('/') != std::string::npos) {
    own.erase(own.rfind('/'));
    const auto [above, first] = seen_.try_emplace(own, true);
    if (!above->second) files_stay_ = false;
    if (!first) break;
  }
}

}  // namespace berth::image
