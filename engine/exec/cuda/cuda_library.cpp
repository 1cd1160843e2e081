// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exec/cuda/cuda_library.h"

#include <dlfcn.h>
#include <elf.h>
#include <fmt/format.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>

#include "engine/exec/cuda/plugin/build_id.h"
#include "engine/exec/cuda/plugin/variables.h"

namespace pitwall::engine {
namespace {

constexpr const char *kFileName = "pitwall-cuda.so", *kVariable = "PITWALL_CUDA_PLUGIN";

/// Beside the program, as installed (bin/ and lib/pitwall/), and as built (app/headless/ and engine/exec/cuda/).
std::vector<std::filesystem::path> places() {
    // Absolute, for dlopen() would look for a bare name where the system keeps its libraries.
    if (const std::string given = environment_text(kVariable); !given.empty())
        return {std::filesystem::absolute(given)};
    std::error_code none;
    const auto folder = std::filesystem::read_symlink("/proc/self/exe", none).parent_path();
    return {folder / kFileName, (folder / "../lib/pitwall" / kFileName).lexically_normal(),
            (folder / "../../engine/exec/cuda" / kFileName).lexically_normal()};
}

Error no_plugin() {
    const auto looked_for = places();
    std::string list;
    for (const auto& path : looked_for) list += (list.empty() ? "" : ", ") + path.string();
    if (!environment_text(kVariable).empty())
        return {fmt::format("there is no CUDA plug-in ({}={})", kVariable, list),
                fmt::format("name the file {} in {}, or unset that", kFileName, kVariable)};
    return {fmt::format("there is no CUDA plug-in (looked for {})", list),
            fmt::format("build it where nvcc is (docs/cuda.md), name its file in {}, or use --device cpu",
                        kVariable)};
}

std::optional<std::filesystem::path> find_plugin() {
    for (const auto& path : places()) {
        std::error_code none;
        if (std::filesystem::exists(path, none)) return path;
    }
    return std::nullopt;
}

/// Where an ELF file ends by its own header; 0: it is none. Linkers put the table of sections last.
uint64_t end_by_header(const std::filesystem::path& path) {
    Elf64_Ehdr header{};
    std::ifstream file(path, std::ios::binary);
    file.read(reinterpret_cast<char*>(&header), sizeof header);
    if (file.gcount() != sizeof header || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return 0;
    return header.e_shoff + uint64_t{header.e_shnum} * header.e_shentsize;
}

Result<const cuda::abi::Plugin*> load() {
    const auto path = find_plugin();
    if (!path) return no_plugin();
    if (Status status = check_plugin_file(path->string()); !status.ok()) return status.error();
    // Never closed: a driver's threads may outlive whoever used it.
    void* const library = ::dlopen(path->c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) return Error{fmt::format("the CUDA plug-in does not load: {}", ::dlerror()), ""};
    const auto entry = reinterpret_cast<cuda::abi::Entry>(::dlsym(library, cuda::abi::kEntryName));
    const cuda::abi::Plugin* const plugin = entry ? entry() : nullptr;
    if (Status status = check_cuda_plugin(plugin, path->string()); !status.ok()) return status.error();
    return plugin;
}

}  // namespace

Status check_plugin_file(const std::string& path) {
    std::error_code none;
    const uint64_t size = std::filesystem::file_size(path, none), whole = end_by_header(path);
    if (none || size >= whole) return {};
    return Error{fmt::format("{} is cut short: it has {} bytes of {}", path, size, whole), "copy it again"};
}

Status check_cuda_plugin(const cuda::abi::Plugin* plugin, const std::string& from) {
    const bool ours = plugin != nullptr && plugin->version == cuda::abi::kVersion &&
                      std::strcmp(plugin->build_id, cuda::abi::kBuildId) == 0;
    if (ours) return {};
    return Error{fmt::format("{} is not this build's CUDA plug-in", from), "install both from one build"};
}

namespace {

/// Whatever the environment says; none: `failure` says why.
std::vector<cuda::abi::DeviceInfo> devices_of(const cuda::abi::Plugin& plugin, cuda::abi::Failure& failure) {
    constexpr uint32_t kMost = 64;
    std::vector<cuda::abi::DeviceInfo> devices(kMost);
    devices.resize(plugin.list_devices(devices.data(), kMost, &failure));
    return devices;
}

}  // namespace

Status check_cuda_variables() {
    const auto plugin = load_cuda_plugin();
    if (!plugin.ok()) return {};
    cuda::abi::Failure failure{};
    const auto devices = devices_of(*plugin.value(), failure);
    return devices.empty() ? Status() : cuda::check_variables(devices.front().emulated != 0);
}

Result<const cuda::abi::Plugin*> load_cuda_plugin() {
    static const Result<const cuda::abi::Plugin*> loaded = load();
    return loaded;
}

Result<std::vector<cuda::abi::DeviceInfo>> list_cuda_devices(const cuda::abi::Plugin& plugin) {
    cuda::abi::Failure failure{};
    auto devices = devices_of(plugin, failure);
    if (devices.empty()) return Error{fmt::format("there is no GPU: {}", failure.what), failure.hint};
    const bool emulated = devices.front().emulated != 0;
    if (Status status = cuda::check_variables(emulated); !status.ok()) return status.error();
    return devices;
}

namespace {
Error no_such_device(uint32_t index, std::span<const cuda::abi::DeviceInfo> found) {
    const std::string what = fmt::format("there is no GPU {}: {} found, {}", index,
                                         found.size() == 1 ? "one was" : fmt::format("{} were", found.size()),
                                         cuda_device_names(found));
    if (found.size() == 1) return {what, "use cuda:0"};
    return {what, fmt::format("use cuda:0 to cuda:{}", found.size() - 1)};
}
}  // namespace

Result<std::vector<cuda::abi::DeviceInfo>> choose_cuda_devices(const cuda::abi::Plugin& plugin,
                                                               std::span<const uint32_t> indices) {
    const auto devices = list_cuda_devices(plugin);
    if (!devices.ok()) return devices.error();
    std::vector<cuda::abi::DeviceInfo> chosen;
    for (const uint32_t index : indices) {
        if (index >= devices.value().size()) return no_such_device(index, devices.value());
        chosen.push_back(devices.value()[index]);
    }
    return chosen;
}

std::string cuda_device_names(std::span<const cuda::abi::DeviceInfo> devices) {
    std::string names;
    for (size_t i = 0; i < devices.size();) {
        const std::string_view name = devices[i].name;
        size_t end = i + 1;
        while (end < devices.size() && name == devices[end].name) ++end;
        if (i > 0) names += " + ";
        names += end - i > 1 ? fmt::format("{} x {}", end - i, name) : std::string(name);
        i = end;
    }
    return names;
}

std::string describe_matrix_library(const cuda::abi::Plugin& plugin) {
    cuda::abi::Failure words{};
    plugin.describe_matrix_library(&words);
    return words.what;
}

std::string describe_collective_library(const cuda::abi::Plugin& plugin) {
    cuda::abi::Failure words{};
    plugin.describe_collective_library(&words);
    return words.what;
}

}  // namespace pitwall::engine
