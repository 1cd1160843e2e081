// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/model/mapped_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "engine/model/printable.h"

namespace pitwall::engine {
namespace {

Error cannot_open(const std::string& path, int error) {
    const char* hint = error == ENOENT ? "check the path" : "check the file and its permissions";
    return {fmt::format("cannot open the model {} ({})", printable(path, true), std::strerror(error)), hint};
}

}  // namespace

Result<std::unique_ptr<MappedFile>> MappedFile::open(const std::string& path) {
    // O_NONBLOCK: a named pipe must be refused, not waited for.
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) return cannot_open(path, errno);
    std::unique_ptr<MappedFile> file(new MappedFile(descriptor, nullptr, 0));
    struct stat status = {};
    if (::fstat(descriptor, &status) != 0) return cannot_open(path, errno);
    if (!S_ISREG(status.st_mode)) {
        return Error{fmt::format("the model {} is not a regular file", printable(path, true)),
                     "give the path of a GGUF file"};
    }
    if (status.st_size == 0) return file;
    const auto size = static_cast<size_t>(status.st_size);
    void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (data == MAP_FAILED) return cannot_open(path, errno);
    file->data_ = static_cast<const std::byte*>(data);
    file->size_ = size;
    return file;
}

MappedFile::~MappedFile() {
    if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
    ::close(descriptor_);
}

void MappedFile::release_pages() const {
    if (data_ != nullptr) ::madvise(const_cast<std::byte*>(data_), size_, MADV_DONTNEED);
}

std::string MappedFile::sha256() const {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    if (!context || EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1) return "";
    std::vector<unsigned char> buffer(size_t{1} << 20);
    for (size_t at = 0; at < size_;) {
        const ssize_t got = ::pread(descriptor_, buffer.data(), buffer.size(), static_cast<off_t>(at));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return "";
        if (EVP_DigestUpdate(context.get(), buffer.data(), static_cast<size_t>(got)) != 1) return "";
        at += static_cast<size_t>(got);
    }
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest = {};
    unsigned int length = 0;
    if (EVP_DigestFinal_ex(context.get(), digest.data(), &length) != 1) return "";
    std::string hex;
    for (unsigned int i = 0; i < length; ++i) hex += fmt::format("{:02x}", digest[i]);
    return hex;
}

}  // namespace pitwall::engine
