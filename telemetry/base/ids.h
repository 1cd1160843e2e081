// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <limits>

namespace pitwall {

/// Ids are types, not ints: `raw(id)` is the only way out, `RequestId{7}` the only way in.
enum class RequestId : uint32_t {};  ///< number of the request in its session, from 1
enum class BlockId : uint32_t {};    ///< index into the KV pool, from 0
enum class StepId : uint64_t {};     ///< number of the step in its session, from 0

inline constexpr RequestId kNoRequest{0};
inline constexpr BlockId kNoBlock{std::numeric_limits<uint32_t>::max()};

constexpr uint32_t raw(RequestId id) { return static_cast<uint32_t>(id); }
constexpr uint32_t raw(BlockId id) { return static_cast<uint32_t>(id); }
constexpr uint64_t raw(StepId id) { return static_cast<uint64_t>(id); }

using TokenId = int32_t;  ///< index into the vocabulary; never negative in a valid sequence

}  // namespace pitwall
