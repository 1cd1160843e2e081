// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <string>
#include <vector>

/// What the fake library of fake_nccl.cpp was asked for; its streams are vectors of these.
struct FakeNcclCall {
    std::string what;
    int device;
    const void* from;
    void* to;
    size_t count;
    int type;
    int operation_or_root;
};

inline constexpr size_t kFakeNcclRefuses = 13;  ///< so many words
inline constexpr int kFakeNcclLacks = 9;        ///< a device
