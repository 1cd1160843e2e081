// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <sstream>
#include <string>

namespace pitwall::cuda {

/// Whether what was built for `built`, as CMAKE_CUDA_ARCHITECTURES said it ("80-real,90a"), runs on a GPU. Machine code runs on its
/// own major version from its minor version on; that of 90a and the like on exactly its own, of 100f on its major version; what is
/// kept as PTX ("80", "80-virtual") on all later ones.
inline bool runs_on(const std::string& built, uint32_t compute_major, uint32_t compute_minor) {
    const uint32_t own = compute_major * 10 + compute_minor;
    std::istringstream list(built);
    for (std::string item; std::getline(list, item, ',');) {
        if (item.empty()) continue;
        if (item[0] < '0' || item[0] > '9') return true;  // "native", "all": whoever built it knows
        size_t digits = 0;
        const auto code = static_cast<uint32_t>(std::stoul(item, &digits));
        const char suffix = digits < item.size() ? item[digits] : '-';
        const bool ptx = suffix != 'f' && item.find("-real") == std::string::npos;
        if (suffix == 'a' ? own == code : own >= code && (ptx || own / 10 == code / 10)) return true;
    }
    return false;
}

}  // namespace pitwall::cuda
