// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cpu/memory.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace pitwall::engine::cpu {
namespace {

constexpr size_t kHugePageBytes = size_t{2} << 20;

Error out_of_memory(size_t bytes, const char* what) {
    return {fmt::format("cannot get {:.1f} MiB of memory for {}: {}", static_cast<double>(bytes) / 1048576.0,
                        what, std::strerror(errno)),
            "free memory, lower kv_cache_memory_bytes or use a smaller model"};
}

std::byte* map_pages(size_t bytes, int protection, int flags) {
    void* pages = ::mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
    return pages == MAP_FAILED ? nullptr : static_cast<std::byte*>(pages);
}

/// Where the system has them: one of 4 KiB for each few lines that are read costs more than the lines.
void ask_for_huge_pages(std::byte* data, size_t bytes) {
    if (bytes >= 2 * kHugePageBytes) ::madvise(data, bytes, MADV_HUGEPAGE);
}

/// Whole pages that cover (for commit) the range.
size_t page_floor(size_t offset) {
    return offset / static_cast<size_t>(::sysconf(_SC_PAGESIZE)) *
           static_cast<size_t>(::sysconf(_SC_PAGESIZE));
}
size_t page_ceiling(size_t offset) {
    return page_floor(offset + static_cast<size_t>(::sysconf(_SC_PAGESIZE)) - 1);
}

}  // namespace

PageBuffer::~PageBuffer() {
    if (data_ != nullptr) ::munmap(data_, bytes_);
}

Result<PageBuffer> PageBuffer::allocate(size_t bytes, const char* what) {
    PageBuffer buffer;
    if (bytes == 0) return buffer;
    buffer.data_ = map_pages(bytes, PROT_READ | PROT_WRITE, 0);
    if (buffer.data_ == nullptr) return out_of_memory(bytes, what);
    buffer.bytes_ = bytes;
    ask_for_huge_pages(buffer.data_, bytes);
    return buffer;
}

Result<PageBuffer> PageBuffer::reserve(size_t bytes, const char* what) {
    PageBuffer buffer;
    if (bytes == 0) return buffer;
    buffer.data_ = map_pages(bytes, PROT_NONE, MAP_NORESERVE);
    if (buffer.data_ == nullptr) return out_of_memory(bytes, what);
    buffer.bytes_ = bytes;
    ask_for_huge_pages(buffer.data_, bytes);
    return buffer;
}

Status PageBuffer::commit(size_t offset, size_t bytes) {
    const size_t begin = page_floor(offset), end = page_ceiling(offset + bytes);
    if (begin == end) return {};
    if (::mprotect(data_ + begin, end - begin, PROT_READ | PROT_WRITE) != 0)
        return out_of_memory(bytes, "the KV cache");
    return {};
}

void PageBuffer::decommit(size_t offset, size_t bytes) {
    const size_t begin = page_ceiling(offset), end = page_ceiling(offset + bytes);
    if (begin >= end) return;
    ::madvise(data_ + begin, end - begin, MADV_DONTNEED);
    ::mprotect(data_ + begin, end - begin, PROT_NONE);
}

}  // namespace pitwall::engine::cpu
