// SPDX-License-Identifier: GPL-3.0-or-later
#include <array>
#include <cassert>

#include "engine/model/model.h"

namespace pitwall::engine {
namespace {

struct TypeFacts {
    TensorType type;
    std::string_view name;
    uint32_t values, bytes;
};

constexpr std::array<TypeFacts, 11> kTypes = {{
    {TensorType::kF32, "F32", 1, 4},
    {TensorType::kF16, "F16", 1, 2},
    {TensorType::kBF16, "BF16", 1, 2},
    {TensorType::kQ4_0, "Q4_0", 32, 18},
    {TensorType::kQ4_1, "Q4_1", 32, 20},
    {TensorType::kQ5_0, "Q5_0", 32, 22},
    {TensorType::kQ5_1, "Q5_1", 32, 24},
    {TensorType::kQ8_0, "Q8_0", 32, 34},
    {TensorType::kQ4_K, "Q4_K", 256, 144},
    {TensorType::kQ5_K, "Q5_K", 256, 176},
    {TensorType::kQ6_K, "Q6_K", 256, 210},
}};

const TypeFacts& facts(TensorType type) {
    for (const TypeFacts& entry : kTypes) {
        if (entry.type == type) return entry;
    }
    assert(!"a TensorType is one of the enumerators");
    return kTypes[0];
}

}  // namespace

std::string_view tensor_type_name(TensorType type) { return facts(type).name; }
uint32_t block_values(TensorType type) { return facts(type).values; }
uint32_t block_bytes(TensorType type) { return facts(type).bytes; }

size_t row_bytes(TensorType type, size_t values) {
    const TypeFacts& entry = facts(type);
    assert(values % entry.values == 0);
    return values / entry.values * entry.bytes;
}

}  // namespace pitwall::engine
