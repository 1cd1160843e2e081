// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/memory/memory_presenter.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "panels/knobs/knob_text.h"
#include "presets/knob.h"
#include "telemetry/stats/metrics.h"

namespace pitwall::panels {

namespace {

using presets::KnobId;

constexpr std::array<const char*, MemoryPresenter::kParts> kColors = {
    "text.secondary", "block.held",         "block.held",          "block.cached",
    "block.free",     "memory.activations", "work.draft_accepted", "memory.rest"};
constexpr double kSlackOpacity = .45;  ///< held, and empty

std::optional<double> knob_value(const telemetry::Store& store, KnobId id) {
    const telemetry::KnobState& state = KnobNumbers(store).state(id);
    return state.known ? std::optional(state.last.effective_value) : std::nullopt;
}

QString kv_format(const telemetry::Store& store) {
    const auto choice = knob_value(store, KnobId::kKvCacheDtype);
    const auto& words = presets::spec(KnobId::kKvCacheDtype).choices;
    if (!choice || !(*choice >= 0 && *choice < double(words.size()))) return {};
    const std::string_view word = words[static_cast<size_t>(*choice)];
    return QString::fromUtf8(word.data(), qsizetype(word.size()));
}

Quantity memory(const std::optional<double>& bytes) {
    return bytes ? format_memory(*bytes) : Quantity{kNoValue, {}};
}

Quantity counted(uint64_t n, const char* unit) { return {format_count(int64_t(n)), QLatin1String(unit)}; }

ValueRow row_of(const char* name, Quantity value, const char* definition) {
    ValueRow row;
    row.name = QString::fromUtf8(name);
    row.cells = {{std::move(value), {}}};
    row.definition = QString::fromUtf8(definition);
    return row;
}

}  // namespace

const char* MemoryPresenter::color_token(Part part) { return kColors.at(part); }
double MemoryPresenter::opacity(Part part) { return part == kSlack ? kSlackOpacity : 1; }

bool MemoryPresenter::on_gpu() const { return store_.session("kernel_tier").starts_with("cuda"); }

bool MemoryPresenter::simulated() const { return store_.session("kernel_tier") == "simulated"; }

void MemoryPresenter::update(telemetry::TimeRange range, const QString& range_label) {
    step_ = empty() ? telemetry::StepEvent{} : store_.steps().back().step;
    count_request_blocks(range);
    measure();
    describe_parts();
    room_.clear();
    describe_requests(range_label);  // the answers first: a low panel shows no more
    describe_seats();
    describe_pool();
    scope_ = QStringLiteral("last step%1, requests of %2")
                 .arg(simulated() ? QStringLiteral(", simulated device") : QString(), range_label);
}

/// Those that ended as they should: what a rejected or cancelled one held says nothing of the kind.
void MemoryPresenter::count_request_blocks(telemetry::TimeRange range) {
    std::vector<double> blocks;
    store_.for_requests(range, [&](const telemetry::RequestRow& row) {
        if (row.ended() && range.contains(row.end_ns) && telemetry::times_of(row).finished())
            blocks.push_back(row.blocks);
    });
    blocks_ = telemetry::percentiles(blocks);
}

void MemoryPresenter::measure() {
    bytes_ = {};
    const std::optional<telemetry::DeviceEvent>& device = store_.device();
    if (device) bytes_[kWeights] = double(device->weight_bytes);
    if (device && device->activation_bytes > 0) bytes_[kActivations] = double(device->activation_bytes);
    if (device && device->draft_bytes > 0) bytes_[kDraft] = double(device->draft_bytes);
    const double block = store_.bytes_per_block();
    if (empty() || block <= 0) return;
    const double slot = block / std::max(1u, store_.block_tokens());
    const double held = step_.blocks_held * block;
    bytes_[kInUse] = std::min(held, step_.slots_filled * slot);
    bytes_[kSlack] = held - *bytes_[kInUse];
    bytes_[kCached] = step_.blocks_cached * block;
    bytes_[kFree] = step_.blocks_free * block;
    if (device && on_gpu())  // what is counted above lies in its memory
        bytes_[kRest] = double(device->resident_bytes);
    else if (device && !simulated())
        bytes_[kRest] =
            std::max(0.0, double(device->resident_bytes) - *bytes_[kWeights] - held - *bytes_[kCached] -
                              bytes_[kActivations].value_or(0) - bytes_[kDraft].value_or(0));
}

double MemoryPresenter::total_bytes() const {
    double total = 0;
    for (const auto& bytes : bytes_) total += bytes.value_or(0);
    return total;
}

const ValueRow* MemoryPresenter::part_row(Part part) const {
    return row_index_.at(part) ? &parts_[*row_index_[part]] : nullptr;
}

QString MemoryPresenter::caption() const {
    if (on_gpu())
        return QStringLiteral("Memory of the GPU, free blocks included; the rest is the process beside it");
    return simulated() ? QStringLiteral("Memory of the simulated device")
                       : QStringLiteral("Memory of this process, free blocks included");
}

void MemoryPresenter::add_part(Part part, const char* name, QString definition) {
    ValueRow row;
    row.name = QString::fromUtf8(name);
    const double share = bytes_[part] ? *bytes_[part] / total_bytes() : std::nan("");
    const QString percent = std::isfinite(share) ? format_fixed(share * 100, 1) : kNoValue;
    row.cells = {{memory(bytes_[part]), {}}, {{percent, QStringLiteral("%")}, {}}};
    row.definition = std::move(definition);
    row.swatch = color_token(part);
    row.swatch_opacity = opacity(part);
    row.exact = bytes_[part] ? QString::number(*bytes_[part], 'f', 0) : QString();
    row.exact_unit = QStringLiteral("B");
    row_index_[part] = parts_.size();
    parts_.push_back(std::move(row));
}

void MemoryPresenter::describe_parts() {
    parts_.clear();
    row_index_ = {};
    add_part(kWeights, "Weights",
             QStringLiteral("Resident weights as laid out for this device, told by the executor"));
    add_part(kInUse, "KV in use",
             QStringLiteral("Token slots of held blocks that hold a token \u00d7 bytes a token"));
    add_part(kSlack, "KV slack",
             QStringLiteral("Held blocks less their filled slots: what partly filled blocks leave empty"));
    add_part(kCached, "KV cached",
             QStringLiteral("Blocks that no request holds and a later prompt may hit; evicted when room is "
                            "needed"));
    add_part(kFree, "KV free",
             QStringLiteral("Blocks with nothing in them. Their pages are resident only once they were "
                            "written"));
    describe_computing();
    if (simulated()) return;
    describe_rest();
    describe_resident();
}

void MemoryPresenter::describe_computing() {
    if (bytes_[kActivations])
        add_part(
            kActivations, "Activations",
            QStringLiteral("Buffers that the executor keeps for what it computes in a step, told by it"));
    if (bytes_[kDraft])
        add_part(
            kDraft, "Draft model",
            QStringLiteral("The model that drafts: its weights, the KV blocks that texts hold in its own "
                           "cache, and its activations"));
}

/// What no event told is in it.
void MemoryPresenter::describe_rest() {
    QString others = QStringLiteral(
        "Tokenizer, window, recorder, pages of the model's file, and of free blocks that were "
        "written before");
    if (!bytes_[kActivations]) others += QStringLiteral("; activations, which are not told");
    const bool drafts = knob_value(store_, KnobId::kSpeculativeMethod) ==
                        static_cast<double>(presets::SpeculativeMethod::kDraft);
    if (drafts && !bytes_[kDraft])
        others += QStringLiteral("; weights of the draft model, which are being read");
    add_part(
        kRest, "Rest of the process",
        QStringLiteral("Measured as what is left: resident memory as the system counts it, less all parts "
                       "above but the free blocks.\n") +
            others);
}

void MemoryPresenter::describe_resident() {
    ValueRow row = row_of("Resident, process", {kNoValue, {}},
                          "Resident memory of this process as the system counts it, once a second. Free "
                          "blocks that were never written are not in it");
    if (store_.device()) {
        row.cells[0].value = format_memory(double(store_.device()->resident_bytes));
        row.exact = QString::number(store_.device()->resident_bytes);
    }
    row.exact_unit = QStringLiteral("B");
    row.cells.push_back({});  // it is no part of the sum
    parts_.push_back(std::move(row));
}

uint64_t MemoryPresenter::available_blocks() const {
    return uint64_t{step_.blocks_free} + step_.blocks_cached;
}

void MemoryPresenter::describe_pool() {
    const uint64_t block_tokens = store_.block_tokens(), pool = available_blocks() + step_.blocks_held;
    const double block = store_.bytes_per_block();
    const bool known = !empty() && block > 0 && block_tokens > 0;
    const auto tokens = [&](uint64_t blocks) {
        return known ? counted(blocks * block_tokens, "tok") : Quantity{kNoValue, {}};
    };
    room_.push_back(row_of("Room now", tokens(available_blocks()),
                           "Token slots of free and of cached blocks: what can be had without taking from a "
                           "running request"));
    ValueRow fit = row_of("Tokens that fit", tokens(pool), "Token slots of the whole pool");
    if (known) fit.note = QStringLiteral("in %1 blocks").arg(format_count(int64_t(pool)));
    room_.push_back(std::move(fit));
    ValueRow token = row_of("Bytes a token", {kNoValue, {}},
                            "Bytes of a block, scales included / its token slots: K and V of one token "
                            "over all layers");
    token.note = kv_format(store_);
    if (known) token.cells[0].value = format_bytes(block / double(block_tokens));
    room_.push_back(std::move(token));
    if (known && store_.device()) describe_growth(double(store_.device()->kv_bytes) - double(pool) * block);
}

void MemoryPresenter::describe_growth(double beyond_bytes) {
    const double block = store_.bytes_per_block();
    if (beyond_bytes < block) return;
    ValueRow row =
        row_of("Pool may grow by", counted(uint64_t(std::min(beyond_bytes / block, 1e15)), "blocks"),
               "Blocks that the memory given allows beyond num_kv_blocks: raising it takes "
               "effect at once");
    row.note = format_memory(beyond_bytes).text();
    room_.push_back(std::move(row));
}

uint32_t MemoryPresenter::seats_left() const {
    // A damaged recording may tell any number, and none.
    const double left = knob_value(store_, KnobId::kMaxNumSeqs).value_or(0) - step_.running;
    return left > 0 ? static_cast<uint32_t>(std::min(left, 1e9)) : 0;
}

double MemoryPresenter::more_requests(double blocks) const {
    return std::floor(double(available_blocks()) / std::max(1.0, blocks));
}

void MemoryPresenter::describe_requests(const QString& range_label) {
    const auto two = [&](auto&& text_of, const char* unit) {
        const auto text = [&](double blocks) {
            return blocks_.n == 0 || empty() ? kNoValue : text_of(blocks);
        };
        return std::vector<ValueCell>{{{text(blocks_.p50), {}}, QStringLiteral("p50")},
                                      {{text(blocks_.p95), QLatin1String(unit)}, QStringLiteral("p95")}};
    };
    ValueRow needs = row_of("One request", {}, "");
    needs.note = QStringLiteral("n = %1").arg(format_count(int64_t(blocks_.n)));
    needs.cells = two(
        [](double blocks) { return format_fixed(blocks, blocks == std::floor(blocks) ? 0 : 1); }, "blocks");
    needs.definition = QStringLiteral(
                           "Length of its block table when it finished, %1; blocks that it shared "
                           "with others count in full")
                           .arg(range_label);
    room_.push_back(std::move(needs));
    ValueRow fit =
        row_of("More that fit", {},
               "Requests: free and cached blocks / blocks of one at its end. What running ones will "
               "still take is not taken off; one that shares a prefix takes less");
    fit.cells = two([&](double blocks) { return format_count(int64_t(more_requests(blocks))); }, "req");
    fit.strong = true;
    room_.push_back(std::move(fit));
}

void MemoryPresenter::describe_seats() {
    const auto seats = knob_value(store_, KnobId::kMaxNumSeqs);
    ValueRow left = row_of("Seats left", {kNoValue, {}}, "max_num_seqs less the requests that run");
    if (seats) left.note = QStringLiteral("max_num_seqs %1").arg(format_fixed(*seats, 0));
    if (seats && !empty()) left.cells[0].value = counted(seats_left(), "seqs");
    room_.push_back(std::move(left));
    ValueRow bound =
        row_of("Holds first", {kNoValue, {}}, "Which ends admission first: blocks or max_num_seqs");
    if (seats && !empty() && blocks_.n > 0) {
        const bool at_median = more_requests(blocks_.p50) < seats_left(),
                   at_p95 = more_requests(blocks_.p95) < seats_left();
        bound.cells[0].value.number = at_median ? QStringLiteral("blocks")
                                      : at_p95  ? QStringLiteral("blocks at p95")
                                                : QStringLiteral("max_num_seqs");
    }
    room_.push_back(std::move(bound));
}

QString MemoryPresenter::csv() const {
    return QStringLiteral("memory,value,unit\n") + csv_lines(parts_) + csv_lines(room_);
}

}  // namespace pitwall::panels
