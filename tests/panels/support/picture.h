// SPDX-License-Identifier: GPL-3.0-or-later
//
// Pictures of panels, kept beside the test to be looked at, and what can be checked of one.
#pragma once

#include <QDir>
#include <QImage>
#include <QString>
#include <QWidget>
#include <set>

#include "panels/common/theme.h"

namespace pitwall::testing {

struct Picture {
    QImage image;
    bool holds(QColor colour) const {
        for (int y = 0; y < image.height(); ++y)
            for (int x = 0; x < image.width(); ++x)
                if (image.pixel(x, y) == colour.rgb()) return true;
        return false;
    }
    size_t colours() const {
        std::set<QRgb> seen;
        for (int y = 0; y < image.height(); ++y)
            for (int x = 0; x < image.width(); ++x) seen.insert(image.pixel(x, y));
        return seen.size();
    }
};

inline const char* name_of(panels::Theme::Mode mode) {
    return mode == panels::Theme::Mode::kDark ? "dark" : "light";
}

/// Saved as pictures/NAME.png in the working directory.
inline Picture take_picture(QWidget& widget, const QString& name) {
    const QImage image = widget.grab().toImage().convertToFormat(QImage::Format_RGB32);
    const bool saved =
        QDir().mkpath(QStringLiteral("pictures")) && image.save(QStringLiteral("pictures/%1.png").arg(name));
    return {saved ? image : QImage()};
}

}  // namespace pitwall::testing
