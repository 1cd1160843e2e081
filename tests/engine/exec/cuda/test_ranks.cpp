// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <random>

#include "engine/exec/cuda/kernels/ranks.h"
#include "tests/engine/exec/cuda/device_array.h"
#include "tests/storm.h"

namespace pitwall::cuda {
namespace {

class CudaRanks : public testing::Test {
  protected:
    void SetUp() override { stream = std::move(Stream::create()).value(); }
    static std::vector<float> random_floats(size_t count, std::mt19937& random) {
        std::vector<float> floats(count);
        for (float& f : floats) f = std::normal_distribution<float>()(random);
        return floats;
    }
    Stream stream;
};

TEST_F(CudaRanks, PartsAreAddedInTheirOrder) {
    for (const uint32_t seed : StormSeeds(4)) {
        std::mt19937 random(seed);
        const uint32_t parts = 1 + random() % 5, count = 1 + random() % 700;
        const auto values = random_floats(size_t{parts} * count, random),
                   before = random_floats(count, random);
        const DeviceArray<float> in(stream, values), out(stream, before);
        add_parts(stream, {in.data(), out.data(), count, parts});
        std::vector<float> want = before;
        for (uint32_t i = 0; i < count; ++i) {
            float sum = values[i];
            for (uint32_t part = 1; part < parts; ++part) sum += values[size_t{part} * count + i];
            want[i] += sum;
        }
        EXPECT_EQ(out.read(), want);
    }
}

TEST_F(CudaRanks, ColumnsAreJoinedInTheirOrder) {
    for (const uint32_t seed : StormSeeds(4)) {
        std::mt19937 random(seed);
        const uint32_t parts = 1 + random() % 5, rows = 1 + random() % 6, each = 1 + random() % 300;
        const uint32_t columns = parts * each - random() % each;
        const auto values = random_floats(size_t{parts} * rows * each, random);
        const DeviceArray<float> in(stream, values), out(stream, size_t{rows} * columns);
        join_columns(stream, {in.data(), out.data(), rows, each, columns});
        std::vector<float> want;
        for (uint32_t row = 0; row < rows; ++row)
            for (uint32_t i = 0; i < columns; ++i)
                want.push_back(values[(size_t{i / each} * rows + row) * each + i % each]);
        EXPECT_EQ(out.read(), want);
    }
}

}  // namespace
}  // namespace pitwall::cuda
