#include "daemon/shim/memory.hpp"

#include <cstddef>
#include <cstdint>

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>

namespace berth::shim {

namespace {

constexpr std::uintptr_t kPage = 4096;

/// dl_iterate_phdr(3) tells the program itself first.
int drop_program_pages(dl_phdr_info* info, std::size_t /*size*/, void* /*data*/) {
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr)& part = info->dlpi_phdr[i];
    // What can be written to holds more than the file does.
    if (part.p_type != PT_LOAD || (part.p_flags & PF_W) != 0) continue;
    const std::uintptr_t begin = (info->dlpi_addr + part.p_vaddr) & ~(kPage - 1);
    const std::uintptr_t end = info->dlpi_addr + part.p_vaddr + part.p_memsz;
    // The program header holds numbers. NOLINTNEXTLINE(performance-no-int-to-ptr)
    (void)::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  }
  return 1;
}

}  // namespace

void keep_memory_small() noexcept {
  constexpr int kLargeBlock = 64 * 1024;
  constexpr int kSlack = 16 * 1024;
  ::mallopt(M_MMAP_THRESHOLD, kLargeBlock);
  ::mallopt(M_TRIM_THRESHOLD, kSlack);
  ::mallopt(M_TOP_PAD, kSlack);
}

void give_memory_back() noexcept {
  ::malloc_trim(0);
  ::dl_iterate_phdr(drop_program_pages, nullptr);
}

}  // namespace berth::shim
