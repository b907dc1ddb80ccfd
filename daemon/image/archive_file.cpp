#include "daemon/image/archive_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "daemon/image/entry_path.hpp"
#include "daemon/image/libarchive.hpp"

namespace berth::image {

namespace {

constexpr std::size_t kBlockSize = std::size_t{256} << 10U;
constexpr std::size_t kMaxMembers = 100'000;
/// docker save once wrote a layer that two images share as a link.
constexpr int kMaxLinks = 8;

/// A new open file of the same content with a position of its own.
Fd open_again(int file, std::int64_t position) {
  Fd again = open_file("/proc/self/fd/" + std::to_string(file), O_RDONLY);
  if (::lseek(again.get(), position, SEEK_SET) < 0) throw_errno("lseek", "archive");
  return again;
}

std::uint64_t file_size(int file) {
  struct stat status{};
  check_errno(::fstat(file, &status), "fstat", "archive");
  return static_cast<std::uint64_t>(status.st_size);
}

/// The data of the entry whose header stands at a position.
class MemberReader : public ByteReader {
 public:
  MemberReader(Fd file, std::string name)
      : file_(std::move(file)), name_(std::move(name)), reader_(make_tar_reader()) {
    archive_entry* entry = nullptr;
    const Utf8Locale locale;
    if (archive_read_open_fd(reader_.get(), file_.get(), kBlockSize) != ARCHIVE_OK ||
        archive_read_next_header(reader_.get(), &entry) < ARCHIVE_WARN) {
      throw_damaged(reader_.get(), "archive member " + quote_entry(name_));
    }
  }

  std::span<const std::byte> next() override {
    for (;;) {
      const void* data = nullptr;
      std::size_t size = 0;
      la_int64_t offset = 0;
      const int result = archive_read_data_block(reader_.get(), &data, &size, &offset);
      if (result == ARCHIVE_EOF) return {};
      if (result != ARCHIVE_OK)
        throw_damaged(reader_.get(), "archive member " + quote_entry(name_));
      if (size > 0) return {static_cast<const std::byte*>(data), size};
    }
  }

 private:
  Fd file_;
  std::string name_;
  ArchivePtr reader_;
};

}  // namespace

Fd make_unnamed_file(const std::filesystem::path& folder) {
  return open_file(folder, O_TMPFILE | O_RDWR, 0600);
}

ArchiveFile::ArchiveFile(Fd file, const std::filesystem::path& folder) : file_(std::move(file)) {
  if (file_size(file_.get()) == 0) {
    throw Error(ErrorKind::kInvalidArgument, "the archive is empty");
  }
  FileReader head(open_again(file_.get(), 0));
  if (is_compressed(head.next())) {
    const auto plain = decompress(std::make_unique<FileReader>(open_again(file_.get(), 0)));
    Fd target = make_unnamed_file(folder);
    for (auto block = plain->next(); !block.empty(); block = plain->next()) {
      write_all(target.get(), {reinterpret_cast<const char*>(block.data()), block.size()},
                "archive");
    }
    file_ = std::move(target);
  }
  read_index();
}

void ArchiveFile::read_index() {
  const Utf8Locale locale;
  const Fd file = open_again(file_.get(), 0);
  const std::uint64_t total = file_size(file.get());
  const ArchivePtr reader = make_tar_reader();
  // Small blocks: the members' data is skipped.
  if (archive_read_open_fd(reader.get(), file.get(), 10240) != ARCHIVE_OK) {
    throw_damaged(reader.get(), "this is no tar archive");
  }
  archive_entry* entry = nullptr;
  for (;;) {
    const int result = archive_read_next_header(reader.get(), &entry);
    if (result == ARCHIVE_EOF) return;
    if (result != ARCHIVE_OK)
      throw_damaged(reader.get(), "this is no tar archive, or a damaged one");
    const char* const name = archive_entry_pathname(entry);
    const bool is_file = archive_entry_filetype(entry) == AE_IFREG;
    const char* link = archive_entry_hardlink(entry);
    const bool is_symlink = link == nullptr && archive_entry_filetype(entry) == AE_IFLNK;
    if (name == nullptr || (!is_file && link == nullptr && !is_symlink)) continue;
    Member member;
    member.position = archive_read_header_position(reader.get());
    member.size = static_cast<std::uint64_t>(archive_entry_size(entry));
    const std::string path = clean_entry_path(name);
    if (is_symlink && archive_entry_symlink(entry) != nullptr) {
      const std::string folder(split_path(path).folder);
      member.link = clean_entry_path(folder + '/' + archive_entry_symlink(entry));
    } else if (link != nullptr) {
      member.link = clean_entry_path(link);
    } else if (archive_entry_sparse_count(entry) == 0 &&
               member.size > total - static_cast<std::uint64_t>(member.position)) {
      throw Error(ErrorKind::kInvalidArgument,
                  "the archive ends in the middle of its member " + quote_entry(path));
    }
    if (members_.size() >= kMaxMembers) {
      throw Error(ErrorKind::kInvalidArgument, "the archive has more than 100000 members");
    }
    if (!path.empty()) members_.insert_or_assign(path, std::move(member));
  }
}

const ArchiveFile::Member* ArchiveFile::find(std::string_view name) const {
  std::string path = clean_entry_path(name);
  for (int links = 0; links <= kMaxLinks; ++links) {
    const auto found = members_.find(path);
    if (found == members_.end()) return nullptr;
    if (found->second.link.empty()) return &found->second;
    path = found->second.link;
  }
  return nullptr;
}

const ArchiveFile::Member& ArchiveFile::get(std::string_view name) const {
  const Member* const member = find(name);
  if (member == nullptr) {
    throw Error(ErrorKind::kInvalidArgument, "the archive has no member " + quote_entry(name));
  }
  return *member;
}

bool ArchiveFile::contains(std::string_view name) const {
  return find(name) != nullptr;
}

std::uint64_t ArchiveFile::size(std::string_view name) const {
  return get(name).size;
}

std::unique_ptr<ByteReader> ArchiveFile::open(std::string_view name) const {
  return std::make_unique<MemberReader>(open_again(file_.get(), get(name).position),
                                        std::string(name));
}

std::string ArchiveFile::read(std::string_view name, std::size_t limit) const {
  const auto reader = open(name);
  std::string content;
  for (auto block = reader->next(); !block.empty(); block = reader->next()) {
    if (content.size() + block.size() > limit) {
      throw Error(ErrorKind::kTooLarge, "archive member " + quote_entry(name) + " is larger than " +
                                            std::to_string(limit) + " bytes");
    }
    content.append(reinterpret_cast<const char*>(block.data()), block.size());
  }
  return content;
}

}  // namespace berth::image
