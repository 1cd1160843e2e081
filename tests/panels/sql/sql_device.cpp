// SPDX-License-Identifier: GPL-3.0-or-later
//
// The device panel.
#include <algorithm>
#include <cmath>

#include "panels/common/format.h"
#include "tests/panels/sql/sql_sheet.h"

namespace pitwall::testing {

using namespace panels;

namespace {

constexpr const char* kTimed = R"sql(
CREATE TEMP VIEW timed AS SELECT s.*, k.product_ns, k.product_flops, k.product_bytes, k.attention_ns, k.attention_flops,
  k.attention_bytes, k.head_ns, k.head_flops, k.head_bytes, k.rowwise_ns, k.rowwise_flops, k.rowwise_bytes,
  coalesce((SELECT sum(draft_ns) FROM main.speculation d WHERE d.step_id = s.step_id AND d.seq <= {0}), 0) AS draft_ns
FROM s JOIN main.kernels k ON k.step_id = s.step_id AND k.seq <= {0};
)sql";

constexpr std::pair<const char*, const char*> kKinds[] = {{"Matrix products", "product"},
                                                          {"Attention", "attention"},
                                                          {"Vocabulary", "head"},
                                                          {"Row by row", "rowwise"}};

class DeviceRange {
  public:
    DeviceRange(SessionSql& sql, const SqlRange& range, Sheet& sheet)
        : sql_(sql),
          range_(range),
          sheet_(sheet),
          key_("device|" + range.name + "|"),
          steps_(number("count(*)", "timed")) {}

    void put() {
        sheet_[key_ + "scope"] = numbers(format_count(int64_t(steps_))) + " " +
                                 numbers(format_count(int64_t(number("count(*)", "s"))));
        if (steps_ > 0) put_parts(), put_rates();
        put_gpu();
    }

  private:
    double number(const std::string& what, const char* table) {
        return sql_.number("SELECT coalesce(" + what + ", 0) FROM " + table + " WHERE" +
                           within("t_ns", range_.begin_ns, range_.end_ns));
    }
    double sum(const std::string& column) { return number("sum(" + column + ")", "timed"); }

    void put_parts() {
        const std::string kernels = "product_ns + attention_ns + head_ns + rowwise_ns";
        std::vector<std::pair<std::string, double>> parts;
        for (const auto& [name, kind] : kKinds) parts.emplace_back(name, sum(std::string(kind) + "_ns"));
        parts.emplace_back("Between kernels", std::max(0.0, sum("execute_ns - (" + kernels + ")")));
        for (const auto& [name, column] : {std::pair{"Sampling", "sample_ns"},
                                           {"Drafting", "draft_ns"},
                                           {"Planning", "plan_ns"},
                                           {"Bookkeeping", "commit_ns"}})
            parts.emplace_back(name, sum(column));
        double total = 0;
        for (const auto& part : parts) total += part.second;
        const double rest = std::max(0.0, sum("duration_ns") - total);
        parts.emplace_back("Rest of the step", rest);
        total += rest;
        sheet_[key_ + "mean step"] = format_duration(total / steps_).text().toStdString();
        for (const auto& [name, ns] : parts)
            if (ns > 0)
                sheet_[key_ + "part|" + name] =
                    format_duration(ns / steps_, TimeUnit::kMilliseconds).text().toStdString() + ", " +
                    format_fixed(ns / total * 100, 1).toStdString() + " %, ";
    }

