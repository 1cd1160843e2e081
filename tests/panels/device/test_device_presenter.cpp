// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include "panels/device/device_presenter.h"
#include "panels/device/gpu_readings.h"
#include "tests/panels/device/device_session.h"

namespace pitwall::panels {
namespace {

using testing::DeviceSession;
using testing::Told;

class DevicePresenterTest : public ::testing::Test {
  protected:
    void update() { presenter.update({0, 10'000 * testing::kMs}, QStringLiteral("whole session")); }
    static QString text(const std::vector<ValueRow>& rows, const char* name, size_t cell = 0) {
        for (const ValueRow& row : rows)
            if (row.name == QString::fromUtf8(name)) return row.cells.at(cell).value.text();
        return QStringLiteral("no such row");
    }
    Told told;
    DeviceSession session{told};
    DevicePresenter presenter{told.store};
};

TEST_F(DevicePresenterTest, ThePartsSumToTheStep) {
    for (int i = 0; i < 8; ++i) session.step(i % 4 == 0);
    update();
    EXPECT_EQ(presenter.scope(), "2 of 8 steps timed, whole session");
    EXPECT_EQ(presenter.mean_step().text(), "20.0 ms");
    EXPECT_DOUBLE_EQ(presenter.parts().total_ns(), 2 * 20e6);
    const auto& rows = presenter.part_rows();
    EXPECT_EQ(text(rows, "Matrix products"), "9.00 ms");
    EXPECT_EQ(text(rows, "Matrix products", 1), "45.0 %");
    EXPECT_EQ(text(rows, "Attention"), "4.00 ms");
    EXPECT_EQ(text(rows, "Between kernels"), "1.00 ms");
    EXPECT_EQ(text(rows, "Planning"), "0.50 ms");
    EXPECT_EQ(text(rows, "Rest of the step"), "1.00 ms");
    EXPECT_EQ(text(rows, "Drafting"), "no such row") << "it took no time";
}

TEST_F(DevicePresenterTest, RatesAreOfTheKernelsTimeAlone) {
    session.step(true);
    update();
    const auto& rows = presenter.device_rows();
    EXPECT_EQ(text(rows, "Matrix products"), "10.0 GB/s");
    EXPECT_EQ(text(rows, "Matrix products", 1), "3,000 GFLOP/s");
    EXPECT_EQ(text(rows, "Row by row", 1), kNoValue) << "it counts no operations";
    EXPECT_EQ(text(rows, "All, gaps included"), "9.47 GB/s");
    EXPECT_EQ(rows.front().note, "300 FLOP a byte");
}

TEST_F(DevicePresenterTest, SaysWhyThereIsNothingToShow) {
    update();
    EXPECT_TRUE(presenter.empty());
    EXPECT_TRUE(presenter.empty_words().startsWith("No step yet"));
    session.step(false);
    update();
    EXPECT_TRUE(presenter.empty_words().startsWith("This device times no kernels, or the recording"));
    EXPECT_FALSE(presenter.can_start());
    session.step(true);
    session.step(false);
    presenter.update({0, testing::kMs}, QStringLiteral("1 ms"));
    EXPECT_TRUE(presenter.empty());
    EXPECT_TRUE(presenter.empty_words().contains("Choose a longer one"));
}

TEST_F(DevicePresenterTest, ReadsTheGpuAsItsDriverDoes) {
    session.step(true);
    session.gpu();
    update();
    const auto& rows = presenter.device_rows();
    EXPECT_EQ(text(rows, "GPU busy"), "97 %");
    EXPECT_EQ(text(rows, "Power"), "612 W");
    EXPECT_EQ(text(rows, "Memory in use"), "100 GiB");
    EXPECT_EQ(text(rows, "Clock"), "1,755 MHz");
    EXPECT_EQ(text(rows, "Clocks held back by"), "power cap");
    EXPECT_EQ(text(rows, "PCIe received"), kNoValue);
    EXPECT_EQ(text(rows, "PCIe sent"), "2.00 MB/s");
    EXPECT_TRUE(presenter.csv().contains("\"Power\",\"612\",\"W\"\n"));
}

TEST_F(DevicePresenterTest, AReadingIsOfTheRange) {
    session.step(false);
    session.gpu();
    update();
    EXPECT_FALSE(presenter.timed());
    EXPECT_FALSE(presenter.empty()) << "no step was timed, but the driver said something";
    told.until(5'000);
    update();
    EXPECT_EQ(text(presenter.device_rows(), "Power"), "no such row") << "that was five seconds ago";
    presenter.update({0, 1'000 * testing::kMs}, QStringLiteral("1 s"));
    EXPECT_EQ(text(presenter.device_rows(), "Power"), "612 W") << "of then it is true";
    presenter.update({1'000 * testing::kMs, 2'000 * testing::kMs}, QStringLiteral("1 s"));
    EXPECT_EQ(text(presenter.device_rows(), "Power"), "no such row");
}

TEST_F(DevicePresenterTest, AfterAGpuWasLostNothingIsReadOfIt) {
    session.step(false);
    session.gpu();
    told.fact("kernel_tier=avx2");
    update();
    EXPECT_TRUE(presenter.empty());
}

TEST(GpuReadings, WhatIsNotSaidIsNoNumber) {
    telemetry::GpuEvent gpu{};
    gpu.memory_total_bytes = gpu.power_limit_mw = gpu.max_clock_mhz = gpu.pcie_sent_bytes_s = -1;
    for (const ValueRow& row : gpu_readings(gpu)) {
        EXPECT_TRUE(row.note.isEmpty()) << row.name.toStdString();
        EXPECT_EQ(row.cells[0].value.number == kNoValue, row.name == u"PCIe sent") << row.name.toStdString();
    }
}

TEST(GpuReadings, NamesEveryReason) {
    EXPECT_EQ(throttle_words(0), "nothing");
    EXPECT_EQ(throttle_words(0x24), "power cap, heat");
    EXPECT_EQ(throttle_words(int64_t{1} << 40), "another reason");
    telemetry::GpuEvent mute{};
    mute.memory_used_bytes = mute.throttle_reasons = mute.pcie_sent_bytes_s = mute.pcie_received_bytes_s = -1;
    mute.busy_percent = mute.memory_busy_percent = mute.power_mw = mute.clock_mhz = mute.temperature_c = -1;
    for (const ValueRow& row : gpu_readings(mute))
        EXPECT_EQ(row.cells[0].value.text(), kNoValue) << row.name.toStdString();
}

}  // namespace
}  // namespace pitwall::panels
