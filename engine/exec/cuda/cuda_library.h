// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/exec/cuda/plugin/abi.h"
#include "telemetry/base/result.h"

namespace pitwall::engine {

/// Loads the CUDA plug-in, once in a process; a program starts without it, without a driver and without a GPU. It is looked
/// for in $PITWALL_CUDA_PLUGIN alone where that is set, else beside the program and where it is installed or built. The error
/// says in one line why there is none.
Result<const cuda::abi::Plugin*> load_cuda_plugin();

/// An error where an environment variable that the plug-in reads says what is not understood; without a plug-in or a GPU nobody
/// reads them. Asked before a GPU is chosen.
Status check_cuda_variables();

/// An error where a library's file is shorter than it says itself: to load it would end the program with a signal.
Status check_plugin_file(const std::string& path);

/// Whether a table that came out of some library is this build's.
Status check_cuda_plugin(const cuda::abi::Plugin* plugin, const std::string& from);

/// What it finds; one GPU at least, or the error says why there is none.
Result<std::vector<cuda::abi::DeviceInfo>> list_cuda_devices(const cuda::abi::Plugin& plugin);

/// Those of them with these indices, in that order; an error where there is none of one.
Result<std::vector<cuda::abi::DeviceInfo>> choose_cuda_devices(const cuda::abi::Plugin& plugin,
                                                               std::span<const uint32_t> indices);

/// "NVIDIA H200", "2 x NVIDIA H200", "NVIDIA H200 + 3 x NVIDIA L40S".
std::string cuda_device_names(std::span<const cuda::abi::DeviceInfo> devices);

/// What multiplies where batch_invariant is off: a library by its name, or "none: " and why.
std::string describe_matrix_library(const cuda::abi::Plugin& plugin);

/// By what several GPUs work together, alike.
std::string describe_collective_library(const cuda::abi::Plugin& plugin);

}  // namespace pitwall::engine