    static std::string giga(double amount, double ns, const char* unit) {
        return amount > 0 && ns > 0 ? format_three(amount / ns).toStdString() + " " + unit
                                    : kNoValue.toStdString();
    }
    void put_rate(const char* name, double ns, double bytes, double flops) {
        sheet_[key_ + "rate|" + name] =
            giga(bytes, ns, "GB/s") + ", " + giga(flops, ns, "GFLOP/s") + ", " +
            (bytes > 0 && flops > 0 ? numbers(format_three(flops / bytes)) : std::string());
    }
    void put_rates() {
        double all_bytes = 0, all_flops = 0;
        for (const auto& [name, column] : kKinds) {
            const std::string kind = column;
            const double bytes = sum(kind + "_bytes"), flops = sum(kind + "_flops");
            put_rate(name, sum(kind + "_ns"), bytes, flops);
            all_bytes += bytes, all_flops += flops;
        }
        put_rate("All, gaps included", sum("execute_ns"), all_bytes, all_flops);
    }

    /// The last sample of the range; of a range that reaches to now one of the last three seconds, of a GPU that computes.
    std::string sample() {
        const bool of_now = range_.end_ns >= sql_.now_ns;
        const bool gpu = sql_.integer(
                             "SELECT count(*) FROM main.v_session WHERE key = 'kernel_tier' AND value LIKE "
                             "'cuda%'") > 0;
        const int64_t begin =
            of_now ? std::max(range_.begin_ns, sql_.now_ns - 3'000'000'000 + 1) : range_.begin_ns;
        return " FROM (SELECT * FROM main.gpu WHERE" + within("t_ns", begin, range_.end_ns) +
               fmt::format("AND seq <= {} AND {} ORDER BY seq DESC LIMIT 1)", sql_.last_seq, !of_now || gpu);
    }
    void put_gpu() {
        const std::string from = sample();
        if (sql_.integer("SELECT count(*)" + from) == 0) return;
        const auto get = [&](const char* column) {
            return sql_.number(std::string("SELECT ") + column + from);
        };
        const auto put = [&](const char* name, const QString& value, bool told,
                             const std::string& note = {}) {
            sheet_[key_ + "rate|" + name] =
                (told ? value : kNoValue).toStdString() + ", " + (told ? note : std::string());
        };
        const auto whole = [&](const char* name, const char* column, const char* unit,
                               const char* most = nullptr) {
            const double value = get(column), of = most == nullptr ? -1 : get(most);
            put(name, format_count(int64_t(value)) + u' ' + QString::fromUtf8(unit), value >= 0,
                of >= 0 ? numbers(format_count(int64_t(of))) : std::string());
        };
        whole("GPU busy", "busy_percent", "%");
        whole("Memory busy", "memory_busy_percent", "%");
        put("Memory in use", format_memory(get("memory_used_bytes")).text(), get("memory_used_bytes") >= 0,
            get("memory_total_bytes") >= 0 ? numbers(format_memory(get("memory_total_bytes")).text()) : "");
        whole("Power", "power_mw / 1000", "W", "power_limit_mw / 1000");
        whole("Clock", "clock_mhz", "MHz", "max_clock_mhz");
        put("Clocks held back by",
            QString::fromStdString(sql_.text("SELECT CASE throttle_reasons WHEN 0 THEN 'nothing' WHEN 1 THEN "
                                             "'idleness' WHEN 4 THEN 'power cap' "
                                             "WHEN 36 THEN 'power cap, heat' ELSE '?' END" +
                                             from)),
            get("throttle_reasons") >= 0);
        whole("Temperature", "temperature_c", "°C");
        for (const auto& [name, column] :
             {std::pair{"PCIe received", "pcie_received_bytes_s"}, {"PCIe sent", "pcie_sent_bytes_s"}})
            put(name, format_rate(get(column) / 1e6, QStringLiteral("MB/s")).text(), get(column) >= 0);
    }

    SessionSql& sql_;
    const SqlRange& range_;
    Sheet& sheet_;
    const std::string key_;
    const double steps_;  ///< that were timed
};

}  // namespace

void compute_device(SessionSql& sql, const std::vector<SqlRange>& ranges, Sheet& sheet) {
    sql.db.exec(fmt::format(fmt::runtime(kTimed), sql.last_seq));
    for (const SqlRange& range : ranges) DeviceRange(sql, range, sheet).put();
}

}  // namespace pitwall::testing
