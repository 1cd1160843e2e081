// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/device/step_parts.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace pitwall::panels {

namespace {

using telemetry::KernelKind;
using telemetry::KernelSums;
using telemetry::KernelWork;

struct Words {
    const char *name, *color, *definition;
};
constexpr std::array<Words, StepParts::kParts> kWords = {{
    {"Matrix products", "kernel.product", "Products of the layers' matrices with the tokens of the step"},
    {"Attention", "kernel.attention",
     "Over the KV blocks of every sequence, in all layers; on a CPU rotary embedding of queries too, and the "
     "K and V of a "
     "sequence's only token"},
    {"Vocabulary", "kernel.head", "The product that gives logits, for tokens that are sampled or scored"},
    {"Row by row", "kernel.rowwise",
     "Norms, rounding of activations; rotary embedding and writing K and V, where attention does not"},
    {"Between kernels", "work.unused",
     "Execution less its kernels: starting them, waiting for the slowest thread, an idle device"},
    {"Sampling", "cause.sampling", "Picking tokens from logits, where that is not a kernel's work"},
    {"Drafting", "cause.speculation", "Making drafts, before the step is planned to its end"},
    {"Planning", "cause.scheduling", "The scheduler's part: who runs, and with how many tokens"},
    {"Bookkeeping", "kernel.commit", "Handing tokens out, committing blocks, publishing events"},
    {"Rest of the step", "kernel.rest",
     "What of the step's length is left: copies of blocks, handing the plan over; with two plans in flight, "
     "waiting "
     "for the one before"},
}};

double positive(int64_t ns) { return std::max(0.0, static_cast<double>(ns)); }

/// Nothing where it is no number: a damaged recording may say anything.
Quantity rate(double amount, int64_t ns, const char* unit) {
    const double giga_a_second = amount / static_cast<double>(ns);
    if (ns <= 0 || !(amount > 0) || !std::isfinite(giga_a_second)) return {kNoValue, {}};
    return {format_three(giga_a_second), QString::fromUtf8(unit)};
}

ValueRow rate_row(const char* name, const KernelWork& work, const char* color) {
    ValueRow row;
    row.name = QString::fromUtf8(name);
    row.swatch = color;
    row.cells = {{rate(work.bytes, work.ns, "GB/s"), {}}, {rate(work.flops, work.ns, "GFLOP/s"), {}}};
    if (work.bytes > 0 && work.flops > 0 && std::isfinite(work.flops / work.bytes))
        row.note = QStringLiteral("%1 FLOP a byte").arg(format_three(work.flops / work.bytes));
    row.definition = QStringLiteral(
        "Bytes of weights and KV, and floating-point operations, as the executor counts them, over the "
        "time of these kernels alone");
    return row;
}

}  // namespace

StepParts::StepParts(const KernelSums& sums) : steps_(static_cast<double>(sums.steps)) {
    const auto kind = [&](KernelKind k) { return positive(sums.kinds[static_cast<size_t>(k)].ns); };
    ns_ = {kind(KernelKind::kProduct),
           kind(KernelKind::kAttention),
           kind(KernelKind::kHead),
           kind(KernelKind::kRowwise),
           positive(sums.between_kernels_ns()),
           positive(sums.sample_ns),
           positive(sums.draft_ns),
           positive(sums.plan_ns),
           positive(sums.commit_ns),
           0};
    ns_[kRest] = std::max(0.0, static_cast<double>(sums.duration_ns) - total_ns());
}

double StepParts::total_ns() const { return std::accumulate(ns_.begin(), ns_.end(), 0.0); }

const char* StepParts::color_token(Part part) { return kWords.at(part).color; }

ValueRow StepParts::row(Part part) const {
    const Words& words = kWords.at(part);
    ValueRow row;
    row.name = QString::fromUtf8(words.name);
    row.swatch = words.color;
    row.definition = QString::fromUtf8(words.definition);
    const QString percent = format_fixed(ns(part) / total_ns() * 100, 1);
    row.cells = {{format_duration(ns(part) / steps_, TimeUnit::kMilliseconds), {}},
                 {{percent, QStringLiteral("%")}, {}}};
    return row;
}

std::vector<ValueRow> StepParts::rows() const {
    std::vector<ValueRow> rows;
    for (size_t part = 0; steps_ > 0 && part < kParts; ++part)
        if (ns_[part] > 0) rows.push_back(row(Part(part)));
    return rows;
}

std::vector<ValueRow> kernel_rates(const KernelSums& sums) {
    std::vector<ValueRow> rows;
    KernelWork all;
    for (size_t i = 0; i < sums.kinds.size(); ++i) {
        const KernelWork& work = sums.kinds[i];
        rows.push_back(rate_row(kWords[i].name, work, kWords[i].color));
        all.bytes += work.bytes;
        all.flops += work.flops;
    }
    all.ns = sums.execute_ns;
    rows.push_back(rate_row("All, gaps included", all, nullptr));
    rows.back().strong = true;
    rows.back().definition = QStringLiteral("The same over the whole of the steps' execution");
    return rows;
}

}  // namespace pitwall::panels
