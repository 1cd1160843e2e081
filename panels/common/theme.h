// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>
#include <QFont>
#include <QObject>
#include <QString>
#include <array>

#include "telemetry/event.h"

namespace pitwall::panels {

/// Colours, fonts and sizes, all from resources/themes/tokens.json; light and dark.
class Theme : public QObject {
    Q_OBJECT
  public:
    enum class Mode { kDark, kLight };
    explicit Theme(Mode mode = Mode::kDark, QObject* parent = nullptr);

    Mode mode() const { return mode_; }
    void set_mode(Mode mode);
    double scale() const { return scale_; }
    void set_scale(double scale);

    /// "bg.panel", "work.prefill", "signal.accent". An unknown name is a programmer's error (asserts).
    QColor color(const char* token) const;
    QColor cause(telemetry::Cause cause) const;
    QColor block(telemetry::BlockState state, uint32_t owners) const;
    QColor work(telemetry::WorkKind kind) const;
    /// The same request has the same colour in every panel (look.md, section 1): from its number alone.
    QColor request(RequestId id) const;

    /// size: "small" 11, "body" 12, "title" 12, "stream" 13, "lead" 15, "figure" 20 px at scale 1.
    QFont words(const char* size, int weight = 400) const;    ///< Inter
    QFont numbers(const char* size, int weight = 400) const;  ///< JetBrains Mono
    int px(const char* size) const;                           ///< size_px / space_px, scaled: "row", "gutter", "title_bar"

  signals:
    void changed();

  private:
    void load();

    Mode mode_;
    double scale_ = 1;
    class Tokens;
    Tokens* tokens_;
};

const char* cause_name(telemetry::Cause cause);  ///< "own prefill", "waiting for capacity"

}  // namespace pitwall::panels
