// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the fake library of fake_cublaslt.cpp is told to do, and tells of what was done to it. The library and the test that
// opened it share one of these: fake_cublaslt() in the file gives it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

/// A kernel that its heuristics have.
struct FakeAlgorithm {
    int state = 0;  ///< cublasStatus_t
    uint64_t workspace_bytes = 0;
    uint32_t alignment = 2;  ///< of addresses and of leading dimensions, in bytes
};

/// A product that was carried out.
struct FakeProduct {
    size_t algorithm;  ///< its place in FakeCublasLt::algorithms
    const void* stream;
    float beta;
    bool operator==(const FakeProduct&) const = default;
};

struct FakeCublasLt {
    size_t version = 130100;
    /// In the order of preference. The first wants workspace and 16 bytes, which a ragged shape does not have.
    std::vector<FakeAlgorithm> algorithms = {{0, 4 << 20, 16}, {0, 0, 2}};
    /// The call-th call of this function does nothing and says `status`.
    struct {
        std::string function;
        int call;
        int status;
    } failure = {};

    std::map<std::string, int> calls;  ///< by function
    std::map<std::string, int> alive;  ///< what was created and not destroyed
    /// What was done that the real library would refuse, or that nobody knows what it would do with.
    std::vector<std::string> refusals;
    std::vector<FakeProduct> products;

    int total_alive() const {
        int total = 0;
        for (const auto& [kind, count] : alive) total += count;
        return total;
    }
};
