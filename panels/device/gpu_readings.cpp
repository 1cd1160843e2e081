// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/device/gpu_readings.h"

#include <QStringList>
#include <array>
#include <utility>

namespace pitwall::panels {

namespace {

ValueRow reading(const char* name, bool told, const Quantity& value, QString note, const char* definition) {
    ValueRow row;
    row.name = QString::fromUtf8(name);
    row.cells = {{told ? value : Quantity{kNoValue, {}}, {}}};
    if (told) row.note = std::move(note);
    row.definition = QString::fromUtf8(definition);
    return row;
}

Quantity whole(int64_t value, const char* unit) { return {format_count(value), QString::fromUtf8(unit)}; }

Quantity watts(int32_t mw) { return {format_count(mw / 1000), QStringLiteral("W")}; }

ValueRow throttle_row(int64_t reasons) {
    ValueRow row = reading("Clocks held back by", reasons >= 0, {throttle_words(reasons), {}}, {},
                           "What keeps the clocks below their highest; an idle GPU lowers them by itself");
    constexpr int64_t kHeat = 0x20 | 0x40, kPower = 0x4 | 0x8 | 0x80;
    row.bad = reasons > 0 && (reasons & (kHeat | kPower)) != 0;
    return row;
}

}  // namespace

QString throttle_words(int64_t reasons) {
    // nvmlClocksEventReasons of the NVML API reference.
    static constexpr std::array<std::pair<int64_t, const char*>, 9> kReasons = {{{0x1, "idleness"},
                                                                                 {0x2, "a clock setting"},
                                                                                 {0x4, "power cap"},
                                                                                 {0x8, "hardware slowdown"},
                                                                                 {0x10, "sync boost"},
                                                                                 {0x20, "heat"},
                                                                                 {0x40, "heat (hardware)"},
                                                                                 {0x80, "power brake"},
                                                                                 {0x100, "display clocks"}}};
    QStringList words;
    int64_t known = 0;
    for (const auto& [bit, word] : kReasons) {
        known |= bit;
        if (reasons & bit) words << QString::fromUtf8(word);
    }
    if (reasons & ~known) words << QStringLiteral("another reason");
    return words.isEmpty() ? QStringLiteral("nothing") : words.join(QStringLiteral(", "));
}

std::vector<ValueRow> gpu_readings(const telemetry::GpuEvent& gpu) {
    std::vector<ValueRow> rows;
    rows.push_back(
        reading("GPU busy", gpu.busy_percent >= 0, whole(gpu.busy_percent, "%"), {},
                "Of the last sample's time, when any kernel ran: not how much of the device it used"));
    rows.push_back(reading("Memory busy", gpu.memory_busy_percent >= 0, whole(gpu.memory_busy_percent, "%"),
                           {}, "Of the last sample's time, when its memory was read or written"));
    rows.push_back(reading(
        "Memory in use", gpu.memory_used_bytes >= 0,
        format_memory(static_cast<double>(gpu.memory_used_bytes)),
        gpu.memory_total_bytes >= 0
            ? QStringLiteral("of %1").arg(format_memory(static_cast<double>(gpu.memory_total_bytes)).text())
            : QString(),
        "Of the GPU's own, by all processes"));
    rows.push_back(reading(
        "Power", gpu.power_mw >= 0, watts(gpu.power_mw),
        gpu.power_limit_mw >= 0 ? QStringLiteral("cap %1").arg(watts(gpu.power_limit_mw).text()) : QString(),
        "What the board draws"));
    rows.push_back(reading("Clock", gpu.clock_mhz >= 0, whole(gpu.clock_mhz, "MHz"),
                           gpu.max_clock_mhz >= 0
                               ? QStringLiteral("of %1").arg(whole(gpu.max_clock_mhz, "MHz").text())
                               : QString(),
                           "Of the multiprocessors"));
    rows.push_back(throttle_row(gpu.throttle_reasons));
    rows.push_back(
        reading("Temperature", gpu.temperature_c >= 0, whole(gpu.temperature_c, "°C"), {}, "Of the chip"));
    const auto rate = [](int64_t bytes) {
        return format_rate(static_cast<double>(bytes) / 1e6, QStringLiteral("MB/s"));
    };
    constexpr const char* kByTheGpu = "By the GPU, counted over some milliseconds";
    rows.push_back(reading("PCIe received", gpu.pcie_received_bytes_s >= 0, rate(gpu.pcie_received_bytes_s),
                           {}, kByTheGpu));
    rows.push_back(
        reading("PCIe sent", gpu.pcie_sent_bytes_s >= 0, rate(gpu.pcie_sent_bytes_s), {}, kByTheGpu));
    return rows;
}

}  // namespace pitwall::panels
