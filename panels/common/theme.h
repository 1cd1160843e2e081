// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>
#include <QFont>
#include <QIcon>
#include <QObject>
#include <QString>
#include <array>
#include <memory>

#include "telemetry/event.h"

namespace pitwall::panels {

/// Colours, fonts and sizes, all from resources/themes/tokens.json; light and dark.
class Theme : public QObject {
    Q_OBJECT
  public:
    enum class Mode { kDark, kLight };
    static constexpr double kMinScale = 0.8, kMaxScale = 2.0;
    explicit Theme(Mode mode = Mode::kDark, QObject* parent = nullptr);
    ~Theme() override;

    Mode mode() const { return mode_; }
    void set_mode(Mode mode);
    double scale() const { return scale_; }
    void set_scale(double scale);  ///< held within kMinScale and kMaxScale

    /// "bg.panel", "work.prefill", "signal.accent". An unknown name is a programmer's error (asserts).
    QColor color(const char* token) const;
    QColor cause(telemetry::Cause cause) const;
    QColor work(telemetry::WorkKind kind) const;
    /// Apart for colour-blind eyes as well: CIEDE2000 of 19 or more between any two, each 3 : 1 on a panel.
    QColor kv_format(telemetry::KvDtype dtype) const;
    /// The same request has the same colour in every panel (look.md, section 1): from its number alone.
    QColor request(RequestId id) const;

    /// size: "small" 11, "body" 12, "title" 12, "stream" 13, "lead" 15, "figure" 20 px at scale 1.
    QFont words(const char* size, int weight = 400) const;    ///< Inter
    QFont numbers(const char* size, int weight = 400) const;  ///< JetBrains Mono
    int px(const char* size) const;  ///< size_px / space_px, scaled: "row", "gutter", "title_bar"
    /// `at_scale_1` pixels at the present scale, for what tokens.json has no name for.
    int scaled(double at_scale_1) const { return qRound(at_scale_1 * scale_); }

    /// One of resources/icons in one colour of the theme, `size_px` wide at scale 1.
    QIcon icon(const char* name, const char* token = "text.primary") const;

  signals:
    void changed();

  private:
    class Tokens;
    Mode mode_;
    double scale_ = 1;
    std::unique_ptr<Tokens> tokens_;
};

const char* kv_format_token(telemetry::KvDtype dtype);  ///< "kv_format.int8"
const char* cause_name(telemetry::Cause cause);         ///< "own prefill", "waiting for capacity"

/// sRGB of an OKLCH colour (hue in degrees); chroma is lowered until it fits (Ottosson's matrices).
QColor oklch(double lightness, double chroma, double hue_degrees);

}  // namespace pitwall::panels
