// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/core/session/device_choice.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "engine/exec/cuda/cuda_library.h"
#include "presets/advice.h"
#include "presets/nearest.h"
#include "telemetry/base/whole_number.h"

namespace pitwall::app {
namespace {

using Kind = DeviceChoice::Kind;

constexpr size_t kMostGpus = 64;

/// "2" or "0-3", behind those that are there already.
Status add_indices(std::string_view range, std::vector<uint32_t>& indices) {
    const size_t dash = range.find('-');
    const auto first = whole_number<uint32_t>(range.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : whole_number<uint32_t>(range.substr(dash + 1));
    if (!first || !last) return Error{"a GPU is a number", "use cuda:0 for the first, cuda:0,1 for two"};
    if (*last < *first) return Error{fmt::format("{} is after {}", *first, *last), "begin with the smaller"};
    if (*last - *first >= kMostGpus - std::min(kMostGpus, indices.size()))
        return Error{fmt::format("more than {} GPUs", kMostGpus), "use fewer"};
    for (uint32_t i = 0; i <= *last - *first; ++i) {
        if (std::find(indices.begin(), indices.end(), *first + i) != indices.end())
            return Error{fmt::format("GPU {} is there twice", *first + i), "name each once"};
        indices.push_back(*first + i);
    }
    return {};
}

/// "0", "0,1", "0-3", "0,2-3".
Result<std::vector<uint32_t>> parse_indices(std::string_view list) {
    std::vector<uint32_t> indices;
    for (size_t begin = 0; begin <= list.size();) {
        const size_t end = std::min(list.find(',', begin), list.size());
        if (Status status = add_indices(list.substr(begin, end - begin), indices); !status.ok())
            return status.error();
        begin = end + 1;
    }
    return indices;
}

}  // namespace

std::string device_words(const DeviceChoice& choice) {
    switch (choice.kind) {
        case Kind::kAuto:
            return "auto";
        case Kind::kCpu:
            return "cpu";
        case Kind::kCuda:
            return fmt::format("cuda:{}", fmt::join(choice.cuda_indices, ","));
        case Kind::kSimulated:
            return "sim:" + choice.profile;
    }
    return "";
}

Result<DeviceChoice> parse_device(const std::string& device) {
    constexpr std::array<std::string_view, 4> kKnown = {"auto", "cpu", "cuda", "sim"};
    if (device == "auto") return DeviceChoice{.kind = Kind::kAuto};
    if (device == "cpu") return DeviceChoice{};
    if (device == "sim") return DeviceChoice{.kind = Kind::kSimulated};
    if (device.starts_with("sim:"))
        return DeviceChoice{.kind = Kind::kSimulated,
                            .profile = device.size() > 4 ? device.substr(4) : DeviceChoice{}.profile};
    if (device == "cuda") return DeviceChoice{.kind = Kind::kCuda};
    if (device.starts_with("cuda:")) {
        auto indices = parse_indices(std::string_view(device).substr(5));
        if (indices.ok())
            return DeviceChoice{.kind = Kind::kCuda, .cuda_indices = std::move(indices).value()};
        return Error{fmt::format("--device {}: {}", presets::shown(device), indices.error().what),
                     indices.error().hint};
    }
    return Error{fmt::format("there is no device \"{}\"", presets::shown(device)),
                 device == "gpu" ? "did you mean cuda?"
                                 : presets::did_you_mean(
                                       device, kKnown, "it is auto, cpu, cuda, cuda:N, sim or sim:PROFILE")};
}

Status check_gpu_variables(const DeviceChoice& asked) {
    const bool looked_for = asked.kind == Kind::kAuto || asked.kind == Kind::kCuda;
    return looked_for ? engine::check_cuda_variables() : Status();
}

/// An emulated GPU is for tests: it is never what somebody meant who did not say so.
ResolvedDevice resolve_device(const DeviceChoice& choice) {
    if (choice.kind != Kind::kAuto) return {choice, ""};
    const auto on_cpu = [](const std::string& why) {
        return ResolvedDevice{DeviceChoice{}, "on the CPU: " + why};
    };
    const auto plugin = engine::load_cuda_plugin();
    if (!plugin.ok()) return on_cpu(plugin.error().what);
    const auto devices = engine::list_cuda_devices(*plugin.value());
    if (!devices.ok()) return on_cpu(devices.error().what);
    std::string why = "the CUDA plug-in is an emulated one";
    for (uint32_t i = 0; i < devices.value().size(); ++i) {
        const auto& device = devices.value()[i];
        if (!device.emulated && device.has_code)
            return {DeviceChoice{.kind = Kind::kCuda, .cuda_indices = {i}},
                    "on the first GPU that was found"};
        if (!device.has_code)
            why = fmt::format("the CUDA plug-in has no code for {} (compute capability {}.{})", device.name,
                              device.compute_major, device.compute_minor);
    }
    return on_cpu(why);
}

}  // namespace pitwall::app
