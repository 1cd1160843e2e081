// SPDX-License-Identifier: GPL-3.0-or-later
#include "panels/requests/token_origins.h"

#include <QStringList>

#include "panels/common/format.h"

namespace pitwall::panels {

using telemetry::TokenOrigin;

namespace {
constexpr size_t kOrigins = static_cast<size_t>(TokenOrigin::kCount);
constexpr std::array<OriginText, kOrigins> kTexts = {
    {{"", "text.primary", "plain: the step that gave it verified no draft of this request"},
     {"accepted", "work.draft_accepted", "accepted: it was drafted, and the sampler picked the same"},
     {"corrected", "signal.warn",
      "corrected: the sampler picked it in place of the first draft that it did not pick"},
     {"bonus", "signal.ok", "bonus: the sampler's own after the last draft of a step, which it all picked"}}};
}  // namespace

const OriginText& origin_text(TokenOrigin origin) { return kTexts.at(static_cast<size_t>(origin)); }

QString origins_phrase(const telemetry::RequestRow& row) {
    std::array<uint64_t, kOrigins> counts{};
    for (const telemetry::RequestRow::Token& token : row.tokens)
        ++counts.at(static_cast<size_t>(token.origin));
    if (counts[0] == row.tokens.size()) return {};
    QStringList parts;
    for (const TokenOrigin origin : {TokenOrigin::kAccepted, TokenOrigin::kCorrected, TokenOrigin::kBonus})
        parts << format_count(int64_t(counts.at(static_cast<size_t>(origin)))) + u' ' +
                     QLatin1String(origin_text(origin).word);
    parts << format_count(int64_t(counts[0])) + QStringLiteral(" plain");
    return parts.join(QStringLiteral(", "));
}

}  // namespace pitwall::panels
