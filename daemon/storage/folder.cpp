#include "daemon/storage/folder.hpp"

#include <cerrno>
#include <string_view>

#include <fcntl.h>

#include "common/error.hpp"
#include "common/file.hpp"

namespace berth::storage {

FolderReader::FolderReader(Fd folder) : stream_(::fdopendir(folder.get())) {
  if (!stream_) throw_errno("fdopendir");
  static_cast<void>(folder.release());  // the stream closes it
}

const dirent* FolderReader::next() {
  for (;;) {
    errno = 0;
    const dirent* const entry = ::readdir(stream_.get());
    if (entry == nullptr) {
      if (errno != 0) throw_errno("readdir");
      return nullptr;
    }
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") return entry;
  }
}

std::vector<std::string> names_in(int folder) {
  std::vector<std::string> names;
  FolderReader reader(open_at(folder, ".", O_RDONLY | O_DIRECTORY));
  while (const dirent* const entry = reader.next())
    names.emplace_back(entry->d_name);
  return names;
}

}  // namespace berth::storage
