// SPDX-License-Identifier: GPL-3.0-or-later
//
// The words and figures of the KV block map: legend, hover card, scope and CSV.
#include <QStringList>
#include <algorithm>
#include <array>

#include "panels/common/format.h"
#include "panels/knobs/knob_text.h"
#include "panels/kv_block_map/kv_block_map_presenter.h"
#include "telemetry/names.h"

namespace pitwall::panels {
namespace {

using telemetry::BlockRow;
using telemetry::BlockState;

QString state_name(const BlockRow& block) {
    switch (block.state) {
        case BlockState::kFree:
            return QStringLiteral("free");
        case BlockState::kCached:
            return QStringLiteral("cached");
        default:
            return block.owners > 1 ? QStringLiteral("shared") : QStringLiteral("held");
    }
}

QString format_name(telemetry::KvDtype dtype) {
    const QString name = to_qstring(telemetry::name(dtype));
    return name.isEmpty() ? QStringLiteral("unknown format") : name;
}

/// "f16 12, free 4".
QString formats_text(const KvCounts& counts) {
    QStringList parts;
    for (size_t i = 0; i < kKvFormats; ++i)
        if (counts.formats[i] > 0)
            parts << QStringLiteral("%1 %2")
                         .arg(format_name(static_cast<telemetry::KvDtype>(i)))
                         .arg(counts.formats[i]);
    parts << QStringLiteral("free %1").arg(counts.free);
    return parts.join(QStringLiteral(", "));
}

QString states_text(const KvCounts& counts) {
    return QStringLiteral("%1 held, %2 shared, %3 cached, %4 free")
        .arg(counts.held)
        .arg(counts.shared)
        .arg(counts.cached)
        .arg(counts.free);
}

QString ordinal(size_t n) {
    const char* ending = "th";
    if (n % 100 / 10 != 1) ending = n % 10 == 1 ? "st" : n % 10 == 2 ? "nd" : n % 10 == 3 ? "rd" : "th";
    return format_count(static_cast<int64_t>(n)) + QLatin1String(ending);
}

QString plural(uint64_t n, const QString& one, const QString& many) {
    return format_count(static_cast<int64_t>(n)) + u' ' + (n == 1 ? one : many);
}

}  // namespace

KvLegendRow KvBlockMapPresenter::row(uint32_t colour, const QString& name, uint64_t blocks) const {
    const double part = counts_.total ? double(blocks) / double(counts_.total) : 0;
    return {colour, name,      format_count_short(static_cast<int64_t>(blocks)), format_share(part),
            part,   kNoRequest};
}

void KvBlockMapPresenter::owner_rows(std::vector<KvLegendRow>& rows) const {
    for (const auto& [request, blocks] : counts_.owners) {
        rows.push_back(row(request_colour(request), format_request(raw(request)), blocks));
        rows.back().request = request;
    }
    if (counts_.owned_rest) rows.push_back(row(palette_.held, QStringLiteral("others"), counts_.owned_rest));
}

void KvBlockMapPresenter::format_rows(std::vector<KvLegendRow>& rows) const {
    for (size_t i = 0; i < kKvFormats; ++i)
        if (counts_.formats[i] > 0)
            rows.push_back(row(colours_[kKvFormat + i], format_name(static_cast<telemetry::KvDtype>(i)),
                               counts_.formats[i]));
}

std::vector<KvLegendRow> KvBlockMapPresenter::legend() const {
    std::vector<KvLegendRow> rows;
    static constexpr std::array kAges = {"under 1 s", "1 to 10 s", "10 to 60 s", "1 to 10 min",
                                         "over 10 min"};
    static constexpr std::array kFills = {"full", "3/4 filled", "1/2 filled", "1/4 filled", "less"};
    if (mode_ == KvMode::kState || mode_ == KvMode::kOwner)
        rows.push_back(row(palette_.shared, QStringLiteral("shared"), counts_.shared));
    if (mode_ == KvMode::kState) rows.push_back(row(palette_.held, QStringLiteral("held"), counts_.held));
    if (mode_ == KvMode::kOwner) owner_rows(rows);
    if (mode_ == KvMode::kPrecision) format_rows(rows);
    for (int band = 0; band < kKvBands; ++band) {
        const auto i = static_cast<size_t>(band);
        if (mode_ == KvMode::kAge)
            rows.push_back(row(colours_[kKvAge + i], QString::fromLatin1(kAges[i]), counts_.age[i]));
        if (mode_ == KvMode::kFill)
            rows.push_back(row(colours_[kKvFill + i], QString::fromLatin1(kFills[i]), counts_.fill[i]));
    }
    const uint32_t cached = mode_ == KvMode::kFill ? colours_[kKvCached] : palette_.cached;
    if (mode_ != KvMode::kAge && mode_ != KvMode::kPrecision)
        rows.push_back(row(cached, QStringLiteral("cached"), counts_.cached));
    rows.push_back(row(palette_.free, QStringLiteral("free"), counts_.free));
    return rows;
}

QString KvBlockMapPresenter::held_text() const { return format_share(counts_.held_share()); }
QString KvBlockMapPresenter::slots_text() const { return format_share(counts_.slot_share()); }

std::array<std::pair<QString, QString>, 2> KvBlockMapPresenter::shares() const {
    return {{{QStringLiteral("Held now"), held_text()}, {QStringLiteral("Slots filled now"), slots_text()}}};
}

QString KvBlockMapPresenter::request_note() const {
    const telemetry::RequestRow* request = request_ == kNoRequest ? nullptr : store_.find_request(request_);
    if (!request) return {};
    const auto shared = std::count_if(table_.begin(), table_.end(), [this](BlockId id) {
        return raw(id) < store_.blocks().size() && store_.blocks()[raw(id)].owners > 1;
    });
    const uint32_t from_cache = request->cached_tokens / std::max(store_.block_tokens(), 1u);
    return QStringLiteral("%1 from cache, %2 shared now").arg(format_count(from_cache), format_count(shared));
}

QString KvBlockMapPresenter::place_in_table(BlockId block) const {
    const RequestId owner = owner_of(block);
    if (owner == kNoRequest) return {};
    const std::vector<BlockId> table = owner == request_ ? table_ : store_.block_table(owner);
    const auto at = std::find(table.begin(), table.end(), block);
    if (at == table.end()) return {};
    return QStringLiteral(", %1 of %2")
        .arg(ordinal(static_cast<size_t>(at - table.begin()) + 1),
             format_count(static_cast<int64_t>(table.size())));
}

KvCard KvBlockMapPresenter::card_of_many(BlockId first) const {
    std::vector<BlockRow> some;
    const int side = layout_.per_side();
    for (int row = 0; row < side; ++row) {
        for (int column = 0; column < side; ++column) {
            const int64_t index = int64_t{raw(first)} + int64_t{row} * layout_.columns() + column;
            if (index < static_cast<int64_t>(store_.blocks().size()))
                some.push_back(store_.blocks()[static_cast<size_t>(index)]);
        }
    }
    const bool formats = mode_ == KvMode::kPrecision;
    std::vector<uint8_t> classes;
    const KvCounts counts = classify_blocks(formats ? KvMode::kPrecision : KvMode::kState, some,
                                            store_.block_tokens(), store_.now_ns(), 0, classes);
    KvCard card;
    card.title = QStringLiteral("%1 at block %2")
                     .arg(plural(some.size(), QStringLiteral("block"), QStringLiteral("blocks")),
                          format_count(raw(first)));
    card.content = formats ? formats_text(counts) : states_text(counts);
    card.detail = QStringLiteral("one pixel; zoom in to see each block");
    return card;
}

KvCard KvBlockMapPresenter::card(BlockId block) const {
    if (raw(block) >= store_.blocks().size()) return {};
    if (layout_.per_side() > 1) return card_of_many(block);
    const BlockRow& row = store_.blocks()[raw(block)];
    KvCard card;
    card.title = QStringLiteral("Block ") + format_count(raw(block));
    card.state = state_name(row);
    if (row.state == BlockState::kFree) {
        card.detail = QStringLiteral("%1 empty slots").arg(store_.block_tokens());
        return card;
    }
    card.state += QStringLiteral(", ") + format_name(row.dtype);
    if (row.owner != kNoRequest) {
        card.swatch = request_colour(row.owner);
        card.content = format_request(raw(row.owner)) + QStringLiteral(", ");
    }
    card.content += QStringLiteral("%1 of %2 slots filled").arg(row.filled_tokens).arg(store_.block_tokens());
    const QString owners = row.state == BlockState::kCached
                               ? QStringLiteral("no owner, evictable")
                               : plural(row.owners, QStringLiteral("owner"), QStringLiteral("owners"));
    const auto idle = static_cast<double>(std::max<int64_t>(0, store_.now_ns() - row.used_ns));
    card.detail =
        QStringLiteral("age %1, %2%3").arg(format_duration(idle).text(), owners, place_in_table(block));
    return card;
}

QString KvBlockMapPresenter::scope() const {
    const auto n = static_cast<int64_t>(store_.blocks().size());
    if (n == 0) return {};
    QString text =
        QStringLiteral("%1 blocks of %2 tokens").arg(format_count_short(n)).arg(store_.block_tokens());
    if (store_.bytes_per_block())
        text += QStringLiteral(", ") + format_memory(double(n) * store_.bytes_per_block()).text();
    const int many = layout_.per_side() * layout_.per_side();
    if (many > 1) return text + QStringLiteral(", %1 blocks a pixel").arg(many);
    if (place_ == Summary::kNone) return text + QStringLiteral(", %1 held now").arg(held_text());
    return text + QStringLiteral(", physical order");
}

QStringList KvBlockMapPresenter::shorter_scopes() const {
    const auto n = static_cast<int64_t>(store_.blocks().size());
    if (n == 0) return {};
    const QString blocks = QStringLiteral("%1 blocks").arg(format_count_short(n));
    if (place_ == Summary::kNone) return {QStringLiteral("%1, %2 held now").arg(blocks, held_text())};
    return {QStringLiteral("%1 of %2 tokens").arg(blocks).arg(store_.block_tokens()), blocks};
}

QString KvBlockMapPresenter::warning() const {
    if (!store_.incomplete()) return {};
    return QStringLiteral("%1 events missing until the next keyframe")
        .arg(format_count(static_cast<int64_t>(store_.events_dropped())));
}

QString KvBlockMapPresenter::csv() const {
    QString out = QStringLiteral("block,state,owner,owners,filled_tokens,idle_ms,format\n");
    const auto blocks = store_.blocks();
    for (size_t i = 0; i < blocks.size(); ++i) {
        const BlockRow& b = blocks[i];
        const bool free = b.state == BlockState::kFree;
        const QString owner = free || b.owner == kNoRequest ? QString() : format_request(raw(b.owner));
        const QString idle = free ? QString() : QString::number((store_.now_ns() - b.used_ns) / 1'000'000);
        out += QStringLiteral("%1,%2,%3,%4,%5,%6,%7\n")
                   .arg(i)
                   .arg(state_name(b), owner)
                   .arg(b.owners)
                   .arg(b.filled_tokens)
                   .arg(idle, free ? QString() : to_qstring(telemetry::name(b.dtype)));
    }
    return out;
}

}  // namespace pitwall::panels
