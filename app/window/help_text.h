// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

namespace pitwall::app {

QString definitions_html();  ///< TTFT, TPOT, ... under every tool's formula, from telemetry/stats/metrics.h
QString keys_html();
QString about_html(const QString& drawing);  ///< a sentence on what the panels are drawn with; "" for none

}  // namespace pitwall::app
